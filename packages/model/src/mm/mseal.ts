/** do_mseal, mm/mseal.c: whole ranges only; what is sealed stays so. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { vmaModify } from "./merge.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import { hex, narrowRange, offsetInPage, pageAlign, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";

const rule = rules({
  "mseal/bad-range": {
    sentence: "An unaligned address or a range that overflows gives EINVAL.",
    kernel: [["6.10", "do_mseal, mm/mseal.c"]],
  },
  "mseal/hole": {
    sentence: "mseal over a hole seals nothing: ENOMEM.",
    kernel: [
      ["6.10", "check_mm_seal, mm/mseal.c"],
      ["6.17", "range_contains_unmapped, mm/mseal.c"],
    ],
  },
});

/** Bytes. 0, -EINVAL, -ENOMEM. */
export function* mseal(k: Kernel, task: Task, address: bigint, length: bigint): Path<number> {
  const whole = pageAlign(k, length);
  const past = ulong(k, address + whole);
  if (offsetInPage(k, address) !== 0 || (length !== 0n && whole === 0n) || past < address)
    return k.refuse(rule["mseal/bad-range"], errnos.EINVAL, hex(address));
  if (whole === 0n) return 0;
  const [start, end] = narrowRange(address, past);
  yield* acquire(k, task.mm.mmapLock, "write");
  const ret = hasHole(task.mm, start, end)
    ? k.refuse(rule["mseal/hole"], errnos.ENOMEM, `0x${start.toString(16)}`)
    : yield* apply(k, task.mm, start, end);
  yield* release(k, task.mm.mmapLock);
  return ret;
}

/** Whether a part of a range is not mapped. Bytes. */
export function hasHole(mm: Mm, start: number, end: number): boolean {
  let at = start;
  for (let vma = mm.lookup(at); vma !== undefined; vma = mm.lookup(at)) {
    at = vma.end;
    if (at >= end) return false;
  }
  return true;
}

function* apply(k: Kernel, mm: Mm, start: number, end: number): Path<number> {
  for (let at = start; at < end; ) {
    const vma = mm.lookup(at)!;
    const to = Math.min(vma.end, end);
    if (!vma.has(VM.SEALED)) {
      const changed = yield* vmaModify(k, vma, at, to, vma.flags | VM.SEALED);
      if (typeof changed === "number") return changed;
      changed.flags |= VM.SEALED;
    }
    at = to;
  }
  return 0;
}
