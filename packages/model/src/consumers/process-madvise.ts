/** process_madvise (mm/madvise.c): advice about a process's memory, by a descriptor of the process. */
import { errnos } from "@litmap/litmus";
import { iovecOk, maxRwCount } from "../vfs/vfs.js";
import { madvise, madviseBehaviorValid } from "../mm/madvise.js";
import { Task } from "../task.js";
import { rules } from "../rules/rule.js";
import { hex, long, narrow } from "../word.js";
import type { Advice } from "../mm/madvise.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "process-madvise/remote-advice": {
    sentence:
      "process_madvise of another process allows only non-destructive advice, before 6.13 also of the caller " +
      "itself, else EINVAL.",
    kernel: [
      ["5.10", "process_madvise_behavior_valid, mm/madvise.c"],
      ["6.13", "process_madvise_remote_valid, mm/madvise.c"],
    ],
  },
  "process-madvise/no-process": {
    sentence: "process_madvise of an exited process gives ESRCH.",
    kernel: "pidfd_get_task, kernel/pid.c",
  },
  "process-madvise/range": {
    sentence: "process_madvise with an iovec above TASK_SIZE gives EFAULT, with a negative length EINVAL.",
    kernel: "__import_iovec, lib/iov_iter.c",
  },
});

const remoteAdvice = {
  "cold-pageout": ["cold", "pageout"],
  willneed: ["cold", "pageout", "willneed"],
  collapse: ["cold", "pageout", "willneed", "collapse"],
  "any-own": ["cold", "pageout", "willneed", "collapse"],
} as const satisfies Record<string, readonly Advice[]>;

/** Bytes advised, -EINVAL, -EFAULT, -ESRCH, or what madvise says. */
export function* processMadvise(
  k: Kernel,
  task: Task,
  target: Task,
  address: bigint,
  length: bigint,
  advice: Advice,
): Path<number> {
  if (long(k, length) < 0) return k.refuse(rule["process-madvise/range"], errnos.EINVAL, `${length} bytes`);
  if (!iovecOk(k, address, length)) return k.refuse(rule["process-madvise/range"], errnos.EFAULT, hex(address));
  if (target.dead) return k.refuse(rule["process-madvise/no-process"], errnos.ESRCH, target.name);
  const choice = k.design["process-madvise.advice"];
  const own = choice === "any-own" && target.mm === task.mm;
  if (!own && !(remoteAdvice[choice] as readonly Advice[]).includes(advice))
    return k.refuse(rule["process-madvise/remote-advice"], errnos.EINVAL, advice);
  const bytes = Math.min(narrow(length), maxRwCount(k));
  if (bytes === 0) return madviseBehaviorValid(k, advice) ? 0 : -errnos.EINVAL;
  const error = yield* madvise(
    k,
    target.mm === task.mm ? task : new Task(task.name, target.mm, task.files),
    address,
    BigInt(bytes),
    advice,
  );
  return error < 0 ? error : bytes;
}
