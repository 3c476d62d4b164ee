/** mlock, mlock2, munlock, mlockall, munlockall (mm/mlock.c). The caller has CAP_IPC_LOCK: no limit applies. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { vmaModify } from "./merge.js";
import { vmaSupportsMlock } from "./mmap.js";
import { lruAddDrain } from "./lazyfree.js";
import { mmPopulate } from "./populate.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import { hex, narrowRange, pageAlign, pageStart, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "mlock/hole": {
    sentence: "mlock and munlock over a hole give ENOMEM after changing the VMAs before the hole.",
    kernel: "apply_vma_lock_flags, mm/mlock.c",
  },
  "mlock/range-wraps": {
    sentence: "A range that overflows gives EINVAL.",
    kernel: "apply_vma_lock_flags, mm/mlock.c",
  },
  "mlock/special": {
    sentence: "mlock of a special or hugetlb VMA succeeds without VM_LOCKED and without accounting.",
    kernel: "mlock_fixup, mm/mlock.c",
  },
  "mlock/not-faulted": {
    sentence: "mlock of a page that cannot be faulted in gives ENOMEM; the VMA stays locked.",
    kernel: "__mlock_posix_error_return, mm/mlock.c",
  },
  "mlock/bad-flags": {
    sentence: "mlockall with neither MCL_CURRENT nor MCL_FUTURE gives EINVAL.",
    kernel: "sys_mlockall, mm/mlock.c",
  },
});

const MASK = VM.LOCKED | VM.LOCKONFAULT;

/** do_mlock. Bytes; the range grows to whole pages. 0, -ENOMEM, -EAGAIN, -EINVAL. */
export function* mlock(k: Kernel, task: Task, address: bigint, length: bigint, onfault: boolean): Path<number> {
  const range = wholePages(k, address, length);
  const failed = yield* setLocked(k, task, range, onfault ? MASK : VM.LOCKED);
  if (failed < 0 || range.end === range.start) return failed;
  const [start, end] = narrowRange(range.start, range.end);
  const error = yield* mmPopulate(k, task, start, end, false);
  if (error === -errnos.EFAULT) return k.refuse(rule["mlock/not-faulted"], errnos.ENOMEM, `0x${start.toString(16)}`);
  if (error === -errnos.ENOMEM) return k.refuse(rule["mlock/not-faulted"], errnos.EAGAIN, `0x${start.toString(16)}`);
  return error;
}

/** sys_munlock. Bytes. 0, -ENOMEM, -EINVAL. */
export function* munlock(k: Kernel, task: Task, address: bigint, length: bigint): Path<number> {
  return yield* setLocked(k, task, wholePages(k, address, length), 0);
}

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** PAGE_ALIGN() of the length and what is before it in its page; a length near the end of a word wraps to 0. */
function wholePages(k: Kernel, address: bigint, length: bigint): Range {
  const start = pageStart(k, address);
  return { start, end: ulong(k, start + pageAlign(k, length + (address - start))) };
}

function* setLocked(k: Kernel, task: Task, range: Range, flags: number): Path<number> {
  yield* acquire(k, task.mm.mmapLock, "write");
  const ret = yield* applyLockFlags(k, task, range, flags);
  yield* release(k, task.mm.mmapLock);
  return ret;
}

/** apply_vma_lock_flags: mapping by mapping, until a hole. */
function* applyLockFlags(k: Kernel, task: Task, range: Range, flags: number): Path<number> {
  if (range.end < range.start) return k.refuse(rule["mlock/range-wraps"], errnos.EINVAL, hex(range.start));
  const [start, end] = narrowRange(range.start, range.end);
  let at = start;
  while (at < end) {
    const vma = task.mm.lookup(at);
    if (vma === undefined) return k.refuse(rule["mlock/hole"], errnos.ENOMEM, `0x${at.toString(16)}`);
    const to = Math.min(vma.end, end);
    const failed = yield* fixup(k, vma, at, to, (vma.flags & ~MASK) | flags);
    if (failed < 0) return failed;
    at = to;
  }
  return 0;
}

/** mlock_fixup: special mappings are passed over without a word. */
function* fixup(k: Kernel, vma: Vma, start: number, end: number, flags: number): Path<number> {
  const old = vma.flags;
  if (flags === old) return 0;
  if (!vmaSupportsMlock(vma)) {
    k.note(rule["mlock/special"]);
    return 0;
  }
  const changed = yield* vmaModify(k, vma, start, end, flags);
  if (typeof changed === "number") return changed;
  const pages = (end - start) / k.pageSize;
  if (k.design["lru.populate"] === "drain" && ((flags ^ old) & VM.LOCKED) !== 0) lruAddDrain(k);
  if ((flags & VM.LOCKED) === 0) changed.mm.lockedVm -= pages;
  else if ((old & VM.LOCKED) === 0) changed.mm.lockedVm += pages;
  changed.flags = flags | (changed.flags & VM.MAYBE_GUARD);
  return 0;
}

export interface MlockallFlags {
  readonly current: boolean;
  readonly future: boolean;
  readonly onfault: boolean;
}

/** sys_mlockall. 0 or -EINVAL. */
export function* mlockall(k: Kernel, task: Task, flags: MlockallFlags): Path<number> {
  if (!flags.current && !flags.future) return k.refuse(rule["mlock/bad-flags"], errnos.EINVAL);
  const mm = task.mm;
  const bits = flags.onfault ? MASK : VM.LOCKED;
  yield* acquire(k, mm.mmapLock, "write");
  mm.defFlags = (mm.defFlags & ~MASK) | (flags.future ? bits : 0);
  if (flags.current) yield* lockAll(k, task, bits);
  yield* release(k, mm.mmapLock);
  if (flags.current) yield* mmPopulate(k, task, 0, mm.arch.taskSize, true);
  return 0;
}

/** sys_munlockall: always 0. */
export function* munlockall(k: Kernel, task: Task): Path<number> {
  yield* acquire(k, task.mm.mmapLock, "write");
  task.mm.defFlags &= ~MASK;
  yield* lockAll(k, task, 0);
  yield* release(k, task.mm.mmapLock);
  return 0;
}

/** apply_mlockall_flags: every mapping as a whole, errors ignored. */
function* lockAll(k: Kernel, task: Task, bits: number): Path<void> {
  for (const vma of [...task.mm.vmas]) {
    if (vma.attached) yield* fixup(k, vma, vma.start, vma.end, (vma.flags & ~MASK) | bits);
  }
}
