/** Processes and their descriptors. */
import { rules } from "./rule.js";

export const processRules = rules("process", {
  "receive-bad-descriptor": {
    sentence: "A descriptor that the other process does not have open gives EBADF.",
    kernel: "pidfd_getfd, kernel/pid.c",
  },
});

export const fdRules = rules("fd", {
  "not-open": {
    sentence: "A number that no open file stands behind gives EBADF.",
    kernel: "fdget, fs/file.c",
  },
  "reopen": {
    sentence: "An anonymous inode cannot be opened again through /proc/self/fd: ENXIO.",
    kernel: "no_open, fs/inode.c",
  },
  "unknown-ioctl": {
    sentence: "A request that neither the VFS nor the file knows gives ENOTTY.",
    kernel: "vfs_ioctl, fs/ioctl.c",
  },
  "null-argument": {
    sentence: "A request that reads or writes its argument at address 0 gives EFAULT.",
    kernel: "do_vfs_ioctl, fs/ioctl.c",
  },
  "no-freeze": {
    sentence: "A file system that cannot be frozen, mapped by extents or cloned says EOPNOTSUPP.",
    kernel: "ioctl_fsfreeze, fs/ioctl.c",
  },
  "poll-negative": {
    sentence: "A negative descriptor is passed over by poll: nothing is ready, and nothing is wrong.",
    kernel: "do_pollfd, fs/select.c",
  },
  "poll-default": {
    sentence: "A file without a poll method is always ready to be read and written.",
    kernel: "vfs_poll, include/linux/poll.h",
  },
  "not-listed": {
    sentence: "A file of another kind shows none of a dma-buf's lines: there is nothing to read.",
    kernel: "dma_buf_show_fdinfo, drivers/dma-buf/dma-buf.c",
  },
});
