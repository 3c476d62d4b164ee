/** Contiguous memory and the heap that hands it out. */
import { rules } from "./rule.js";

const heap = "drivers/dma-buf/heaps/cma_heap.c";

export const cmaRules = rules("cma", {
  "no-memory": {
    sentence:
      "A buffer that finds no free, aligned run of pages in the area gives ENOMEM; nothing else is freed for it.",
    kernel: "cma_alloc, mm/cma.c",
  },
  "aligned": {
    sentence:
      "A buffer's pages are consecutive and aligned to their number rounded up to a power of two, up to 256 pages.",
    kernel: `cma_heap_allocate, ${heap}`,
  },
  "private": {
    sentence: "The heap maps shared memory only: MAP_PRIVATE gives EINVAL.",
    kernel: `cma_heap_mmap, ${heap}`,
  },
  "fault-page": {
    sentence:
      "The fault handler returns the page: an ordinary shared mapping with references, RSS and page references for all who ask.",
    kernel: `cma_heap_vm_fault, ${heap}`,
  },
  "fault-pfn": {
    sentence: "The mapping is VM_IO and VM_PFNMAP, and each fault inserts one frame number: no references, no RSS.",
    kernel: `cma_heap_vm_fault, ${heap}`,
  },
  "fault-end": {
    sentence: "A fault past the buffer's last page, in a mapping that mremap has grown, gives SIGBUS.",
    kernel: `cma_heap_vm_fault, ${heap}`,
  },
  "fault-past-array": {
    sentence:
      "The bound is compared with >: a fault one page past the end takes what lies behind the array of pages for a page.",
    kernel: "dma_heap_vm_fault, drivers/dma-buf/heaps/heap-helpers.c",
    unproven:
      "mainline corrected it before 6.1's stable series; no kernel here is built of an older tree with the heap",
  },
  "release-in-use": {
    sentence: "Pages of a freed buffer that somebody still refers to are warned about, and stay his until he lets go.",
    kernel: "free_contig_range, mm/page_alloc.c",
  },
});
