/**
 * Memory for a device: dma_alloc_coherent and its kin, and what their mapping into a process is
 * made of (kernel/dma/mapping.c, kernel/dma/direct.c, drivers/iommu/dma-iommu.c).
 */
import { errnos } from "@litmap/litmus";
import { PG } from "../mm/frames.js";
import { CACHE } from "../mm/memtype.js";
import { remapPfnRange, vmMapPages } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { countBufferPages, keepWords } from "./bookkeeping.js";
import { kvmalloc, noMemory, POINTER } from "../mm/page-alloc.js";
import { rules } from "../rules/rule.js";
import type { SgTable } from "./sg.js";
import { sgFromPages, sgOfOnePiece } from "./sg.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Device } from "./device.js";

const rule = rules({
  "dma-api/direct-contiguous": {
    sentence:
      "Without an IOMMU coherent memory is one non-compound block of a power-of-two order: its tail pages have " +
      "refcount 0.",
    kernel: "__dma_direct_alloc_pages, kernel/dma/direct.c",
  },
  "dma-api/direct-cma": {
    sentence: "Coherent memory from CMA consists of consecutive single pages, each with its own refcount.",
    kernel: "dma_alloc_contiguous, kernel/dma/contiguous.c",
  },
  "dma-api/direct-too-big": {
    sentence: "The buddy allocator has no block of more than 1024 pages: ENOMEM.",
    kernel: "__dma_direct_alloc_pages, kernel/dma/direct.c",
  },
  "dma-api/bad-page": {
    sentence: "A page of a freed block with a refcount of its own, or already free, is reported as a bad page.",
    kernel: "free_page_is_bad, mm/page_alloc.c",
    unproven: "only a buggy driver reaches it.",
  },
  "dma-api/iommu-pages": {
    sentence:
      "Behind an IOMMU coherent memory consists of single pages with their own refcounts, contiguous in IOVA space.",
    kernel: "__iommu_dma_alloc_pages, drivers/iommu/dma-iommu.c",
  },
  "dma-api/pool": {
    sentence:
      "A device with a coherent reserved-memory pool allocates only from it; without struct pages in the pool the " +
      "buffer has none.",
    kernel: "dma_alloc_from_dev_coherent, kernel/dma/coherent.c",
    unproven: "no device of the recorded machines has reserved memory.",
  },
  "dma-api/pool-empty": {
    sentence: "An exhausted reserved-memory pool has no fallback: ENOMEM.",
    kernel: "dma_alloc_from_dev_coherent, kernel/dma/coherent.c",
    unproven: "no device of the recorded machines has reserved memory.",
  },
  "dma-api/mmap-remap": {
    sentence:
      "Contiguous coherent memory is mapped by one remap_pfn_range from vm_pgoff on: VM_IO and VM_PFNMAP, no refcount.",
    kernel: "dma_direct_mmap, kernel/dma/direct.c",
  },
  "dma-api/mmap-pages": {
    sentence:
      "Coherent memory of single pages behind an IOMMU is mapped by vm_map_pages: VM_MIXEDMAP, refcounted, GUP works.",
    kernel: "iommu_dma_mmap, drivers/iommu/dma-iommu.c",
  },
  "dma-api/mmap-noncontiguous": {
    sentence: "Non-contiguous memory is mapped by vm_map_pages behind an IOMMU and by remap_pfn_range without one.",
    kernel: "dma_mmap_noncontiguous, kernel/dma/mapping.c",
  },
  "dma-api/mmap-alloc-pages": {
    sentence: "dma_alloc_pages memory is mapped by remap_pfn_range, with or without an IOMMU.",
    kernel: "dma_mmap_pages, kernel/dma/mapping.c",
  },
  "dma-api/mmap-pool": {
    sentence: "A reserved-memory pool is mapped by one remap_pfn_range of PFNs without struct pages.",
    kernel: "dma_mmap_from_dev_coherent, kernel/dma/coherent.c",
    unproven: "no device of the recorded machines has reserved memory.",
  },
  "dma-api/mmap-beyond": {
    sentence: "A mapping that starts or ends past the allocation gives ENXIO.",
    kernel: "dma_direct_mmap, kernel/dma/direct.c",
  },
  "dma-api/uncached": {
    sentence: "Coherent memory of a non-coherent device is mapped uncached: neither side needs a sync.",
    kernel: "dma_pgprot, kernel/dma/mapping.c",
    unproven: "no recorded machine has a non-coherent device.",
  },
});

