/** videobuf2's dma-contig allocator: coherent DMA memory (drivers/media/common/videobuf2/videobuf2-dma-contig.c). */
import { ofQueue } from "./driver-buffer.js";
import type { BufferDriver } from "./driver-buffer.js";
import { errnos } from "@litmap/litmus";
import { vb2CreateFramevec, vb2DestroyFramevec } from "./frame-vector.js";
import {
  dmaAllocAttrs,
  dmaAllocNoncontiguous,
  dmaGetSgtable,
  dmaMmapAttrs,
  dmaMmapNoncontiguous,
} from "../dma/alloc.js";
import { sgFromPages } from "../dma/sg.js";
import { access, NotModelled } from "../sched/path.js";
import { VM } from "../mm/vma.js";
import { attachPlane, PlaneDmaBuf, userPlane } from "./vb2-dma.js";
import { Handler } from "./vb2-memops.js";
import { rules } from "../rules/rule.js";
import type { DmaMemory } from "../dma/alloc.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { ImportedMemory, MemOps, OwnMemory, PlaneMemory } from "./vb2-memops.js";

const rule = rules({
  "vb2-dma-contig/vaddr-twice": {
    sentence:
      "Two first kernel mappings of one non-coherent buffer at once, by two of its dma-bufs, are both made; the " +
      "later " +
      "store of buf->vaddr loses the earlier one.",
    kernel: "vb2_dc_vaddr, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
    unproven: "a kernel does not count lost mappings, and no test has two dma-bufs of such a buffer.",
  },
  "vb2-dma-contig/remap": {
    sentence:
      "mmap is one remap_pfn_range over the whole VMA: VM_IO and VM_PFNMAP; MAP_PRIVATE of a dma-buf is accepted " +
      "at any length.",
    kernel: "vb2_dc_mmap, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
  },
  "vb2-dma-contig/import-short": {
    sentence: "A dma-buf shorter than the queued length gives EFAULT.",
    kernel: "vb2_dc_attach_dmabuf, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
  },
  "vb2-dma-contig/import-sg": {
    sentence: "A dma-buf whose exporter makes no sg table cannot be imported: EINVAL.",
    kernel: "vb2_dc_map_dmabuf, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
  },
  "vb2-dma-contig/import-scattered": {
    sentence: "A dma-buf must be contiguous in DMA addresses over the queued length, else EFAULT.",
    kernel: "vb2_dc_map_dmabuf, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
  },
  "vb2-dma-contig-userptr/unaligned": {
    sentence: "USERPTR memory for a non-coherent device must be aligned to cache lines, else EINVAL.",
    kernel: "vb2_dc_get_userptr, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
    unproven: "vivid takes no USERPTR with this allocator.",
  },
  "vb2-dma-contig-userptr/scattered": {
    sentence: "USERPTR memory must be contiguous in DMA addresses, else EFAULT; an IOMMU makes any pages contiguous.",
    kernel: "vb2_dc_get_userptr, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
    unproven: "vivid takes no USERPTR with this allocator.",
  },
  "vb2-dma-contig-userptr/pinned": {
    sentence: "USERPTR memory is pinned and mapped for the device.",
    kernel: "vb2_dc_get_userptr, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
    unproven: "vivid takes no USERPTR with this allocator.",
  },
  "vb2-dma-contig-userptr/frames": {
    sentence: "Consecutive PFNs of memory that GUP refuses are given to the device as they are.",
    kernel: "vb2_dc_get_userptr, drivers/media/common/videobuf2/videobuf2-dma-contig.c",
    unproven: "vivid takes no USERPTR with this allocator.",
  },
});

/** The allocator for a driver's device. USERPTR is what vivid does not allow with it. */
export function vb2DmaContigMemops(device: Device, userptr = false): MemOps {
  return {
    ...(userptr
      ? {
          getUserptr: (k: Kernel, task: Task, address: number, length: number) =>
            vb2DcGetUserptr(k, device, task, address, length),
        }
      : {}),
    expName: "videobuf2_dma_contig",
    alloc: (k, size) => vb2DcAlloc(k, device, size, false),
    attachDmabuf: (k, buf, length) => vb2DcAttachDmabuf(k, device, buf, length),
  };
}

/** vb2_dc_alloc: a buffer of coherent memory, or of memory that V4L2 syncs, or -ENOMEM. Bytes. */
export function vb2DcAlloc(k: Kernel, device: Device, size: number, nonCoherent: boolean): OwnMemory | number {
  const memory = nonCoherent ? dmaAllocNoncontiguous(k, device, size) : dmaAllocAttrs(k, device, size);
  return typeof memory === "number" ? memory : new ContigBuffer(k, memory, nonCoherent);
}

/** struct vb2_dc_buf of a queue's own memory. */
class ContigBuffer implements OwnMemory {
  /** The mapping of memory that is not coherent. */
  private map: KernelMap | undefined;
  private mappedBy = "";
  private readonly handler: Handler;

  constructor(
    private readonly k: Kernel,
    readonly memory: DmaMemory,
    private readonly nonCoherent: boolean,
  ) {
    this.handler = new Handler(k, () => {
      if (this.map !== undefined) k.vmalloc.unmap(this.map);
      memory.free(k);
    });
  }

