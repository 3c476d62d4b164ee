/** do_madvise, mm/madvise.c: advice by advice. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { guardInstall, guardRemove } from "./guard.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { lruAddDrain } from "./lazyfree.js";
import { coldRange, freeRange, pageoutRange } from "./madvise-pages.js";
import { vmaModify } from "./merge.js";
import { vmaSetPageProt } from "./page-prot.js";
import { faultinRange } from "./populate.js";
import { VM, VM_SPECIAL, vmaIsAnonymous } from "./vma.js";
import { vfsFallocate } from "../vfs/allocate.js";
import { fput } from "../vfs/file.js";
import { zapPageRange } from "./zap.js";
import { rules } from "../rules/rule.js";
import { hex, narrowRange, offsetInPage, pageAlign, ulong } from "../word.js";
import type { Rule } from "../rules/rule.js";
import type { OperationArgs } from "@litmap/litmus";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "madvise/unknown-advice": {
    sentence: "Unknown advice gives EINVAL.",
    kernel: "madvise_behavior_valid, mm/madvise.c",
  },
  "madvise/bad-range": {
    sentence: "An unaligned address or a range that overflows gives EINVAL.",
    kernel: "do_madvise, mm/madvise.c",
  },
  "madvise/hole": {
    sentence: "madvise over a hole is applied to the VMAs of the range and then gives ENOMEM.",
    kernel: "madvise_walk_vmas, mm/madvise.c",
  },
  "madvise/dontneed-forbidden": {
    sentence:
      "MADV_DONTNEED and MADV_FREE of a VM_PFNMAP or locked VMA give EINVAL; MADV_DONTNEED_LOCKED allows locked ones.",
    kernel: "madvise_dontneed_free_valid_vma, mm/madvise.c",
  },
  "madvise/dontneed": {
    sentence: "MADV_DONTNEED zaps the range: the next access faults, or gives SIGBUS without a fault handler.",
    kernel: "madvise_dontneed_single_vma, mm/madvise.c",
  },
  "madvise/tables-freed": {
    sentence: "From 6.14 on MADV_DONTNEED of the range of a whole page table frees the table too.",
    kernel: [
      ["6.14", "try_get_and_clear_pmd, mm/pt_reclaim.c; zap_pte_range, mm/memory.c"],
      ["7.2", "zap_empty_pte_table and zap_pte_range, mm/memory.c"],
    ],
  },
  "madvise/free-anon-only": {
    sentence: "MADV_FREE of memory that is not private anonymous gives EINVAL.",
    kernel: "madvise_free_single_vma, mm/madvise.c",
  },
  "madvise/lru-forbidden": {
    sentence: "MADV_COLD and MADV_PAGEOUT of a VM_PFNMAP, hugetlb or locked VMA give EINVAL.",
    kernel: "can_madv_lru_vma, mm/madvise.c",
  },
  "madvise/populate-vma": {
    sentence: "MADV_POPULATE_READ and _WRITE give EINVAL in a VM_IO or VM_PFNMAP VMA and against the VMA's protection.",
    kernel: [
      ["5.14", "faultin_vma_page_range, mm/gup.c"],
      ["6.10", "faultin_page_range, mm/gup.c"],
    ],
  },
  "madvise/populate-hole": {
    sentence: "MADV_POPULATE_READ and _WRITE stop at a hole: ENOMEM.",
    kernel: [
      ["5.14", "faultin_vma_page_range, mm/gup.c"],
      ["6.10", "faultin_page_range, mm/gup.c"],
    ],
  },
  "madvise/populate-fault": {
    sentence: "MADV_POPULATE_READ and _WRITE stop at a fault that ends in a signal: EFAULT.",
    kernel: "madvise_populate, mm/madvise.c",
  },
  "madvise/remove-locked": {
    sentence: "MADV_REMOVE of a locked VMA gives EINVAL.",
    kernel: "madvise_remove, mm/madvise.c",
  },
  "madvise/remove-no-file": {
    sentence: "MADV_REMOVE of memory without a file gives EINVAL.",
    kernel: "madvise_remove, mm/madvise.c",
  },
  "madvise/remove-not-writable": {
    sentence: "MADV_REMOVE needs a shared mapping of a file open for writing, else EACCES.",
    kernel: "madvise_remove, mm/madvise.c",
  },
  "madvise/dofork-forbidden": {
    sentence: "MADV_DOFORK of a VM_IO VMA gives EINVAL, from 7.0 on of every special VMA.",
    kernel: "madvise_vma_behavior, mm/madvise.c",
  },
  "madvise/wipeonfork-anon-only": {
    sentence: "MADV_WIPEONFORK of memory that is not private anonymous gives EINVAL.",
    kernel: "madvise_vma_behavior, mm/madvise.c",
  },
  "madvise/dodump-special": {
    sentence: "MADV_DODUMP of a special VMA gives EINVAL.",
    kernel: "madvise_vma_behavior, mm/madvise.c",
  },
  "madvise/ksm-unfit": {
    sentence: "MADV_MERGEABLE of a shared, special or hugetlb VMA succeeds without effect.",
    kernel: "ksm_madvise, mm/ksm.c",
  },
  "madvise/collapse-unfit": {
    sentence: "MADV_COLLAPSE of a VMA that cannot hold a huge page gives EINVAL.",
    kernel: "madvise_collapse, mm/khugepaged.c",
  },
  "madvise/sealed": {
    sentence: "Destructive advice on a sealed, read-only, private anonymous VMA gives EPERM.",
    kernel: [
      ["6.10", "can_modify_mm_madv, mm/mseal.c"],
      ["6.12", "can_modify_vma_madv, mm/mseal.c"],
      ["6.17", "can_madvise_modify, mm/madvise.c"],
    ],
  },
});

export type Advice = OperationArgs<"madvise">["advice"];

/** Advice that only reads or changes entries holds the mmap lock for reading (madvise_need_mmap_write). */
const readers: ReadonlySet<Advice> = new Set([
  "remove",
  "willneed",
  "dontneed",
  "dontneed_locked",
  "cold",
  "pageout",
  "free",
  "populate_read",
  "populate_write",
  "collapse",
  "guard_install",
  "guard_remove",
]);

