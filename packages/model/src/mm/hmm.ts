/** Mirroring an address space on a device: pages without references, for who has a notifier (mm/hmm.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { FAULT_ERROR, FAULT_FLAG, handleMmFault } from "./fault.js";
import { vmNormalPage } from "./normal-page.js";
import { presentEntry, PTE } from "./page-table.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";

const rule = rules({
  "hmm/not-mirrored": {
    sentence: "hmm_range_fault of a VM_IO or VM_PFNMAP VMA, a special PTE, or a VMA without VM_READ gives EFAULT.",
    kernel: "hmm_vma_walk_test, hmm_vma_handle_pte, mm/hmm.c",
  },
  "hmm/not-writable": {
    sentence: "hmm_range_fault for writing in a VMA without VM_WRITE gives EPERM.",
    kernel: "hmm_vma_fault, mm/hmm.c",
  },
  "hmm/fault-refused": {
    sentence: "hmm_range_fault of a page whose fault fails gives EFAULT.",
    kernel: "hmm_vma_fault, mm/hmm.c",
  },
});

/** A page as the process has it: no reference comes with it. */
export interface Mirrored {
  readonly pfn: number;
  readonly writable: boolean;
}

/**
 * hmm_range_fault for one page: faults it in if it has to. -EFAULT, -EPERM. `seen` gets the PFN before it can be freed.
 */
export function* hmmRangeFault(
  k: Kernel,
  task: Task,
  mm: Mm,
  address: number,
  write: boolean,
  seen: (pfn: number) => void,
): Path<Mirrored | number> {
  yield* acquire(k, mm.mmapLock, "read");
  const page = yield* onePage(k, task, mm, address, write);
  if (typeof page !== "number") seen(page.pfn);
  yield* release(k, mm.mmapLock);
  return page;
}

function* onePage(k: Kernel, task: Task, mm: Mm, address: number, write: boolean): Path<Mirrored | number> {
  const about = `0x${address.toString(16)}`;
  const vma = mm.lookup(address);
  if (vma === undefined || vma.has(VM.IO | VM.PFNMAP) || !vma.has(VM.READ))
    return k.refuse(rule["hmm/not-mirrored"], errnos.EFAULT, about);
  for (let faulted = false; ; faulted = true) {
    const entry = presentEntry(mm.table, address);
    const there = entry !== undefined && (!write || (entry.bits & PTE.write) !== 0);
    if (there) {
      if (vmNormalPage(k, vma, address, entry.pfn, entry.bits) < 0 && entry.pfn !== k.zeroPfn)
        return k.refuse(rule["hmm/not-mirrored"], errnos.EFAULT, about);
      return { pfn: entry.pfn, writable: (entry.bits & PTE.write) !== 0 };
    }
    if (write && !vma.has(VM.WRITE)) return k.refuse(rule["hmm/not-writable"], errnos.EPERM, about);
    if (faulted) return k.refuse(rule["hmm/fault-refused"], errnos.EFAULT, about);
    const fault = yield* handleMmFault(
      k,
      mm,
      vma,
      address,
      (write ? FAULT_FLAG.write : FAULT_FLAG.read) | FAULT_FLAG.remote,
      task,
    );
    if ((fault & FAULT_ERROR) !== 0) return k.refuse(rule["hmm/fault-refused"], errnos.EFAULT, about);
  }
}
