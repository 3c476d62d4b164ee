/** Sound buffers and memory of PCI devices, as a process opens them. */
import { soundCards } from "../exporters/index.js";
import { openP2pmem } from "../devices/p2pmem.js";
import { openNvme } from "../devices/nvme.js";
import { openPcm } from "../devices/pcm.js";
import type { HandlerTable } from "./handler.js";

export const deviceMemoryHandlers: HandlerTable<"pcm_open" | "p2pmem" | "nvme_open"> = {
  run: {
    *pcm_open({ k, task }, { device }) {
      const stream = openPcm(k, soundCards[device].iommu);
      return typeof stream === "number" ? stream : task.files.install(stream);
    },
    *nvme_open({ k, task }) {
      return task.files.install(openNvme(k));
    },
    *p2pmem({ k, task }) {
      return task.files.install(openP2pmem(k));
    },
  },
  unsupported: {
    pcm_open: (k) => (k.arch.name === "x86_64" ? undefined : "the machines of this architecture have no sound card"),
    nvme_open: (k) =>
      k.arch.name === "x86_64" ? undefined : "the machines of this architecture have no NVMe controller",
    p2pmem: (k) => {
      if (k.arch.name !== "x86_64") return "the machines of this architecture have no NVMe controller";
      return k.design["p2pdma.user-space"] === "no" ? "this release gives out no memory of PCI devices" : undefined;
    },
  },
};