/** What changes page-table entries with the mmap lock held for reading: under the page-table lock. */
const rewriters: ReadonlySet<Advice> = new Set([
  "dontneed",
  "dontneed_locked",
  "free",
  "cold",
  "pageout",
  "guard_install",
  "guard_remove",
]);

/** What throws data away (is_madv_discard). */
const discards: ReadonlySet<Advice> = new Set([
  "free",
  "dontneed",
  "dontneed_locked",
  "remove",
  "dontfork",
  "wipeonfork",
  "guard_install",
]);

/** sys_madvise. Bytes. 0, -EINVAL, -ENOMEM, -EACCES, -EPERM, -EFAULT. */
export function* madvise(k: Kernel, task: Task, address: bigint, length: bigint, advice: Advice): Path<number> {
  if (!madviseBehaviorValid(k, advice)) return k.refuse(rule["madvise/unknown-advice"], errnos.EINVAL, advice);
  const whole = pageAlign(k, length);
  const past = ulong(k, address + whole);
  if (offsetInPage(k, address) !== 0 || (length !== 0n && whole === 0n) || past < address)
    return k.refuse(rule["madvise/bad-range"], errnos.EINVAL, hex(address));
  if (whole === 0n) return 0;
  const [start, end] = narrowRange(address, past);
  yield* acquire(k, task.mm.mmapLock, readers.has(advice) ? "read" : "write");
  if (rewriters.has(advice)) yield* acquire(k, task.mm.ptl, "write");
  const populate = advice === "populate_read" || advice === "populate_write";
  const ret =
    populate && k.design["madvise.populate"] === "whole-range"
      ? yield* populateRange(k, task, start, end, advice)
      : yield* walkVmas(k, task, start, end, advice);
  if (rewriters.has(advice)) yield* release(k, task.mm.ptl);
  yield* release(k, task.mm.mmapLock);
  return ret;
}

