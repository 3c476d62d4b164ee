/** Reading and writing shmem and hugetlb files by descriptor: tmpfs files and memfds (mm/shmem.c, mm/filemap.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { PG } from "./frames.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { readFrame } from "./page-bytes.js";
import { folioPut } from "./rmap.js";
import { shmemGetPage } from "./shmem-pages.js";
import { F_SEAL } from "../vfs/seals.js";
import { copyFromUser, copyToUser } from "./user-access.js";
import { llseekWithin } from "../vfs/vfs.js";
import { offsetInPage } from "../word.js";
import type { File, Inode } from "../vfs/file.js";
import { rules } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

export const shmemIoRules = rules({
  "file/short-copy": {
    sentence: "A transfer that meets inaccessible memory is short: it returns the bytes copied so far.",
    kernel: "generic_perform_write, mm/filemap.c; shmem_file_read_iter, mm/shmem.c",
  },
  "file/nothing-copied": {
    sentence: "A transfer that copied no byte because the memory is inaccessible gives EFAULT.",
    kernel: "generic_perform_write, mm/filemap.c; shmem_file_read_iter, mm/shmem.c",
  },
  "file/sealed-write": {
    sentence: "write to a memfd with F_SEAL_WRITE or F_SEAL_FUTURE_WRITE gives EPERM.",
    kernel: "shmem_write_begin, mm/shmem.c",
  },
  "file/write-too-big": {
    sentence: "write at or past s_maxbytes gives EFBIG.",
    kernel: "generic_write_check_limits, fs/read_write.c",
  },
  "file/sealed-grow": {
    sentence: "write past the end of a memfd with F_SEAL_GROW gives EPERM for the part past the end.",
    kernel: "shmem_write_begin, mm/shmem.c",
  },
});

/** The part of file_operations that moves bytes, for shmem files. */
export function shmemReadWrite(k: Kernel): Pick<FileOps, "read" | "write" | "llseek" | "fsync"> {
  return {
    read: (task, file, address, length, offset) => shmemFileReadIter(k, task, file, address, length, offset),
    write: (task, file, address, length, offset) => shmemFileWriteIter(k, task, file, address, length, offset),
    *llseek(file, offset, whence) {
      return llseekWithin(k, file, offset, whence, file.inode.maxBytes, file.inode.exactSize);
    },
    *fsync() {
      return 0;
    },
  };
}

/** The same for hugetlb files: they can be read and not written (hugetlbfs_file_operations, fs/hugetlbfs/inode.c). */
export function hugetlbfsRead(k: Kernel): Pick<FileOps, "read" | "llseek" | "fsync"> {
  const { read, llseek, fsync } = shmemReadWrite(k);
  return { read, llseek, fsync };
}

/** shmem_file_read_iter, mm/shmem.c: bytes, 0 at or past the end, -EFAULT when not one byte could be stored. */
export function* shmemFileReadIter(
  k: Kernel,
  task: Task,
  file: File,
  address: number,
  length: number,
  offset: bigint | undefined,
): Path<number> {
  const position = offset ?? file.position;
  // A page's index is an unsigned long: on 32-bit machines what is past 16 TiB wraps.
  const read =
    k.arch.wordBits === 32
      ? BigInt.asUintN(32, position / BigInt(k.pageSize)) * BigInt(k.pageSize) + BigInt(offsetInPage(k, position))
      : position;
  const left = file.inode.exactSize - read;
  const wanted = left <= 0n ? 0 : left < length ? Number(left) : length;
  const from = placeOf(k, read);
  let done = 0;
  while (done < wanted) {
    const at = from.inPage + done;
    const part = Math.min(k.pageSize - (at % k.pageSize), wanted - done);
    const page = from.page + Math.floor(at / k.pageSize);
    const copied = yield* copyToUser(k, task, address + done, pageBytes(k, file.inode, page, at % k.pageSize, part));
    done += copied;
    if (copied < part) break;
  }
  return finish(k, file, offset, position, done, wanted, address);
}

/** A position as a page of the file and a byte within it: positions reach past what a double holds. */
function placeOf(k: Kernel, position: bigint): Place {
  return { page: Number(position / BigInt(k.pageSize)), inPage: Number(position % BigInt(k.pageSize)) };
}

/** Bytes of the file as they are now; a hole is zeros and stays one. */
function pageBytes(k: Kernel, inode: Inode, page: number, from: number, length: number): Uint8Array {
  const pfn = frameOf(k, inode, page);
  if (pfn === undefined) return new Uint8Array(length);
  if (from === 0) k.frames.setFlags(k.frames.head(pfn), PG.referenced);
  return readFrame(k, pfn, from, length);
}

function frameOf(k: Kernel, inode: Inode, page: number): number | undefined {
  if (inode.kind !== "hugetlb") return inode.mapping.pages.get(page);
  const pages = HUGE_SIZE / k.pageSize;
  const head = inode.mapping.pages.get(Math.floor(page / pages));
  return head === undefined ? undefined : head + (page % pages);
}

/** mapping_max_folio_size of a shmem file on a kernel with transparent huge pages. Bytes. */
const LARGEST_FOLIO = 2 * 1024 * 1024;

