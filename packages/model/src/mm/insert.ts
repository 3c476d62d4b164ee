/**
 * The primitives by which drivers fill page tables, with their preconditions: vm_insert_page,
 * vm_map_pages, vmf_insert_pfn, vmf_insert_mixed, remap_pfn_range (mm/memory.c). They do not
 * sleep and do not yield: whoever calls them holds the mmap lock.
 */
import { errnos } from "@litmap/litmus";
import { KernelBug } from "../sched/path.js";
import { PG } from "./frames.js";
import { trackPfnRemap } from "./memtype.js";
import { PTE } from "./page-table.js";
import { addFileRmap, addMmCounter, folioGet } from "./rmap.js";
import { FAULT, VM, isCowMapping, vmaName } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Rule } from "../rules/rule.js";
import type { IoMapping } from "./memtype.js";
import type { Leaf } from "./page-table.js";
import type { Mm } from "./mm.js";
import type { Vma } from "./vma.js";

export const insertRules = rules({
  "insert/outside-vma": {
    sentence: "vm_insert_page and vm_insert_pages outside the VMA give EFAULT.",
    kernel: "vm_insert_page, mm/memory.c",
  },
  "insert/no-reference": {
    sentence: "A page whose folio has refcount 0 cannot be inserted: EINVAL.",
    kernel: [
      ["5.10", "vm_insert_page, mm/memory.c"],
      ["6.12", "validate_page_before_insert, mm/memory.c"],
    ],
  },
  "insert/anonymous-page": {
    sentence: "An anonymous folio cannot be inserted: EINVAL.",
    kernel: "validate_page_before_insert, mm/memory.c",
  },
  "insert/mixedmap-from-fault": {
    sentence:
      "The first vm_insert_page into a VMA sets VM_MIXEDMAP, which needs mmap_lock for writing: BUG in a fault " +
      "handler.",
    kernel: "vm_insert_page, mm/memory.c",
  },
  "insert/page-into-pfnmap": {
    sentence: "vm_insert_page into a VM_PFNMAP VMA is a BUG.",
    kernel: "vm_insert_page, mm/memory.c",
  },
  "insert/already-populated": {
    sentence: "vm_insert_page over a present PTE gives EBUSY.",
    kernel: "insert_page_into_pte_locked, mm/memory.c",
  },
  "insert/page-inserted": {
    sentence: "vm_insert_page makes a normal PTE with refcount, mapcount and RSS.",
    kernel: "insert_page_into_pte_locked, mm/memory.c",
  },
  "insert/object-too-small": {
    sentence: "vm_map_pages gives ENXIO if the VMA reaches past the pages.",
    kernel: "__vm_map_pages, mm/memory.c",
  },
  "insert/pfn-needs-flags": {
    sentence: "vmf_insert_pfn needs exactly one of VM_PFNMAP and VM_MIXEDMAP, else BUG.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "insert/pfn-in-cow": {
    sentence:
      "vmf_insert_pfn into a private writable VM_PFNMAP VMA is a BUG, because a COW copy could not be told from " +
      "the original.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "insert/valid-pfn-in-mixedmap": {
    sentence: "vmf_insert_pfn of a PFN with a struct page into a VM_MIXEDMAP VMA is a BUG.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "insert/pfn-outside-vma": {
    sentence: "vmf_insert_pfn and vmf_insert_mixed outside the VMA give SIGBUS.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "insert/no-table": {
    sentence: "vmf_insert_pfn that cannot allocate a page table returns VM_FAULT_OOM.",
    kernel: "insert_pfn, mm/memory.c",
    unproven: "only fault injection shows it, and no recorded kernel has that configured.",
  },
  "insert/pfn-kept": {
    sentence: "vmf_insert_pfn over a present PTE keeps it and returns success.",
    kernel: "insert_pfn, mm/memory.c",
  },
  "insert/pfn-inserted": {
    sentence: "vmf_insert_pfn makes a special PTE: no refcount, no mapcount, no RSS.",
    kernel: "insert_pfn, mm/memory.c",
  },
  "insert/mixed-not-allowed": {
    sentence: "vmf_insert_mixed outside a VM_MIXEDMAP VMA is refused with SIGBUS or BUG, by release.",
    kernel: "vm_mixed_ok, mm/memory.c",
  },
  "insert/remap-cow-whole": {
    sentence: "remap_pfn_range into a private writable VMA gives EINVAL unless one call covers the whole VMA.",
    kernel: [
      ["5.10", "remap_pfn_range_internal, mm/memory.c"],
      ["6.18", "get_remap_pgoff, mm/memory.c"],
    ],
  },
  "insert/remap-cow-pgoff": {
    sentence:
      "remap_pfn_range over a whole private VMA sets vm_pgoff to the first PFN, so that COW copies can be told " +
      "from originals.",
    kernel: "remap_pfn_range_internal, mm/memory.c",
  },
  "insert/remap-unaligned": {
    sentence: "remap_pfn_range at an unaligned address warns and gives EINVAL.",
    kernel: "remap_pfn_range_internal, mm/memory.c",
  },
  "insert/remap-populated": {
    sentence: "remap_pfn_range over a present PTE is a BUG.",
    kernel: "remap_pte_range, mm/memory.c",
  },
  "insert/remap-flags": {
    sentence: "remap_pfn_range sets VM_IO, VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP and populates the page table.",
    kernel: "remap_pfn_range_internal, mm/memory.c",
  },
  "insert/io-mapping": {
    sentence:
      "A mapping through an io_mapping takes the cache mode reserved once for the whole io_mapping, without a " +
      "memtype lookup.",
    kernel: "remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c",
  },
  "insert/io-mapping-flags": {
    sentence:
      "io_mapping_map_user without VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP already set warns and gives EINVAL.",
    kernel: [
      ["5.10", "io_mapping_map_user, mm/io-mapping.c; remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c"],
      ["7.2", "remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c"],
    ],
    unproven: "from source: all in-tree drivers set the flags.",
  },
});

