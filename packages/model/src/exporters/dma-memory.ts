/**
 * A driver's own dma-buf over memory of the DMA API, mapped and attached by the API's calls and nothing else (as
 * drivers/misc/fastrpc.c does).
 */
import { dmaAllocAttrs, dmaAllocNoncontiguous, dmaAllocPages } from "../dma/alloc.js";
import { exported } from "./driver-buffer.js";
import type { BufferDriver } from "./driver-buffer.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import { dmaGetSgtable, dmaMmapAttrs, dmaMmapNoncontiguous, dmaMmapPages } from "../dma/alloc.js";
import { dmaMapSgtable, dmaSyncForCpu, dmaSyncForDevice, dmaUnmapSgtable } from "../dma/sg.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBufOps } from "../dma-buf/buffer.js";
import type { DmaMemory } from "../dma/alloc.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

/** By which of the API's mmap calls. */
const mmapOf = { coherent: dmaMmapAttrs, noncontiguous: dmaMmapNoncontiguous, pages: dmaMmapPages } as const;

/** What exporters over memory of the DMA API do alike: each attachment has a table of its own of the memory's pages. */
export abstract class OverDmaMemory {
  constructor(
    protected readonly k: Kernel,
    protected readonly memory: DmaMemory,
  ) {}

  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable> {
    const sgt = dmaGetSgtable(this.memory);
    dmaMapSgtable(this.k, at.device, sgt, direction);
    return sgt;
  }

  *unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void> {
    dmaUnmapSgtable(this.k, at.device, sgt, direction);
  }
}

class DmaMemoryExporter extends OverDmaMemory implements DmaBufOps {
  /** The driver's own table, which syncs for its own device go by; coherent memory needs none. */
  private readonly own: SgTable;

  constructor(
    k: Kernel,
    memory: DmaMemory,
    private readonly how: keyof typeof mmapOf,
  ) {
    super(k, memory);
    this.own = dmaGetSgtable(memory);
    dmaMapSgtable(k, memory.device, this.own, "bidirectional", false);
  }

  *beginCpuAccess(direction: Direction): Path<number> {
    if (this.how !== "coherent") dmaSyncForCpu(this.k, this.memory.device, this.own, direction);
    return 0;
  }

  *endCpuAccess(direction: Direction): Path<number> {
    if (this.how !== "coherent") dmaSyncForDevice(this.k, this.memory.device, this.own, direction);
    return 0;
  }

  *mmap(vma: Vma): Path<number> {
    return mmapOf[this.how](this.k, vma, this.memory);
  }

  *vmap(): Path<KernelMap> {
    return this.memory.vaddr(this.k, "a driver's DMA memory");
  }

  *release(): Path<void> {
    dmaUnmapSgtable(this.k, this.memory.device, this.own, "bidirectional", false);
    this.memory.free(this.k);
  }
}

type How = keyof typeof mmapOf;

function ofMemory({ k }: BufferDriver, how: How, size: number, memory: DmaMemory | number): DmaBuf | number {
  return typeof memory === "number" ? memory : exported(k, new DmaMemoryExporter(k, memory, how), size, "litmap");
}

export function* coherentBuffer(driver: BufferDriver, size: number): Path<DmaBuf | number> {
  return ofMemory(driver, "coherent", size, dmaAllocAttrs(driver.k, driver.device, size));
}

export function* noncontiguousBuffer(driver: BufferDriver, size: number): Path<DmaBuf | number> {
  return ofMemory(driver, "noncontiguous", size, dmaAllocNoncontiguous(driver.k, driver.device, size));
}

export function* pagesBuffer(driver: BufferDriver, size: number): Path<DmaBuf | number> {
  return ofMemory(driver, "pages", size, dmaAllocPages(driver.k, driver.device, size));
}
