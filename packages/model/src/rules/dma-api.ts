/** Memory that drivers get from the DMA API, and how it is mapped into processes. */
import { rules } from "./rule.js";

const iommu = "drivers/iommu/dma-iommu.c";

export const dmaApiRules = rules("dma-api", {
  "direct-contiguous": {
    sentence:
      "Without an IOMMU, memory for a device is one block of frames of the next power of two: what is behind the first frame has no reference count of its own.",
    kernel: "__dma_direct_alloc_pages, kernel/dma/direct.c",
  },
  "direct-cma": {
    sentence:
      "Memory for a device from the contiguous memory area is of single frames in a row, each with a reference of its own.",
    kernel: "dma_alloc_contiguous, kernel/dma/contiguous.c",
    unproven: "no device of the machines here has such an area",
  },
  "direct-too-big": {
    sentence: "The buddy allocator has no block of more than 1024 frames: ENOMEM.",
    kernel: "__dma_direct_alloc_pages, kernel/dma/direct.c",
  },
  "bad-page": {
    sentence:
      "A frame of a freed block that counts references of its own, or is free already, is a bad page: the kernel complains.",
    kernel: "free_page_is_bad_report, mm/page_alloc.c",
    unproven: "drivers that do so are in no kernel",
  },
  "iommu-pages": {
    sentence:
      "Behind an IOMMU, memory for a device is of single pages, each with a reference of its own, that the IOMMU makes one range of.",
    kernel: `__iommu_dma_alloc_pages, ${iommu}`,
  },
  "pool": {
    sentence:
      "A device with reserved memory gets its coherent memory from there and from nowhere else; where that memory has no struct pages, so has the buffer.",
    kernel: "dma_alloc_from_dev_coherent, kernel/dma/coherent.c",
    unproven: "no device of the machines here has reserved memory",
  },
  "pool-empty": {
    sentence: "When the reserved memory is used up there is no falling back: ENOMEM.",
    kernel: "dma_alloc_from_dev_coherent, kernel/dma/coherent.c",
    unproven: "no device of the machines here has reserved memory",
  },
  "mmap-remap": {
    sentence:
      "Contiguous coherent memory is mapped by one remap_pfn_range from the page offset on: VM_IO and VM_PFNMAP, no page references.",
    kernel: "dma_direct_mmap, kernel/dma/direct.c",
  },
  "mmap-pages": {
    sentence:
      "Coherent memory of single pages behind an IOMMU is mapped by vm_map_pages: VM_MIXEDMAP, page references, and get_user_pages works.",
    kernel: `iommu_dma_mmap, ${iommu}`,
  },
  "mmap-noncontiguous": {
    sentence: "Non-contiguous memory is mapped by vm_map_pages behind an IOMMU and by remap_pfn_range without one.",
    kernel: `dma_mmap_noncontiguous, kernel/dma/mapping.c; iommu_dma_mmap_noncontiguous, ${iommu}`,
  },
  "mmap-alloc-pages": {
    sentence: "Pages that are not coherent are mapped by remap_pfn_range, IOMMU or not.",
    kernel: "dma_mmap_pages, kernel/dma/mapping.c",
  },
  "mmap-pool": {
    sentence: "Reserved memory of a device is mapped by one remap_pfn_range of frames that no struct page belongs to.",
    kernel: "dma_mmap_from_dev_coherent, kernel/dma/coherent.c",
    unproven: "no device of the machines here has reserved memory",
  },
  "mmap-beyond": {
    sentence: "A mapping that begins or reaches past the allocation gives ENXIO.",
    kernel: "dma_direct_mmap, kernel/dma/direct.c",
  },
  "uncached": {
    sentence:
      "Coherent memory of a device that does not look into caches is mapped uncached: neither side needs a sync.",
    kernel: "dma_pgprot, kernel/dma/mapping.c",
    unproven: "no machine here has a device that is not coherent",
  },
});
