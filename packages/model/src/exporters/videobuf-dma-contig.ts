/**
 * videobuf1's dma-contig, which V4L2 drivers had before videobuf2 and the kernel until 6.6
 * (drivers/media/v4l2-core/videobuf-dma-contig.c): contiguous coherent memory, and user memory
 * that is contiguous already, taken by its frame numbers alone.
 */
import { definePoints } from "../design/points.js";
import { exported } from "./driver-buffer.js";
import type { BufferDriver } from "./driver-buffer.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import { errnos } from "@litmap/litmus";
import { dmaAllocAttrs, dmaMmapAttrs } from "../dma/alloc.js";
import { dmaMapSgtable, SgTable } from "../dma/sg.js";
import { lookUpPfn } from "../mm/follow-pfn.js";
import { remapPfnRange } from "../mm/insert.js";
import { VM } from "../mm/vma.js";
import { acquire, release } from "../sched/path.js";
import { OverDmaMemory } from "./dma-memory.js";
import { rules } from "../rules/rule.js";
import type { Direction } from "../dma-buf/attachment.js";
import type { DmaBufOps } from "../dma-buf/buffer.js";
import type { Device } from "../dma/device.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

export const points = definePoints({
  "videobuf.mmap": {
    question: "Which address does videobuf1's dma-contig pass to mmap?",
    choices: {
      "bus-address": {
        doc: "the DMA address, by remap_pfn_range: wrong behind an IOMMU, where it is not a physical address",
      },
      "dma-api": { doc: "the kernel address, by dma_mmap_coherent" },
    },
    mainline: [
      ["2.6.28", "bus-address"],
      ["3.16", "dma-api", "source: so in 5.10.13"],
    ],
  },
});

const rule = rules({
  "videobuf/mmap-error": {
    sentence: "Every failure to map a buffer gives ENOMEM.",
    kernel: "__videobuf_mmap_mapper, drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    unproven: "no QEMU device has a driver with this allocator; removed by 6.12.",
  },
  "videobuf/physical": {
    sentence: "mmap uses the DMA address as a physical address, which is right without an IOMMU.",
    kernel: "__videobuf_mmap_mapper, drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    unproven: "no QEMU device has a driver with this allocator; removed by 6.12.",
  },
  "videobuf/bus-address": {
    sentence: "Behind an IOMMU the DMA address is not a physical address: mmap maps the wrong memory.",
    kernel: "__videobuf_mmap_mapper, drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    unproven: "no QEMU device has a driver with this allocator; removed by 6.12.",
  },
  "videobuf/user-range": {
    sentence: "USERPTR memory must be in one VMA, else EINVAL.",
    kernel: "videobuf_dma_contig_user_get, drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    unproven: "no QEMU device has a driver with this allocator; removed by 6.12.",
  },
  "videobuf/user-scattered": {
    sentence: "USERPTR memory must have consecutive PFNs, else EFAULT.",
    kernel: "videobuf_dma_contig_user_get, drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    unproven: "no QEMU device has a driver with this allocator; removed by 6.12.",
  },
  "videobuf/user-frames": {
    sentence:
      "USERPTR memory is resolved by follow_pfn: only VM_IO and VM_PFNMAP VMAs work, and no reference is taken.",
    kernel: "videobuf_dma_contig_user_get, drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    unproven: "no QEMU device has a driver with this allocator; removed by 6.12.",
  },
});

/** A table of user memory: what unmapping it needs. */
export interface MappedUserMemory {
  readonly at: undefined;
  readonly sgt: SgTable;
  readonly direction: Direction;
}

/** __videobuf_dc_alloc: a buffer of so many bytes, or -ENOMEM. */
function videobufDcAlloc(k: Kernel, device: Device, size: number): VideobufContig | number {
  const memory = dmaAllocAttrs(k, device, size);
  return typeof memory === "number" ? memory : new VideobufContig(k, memory);
}

class VideobufContig extends OverDmaMemory implements DmaBufOps {
  /** __videobuf_mmap_mapper: the whole buffer, whatever the offset says; any error becomes -ENOMEM. */
  *mmap(vma: Vma): Path<number> {
    const { k, memory } = this;
    vma.pgoff = 0;
    const error = k.design["videobuf.mmap"] === "dma-api" ? dmaMmapAttrs(k, vma, memory) : this.mapBusAddress(vma);
    if (error !== 0) return k.refuse(rule["videobuf/mmap-error"], errnos.ENOMEM);
    vma.flags |= VM.DONTEXPAND;
    vma.ops = { name: "videobuf_vm_ops" };
    return 0;
  }

  /** The DMA address taken for a physical one: behind an IOMMU it is below 4 GiB, where no memory is. */
  private mapBusAddress(vma: Vma): number {
    const { k, memory } = this;
    const pages = (vma.end - vma.start) / k.pageSize;
    const first = memory.device.iommu ? 2 ** 32 / k.pageSize - memory.pfns.length : memory.pfns[0];
    k.note(memory.device.iommu ? rule["videobuf/bus-address"] : rule["videobuf/physical"]);
    return remapPfnRange(k, vma, vma.start, first, pages * k.pageSize);
  }

  *vmap(): Path<KernelMap> {
    return this.memory.vaddr(this.k, "a videobuf buffer");
  }

  *release(): Path<void> {
    this.memory.free(this.k);
  }
}

/**
 * videobuf_dma_contig_user_get: a table of user memory for the device, or -EINVAL, -EFAULT.
 * Frame numbers only, of a mapping of bare frames that are in a row; nothing is held. Bytes.
 */
export function* videobufDmaContigUserGet(
  k: Kernel,
  device: Device,
  mm: Mm,
  address: number,
  length: number,
): Path<SgTable | number> {
  const start = address - (address % k.pageSize);
  const pages = Math.ceil((length + (address - start)) / k.pageSize);
  yield* acquire(k, mm.mmapLock, "read");
  const first = framesInARow(k, mm, start, pages);
  yield* release(k, mm.mmapLock);
  if (first < 0) return first;
  k.note(rule["videobuf/user-frames"], `${pages} pages`);
  const sgt = new SgTable([{ pfn: first, pages }]);
  dmaMapSgtable(k, device, sgt, "from_device", false);
  return sgt;
}

function framesInARow(k: Kernel, mm: Mm, start: number, pages: number): number {
  const vma = mm.lookup(start);
  if (vma === undefined || start + pages * k.pageSize > vma.end || pages === 0)
    return k.refuse(rule["videobuf/user-range"], errnos.EINVAL, `0x${start.toString(16)}`);
  const first = lookUpPfn(k, mm, start);
  for (let i = 1; i < pages && first >= 0; i++) {
    const pfn = lookUpPfn(k, mm, start + i * k.pageSize);
    if (pfn < 0) return pfn;
    if (pfn !== first + i) return k.refuse(rule["videobuf/user-scattered"], errnos.EFAULT, `page ${i}`);
  }
  return first;
}

export function* videobufBuffer({ k, device }: BufferDriver, size: number): Path<DmaBuf | number> {
  const buffer = videobufDcAlloc(k, device, size);
  return typeof buffer === "number" ? buffer : exported(k, buffer, size, "videobuf");
}
