/** memfds: their size, their pages, their seals. */
import { rules } from "./rule.js";

export const shmemRules = rules("memfd", {
  "removed-mapped": {
    sentence:
      "A page that leaves the page cache while a mapping of another file still has it is reported as a bad page cache.",
    kernel: "filemap_unaccount_folio, mm/filemap.c",
  },
  "beyond-eof": {
    sentence: "A page past the end of the file does not exist: a fault on it ends in SIGBUS.",
    kernel: "shmem_get_folio_gfp, mm/shmem.c",
  },
  allocated: {
    sentence: "The first access to a page of the file makes it; it belongs to the file, not to who touched it.",
    kernel: "shmem_get_folio_gfp, mm/shmem.c",
  },
  "sealed-size": {
    sentence: "F_SEAL_SHRINK and F_SEAL_GROW refuse a shorter or a longer file with EPERM.",
    kernel: "shmem_setattr, mm/shmem.c",
  },
  "sealed-punch": {
    sentence: "F_SEAL_WRITE and F_SEAL_FUTURE_WRITE refuse to punch a hole: EPERM.",
    kernel: "shmem_fallocate, mm/shmem.c",
  },
  "truncate-unmaps": {
    sentence: "A shorter file takes its pages out of every mapping, private copies included.",
    kernel: "shmem_setattr, mm/shmem.c; unmap_mapping_range, mm/memory.c",
  },
  "hole-unmaps": {
    sentence: "A hole takes whole pages out of every mapping but leaves private copies.",
    kernel: "shmem_fallocate, mm/shmem.c",
  },
  "hole-in-first-page": {
    sentence:
      "A hole that ends within the file's first page unmaps that page if it begins with it, and every page after it, from all mappings; they come back by faults.",
    kernel: "shmem_fallocate, mm/shmem.c",
  },
  "too-big": {
    sentence: "A size past what the file system can hold is refused with EFBIG.",
    kernel: "inode_newsize_ok, fs/attr.c",
  },
  "seal-needs-write": {
    sentence: "Seals are added only through a descriptor open for writing: EPERM.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
  "seal-unknown": {
    sentence: "A seal that the kernel does not know is refused with EINVAL.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
  "seal-sealed": {
    sentence: "F_SEAL_SEAL refuses more seals with EPERM; a memfd without MFD_ALLOW_SEALING has it from the start.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
  "seal-no-memfd": {
    sentence: "Only shmem and hugetlb files have seals: EINVAL.",
    kernel: "memfd_file_seals_ptr, mm/memfd.c",
  },
  "seal-write-mapped": {
    sentence: "F_SEAL_WRITE is refused with EBUSY while a shared mapping can write to the file.",
    kernel: "mapping_deny_writable, include/linux/fs.h",
  },
  "seal-write-pinned": {
    sentence:
      "F_SEAL_WRITE is refused with EBUSY while somebody holds references on its pages beyond the page cache and mappings.",
    kernel: "memfd_wait_for_pins, mm/memfd.c",
  },
  "seal-exec-implies": {
    sentence:
      "F_SEAL_EXEC of an executable memfd brings F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE and F_SEAL_FUTURE_WRITE with it.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
});

export const descriptorRules = rules("descriptor", {
  "bad-descriptor": {
    sentence: "A number that is no open descriptor is refused with EBADF.",
    kernel: "fdget, fs/file.c",
  },
  "truncate-kind": {
    sentence: "ftruncate wants a regular file that is open for writing: EINVAL.",
    kernel: "do_ftruncate, fs/open.c",
  },
  "fallocate-range": {
    sentence: "fallocate of no bytes is refused with EINVAL.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "fallocate-not-writable": {
    sentence: "fallocate wants a descriptor open for writing: EBADF.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "fallocate-kind": {
    sentence: "fallocate wants a regular file or a block device: ENODEV, for a pipe ESPIPE.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "fallocate-too-big": {
    sentence: "fallocate past the largest offset is refused with EFBIG.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "fallocate-none": {
    sentence: "A file without the method cannot be allocated: EOPNOTSUPP.",
    kernel: "vfs_fallocate, fs/open.c",
  },
  "no-reopen": {
    sentence: "A dma-buf's inode has no open method: opening /proc/self/fd/N gives ENXIO.",
    kernel: "no_open, fs/inode.c; do_dentry_open, fs/open.c",
  },
});
