/** Reading a frame number out of a page table without a reference (follow_pfn up to 6.11, follow_pfnmap_start since; mm/memory.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { PTE } from "./page-table.js";
import { VM } from "./vma.js";
import { followPfnRules } from "../rules/consumers.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Mm } from "./mm.js";

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
  if (vma === undefined) return k.refuse(followPfnRules["no-vma"], errnos.EINVAL, about);
  if (!vma.has(VM.IO | VM.PFNMAP)) return k.refuse(followPfnRules["not-raw"], errnos.EINVAL, about);
  const leaf = mm.table.leaf(address);
  const slot = mm.table.slot(address);
  if (leaf === undefined || (leaf.bits[slot] & PTE.present) === 0)
    return k.refuse(followPfnRules["not-present"], errnos.EINVAL, about);
  k.note(
    k.design["follow-pfn.call"] === "follow-pfn" ? followPfnRules["no-reference"] : followPfnRules["under-lock"],
    about,
  );
  return leaf.pfn[slot];
}
