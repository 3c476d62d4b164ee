/**
 * Page faults (handle_mm_fault and what it calls, mm/memory.c). The mmap lock is the caller's,
 * held for reading; releases from 6.4 on may hold the mapping's own lock instead, which keeps
 * out the same writers, so that the model does not tell the two apart. The page-table lock is
 * taken here, and what was read without it is checked again under it.
 */
import { acquire, KernelHang, release } from "../sched/path.js";
import { PG } from "./frames.js";
import { hugetlbFault } from "./hugetlb.js";
import { pmdAlloc, pteAlloc } from "./insert.js";
import { folioAddActive } from "./lazyfree.js";
import { reusableAnonVma } from "./merge.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import {
  addFileRmap,
  addMmCounter,
  addNewAnonRmap,
  anonVmaPrepare,
  folioGet,
  folioPut,
  linearPageIndex,
  removeRmap,
} from "./rmap.js";
import { FAULT, VM, VM_SPECIAL, vmaHasRecency, vmaName } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";
import type { Leaf } from "./page-table.js";
import type { Vma, VmFault } from "./vma.js";

const rule = rules({
  "fault/mkwrite-unowned": {
    sentence: "page_mkwrite on a page with no mapping looks truncated: the fault is retried for ever.",
    kernel: "do_page_mkwrite, mm/memory.c",
  },
  "fault/no-handler": {
    sentence:
      "A fault on an absent PTE of a VMA without a fault handler gives SIGBUS: such a VMA is populated once, at mmap.",
    kernel: "do_fault, mm/memory.c",
  },
  "fault/handler-refused": {
    sentence: "The VMA's fault handler returns VM_FAULT_SIGBUS.",
    kernel: "__do_fault, mm/memory.c",
  },
  "fault/guard": {
    sentence: "Access to a guard marker gives SIGSEGV.",
    kernel: "handle_pte_marker, mm/memory.c",
  },
  "fault/anon-zero": {
    sentence: "A read fault on an absent anonymous PTE maps the shared zero page, which counts in no RSS.",
    kernel: "do_anonymous_page, mm/memory.c",
  },
  "fault/anon-new": {
    sentence: "A write fault on an absent anonymous PTE allocates a new folio.",
    kernel: "do_anonymous_page, mm/memory.c",
  },
  "fault/page-from-file": {
    sentence: "The handler returned a page: the PTE holds a refcount and a mapcount on its folio.",
    kernel: "finish_fault, mm/memory.c",
  },
  "fault/fault-around": {
    sentence: "A read fault also maps neighbours that are in the page cache, within 64 KiB.",
    kernel: "do_fault_around, mm/memory.c; filemap_map_pages, mm/filemap.c",
  },
  "fault/cow-fault": {
    sentence: "A first write fault in a private mapping copies the file's page directly.",
    kernel: "do_cow_fault, mm/memory.c",
  },
  "fault/cow-copy": {
    sentence: "A write fault on a page that is not exclusive to the process makes an anonymous copy.",
    kernel: "wp_page_copy, mm/memory.c",
  },
  "fault/cow-copy-pfn": {
    sentence:
      "A write fault on a special PTE in a private mapping copies through the user address, because the PFN has no " +
      "struct page.",
    kernel: "__wp_page_copy_user, mm/memory.c",
  },
  "fault/cow-old-entry": {
    sentence:
      "The copy of a special PTE sets its accessed bit; if the PTE was old, as in a child, it has changed, so the " +
      "copy is dropped and the fault retried.",
    kernel: "wp_page_copy, mm/memory.c",
  },
  "fault/cow-reuse": {
    sentence: "A write fault on an anonymous page exclusive to the process makes its PTE writable again.",
    kernel: "do_wp_page, mm/memory.c",
  },
  "fault/shared-reuse": {
    sentence: "A write fault on a read-only PTE of a shared writable VMA makes the PTE writable.",
    kernel: "wp_page_shared, mm/memory.c",
  },
  "fault/pfn-mkwrite": {
    sentence: "A VMA with pfn_mkwrite gets read-only PTEs, and the first write to each takes its own fault.",
    kernel: [
      ["5.10", "wp_pfn_shared, mm/memory.c; vma_wants_writenotify, mm/mmap.c"],
      ["6.12", "wp_pfn_shared, mm/memory.c; vma_wants_writenotify, mm/vma.c"],
    ],
  },
  "fault/page-mkwrite": {
    sentence: "page_mkwrite is called before a PTE of the VMA becomes writable.",
    kernel: "do_page_mkwrite, mm/memory.c",
  },
  "fault/spurious": {
    sentence: "The PTE already permits the access: the fault only sets its young and dirty bits.",
    kernel: "handle_pte_fault, mm/memory.c",
  },
  "fault/no-memory": {
    sentence: "No page is free for the fault: VM_FAULT_OOM.",
    kernel: "handle_mm_fault, mm/memory.c",
  },
});

