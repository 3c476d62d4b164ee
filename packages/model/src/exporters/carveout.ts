/**
 * A heap over memory that was reserved at boot and has no struct pages, as ION's carveout heap
 * was (drivers/staging/android/ion/ion_carveout_heap.c up to 5.2). Its sg table names pages that
 * do not exist: what only takes their frame numbers works, what looks at a page must not.
 */
import { CoherentPool } from "../dma/pool.js";
import { exported } from "./driver-buffer.js";
import type { BufferDriver } from "./driver-buffer.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import { errnos } from "@litmap/litmus";
import { dmaMapSgtable, dmaUnmapSgtable, SgTable } from "../dma/sg.js";
import { remapPfnRange } from "../mm/insert.js";
import { rules } from "../rules/rule.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBufOps } from "../dma-buf/buffer.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "carveout/empty": {
    sentence: "An exhausted carveout has no fallback: ENOMEM.",
    kernel: "ion_carveout_allocate, drivers/staging/android/ion/ion_carveout_heap.c (up to 5.2)",
    unproven: "ION was in no distribution's kernel, and no recorded machine reserves memory for it.",
  },
  "carveout/remap": {
    sentence:
      "mmap maps a carveout by remap_pfn_range of PFNs without struct pages: GUP finds none; a whole private " +
      "mapping can be COWed.",
    kernel: "ion_heap_map_user, drivers/staging/android/ion/ion_heap.c (up to 5.10)",
    unproven: "ION was in no distribution's kernel, and no recorded machine reserves memory for it.",
  },
  "carveout/no-pages": {
    sentence:
      "The sg table of a carveout names struct pages that do not exist; DMA works, because it uses the addresses only.",
    kernel: "ion_carveout_heap_allocate, drivers/staging/android/ion/ion_carveout_heap.c (up to 5.2)",
    unproven: "ION was in no distribution's kernel, and no recorded machine reserves memory for it.",
  },
});

/** ion_carveout_heap_allocate: a buffer of so many bytes, whole pages, or -ENOMEM. */
function carveoutAllocate(k: Kernel, pool: CoherentPool, size: number): CarveoutBuffer | number {
  const pages = size / k.pageSize;
  const pfn = pool.alloc(Math.ceil(Math.log2(pages)));
  return pfn < 0
    ? k.refuse(rule["carveout/empty"], errnos.ENOMEM, `${pages} pages`)
    : new CarveoutBuffer(k, pool, pfn, pages);
}

class CarveoutBuffer implements DmaBufOps {
  private map: KernelMap | undefined;

  constructor(
    private readonly k: Kernel,
    private readonly pool: CoherentPool,
    private readonly pfn: number,
    private readonly pages: number,
  ) {}

  /** dup_sg_table, ion.c: each attachment has a table of its own. */
  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable> {
    const sgt = new SgTable([{ pfn: this.pfn, pages: this.pages }]);
    this.k.note(rule["carveout/no-pages"], at.device.name);
    dmaMapSgtable(this.k, at.device, sgt, direction);
    return sgt;
  }

  *unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void> {
    dmaUnmapSgtable(this.k, at.device, sgt, direction);
  }

  /** ion_heap_map_user: one remap_pfn_range for the one entry of the table. 0 or a negative errno. */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    k.note(rule["carveout/remap"]);
    return remapPfnRange(k, vma, vma.start, this.pfn + vma.pgoff, vma.end - vma.start);
  }

  /** ion_heap_map_kernel: vmap of the table's pages, which map by their frame numbers alone. */
  *vmap(): Path<KernelMap> {
    return (this.map ??= this.k.vmalloc.map(
      Int32Array.from({ length: this.pages }, (_, i) => this.pfn + i),
      "a carveout buffer",
    ));
  }

  *release(): Path<void> {
    if (this.map !== undefined) this.k.vmalloc.unmap(this.map);
    this.pool.free(this.pfn, Math.ceil(Math.log2(this.pages)));
  }
}

/** The driver's carveout is there from boot on. */
export function* carveoutBuffer({ k, state }: BufferDriver, size: number): Path<DmaBuf | number> {
  let pool = state.get("carveout") as CoherentPool | undefined;
  if (pool === undefined) state.set("carveout", (pool = new CoherentPool(k.frames)));
  const buffer = carveoutAllocate(k, pool, size);
  return typeof buffer === "number" ? buffer : exported(k, buffer, size, "ion");
}
