/**
 * videobuf2's dma-sg allocator: single pages in as large runs as there are
 * (drivers/media/common/videobuf2/videobuf2-dma-sg.c).
 */
import { definePoints } from "../design/points.js";
import { ofQueue } from "./driver-buffer.js";
import { kvmalloc, POINTER } from "../mm/page-alloc.js";
import type { BufferDriver } from "./driver-buffer.js";
import { errnos } from "@litmap/litmus";
import { vb2CreateFramevec, vb2DestroyFramevec } from "./frame-vector.js";
import { countBufferPages, keepWords } from "../dma/bookkeeping.js";
import {
  dmaMapSgtable,
  dmaSyncForCpu,
  dmaSyncForDevice,
  dmaUnmapSgtable,
  sgFromPages,
  sgOfOnePiece,
} from "../dma/sg.js";
import { vmMapPages } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { VM } from "../mm/vma.js";
import { attachPlane, PlaneDmaBuf, userPlane } from "./vb2-dma.js";
import { Handler } from "./vb2-memops.js";
import { access } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { ImportedMemory, MemOps, OwnMemory, PlaneMemory } from "./vb2-memops.js";

export const points = definePoints({
  "vb2-dma-sg.expand": {
    question: "Can mremap grow a mapping of a vb2-dma-sg buffer?",
    choices: {
      allowed: { doc: "yes: VM_DONTEXPAND is missing, and DRM warns about a mapping of an import" },
      refused: {
        doc: "no: VM_DONTEXPAND and VM_DONTDUMP",
        proposed: "media: videobuf2-dma-sg: fix vmap callback and set VM_DONTEXPAND (Janne Grunau, 2023; feb17524aa4e)",
      },
    },
    mainline: [
      ["3.8", "allowed"],
      [
        "7.1",
        "refused",
        "media: videobuf2: Set vma_flags in vb2_dma_sg_mmap; source: not in 6.19.6, in 7.1.3",
        { "6.1": "6.1.191", "6.12": "6.12.90" },
      ],
    ],
  },
});

const rule = rules({
  "vb2-dma-sg/vaddr-twice": {
    sentence:
      "Two first kernel mappings of one buffer at once, by two of its dma-bufs, are both made; the later store of " +
      "buf->vaddr loses the earlier one.",
    kernel: "vb2_dma_sg_vaddr, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "a kernel does not count lost mappings.",
  },
  "vb2-dma-sg/pages": {
    sentence: "A buffer is allocated in the largest orders that fit and split into pages, each with its own refcount.",
    kernel: "vb2_dma_sg_alloc_compacted, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
  },
  "vb2-dma-sg/map-pages": {
    sentence:
      "mmap inserts every page by vm_map_pages from vm_pgoff on: VM_MIXEDMAP, refcount, RSS; past the end of the " +
      "buffer: ENXIO.",
    kernel: "vb2_dma_sg_mmap, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
  },
  "vb2-dma-sg/may-grow": {
    sentence: "Without VM_DONTEXPAND mremap grows the mapping past the buffer; access to the new part gives SIGBUS.",
    kernel: "vb2_dma_sg_mmap, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "the recorded kernels that can run it set VM_DONTEXPAND.",
  },
  "vb2-dma-sg/userptr-error": {
    sentence: "Every failure to acquire USERPTR memory gives ENOMEM.",
    kernel: "vb2_dma_sg_get_userptr, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "no QEMU device has a driver with this allocator.",
  },
  "vb2-dma-sg/import-short": {
    sentence: "A dma-buf shorter than the queued length gives EFAULT.",
    kernel: "vb2_dma_sg_attach_dmabuf, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "no QEMU device has a driver with this allocator.",
  },
  "vb2-dma-sg/import-sg": {
    sentence: "A dma-buf whose exporter makes no sg table cannot be imported: EINVAL.",
    kernel: "vb2_dma_sg_map_dmabuf, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "no QEMU device has a driver with this allocator.",
  },
});

/** The allocator for a driver's device. */
export function vb2DmaSgMemops(device: Device): MemOps {
  return {
    expName: "videobuf2_dma_sg",
    alloc: (k, size) => vb2DmaSgAlloc(k, device, size),
    getUserptr: (k, task, address, length) => vb2DmaSgGetUserptr(k, device, task, address, length),
    attachDmabuf: (k, buf, length) => vb2DmaSgAttachDmabuf(k, device, buf, length),
  };
}

/** vb2_dma_sg_alloc: a buffer, or -ENOMEM. Bytes, whole pages. */
export function vb2DmaSgAlloc(k: Kernel, device: Device, size: number): OwnMemory | number {
  const pfns = allocCompacted(k, size / k.pageSize);
  return pfns === undefined ? -errnos.ENOMEM : new SgBuffer(k, device, pfns);
}

const LARGEST_ORDER = 10;

/** A table of a buffer's pages: one block has all of them, where it can. */
function tableOf(pfns: Int32Array): SgTable {
  const order = Math.log2(pfns.length);
  return Number.isInteger(order) && order <= LARGEST_ORDER ? sgOfOnePiece(pfns) : sgFromPages(pfns);
}

