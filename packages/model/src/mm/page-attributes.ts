/**
 * Cache modes of pages in the kernel's own linear map: set_pages_array_wc, _uc and _wb
 * (arch/x86/mm/pat/set_memory.c). On other architectures they are no-ops without callers.
 */
import { errnos } from "@litmap/litmus";
import { CACHE } from "./memtype.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { CacheMode } from "./memtype.js";

const rule = rules({
  "pat/array-refused": {
    sentence: "set_pages_array_wc and _uc give EINVAL if one page is not write-back, and change none.",
    kernel: "_set_pages_array, arch/x86/mm/pat/set_memory.c",
    unproven: "from source: no system call shows the cache mode of a page.",
  },
  "pat/linear-map-split": {
    sentence:
      "A change of cache mode splits the 1 GiB and 2 MiB entries of the linear map for good, each with a TLB flush " +
      "on all CPUs.",
    kernel: "__split_large_page, arch/x86/mm/pat/set_memory.c",
  },
  "pat/flush-each-page": {
    sentence: "After a change of cache mode of up to 33 pages all CPUs flush their TLB page by page.",
    kernel: "cpa_flush, arch/x86/mm/pat/set_memory.c",
  },
  "pat/flush-everything": {
    sentence: "After a change of cache mode of more than 33 pages all CPUs flush their whole TLB.",
    kernel: "cpa_flush, arch/x86/mm/pat/set_memory.c",
  },
  "pat/clflush": {
    sentence: "Pages that leave write-back are flushed by clflush; write-combining goes through UC- and flushes twice.",
    kernel: "cpa_flush, arch/x86/mm/pat/set_memory.c; _set_pages_array, arch/x86/mm/pat/set_memory.c",
  },
  "pat/wbinvd": {
    sentence: "Up to 4.20 an array of 4 MiB or more makes every CPU execute wbinvd.",
    kernel: "cpa_flush_array, arch/x86/mm/pageattr.c (up to 4.20)",
    unproven: "from the source of 4.20; no kernel older than 5.10 is recorded.",
  },
});

/** tlb_single_page_flush_ceiling: more pages than that flush everything. */
const SINGLE_PAGE_CEILING = 33;
/** Pages from which 4.20 and older write all caches back instead of flushing page by page. */
const WBINVD_PAGES = 1024;
const MIB2_SHIFT = 9;
const GIB_SHIFT = 18;

/**
 * The linear map: which of its large pages were split into 4 KiB entries. It starts with 1 GiB pages and stays split.
 */
export class LinearMap {
  private readonly gib = new Set<number>();
  private readonly mib2 = new Set<number>();

  /**
   * split_large_page, until the frame has an entry of its own: how many levels were split, which is how many tables
   * were made.
   */
  split(pfn: number): number {
    const small = pfn >>> MIB2_SHIFT;
    if (this.mib2.has(small)) return 0;
    this.mib2.add(small);
    const large = pfn >>> GIB_SHIFT;
    if (this.gib.has(large)) return 1;
    this.gib.add(large);
    return 2;
  }
}

/** set_pages_array_wc: 0, or -EINVAL when one of the pages is not write-back. Nothing is changed then. */
export function setPagesArrayWc(k: Kernel, pfns: ArrayLike<number>): number {
  return setPagesArray(k, pfns, CACHE.wc);
}

/** set_pages_array_uc: as {@link setPagesArrayWc}; the mode is UC-. */
export function setPagesArrayUc(k: Kernel, pfns: ArrayLike<number>): number {
  return setPagesArray(k, pfns, CACHE.ucMinus);
}

/** _set_pages_array: reserves the mode page by page, then writes the linear map; for WC by way of UC-. */
function setPagesArray(k: Kernel, pfns: ArrayLike<number>, mode: CacheMode): number {
  if (!k.arch.pat) return 0;
  for (let i = 0; i < pfns.length; i++) {
    if (k.pat.reserve(pfns[i], 1, mode, true) >= 0) continue;
    for (let j = 0; j < i; j++) k.pat.free(pfns[j], 1);
    return k.refuse(rule["pat/array-refused"], errnos.EINVAL, `page ${i} of ${pfns.length}`);
  }
  changePageAttr(k, pfns, CACHE.ucMinus);
  if (mode === CACHE.wc) changePageAttr(k, pfns, CACHE.wc);
  return 0;
}

/** set_pages_array_wb: always 0. */
export function setPagesArrayWb(k: Kernel, pfns: ArrayLike<number>): number {
  if (!k.arch.pat) return 0;
  changePageAttr(k, pfns, CACHE.wb);
  for (let i = 0; i < pfns.length; i++) k.pat.free(pfns[i], 1);
  return 0;
}

/**
 * change_page_attr_set_clr with CPA_PAGES_ARRAY: each page has to have an entry of its own; then
 * every processor flushes its TLB, and unless the pages become write-back their lines are flushed.
 */
function changePageAttr(k: Kernel, pfns: ArrayLike<number>, mode: CacheMode): void {
  const { counters, frames, linearMap } = k;
  let changed = 0;
  for (let i = 0; i < pfns.length; i++) {
    const pfn = pfns[i];
    if (frames.linearMode(pfn) === mode) continue;
    const split = linearMap.split(pfn);
    if (split > 0) {
      counters.linear_splits += split;
      counters.tlb_flushes += split;
      k.note(rule["pat/linear-map-split"], `frame ${pfn}`);
    }
    frames.setLinearMode(pfn, mode);
    changed++;
  }
  counters.attribute_changes += changed;
  if (changed > 0) cpaFlush(k, pfns.length, mode !== CACHE.wb);
}

/** cpa_flush: one request to all processors, for single pages or for everything; then the caches. */
function cpaFlush(k: Kernel, pages: number, cache: boolean): void {
  const { counters } = k;
  counters.tlb_flushes++;
  k.note(pages > SINGLE_PAGE_CEILING ? rule["pat/flush-everything"] : rule["pat/flush-each-page"], `${pages} pages`);
  if (!cache) return;
  if (k.design["page-attributes.cache-flush"] === "wbinvd-from-4-MiB" && pages >= WBINVD_PAGES) {
    counters.cache_writebacks++;
    k.note(rule["pat/wbinvd"], `${pages} pages`);
  } else {
    counters.cache_flushes += pages;
    k.note(rule["pat/clflush"], `${pages} pages`);
  }
}
