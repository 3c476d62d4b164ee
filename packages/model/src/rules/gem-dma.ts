/** The GEM helper for memory of the DMA API. */
import { rules } from "./rule.js";

const helper = "drivers/gpu/drm/drm_gem_dma_helper.c";

export const gemDmaRules = rules("gem-dma", {
  "mmap": {
    sentence:
      "VM_PFNMAP is cleared, the fake offset taken off, and the DMA API maps the memory: what the mapping is in the end depends on the device, and copy-on-write is not refused.",
    kernel: `drm_gem_dma_mmap, ${helper}`,
  },
  "no-offset": {
    sentence:
      "The length of the mapping is passed for the size of the memory, so that a mapping that does not begin at the object's first page gives ENXIO.",
    kernel: `drm_gem_dma_mmap, ${helper}`,
  },
});