  *vaddr(): Path<KernelMap> {
    const { k, memory } = this;
    // dma_alloc_attrs gives its address at once; memory that is not coherent is mapped when that is first asked for.
    if (!this.nonCoherent) return memory.vaddr(k, "a vb2-dma-contig buffer");
    const field = `buf->vaddr of the vb2-dma-contig buffer at frame ${memory.pfns[0]}`;
    yield* access(k, field, false);
    if (this.map !== undefined) return this.map;
    const map = k.vmalloc.map(memory.pfns, "a vb2-dma-contig buffer");
    const mappedBy = k.custody.doing;
    yield* access(k, field, true);
    if (this.map !== undefined) {
      k.note(rule["vb2-dma-contig/vaddr-twice"], field);
      k.custody.loses("a kernel mapping of a vb2-dma-contig buffer", this.mappedBy, "vb2_dc_put, by buf->vaddr");
    }
    this.mappedBy = mappedBy;
    return (this.map = map);
  }

  *put(): Path<void> {
    this.handler.put();
  }

  /** vb2_dc_mmap: what the DMA API maps it by, which heeds the offset. 0 or a negative errno. */
  mmap(vma: Vma): number {
    const { k, memory } = this;
    const error = this.nonCoherent ? dmaMmapNoncontiguous(k, vma, memory) : dmaMmapAttrs(k, vma, memory);
    if (error !== 0) return error;
    if (vma.has(VM.PFNMAP)) k.note(rule["vb2-dma-contig/remap"]);
    vma.flags |= VM.DONTEXPAND | VM.DONTDUMP;
    this.handler.attach(vma);
    return 0;
  }

  getDmabuf(): DmaBufOps {
    this.handler.get();
    return new PlaneDmaBuf(this.k, this, this.handler, () => dmaGetSgtable(this.memory), false);
  }
}

/** dma_get_cache_alignment, where devices look into caches. Bytes. */
const CACHE_ALIGNMENT = 1;

/** What every architecture without coherent devices has as ARCH_DMA_MINALIGN. Bytes. */
const NONCOHERENT_ALIGNMENT = 128;

/** vb2_dc_get_userptr: memory that is one range to the device; -EINVAL, -EFAULT, or why it cannot be held. */
function* vb2DcGetUserptr(
  k: Kernel,
  device: Device,
  task: Task,
  address: number,
  length: number,
): Path<PlaneMemory | number> {
  const alignment = device.coherent ? CACHE_ALIGNMENT : NONCOHERENT_ALIGNMENT;
  if (address % alignment !== 0 || length % alignment !== 0)
    return k.refuse(rule["vb2-dma-contig-userptr/unaligned"], errnos.EINVAL, `0x${address.toString(16)}, ${length}`);
  const vec = yield* vb2CreateFramevec(k, task, address, length, true);
  if (typeof vec === "number") return vec;
  const sgt = sgFromPages(vec.pfns);
  const contiguous = contiguousSize(k, device, sgt) - (address % k.pageSize);
  if (contiguous < length) {
    vb2DestroyFramevec(k, vec);
    return k.refuse(rule["vb2-dma-contig-userptr/scattered"], errnos.EFAULT, `${contiguous} of ${length}`);
  }
  k.note(
    vec.pinned ? rule["vb2-dma-contig-userptr/pinned"] : rule["vb2-dma-contig-userptr/frames"],
    `${vec.pfns.length} pages`,
  );
  return userPlane(k, device, vec, sgt, address % k.pageSize);
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

/**
 * Whether the first pages of a table follow each other: pages of one allocation do or do not, those of several happen
 * to be neighbours or not.
 */
function inOnePiece(k: Kernel, { entries, assembled }: SgTable, pages: number): boolean | "by chance" {
  const pieces = new Set<number>();
  let left = pages;
  let before = -1;
  let last = -1;
  for (const [i, entry] of entries.entries())
    for (let page = 0; page < entry.pages && left > 0; page++, left--) {
      const pfn = entry.pfn + page;
      const piece = assembled ? k.frames.head(pfn) : i;
      const follows = piece === before && pfn === last + 1;
      if (pieces.has(piece) && !follows) return false;
      pieces.add(piece);
      before = piece;
      last = pfn;
    }
  return pieces.size === 1 ? true : "by chance";
}

/** vb2_dc_attach_dmabuf, vb2_dc_map_dmabuf: the buffer must be one range of DMA addresses. */
function vb2DcAttachDmabuf(k: Kernel, device: Device, buf: DmaBuf, length: number): Path<ImportedMemory | number> {
  return attachPlane(
    k,
    device,
    buf,
    length,
    { short: rule["vb2-dma-contig/import-short"], noTable: rule["vb2-dma-contig/import-sg"] },
    (sgt) => {
      if (device.iommu) return 0;
      const inPiece = inOnePiece(k, sgt, Math.ceil(length / k.pageSize));
      if (inPiece === "by chance")
        throw new NotModelled(
          "vivid_contig takes pages that were allocated apart if they happen to be neighbours, which is by chance",
        );
      if (inPiece) return 0;
      const contiguous = contiguousSize(k, device, sgt);
      return k.refuse(rule["vb2-dma-contig/import-scattered"], errnos.EFAULT, `${contiguous} of ${length}`);
    },
  );
}

/** `nonCoherent` as V4L2_MEMORY_FLAG_NON_COHERENT asks for it. */
export function vb2ContigBuffer(
  { k, device }: BufferDriver,
  size: number,
  nonCoherent: boolean,
): Path<DmaBuf | number> {
  return ofQueue(k, "videobuf2_dma_contig", size, vb2DcAlloc(k, device, size, nonCoherent));
}