/** FAULT_FLAG_*: what kind of access. `unshare` asks for an exclusive page without a write. */
export const FAULT_FLAG = { read: 0, write: 1, unshare: 2, remote: 4 } as const;

/** VM_FAULT_ERROR: bits that end the access. */
export const FAULT_ERROR = FAULT.oom | FAULT.sigbus | FAULT.sigsegv | FAULT.hwpoison;

/** Answers of a handler after which there is no page to map. */
const HANDLER_DONE = FAULT_ERROR | FAULT.nopage | FAULT.retry;

/** What a read fault may map around the page that it is for (fault_around_bytes). */
const FAULT_AROUND_BYTES = 65536;

/**
 * handle_mm_fault, mm/memory.c: makes one access possible, or says by FAULT bits why not. The
 * caller has checked the mapping's protection. `task` is who takes the fault: it counts there,
 * also when it is for another process's memory.
 */
export function* handleMmFault(k: Kernel, mm: Mm, vma: Vma, address: number, flags: number, task?: Task): Path<number> {
  const page = address - (address % k.pageSize);
  const write = (flags & FAULT_FLAG.write) !== 0;
  let ret: number;
  if (mm.table.leaf(page) === undefined) pmdAlloc(k, mm, page);
  if ((vma.flags & VM.HUGETLB) !== 0) ret = hugetlbFault(k, vma, address, write, (flags & FAULT_FLAG.unshare) !== 0);
  else {
    const leaf = mm.table.leaf(page);
    const bits = leaf === undefined ? 0 : leaf.bits[mm.table.slot(page)];
    if (bits === 0) {
      if (vma.file !== undefined || vma.ops !== undefined) {
        // do_fault: an absent entry of a mapping with methods. A path of its own would cost every such fault a
        // generator.
        const vmf = beforeHandler(k, vma, page, write);
        if (typeof vmf === "number") ret = vmf;
        else {
          ret = yield* vma.ops!.fault!(vmf);
          ret = (ret & HANDLER_DONE) !== 0 ? handlerDone(k, vma, ret) : yield* afterHandler(k, vmf);
        }
      } else ret = yield* doAnonymousPage(k, vma, page, write);
    } else if ((bits & PTE.present) === 0) {
      ret = notPresent(k, vma, bits);
    } else {
      ret = yield* presentFault(k, vma, leaf!, page, flags);
    }
  }
  if ((ret & (FAULT_ERROR | FAULT.retry | FAULT.major)) === 0) {
    k.counters.faults++;
    if (task !== undefined) task.minorFaults++;
  }
  return ret;
}

/** do_swap_page for what is no swap entry: a guard marker (handle_pte_marker, mm/memory.c). */
function notPresent(k: Kernel, vma: Vma, bits: number): number {
  if ((bits & PTE.marker) === 0) throw new Error("an entry that is neither present nor a marker");
  k.refuse(rule["fault/guard"], 0, vmaName(vma));
  return FAULT.sigsegv;
}

