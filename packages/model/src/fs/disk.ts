/**
 * The block device of a test: 16 MiB with blocks of 512 bytes, the same for all who open it.
 * What goes through the page cache and what goes past it meet in one store of bytes: the
 * kernel writes back before it reads past the cache, and drops the cache after it writes past it.
 */
import { errnos } from "@litmap/litmus";
import { NotModelled } from "../sched/path.js";
import { File, Inode } from "../vfs/file.js";
import { llseekWithin } from "../vfs/vfs.js";
import { blkdevDirectIo } from "./direct-io.js";
import { copyFromUser, copyToUser } from "../mm/user-access.js";
import { shmemIoRules } from "../mm/shmem-io.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import { narrow } from "../word.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const ramdisk = slot((k) => new Disk(new Inode(k.id(), "disk"), "/dev/DISK", new DiskStore()));

const diskRules = rules({
  "disk/past-end-write": {
    sentence: "write at or past the end of a block device gives ENOSPC.",
    kernel: "blkdev_write_iter, block/fops.c",
  },
  "disk/fallocate-range": {
    sentence:
      "fallocate that starts at or reaches past the end of a block device gives EINVAL; a hole punch is cut at the " +
      "end.",
    kernel: "blkdev_fallocate, block/fops.c",
  },
  "disk/fallocate-unaligned": {
    sentence: "fallocate on a block device must cover whole logical blocks, else EINVAL.",
    kernel: "blkdev_fallocate, block/fops.c",
  },
  "disk/fallocate-cannot": {
    sentence: "A block device has no plain fallocate, and no hole punch without hardware write-zeroes: EOPNOTSUPP.",
    kernel: "blkdev_fallocate, block/fops.c; blkdev_issue_zeroout, block/blk-lib.c",
  },
  "disk/past-end-read": {
    sentence: "read at or past the end of a block device returns 0.",
    kernel: "blkdev_read_iter, block/fops.c",
  },
  "disk/cut-at-end": {
    sentence: "A transfer past the end of a block device is cut at the end.",
    kernel: "blkdev_write_iter, blkdev_read_iter, block/fops.c",
  },
  "disk/buffered-rest": {
    sentence: "The rest of a short direct I/O goes through the page cache by an ordinary copy.",
    kernel: "direct_write_fallback, fs/libfs.c; blkdev_read_iter, block/fops.c",
  },
});

export const DISK_BYTES = 16 * 1024 * 1024;

/** bdev_logical_block_size, bytes. */
const BLOCK = 512;

/** Sectors in pieces of 4 KiB; an absent piece is zeros. */
export class DiskStore {
  private readonly pieces = new Map<number, Uint8Array>();

  read(position: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (const [piece, from, at, part] of this.parts(position, length)) {
      const bytes = this.pieces.get(piece);
      if (bytes !== undefined) out.set(bytes.subarray(from, from + part), at);
    }
    return out;
  }

  write(position: number, bytes: Uint8Array): void {
    for (const [piece, from, at, part] of this.parts(position, bytes.length)) {
      let target = this.pieces.get(piece);
      if (target === undefined) this.pieces.set(piece, (target = new Uint8Array(4096)));
      target.set(bytes.subarray(at, at + part), from);
    }
  }

  private *parts(position: number, length: number): Generator<[piece: number, from: number, at: number, part: number]> {
    for (let at = 0; at < length; ) {
      const from = (position + at) % 4096;
      const part = Math.min(4096 - from, length - at);
      yield [Math.floor((position + at) / 4096), from, at, part];
      at += part;
    }
  }
}

/** Where a device keeps bytes. */
interface Store {
  read(position: number, length: number): Uint8Array;
  write(position: number, bytes: Uint8Array): void;
}

/** A block device: its inode and what is on it. */
export class Disk {
  constructor(
    readonly inode: Inode,
    readonly path: string,
    readonly store: Store,
    /** Its transfers reach memory of PCI devices (BLK_FEAT_PCI_P2PDMA). */
    readonly p2pdma = false,
  ) {
    inode.size = DISK_BYTES;
    inode.mode = 0o600;
  }
}

/** Opens a block device: a new open file. */
export function openBlockDevice(k: Kernel, disk: Disk, direct: boolean): File {
  return new File(disk.inode, diskOps(k), true, true, direct, disk);
}

/** The device behind an open file. */
function diskOf(file: File): Disk {
  return file.data as Disk;
}

/** blkdev_open, block/fops.c: a new open file of the machine's disk. */
export function openDisk(k: Kernel, direct: boolean): File {
  return openBlockDevice(k, ramdisk(k), direct);
}

function diskOps(k: Kernel): FileOps {
  return {
    *mmap() {
      throw new NotModelled("mappings of a block device (they show what the page cache read ahead)");
    },
    *fallocate(file, mode, offset, length) {
      return blkdevFallocate(k, file, mode, offset, length);
    },
    read: (task, file, address, length, offset) => blkdevReadIter(k, task, file, { address, length, offset }, true),
    write: (task, file, address, length, offset) => blkdevWriteIter(k, task, file, { address, length, offset }, true),
    *llseek(file, offset, whence) {
      return llseekWithin(k, file, offset, whence, BigInt(file.inode.size), BigInt(file.inode.size));
    },
    *fsync() {
      return 0;
    },
    path: (file) => diskOf(file).path,
  };
}