/** A BUG_ON: the model stops as the kernel does, and says why. */
export function bug(k: Kernel, rule: Rule, about: string): never {
  k.trace.refuse(rule, 0, about);
  throw new KernelBug(`${rule.id}: ${about}`);
}

/** The leaf for an address, made when absent (pte_alloc, mm/memory.c); counts the tables. */
export function pteAlloc(k: Kernel, vma: Vma, address: number): Leaf {
  const table = vma.mm.table;
  const before = table.made;
  const leaf = table.leafAlloc(address);
  if (table.made !== before) countTables(k, table.made - before);
  return leaf;
}

/** The tables above the leaf of an address (pmd_alloc, mm/memory.c); counts them. */
export function pmdAlloc(k: Kernel, { table }: Mm, address: number): void {
  const before = table.made;
  table.upperAlloc(address);
  if (table.made !== before) countTables(k, table.made - before);
}

/** Tables that were just made: their pages come from the page allocator. */
function countTables(k: Kernel, made: number): void {
  k.counters.tables += made;
  if (k.frames.available < 0) k.frames.outOfMemory?.();
}

/** Sets VM_MIXEDMAP at the first page, as the mapping's owner may only with the mmap lock held for writing. */
function becomeMixedmap(k: Kernel, vma: Vma): void {
  if (vma.has(VM.MIXEDMAP)) return;
  if (vma.mm.mmapLock.free("read")) bug(k, insertRules["insert/mixedmap-from-fault"], vmaName(vma));
  if (vma.has(VM.PFNMAP)) bug(k, insertRules["insert/page-into-pfnmap"], vmaName(vma));
  vma.flags |= VM.MIXEDMAP;
}

/** validate_page_before_insert, mm/memory.c: 0 or -EINVAL. */
function validatePage(k: Kernel, pfn: number, uncounted: boolean): number {
  const head = k.frames.head(pfn);
  if (k.frames.ref(head) === 0 && !uncounted)
    return k.refuse(insertRules["insert/no-reference"], errnos.EINVAL, `frame ${pfn}`);
  if ((k.frames.flags(head) & PG.anon) !== 0)
    return k.refuse(insertRules["insert/anonymous-page"], errnos.EINVAL, `frame ${pfn}`);
  return 0;
}

/** insert_page, mm/memory.c: a normal entry with a reference and a map count. 0, -EINVAL or -EBUSY. */
function insertPage(k: Kernel, vma: Vma, address: number, pfn: number, uncounted = false): number {
  const invalid = validatePage(k, pfn, uncounted);
  if (invalid !== 0) return invalid;
  const leaf = pteAlloc(k, vma, address);
  const slot = vma.mm.table.slot(address);
  if (leaf.bits[slot] !== 0) return k.refuse(insertRules["insert/already-populated"], errnos.EBUSY, vmaName(vma));
  folioGet(k, pfn);
  addMmCounter(k, vma.mm, pfn, 1);
  addFileRmap(k, pfn);
  leaf.set(slot, pfn, vma.pageProt);
  k.counters.ptes++;
  k.note(insertRules["insert/page-inserted"], vmaName(vma));
  return 0;
}

