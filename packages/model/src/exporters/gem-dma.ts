/**
 * GEM objects in memory of the DMA API, as display drivers of SoCs have them (drivers/gpu/drm/drm_gem_dma_helper.c).
 */
import { definePoints } from "../design/points.js";
import { DrmDevice, drmGemObjectPut, GemObject } from "./gem.js";
import { drmGemPrimeExport } from "./prime.js";
import type { BufferDriver } from "./driver-buffer.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import { errnos } from "@litmap/litmus";
import { Resv } from "../dma-buf/resv.js";
import { dmaAllocAttrs, dmaAllocPages, dmaGetSgtable, dmaMmapAttrs, dmaMmapPages } from "../dma/alloc.js";
import { VM } from "../mm/vma.js";
import { rules } from "../rules/rule.js";
import type { DmaMemory } from "../dma/alloc.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { DrmDriver, GemBacking } from "./gem.js";

export const points = definePoints({
  "gem-dma.dump": {
    question: "Is a mapping of a GEM DMA object part of a core dump?",
    choices: {
      "as-mapped": {
        doc: "depends on the DMA API's mmap: pages are dumped, PFNs are not",
      },
      never: { doc: "no: the helper sets VM_DONTDUMP" },
    },
    mainline: [
      ["3.7", "as-mapped"],
      ["7.1", "never", "source: not in 6.19.6, in 7.1.3"],
    ],
  },
});

const rule = rules({
  "gem-dma/mmap": {
    sentence:
      "mmap clears VM_PFNMAP and the fake offset and calls the DMA API, which decides the VMA's flags; COW " +
      "mappings are not refused.",
    kernel: "drm_gem_dma_mmap, drivers/gpu/drm/drm_gem_dma_helper.c",
  },
  "gem-dma/no-offset": {
    sentence:
      "The DMA API is given the VMA's length as the buffer size: a mapping with an offset into the object gives ENXIO.",
    kernel: "drm_gem_dma_mmap, drivers/gpu/drm/drm_gem_dma_helper.c",
  },
});

/** struct drm_gem_dma_object. */
export class GemDmaObject implements GemBacking {
  readonly resv: Resv;
  gem?: GemObject;
  /** drm_gem_dma_vm_ops: only what every GEM mapping has. There is no fault handler. */
  readonly vmOps: Pick<VmOps, "fault"> = {};

  constructor(
    private readonly k: Kernel,
    private readonly memory: DmaMemory,
    private readonly mapNoncoherent: boolean,
  ) {
    this.resv = new Resv("a GEM DMA object");
  }

  /**
   * drm_gem_dma_mmap: the whole of the mapping is asked of the DMA API, as if the object were no longer than it. 0 or a
   * negative errno.
   */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    const bytes = vma.end - vma.start;
    vma.pgoff -= this.gem!.offset;
    vma.flags &= ~VM.PFNMAP;
    vma.flags |= VM.DONTEXPAND;
    if (k.design["gem-dma.dump"] === "never") vma.flags |= VM.DONTDUMP;
    k.note(rule["gem-dma/mmap"]);
    if (vma.pgoff > 0) k.note(rule["gem-dma/no-offset"], `page ${vma.pgoff}`);
    return this.mapNoncoherent ? dmaMmapPages(k, vma, this.memory, bytes) : dmaMmapAttrs(k, vma, this.memory, bytes);
  }

  *pin(): Path<number> {
    return 0;
  }

  *unpin(): Path<void> {}

  getSgTable(): SgTable {
    return dmaGetSgtable(this.memory);
  }

  /** drm_gem_dma_vmap: the address that the memory has anyway. */
  *vmap(): Path<KernelMap> {
    return this.memory.vaddr(this.k, "a GEM DMA object");
  }

  *vunmap(): Path<void> {}

  *free(): Path<void> {
    this.memory.free(this.k);
  }
}

/** drm_gem_dma_create: memory for an object, or -ENOMEM. Bytes. */
function drmGemDmaCreate(k: Kernel, device: Device, size: number, mapNoncoherent = false): GemDmaObject | number {
  const memory = mapNoncoherent ? dmaAllocPages(k, device, size) : dmaAllocAttrs(k, device, size);
  return typeof memory === "number" ? memory : new GemDmaObject(k, memory, mapNoncoherent);
}

/** A driver whose dumb buffers are such objects. */
const gemDmaDriver: DrmDriver = {
  card: 4,
  *create({ k, device }, size) {
    return drmGemDmaCreate(k, device, size);
  },
  prime: "all",
  import: errnos.EINVAL,
  expName: "drm",
};

/** drm_gem_prime_export of an object that nothing else refers to. */
export function* gemDmaBuffer(
  { k, device, state }: BufferDriver,
  size: number,
  mapNoncoherent: boolean,
): Path<DmaBuf | number> {
  const backing = drmGemDmaCreate(k, device, size, mapNoncoherent);
  if (typeof backing === "number") return backing;
  let dev = state.get("drm") as DrmDevice | undefined;
  if (dev === undefined) state.set("drm", (dev = new DrmDevice(k, "gem-dma", gemDmaDriver, device)));
  const obj = new GemObject(dev, size, backing);
  const buf = drmGemPrimeExport(k, obj, true);
  yield* drmGemObjectPut(obj);
  return buf;
}