/** The largest block of the buddy allocator (MAX_PAGE_ORDER). */
const MAX_ORDER = 10;

/** Where an allocation came from, and so what it is mapped by and how it goes back. */
type Source = "block" | "area" | "pages" | "pool";

export class DmaMemory {
  private map: KernelMap | undefined;

  constructor(
    readonly device: Device,
    /** The frame of each page. */
    readonly pfns: Int32Array,
    readonly source: Source,
    /** Coherent by being mapped past the caches. */
    readonly uncached: boolean,
  ) {}

  /** The kernel's own mapping, made when it is first asked for. */
  vaddr(k: Kernel, what: string): KernelMap {
    return (this.map ??= k.vmalloc.map(this.pfns, what));
  }

  /** dma_free_attrs, dma_free_noncontiguous, dma_free_pages. */
  free(k: Kernel): void {
    if (this.map !== undefined) k.vmalloc.unmap(this.map);
    const order = orderOf(this.pfns.length);
    switch (this.source) {
      case "pool":
        return this.device.pool!.free(this.pfns[0], order);
      case "block":
        return freeBlock(k, this.pfns[0], order);
      default:
        for (const pfn of this.pfns) folioPut(k, pfn);
    }
  }
}

/** __free_pages of a block: a page with other references, or already free, is a bad page, and the block leaks. */
function freeBlock(k: Kernel, first: number, order: number): void {
  if (k.frames.addRef(first, -1) !== 0) return;
  for (let pfn = first + 1; pfn < first + 2 ** order; pfn++) {
    if (k.frames.ref(pfn) === 0 && (k.frames.flags(pfn) & PG.allocated) !== 0) continue;
    return k.warn(rule["dma-api/bad-page"], `frame ${pfn}`);
  }
  k.frames.release(first, order);
}

/** get_order: the power of two that so many pages fit in. */
function orderOf(pages: number): number {
  return Math.ceil(Math.log2(pages));
}

/** PAGE_ALIGN, in pages. */
function pagesOf(k: Kernel, bytes: number): number {
  return Math.ceil(bytes / k.pageSize);
}

/** dma_alloc_attrs: coherent memory for a device, or -ENOMEM. Bytes, more than 0. */
export function dmaAllocAttrs(k: Kernel, device: Device, size: number): DmaMemory | number {
  const uncached = !device.coherent;
  if (uncached) k.note(rule["dma-api/uncached"], device.name);
  if (device.pool !== undefined) return allocFromDevCoherent(k, device, pagesOf(k, size));
  return device.iommu && k.design["dma.iommu-memory"] === "pages"
    ? iommuAllocPages(k, device, pagesOf(k, size), uncached)
    : directAllocPages(k, device, pagesOf(k, size), uncached);
}

/** dma_alloc_noncontiguous: memory that syncs keep coherent, or -ENOMEM. Bytes. */
export function dmaAllocNoncontiguous(k: Kernel, device: Device, size: number): DmaMemory | number {
  return device.iommu
    ? iommuAllocPages(k, device, pagesOf(k, size), false)
    : directAllocPages(k, device, pagesOf(k, size), false);
}

/** dma_alloc_pages: contiguous frames that syncs keep coherent, or -ENOMEM. Bytes. */
export function dmaAllocPages(k: Kernel, device: Device, size: number): DmaMemory | number {
  return directAllocPages(k, device, pagesOf(k, size), false);
}

/** dma_alloc_from_dev_coherent. */
function allocFromDevCoherent(k: Kernel, device: Device, pages: number): DmaMemory | number {
  const pfn = device.pool!.alloc(orderOf(pages));
  if (pfn < 0) return k.refuse(rule["dma-api/pool-empty"], errnos.ENOMEM, `${pages} pages`);
  k.note(rule["dma-api/pool"], device.name);
  return new DmaMemory(device, inARow(pfn, pages), "pool", true);
}

/** __dma_direct_alloc_pages. */
function directAllocPages(k: Kernel, device: Device, pages: number, uncached: boolean): DmaMemory | number {
  const order = orderOf(pages);
  // One page is never taken from the area (dma_alloc_contiguous).
  const area = device.memory === "cma" && pages > 1;
  if (!area && order > MAX_ORDER) return k.refuse(rule["dma-api/direct-too-big"], errnos.ENOMEM, `${pages} pages`);
  const pfn = area ? k.frames.allocRange(pages, PG.cma) : k.frames.alloc(order, 0, false);
  if (pfn < 0) return noMemory(k, pages);
  countZeroed(k, pages);
  k.note(area ? rule["dma-api/direct-cma"] : rule["dma-api/direct-contiguous"], `${pages} pages`);
  return new DmaMemory(device, inARow(pfn, pages), area ? "area" : "block", uncached);
}

