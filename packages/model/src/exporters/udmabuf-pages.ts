/** How a udmabuf takes hold of a memfd's pages, and lets go of them (drivers/dma-buf/udmabuf.c). */
import { errnos } from "@litmap/litmus";
import { HUGE_ORDER } from "../mm/hugetlb.js";
import { memfdPinFolios } from "../mm/memfd-pin.js";
import { unpinUserPages } from "../mm/pin.js";
import { folioGet, folioPut } from "../mm/rmap.js";
import { shmemGetPage } from "../mm/shmem-pages.js";
import { access } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { Inode } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "udmabuf/beyond-eof": {
    sentence: "A range past the end of the memfd gives EINVAL.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/hugetlb-hole": {
    sentence: "A hugetlb folio that is not yet in the page cache is not allocated for the buffer: EINVAL.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
    unproven: "no distribution kernel of that age builds udmabuf.",
  },
});

/** A buffer's pages, in its order, and what keeps them. */
export interface HeldPages {
  /** Frames; the first `count` are set. */
  readonly pfns: Int32Array;
  count: number;
  /** Heads of folios, one for each pin. Empty where every frame has a plain reference instead. */
  readonly pinned: number[];
}

/**
 * Takes hold of a range of a memfd, bytes. 0, or the negative errno at which it stopped; what is held so far stays
 * held.
 */
export function* holdPages(k: Kernel, inode: Inode, offset: number, size: number, held: HeldPages): Path<number> {
  yield* access(k, `pages of inode ${inode.id}`, true);
  if (k.design["udmabuf.backing"] === "pinned-folios") return yield* pinFolios(k, inode, offset, size, held);
  const from = offset / k.pageSize;
  for (let page = from; page < from + size / k.pageSize; page++) {
    const pfn = inode.kind === "hugetlb" ? hugetlbPage(k, inode, page) : shmemPage(k, inode, page);
    if (pfn < 0) return pfn;
    held.pfns[held.count++] = pfn;
  }
  return 0;
}

/** shmem_read_mapping_page: the page with a reference, `-EINVAL` past the end of the file. */
function shmemPage(k: Kernel, inode: Inode, page: number): number {
  if (page * k.pageSize >= inode.size) return k.refuse(rule["udmabuf/beyond-eof"], errnos.EINVAL, `page ${page}`);
  return shmemGetPage(k, inode, page);
}

/** A small page of a huge one that is there already, with a reference on it. */
function hugetlbPage(k: Kernel, inode: Inode, page: number): number {
  const head = inode.mapping.pages.get(page >>> HUGE_ORDER);
  if (head === undefined)
    return k.refuse(rule["udmabuf/hugetlb-hole"], errnos.EINVAL, `huge page ${page >>> HUGE_ORDER}`);
  folioGet(k, head);
  return head + (page & ((1 << HUGE_ORDER) - 1));
}

/** udmabuf_pin_folios: one pin a folio, all its pages in the range become the buffer's. */
function* pinFolios(k: Kernel, inode: Inode, offset: number, size: number, held: HeldPages): Path<number> {
  const pages = size / k.pageSize;
  const result = yield* memfdPinFolios(k, inode, offset, offset + size - 1, pages);
  if (typeof result === "number") return result;
  let subpage = result.offset / k.pageSize;
  let left = pages;
  for (const head of result.folios) {
    held.pinned.push(head);
    for (const end = 1 << k.frames.order(head); subpage < end && left > 0; subpage++, left--)
      held.pfns[held.count++] = head + subpage;
    subpage = 0;
  }
  return 0;
}

/** Lets go of everything (unpin_all_folios; put_page of each page where there are no pins). */
export function letGo(k: Kernel, held: HeldPages): void {
  if (k.design["udmabuf.backing"] === "pinned-folios") unpinUserPages(k, held.pinned);
  else for (let i = 0; i < held.count; i++) folioPut(k, held.pfns[i]);
}
