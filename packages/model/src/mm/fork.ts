/** dup_mmap (kernel/fork.c, mm/mmap.c) and copy_page_range (mm/memory.c): a child's address space. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { statusOf } from "./account.js";
import { exitMmap } from "./exit.js";
import { copyFrame } from "./fault.js";
import { PG } from "./frames.js";
import { copyHugePage } from "./hugetlb.js";
import { pmdAlloc, pteAlloc } from "./insert.js";
import { copyOf, linkVma } from "./merge.js";
import { Mm } from "./mm.js";
import { vmNormalPage } from "./normal-page.js";
import { trackPfnCopy } from "./memtype.js";
import { PTE } from "./page-table.js";
import { addFileRmap, addMmCounter, addNewAnonRmap, folioGet } from "./rmap.js";
import { AnonVma, VM, isCowMapping } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { HugeEntry, Leaf } from "./page-table.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "fork/dontcopy": {
    sentence: "A VM_DONTCOPY VMA is absent in the child.",
    kernel: [
      ["5.10", "dup_mmap, kernel/fork.c"],
      ["6.16", "dup_mmap, mm/mmap.c"],
    ],
  },
  "fork/wipeonfork": {
    sentence: "A VM_WIPEONFORK VMA is empty in the child.",
    kernel: [
      ["5.10", "dup_mmap, kernel/fork.c"],
      ["6.16", "dup_mmap, mm/mmap.c"],
    ],
  },
  "fork/not-copied": {
    sentence: "PTEs of a shared mapping of normal pages are not copied: the child faults them in again.",
    kernel: "vma_needs_copy, mm/memory.c",
  },
  "fork/copied": {
    sentence:
      "PTEs of VM_PFNMAP and VM_MIXEDMAP VMAs, and of VMAs with an anon_vma, are copied: the child needs no fault.",
    kernel: "vma_needs_copy, mm/memory.c",
  },
  "fork/write-protected": {
    sentence: "fork write-protects private writable PTEs in both processes, so that the first writer copies.",
    kernel: [
      ["5.10", "copy_present_pte, mm/memory.c"],
      ["6.9", "copy_present_ptes, mm/memory.c"],
    ],
  },
  "fork/track-copy": {
    sentence: "Up to 6.15 fork on x86 gives ENOMEM if a tracked private VMA had its first page written (COWed).",
    kernel: "track_pfn_copy and get_pat_info, arch/x86/mm/pat/memtype.c (up to 6.15)",
  },
  "fork/pinned-no-huge-page": {
    sentence: "fork gives ENOMEM when the hugetlb pool has no page for the copy of a pinned one.",
    kernel: [["5.13", "copy_hugetlb_page_range, mm/hugetlb.c"]],
  },
  "fork/pinned-copied": {
    sentence:
      "fork copies an anonymous page that may be pinned for the child at once; it stays writable in the parent.",
    kernel: [
      ["5.10", "copy_present_page, mm/memory.c"],
      ["6.1", "copy_present_page, mm/memory.c; page_try_dup_anon_rmap, include/linux/rmap.h"],
      ["6.8", "copy_present_page, mm/memory.c; folio_try_dup_anon_rmap_pte, include/linux/rmap.h"],
    ],
  },
});

/**
 * dup_mm, kernel/fork.c: a copy of an address space under a name, or -ENOMEM; the parent's mmap lock is held for
 * writing.
 */
export function* dupMm(k: Kernel, parent: Mm, name: string): Path<Mm | number> {
  const child = new Mm(name, parent.arch, parent.memory);
  yield* acquire(k, parent.mmapLock, "write");
  const stuck = parent.vmas.findIndex((vma) => trackPfnCopyFails(k, vma));
  const whole = stuck < 0;
  let failed = 0;
  for (const vma of parent.vmas.slice(0, whole ? undefined : stuck)) {
    failed = yield* dupVma(k, vma, child);
    if (failed < 0) break;
  }
  child.baseline = statusOf(child);
  yield* release(k, parent.mmapLock);
  if (whole && failed === 0) return child;
  yield* exitMmap(k, child);
  if (failed < 0) return failed;
  return k.refuse(rule["fork/track-copy"], errnos.ENOMEM, `mapping at 0x${parent.vmas[stuck].start.toString(16)}`);
}

/**
 * track_pfn_copy, arch/x86/mm/pat/memtype.c: with VM_PAT the memory type of a tracked mapping is
 * read from its first entry, which copy-on-write may have made an ordinary page.
 */
