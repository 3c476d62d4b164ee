/** Advice that goes entry by entry: MADV_COLD, MADV_PAGEOUT, MADV_FREE (mm/madvise.c). */
import { PG } from "./frames.js";
import { folioDeactivate, folioMarkLazyfree, lruAddDrain } from "./lazyfree.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import { folioPut } from "./rmap.js";
import { zapPageRange } from "./zap.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Leaf } from "./page-table.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "madvise/lazyfree": {
    sentence: "MADV_FREE makes PTEs old and clean and lets reclaim discard the pages.",
    kernel: "madvise_free_pte_range, mm/madvise.c",
  },
  "madvise/cold": {
    sentence: "MADV_COLD makes the PTEs of pages with mapcount 1 old.",
    kernel: "madvise_cold_or_pageout_pte_range, mm/madvise.c",
  },
  "madvise/pageout": {
    sentence:
      "MADV_PAGEOUT without swap keeps anonymous pages; it unmaps file pages, pinned ones too, and drops clean " +
      "unreferenced ones from the page cache.",
    kernel: "shrink_folio_list, mm/vmscan.c",
  },
  "madvise/pageout-lazyfree": {
    sentence: "MADV_PAGEOUT frees a page that MADV_FREE gave up and that is neither dirty nor referenced.",
    kernel: "try_to_unmap_one, mm/rmap.c",
  },
});

/** Calls back for each present entry of a range that has a struct page. */
function* normalEntries(
  k: Kernel,
  vma: Vma,
  start: number,
  end: number,
): Generator<{ address: number; leaf: Leaf; slot: number; pfn: number }> {
  const { table } = vma.mm;
  for (let address = start; address < end; address += k.pageSize) {
    const leaf = table.leaf(address);
    if (leaf === undefined) {
      address = table.afterHole(address, end) - k.pageSize;
      continue;
    }
    if (leaf.used === 0) {
      address += (table.entries - 1 - table.slot(address)) * k.pageSize;
      continue;
    }
    const slot = table.slot(address);
    if ((leaf.bits[slot] & PTE.present) === 0) continue;
    const pfn = vmNormalPage(k, vma, address, leaf.pfn[slot], leaf.bits[slot]);
    if (pfn >= 0) yield { address, leaf, slot, pfn };
  }
}

/** Whether a page is on the LRU and mapped here alone: others are not interfered with. */
function ours(k: Kernel, pfn: number): boolean {
  return (k.frames.flags(pfn) & PG.lru) !== 0 && k.frames.mapcount(pfn) === 1;
}

/** madvise_cold_page_range. */
export function coldRange(k: Kernel, vma: Vma, start: number, end: number): void {
  for (const { leaf, slot, pfn } of normalEntries(k, vma, start, end)) {
    if (!ours(k, pfn)) continue;
    k.note(rule["madvise/cold"]);
    leaf.bits[slot] &= ~PTE.young;
    k.frames.clearFlags(pfn, PG.referenced);
    folioDeactivate(k, pfn);
  }
}

/**
 * madvise_pageout_page_range and shrink_folio_list, mm/vmscan.c, without swap: anonymous pages
 * stay, unless MADV_FREE gave them up; those of a file are unmapped, pinned or not, and leave the page cache when they
 * are clean and have no other reference.
 */
export function pageoutRange(k: Kernel, vma: Vma, start: number, end: number): void {
  lruAddDrain(k);
  for (const { address, leaf, slot, pfn } of normalEntries(k, vma, start, end)) {
    if (!ours(k, pfn)) continue;
    if (k.design["madvise.pageout-young"] === "made-old") leaf.bits[slot] &= ~PTE.young;
    k.frames.clearFlags(pfn, PG.referenced);
    if ((k.frames.flags(pfn) & PG.anon) !== 0) {
      if ((k.frames.flags(pfn) & PG.swapbacked) === 0) discardLazyfree(k, vma, address, leaf.bits[slot], pfn);
      continue;
    }
    k.note(rule["madvise/pageout"]);
    zapPageRange(k, vma, address, address + k.pageSize);
    dropClean(k, vma, pfn);
  }
}

/** try_to_unmap_one, mm/rmap.c, of a page that MADV_FREE gave up: it goes, unless it was stored to or is referenced. */
function discardLazyfree(k: Kernel, vma: Vma, address: number, bits: number, pfn: number): void {
  if ((bits & PTE.dirty) !== 0) k.frames.setFlags(pfn, PG.dirty);
  if ((k.frames.flags(pfn) & PG.dirty) !== 0) {
    vma.mm.invalidate(address, address + k.pageSize);
    k.frames.setFlags(pfn, PG.swapbacked);
  } else if (k.frames.ref(pfn) === 1) {
    k.note(rule["madvise/pageout-lazyfree"]);
    zapPageRange(k, vma, address, address + k.pageSize);
  } else vma.mm.invalidate(address, address + k.pageSize);
}

/** __remove_mapping, mm/vmscan.c: a clean page that only the cache refers to is freed. */
function dropClean(k: Kernel, vma: Vma, pfn: number): void {
  const inode = vma.file?.inode;
  if (inode === undefined || inode.mapping.pages.get(k.frames.index(pfn)) !== pfn) return;
  if ((k.frames.flags(pfn) & PG.dirty) !== 0 || k.frames.ref(pfn) !== 1) return;
  inode.mapping.pages.delete(k.frames.index(pfn));
  if ((k.frames.flags(pfn) & PG.swapbacked) !== 0) k.shmemPages--;
  k.frames.setOwner(pfn, 0, 0);
  folioPut(k, pfn);
}

/** madvise_free_pte_range: entries become old and clean; the pages wait in the batch. */
export function freeRange(k: Kernel, vma: Vma, start: number, end: number): void {
  vma.mm.invalidate(start, end);
  for (const { leaf, slot, pfn } of normalEntries(k, vma, start, end)) {
    if ((k.frames.flags(pfn) & PG.dirty) !== 0) {
      if (k.frames.mapcount(pfn) !== 1) continue;
      k.frames.clearFlags(pfn, PG.dirty);
    }
    k.note(rule["madvise/lazyfree"]);
    leaf.bits[slot] &= ~(PTE.young | PTE.dirty);
    folioMarkLazyfree(k, pfn);
  }
}
