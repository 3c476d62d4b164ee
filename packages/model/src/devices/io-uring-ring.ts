/** The rings and submission entries of an io_uring in user space (io_uring/memmap.c; io_uring/io_uring.c). */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { remapPfnRange, vmInsertPages } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { VM } from "../mm/vma.js";
import { rules } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "io-uring-ring/address": {
    sentence: "The kernel chooses the address of a ring mapping: a hint or MAP_FIXED gives EINVAL.",
    kernel: [
      ["5.10", "io_uring_mmu_get_unmapped_area, io_uring/io_uring.c"],
      ["6.10", "io_uring_get_unmapped_area, io_uring/memmap.c"],
    ],
  },
  "io-uring-ring/no-such-offset": {
    sentence:
      "Only the offsets of the rings and of the SQEs can be mapped; the errno of others depends on the call that " +
      "rejects them.",
    kernel: [
      ["5.10", "io_uring_validate_mmap_request, io_uring/io_uring.c"],
      ["6.10", "io_uring_validate_mmap_request, io_uring/memmap.c"],
    ],
  },
  "io-uring-ring/too-long": {
    sentence: "A mapping longer than the allocation behind it gives EINVAL.",
    kernel: "io_uring_validate_mmap_request, io_uring/io_uring.c (up to 6.9)",
  },
  "io-uring-ring/pages": {
    sentence:
      "mmap inserts the existing pages (VM_MIXEDMAP, VM_DONTEXPAND); a fault in the rest of a longer mapping gives " +
      "SIGBUS.",
    kernel: [
      ["5.10", "io_uring_mmap, io_uring/io_uring.c"],
      ["6.10", "io_uring_mmap, io_uring/memmap.c"],
    ],
  },
  "io-uring-ring/pfns": {
    sentence: "mmap maps the ring by remap_pfn_range, as memory without struct pages.",
    kernel: "io_uring_mmap, io_uring/io_uring.c (up to 6.9)",
  },
});

/** IORING_OFF_*: where an mmap finds the two rings, which share their memory, and the entries. Bytes. */
const OFFSET = { sqRing: 0, cqRing: 0x8000000, sqes: 0x10000000 } as const;

/** What IORING_OFF_MMAP_MASK leaves of an offset: its bits 27 to 31. */
const UNIT = 2 ** 27;

/** struct io_ring_ctx with 64 submission and 128 completion entries: either part fits in a page. */
interface RingContext {
  readonly rings: number;
  readonly sqes: number;
}

/** Entries of the submission ring; the completion ring has twice as many. */
const ENTRIES = 64;

/** io_uring_setup with 64 entries, io_uring/io_uring.c. */
export function newIoUring(k: Kernel): File {
  const context: RingContext = { rings: k.frames.alloc(0), sqes: k.frames.alloc(0) };
  writeHeader(k, context.rings);
  const inode = new Inode(k.id(), "io-uring");
  inode.mode = 0o600;
  inode.noexec = k.design["anon-inode.mount"] === "noexec";
  return new File(inode, ringOps(k, context), true, true);
}

/** struct io_rings: masks and numbers of the entries of both rings, behind their heads and tails. */
function writeHeader(k: Kernel, pfn: number): void {
  const at = k.design["io-uring.header"] === "cache-lines" ? 256 : 16;
  const view = new DataView(k.frames.writable(pfn).buffer, k.frames.writable(pfn).byteOffset);
  [ENTRIES - 1, 2 * ENTRIES - 1, ENTRIES, 2 * ENTRIES].forEach((value, i) => view.setUint32(at + i * 4, value, true));
}

function ringOps(k: Kernel, context: RingContext): FileOps {
  return {
    mmap: (_file, vma) => ioUringMmap(k, context, vma),
    unmappedArea: (address, pgoff) => ioUringUnmappedArea(k, context, address, pgoff),
    *poll() {
      return ["out"];
    },
    *release() {
      folioPut(k, context.rings);
      folioPut(k, context.sqes);
    },
    path: () => "anon_inode:[io_uring]",
  };
}

/** io_uring_validate_mmap_request: the frame that an offset stands for, or -1. */
function regionAt(k: Kernel, context: RingContext, pgoff: number): number {
  const offset = pgoff * k.pageSize;
  const known = k.design["io-uring.offset"] === "exact" ? offset : (Math.floor(offset / UNIT) % 32) * UNIT;
  switch (known) {
    case OFFSET.sqRing:
    case OFFSET.cqRing:
      return context.rings;
    case OFFSET.sqes:
      return context.sqes;
    default:
      return -1;
  }
}

/** io_uring_get_unmapped_area: 0 when the kernel may choose a place, -EINVAL, -ENOMEM. */
function ioUringUnmappedArea(k: Kernel, context: RingContext, address: number, pgoff: number): number {
  if (k.design["io-uring.address"] === "caller") return 0;
  if (address !== 0) return k.refuse(rule["io-uring-ring/address"], errnos.EINVAL, `0x${address.toString(16)}`);
  if (regionAt(k, context, pgoff) >= 0) return 0;
  const errno = k.design["io-uring.bad-offset"] === "ENOMEM" ? errnos.ENOMEM : errnos.EINVAL;
  return k.refuse(rule["io-uring-ring/no-such-offset"], errno, `page ${pgoff}`);
}

/** io_uring_mmap: 0, -EINVAL. */
function* ioUringMmap(k: Kernel, context: RingContext, vma: Vma): Path<number> {
  const pfn = regionAt(k, context, vma.pgoff);
  if (pfn < 0) return k.refuse(rule["io-uring-ring/no-such-offset"], errnos.EINVAL, `page ${vma.pgoff}`);
  const bytes = vma.end - vma.start;
  if (k.design["io-uring.mmap"] === "insert-pages") {
    k.note(rule["io-uring-ring/pages"]);
    vma.flags |= VM.DONTEXPAND;
    return vmInsertPages(k, vma, vma.start, [pfn]);
  }
  if (bytes > k.pageSize) return k.refuse(rule["io-uring-ring/too-long"], errnos.EINVAL, `${bytes} bytes`);
  k.note(rule["io-uring-ring/pfns"]);
  return remapPfnRange(k, vma, vma.start, pfn, bytes);
}