/** madvise_behavior_valid: what this release and configuration know. */
export function madviseBehaviorValid(k: Kernel, advice: Advice): boolean {
  switch (advice) {
    case "dontneed_locked":
      return k.design["madvise.dontneed-locked"] === "known";
    case "populate_read":
    case "populate_write":
      return k.design["madvise.populate"] !== "unknown";
    case "hugepage":
    case "nohugepage":
      return k.arch.thp;
    case "collapse":
      return k.arch.thp && k.design["madvise.collapse"] === "known";
    case "guard_install":
    case "guard_remove":
      return k.design["madvise.guard"] !== "unknown";
    default:
      return true;
  }
}

/** madvise_walk_vmas: mapping by mapping; a hole is remembered, an error ends it. */
function* walkVmas(k: Kernel, task: Task, from: number, end: number, advice: Advice): Path<number> {
  let start = from;
  let hole = false;
  while (start < end) {
    const vma = task.mm.findVma(start);
    if (vma === undefined) return k.refuse(rule["madvise/hole"], errnos.ENOMEM, `0x${start.toString(16)}`);
    if (start < vma.start) {
      hole = true;
      start = vma.start;
      if (start >= end) break;
    }
    const to = Math.min(vma.end, end);
    const error = yield* behavior(k, task, vma, start, to, advice);
    if (error < 0) return error;
    start = to;
  }
  return hole ? k.refuse(rule["madvise/hole"], errnos.ENOMEM, `0x${from.toString(16)}`) : 0;
}

/** madvise_vma_behavior: one advice for a part of one mapping. */
function* behavior(k: Kernel, task: Task, vma: Vma, start: number, end: number, advice: Advice): Path<number> {
  const about = `0x${start.toString(16)}`;
  if (
    vma.has(VM.SEALED) &&
    discards.has(advice) &&
    !(advice === "guard_install" && k.design["madvise.guard"] === "unknown")
  ) {
    if (vmaIsAnonymous(vma) && !vma.has(VM.WRITE)) return k.refuse(rule["madvise/sealed"], errnos.EPERM, about);
  }
  switch (advice) {
    case "remove":
      return yield* remove(k, task, vma, start, end);
    case "willneed":
      return 0;
    case "cold":
    case "pageout":
      if (vma.has(VM.LOCKED | VM.PFNMAP | VM.HUGETLB))
        return k.refuse(rule["madvise/lru-forbidden"], errnos.EINVAL, about);
      lruAddDrain(k);
      if (advice === "cold") coldRange(k, vma, start, end);
      else pageoutRange(k, vma, start, end);
      return 0;
    case "free":
    case "dontneed":
    case "dontneed_locked":
      return dontneedFree(k, vma, start, end, advice);
    case "populate_read":
    case "populate_write":
      return yield* populateVma(k, task, vma, start, end, advice === "populate_write");
    case "collapse":
      return collapse(k, vma, start, end);
    case "guard_install":
      return guardInstall(k, vma, start, end);
    case "guard_remove":
      return guardRemove(k, vma, start, end);
    default:
      return yield* changeFlags(k, vma, start, end, advice);
  }
}

