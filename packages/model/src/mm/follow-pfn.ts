/**
 * Reading a frame number out of a page table without a reference (follow_pfn up to 6.11, follow_pfnmap_start since;
 * mm/memory.c).
 */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { PTE } from "./page-table.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Mm } from "./mm.js";

const rule = rules({
  "follow-pfn/not-raw": {
    sentence: "A PFN can be looked up only in a VM_IO or VM_PFNMAP VMA, else EINVAL.",
    kernel: [
      ["5.10", "follow_pfn, mm/memory.c"],
      ["6.12", "follow_pfnmap_start, mm/memory.c"],
    ],
  },
  "follow-pfn/no-vma": {
    sentence: "A PFN lookup at an address without a VMA gives EINVAL.",
    kernel: [
      ["5.10", "follow_pfn, mm/memory.c"],
      ["6.12", "follow_pfnmap_start, mm/memory.c"],
    ],
  },
  "follow-pfn/not-present": {
    sentence: "A PFN lookup at an absent PTE gives EINVAL; the caller must fault it in.",
    kernel: [
      ["5.10", "follow_pte, mm/memory.c"],
      ["6.12", "follow_pfnmap_start, mm/memory.c"],
    ],
  },
  "follow-pfn/no-reference": {
    sentence: "follow_pfn returns a PFN without a reference or a lock: only an MMU notifier keeps it valid.",
    kernel: [
      ["5.10", "follow_pfn, mm/memory.c"],
      ["6.12", "follow_pfnmap_start, mm/memory.c"],
    ],
  },
  "follow-pfn/under-lock": {
    sentence:
      "follow_pfnmap_start returns a PFN without a reference; it is valid under the page table lock until " +
      "follow_pfnmap_end.",
    kernel: [["6.12", "follow_pfnmap_start, mm/memory.c"]],
  },
});

/** The frame number of an entry, or -EINVAL. Takes the mmap lock for reading; the caller gets no reference. */
export function* followPfn(k: Kernel, mm: Mm, address: number): Path<number> {
  yield* acquire(k, mm.mmapLock, "read");
  const pfn = lookUpPfn(k, mm, address);
  yield* release(k, mm.mmapLock);
  return pfn;
}

/** follow_pfn, mm/memory.c: the same for who holds the mmap lock. */
export function lookUpPfn(k: Kernel, mm: Mm, address: number): number {
  const about = `0x${address.toString(16)}`;
  const vma = mm.lookup(address);
  if (vma === undefined) return k.refuse(rule["follow-pfn/no-vma"], errnos.EINVAL, about);
  if (!vma.has(VM.IO | VM.PFNMAP)) return k.refuse(rule["follow-pfn/not-raw"], errnos.EINVAL, about);
  const leaf = mm.table.leaf(address);
  const slot = mm.table.slot(address);
  if (leaf === undefined || (leaf.bits[slot] & PTE.present) === 0)
    return k.refuse(rule["follow-pfn/not-present"], errnos.EINVAL, about);
  k.note(
    k.design["follow-pfn.call"] === "follow-pfn" ? rule["follow-pfn/no-reference"] : rule["follow-pfn/under-lock"],
    about,
  );
  return leaf.pfn[slot];
}
