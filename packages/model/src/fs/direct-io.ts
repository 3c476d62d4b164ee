/** O_DIRECT on the block device: the device reads and writes the pages themselves. */
import { errnos } from "@litmap/litmus";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { getUserPagesFast, pinUserPagesFast } from "../mm/gup-fast.js";
import { gather, scatter, spannedPages } from "../mm/page-bytes.js";
import { gupPutFolio } from "../mm/pin.js";
import { rules } from "../rules/rule.js";
import type { Disk } from "./disk.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "disk/unaligned": {
    sentence:
      "Direct I/O needs offset and length in logical blocks and memory aligned to dma_alignment (512), else " +
      "EINVAL; 6.18 does not check the memory.",
    kernel: [
      ["5.10", "blkdev_dio_unaligned, block/fops.c; iov_iter_is_aligned, lib/iov_iter.c"],
      ["6.11", "blkdev_dio_invalid, block/fops.c; iov_iter_is_aligned, lib/iov_iter.c"],
      ["6.18", "blkdev_dio_invalid, block/fops.c"],
      ["7.0", "blkdev_dio_invalid, block/fops.c; iov_iter_extract_bvecs, lib/iov_iter.c"],
    ],
  },
  "disk/gup-refused": {
    sentence: "Direct I/O returns the errno of GUP if not one page could be pinned.",
    kernel: "bio_iov_iter_get_pages, block/bio.c",
  },
  "disk/no-whole-block": {
    sentence: "Direct I/O that could pin less than one block of memory gives EFAULT.",
    kernel: [
      ["5.10", "__bio_iov_iter_get_pages, block/bio.c"],
      ["6.18", "bio_iov_iter_align_down, block/bio.c"],
    ],
  },
  "disk/direct": {
    sentence: "Direct I/O transfers between the device and the user's pages, with a reference or pin on each.",
    kernel: "__blkdev_direct_IO_simple, block/fops.c",
  },
  "disk/later-bio-failed": {
    sentence:
      "Direct I/O of more than 256 pages returns the errno if a later bio cannot pin its pages, though earlier " +
      "bios were done.",
    kernel: "__blkdev_direct_IO, block/fops.c",
  },
});

/** Logical blocks of the device, and how it wants memory aligned (dma_alignment + 1). Bytes. */
const BLOCK = 512;

/** BIO_MAX_VECS: pages of one bio. */
const BIO_MAX_VECS = 256;

/** `write`: from memory to the device. `sync`: the caller waits for the end. Bytes. */
export interface DirectIo {
  readonly address: number;
  readonly length: number;
  readonly position: number;
  readonly write: boolean;
  readonly sync: boolean;
  readonly disk: Disk;
}

/**
 * blkdev_direct_IO, block/fops.c: bytes moved, which is less than asked when not all of the
 * memory could be referenced, or a negative errno.
 */
export function* blkdevDirectIo(k: Kernel, task: Task, io: DirectIo): Path<number> {
  const anyMemory = k.design["direct-io.memory-alignment"] === "never";
  if (io.position % BLOCK !== 0 || io.length % BLOCK !== 0 || (!anyMemory && io.address % BLOCK !== 0)) {
    return k.refuse(
      rule["disk/unaligned"],
      errnos.EINVAL,
      `offset ${io.position}, length ${io.length}, memory 0x${io.address.toString(16)}`,
    );
  }
  if (spannedPages(k, io.address, io.length) <= BIO_MAX_VECS) return yield* oneBio(k, task, io, 0, io.length);
  return yield* manyBios(k, task, io);
}

/**
 * __blkdev_direct_IO: once more than one bio is needed, a part that fails makes the whole fail (EIO for who does not
 * wait).
 */
function* manyBios(k: Kernel, task: Task, io: DirectIo): Path<number> {
  for (let done = 0; done < io.length; ) {
    const room = BIO_MAX_VECS * k.pageSize - ((io.address + done) % k.pageSize);
    const part = Math.min(room, io.length - done);
    const moved = yield* oneBio(k, task, io, done, part);
    if (moved < 0) {
      k.note(rule["disk/later-bio-failed"], `after ${done} bytes`);
      return io.sync ? moved : -errnos.EIO;
    }
    done += moved;
  }
  return io.length;
}

/**
 * One bio: bio_iov_iter_get_pages, block/bio.c, then the transfer. Bytes moved (whole
 * blocks, which memory that is not aligned need not end with) or a negative errno.
 */
function* oneBio(k: Kernel, task: Task, io: DirectIo, from: number, length: number): Path<number> {
  const offset = (io.address + from) % k.pageSize;
  const take = (io.write ? 0 : FOLL.write) | (io.disk.p2pdma ? FOLL.p2pdma : 0);
  const pinned = k.design["direct-io.references"] === "pin";
  const get = pinned ? pinUserPagesFast : getUserPagesFast;
  const pages: number[] = [];
  const wanted = spannedPages(k, offset, length);
  let got = 0;
  while (pages.length < wanted) {
    got = yield* get(k, task, io.address + from + pages.length * k.pageSize, wanted - pages.length, take, pages);
    if (got <= 0) break;
  }
  if (pages.length === 0) return k.refuse(rule["disk/gup-refused"], -got, `0x${(io.address + from).toString(16)}`);
  const reached = Math.min(length, pages.length * k.pageSize - offset);
  const bytes = reached - (reached % BLOCK);
  if (bytes > 0) move(k, io, pages, offset, io.position + from, bytes);
  for (const pfn of pages) gupPutFolio(k, pfn, 1, pinned ? FOLL.pin : FOLL.get);
  if (bytes === 0) return k.refuse(rule["disk/no-whole-block"], errnos.EFAULT, `${reached} bytes`);
  k.note(rule["disk/direct"], `${bytes} bytes, ${pages.length} pages`);
  return bytes;
}

function move(
  k: Kernel,
  io: DirectIo,
  pages: readonly number[],
  offset: number,
  position: number,
  bytes: number,
): void {
  const disk = io.disk.store;
  if (io.write) return disk.write(position, gather(k, pages, offset, bytes));
  scatter(k, pages, offset, disk.read(position, bytes));
  for (const pfn of pages) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
}
