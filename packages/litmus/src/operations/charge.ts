import { actor, descriptor, number, status } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

/** Which memory cgroup pays for a buffer. */
export const charge = {
  xfer_charge: {
    subject: "dma-buf",
    doc:
      "Moves the charge for a heap buffer's memory to the memory cgroup of a process (DMA_BUF_IOCTL_XFER_CHARGE, " +
      "proposed in October 2026 and in no release: ENOTTY).",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf"), doc: "which buffer" },
      to: { type: actor, doc: "the process to charge" },
    },
    result: status,
  },
  charged: {
    subject: "observers",
    doc:
      "The dma-buf memory charged to the process's memory cgroup. A process is a cgroup of its own, its forks and " +
      "threads are in it. 0 unless dma_heap.mem_accounting is on, which no kernel has by default.",
    kernel: "memory_stat_show, mm/memcontrol.c",
    by: process,
    params: {},
    result: number("bytes"),
  },
} as const satisfies Record<string, OperationShape>;