/** madvise_dontneed_free with madvise_dontneed_free_valid_vma. */
function dontneedFree(
  k: Kernel,
  vma: Vma,
  start: number,
  end: number,
  advice: "free" | "dontneed" | "dontneed_locked",
): number {
  const about = `0x${start.toString(16)}`;
  if (vma.has(VM.HUGETLB)) {
    const refused = k.design["madvise.dontneed-locked"] === "unknown" || advice === "free" || start % HUGE_SIZE !== 0;
    if (refused) return k.refuse(rule["madvise/dontneed-forbidden"], errnos.EINVAL, about);
    end -= end % HUGE_SIZE;
    if (start >= end) return 0;
  } else if (vma.has(VM.PFNMAP) || (advice !== "dontneed_locked" && vma.has(VM.LOCKED))) {
    return k.refuse(rule["madvise/dontneed-forbidden"], errnos.EINVAL, about);
  }
  if (advice !== "free") {
    k.note(rule["madvise/dontneed"]);
    zapPageRange(k, vma, start, end);
    if (!vma.has(VM.HUGETLB)) reclaimTables(k, vma, start, end);
    return 0;
  }
  if (!vmaIsAnonymous(vma)) return k.refuse(rule["madvise/free-anon-only"], errnos.EINVAL, about);
  lruAddDrain(k);
  freeRange(k, vma, start, end);
  return 0;
}

/**
 * CONFIG_PT_RECLAIM, mm/pt_reclaim.c: tables that lie wholly in the range and are empty now are freed; those above them
 * stay.
 */
function reclaimTables(k: Kernel, vma: Vma, start: number, end: number): void {
  if (
    k.design["madvise.table-reclaim"] === "no" ||
    (k.design["madvise.table-reclaim"] === "x86" && k.arch.name !== "x86_64")
  )
    return;
  const { table } = vma.mm;
  for (let at = Math.ceil(start / table.leafBytes) * table.leafBytes; at + table.leafBytes <= end; ) {
    const leaf = table.leaf(at);
    if (leaf?.used === 0) {
      table.dropLeaf(at);
      k.note(rule["madvise/tables-freed"]);
    }
    at = leaf === undefined ? table.afterHole(at, end) : at + table.leafBytes;
  }
}

/** madvise_remove: punches the range out of the file, without the mmap lock. */
function* remove(k: Kernel, task: Task, vma: Vma, start: number, end: number): Path<number> {
  const about = `0x${start.toString(16)}`;
  if (vma.has(VM.LOCKED)) return k.refuse(rule["madvise/remove-locked"], errnos.EINVAL, about);
  const { file } = vma;
  if (file === undefined) return k.refuse(rule["madvise/remove-no-file"], errnos.EINVAL, about);
  const needed = VM.SHARED | (k.design["madvise.remove-needs"] === "write" ? VM.WRITE : VM.MAYWRITE);
  if ((vma.flags & needed) !== needed) return k.refuse(rule["madvise/remove-not-writable"], errnos.EACCES, about);
  const offset = BigInt(start - vma.start) + BigInt(vma.pgoff) * BigInt(k.pageSize);
  file.refs++;
  yield* release(k, task.mm.mmapLock);
  const ret = yield* vfsFallocate(k, file, "punch_hole", offset, BigInt(end - start));
  yield* fput(file);
  yield* acquire(k, task.mm.mmapLock, "read");
  return ret;
}

/** check_vma_flags for FOLL_MADV_POPULATE: -EINVAL for what cannot be populated. */
function* populateVma(k: Kernel, task: Task, vma: Vma, start: number, end: number, write: boolean): Path<number> {
  const about = `0x${start.toString(16)}`;
  if (vma.has(VM.IO | VM.PFNMAP) || !vma.has(write ? VM.WRITE : VM.READ))
    return k.refuse(rule["madvise/populate-vma"], errnos.EINVAL, about);
  const failed = yield* faultinRange(k, task, vma, start, end, write);
  const error = failed === -errnos.EREMOTEIO ? -errnos.ENOMEM : failed;
  return error === -errnos.EFAULT ? k.refuse(rule["madvise/populate-fault"], errnos.EFAULT, about) : error;
}

/** madvise_populate over the whole range: it stops at the first hole. */
function* populateRange(k: Kernel, task: Task, from: number, end: number, advice: Advice): Path<number> {
  for (let start = from; start < end; ) {
    const vma = task.mm.lookup(start);
    if (vma === undefined) return k.refuse(rule["madvise/populate-hole"], errnos.ENOMEM, `0x${start.toString(16)}`);
    const to = Math.min(vma.end, end);
    const error = yield* populateVma(k, task, vma, start, to, advice === "populate_write");
    if (error < 0) return error;
    start = to;
  }
  return 0;
}

