/**
 * Guard markers: entries at which every access ends in SIGSEGV (madvise_guard_install, madvise_guard_remove,
 * mm/madvise.c).
 */
import { errnos } from "@litmap/litmus";
import { pteAlloc } from "./insert.js";
import { reusableAnonVma } from "./merge.js";
import { PTE } from "./page-table.js";
import { anonVmaPrepare } from "./rmap.js";
import { VM, VM_SPECIAL, vmaIsAnonymous } from "./vma.js";
import { zapPageRange } from "./zap.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "madvise/guard-unfit": {
    sentence: "Guard markers in a special or hugetlb VMA, or installed in a locked one, give EINVAL.",
    kernel: [["6.13", "is_valid_guard_vma, mm/madvise.c"]],
  },
  "madvise/guard-installed": {
    sentence: "MADV_GUARD_INSTALL zaps the range and sets a guard marker in each PTE.",
    kernel: [["6.13", "madvise_guard_install, mm/madvise.c"]],
  },
});

/** is_valid_guard_vma. */
function validVma(k: Kernel, vma: Vma, allowLocked: boolean): boolean {
  const forbidden = VM_SPECIAL | VM.HUGETLB | (allowLocked ? 0 : VM.LOCKED);
  if ((vma.flags & forbidden) !== 0) return false;
  return k.design["madvise.guard"] === "any" || (vmaIsAnonymous(vma) && vma.has(VM.MAYWRITE));
}

/** Bytes. 0 or -EINVAL. */
export function guardInstall(k: Kernel, vma: Vma, start: number, end: number): number {
  if (!validVma(k, vma, false)) return k.refuse(rule["madvise/guard-unfit"], errnos.EINVAL, `0x${start.toString(16)}`);
  const flagged = k.design["guard.vma-flag"] === "maybe-guard";
  if (flagged) vma.flags |= VM.MAYBE_GUARD;
  if (!flagged || vmaIsAnonymous(vma)) anonVmaPrepare(k, vma, reusableAnonVma(k));
  if (holdsPages(k, vma, start, end)) zapPageRange(k, vma, start, end);
  for (let address = start; address < end; address += k.pageSize) {
    k.spend(1);
    pteAlloc(k, vma, address).set(vma.mm.table.slot(address), 0, PTE.marker);
    k.counters.ptes++;
  }
  k.note(rule["madvise/guard-installed"]);
  return 0;
}

function holdsPages(k: Kernel, vma: Vma, start: number, end: number): boolean {
  const { table } = vma.mm;
  for (let address = start; address < end; address += k.pageSize) {
    const leaf = table.leaf(address);
    if (leaf === undefined) {
      address = table.afterHole(address, end) - k.pageSize;
      continue;
    }
    const bits = leaf.bits[table.slot(address)];
    if (bits !== 0 && bits !== PTE.marker) return true;
  }
  return false;
}

/** Bytes. 0 or -EINVAL; entries that are no guards stay. */
export function guardRemove(k: Kernel, vma: Vma, start: number, end: number): number {
  if (!validVma(k, vma, true)) return k.refuse(rule["madvise/guard-unfit"], errnos.EINVAL, `0x${start.toString(16)}`);
  const { table } = vma.mm;
  for (let address = start; address < end; address += k.pageSize) {
    const leaf = table.leaf(address);
    if (leaf === undefined) {
      address = table.afterHole(address, end) - k.pageSize;
      continue;
    }
    const slot = table.slot(address);
    if (leaf.bits[slot] !== PTE.marker) continue;
    leaf.clear(slot);
    k.counters.ptes++;
  }
  return 0;
}
