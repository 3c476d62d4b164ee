/** read, write, pread, pwrite, lseek and fsync down to a file's own methods (fs/read_write.c, fs/sync.c). */
import { errnos } from "@litmap/litmus";
import { hex, LLONG_MAX, loff, long, narrow } from "../word.js";
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

/** A transfer as a system call asks for it; `offset` only for pread and pwrite. Bytes. */
export interface Transfer {
  readonly fd: number;
  readonly address: bigint;
  readonly length: bigint;
  readonly offset: bigint | undefined;
  readonly write: boolean;
}

/** ksys_read, ksys_write, ksys_pread64, ksys_pwrite64, fs/read_write.c: bytes moved or a negative errno. */
export function* readOrWrite(k: Kernel, task: Task, t: Transfer): Path<number> {
  if (t.offset !== undefined && loff(t.offset) < 0)
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
  const address = narrow(t.address);
  const length = Math.min(narrow(t.length), maxRwCount(k));
  const { ops } = file;
  return t.write
    ? yield* ops.write!(task, file, address, length, t.offset)
    : yield* ops.read!(task, file, address, length, t.offset);
}

function mayTransfer(k: Kernel, file: File, t: Omit<Transfer, "fd">): number {
  if (!(t.write ? file.writable : file.readable))
    return k.refuse(vfsRules["vfs/not-open-for"], errnos.EBADF, file.inode.kind);
  if (t.write && file.ops.write === undefined)
    return k.refuse(vfsRules["vfs/cannot-write"], errnos.EINVAL, file.inode.kind);
  if (!t.write && file.ops.read === undefined)
    return k.refuse(vfsRules["vfs/cannot-read"], errnos.EINVAL, file.inode.kind);
  if (!accessOk(k, t.address, t.length))
    return k.refuse(vfsRules["vfs/past-user-space"], errnos.EFAULT, hex(t.address));
  if (long(k, t.length) < 0 || (t.offset ?? file.position) + t.length > LLONG_MAX)
    return k.refuse(vfsRules["vfs/offset-overflow"], errnos.EINVAL, `${t.offset}`);
  return 0;
}

/** access_ok: the range lies in user space. */
export function accessOk(k: Kernel, address: bigint, length: bigint): boolean {
  return address + length <= BigInt(k.arch.taskSize);
}

/**
 * __import_iovec with one element, lib/iov_iter.c (import_ubuf): as {@link accessOk} of what one call moves, where the
 * design looks no further.
 */
export function iovecOk(k: Kernel, address: bigint, length: bigint): boolean {
  const most = BigInt(maxRwCount(k));
  return accessOk(k, address, k.design["iovec.single"] === "whole" || length < most ? length : most);
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
export function* lseek(
  k: Kernel,
  task: Task,
  fd: number,
  offset: bigint,
  whence: "set" | "cur" | "end",
): Path<number | bigint> {
  const file = task.files.get(fd);
  if (file === undefined) return k.refuse(vfsRules["vfs/bad-fd"], errnos.EBADF, `descriptor ${fd}`);
  if (file.ops.llseek === undefined) return k.refuse(vfsRules["vfs/cannot-seek"], errnos.ESPIPE, file.inode.kind);
  return yield* file.ops.llseek(file, loff(offset), whence);
}

/**
 * generic_file_llseek_size, fs/read_write.c: `limit` is the largest position there may be, `end` where SEEK_END counts
 * from.
 */
export function llseekWithin(
  k: Kernel,
  file: File,
  offset: bigint,
  whence: "set" | "cur" | "end",
  limit: bigint,
  end: bigint,
): number | bigint {
  if (whence === "cur" && offset === 0n) return file.position;
  const to = loff(offset + (whence === "cur" ? file.position : whence === "end" ? end : 0n));
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