/**
 * vm_insert_page, mm/memory.c. `address` is page-aligned, bytes. 0, -EFAULT, -EINVAL, -EBUSY; BUG from a fault handler
 * that did not set VM_MIXEDMAP before.
 */
export function vmInsertPage(k: Kernel, vma: Vma, address: number, pfn: number): number {
  if (address < vma.start || address >= vma.end)
    return k.refuse(insertRules["insert/outside-vma"], errnos.EFAULT, vmaName(vma));
  becomeMixedmap(k, vma);
  return insertPage(k, vma, address, pfn);
}

/** vm_insert_pages, mm/memory.c: consecutive pages; stops at the first error, which leaves the earlier ones mapped. */
export function vmInsertPages(k: Kernel, vma: Vma, address: number, pfns: ArrayLike<number>): number {
  const end = address + pfns.length * k.pageSize;
  if (address < vma.start || end > vma.end)
    return k.refuse(insertRules["insert/outside-vma"], errnos.EFAULT, vmaName(vma));
  becomeMixedmap(k, vma);
  for (let i = 0; i < pfns.length; i++) {
    const error = insertPage(k, vma, address + i * k.pageSize, pfns[i]);
    if (error !== 0) return error;
  }
  return 0;
}

/** vm_map_pages, mm/memory.c: fills the mapping from its page offset on. 0, -ENXIO or what vm_insert_page gives. */
export function vmMapPages(k: Kernel, vma: Vma, pfns: ArrayLike<number>): number {
  const count = (vma.end - vma.start) / k.pageSize;
  if (vma.pgoff >= pfns.length || count > pfns.length - vma.pgoff)
    return k.refuse(insertRules["insert/object-too-small"], errnos.ENXIO, vmaName(vma));
  for (let i = 0; i < count; i++) {
    const error = vmInsertPage(k, vma, vma.start + i * k.pageSize, pfns[vma.pgoff + i]);
    if (error !== 0) return error;
  }
  return 0;
}

/** vmf_insert_pfn, mm/memory.c: FAULT.nopage, also where an entry is already; FAULT.sigbus outside the mapping. */
export function vmfInsertPfn(k: Kernel, vma: Vma, address: number, pfn: number): number {
  const flags = vma.flags & (VM.PFNMAP | VM.MIXEDMAP);
  if (flags !== VM.PFNMAP && flags !== VM.MIXEDMAP) bug(k, insertRules["insert/pfn-needs-flags"], vmaName(vma));
  if (flags === VM.PFNMAP && isCowMapping(vma.flags)) bug(k, insertRules["insert/pfn-in-cow"], vmaName(vma));
  if (flags === VM.MIXEDMAP && k.frames.valid(pfn)) bug(k, insertRules["insert/valid-pfn-in-mixedmap"], vmaName(vma));
  if (address < vma.start || address >= vma.end) {
    k.refuse(insertRules["insert/pfn-outside-vma"], 0, vmaName(vma));
    return FAULT.sigbus;
  }
  return insertPfn(k, vma, address, pfn);
}

/**
 * pfnmap_setup_cachemode_pfn (track_pfn_insert up to 6.15): the page's cache mode, or the VMA's where memtypes are not
 * tracked.
 */
function setupCachemodePfn(k: Kernel, vma: Vma, pfn: number): number {
  return k.arch.pat ? k.pat.lookup(pfn) : vma.cacheMode;
}

/** Whether fault injection denies the page of a page table that is needed now. */
function noTable(k: Kernel): boolean {
  const { tables } = k.faultInjection;
  if (tables === undefined) return false;
  const denied = tables === 0;
  k.faultInjection = { tables: denied ? undefined : tables - 1, oomLeaked: denied };
  return denied;
}

/** insert_pfn, mm/memory.c: a special entry, where none is yet; FAULT.oom without a page for the table. */
function insertPfn(k: Kernel, vma: Vma, address: number, pfn: number): number {
  const mode = setupCachemodePfn(k, vma, pfn);
  const there = vma.mm.table.leaf(address);
  if (there === undefined && noTable(k)) {
    k.refuse(insertRules["insert/no-table"], errnos.ENOMEM, vmaName(vma));
    return FAULT.oom;
  }
  const leaf = there ?? pteAlloc(k, vma, address);
  const slot = vma.mm.table.slot(address);
  if (leaf.bits[slot] !== 0) {
    k.note(insertRules["insert/pfn-kept"]);
    return FAULT.nopage;
  }
  leaf.used++;
  leaf.pfn[slot] = pfn;
  leaf.bits[slot] = vma.pageProt | PTE.special;
  leaf.setCacheMode(slot, 1, mode);
  k.counters.ptes++;
  k.note(insertRules["insert/pfn-inserted"]);
  return FAULT.nopage;
}

