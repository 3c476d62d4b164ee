/** Processes: fork, threads, taking another's descriptor, exit. */
import { errnos } from "@litmap/litmus";
import { fput } from "../vfs/file.js";
import { statusOf } from "../mm/account.js";
import { mmput } from "../mm/exit.js";
import { dupMm } from "../mm/fork.js";
import { lruAddDrain } from "../mm/lazyfree.js";
import { Task } from "../task.js";
import { rules } from "../rules/rule.js";
import type { HandlerTable } from "./handler.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "process/receive-from-ended": {
    sentence: "pidfd_getfd from a process that exits gives ESRCH.",
    kernel: "__pidfd_fget, kernel/pid.c",
  },
  "process/receive-bad-descriptor": {
    sentence: "pidfd_getfd of a descriptor that the target does not have open gives EBADF.",
    kernel: "pidfd_getfd, kernel/pid.c",
  },
});

/**
 * copy_process, kernel/fork.c: a child with a copy of the address space and the same open files, or a negative errno.
 */
export function* fork(k: Kernel, parent: Task, name: string): Path<Task | number> {
  const mm = yield* dupMm(k, parent.mm, name);
  // A child of a test first gives back what it does not need, on the same CPU.
  if (k.design["lru.unmap"] === "drain") lruAddDrain(k);
  return typeof mm === "number" ? mm : new Task(name, mm, parent.files.duplicate(), parent.memcg);
}

/** copy_process with CLONE_VM and CLONE_FILES: address space and descriptors are shared. */
export function* thread(parent: Task, name: string): Path<Task> {
  parent.mm.users++;
  parent.files.users++;
  const task = new Task(name, parent.mm, parent.files, parent.memcg);
  task.baseline = statusOf(parent.mm);
  return task;
}

/** do_exit, kernel/exit.c: first the memory, then the descriptors. */
export function* exit(k: Kernel, task: Task): Path<void> {
  yield* exitMemory(k, task);
  yield* exitFiles(task);
}

/** exit_mm, kernel/exit.c. */
export function* exitMemory(k: Kernel, task: Task): Path<void> {
  task.dead = true;
  for (const end of task.atExit.splice(0)) end();
  yield* mmput(k, task.mm);
}

/** exit_files, fs/file.c. */
export function* exitFiles(task: Task): Path<void> {
  if (--task.files.users > 0) return;
  for (const [fd] of [...task.files]) yield* fput(task.files.remove(fd)!);
}

type Name = "receive" | "exit";

export const processHandlers: HandlerTable<Name> = {
  run: {
    *receive(ctx, { fd }) {
      const { files, dead } = ctx.ownerOf("fd");
      if (dead) return ctx.k.refuse(rule["process/receive-from-ended"], errnos.ESRCH, `descriptor ${fd}`);
      const file = files.get(fd);
      if (file === undefined)
        return ctx.k.refuse(rule["process/receive-bad-descriptor"], errnos.EBADF, `descriptor ${fd}`);
      file.refs++;
      // From another process through a pidfd, which has a number for the moment.
      return ctx.task.files.install(file, files === ctx.task.files ? 0 : 1);
    },
    *exit({ k, task }) {
      yield* exit(k, task);
      return 0;
    },
  },
};