/** blkdev_fallocate, block/fops.c, of a device that cannot write zeros by itself. Bytes. -EINVAL or -EOPNOTSUPP. */
function blkdevFallocate(
  k: Kernel,
  file: File,
  mode: "allocate" | "keep_size" | "punch_hole",
  from: bigint,
  bytes: bigint,
): number {
  const { size } = file.inode;
  const [offset, length] = [narrow(from), narrow(bytes)];
  const outside = offset >= size || (offset + length > size && mode === "allocate");
  if (outside) return k.refuse(diskRules["disk/fallocate-range"], errnos.EINVAL, `${offset}`);
  if (offset % BLOCK !== 0 || Math.min(length, size - offset) % BLOCK !== 0)
    return k.refuse(diskRules["disk/fallocate-unaligned"], errnos.EINVAL, `${offset}, ${length}`);
  return k.refuse(diskRules["disk/fallocate-cannot"], errnos.EOPNOTSUPP, mode);
}

interface Span {
  readonly address: number;
  readonly length: number;
  /** undefined: at the file's position, which then moves. */
  readonly offset: bigint | undefined;
}

/**
 * blkdev_write_iter, block/fops.c. `sync`: the caller waits; io_uring does not, and then nothing is left to the page
 * cache.
 */
export function* blkdevWriteIter(k: Kernel, task: Task, file: File, span: Span, sync: boolean): Path<number> {
  if (span.length === 0) return 0;
  const position = narrow(span.offset ?? file.position);
  if (position >= file.inode.size) return k.refuse(diskRules["disk/past-end-write"], errnos.ENOSPC, `${position}`);
  const length = cut(k, file, position, span.length);
  let done = 0;
  if (file.direct) {
    done = yield* blkdevDirectIo(k, task, {
      address: span.address,
      length,
      position,
      write: true,
      sync,
      disk: diskOf(file),
    });
    if (done < 0) return done;
  }
  if (done < length && (sync || !file.direct))
    done = yield* bufferedWrite(k, task, { address: span.address, length, position, done, disk: diskOf(file) });
  return advance(file, span, position, done);
}

/** blkdev_read_iter, block/fops.c. */
export function* blkdevReadIter(k: Kernel, task: Task, file: File, span: Span, sync: boolean): Path<number> {
  const position = narrow(span.offset ?? file.position);
  if (position + span.length > file.inode.size && position >= file.inode.size) {
    k.note(diskRules["disk/past-end-read"], `${position}`);
    return 0;
  }
  if (span.length === 0) return 0;
  const length = cut(k, file, position, span.length);
  let done = 0;
  if (file.direct) {
    done = yield* blkdevDirectIo(k, task, {
      address: span.address,
      length,
      position,
      write: false,
      sync,
      disk: diskOf(file),
    });
    if (done < 0) return done;
  }
  if (done < length && (sync || !file.direct))
    done = yield* bufferedRead(k, task, { address: span.address, length, position, done, disk: diskOf(file) });
  return advance(file, span, position, done);
}

function cut(k: Kernel, file: File, position: number, length: number): number {
  const left = file.inode.size - position;
  if (length > left) k.note(diskRules["disk/cut-at-end"], `${left} bytes`);
  return Math.min(length, left);
}

function advance(file: File, span: Span, position: number, done: number): number {
  if (done > 0 && span.offset === undefined) file.position = BigInt(position + done);
  return done;
}

interface Rest {
  readonly address: number;
  readonly length: number;
  readonly position: number;
  readonly disk: Disk;
  /** Bytes that direct I/O moved already. */
  readonly done: number;
}

/** blkdev_buffered_write, block/fops.c, with direct_write_fallback, fs/libfs.c: all bytes moved, or -EFAULT. */
function* bufferedWrite(k: Kernel, task: Task, rest: Rest): Path<number> {
  if (rest.done > 0) k.note(diskRules["disk/buffered-rest"], `after ${rest.done} bytes`);
  const { copied, bytes } = yield* copyFromUser(k, task, rest.address + rest.done, rest.length - rest.done);
  rest.disk.store.write(rest.position + rest.done, bytes.subarray(0, copied));
  return short(k, rest, copied);
}

/** filemap_read, mm/filemap.c: all bytes moved, or -EFAULT. */
function* bufferedRead(k: Kernel, task: Task, rest: Rest): Path<number> {
  if (rest.done > 0) k.note(diskRules["disk/buffered-rest"], `after ${rest.done} bytes`);
  const bytes = rest.disk.store.read(rest.position + rest.done, rest.length - rest.done);
  return short(k, rest, yield* copyToUser(k, task, rest.address + rest.done, bytes));
}

function short(k: Kernel, rest: Rest, copied: number): number {
  const moved = rest.done + copied;
  if (moved === 0)
    return k.refuse(shmemIoRules["file/nothing-copied"], errnos.EFAULT, `0x${rest.address.toString(16)}`);
  if (moved < rest.length) k.note(shmemIoRules["file/short-copy"], `${moved} of ${rest.length} bytes`);
  return moved;
}
