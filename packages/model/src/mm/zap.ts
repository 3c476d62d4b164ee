/** Taking entries out of page tables: zap_pte_range and unmap_mapping_range, mm/memory.c. */
import { PG } from "./frames.js";
import { unmapHugepageRange } from "./hugetlb.js";
import { lruAddDrain } from "./lazyfree.js";
import { untrackPfn } from "./memtype.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import { addMmCounter, folioPut, removeRmap } from "./rmap.js";
import { VM, vmaHasRecency } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { AddressSpace } from "../vfs/file.js";
import { acquire, release } from "../sched/path.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Leaf } from "./page-table.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "zap/special": {
    sentence: "Zapping a special PTE clears it and flushes the TLB; the page is not touched.",
    kernel: [
      ["5.10", "zap_pte_range, mm/memory.c"],
      ["6.9", "zap_present_ptes, mm/memory.c"],
    ],
  },
  "zap/normal": {
    sentence: "Zapping a normal PTE drops its mapcount, RSS and refcount.",
    kernel: [
      ["5.10", "zap_pte_range, mm/memory.c"],
      ["6.9", "zap_present_folio_ptes, mm/memory.c"],
    ],
  },
  "zap/keeps-guards": {
    sentence: "A zap keeps guard markers, except when the VMA itself goes.",
    kernel: [["6.13", "zap_nonpresent_ptes, mm/memory.c"]],
  },
  "zap/keeps-cows": {
    sentence: "A zap for a hole punch keeps anonymous COW pages; a zap for a truncate drops them too.",
    kernel: [
      ["5.10", "zap_skip_check_mapping, include/linux/mm.h"],
      ["6.1", "should_zap_page, mm/memory.c"],
      ["6.9", "should_zap_folio, mm/memory.c"],
    ],
  },
});

/** What a zap spares, and what it takes. */
export interface ZapDetails {
  /** Private copies stay (even_cows is false). */
  readonly keepCows?: boolean;
  /** Guard markers go as well (ZAP_FLAG_DROP_MARKER). */
  readonly dropMarkers?: boolean;
}

/** zap_page_range_single, mm/memory.c: empties a range of one mapping, bytes, and tells its listeners. */
export function zapPageRange(k: Kernel, vma: Vma, start: number, end: number, details: ZapDetails = {}): void {
  if (k.design["lru.unmap"] === "drain") lruAddDrain(k);
  vma.mm.invalidate(start, end);
  unmapSingleVma(k, vma, start, end, details);
}

/** unmap_single_vma, mm/memory.c: as zapPageRange, for callers that have told the listeners. */
export function unmapSingleVma(k: Kernel, vma: Vma, from: number, to: number, details: ZapDetails = {}): void {
  const start = Math.max(from, vma.start);
  const end = Math.min(to, vma.end);
  if (start >= end) return;
  if (vma.has(VM.ARCH_1)) untrackPfn(k, vma);
  if (vma.has(VM.HUGETLB)) return unmapHugepageRange(k, vma, start, end);
  const table = vma.mm.table;
  let zapped = 0;
  for (let address = start; address < end; ) {
    const slot = table.slot(address);
    const n = Math.min(table.entries - slot, (end - address) / k.pageSize);
    const leaf = table.leaf(address);
    if (leaf !== undefined && leaf.used > 0) zapped += zapLeaf(k, vma, leaf, address, slot, n, details);
    address = leaf === undefined ? table.afterHole(address, end) : address + n * k.pageSize;
  }
  if (zapped > 0) k.counters.tlb_flushes++;
}

/** zap_pte_range, mm/memory.c: `n` entries of one table. Gives how many it cleared. */
function zapLeaf(
  k: Kernel,
  vma: Vma,
  leaf: Leaf,
  address: number,
  from: number,
  n: number,
  details: ZapDetails,
): number {
  let zapped = 0;
  for (let i = 0, slot = from; i < n; i++, slot++) {
    const bits = leaf.bits[slot];
    if (bits === 0) continue;
    if ((bits & PTE.marker) !== 0 && !details.dropMarkers) {
      k.note(rule["zap/keeps-guards"]);
      continue;
    }
    if ((bits & PTE.present) !== 0) {
      const pfn = vmNormalPage(k, vma, address + i * k.pageSize, leaf.pfn[slot], bits);
      if (pfn >= 0) {
        if (details.keepCows && (k.frames.flags(pfn) & PG.anon) !== 0) {
          k.note(rule["zap/keeps-cows"]);
          continue;
        }
        zapNormal(k, vma, pfn, bits);
      } else k.note(rule["zap/special"]);
    } else if ((bits & PTE.swap) !== 0 && details.keepCows) continue;
    leaf.clear(slot);
    zapped++;
  }
  k.counters.ptes += zapped;
  return zapped;
}

/** zap_present_folio_ptes, mm/memory.c: gives back what a normal entry holds. */
function zapNormal(k: Kernel, vma: Vma, pfn: number, bits: number): void {
  k.note(rule["zap/normal"]);
  const anon = (k.frames.flags(pfn) & PG.anon) !== 0;
  if (!anon && (bits & PTE.dirty) !== 0) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
  if (!anon && (bits & PTE.young) !== 0 && vmaHasRecency(vma)) k.frames.setFlags(k.frames.head(pfn), PG.referenced);
  addMmCounter(k, vma.mm, pfn, -1);
  removeRmap(k, pfn);
  folioPut(k, pfn);
}

/**
 * unmap_mapping_pages, mm/memory.c: empties every mapping of a range of a file. Pages; 0 pages
 * mean up to the end. `evenCows` takes private copies as well, as truncation does.
 */
export function unmapMappingRange(
  k: Kernel,
  mapping: AddressSpace,
  startPage: number,
  nrPages: number,
  evenCows: boolean,
  dropMarkers = false,
): void {
  for (const vma of mapping.vmas) unmapPart(k, vma, startPage, nrPages, { keepCows: !evenCows, dropMarkers });
}

/** {@link unmapMappingRange} while others run: mapping by mapping, each under its page-table lock. */
export function* unmapMappingPath(
  k: Kernel,
  mapping: AddressSpace,
  startPage: number,
  nrPages: number,
  evenCows: boolean,
): Path<void> {
  for (const vma of [...mapping.vmas]) {
    yield* acquire(k, vma.mm.ptl, "write");
    if (vma.attached) unmapPart(k, vma, startPage, nrPages, { keepCows: !evenCows });
    yield* release(k, vma.mm.ptl);
  }
}

function unmapPart(k: Kernel, vma: Vma, startPage: number, nrPages: number, details: ZapDetails): void {
  const last = nrPages === 0 ? Infinity : startPage + nrPages;
  const pages = (vma.end - vma.start) / k.pageSize;
  const from = Math.max(startPage, vma.pgoff);
  const to = Math.min(last, vma.pgoff + pages);
  if (from >= to) return;
  const start = vma.start + (from - vma.pgoff) * k.pageSize;
  zapPageRange(k, vma, start, vma.start + (to - vma.pgoff) * k.pageSize, details);
}