/** do_anonymous_page, mm/memory.c: the zero page for a read, a page of its own for a write. */
function* doAnonymousPage(k: Kernel, vma: Vma, address: number, write: boolean): Path<number> {
  if (!write) {
    if (k.concurrent) yield* acquire(k, vma.mm.ptl, "write");
    const leaf = pteAlloc(k, vma, address);
    const slot = vma.mm.table.slot(address);
    if (leaf.bits[slot] === 0) {
      leaf.set(slot, k.zeroPfn, vma.pageProt | specialBit(k));
      k.counters.ptes++;
      k.note(rule["fault/anon-zero"]);
    }
    if (k.concurrent) yield* release(k, vma.mm.ptl);
    return FAULT.none;
  }
  anonVmaPrepare(k, vma, reusableAnonVma(k));
  const pfn = k.frames.alloc(0);
  if (pfn < 0) return outOfMemory(k, vma);
  if (k.concurrent) yield* acquire(k, vma.mm.ptl, "write");
  const leaf = pteAlloc(k, vma, address);
  const slot = vma.mm.table.slot(address);
  if (leaf.bits[slot] === 0) {
    vma.mm.rssAnon++;
    addNewAnonRmap(k, pfn, vma, address);
    lruAddInFault(k, vma, pfn);
    leaf.set(slot, pfn, vma.has(VM.WRITE) ? vma.pageProt | PTE.write | PTE.dirty : vma.pageProt);
    k.counters.ptes++;
    k.counters.pages_zeroed++;
    k.note(rule["fault/anon-new"]);
  } else folioPut(k, pfn);
  if (k.concurrent) yield* release(k, vma.mm.ptl);
  return FAULT.none;
}

/** pte_mkspecial, where the architecture has it. */
function specialBit(k: Kernel): number {
  return k.design["arch.pte-special"] === "yes" ? PTE.special : 0;
}

function outOfMemory(k: Kernel, vma: Vma): number {
  k.refuse(rule["fault/no-memory"], 0, vmaName(vma));
  return FAULT.oom;
}

/** The handler's arguments, or FAULT bits if it need not be called. */
function beforeHandler(k: Kernel, vma: Vma, address: number, write: boolean): VmFault | number {
  const { ops } = vma;
  if (ops?.fault === undefined) {
    k.refuse(rule["fault/no-handler"], 0, vmaName(vma));
    return FAULT.sigbus;
  }
  if (!write && ops.mapPages && faultAround(k, vma, address)) return FAULT.nopage;
  if (write && (vma.flags & VM.SHARED) === 0) anonVmaPrepare(k, vma, reusableAnonVma(k));
  return { vma, address, pgoff: vma.pgoff + (address - vma.start) / k.pageSize, write, pfn: -1 };
}

function handlerDone(k: Kernel, vma: Vma, ret: number): number {
  if ((ret & FAULT_ERROR) !== 0) k.refuse(rule["fault/handler-refused"], 0, vmaName(vma));
  return ret;
}

/** The handler gave a page: it is mapped, or a private copy of it (do_read_fault, do_cow_fault, do_shared_fault). */
function* afterHandler(k: Kernel, vmf: VmFault): Path<number> {
  const { vma } = vmf;
  if (vmf.write && !vma.has(VM.SHARED)) return yield* finishCow(k, vmf);
  if (vmf.write && vma.ops!.pageMkwrite !== undefined) {
    const refused = yield* mkwrite(vma.ops!.pageMkwrite(vmf));
    if (refused >= 0) {
      folioPut(k, vmf.pfn);
      return refused;
    }
  }
  return yield* finishFault(k, vmf, vmf.pfn);
}

/** Asks page_mkwrite or pfn_mkwrite: -1 when the page may become writable, else FAULT bits. */
function* mkwrite(path: Path<number>): Path<number> {
  const ret = yield* path;
  return (ret & (FAULT_ERROR | FAULT.nopage)) !== 0 ? ret : -1;
}

