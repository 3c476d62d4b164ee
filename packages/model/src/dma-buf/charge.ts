/**
 * Which memory cgroup pays for a dma-buf: dma_heap.mem_accounting (drivers/dma-buf/dma-heap.c),
 * and the moving of charges that was proposed with it. Every process that a test starts with is
 * a cgroup of its own; its forks and threads stay in it.
 */
import { errnos } from "@litmap/litmus";
import { bug } from "../mm/insert.js";
import { access } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { DmaBuf } from "./buffer.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "charge/nobody": {
    sentence: "The memory of a heap is charged to no cgroup unless dma_heap.mem_accounting was set at boot.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
  },
  "charge/allocator": {
    sentence:
      "With dma_heap.mem_accounting the pages of a heap are allocated with __GFP_ACCOUNT: the cgroup of whoever allocates pays for them until they are freed, wherever the buffer goes.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
    unproven: "from 7.0 on and off by default; the guests here have no memory cgroups",
  },
  "charge/no-transfer": {
    sentence: "A charge cannot be moved to another cgroup: the request is unknown, ENOTTY.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
  },
  "charge/not-charged": {
    sentence: "A buffer that nobody pays for has no charge to move: EOPNOTSUPP.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "a proposal (Albert Esteve, October 2026); no release has it",
  },
  "charge/no-process": {
    sentence: "A charge cannot go to a process that has ended: ESRCH.",
    kernel: "pidfd_get_task, kernel/pid.c",
    unproven: "a proposal (Albert Esteve, October 2026); no release has it",
  },
  "charge/same-owner": {
    sentence: "Moving a charge to the cgroup that has it already does nothing.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "a proposal (Albert Esteve, October 2026); no release has it",
  },
  "charge/moved": {
    sentence: "A transfer charges the new cgroup first and then takes the charge off the old one.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "a proposal (Albert Esteve, October 2026); no release has it",
  },
  "charge/lost-exchange": {
    sentence: "A transfer that finds another owner than the one it began with gives its own charge back: EBUSY.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "a proposal (Albert Esteve, October 2026); no release has it",
  },
  "charge/underflow": {
    sentence: "A cgroup's counter that would go below zero has been uncharged twice.",
    kernel: "page_counter_cancel, mm/page_counter.c",
  },
});

/** struct mem_cgroup, as far as buffers are charged to it. */
export class Memcg {
  /** Bytes (page_counter). */
  charged = 0;
  constructor(readonly name: string) {}
}

/** page_counter_cancel: a counter is never negative. */
function uncharge(k: Kernel, memcg: Memcg, bytes: number): void {
  if (memcg.charged < bytes) bug(k, rule["charge/underflow"], `cgroup of ${memcg.name}`);
  memcg.charged -= bytes;
}

/** What a heap does for a buffer that it has allocated. */
export function chargeAllocator(k: Kernel, task: Task, buf: DmaBuf): void {
  if (k.design["dma-heap.charge"] === "nobody") return;
  k.note(rule["charge/allocator"], `cgroup of ${task.memcg.name}`);
  buf.memcg = task.memcg;
  buf.memcg.charged += buf.size;
}

/** What a process's cgroup pays for buffers, bytes. */
export function chargedTo(k: Kernel, task: Task): number {
  if (k.design["dma-heap.charge"] === "nobody") k.note(rule["charge/nobody"]);
  return task.memcg.charged;
}

/** The buffer's memory is freed: whoever pays now no longer does. */
export function unchargeOwner(buf: DmaBuf): void {
  if (buf.memcg !== undefined) uncharge(buf.k, buf.memcg, buf.size);
  buf.memcg = undefined;
}

/** DMA_BUF_IOCTL_XFER_CHARGE as proposed: 0, -ENOTTY, -EOPNOTSUPP, -ESRCH, -EBUSY. The caller holds a reference on the buffer. */
export function* xferCharge(buf: DmaBuf, target: Task): Path<number> {
  const { k } = buf;
  const choice = k.design["dma-heap.charge"];
  if (choice === "nobody" || choice === "allocator")
    return k.refuse(rule["charge/no-transfer"], errnos.ENOTTY, buf.expName);
  if (target.dead) return k.refuse(rule["charge/no-process"], errnos.ESRCH, target.name);
  const owner = `owner of buffer ${buf.id}`;
  yield* access(k, owner, false);
  const old = buf.memcg;
  if (old === undefined) return k.refuse(rule["charge/not-charged"], errnos.EOPNOTSUPP, buf.expName);
  if (old === target.memcg) {
    k.note(rule["charge/same-owner"]);
    return 0;
  }
  target.memcg.charged += buf.size;
  yield* access(k, owner, true);
  if (choice === "transfer-exchanged" && buf.memcg !== old) {
    uncharge(k, target.memcg, buf.size);
    return k.refuse(rule["charge/lost-exchange"], errnos.EBUSY, buf.expName);
  }
  buf.memcg = target.memcg;
  uncharge(k, old, buf.size);
  k.note(rule["charge/moved"], `${old.name} to ${target.memcg.name}`);
  return 0;
}
