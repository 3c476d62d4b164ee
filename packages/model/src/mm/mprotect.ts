/** do_mprotect_pkey, mm/mprotect.c. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { PG } from "./frames.js";
import { vmaModify } from "./merge.js";
import { sealedWithin, munmapRules } from "./munmap.js";
import { vmNormalPage } from "./normal-page.js";
import { vmaSetPageProt, vmaWantsWritenotify } from "./page-prot.js";
import { PTE } from "./page-table.js";
import { faultinRange } from "./populate.js";
import { VM, vmaIsAnonymous } from "./vma.js";
import { mremapRules } from "./mremap.js";
import { rules } from "../rules/rule.js";
import { hex, narrowRange, offsetInPage, pageAlign, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "mprotect/unaligned": {
    sentence: "mprotect of an unaligned address gives EINVAL.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "mprotect/range-wraps": {
    sentence: "mprotect of a range that overflows gives ENOMEM.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "mprotect/hole": {
    sentence: "mprotect over a hole gives ENOMEM after changing the VMAs before the hole.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "mprotect/beyond-may": {
    sentence: "mprotect beyond the VMA's VM_MAY flags gives EACCES.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "mprotect/kept-entries": {
    sentence: "mprotect changes present PTEs in place: nothing is zapped and nothing refaults.",
    kernel: "change_pte_range, mm/mprotect.c",
  },
  "mprotect/upgraded": {
    sentence: "An exclusive anonymous page becomes writable at once when mprotect makes its VMA writable.",
    kernel: "can_change_pte_writable, mm/mprotect.c",
  },
});

const ACCESS = VM.READ | VM.WRITE | VM.EXEC;

/** sys_mprotect. Bytes; `prot` in VM.READ, VM.WRITE, VM.EXEC. 0, -EINVAL, -ENOMEM, -EACCES, -EPERM. */
export function* mprotect(k: Kernel, task: Task, address: bigint, length: bigint, prot: number): Path<number> {
  if (offsetInPage(k, address) !== 0) return k.refuse(rule["mprotect/unaligned"], errnos.EINVAL, hex(address));
  if (length === 0n) return 0;
  const past = ulong(k, address + pageAlign(k, length));
  const [start, end] = narrowRange(address, past);
  if (past <= address) return k.refuse(rule["mprotect/range-wraps"], errnos.ENOMEM, `${length} bytes`);
  const mm = task.mm;
  yield* acquire(k, mm.mmapLock, "write");
  const sealed = k.design["mseal.check"] === "whole-range" ? sealedWithin(k, mm, start, end) : 0;
  const ret = sealed < 0 ? sealed : yield* changeRange(k, task, start, end, prot);
  yield* release(k, mm.mmapLock);
  return ret;
}

/** The loop of do_mprotect_pkey: mapping by mapping, until one refuses. */
function* changeRange(k: Kernel, task: Task, start: number, end: number, prot: number): Path<number> {
  let at = start;
  while (at < end) {
    const vma = task.mm.lookup(at);
    if (vma === undefined) return k.refuse(rule["mprotect/hole"], errnos.ENOMEM, `0x${at.toString(16)}`);
    const flags = (vma.flags & ~ACCESS) | prot;
    if ((flags & ~(flags >> 4) & ACCESS) !== 0)
      return k.refuse(rule["mprotect/beyond-may"], errnos.EACCES, `0x${at.toString(16)}`);
    const to = Math.min(vma.end, end);
    const failed = yield* fixup(k, task, vma, at, to, flags);
    if (failed < 0) return failed;
    at = to;
  }
  return 0;
}

/** mprotect_fixup: new flags for a part of one mapping, and for the entries that are there. */
function* fixup(k: Kernel, task: Task, vma: Vma, start: number, end: number, flags: number): Path<number> {
  const old = vma.flags;
  if (k.design["mseal.check"] === "per-vma" && vma.has(VM.SEALED))
    return k.refuse(munmapRules["vma/sealed"], errnos.EPERM, `0x${vma.start.toString(16)}`);
  if (flags === old) return 0;
  const pages = (end - start) / k.pageSize;
  if ((flags & VM.WRITE) !== 0) {
    if ((old & (VM.ACCOUNT | VM.WRITE | VM.HUGETLB | VM.SHARED | VM.NORESERVE)) === 0) {
      if (pages > k.totalRam) return k.refuse(mremapRules["mmap/address-space"], errnos.ENOMEM, `${end - start} bytes`);
      flags |= VM.ACCOUNT;
      k.committed += pages;
    }
  } else if (
    (old & VM.ACCOUNT) !== 0 &&
    vmaIsAnonymous(vma) &&
    vma.anonVma === undefined &&
    k.design["mprotect.unaccount"] === "untouched"
  ) {
    flags &= ~VM.ACCOUNT;
    k.committed -= pages;
  }
  const changed = yield* vmaModify(k, vma, start, end, flags);
  if (typeof changed === "number") return changed;
  changed.flags = flags | (changed.flags & VM.MAYBE_GUARD);
  vmaSetPageProt(changed);
  changeProtection(k, changed, start, end);
  if (
    (old & (VM.WRITE | VM.SHARED | VM.LOCKED)) === VM.LOCKED &&
    (flags & VM.WRITE) !== 0 &&
    !changed.has(VM.LOCKONFAULT)
  )
    yield* faultinRange(k, task, changed, start, end, true);
  return 0;
}

