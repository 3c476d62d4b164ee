/** read, write, pread, pwrite, lseek and fsync down to a file's own methods (fs/read_write.c, fs/sync.c). */
import { errnos } from "@litmap/litmus";
import { rules } from "../rules/rule.js";
import type { File } from "./file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

export const vfsRules = rules({
  "vfs/bad-fd": {
    sentence: "A descriptor without an open file gives EBADF.",
    kernel: [
      ["5.10", "__fdget_pos, fs/file.c"],
      ["6.12", "fdget_pos, fs/file.c"],
    ],
  },
  "vfs/not-open-for": {
    sentence: "read on a file not open for reading, or write on one not open for writing, gives EBADF.",
    kernel: "vfs_read, vfs_write, fs/read_write.c",
  },
  "vfs/cannot-read": {
    sentence: "A file without a read method gives EINVAL.",
    kernel: "vfs_read, fs/read_write.c",
  },
  "vfs/cannot-write": {
    sentence: "A file without a write method gives EINVAL.",
    kernel: "vfs_write, fs/read_write.c",
  },
  "vfs/no-position": {
    sentence: "pread and pwrite on a file without a position, such as a pipe or a dma-buf, give ESPIPE.",
    kernel: "ksys_pread64, ksys_pwrite64, fs/read_write.c",
  },
  "vfs/negative-offset": {
    sentence: "A negative offset gives EINVAL before the descriptor is checked.",
    kernel: "ksys_pread64, ksys_pwrite64, fs/read_write.c",
  },
  "vfs/past-user-space": {
    sentence: "A buffer that ends above TASK_SIZE gives EFAULT before any transfer.",
    kernel: "vfs_read, vfs_write, fs/read_write.c",
  },
  "vfs/offset-overflow": {
    sentence: "A transfer whose end overflows loff_t gives EINVAL.",
    kernel: "rw_verify_area, fs/read_write.c",
  },
  "vfs/cannot-seek": {
    sentence: "lseek on a file without a position gives ESPIPE.",
    kernel: "ksys_lseek, fs/read_write.c",
  },
  "vfs/seek-range": {
    sentence: "lseek to a negative offset or past s_maxbytes gives EINVAL.",
    kernel: "vfs_setpos, fs/read_write.c",
  },
  "vfs/cannot-sync": {
    sentence: "fsync on a file without an fsync method gives EINVAL.",
    kernel: "vfs_fsync_range, fs/sync.c",
  },
});

/** MAX_RW_COUNT, include/linux/fs.h: what one call moves at most. Bytes. */
export const maxRwCount = (k: Kernel): number => 2 ** 31 - k.pageSize;

/** Past what a signed 64-bit offset holds. */
const OFFSET_LIMIT = 2 ** 63;

/** A transfer as a system call asks for it; `offset` only for pread and pwrite. Bytes. */
export interface Transfer {
  readonly fd: number;
  readonly address: number;
  readonly length: number;
  readonly offset: number | undefined;
  readonly write: boolean;
}

/** ksys_read, ksys_write, ksys_pread64, ksys_pwrite64, fs/read_write.c: bytes moved or a negative errno. */
export function* readOrWrite(k: Kernel, task: Task, t: Transfer): Path<number> {
  if (t.offset !== undefined && t.offset >= OFFSET_LIMIT)
    return k.refuse(vfsRules["vfs/negative-offset"], errnos.EINVAL, `${t.offset}`);
  const file = task.files.get(t.fd);
  if (file === undefined) return k.refuse(vfsRules["vfs/bad-fd"], errnos.EBADF, `descriptor ${t.fd}`);
  if (t.offset !== undefined && !hasPositions(file))
    return k.refuse(vfsRules["vfs/no-position"], errnos.ESPIPE, file.inode.kind);
  return yield* transfer(k, task, file, t);
}