/**
 * vmf_insert_mixed, mm/memory.c: with special entries a bare frame number even for memory; without
 * them a frame that has a struct page is inserted as a page.
 */
export function vmfInsertMixed(k: Kernel, vma: Vma, address: number, pfn: number): number {
  if (!vma.has(VM.MIXEDMAP)) {
    if (k.design["vmf-insert-mixed.unmixed"] === "bug") bug(k, insertRules["insert/mixed-not-allowed"], vmaName(vma));
    k.refuse(insertRules["insert/mixed-not-allowed"], 0, vmaName(vma));
    return FAULT.sigbus;
  }
  if (address < vma.start || address >= vma.end) {
    k.refuse(insertRules["insert/pfn-outside-vma"], 0, vmaName(vma));
    return FAULT.sigbus;
  }
  if (k.design["arch.pte-special"] === "yes" || !k.frames.valid(pfn)) return insertPfn(k, vma, address, pfn);
  const error = insertPage(k, vma, address, pfn, k.design["vmf-insert-mixed.uncounted"] === "inserted");
  return error < 0 && error !== -errnos.EBUSY ? FAULT.sigbus : FAULT.nopage;
}

/**
 * remap_pfn_range, mm/memory.c: maps `bytes` bytes of consecutive frames at once. 0, or -EINVAL for
 * an unaligned address, a part of a private mapping, or a second reservation of its memory
 * type. An entry that is already there is a BUG.
 */
export function remapPfnRange(k: Kernel, vma: Vma, address: number, pfn: number, bytes: number): number {
  if (address % k.pageSize !== 0) return k.refuse(insertRules["insert/remap-unaligned"], errnos.EINVAL, vmaName(vma));
  const end = address + Math.ceil(bytes / k.pageSize) * k.pageSize;
  if (isCowMapping(vma.flags)) {
    if (address !== vma.start || end !== vma.end)
      return k.refuse(insertRules["insert/remap-cow-whole"], errnos.EINVAL, vmaName(vma));
    vma.pgoff = pfn;
    k.note(insertRules["insert/remap-cow-pgoff"], vmaName(vma));
  }
  const mode = trackPfnRemap(k, vma, address, pfn, end);
  if (mode < 0) return mode;
  vma.flags |= VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
  k.note(insertRules["insert/remap-flags"], vmaName(vma));
  fillPfns(k, vma, address, end, pfn, mode);
  return 0;
}

/**
 * remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c (io_mapping_map_user, mm/io-mapping.c): `bytes` bytes of
 * entries with the mode of an io_mapping, over any old ones, without a memtype lookup. 0, or -EINVAL for a
 * mapping without the flags.
 */
export function remapIoMapping(
  k: Kernel,
  io: IoMapping,
  vma: Vma,
  address: number,
  first: number,
  bytes: number,
): number {
  const expected = VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
  if ((vma.flags & expected) !== expected)
    return k.refuse(insertRules["insert/io-mapping-flags"], errnos.EINVAL, vmaName(vma));
  const { table } = vma.mm;
  const bits = vma.pageProt | PTE.special;
  for (let at = address, pfn = first; at < address + bytes; at += k.pageSize, pfn++) {
    const leaf = pteAlloc(k, vma, at);
    const slot = table.slot(at);
    leaf.set(slot, pfn, bits);
    leaf.setCacheMode(slot, 1, io.mode);
  }
  k.counters.ptes += Math.ceil(bytes / k.pageSize);
  k.note(insertRules["insert/io-mapping"], vmaName(vma));
  return 0;
}

/** remap_p4d_range down to remap_pte_range: leaf by leaf. */
function fillPfns(k: Kernel, vma: Vma, from: number, end: number, first: number, mode: number): void {
  const table = vma.mm.table;
  const bits = vma.pageProt | PTE.special;
  let pfn = first;
  for (let address = from; address < end; ) {
    const leaf = pteAlloc(k, vma, address);
    const slot = table.slot(address);
    const n = Math.min(table.entries - slot, (end - address) / k.pageSize);
    if (leaf.used > 0 && leaf.bits.subarray(slot, slot + n).some((b) => b !== 0)) {
      bug(k, insertRules["insert/remap-populated"], vmaName(vma));
    }
    const pfns = leaf.pfn;
    for (let i = 0; i < n; i++) pfns[slot + i] = pfn + i;
    leaf.bits.fill(bits, slot, slot + n);
    leaf.setCacheMode(slot, n, mode);
    leaf.used += n;
    pfn += n;
    address += n * k.pageSize;
    k.counters.ptes += n;
  }
}
