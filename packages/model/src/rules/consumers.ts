/** What callers of the page walks make of their answers. */
import { rules } from "./rule.js";

export const processVmRules = rules("process-vm", {
  "flattened": {
    sentence: "process_vm_readv and process_vm_writev make EFAULT of every failure to pin the first page of a batch.",
    kernel: "process_vm_rw_single_vec, mm/process_vm_access.c",
  },
  "partial": {
    sentence:
      "process_vm_readv and process_vm_writev give the bytes moved before the first page that could not be pinned.",
    kernel: "process_vm_rw_core, mm/process_vm_access.c",
  },
  "no-process": {
    sentence: "A process that has exited gives ESRCH.",
    kernel: "process_vm_rw_core, mm/process_vm_access.c",
  },
  "local-too-long": {
    sentence: "A local range that cannot lie in user space is refused: EFAULT, and EINVAL when its length is negative.",
    kernel: "import_iovec, lib/iov_iter.c",
  },
});

export const procMemRules = rules("proc-mem", {
  "no-process": {
    sentence: "A process that has exited has no /proc/PID/mem any more: ENOENT.",
    kernel: "proc_pid_lookup, fs/proc/base.c",
  },
  "negative-offset": {
    sentence: "An address in the upper half of the address space is a negative offset: EINVAL.",
    kernel: "ksys_pread64, ksys_pwrite64, fs/read_write.c",
  },
  "short": {
    sentence: "/proc/PID/mem gives EIO when not one byte could be moved, and the bytes moved otherwise.",
    kernel: "mem_rw, fs/proc/base.c",
  },
  "access-method": {
    sentence: "Memory without page references is reached through the mapping's access method, where it has one.",
    kernel: "__access_remote_vm, mm/memory.c",
  },
  "no-access-method": {
    sentence: "Memory without page references cannot be reached when the mapping has no access method.",
    kernel: "__access_remote_vm, mm/memory.c",
  },
});

export const ptraceRules = rules("ptrace", {
  "self": {
    sentence: "A process cannot trace itself or its own threads: EPERM.",
    kernel: "ptrace_attach, kernel/ptrace.c",
  },
  "no-process": {
    sentence: "A process that has exited cannot be traced: ESRCH.",
    kernel: "sys_ptrace, kernel/ptrace.c",
  },
  "short": {
    sentence: "PTRACE_PEEKDATA reads a whole machine word and gives EIO when any of its bytes cannot be read.",
    kernel: "generic_ptrace_peekdata, kernel/ptrace.c",
  },
});

export const vmspliceRules = rules("vmsplice", {
  "negative-length": {
    sentence: "vmsplice refuses a length whose sign bit is set with EINVAL.",
    kernel: "copy_iovec_from_user, lib/iov_iter.c",
  },
  "gup-refused": {
    sentence: "vmsplice hands out the errno for which its first page could not be referenced.",
    kernel: "iter_to_pipe, fs/splice.c",
  },
  "holds-pages": {
    sentence: "The pipe holds a reference on each spliced page until it is read or closed.",
    kernel: "add_to_pipe, fs/splice.c",
  },
  "pipe-full": {
    sentence: "vmsplice fills at most the pipe's 16 buffers, one a page, and gives the bytes that they hold.",
    kernel: "add_to_pipe, fs/splice.c",
  },
  "past-user-space": {
    sentence: "A range that ends past user space is refused with EFAULT.",
    kernel: "import_iovec, lib/iov_iter.c",
  },
});

export const ioUringRules = rules("io-uring", {
  "empty-buffer": {
    sentence: "A buffer of no bytes, or at address 0, cannot be registered: EFAULT.",
    kernel: "io_buffer_validate (io_validate_user_buf_range), io_uring/rsrc.c",
  },
  "buffer-too-large": {
    sentence:
      "A buffer past the size limit cannot be registered: EFAULT past 1 GiB in older releases, EINVAL past 1 TiB in newer ones.",
    kernel: "io_buffer_validate (io_validate_user_buf_range), io_uring/rsrc.c",
  },
  "buffer-overflow": {
    sentence: "A buffer whose end does not fit into an address is refused with EOVERFLOW.",
    kernel: "io_buffer_validate (io_validate_user_buf_range), io_uring/rsrc.c",
  },
  "file-backed": {
    sentence: "A ring of 6.1 takes no buffer in a file mapping other than shmem and hugetlb: EOPNOTSUPP.",
    kernel: "io_pin_pages, io_uring/rsrc.c",
  },
  "mixed-files": {
    sentence: "A ring of 6.1 takes no buffer that spans mappings of different files: EINVAL.",
    kernel: "io_pin_pages, io_uring/rsrc.c",
  },
  "gup-refused": {
    sentence:
      "Registering a buffer hands out the errno for which its first page could not be pinned, and EFAULT when a later one could not.",
    kernel: "io_pin_pages, io_uring/memmap.c",
  },
  "waits-for-pipe": {
    sentence: "A request on a pipe that is empty, or full, waits until it is not, whether the pipe may block or not.",
    kernel: "io_read, io_write, io_uring/rw.c; io_arm_poll_handler, io_uring/poll.c",
  },
  "past-user-space": {
    sentence: "A request whose memory ends past user space completes with EFAULT.",
    kernel: "import_ubuf, lib/iov_iter.c",
  },
  "registered": {
    sentence: "A registered buffer is pinned for long and for writing, until the ring is gone.",
    kernel: "io_sqe_buffer_register, io_uring/rsrc.c",
  },
  "bad-file": {
    sentence:
      "A request on a descriptor that stands for no open file, or not for one open in that mode, completes with EBADF.",
    kernel: "io_rw_init_file, io_uring/rw.c",
  },
  "no-method": {
    sentence: "A request on a file without the method completes with EINVAL.",
    kernel: "io_iter_do_read, io_uring/rw.c",
  },
});