function trackPfnCopyFails(k: Kernel, vma: Vma): boolean {
  if (k.design["pat.tracking"] !== "vm-pat" || !vma.has(VM.ARCH_1) || vma.has(VM.DONTCOPY) || !isCowMapping(vma.flags))
    return false;
  const leaf = vma.mm.table.leaf(vma.start);
  return leaf === undefined || (leaf.bits[vma.mm.table.slot(vma.start)] & PTE.special) === 0;
}

/** One turn of dup_mmap's loop. 0 or -ENOMEM. */
function* dupVma(k: Kernel, vma: Vma, child: Mm): Path<number> {
  if (vma.has(VM.DONTCOPY)) {
    k.note(rule["fork/dontcopy"]);
    return 0;
  }
  const copy = copyOf(vma, child, vma.start, vma.end);
  anonVmaFork(k, vma, copy);
  copy.flags &= ~(VM.LOCKED | VM.LOCKONFAULT);
  if (copy.file !== undefined) copy.file.refs++;
  linkVma(copy);
  const pages = (copy.end - copy.start) / k.pageSize;
  child.totalVm += pages;
  if (copy.has(VM.ACCOUNT)) k.committed += pages;
  let failed = 0;
  if (vma.has(VM.WIPEONFORK)) k.note(rule["fork/wipeonfork"]);
  else if (vma.has(VM.HUGETLB)) failed = copyHuge(k, vma, copy);
  else copyPageRange(k, vma, copy);
  if (copy.ops?.open !== undefined) yield* copy.ops.open(copy);
  return failed;
}

/**
 * anon_vma_fork, mm/rmap.c: the child's own set below the parent's; none for a mapping without anonymous pages, nor for
 * one that is wiped.
 */
function anonVmaFork(k: Kernel, vma: Vma, copy: Vma): void {
  if (vma.anonVma === undefined) return;
  if (vma.has(VM.WIPEONFORK)) {
    vma.anonVma.root.vmas.delete(copy);
    copy.anonVma = undefined;
    copy.anonChain = 0;
    return;
  }
  copy.anonVma = new AnonVma(k.id(), vma.anonVma.root);
  copy.anonChain = vma.anonChain + 1;
  k.owners.set(copy.anonVma.id, copy.anonVma);
}

/** vma_needs_copy, mm/memory.c: entries that a fault could not bring back, and those that may be anonymous. */
function vmaNeedsCopy(k: Kernel, vma: Vma): boolean {
  if (vma.has(VM.PFNMAP | VM.MIXEDMAP)) return true;
  if (vma.anonVma !== undefined) return true;
  return k.design["guard.vma-flag"] === "maybe-guard" && vma.has(VM.MAYBE_GUARD);
}

/** copy_page_range, mm/memory.c. */
function copyPageRange(k: Kernel, vma: Vma, copy: Vma): void {
  if (!vmaNeedsCopy(k, vma)) {
    k.note(rule["fork/not-copied"]);
    return;
  }
  trackPfnCopy(k, vma, copy);
  const cow = isCowMapping(vma.flags);
  if (cow) vma.mm.invalidate(vma.start, vma.end);
  const table = vma.mm.table;
  for (let address = vma.start; address < vma.end; ) {
    const slot = table.slot(address);
    const n = Math.min(table.entries - slot, (vma.end - address) / k.pageSize);
    const leaf = table.leaf(address);
    if (leaf !== undefined) copyLeaf(k, vma, copy, leaf, pteAlloc(k, copy, address), address, slot, n, cow);
    address = leaf === undefined ? table.afterHole(address, vma.end) : address + n * k.pageSize;
  }
  if (cow) k.counters.tlb_flushes++;
}

/** copy_pte_range, mm/memory.c: `n` entries of one table. */
function copyLeaf(
  k: Kernel,
  vma: Vma,
  copy: Vma,
  from: Leaf,
  to: Leaf,
  address: number,
  first: number,
  n: number,
  cow: boolean,
): void {
  if (from.used === 0) return;
  for (let i = 0; i < n; i++) {
    const slot = first + i;
    const bits = from.bits[slot];
    if (bits === 0) continue;
    k.counters.ptes++;
    if ((bits & PTE.present) === 0) {
      to.set(slot, from.pfn[slot], bits);
      continue;
    }
    const at = address + i * k.pageSize;
    const pfn = vmNormalPage(k, vma, at, from.pfn[slot], bits);
    if (pfn >= 0 && !shareNormal(k, vma, copy, to, slot, at, pfn)) continue;
    copyPresent(k, vma, from, to, slot, bits, cow);
  }
  to.copyCacheModes(from, first, n);
  k.note(rule["fork/copied"]);
}