function countZeroed(k: Kernel, pages: number): void {
  k.counters.pages_zeroed += pages;
  countBufferPages(k, pages);
}

function inARow(pfn: number, pages: number): Int32Array {
  return Int32Array.from({ length: pages }, (_, i) => pfn + i);
}

/** __iommu_dma_alloc_pages: the page sizes of an IOMMU are 4 KiB, 2 MiB and more. */
function iommuAllocPages(k: Kernel, device: Device, pages: number, uncached: boolean): DmaMemory | number {
  const large = 9;
  const error = kvmalloc(k, pages * POINTER);
  if (error !== 0) return error;
  const pfns = new Int32Array(pages);
  for (let i = 0; i < pages; ) {
    const order = pages - i >= 1 << large ? large : 0;
    const pfn = k.frames.alloc(order, 0, false);
    if (pfn < 0) {
      for (let j = 0; j < i; j++) folioPut(k, pfns[j]);
      return noMemory(k, 1 << order);
    }
    k.frames.split(pfn, order);
    for (let j = 0; j < 1 << order; j++) pfns[i++] = pfn + j;
  }
  countZeroed(k, pages);
  keepWords(k, pages);
  k.note(rule["dma-api/iommu-pages"], `${pages} pages`);
  return new DmaMemory(device, pfns, "pages", uncached);
}

/** dma_mmap_attrs: 0, -ENXIO past `size` bytes of the allocation, or what the primitive says. */
export function dmaMmapAttrs(k: Kernel, vma: Vma, memory: DmaMemory, size = memory.pfns.length * k.pageSize): number {
  const beyond = checkRange(k, vma, size);
  if (beyond !== 0) return beyond;
  // dma_pgprot; x86 has no pgprot_dmacoherent, as all of its devices snoop.
  if (memory.uncached && !k.arch.pat) vma.cacheMode = CACHE.wc;
  if (memory.source === "pages") {
    k.note(rule["dma-api/mmap-pages"], memory.device.name);
    return vmMapPages(k, vma, memory.pfns);
  }
  k.note(memory.source === "pool" ? rule["dma-api/mmap-pool"] : rule["dma-api/mmap-remap"], memory.device.name);
  return remapFrom(k, vma, memory);
}

/** dma_mmap_noncontiguous: 0, -ENXIO, or what the primitive says. */
export function dmaMmapNoncontiguous(k: Kernel, vma: Vma, memory: DmaMemory): number {
  const beyond = checkRange(k, vma, memory.pfns.length * k.pageSize);
  if (beyond !== 0) return beyond;
  k.note(rule["dma-api/mmap-noncontiguous"], memory.device.name);
  return memory.source === "pages" ? vmMapPages(k, vma, memory.pfns) : remapFrom(k, vma, memory);
}

/** dma_mmap_pages: 0, -ENXIO past `size` bytes, or what remap_pfn_range says. */
export function dmaMmapPages(k: Kernel, vma: Vma, memory: DmaMemory, size = memory.pfns.length * k.pageSize): number {
  const beyond = checkRange(k, vma, size);
  if (beyond !== 0) return beyond;
  k.note(rule["dma-api/mmap-alloc-pages"], memory.device.name);
  return remapFrom(k, vma, memory);
}

function checkRange(k: Kernel, vma: Vma, size: number): number {
  const count = pagesOf(k, size);
  const pages = (vma.end - vma.start) / k.pageSize;
  if (vma.pgoff < count && pages <= count - vma.pgoff) return 0;
  return k.refuse(rule["dma-api/mmap-beyond"], errnos.ENXIO, `page ${vma.pgoff} + ${pages} of ${count}`);
}

function remapFrom(k: Kernel, vma: Vma, memory: DmaMemory): number {
  return remapPfnRange(k, vma, vma.start, memory.pfns[0] + vma.pgoff, vma.end - vma.start);
}

/** dma_get_sgtable_attrs; sg_alloc_table_from_pages: a table of its own for whoever attaches. */
export function dmaGetSgtable(memory: DmaMemory): SgTable {
  return memory.source === "pages"
    ? sgFromPages(memory.pfns, memory.uncached)
    : sgOfOnePiece(memory.pfns, memory.uncached);
}