/** vb2_dma_sg_alloc_compacted: the largest blocks that are not too large, split into pages. */
function allocCompacted(k: Kernel, pages: number): Int32Array | undefined {
  if (kvmalloc(k, pages * POINTER) !== 0) return undefined;
  const pfns = new Int32Array(pages);
  for (let i = 0; i < pages; ) {
    const order = Math.min(LARGEST_ORDER, Math.floor(Math.log2(pages - i)));
    const pfn = k.frames.alloc(order, 0, false);
    if (pfn < 0) {
      for (let j = 0; j < i; j++) folioPut(k, pfns[j]);
      return undefined;
    }
    k.frames.split(pfn, order);
    for (let j = 0; j < 1 << order; j++) pfns[i++] = pfn + j;
  }
  k.note(rule["vb2-dma-sg/pages"], `${pages} pages`);
  return pfns;
}

/** struct vb2_dma_sg_buf of a queue's own memory. */
class SgBuffer implements OwnMemory {
  /** The queue's own table, mapped for its device for as long as the buffer lives. */
  readonly sgt: SgTable;
  private map: KernelMap | undefined;
  private mappedBy = "";
  private readonly handler: Handler;

  constructor(
    private readonly k: Kernel,
    readonly device: Device,
    readonly pfns: Int32Array,
  ) {
    countBufferPages(k, pfns.length);
    keepWords(k, pfns.length);
    this.sgt = tableOf(pfns);
    dmaMapSgtable(k, device, this.sgt, "from_device", false);
    this.handler = new Handler(k, () => this.free());
  }

  /** The end of vb2_dma_sg_put. */
  private free(): void {
    const { k } = this;
    dmaUnmapSgtable(k, this.device, this.sgt, "from_device", false);
    if (this.map !== undefined) k.vmalloc.unmap(this.map);
    for (const pfn of this.pfns) folioPut(k, pfn);
  }

  /** vb2_dma_sg_vaddr: vm_map_ram, when it is first asked for. */
  *vaddr(): Path<KernelMap> {
    const { k } = this;
    const field = `buf->vaddr of the vb2-dma-sg buffer at frame ${this.pfns[0]}`;
    yield* access(k, field, false);
    if (this.map !== undefined) return this.map;
    const map = k.vmalloc.map(this.pfns, "a vb2-dma-sg buffer");
    const mappedBy = k.custody.doing;
    yield* access(k, field, true);
    if (this.map !== undefined) {
      k.note(rule["vb2-dma-sg/vaddr-twice"], field);
      k.custody.loses("a kernel mapping of a vb2-dma-sg buffer", this.mappedBy, "vb2_dma_sg_put, by buf->vaddr");
    }
    this.mappedBy = mappedBy;
    return (this.map = map);
  }

  *put(): Path<void> {
    this.handler.put();
  }

  /** vb2_dma_sg_mmap: vm_map_pages from the offset on. 0 or a negative errno. */
  mmap(vma: Vma): number {
    const { k } = this;
    k.note(rule["vb2-dma-sg/map-pages"]);
    const error = vmMapPages(k, vma, this.pfns);
    if (error !== 0) return error;
    if (k.design["vb2-dma-sg.expand"] === "refused") vma.flags |= VM.DONTEXPAND | VM.DONTDUMP;
    else k.note(rule["vb2-dma-sg/may-grow"]);
    this.handler.attach(vma);
    return 0;
  }

  getDmabuf(): DmaBufOps {
    this.handler.get();
    return new SgDmaBuf(this.k, this, this.handler);
  }
}

/** vb2_dma_sg_dmabuf_ops: CPU access syncs for the queue's own device and direction, whatever the caller asks for. */
class SgDmaBuf extends PlaneDmaBuf {
  constructor(
    k: Kernel,
    private readonly buffer: SgBuffer,
    handler: Handler,
  ) {
    super(k, buffer, handler, () => tableOf(buffer.pfns), true);
  }

  *beginCpuAccess(): Path<number> {
    dmaSyncForCpu(this.k, this.buffer.device, this.buffer.sgt, "from_device");
    return 0;
  }

  *endCpuAccess(): Path<number> {
    dmaSyncForDevice(this.k, this.buffer.device, this.buffer.sgt, "from_device");
    return 0;
  }
}

/** vb2_dma_sg_get_userptr: pins the pages and maps them for the device; whatever goes wrong is -ENOMEM. */
function* vb2DmaSgGetUserptr(
  k: Kernel,
  device: Device,
  task: Task,
  address: number,
  length: number,
): Path<PlaneMemory | number> {
  const vec = yield* vb2CreateFramevec(k, task, address, length, true);
  if (typeof vec === "number")
    return k.refuse(rule["vb2-dma-sg/userptr-error"], errnos.ENOMEM, `0x${address.toString(16)}`);
  if (!vec.pinned && vec.pfns.some((pfn) => !k.frames.valid(pfn))) {
    vb2DestroyFramevec(k, vec);
    return k.refuse(rule["vb2-dma-sg/userptr-error"], errnos.ENOMEM, "no struct pages");
  }
  return userPlane(k, device, vec, sgFromPages(vec.pfns), address % k.pageSize);
}

/** vb2_dma_sg_attach_dmabuf, vb2_dma_sg_map_dmabuf: any table will do, contiguous or not. */
function vb2DmaSgAttachDmabuf(k: Kernel, device: Device, buf: DmaBuf, length: number): Path<ImportedMemory | number> {
  return attachPlane(
    k,
    device,
    buf,
    length,
    { short: rule["vb2-dma-sg/import-short"], noTable: rule["vb2-dma-sg/import-sg"] },
    () => 0,
  );
}

export function vb2SgBuffer({ k, device }: BufferDriver, size: number): Path<DmaBuf | number> {
  return ofQueue(k, "videobuf2_dma_sg", size, vb2DmaSgAlloc(k, device, size));
}
