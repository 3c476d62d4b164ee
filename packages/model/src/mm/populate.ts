/** Faulting a range in ahead of its use: MAP_POPULATE, mlock (mm_populate, mm/gup.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { FAULT_ERROR, FAULT_FLAG, handleMmFault } from "./fault.js";
import { PG } from "./frames.js";
import { hugeEntry } from "./hugetlb.js";
import { lruAddDrain } from "./lazyfree.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import { tryGrabFolio } from "./pin.js";
import { FAULT, VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "mmap/populate-skips": {
    sentence: "MAP_POPULATE and mlock skip VM_IO and VM_PFNMAP VMAs.",
    kernel: "__mm_populate, mm/gup.c; populate_vma_page_range, mm/gup.c",
  },
});

/**
 * __mm_populate, mm/gup.c: faults in what is mapped in a range, mapping by mapping. Takes the mmap
 * lock for reading. 0, or the first error where errors count: -EFAULT, -ENOMEM.
 */
export function* mmPopulate(k: Kernel, task: Task, start: number, end: number, ignoreErrors: boolean): Path<number> {
  const mm = task.mm;
  if (start >= end) return 0;
  yield* acquire(k, mm.mmapLock, "read");
  let ret = 0;
  for (let at = mm.findIndex(start); at < mm.vmas.length && mm.vmas[at].start < end; at++) {
    const vma = mm.vmas[at];
    if (vma.has(VM.IO | VM.PFNMAP)) {
      k.note(rule["mmap/populate-skips"]);
      continue;
    }
    if (vma.has(VM.LOCKONFAULT)) continue;
    const error = yield* populateVma(k, task, vma, Math.max(start, vma.start), Math.min(end, vma.end));
    if (error < 0 && !ignoreErrors) {
      ret = error;
      break;
    }
  }
  yield* release(k, mm.mmapLock);
  return ret;
}

/**
 * populate_vma_page_range, mm/gup.c: writes where that breaks copy-on-write at once, else reads; never into memory
 * without protection.
 */
function populateVma(k: Kernel, task: Task, vma: Vma, start: number, end: number): Path<number> {
  const write = vma.has(VM.WRITE) && !vma.has(VM.SHARED);
  const allowed = vma.flags & (VM.READ | VM.WRITE | VM.EXEC);
  if (!write && (allowed === 0 || (allowed === VM.EXEC && k.arch.executeOnly))) return constant(-errnos.EFAULT);
  return faultinRange(k, task, vma, start, end, write);
}

function* constant(value: number): Path<number> {
  return value;
}

/**
 * __get_user_pages without pages, mm/gup.c: each page present, and writable when asked. 0, -EFAULT, -ENOMEM,
 * -EREMOTEIO.
 */
export function* faultinRange(
  k: Kernel,
  task: Task,
  vma: Vma,
  start: number,
  end: number,
  write: boolean,
): Path<number> {
  for (let address = start; address < end; address += k.pageSize) {
    k.spend(1);
    while (!satisfied(vma, address, write)) {
      const ret = yield* handleMmFault(k, vma.mm, vma, address, write ? FAULT_FLAG.write : FAULT_FLAG.read, task);
      if ((ret & FAULT_ERROR) !== 0) return (ret & FAULT.oom) !== 0 ? -errnos.ENOMEM : -errnos.EFAULT;
    }
    const refused = vma.has(VM.HUGETLB) ? 0 : touchEntry(k, vma, address, write);
    if (refused !== 0) return refused;
  }
  // Up to 5.17 follow_page_pte drains before it makes a page of a locked mapping unevictable.
  if (k.design["lru.populate"] === "drain" || vma.has(VM.LOCKED)) lruAddDrain(k);
  return 0;
}

/**
 * FOLL_TOUCH in follow_page_pte, mm/gup.c: the page is accessed, and dirty when it was to be written. 0, or why it may
 * not be taken.
 */
function touchEntry(k: Kernel, vma: Vma, address: number, write: boolean): number {
  const leaf = vma.mm.table.leaf(address)!;
  const slot = vma.mm.table.slot(address);
  const pfn = vmNormalPage(k, vma, address, leaf.pfn[slot], leaf.bits[slot]);
  if (pfn < 0) return 0;
  const refused = tryGrabFolio(k, pfn, 1, 0);
  if (refused !== 0) return refused;
  const dirty = write && (leaf.bits[slot] & PTE.dirty) === 0 ? PG.dirty : 0;
  k.frames.setFlags(k.frames.head(pfn), PG.referenced | dirty);
  return 0;
}

/** follow_page_mask, mm/gup.c: whether the entry allows the access as it is. */
function satisfied(vma: Vma, address: number, write: boolean): boolean {
  const needed = write ? PTE.present | PTE.write : PTE.present;
  if (vma.has(VM.HUGETLB)) {
    const entry = hugeEntry(vma, address);
    return entry !== undefined && (entry.bits & needed) === needed;
  }
  const leaf = vma.mm.table.leaf(address);
  return leaf !== undefined && (leaf.bits[vma.mm.table.slot(address)] & needed) === needed;
}
