/**
 * References and map counts of pages (mm/rmap.c, mm/swap.c): what a page-table entry with a
 * struct page holds, and who else holds it. Counts of references stand at the folio's head,
 * map counts at the very frame.
 */
import { KernelBug } from "../sched/path.js";
import { PG } from "./frames.js";
import { AnonVma } from "./vma.js";
import type { AddressSpace } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Mm } from "./mm.js";
import type { Leaf } from "./page-table.js";
import type { Vma } from "./vma.js";

/** One more reference on the folio of a frame (folio_get, include/linux/mm.h). */
export function folioGet(k: Kernel, pfn: number): void {
  k.frames.addRef(k.frames.head(pfn), 1);
}

/** One reference less on the folio of a frame; the last one frees it (folio_put, include/linux/mm.h). */
export function folioPut(k: Kernel, pfn: number): void {
  const frames = k.frames;
  const head = frames.head(pfn);
  const left = frames.addRef(head, -1);
  if (left === 0) freeFolio(k, head);
  else if (left < 0) throw new KernelBug(`a reference on frame ${pfn} was dropped that nobody held`);
}

/** The last reference is gone (__folio_put, mm/swap.c). */
function freeFolio(k: Kernel, head: number): void {
  if (head === k.zeroPfn) throw new KernelBug("the zero page was freed");
  if ((k.frames.flags(head) & PG.hugetlb) !== 0) k.hugetlb.giveBack(k, head);
  else if ((k.frames.flags(head) & PG.p2pdma) !== 0) k.pagemap!.pageFree(head);
  else k.frames.release(head, k.frames.order(head));
}

/**
 * Adds to the counter of the kind of memory that a page is: anonymous, shmem or file (mm_counter, include/linux/mm.h).
 * Pages.
 */
export function addMmCounter(k: Kernel, mm: Mm, pfn: number, pages: number): void {
  const flags = k.frames.flags(pfn);
  if ((flags & PG.anon) !== 0) mm.rssAnon += pages;
  else if ((flags & PG.swapbacked) !== 0) mm.rssShmem += pages;
  else mm.rssFile += pages;
}

/** A new entry maps a page of a file or of a driver (folio_add_file_rmap_pte, mm/rmap.c). */
export function addFileRmap(k: Kernel, pfn: number): void {
  if (k.frames.addMap(pfn, 1) === 1) k.mappedPages++;
}

/** A fresh page becomes anonymous memory of a mapping, its alone (folio_add_new_anon_rmap, mm/rmap.c). */
export function addNewAnonRmap(k: Kernel, pfn: number, vma: Vma, address: number): void {
  k.frames.setFlags(pfn, PG.anon | PG.swapbacked | PG.exclusive | PG.lru);
  k.frames.setOwner(pfn, vma.anonVma?.id ?? 0, linearPageIndex(k, vma, address));
  k.frames.addMap(pfn, 1);
}

/** An entry no longer maps a page (folio_remove_rmap_pte, mm/rmap.c). The reference stays with the caller. */
export function removeRmap(k: Kernel, pfn: number): void {
  const left = k.frames.addMap(pfn, -1);
  if (left < 0) throw new KernelBug(`frame ${pfn} was unmapped more often than it was mapped`);
  if (left === 0 && (k.frames.flags(pfn) & PG.anon) === 0) k.mappedPages--;
}

/** linear_page_index: which page of its object an address of a mapping is. Pages. */
export function linearPageIndex(k: Kernel, vma: Vma, address: number): number {
  return vma.pgoff + (address - vma.start) / k.pageSize;
}

/**
 * Gives a mapping its anon_vma before the first anonymous page, or that of a neighbour it may share
 * (__anon_vma_prepare, mm/rmap.c).
 */
export function anonVmaPrepare(k: Kernel, vma: Vma, reusable: (vma: Vma) => AnonVma | undefined): void {
  if (vma.anonVma !== undefined) return;
  let anonVma = reusable(vma);
  if (anonVma === undefined) {
    anonVma = new AnonVma(k.id());
    k.owners.set(anonVma.id, anonVma);
  }
  vma.anonVma = anonVma;
  vma.anonChain = 1;
  anonVma.root.vmas.add(vma);
}

/** Calls back for every entry that maps a page, in all address spaces (rmap_walk, mm/rmap.c). */
export function rmapWalk(
  k: Kernel,
  pfn: number,
  visit: (vma: Vma, address: number, leaf: Leaf, slot: number) => void,
): void {
  const owner = k.owners.get(k.frames.owner(pfn));
  if (owner === undefined) return;
  const index = k.frames.index(pfn);
  for (const vma of owner instanceof AnonVma ? owner.root.vmas : (owner as AddressSpace).vmas) {
    const address = vma.start + (index - vma.pgoff) * k.pageSize;
    if (address < vma.start || address >= vma.end) continue;
    const leaf = vma.mm.table.leaf(address);
    const slot = vma.mm.table.slot(address);
    if (leaf !== undefined && leaf.bits[slot] !== 0 && leaf.pfn[slot] === pfn) visit(vma, address, leaf, slot);
  }
}

/**
 * The CPU is about to use a page that it found in a table: it looks at the entry once more, then at the page's
 * contents.
 */
export function* touchPage(k: Kernel, mm: Mm, pfn: number, write: boolean): Path<void> {
  if (k.concurrent) yield { kind: "access", object: `page ${pfn}`, write, guards: [mm.ptl, mm.mmapLock] };
}