export const futexRules = rules("futex", {
  "unaligned": {
    sentence: "A futex word must be naturally aligned: else EINVAL.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "private-key": {
    sentence: "A private futex is known by address space and address: no page is looked at.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "gup-refused": {
    sentence:
      "A shared futex needs a reference on its page for writing, or for reading where that gave EFAULT, and hands out the errno.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "no-mapping": {
    sentence:
      "A shared futex in a page that belongs to no file and is not anonymous, as a driver's or the zero page, gives EFAULT.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "anon-read-only": {
    sentence: "A shared futex in anonymous memory that cannot be written gives EFAULT.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "timed-out": {
    sentence: "A futex that can be keyed and whose value is as expected waits until the time is out: ETIMEDOUT.",
    kernel: "futex_wait, kernel/futex/waitwake.c",
  },
});

export const uffdRules = rules("userfaultfd", {
  "mode": {
    sentence: "Registering without a mode, or with one that the kernel or architecture does not have, gives EINVAL.",
    kernel: "userfaultfd_register, fs/userfaultfd.c",
  },
  "range": {
    sentence: "The range must be whole pages, not empty, and in user space: else EINVAL.",
    kernel: "validate_range, fs/userfaultfd.c",
  },
  "no-vma": {
    sentence: "A range that no mapping touches gives EINVAL.",
    kernel: "userfaultfd_register, fs/userfaultfd.c",
  },
  "vma-kind": {
    sentence: "Only anonymous, shmem and hugetlb mappings without driver flags can be registered: else EINVAL.",
    kernel: "vma_can_userfault, include/linux/userfaultfd_k.h (mm/userfaultfd.c)",
  },
  "not-writable": {
    sentence: "A shared mapping that can never be written cannot be registered: EPERM.",
    kernel: "userfaultfd_register, fs/userfaultfd.c",
  },
  "entries-reset": {
    sentence:
      "Closing a userfaultfd that could write-protect a mapping gives its entries the protection again that they had under it: those of shared memory fault once more before a write.",
    kernel: "userfaultfd_clear_vma, uffd_wp_range, mm/userfaultfd.c",
  },
  "huge-unaligned": {
    sentence: "In hugetlb mappings the range must be whole huge pages: else EINVAL.",
    kernel: "userfaultfd_register, fs/userfaultfd.c",
  },
});

export const mempolicyRules = rules("mempolicy", {
  "unaligned": {
    sentence: "mbind wants a page-aligned address: else EINVAL.",
    kernel: "do_mbind, mm/mempolicy.c",
  },
  "wraps": {
    sentence: "A range that wraps around the address space is refused with EINVAL.",
    kernel: "do_mbind, mm/mempolicy.c",
  },
  "hole": {
    sentence:
      "A range with an unmapped part gives EFAULT, except for the default policy unless nothing at all is mapped there.",
    kernel: "queue_pages_test_walk, mm/mempolicy.c",
  },
  "set": {
    sentence:
      "The policy is set on every mapping of the range, which are split where it begins and ends; pages on the only node are where they should be.",
    kernel: "mbind_range, mm/mempolicy.c",
  },
  "no-vma": {
    sentence: "Asking for the node of an address that no mapping holds gives EFAULT.",
    kernel: "do_get_mempolicy, mm/mempolicy.c",
  },
  "gup-refused": {
    sentence:
      "Asking for the node of an address takes a reference on its page and hands out the errno for which that failed.",
    kernel: "lookup_node, mm/mempolicy.c",
  },
});

export const followPfnRules = rules("follow-pfn", {
  "not-raw": {
    sentence: "A frame number may be read only from a VM_IO or VM_PFNMAP mapping: else EINVAL.",
    kernel: "follow_pfn (follow_pfnmap_start), mm/memory.c",
  },
  "no-vma": {
    sentence: "There is no frame number at an address that no mapping holds: EINVAL.",
    kernel: "follow_pfnmap_start, mm/memory.c",
  },
  "not-present": {
    sentence: "An entry that is not present has no frame number: EINVAL; the caller has to fault it in.",
    kernel: "follow_pte (follow_pfnmap_start), mm/memory.c",
  },
  "no-reference": {
    sentence:
      "follow_pfn gives a frame number without a reference and without a lock: nothing but a notifier keeps it true.",
    kernel: "follow_pfn, mm/memory.c",
  },
  "under-lock": {
    sentence:
      "follow_pfnmap_start gives a frame number without a reference; it is true until follow_pfnmap_end drops the page-table lock.",
    kernel: "follow_pfnmap_start, mm/memory.c",
  },
});