/**
 * A page gets one more user; false when the child got a copy instead, because the page may be
 * pinned (copy_present_page, mm/memory.c).
 */
function shareNormal(k: Kernel, vma: Vma, copy: Vma, to: Leaf, slot: number, address: number, pfn: number): boolean {
  if ((k.frames.flags(pfn) & PG.anon) === 0) {
    folioGet(k, pfn);
    addFileRmap(k, pfn);
    addMmCounter(k, copy.mm, pfn, 1);
    return true;
  }
  if (mustCopyPinned(k, vma, pfn)) {
    const fresh = k.frames.alloc(0);
    copyFrame(k, pfn, fresh);
    addNewAnonRmap(k, fresh, copy, address);
    copy.mm.rssAnon++;
    to.set(slot, fresh, copy.pageProt | PTE.dirty | (copy.has(VM.WRITE) ? PTE.write : 0));
    k.note(rule["fork/pinned-copied"]);
    return false;
  }
  k.frames.clearFlags(pfn, PG.exclusive);
  folioGet(k, pfn);
  k.frames.addMap(pfn, 1);
  copy.mm.rssAnon++;
  return true;
}

/** folio_needs_cow_for_dma: the address space has had pins, and the page looks pinned. */
function mustCopyPinned(k: Kernel, vma: Vma, pfn: number): boolean {
  if (!vma.mm.hasPinned || !k.frames.maybePinned(pfn)) return false;
  return k.design["cow.reuse"] === "page-count" || (k.frames.flags(pfn) & PG.exclusive) !== 0;
}

/**
 * __copy_present_ptes, mm/memory.c: write-protects both in private mappings; shared entries are clean in the child; the
 * child's are old.
 */
function copyPresent(k: Kernel, vma: Vma, from: Leaf, to: Leaf, slot: number, bits: number, cow: boolean): void {
  if (cow && (bits & PTE.write) !== 0) {
    bits &= ~PTE.write;
    from.bits[slot] = bits;
    k.note(rule["fork/write-protected"]);
  }
  if (vma.has(VM.SHARED)) bits &= ~PTE.dirty;
  to.set(slot, from.pfn[slot], bits & ~PTE.young);
}

/**
 * copy_hugetlb_page_range, mm/hugetlb.c: entries of a mapping that has pages of its own; up to 6.0 those of every one.
 * 0, or -ENOMEM when a pinned page cannot be copied.
 */
function copyHuge(k: Kernel, vma: Vma, copy: Vma): number {
  const entries = [...vma.mm.table.huge].filter(([address]) => address >= vma.start && address < vma.end);
  const own = entries.some(([, entry]) => (k.frames.flags(entry.pfn) & PG.anon) !== 0);
  if (!own && k.design["fork.hugetlb"] === "anonymous") return 0;
  const cow = isCowMapping(vma.flags);
  if (cow) vma.mm.invalidate(vma.start, vma.end);
  for (const [address, entry] of entries) {
    pmdAlloc(k, copy.mm, address);
    if (hugeMustBeCopied(k, vma, entry.pfn)) {
      const failed = copyPinnedHuge(k, copy, address, entry);
      if (failed < 0) return failed;
      continue;
    }
    if (cow) entry.bits &= ~PTE.write;
    k.frames.clearFlags(entry.pfn, PG.exclusive);
    folioGet(k, entry.pfn);
    k.frames.addMap(entry.pfn, 1);
    copy.mm.table.huge.set(address, { pfn: entry.pfn, bits: entry.bits });
  }
  return 0;
}

/** hugetlb_try_dup_anon_rmap, include/linux/rmap.h: whether the page may be pinned and is the parent's alone. */
function hugeMustBeCopied(k: Kernel, vma: Vma, pfn: number): boolean {
  if (k.design["fork.hugetlb-pinned"] === "shared" || (k.frames.flags(pfn) & PG.anon) === 0) return false;
  return mustCopyPinned(k, vma, pfn);
}

/** A pinned anonymous huge page stays the parent's alone: the child gets a copy at once (hugetlb_install_folio). */
function copyPinnedHuge(k: Kernel, copy: Vma, address: number, entry: HugeEntry): number {
  const page = k.hugetlb.take(k, false);
  if (page < 0)
    return k.refuse(rule["fork/pinned-no-huge-page"], errnos.ENOMEM, `mapping at 0x${copy.start.toString(16)}`);
  copyHugePage(k, entry.pfn, page);
  const bits = entry.bits | PTE.dirty | (copy.has(VM.WRITE) ? PTE.write : 0);
  copy.mm.table.huge.set(address, { pfn: page, bits });
  k.note(rule["fork/pinned-copied"]);
  return 0;
}
