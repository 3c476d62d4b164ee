/**
 * Which memory cgroup pays for a dma-buf: dma_heap.mem_accounting (drivers/dma-buf/dma-heap.c),
 * and the moving of charges that was proposed with it. Every process that a test starts with is
 * a cgroup of its own; its forks and threads stay in it.
 */
import { errnos } from "@litmap/litmus";
import { bug } from "../mm/insert.js";
import { access } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { Memcg } from "../mm/memcg.js";
import type { DmaBuf } from "./buffer.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "charge/nobody": {
    sentence: "Heap memory is charged to no cgroup unless dma_heap.mem_accounting was set at boot.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
  },
  "charge/allocator": {
    sentence:
      "With dma_heap.mem_accounting heap pages are allocated with __GFP_ACCOUNT: the allocating task's cgroup is " +
      "charged until they are freed.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
    unproven: "new in 7.0 and off by default; the guests have no memory cgroups.",
  },
  "charge/no-transfer": {
    sentence: "Charge transfer to another cgroup is an unknown ioctl: ENOTTY.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
  },
  "charge/not-charged": {
    sentence: "A buffer without a charge has nothing to transfer: EOPNOTSUPP.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "proposal (Albert Esteve, October 2026); no release has it.",
  },
  "charge/no-process": {
    sentence: "Charge transfer to an exited process gives ESRCH.",
    kernel: "pidfd_get_task, kernel/pid.c",
    unproven: "proposal (Albert Esteve, October 2026); no release has it.",
  },
  "charge/same-owner": {
    sentence: "Charge transfer to the cgroup that already has it is a no-op.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "proposal (Albert Esteve, October 2026); no release has it.",
  },
  "charge/moved": {
    sentence: "A transfer charges the new cgroup first, then uncharges the old one.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "proposal (Albert Esteve, October 2026); no release has it.",
  },
  "charge/lost-exchange": {
    sentence: "A transfer that lost the race for the owner field uncharges its own charge: EBUSY.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: "proposal (Albert Esteve, October 2026); no release has it.",
  },
  "charge/underflow": {
    sentence: "A page counter below zero means a double uncharge.",
    kernel: "page_counter_cancel, mm/page_counter.c",
  },
});

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

/**
 * DMA_BUF_IOCTL_XFER_CHARGE as proposed: 0, -ENOTTY, -EOPNOTSUPP, -ESRCH, -EBUSY. The caller holds a reference on the
 * buffer.
 */
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
