/** Taking mappings away: do_vmi_munmap and unmap_region (mm/mmap.c up to 6.11, mm/vma.c since). */
import { errnos } from "@litmap/litmus";
import { fput } from "../vfs/file.js";
import { acquire, release } from "../sched/path.js";
import { lruAddDrain } from "./lazyfree.js";
import { putPfnmapTrack } from "./memtype.js";
import { splitVma, unlinkFile } from "./merge.js";
import { VM } from "./vma.js";
import { unmapSingleVma } from "./zap.js";
import { rules } from "../rules/rule.js";
import { narrow } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";
import type { Vma } from "./vma.js";

export const munmapRules = rules({
  "vma/sealed": {
    sentence: "A sealed VMA cannot be unmapped, moved, overmapped or mprotected: EPERM.",
    kernel: [
      ["6.10", "can_modify_mm, mm/mseal.c"],
      ["6.12", "can_modify_vma, mm/vma.h"],
      ["6.17", "vma_is_sealed, mm/vma.h"],
    ],
  },
  "munmap/bad-range": {
    sentence: "munmap of an unaligned address, of length 0, or past TASK_SIZE gives EINVAL.",
    kernel: [
      ["5.10", "__do_munmap, mm/mmap.c"],
      ["6.1", "do_mas_munmap, mm/mmap.c"],
      ["6.12", "do_vmi_munmap, mm/vma.c"],
    ],
  },
  "munmap/hole": {
    sentence: "munmap of a range without a VMA succeeds.",
    kernel: [
      ["5.10", "__do_munmap, mm/mmap.c"],
      ["6.1", "do_mas_munmap, mm/mmap.c"],
      ["6.12", "do_vmi_munmap, mm/vma.c"],
    ],
  },
});

/** sys_munmap, mm/mmap.c. Bytes. 0, -EINVAL, or -EPERM for a sealed mapping. */
export function* munmap(k: Kernel, task: Task, address: bigint, length: bigint): Path<number> {
  const mm = task.mm;
  yield* acquire(k, mm.mmapLock, "write");
  const ret = yield* doMunmap(k, mm, narrow(address), narrow(length));
  yield* release(k, mm.mmapLock);
  return ret;
}

/** do_vmi_munmap: as munmap, with the mmap lock held. */
export function* doMunmap(k: Kernel, mm: Mm, start: number, length: number): Path<number> {
  const size = k.pageSize;
  if (start % size !== 0 || start > mm.arch.taskSize || length > mm.arch.taskSize - start) {
    return k.refuse(munmapRules["munmap/bad-range"], errnos.EINVAL, `0x${start.toString(16)}`);
  }
  const end = start + Math.ceil(length / size) * size;
  if (end === start) return k.refuse(munmapRules["munmap/bad-range"], errnos.EINVAL, `0x${start.toString(16)}`);
  const first = mm.findVma(start);
  if (first === undefined || first.start >= end) {
    k.note(munmapRules["munmap/hole"]);
    return 0;
  }
  if (k.design["mseal.check"] === "whole-range") {
    const sealed = sealedWithin(k, mm, start, end);
    if (sealed < 0) return sealed;
  }
  const gathered = yield* gather(k, mm, first, start, end);
  if (typeof gathered === "number") return gathered;
  yield* removeVmas(k, mm, gathered, start, end);
  return 0;
}

/** can_modify_mm, mm/mseal.c: -EPERM when a sealed mapping lies in the range. */
export function sealedWithin(k: Kernel, mm: Mm, start: number, end: number): number {
  for (let at = mm.findIndex(start); at < mm.vmas.length && mm.vmas[at].start < end; at++) {
    if (mm.vmas[at].has(VM.SEALED))
      return k.refuse(munmapRules["vma/sealed"], errnos.EPERM, `0x${mm.vmas[at].start.toString(16)}`);
  }
  return 0;
}

/**
 * vms_gather_munmap_vmas: splits at both ends; the mappings that go, in order. What was split stays split when a later
 * one refuses.
 */
function* gather(k: Kernel, mm: Mm, first: Vma, start: number, end: number): Path<Vma[] | number> {
  const perVma = k.design["mseal.check"] !== "whole-range";
  if (start > first.start) {
    if (perVma && first.has(VM.SEALED))
      return k.refuse(munmapRules["vma/sealed"], errnos.EPERM, `0x${first.start.toString(16)}`);
    const upper = yield* splitVma(k, first, start);
    if (typeof upper === "number") return upper;
  }
  const going: Vma[] = [];
  for (let at = mm.findIndex(start); at < mm.vmas.length && mm.vmas[at].start < end; at++) {
    const vma = mm.vmas[at];
    if (perVma && vma.has(VM.SEALED))
      return k.refuse(munmapRules["vma/sealed"], errnos.EPERM, `0x${vma.start.toString(16)}`);
    if (vma.end > end) {
      const upper = yield* splitVma(k, vma, end);
      if (typeof upper === "number") return upper;
    }
    going.push(vma);
  }
  return going;
}

/** vms_complete_munmap_vmas and unmap_region: accounts, empties, frees tables, closes. */
export function* removeVmas(k: Kernel, mm: Mm, going: readonly Vma[], start: number, end: number): Path<void> {
  const at = mm.vmas.indexOf(going[0]);
  mm.vmas.splice(at, going.length);
  for (const vma of going) {
    const pages = (vma.end - vma.start) / k.pageSize;
    vma.attached = false;
    mm.totalVm -= pages;
    if (vma.has(VM.LOCKED)) mm.lockedVm -= pages;
    if (vma.has(VM.ACCOUNT)) k.committed -= pages;
  }
  yield* acquire(k, mm.ptl, "write");
  if (k.design["lru.unmap"] === "drain") lruAddDrain(k);
  mm.invalidate(start, end);
  for (const vma of going) unmapSingleVma(k, vma, vma.start, vma.end, { dropMarkers: true });
  yield* release(k, mm.ptl);
  const floor = mm.vmas[at - 1]?.end ?? 0;
  const ceiling = mm.vmas[at]?.start ?? Infinity;
  for (const vma of going) unlinkFile(vma);
  mm.table.free(start, end, floor, ceiling);
  for (const vma of going) yield* closeVma(k, vma);
}

/** remove_vma, mm/vma.c: tells the owner and drops the file. */
export function* closeVma(k: Kernel, vma: Vma): Path<void> {
  putPfnmapTrack(k, vma);
  if (vma.ops?.close !== undefined) yield* vma.ops.close(vma);
  vma.anonVma?.root.vmas.delete(vma);
  if (vma.file !== undefined) yield* fput(vma.file);
}
