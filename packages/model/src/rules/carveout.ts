/** Carveouts: reserved memory without struct pages. */
import { rules } from "./rule.js";

const heap = "drivers/staging/android/ion/ion_carveout_heap.c";
const unproven = "ION was never built by any distribution's kernel, and no machine here reserves memory for it";

export const carveoutRules = rules("carveout", {
  "empty": {
    sentence: "A carveout is as large as it was reserved; beyond it there is no memory: ENOMEM.",
    kernel: `ion_carveout_allocate, ${heap}`,
    unproven,
  },
  "remap": {
    sentence:
      "A carveout is mapped by remap_pfn_range of frames without struct pages: no walk finds a page, and a private mapping of the whole may be copied from.",
    kernel: "ion_heap_map_user, drivers/staging/android/ion/ion_heap.c",
    unproven,
  },
  "no-pages": {
    sentence:
      "The sg table of a carveout names pages that do not exist; a device only takes their addresses, and its DMA works.",
    kernel: `ion_carveout_heap_allocate, ${heap}`,
    unproven,
  },
});
