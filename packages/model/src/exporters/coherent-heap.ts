/**
 * A heap over coherent memory that was reserved at boot, as was proposed for boards whose cameras and displays have no
 * IOMMU: buffers come from dma_alloc_coherent() of the heap's own device, and are mapped by dma_mmap_coherent().
 */
import { dmaAllocAttrs, dmaMmapAttrs } from "../dma/alloc.js";
import { CoherentPool } from "../dma/pool.js";
import { dmaBufExport } from "../dma-buf/buffer.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import { OverDmaMemory } from "./dma-memory.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { HeapAllocate } from "./system-heap.js";

const rule = rules({
  "coherent-heap/reserved": {
    sentence: "A buffer of the coherent heap is reserved memory without struct pages, uncached and never swapped.",
    kernel: "coherent_heap_allocate, drivers/dma-buf/heaps/coherent_heap.c (proposed)",
    unproven: "a proposal; no release has this heap.",
  },
  "coherent-heap/mmap": {
    sentence:
      "mmap of the coherent heap is dma_mmap_coherent: VM_PFNMAP of PFNs without struct pages, so GUP gives EFAULT.",
    kernel: "coherent_heap_mmap, drivers/dma-buf/heaps/coherent_heap.c (proposed)",
    unproven: "a proposal; no release has this heap.",
  },
});

/** The heap's device, whose reserved memory (8 MiB) is all that the heap has. */
const device = slot((k) => k.device("coherent-heap", { iommu: false, pool: new CoherentPool(k.frames) }));

/** coherent_heap_allocate: a buffer of `length` bytes, whole pages, or -ENOMEM. */
export const coherentHeapAllocate: HeapAllocate = (k, length, readable, writable): DmaBuf | number => {
  const memory = dmaAllocAttrs(k, device(k), length);
  if (typeof memory === "number") return memory;
  k.note(rule["coherent-heap/reserved"], `${length / k.pageSize} pages`);
  return dmaBufExport(k, {
    ops: new CoherentHeapBuffer(k, memory),
    size: length,
    expName: "coherent",
    readable,
    writable,
  });
};

/** struct coherent_heap_buffer. CPU and devices see the same bytes: SYNC has nothing to do. */
class CoherentHeapBuffer extends OverDmaMemory implements DmaBufOps {
  *mmap(vma: Vma): Path<number> {
    this.k.note(rule["coherent-heap/mmap"]);
    return dmaMmapAttrs(this.k, vma, this.memory);
  }

  *vmap(): Path<KernelMap> {
    return this.memory.vaddr(this.k, "a coherent-heap buffer");
  }

  *release(): Path<void> {
    this.memory.free(this.k);
  }
}
