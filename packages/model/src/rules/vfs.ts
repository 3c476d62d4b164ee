/** What read, write and seek check before a file's own code runs, and files that are not dma-bufs. */
import { rules } from "./rule.js";

export const vfsRules = rules("vfs", {
  "bad-fd": {
    sentence: "A descriptor that stands for no open file gives EBADF.",
    kernel: "fdget_pos, fs/file.c",
  },
  "not-open-for": {
    sentence: "Reading a file that is not open for reading, or writing one that is not open for writing, gives EBADF.",
    kernel: "vfs_read, vfs_write, fs/read_write.c",
  },
  "cannot-read": {
    sentence: "A file without a read method gives EINVAL.",
    kernel: "vfs_read, fs/read_write.c",
  },
  "cannot-write": {
    sentence: "A file without a write method gives EINVAL.",
    kernel: "vfs_write, fs/read_write.c",
  },
  "no-position": {
    sentence: "pread and pwrite on a file without positions, as a pipe or a dma-buf, give ESPIPE.",
    kernel: "ksys_pread64, ksys_pwrite64, fs/read_write.c",
  },
  "negative-offset": {
    sentence: "A negative offset is refused with EINVAL, before the descriptor is looked at.",
    kernel: "ksys_pread64, ksys_pwrite64, fs/read_write.c",
  },
  "past-user-space": {
    sentence: "A buffer that ends past user space gives EFAULT before anything is read or written.",
    kernel: "vfs_read, vfs_write, fs/read_write.c",
  },
  "offset-overflow": {
    sentence: "A transfer whose end does not fit into a file offset is refused with EINVAL.",
    kernel: "rw_verify_area, fs/read_write.c",
  },
  "cannot-seek": {
    sentence: "Seeking in a file without positions gives ESPIPE.",
    kernel: "ksys_lseek, fs/read_write.c",
  },
  "seek-range": {
    sentence: "Seeking before the beginning, or past what the file can hold, gives EINVAL.",
    kernel: "vfs_setpos, fs/read_write.c",
  },
  "cannot-sync": {
    sentence: "fsync on a file without an fsync method gives EINVAL.",
    kernel: "vfs_fsync_range, fs/sync.c",
  },
});

export const fileRules = rules("file", {
  "short-copy": {
    sentence: "A transfer that meets memory that cannot be reached ends there: it gives the bytes moved so far.",
    kernel: "generic_perform_write, mm/filemap.c; shmem_file_read_iter, mm/shmem.c",
  },
  "nothing-copied": {
    sentence: "A transfer that moved no byte because the memory cannot be reached gives EFAULT.",
    kernel: "generic_perform_write, mm/filemap.c; shmem_file_read_iter, mm/shmem.c",
  },
  "sealed-write": {
    sentence: "Writing to a memfd with F_SEAL_WRITE or F_SEAL_FUTURE_WRITE gives EPERM.",
    kernel: "shmem_write_begin, mm/shmem.c",
  },
  "sealed-grow": {
    sentence: "Writing past the end of a memfd with F_SEAL_GROW gives EPERM for the part past it.",
    kernel: "shmem_write_begin, mm/shmem.c",
  },
});

export const diskRules = rules("disk", {
  "past-end-write": {
    sentence: "Writing at or past the end of a block device gives ENOSPC.",
    kernel: "blkdev_write_iter, block/fops.c",
  },
  "fallocate-range": {
    sentence: "A block device has no room to allocate past its end: EINVAL; a hole is cut there.",
    kernel: "blkdev_fallocate, block/fops.c",
  },
  "fallocate-unaligned": {
    sentence: "A range of a block device is a range of whole logical blocks: else EINVAL.",
    kernel: "blkdev_fallocate, block/fops.c",
  },
  "fallocate-cannot": {
    sentence: "A block device allocates nothing, and one that cannot write zeros by itself has no holes: EOPNOTSUPP.",
    kernel: "blkdev_fallocate, block/fops.c; blkdev_issue_zeroout, block/blk-lib.c",
  },
  "past-end-read": {
    sentence: "Reading at or past the end of a block device gives 0 bytes.",
    kernel: "blkdev_read_iter, block/fops.c",
  },
  "cut-at-end": {
    sentence: "A transfer that reaches past the end of a block device is cut there.",
    kernel: "blkdev_write_iter, blkdev_read_iter, block/fops.c",
  },
  "unaligned": {
    sentence:
      "Direct I/O wants offset and length in whole blocks and memory aligned as the device wants it, 512 bytes each: else EINVAL; 6.18 does not look at the memory.",
    kernel:
      "blkdev_dio_invalid (blkdev_dio_unaligned), block/fops.c; iov_iter_is_aligned, iov_iter_extract_bvecs, lib/iov_iter.c",
  },
  "gup-refused": {
    sentence: "Direct I/O hands out the errno for which its memory could not be referenced, when not one page could.",
    kernel: "bio_iov_iter_get_pages, block/bio.c",
  },
  "no-whole-block": {
    sentence: "Direct I/O that could reference memory for less than one block gives EFAULT.",
    kernel: "__bio_iov_iter_get_pages (bio_iov_iter_align_down), block/bio.c",
  },
  "direct": {
    sentence: "Direct I/O moves bytes between the device and the pages themselves, under a reference or pin on each.",
    kernel: "__blkdev_direct_IO_simple, block/fops.c",
  },
  "buffered-rest": {
    sentence: "What direct I/O could not reach is moved through the page cache by an ordinary copy.",
    kernel: "direct_write_fallback, fs/libfs.c; blkdev_read_iter, block/fops.c",
  },
  "later-bio-failed": {
    sentence:
      "Direct I/O of more than 256 pages gives the errno when any later part cannot be referenced, though earlier parts were moved.",
    kernel: "__blkdev_direct_IO, block/fops.c",
  },
});

export const pipeRules = rules("pipe", {
  "full": {
    sentence: "A pipe that does not block gives EAGAIN when all its 16 buffers are taken.",
    kernel: "pipe_write (anon_pipe_write), fs/pipe.c; add_to_pipe, fs/splice.c",
  },
  "empty": {
    sentence: "A pipe that does not block gives EAGAIN when there is nothing in it.",
    kernel: "pipe_read (anon_pipe_read), fs/pipe.c",
  },
  "no-writers": {
    sentence: "An empty pipe that nobody can write to any more is at its end: reading gives 0 bytes.",
    kernel: "pipe_read (anon_pipe_read), fs/pipe.c",
  },
  "fault": {
    sentence: "A write to a pipe drops the buffer in which the copy faulted, and gives EFAULT when it was the first.",
    kernel: "pipe_write (anon_pipe_write), fs/pipe.c",
  },
});