/** madvise_collapse, mm/khugepaged.c. The model makes no huge pages: a mapping that could hold one is left as it is. */
function collapse(k: Kernel, vma: Vma, start: number, end: number): number {
  const first = Math.ceil(vma.start / HUGE_SIZE) * HUGE_SIZE;
  const fits = first + HUGE_SIZE <= vma.end && (vma.flags & (VM_SPECIAL | VM.HUGETLB | VM.NOHUGEPAGE)) === 0;
  const regular = vmaIsAnonymous(vma) || vma.file?.inode.kind === "memfd" || vma.file?.inode.kind === "file";
  const from = Math.ceil(start / HUGE_SIZE) * HUGE_SIZE;
  if (!fits || !regular || from > Math.floor(end / HUGE_SIZE) * HUGE_SIZE)
    return k.refuse(rule["madvise/collapse-unfit"], errnos.EINVAL, `0x${start.toString(16)}`);
  return 0;
}

/** The advice that is nothing but a VMA flag. */
function* changeFlags(k: Kernel, vma: Vma, start: number, end: number, advice: Advice): Path<number> {
  const flags = newFlags(k, vma, advice, `0x${start.toString(16)}`);
  if (typeof flags !== "number") return flags.error;
  if (flags === vma.flags) return 0;
  const changed = yield* vmaModify(k, vma, start, end, flags);
  if (typeof changed === "number") return changed;
  changed.flags = flags | (changed.flags & VM.MAYBE_GUARD);
  vmaSetPageProt(changed);
  return 0;
}

/** The flags that a mapping gets, or the error by which the advice is refused. */
function newFlags(k: Kernel, vma: Vma, advice: Advice, about: string): number | { readonly error: number } {
  const { flags } = vma;
  const refuse = (why: Rule): { error: number } => ({ error: k.refuse(why, errnos.EINVAL, about) });
  switch (advice) {
    case "normal":
      return flags & ~(VM.RAND_READ | VM.SEQ_READ);
    case "sequential":
      return (flags & ~VM.RAND_READ) | VM.SEQ_READ;
    case "random":
      return (flags & ~VM.SEQ_READ) | VM.RAND_READ;
    case "dontfork":
      return flags | VM.DONTCOPY;
    case "dofork":
      if ((flags & (k.design["madvise.dofork"] === "not-io" ? VM.IO : VM_SPECIAL)) !== 0)
        return refuse(rule["madvise/dofork-forbidden"]);
      return flags & ~VM.DONTCOPY;
    case "wipeonfork":
      if (vma.file !== undefined || vma.has(VM.SHARED)) return refuse(rule["madvise/wipeonfork-anon-only"]);
      return flags | VM.WIPEONFORK;
    case "keeponfork":
      return flags & ~VM.WIPEONFORK;
    case "dontdump":
      return flags | VM.DONTDUMP;
    case "dodump":
      if (!vma.has(VM.HUGETLB) && (flags & VM_SPECIAL) !== 0) return refuse(rule["madvise/dodump-special"]);
      return flags & ~VM.DONTDUMP;
    case "mergeable":
      if ((flags & (VM.SHARED | VM.MAYSHARE | VM_SPECIAL | VM.HUGETLB)) !== 0) {
        k.note(rule["madvise/ksm-unfit"]);
        return flags;
      }
      return flags | VM.MERGEABLE;
    case "unmergeable":
      return flags & ~VM.MERGEABLE;
    case "hugepage":
      return (flags & ~VM.NOHUGEPAGE) | VM.HUGEPAGE;
    case "nohugepage":
      return (flags & ~VM.HUGEPAGE) | VM.NOHUGEPAGE;
    default:
      throw new Error(`${advice} is no advice about flags`);
  }
}
