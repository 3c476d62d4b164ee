/** The users of an address space, and its end (mmput, kernel/fork.c; exit_mmap, mm/mmap.c). */
import { removeVmas } from "./munmap.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Mm } from "./mm.js";

/** exit_mmap, mm/mmap.c: releases the listeners, then empties and closes every mapping. Sealed ones go too. */
export function* exitMmap(k: Kernel, mm: Mm): Path<void> {
  mm.releaseNotifiers();
  if (mm.vmas.length > 0) yield* removeVmas(k, mm, [...mm.vmas], mm.vmas[0].start, mm.vmas[mm.vmas.length - 1].end);
}

/** mmput: one user less; the last one takes the mappings along. */
export function* mmput(k: Kernel, mm: Mm): Path<void> {
  if (--mm.users === 0) yield* exitMmap(k, mm);
}