/** vfs_read, vfs_write, fs/read_write.c. */
export function* transfer(k: Kernel, task: Task, file: File, t: Omit<Transfer, "fd">): Path<number> {
  const refused = mayTransfer(k, file, t);
  if (refused !== 0) return refused;
  const length = Math.min(t.length, maxRwCount(k));
  const { ops } = file;
  return t.write
    ? yield* ops.write!(task, file, t.address, length, t.offset)
    : yield* ops.read!(task, file, t.address, length, t.offset);
}

function mayTransfer(k: Kernel, file: File, t: Omit<Transfer, "fd">): number {
  if (!(t.write ? file.writable : file.readable))
    return k.refuse(vfsRules["vfs/not-open-for"], errnos.EBADF, file.inode.kind);
  if (t.write && file.ops.write === undefined)
    return k.refuse(vfsRules["vfs/cannot-write"], errnos.EINVAL, file.inode.kind);
  if (!t.write && file.ops.read === undefined)
    return k.refuse(vfsRules["vfs/cannot-read"], errnos.EINVAL, file.inode.kind);
  if (!accessOk(k, t.address, t.length))
    return k.refuse(vfsRules["vfs/past-user-space"], errnos.EFAULT, `0x${t.address.toString(16)}`);
  if ((t.offset ?? file.position) + t.length >= OFFSET_LIMIT)
    return k.refuse(vfsRules["vfs/offset-overflow"], errnos.EINVAL, `${t.offset}`);
  return 0;
}

/** access_ok: the range lies in user space. */
export function accessOk(k: Kernel, address: number, length: number): boolean {
  return address + length <= k.arch.taskSize;
}

/**
 * __import_iovec with one element, lib/iov_iter.c (import_ubuf): as {@link accessOk} of what one call moves, where the
 * design looks no further.
 */
export function iovecOk(k: Kernel, address: number, length: number): boolean {
  return accessOk(k, address, k.design["iovec.single"] === "whole" ? length : Math.min(length, maxRwCount(k)));
}

/** FMODE_PREAD and FMODE_LSEEK of the files here. */
export function hasPositions(file: File): boolean {
  return (
    file.inode.kind === "v4l2" ||
    file.inode.kind === "memfd" ||
    file.inode.kind === "file" ||
    file.inode.kind === "hugetlb" ||
    file.inode.kind === "disk" ||
    file.inode.kind === "sysfs" ||
    file.inode.kind === "drm"
  );
}

/** ksys_lseek, fs/read_write.c: the new position, or a negative errno. Bytes. */
export function* lseek(k: Kernel, task: Task, fd: number, offset: number, whence: "set" | "cur" | "end"): Path<number> {
  const file = task.files.get(fd);
  if (file === undefined) return k.refuse(vfsRules["vfs/bad-fd"], errnos.EBADF, `descriptor ${fd}`);
  if (file.ops.llseek === undefined) return k.refuse(vfsRules["vfs/cannot-seek"], errnos.ESPIPE, file.inode.kind);
  return yield* file.ops.llseek(file, offset, whence);
}

/**
 * generic_file_llseek_size, fs/read_write.c: `limit` is the largest position there may be, `end` where SEEK_END counts
 * from.
 */
export function llseekWithin(
  k: Kernel,
  file: File,
  offset: number,
  whence: "set" | "cur" | "end",
  limit: number,
  end: number,
): number {
  const to = offset + (whence === "cur" ? file.position : whence === "end" ? end : 0);
  if (to < 0 || to > limit) return k.refuse(vfsRules["vfs/seek-range"], errnos.EINVAL, `${to}`);
  file.position = to;
  return to;
}

/** do_fsync, fs/sync.c: 0 or a negative errno. */
export function* fsync(k: Kernel, task: Task, fd: number): Path<number> {
  const file = task.files.get(fd);
  if (file === undefined) return k.refuse(vfsRules["vfs/bad-fd"], errnos.EBADF, `descriptor ${fd}`);
  if (file.ops.fsync === undefined) return k.refuse(vfsRules["vfs/cannot-sync"], errnos.EINVAL, file.inode.kind);
  return yield* file.ops.fsync(file);
}
