/** videobuf2's dma-contig allocator: coherent DMA memory (drivers/media/common/videobuf2/videobuf2-dma-contig.c). */
import { errnos } from "@litmap/litmus";
import { dmaBufDetach, dmaBufDynamicAttach, dmaBufMapAttachment, dmaBufUnmapAttachment } from "../dma-buf/attachment.js";
import { dmaBufVmap, dmaBufVunmap } from "../dma-buf/cpu-access.js";
import { dmaMapSgtable, dmaUnmapSgtable, SgTable } from "../dma/sg.js";
import { remapPfnRange } from "../mm/insert.js";
import { VM } from "../mm/vma.js";
import { vb2ContigRules as rule } from "../rules/v4l2.js";
import { Handler } from "./vb2-memops.js";
import type { Device } from "../dma/device.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { ImportedMemory, MemOps, OwnMemory } from "./vb2-memops.js";

/** The allocator for a driver's device. USERPTR is what vivid does not allow with it. */
export function vb2DmaContigMemops(device: Device): MemOps {
  return {
    expName: "videobuf2_dma_contig",
    alloc: (k, size) => new ContigBuffer(k, size),
    attachDmabuf: (k, buf, length) => vb2DcAttachDmabuf(k, device, buf, length),
  };
}

/** struct vb2_dc_buf of a queue's own memory: dma_alloc_attrs. */
class ContigBuffer implements OwnMemory {
  readonly pfn: number;
  private readonly map: KernelMap;
  private readonly handler: Handler;

  constructor(
    private readonly k: Kernel,
    private readonly size: number,
  ) {
    const order = Math.ceil(Math.log2(this.pages));
    this.pfn = k.frames.alloc(order);
    this.map = k.vmalloc.map(Int32Array.from({ length: this.pages }, (_, i) => this.pfn + i), "a vb2-dma-contig buffer");
    this.handler = new Handler(k, () => {
      k.vmalloc.unmap(this.map);
      if (k.frames.addRef(this.pfn, -1) === 0) k.frames.release(this.pfn, order);
    });
  }

  get pages(): number {
    return this.size / this.k.pageSize;
  }

  *vaddr(): Path<KernelMap> {
    return this.map;
  }

  *put(): Path<void> {
    this.handler.put();
  }

  /** vb2_dc_mmap: dma_mmap_attrs, which heeds the offset. 0 or a negative errno. */
  mmap(vma: Vma): number {
    const { k } = this;
    const pages = (vma.end - vma.start) / k.pageSize;
    if (vma.pgoff >= this.pages || pages > this.pages - vma.pgoff) return k.refuse(rule.beyond, errnos.ENXIO, `page ${vma.pgoff} + ${pages} of ${this.pages}`);
    k.note(rule.remap);
    const error = remapPfnRange(k, vma, vma.start, this.pfn + vma.pgoff, pages * k.pageSize);
    if (error !== 0) return error;
    vma.flags |= VM.DONTEXPAND | VM.DONTDUMP;
    this.handler.attach(vma);
    return 0;
  }

  getDmabuf(): DmaBufOps {
    this.handler.get();
    return new ContigDmaBuf(this.k, this, this.map, this.handler);
  }
}

/** vb2_dc_dmabuf_ops. */
class ContigDmaBuf implements DmaBufOps {
  constructor(
    private readonly k: Kernel,
    private readonly buffer: ContigBuffer,
    private readonly map: KernelMap,
    private readonly handler: Handler,
  ) {}

  *attach(at: Attachment): Path<number> {
    at.priv = new SgTable([{ pfn: this.buffer.pfn, pages: this.buffer.pages }]);
    return 0;
  }

  *detach(at: Attachment): Path<void> {
    const sgt = at.priv as SgTable;
    if (sgt.mapped !== undefined) dmaUnmapSgtable(this.k, at.device, sgt, sgt.mapped.direction, false);
  }

  /** Keeps the mapping until somebody wants another direction; the memory is coherent, caches are left alone. */
  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable> {
    const sgt = at.priv as SgTable;
    if (sgt.mapped?.direction === direction) return sgt;
    if (sgt.mapped !== undefined) dmaUnmapSgtable(this.k, at.device, sgt, sgt.mapped.direction, false);
    dmaMapSgtable(this.k, at.device, sgt, direction, false);
    return sgt;
  }

  *unmapDmaBuf(): Path<void> {}

  *beginCpuAccess(): Path<number> {
    return 0;
  }

  *endCpuAccess(): Path<number> {
    return 0;
  }

  *mmap(vma: Vma): Path<number> {
    return this.buffer.mmap(vma);
  }

  *vmap(): Path<KernelMap> {
    return this.map;
  }

  *release(): Path<void> {
    this.handler.put();
  }
}

/** vb2_dc_get_contiguous_size: bytes from the first DMA address on without a gap. */
function contiguousSize(k: Kernel, device: Device, sgt: SgTable): number {
  if (device.iommu) return sgt.pages * k.pageSize;
  let pages = 0;
  for (const entry of sgt.entries) {
    if (entry.pfn !== sgt.entries[0].pfn + pages) break;
    pages += entry.pages;
  }
  return pages * k.pageSize;
}

/** vb2_dc_attach_dmabuf: dma_buf_attach, after a look at the lengths. */
function* vb2DcAttachDmabuf(k: Kernel, device: Device, buf: DmaBuf, length: number): Path<ImportedMemory | number> {
  if (buf.size < length) return k.refuse(rule["import-short"], errnos.EFAULT, `${buf.size} of ${length}`);
  const at = yield* dmaBufDynamicAttach(buf, device, false);
  if (typeof at === "number") return at;
  let sgt: SgTable | undefined;
  let map: KernelMap | undefined;
  return {
    /** vb2_dc_vaddr: the exporter's vmap, when a frame is first written. */
    *vaddr() {
      if (map === undefined) {
        const mapped = yield* dmaBufVmap(buf);
        if (typeof mapped !== "number") map = mapped;
      }
      return map;
    },
    /** vb2_dc_map_dmabuf. */
    *map() {
      const mapped = yield* dmaBufMapAttachment(at, "from_device");
      if (typeof mapped === "number") return k.refuse(rule["import-sg"], errnos.EINVAL, buf.expName);
      const contiguous = contiguousSize(k, device, mapped);
      if (contiguous < length) {
        yield* dmaBufUnmapAttachment({ at, sgt: mapped, direction: "from_device" });
        return k.refuse(rule["import-scattered"], errnos.EFAULT, `${contiguous} of ${length}`);
      }
      sgt = mapped;
      return 0;
    },
    /** vb2_dc_unmap_dmabuf, vb2_dc_detach_dmabuf. */
    *put() {
      if (map !== undefined) yield* dmaBufVunmap(buf);
      if (sgt !== undefined) yield* dmaBufUnmapAttachment({ at, sgt, direction: "from_device" });
      yield* dmaBufDetach(at);
    },
  };
}
