/** What memory shortage takes from processes: the OOM reaper; and what it cannot take, shmem without swap. */
import { acquire, release } from "../sched/path.js";
import { VM, vmaIsAnonymous } from "./vma.js";
import { mappedPages } from "./migrate.js";
import { zapPageRange } from "./zap.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Mm } from "./mm.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "reclaim/no-swap": {
    sentence: "Without swap no shmem page is reclaimed.",
    kernel: "shrink_folio_list, mm/vmscan.c",
  },
  "reclaim/oom-skips": {
    sentence: "The OOM reaper skips VM_PFNMAP and hugetlb VMAs and shared file mappings.",
    kernel: "__oom_reap_task_mm, mm/oom_kill.c",
  },
  "reclaim/oom-reaps": {
    sentence: "The OOM reaper zaps anonymous and private VMAs.",
    kernel: "__oom_reap_task_mm, mm/oom_kill.c",
  },
});

/** __oom_reap_task_mm, mm/oom_kill.c: zaps what is private; gives the pages that left the address space. */
export function* oomReapTaskMm(k: Kernel, mm: Mm): Path<number> {
  yield* acquire(k, mm.mmapLock, "read");
  yield* acquire(k, mm.ptl, "write");
  let pages = 0;
  for (const vma of mm.vmas) {
    if (!reapable(k, vma)) continue;
    for (const pfn of mappedPages(vma, k.pageSize)) if (pfn !== k.zeroPfn) pages++;
    k.note(rule["reclaim/oom-reaps"], `0x${vma.start.toString(16)}`);
    zapPageRange(k, vma, vma.start, vma.end);
  }
  yield* release(k, mm.ptl);
  yield* release(k, mm.mmapLock);
  return pages;
}

function reapable(k: Kernel, vma: Vma): boolean {
  const locked = vma.has(VM.LOCKED) && k.design["oom.mlocked"] === "no";
  if (vma.has(VM.HUGETLB | VM.PFNMAP) || locked || (!vmaIsAnonymous(vma) && vma.has(VM.SHARED))) {
    k.note(rule["reclaim/oom-skips"], `0x${vma.start.toString(16)}`);
    return false;
  }
  return true;
}

/** shrink_folio_list on shmem pages, mm/vmscan.c, with no swap to write to: pages freed. */
export function shrinkShmem(k: Kernel): number {
  k.note(rule["reclaim/no-swap"]);
  return 0;
}