/** shmem_file_write_iter, mm/shmem.c, with generic_perform_write, mm/filemap.c: bytes, or -EFAULT, -EPERM, -ENOMEM. */
export function* shmemFileWriteIter(
  k: Kernel,
  task: Task,
  file: File,
  address: number,
  length: number,
  offset: bigint | undefined,
): Path<number> {
  const position = offset ?? file.position;
  // generic_write_checks
  if (position >= file.inode.maxBytes)
    return k.refuse(shmemIoRules["file/write-too-big"], errnos.EFBIG, `inode ${file.inode.id}`);
  const left = file.inode.maxBytes - position;
  const wanted = left < length ? Number(left) : length;
  const from = placeOf(k, position);
  const chunk = k.design["generic-write.chunk"] === "largest-folio" && k.arch.thp ? LARGEST_FOLIO : k.pageSize;
  yield* acquire(k, file.inode.lock, "write");
  const write: Write = { k, task, inode: file.inode, prefaulted: 0 };
  let done = 0;
  let status = 0;
  while (done < wanted) {
    const at = from.inPage + done;
    const inChunk = ((from.page % (chunk / k.pageSize)) * k.pageSize + at) % chunk;
    const place = { page: from.page + Math.floor(at / k.pageSize), inPage: at % k.pageSize };
    status = yield* writePage(write, place, address + done, Math.min(chunk - inChunk, wanted - done));
    if (status <= 0) break;
    done += status;
  }
  yield* release(k, file.inode.lock);
  if (done === 0 && status < 0) return status;
  return finish(k, file, offset, position, done, wanted, address);
}

interface Place {
  readonly page: number;
  readonly inPage: number;
}

interface Write {
  readonly k: Kernel;
  readonly task: Task;
  readonly inode: Inode;
  /** Address up to which the source was faulted in. */
  prefaulted: number;
}

/**
 * One turn of generic_perform_write: it means to write `length` bytes, and writes at most to
 * the end of a page. Bytes copied (fewer at memory that cannot be read), or a negative errno.
 */
function* writePage(write: Write, place: Place, address: number, length: number): Path<number> {
  const { k, inode } = write;
  if (k.design["generic-write.prefault"] === "before" && !(yield* prefault(write, address, length))) return 0;
  const pfn = writeBegin(k, inode, place, length);
  if (pfn < 0) return pfn;
  const { copied, bytes } = yield* copyFromUser(k, write.task, address, Math.min(length, k.pageSize - place.inPage));
  if (copied > 0) {
    k.frames.writable(pfn).set(bytes.subarray(0, copied), place.inPage);
    k.caches?.stored(pfn, place.inPage, copied, true);
  }
  extend(k, inode, place, copied);
  // shmem_write_end: what was not written of a new page is zero; the page is up to date.
  k.frames.clearFlags(pfn, PG.notUptodate);
  k.frames.setFlags(k.frames.head(pfn), PG.dirty);
  folioPut(k, pfn);
  return copied === 0 ? -errnos.EFAULT : copied;
}

/** i_size_write, where the end of what was written is past the file's. */
function extend(k: Kernel, inode: Inode, { page, inPage }: Place, copied: number): void {
  const end = page * k.pageSize + inPage + copied;
  if (end < inode.size) return;
  if (Number.isSafeInteger(end)) inode.size = end;
  else {
    const exactEnd = BigInt(page) * BigInt(k.pageSize) + BigInt(inPage + copied);
    if (exactEnd > inode.exactSize) inode.exactSize = exactEnd;
  }
}

/**
 * fault_in_iov_iter_readable, lib/iov_iter.c: reads a byte of each page up to the first that cannot be read; whether
 * there was one that can.
 */
function* prefault(write: Write, address: number, length: number): Path<boolean> {
  const { k, task } = write;
  if (address < write.prefaulted) return true;
  for (let at = address; at < address + length; at += k.pageSize - (at % k.pageSize)) {
    const { copied } = yield* copyFromUser(k, task, at, 1);
    if (copied === 0) return at > address;
    write.prefaulted = at + k.pageSize - (at % k.pageSize);
  }
  return true;
}

/** shmem_write_begin, mm/shmem.c: the page with a reference, or a negative errno. */
function writeBegin(k: Kernel, inode: Inode, { page, inPage }: Place, length: number): number {
  if ((inode.seals & (F_SEAL.write | F_SEAL.futureWrite)) !== 0)
    return k.refuse(shmemIoRules["file/sealed-write"], errnos.EPERM, `inode ${inode.id}`);
  if (
    (inode.seals & F_SEAL.grow) !== 0 &&
    BigInt(page) * BigInt(k.pageSize) + BigInt(inPage + length) > inode.exactSize
  )
    return k.refuse(shmemIoRules["file/sealed-grow"], errnos.EPERM, `inode ${inode.id}`);
  return shmemGetPage(k, inode, page, "fallocate");
}

function finish(
  k: Kernel,
  file: File,
  offset: bigint | undefined,
  position: bigint,
  done: number,
  wanted: number,
  address: number,
): number {
  if (done === 0 && wanted > 0)
    return k.refuse(shmemIoRules["file/nothing-copied"], errnos.EFAULT, `0x${address.toString(16)}`);
  if (done < wanted) k.note(shmemIoRules["file/short-copy"], `${done} of ${wanted} bytes`);
  if (offset === undefined) file.position = position + BigInt(done);
  return done;
}
