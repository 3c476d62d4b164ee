/** What a device sees of memory. */
import { rules } from "./rule.js";

export const dmaRules = rules("dma", {
  "beyond-table": {
    sentence: "A transfer past the end of the sg table's mapping has no DMA address: EFAULT.",
    kernel: "dma_map_sgtable, kernel/dma/mapping.c",
  },
  "direction": {
    sentence: "Behind an IOMMU a transfer against the direction of its mapping faults; without one nobody checks.",
    kernel: "dma_info_to_prot, drivers/iommu/dma-iommu.c",
    unproven: "no machine here has a device of its own to try it with",
  },
  "unmapped": {
    sentence: "A transfer through a table that was unmapped reaches memory that the device no longer owns.",
    kernel: "dma_unmap_sg_attrs, kernel/dma/mapping.c",
  },
  "segments": {
    sentence: "An IOMMU makes one DMA segment of all chunks; without one every chunk is a segment.",
    kernel: "iommu_dma_map_sg, drivers/iommu/dma-iommu.c",
    unproven: "no machine here has a device of its own to try it with",
  },
  "stale": {
    sentence:
      "Where caches are not coherent with the device, each side sees the other's writes only after a sync for it.",
    kernel: "arch_sync_dma_for_cpu, arch/arm64/mm/dma-mapping.c",
    unproven: "no machine here has a device that is not coherent",
  },
  "use-after-free": {
    sentence:
      "A device that still reaches a page after it was freed reads and writes whatever the page is by then: nothing stops it but an unmapping.",
    kernel: "free_pages_prepare, mm/page_alloc.c",
    unproven: "a real kernel does not notice",
  },
});
