/** Which memory cgroup pays for a dma-buf. */
import { rules } from "./rule.js";

const rfc = "a proposal (Albert Esteve, October 2026); no release has it";

export const chargeRules = rules("charge", {
  "nobody": {
    sentence: "The memory of a heap is charged to no cgroup unless dma_heap.mem_accounting was set at boot.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
  },
  "allocator": {
    sentence:
      "With dma_heap.mem_accounting the pages of a heap are allocated with __GFP_ACCOUNT: the cgroup of whoever allocates pays for them until they are freed, wherever the buffer goes.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
    unproven: "from 7.0 on and off by default; the guests here have no memory cgroups",
  },
  "no-transfer": {
    sentence: "A charge cannot be moved to another cgroup: the request is unknown, ENOTTY.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
  },
  "not-charged": {
    sentence: "A buffer that nobody pays for has no charge to move: EOPNOTSUPP.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: rfc,
  },
  "no-process": {
    sentence: "A charge cannot go to a process that has ended: ESRCH.",
    kernel: "pidfd_get_task, kernel/pid.c",
    unproven: rfc,
  },
  "same-owner": {
    sentence: "Moving a charge to the cgroup that has it already does nothing.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: rfc,
  },
  "moved": {
    sentence: "A transfer charges the new cgroup first and then takes the charge off the old one.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: rfc,
  },
  "lost-exchange": {
    sentence: "A transfer that finds another owner than the one it began with gives its own charge back: EBUSY.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    unproven: rfc,
  },
  "underflow": {
    sentence: "A cgroup's counter that would go below zero has been uncharged twice.",
    kernel: "page_counter_cancel, mm/page_counter.c",
  },
});