/** The second half of do_cow_fault, mm/memory.c: a private copy of the handler's page is mapped instead. */
function* finishCow(k: Kernel, vmf: VmFault): Path<number> {
  const copy = k.frames.alloc(0);
  if (copy < 0) {
    folioPut(k, vmf.pfn);
    return outOfMemory(k, vmf.vma);
  }
  copyFrame(k, vmf.pfn, copy);
  k.note(rule["fault/cow-fault"], vmaName(vmf.vma));
  const ret = yield* finishFault(k, vmf, copy);
  folioPut(k, vmf.pfn);
  return ret;
}

/**
 * finish_fault, mm/memory.c: maps a page that came with a reference, which the entry keeps; drops it when another fault
 * was first.
 */
function* finishFault(k: Kernel, vmf: VmFault, pfn: number): Path<number> {
  const { vma, address } = vmf;
  if (k.concurrent) yield* acquire(k, vma.mm.ptl, "write");
  const leaf = pteAlloc(k, vma, address);
  const slot = vma.mm.table.slot(address);
  let ret: number = FAULT.none;
  if (leaf.bits[slot] !== 0) {
    folioPut(k, pfn);
    ret = FAULT.nopage;
  } else {
    ret = dirtiesShared(k, vma, pfn, vmf.write);
    setNewPte(k, vma, leaf, slot, address, pfn, vmf.write);
  }
  if (k.concurrent) yield* release(k, vma.mm.ptl);
  return ret;
}

/**
 * fault_dirty_shared_page, mm/memory.c: FAULT.major where a page of a file that becomes dirty has the fault taken
 * again.
 */
function dirtiesShared(k: Kernel, vma: Vma, pfn: number, write: boolean): number {
  if (!write || !vma.has(VM.SHARED) || k.design["fault.shared-dirty"] === "completed") return FAULT.none;
  const head = k.frames.head(pfn);
  const dirtied = (k.frames.flags(head) & PG.dirty) === 0 || vma.ops?.pageMkwrite !== undefined;
  return dirtied && k.frames.owner(pfn) !== 0 ? FAULT.major : FAULT.none;
}

/**
 * set_pte_range, mm/memory.c: the entry, its map count and the RSS; a shared write also makes the page dirty
 * (fault_dirty_shared_page).
 */
function setNewPte(k: Kernel, vma: Vma, leaf: Leaf, slot: number, address: number, pfn: number, write: boolean): void {
  let bits = vma.pageProt;
  if (write) bits |= vma.has(VM.WRITE) ? PTE.write | PTE.dirty : PTE.dirty;
  if (write && !vma.has(VM.SHARED)) {
    addNewAnonRmap(k, pfn, vma, address);
    lruAddInFault(k, vma, pfn);
  } else {
    addFileRmap(k, pfn);
    if (write) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
    k.note(rule["fault/page-from-file"]);
  }
  addMmCounter(k, vma.mm, pfn, 1);
  leaf.set(slot, pfn, bits);
  k.counters.ptes++;
}

/**
 * do_fault_around, mm/memory.c with filemap_map_pages, mm/filemap.c: maps what the page cache
 * holds in the 64 KiB around, within the mapping, the file and one table. Whether the page
 * asked for was among them.
 */
function faultAround(k: Kernel, vma: Vma, address: number): boolean {
  const mapping = vma.file!.inode.mapping;
  if (mapping.pages.size === 0) return false;
  const table = vma.mm.table;
  const slot = table.slot(address);
  const inVma = (address - vma.start) / k.pageSize;
  const pages = (vma.end - vma.start) / k.pageSize;
  const around = FAULT_AROUND_BYTES / k.pageSize;
  const from = Math.max(slot - (slot % around), slot - Math.min(slot, inVma));
  const to = Math.min(from + around, table.entries, slot + pages - inVma);
  const fileEnd = Math.ceil(vma.file!.inode.size / k.pageSize);
  let hit = false;
  for (let at = from; at < to; at++) {
    const place = address + (at - slot) * k.pageSize;
    const index = linearPageIndex(k, vma, place);
    const pfn = index < fileEnd ? mapping.pages.get(index) : undefined;
    if (pfn === undefined || (k.frames.flags(pfn) & PG.notUptodate) !== 0) continue;
    const leaf = pteAlloc(k, vma, place);
    if (leaf.bits[at] !== 0) continue;
    folioGet(k, pfn);
    setNewPte(k, vma, leaf, at, place, pfn, false);
    if (at === slot) hit = true;
    else k.note(rule["fault/fault-around"]);
  }
  return hit;
}

