/**
 * System call numbers by instruction set. On arm the 64-bit variants stand under the plain
 * name: `mmap` is mmap2 (offset in 4 KiB units), `ftruncate` ftruncate64, `fcntl` fcntl64,
 * `lseek` _llseek.
 */
import type { Isa } from "@litmap/litmus";

const x86_64 = {
    mmap: 9, munmap: 11, mprotect: 10, mremap: 25, remap_file_pages: 216, madvise: 28, mlock: 149, mlock2: 325,
    munlock: 150, mlockall: 151, munlockall: 152, msync: 26, mseal: 462, mincore: 27, memfd_create: 319,
    ftruncate: 77, openat: 257, close: 3, dup: 32, pipe2: 293, read: 0, write: 1, pread64: 17, pwrite64: 18, lseek: 8,
    fallocate: 285, fcntl: 72, fsync: 74, statx: 332, readlinkat: 267, unlinkat: 263, ioctl: 16, ppoll: 271, kill: 62,
    process_vm_readv: 310, process_vm_writev: 311, ptrace: 101, wait4: 61, vmsplice: 278, io_uring_setup: 425,
    io_uring_enter: 426, io_uring_register: 427, futex: 202, userfaultfd: 323, move_pages: 279, mbind: 237,
    get_mempolicy: 239, pidfd_open: 434, pidfd_getfd: 438, getpid: 39, gettid: 186, sched_yield: 24, nanosleep: 35,
    socket: 41, setsockopt: 54, bind: 49, listen: 50, getsockname: 51, connect: 42, sendto: 44, process_madvise: 440, prlimit64: 302,
    io_setup: 206, io_destroy: 207, io_getevents: 208, io_submit: 209,
} as const;

export type SyscallName = keyof typeof x86_64;

export const syscallNumbers: Readonly<Record<Isa, Readonly<Record<SyscallName, number>>>> = {
  x86_64,
  arm64: {
    mmap: 222, munmap: 215, mprotect: 226, mremap: 216, remap_file_pages: 234, madvise: 233, mlock: 228, mlock2: 284,
    munlock: 229, mlockall: 230, munlockall: 231, msync: 227, mseal: 462, mincore: 232, memfd_create: 279,
    ftruncate: 46, openat: 56, close: 57, dup: 23, pipe2: 59, read: 63, write: 64, pread64: 67, pwrite64: 68,
    lseek: 62, fallocate: 47, fcntl: 25, fsync: 82, statx: 291, readlinkat: 78, unlinkat: 35, ioctl: 29, ppoll: 73,
    kill: 129, process_vm_readv: 270, process_vm_writev: 271, ptrace: 117, wait4: 260, vmsplice: 75,
    io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427, futex: 98, userfaultfd: 282, move_pages: 239,
    mbind: 235, get_mempolicy: 236, pidfd_open: 434, pidfd_getfd: 438, getpid: 172, gettid: 178, sched_yield: 124,
    nanosleep: 101, socket: 198, setsockopt: 208, bind: 200, listen: 201, getsockname: 204, connect: 203, sendto: 206,
    process_madvise: 440, prlimit64: 261, io_setup: 0, io_destroy: 1,
    io_getevents: 4, io_submit: 2,
  },
  arm: {
    mmap: 192, munmap: 91, mprotect: 125, mremap: 163, remap_file_pages: 253, madvise: 220, mlock: 150, mlock2: 390,
    munlock: 151, mlockall: 152, munlockall: 153, msync: 144, mseal: 462, mincore: 219, memfd_create: 385,
    ftruncate: 194, openat: 322, close: 6, dup: 41, pipe2: 359, read: 3, write: 4, pread64: 180, pwrite64: 181,
    lseek: 140, fallocate: 352, fcntl: 221, fsync: 118, statx: 397, readlinkat: 332, unlinkat: 328, ioctl: 54,
    ppoll: 336, kill: 37, process_vm_readv: 376, process_vm_writev: 377, ptrace: 26, wait4: 114, vmsplice: 343,
    io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427, futex: 240, userfaultfd: 388, move_pages: 344,
    mbind: 319, get_mempolicy: 320, pidfd_open: 434, pidfd_getfd: 438, getpid: 20, gettid: 224, sched_yield: 158,
    nanosleep: 162, socket: 281, setsockopt: 294, bind: 282, listen: 284, getsockname: 286, connect: 283, sendto: 290,
    process_madvise: 440, prlimit64: 369, io_setup: 243, io_destroy: 244,
    io_getevents: 245, io_submit: 246,
  },
};
