/** Pinning the pages of a memfd by file offset, without any mapping: what udmabuf does from 6.11 on. */
import { errnos } from "@litmap/litmus";
import { FOLL } from "./foll.js";
import { HUGE_ORDER, hugetlbGetPage } from "./hugetlb.js";
import { checkAndMigrateMovablePages } from "./longterm.js";
import { tryGrabFolio, unpinUserPages } from "./pin.js";
import { folioPut } from "./rmap.js";
import { shmemGetPage } from "./shmem-pages.js";
import { rules } from "../rules/rule.js";
import type { Inode } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "memfd-pin/range": {
    sentence: "memfd_pin_folios with a negative start, an end before start, or max_folios 0 gives EINVAL.",
    kernel: [["6.11", "memfd_pin_folios, mm/gup.c"]],
  },
  "memfd-pin/kind": {
    sentence: "memfd_pin_folios of a file that is neither shmem nor hugetlb gives EINVAL.",
    kernel: [["6.11", "memfd_pin_folios, mm/gup.c"]],
  },
  "memfd-pin/past-end": {
    sentence: "memfd_pin_folios past the end of the file gives EINVAL.",
    kernel: [["6.11", "memfd_pin_folios, mm/gup.c"]],
  },
  "memfd-pin/no-memory": {
    sentence: "memfd_pin_folios on a hole of a hugetlb memfd gives ENOMEM when the pool is empty.",
    kernel: [["6.11", "memfd_alloc_folio, mm/memfd.c"]],
  },
  "memfd-pin/pinned": {
    sentence:
      "Each folio of the range is pinned once, regardless of how many of its pages are in range; absent ones are " +
      "allocated first.",
    kernel: [["6.11", "memfd_pin_folios, mm/gup.c"]],
  },
});

/** What was pinned: each folio once, by its head, and where `start` lies in the first (bytes). */
export interface PinnedFolios {
  readonly folios: number[];
  readonly offset: number;
}

/**
 * memfd_pin_folios, mm/gup.c: one pin on every folio that holds bytes `start` to `end`
 * (inclusive) of a shmem or hugetlb file; absent ones are allocated. At most `max` folios.
 * -EINVAL, -ENOMEM.
 */
export function* memfdPinFolios(
  k: Kernel,
  inode: Inode,
  start: number,
  end: number,
  max: number,
): Path<PinnedFolios | number> {
  if (start < 0 || start > end || max === 0)
    return k.refuse(rule["memfd-pin/range"], errnos.EINVAL, `${start} to ${end}`);
  if (!["memfd", "file", "hugetlb"].includes(inode.kind))
    return k.refuse(rule["memfd-pin/kind"], errnos.EINVAL, inode.kind);
  if (end >= inode.size) return k.refuse(rule["memfd-pin/past-end"], errnos.EINVAL, `${end} of ${inode.size}`);
  for (;;) {
    const folios = pinRange(k, inode, Math.floor(start / k.pageSize), Math.floor(end / k.pageSize), max);
    if (typeof folios === "number") return folios;
    const again = yield* checkAndMigrateMovablePages(k, folios);
    if (again === 0) return { folios, offset: start % folioBytes(k, folios[0]) };
    if (again !== "again") return again;
  }
}

function folioBytes(k: Kernel, head: number): number {
  return k.pageSize << k.frames.order(head);
}

function pinRange(k: Kernel, inode: Inode, from: number, to: number, max: number): number[] | number {
  const folios: number[] = [];
  for (let index = from; index <= to && folios.length < max; ) {
    const pfn = findOrAlloc(k, inode, index);
    if (pfn < 0) {
      unpinUserPages(k, folios);
      return pfn;
    }
    const head = k.frames.head(pfn);
    tryGrabFolio(k, head, 1, FOLL.pin);
    folioPut(k, head);
    folios.push(head);
    const pages = 1 << k.frames.order(head);
    index += pages - (index % pages);
  }
  k.note(rule["memfd-pin/pinned"], `${folios.length} folios of inode ${inode.id}`);
  return folios;
}

/** The page of the file with a reference; memfd_alloc_folio where there is none, mm/memfd.c. */
function findOrAlloc(k: Kernel, inode: Inode, index: number): number {
  if (inode.kind !== "hugetlb") return shmemGetPage(k, inode, index);
  const pfn = hugetlbGetPage(k, inode, index >>> HUGE_ORDER);
  return pfn < 0 ? k.refuse(rule["memfd-pin/no-memory"], errnos.ENOMEM, `huge page ${index >>> HUGE_ORDER}`) : pfn;
}