/** handle_pte_fault for a present entry, mm/memory.c. */
function* presentFault(k: Kernel, vma: Vma, leaf: Leaf, address: number, flags: number): Path<number> {
  const slot = vma.mm.table.slot(address);
  const before = leaf.bits[slot];
  const frame = leaf.pfn[slot];
  if (k.concurrent) {
    yield* acquire(k, vma.mm.ptl, "write");
    if (leaf.bits[slot] !== before || leaf.pfn[slot] !== frame) {
      yield* release(k, vma.mm.ptl);
      return FAULT.none;
    }
  }
  let ret: number = FAULT.none;
  if ((flags & (FAULT_FLAG.write | FAULT_FLAG.unshare)) !== 0 && (before & PTE.write) === 0) {
    ret = yield* doWpPage(k, vma, leaf, slot, address, flags);
  } else {
    leaf.bits[slot] |= (flags & FAULT_FLAG.write) !== 0 ? PTE.young | PTE.dirty : PTE.young;
    k.counters.ptes++;
    k.note(rule["fault/spurious"]);
  }
  if (k.concurrent && vma.mm.ptl.writer) yield* release(k, vma.mm.ptl);
  return ret;
}

/** do_wp_page, mm/memory.c: a write to (or an unsharing of) a read-only entry. */
function* doWpPage(k: Kernel, vma: Vma, leaf: Leaf, slot: number, address: number, flags: number): Path<number> {
  const unshare = (flags & FAULT_FLAG.unshare) !== 0;
  const pfn = vmNormalPage(k, vma, address, leaf.pfn[slot], leaf.bits[slot]);
  if (!unshare && vma.has(VM.SHARED)) return yield* wpShared(k, vma, leaf, slot, address, pfn);
  if (pfn >= 0 && (k.frames.flags(pfn) & PG.anon) !== 0 && canReuse(k, pfn)) {
    if (unshare) return FAULT.none;
    k.note(rule["fault/cow-reuse"]);
    wpPageReuse(k, vma, leaf, slot);
    return FAULT.none;
  }
  return wpPageCopy(k, vma, leaf, slot, address, pfn, unshare);
}

/** PageAnonExclusive or wp_can_reuse_anon_folio, mm/memory.c: there is no other reference. */
function canReuse(k: Kernel, pfn: number): boolean {
  const exclusive = (k.frames.flags(pfn) & PG.exclusive) !== 0;
  if (k.design["cow.reuse"] === "page-count") return k.frames.ref(pfn) === 1;
  if (exclusive) return true;
  if (k.frames.order(pfn) > 0 || k.frames.ref(pfn) !== 1) return false;
  k.frames.setFlags(pfn, PG.exclusive);
  return true;
}

/** wp_page_reuse, mm/memory.c: the entry becomes writable where the mapping allows it. */
function wpPageReuse(k: Kernel, vma: Vma, leaf: Leaf, slot: number): void {
  leaf.bits[slot] |= PTE.young | PTE.dirty | (vma.has(VM.WRITE) ? PTE.write : 0);
  k.counters.ptes++;
}

/**
 * do_page_mkwrite, mm/memory.c: a page that the method left unlocked and that no file has is taken for truncated, and
 * the access begins again.
 */
function faultsForEver(k: Kernel, vma: Vma): never {
  k.trace.refuse(rule["fault/mkwrite-unowned"], 0, vmaName(vma));
  throw new KernelHang(`a store to ${vmaName(vma)} faults again and again: its page belongs to no file`);
}