/**
 * change_protection, mm/mprotect.c: entries get the mapping's new protection and keep frame, young, dirty and special.
 */
function changeProtection(k: Kernel, vma: Vma, start: number, end: number): void {
  if (vma.has(VM.HUGETLB)) {
    vma.mm.invalidate(start, end);
    return changeHuge(vma, start, end);
  }
  changeNotifies(k, vma, start, end);
  const table = vma.mm.table;
  const upgrade = vma.has(VM.SHARED)
    ? vmaWantsWritenotify(vma)
    : vma.has(VM.WRITE) && k.design["mprotect.upgrade"] === "exclusive-anon";
  const prot = vma.pageProt & (PTE.write | PTE.user);
  let changed = 0;
  for (let address = start; address < end; ) {
    const from = table.slot(address);
    const n = Math.min(table.entries - from, (end - address) / k.pageSize);
    const leaf = table.leaf(address);
    if (leaf !== undefined && leaf.used > 0) {
      for (let slot = from; slot < from + n; slot++) {
        const bits = leaf.bits[slot];
        if ((bits & PTE.present) === 0) continue;
        let next = (bits & ~(PTE.write | PTE.user)) | prot;
        if (upgrade && canBecomeWritable(k, vma, address + (slot - from) * k.pageSize, leaf.pfn[slot], next))
          next |= PTE.write;
        leaf.bits[slot] = next;
        changed++;
      }
    }
    address = leaf === undefined ? table.afterHole(address, end) : address + n * k.pageSize;
  }
  if (changed === 0) return;
  k.counters.ptes += changed;
  k.counters.tlb_flushes++;
  k.note(rule["mprotect/kept-entries"]);
}

/** change_pud_range, change_pmd_range: listeners are told only where there are tables. */
export function changeNotifies(k: Kernel, vma: Vma, start: number, end: number): void {
  if (vma.mm.notifiers.length === 0) return;
  const { table } = vma.mm;
  const span = table.leafBytes * table.entries;
  const whole = k.design["mprotect.notifies"] === "once";
  for (let address = start; address < end; ) {
    const next = Math.min(end, address - (address % span) + span);
    // With two levels the PUD is folded into the PGD, and never empty.
    if (whole && (table.levels === 2 || table.hasUpper(address))) return vma.mm.invalidate(address, end);
    if (!whole && hasLeaf(vma, address, next)) vma.mm.invalidate(address, next);
    address = next;
  }
}

function hasLeaf({ mm }: Vma, start: number, end: number): boolean {
  for (let at = start; at < end; at += mm.table.leafBytes - (at % mm.table.leafBytes))
    if (mm.table.leaf(at) !== undefined) return true;
  return false;
}

/** can_change_pte_writable: what the write fault would allow without looking any further. */
function canBecomeWritable(k: Kernel, vma: Vma, address: number, frame: number, bits: number): boolean {
  if ((bits & PTE.user) === 0) return false;
  if (vma.has(VM.SHARED)) return (bits & PTE.dirty) !== 0;
  const pfn = vmNormalPage(k, vma, address, frame, bits);
  if (pfn < 0 || (k.frames.flags(pfn) & (PG.anon | PG.exclusive)) !== (PG.anon | PG.exclusive)) return false;
  k.note(rule["mprotect/upgraded"]);
  return true;
}

/** hugetlb_change_protection, mm/hugetlb.c. */
function changeHuge(vma: Vma, start: number, end: number): void {
  for (const [address, entry] of vma.mm.table.huge) {
    if (address >= start && address < end)
      entry.bits = (entry.bits & ~(PTE.write | PTE.user)) | (vma.pageProt & (PTE.write | PTE.user));
  }
}