/** wp_page_shared and wp_pfn_shared, mm/memory.c. */
function* wpShared(k: Kernel, vma: Vma, leaf: Leaf, slot: number, address: number, pfn: number): Path<number> {
  const ask = pfn < 0 ? vma.ops?.pfnMkwrite : vma.ops?.pageMkwrite;
  if (ask !== undefined) {
    const bits = leaf.bits[slot];
    const frame = leaf.pfn[slot];
    const vmf: VmFault = { vma, address, pgoff: linearPageIndex(k, vma, address), write: true, pfn };
    k.note(pfn < 0 ? rule["fault/pfn-mkwrite"] : rule["fault/page-mkwrite"], vmaName(vma));
    if (k.concurrent) yield* release(k, vma.mm.ptl);
    const refused = yield* mkwrite(pfn < 0 ? vma.ops!.pfnMkwrite!(vmf) : vma.ops!.pageMkwrite!(vmf));
    if (refused >= 0) return refused;
    if (pfn >= 0 && k.frames.owner(k.frames.head(pfn)) === 0) faultsForEver(k, vma);
    if (k.concurrent) yield* acquire(k, vma.mm.ptl, "write");
    if (leaf.bits[slot] !== bits || leaf.pfn[slot] !== frame) return FAULT.nopage;
  } else k.note(rule["fault/shared-reuse"]);
  wpPageReuse(k, vma, leaf, slot);
  if (pfn < 0) return FAULT.none;
  const ret = dirtiesShared(k, vma, pfn, true);
  k.frames.setFlags(k.frames.head(pfn), PG.dirty);
  return ret;
}

/**
 * wp_page_copy, mm/memory.c: a private copy takes the entry's place. The kernel drops the
 * page-table lock while it copies and checks the entry again; nothing that another task could
 * see happens in between, so that the model copies under the lock.
 */
function wpPageCopy(
  k: Kernel,
  vma: Vma,
  leaf: Leaf,
  slot: number,
  address: number,
  pfn: number,
  unshare: boolean,
): number {
  anonVmaPrepare(k, vma, reusableAnonVma(k));
  const old = leaf.pfn[slot];
  if (pfn < 0 && old !== k.zeroPfn && (leaf.bits[slot] & PTE.young) === 0) {
    k.note(rule["fault/cow-old-entry"], vmaName(vma));
    leaf.bits[slot] |= PTE.young;
    return FAULT.none;
  }
  const copy = k.frames.alloc(0);
  if (copy < 0) return outOfMemory(k, vma);
  if (old !== k.zeroPfn) copyFrame(k, old, copy);
  else k.counters.pages_zeroed++;
  k.note(pfn >= 0 || old === k.zeroPfn ? rule["fault/cow-copy"] : rule["fault/cow-copy-pfn"], vmaName(vma));
  vma.mm.invalidate(address, address + k.pageSize);
  if (pfn >= 0) addMmCounter(k, vma.mm, pfn, -1);
  vma.mm.rssAnon++;
  addNewAnonRmap(k, copy, vma, address);
  lruAddInFault(k, vma, copy);
  let bits = vma.pageProt;
  if (!unshare) bits |= PTE.dirty | (vma.has(VM.WRITE) ? PTE.write : 0);
  leaf.set(slot, copy, bits);
  k.counters.ptes++;
  k.counters.tlb_flushes++;
  if (pfn >= 0) {
    removeRmap(k, pfn);
    folioPut(k, pfn);
  }
  return FAULT.none;
}

/** folio_add_lru during a fault, mm/swap.c: the page is fresh, and accessed. */
export function lruAddInFault(k: Kernel, vma: Vma, pfn: number): void {
  if (!vmaHasRecency(vma)) return;
  const anon = (k.frames.flags(pfn) & PG.anon) !== 0;
  if (anon && (vma.flags & (VM.LOCKED | VM_SPECIAL)) === VM.LOCKED) return;
  folioAddActive(k, pfn);
  if (k.design["lru.fault"] === "referenced") k.frames.setFlags(pfn, PG.referenced);
}

/** copy_user_highpage: the bytes of one frame into another. */
export function copyFrame(k: Kernel, from: number, to: number): void {
  k.counters.pages_copied++;
  const bytes = k.frames.bytes(from);
  if (bytes !== undefined) k.frames.writable(to).set(bytes);
}
