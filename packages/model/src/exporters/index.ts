/**
 * The exporters by the names of the catalogue. Nothing else knows them all: an exporter's file and its row here are all
 * of it, and a row of the catalogue without one is a type error.
 */
import { slot } from "../slot.js";
import type {
  CameraName,
  DeviceName,
  DrmNodeName,
  HeapName,
  MemoryName,
  ShrinkerName,
  SoundCardName,
} from "@litmap/litmus";
import type { Kernel } from "../kernel.js";
import { shrinkShmem } from "../mm/oom.js";
import type { Path } from "../sched/path.js";
import { carveoutBuffer } from "./carveout.js";
import { cmaHeapAllocate } from "./cma-heap.js";
import { coherentHeapAllocate } from "./coherent-heap.js";
import { coherentBuffer, noncontiguousBuffer, pagesBuffer } from "./dma-memory.js";
import { newer } from "./driver-buffer.js";
import type { MakeBuffer } from "./driver-buffer.js";
import { bochs, qxl, vgem, virtioGpu, vkms } from "./drm-drivers.js";
import { shrinkDrmShmem } from "./drm-shmem.js";
import { DrmDevice } from "./gem.js";
import type { DrmDriver } from "./gem.js";
import { gemDmaBuffer } from "./gem-dma.js";
import { shmemGpu, ttmGpu } from "./gpu.js";
import { i915Discrete, i915Driver, shrinkI915 } from "./i915.js";
import { panthorGpu, shrinkPanthor } from "./panthor.js";
import { systemHeapAllocate } from "./system-heap.js";
import type { HeapAllocate } from "./system-heap.js";
import { shrinkTtm } from "./ttm.js";
import { ttmPool } from "./ttm-pool.js";
import { uDmaBuffer } from "./u-dma-buf.js";
import { vb2ContigBuffer, vb2DmaContigMemops } from "./vb2-dma-contig.js";
import { vb2DmaSgMemops, vb2SgBuffer } from "./vb2-dma-sg.js";
import type { MemOps } from "./vb2-memops.js";
import { vb2VmallocBuffer, vb2VmallocMemops } from "./vb2-vmalloc.js";
import { videobufBuffer } from "./videobuf-dma-contig.js";
import { virtioGpuBlob } from "./virtio-vram.js";

/** Decision points that are in an exporter's own file. */
export type ExporterPoints = typeof import("./cma-heap.js").points &
  typeof import("./drm-drivers.js").points &
  typeof import("./drm-shmem.js").points &
  typeof import("./frame-vector.js").points &
  typeof import("./gem-dma.js").points &
  typeof import("./gem.js").points &
  typeof import("./i915.js").points &
  typeof import("./panthor.js").points &
  typeof import("./system-heap.js").points &
  typeof import("./ttm.js").points &
  typeof import("./u-dma-buf.js").points &
  typeof import("./udmabuf.js").points &
  typeof import("./vb2-core.js").points &
  typeof import("./vb2-dma-sg.js").points &
  typeof import("./videobuf-dma-contig.js").points &
  typeof import("./virtio-vram.js").points;

/** DRM devices that are open or were, by driver. */
const devices = slot(() => new Map<DrmNodeName, DrmDevice>());

/** /dev/dma_heap/NAME. */
export const heaps: Readonly<Record<HeapName, HeapAllocate>> = {
  system: systemHeapAllocate,
  cma: cmaHeapAllocate,
  coherent: coherentHeapAllocate,
};

/** The driver of a DRM device that a process opens; in some releases another. */
export const drmDrivers: Readonly<Record<DrmNodeName, (k: Kernel) => DrmDriver>> = {
  vgem: () => vgem,
  virtio_gpu: () => virtioGpu,
  bochs,
  qxl: () => qxl,
  vkms: () => vkms,
  virtio_gpu_blob: () => virtioGpuBlob,
  i915: () => i915Driver,
  i915_discrete: () => i915Discrete,
};

/** The device of a driver, made when it is first opened. */
export function drmDevice(k: Kernel, name: DrmNodeName): DrmDevice {
  let dev = devices(k).get(name);
  if (dev === undefined) devices(k).set(name, (dev = new DrmDevice(k, name, drmDrivers[name](k))));
  return dev;
}

/** Memory of a driver's own buffer. */
export const memories: Readonly<Record<MemoryName, MakeBuffer>> = {
  coherent: coherentBuffer,
  noncontiguous: newer("noncontiguous", noncontiguousBuffer),
  pages: newer("pages", pagesBuffer),
  "vb2-vmalloc": vb2VmallocBuffer,
  "vb2-contig": (driver, size) => vb2ContigBuffer(driver, size, false),
  "vb2-contig-noncoherent": newer("vb2-contig-noncoherent", (driver, size) => vb2ContigBuffer(driver, size, true)),
  "vb2-sg": vb2SgBuffer,
  "gem-dma": (driver, size) => gemDmaBuffer(driver, size, false),
  "gem-dma-noncoherent": newer("gem-dma-noncoherent", (driver, size) => gemDmaBuffer(driver, size, true)),
  "u-dma-buf": uDmaBuffer,
  "videobuf-contig": videobufBuffer,
  carveout: carveoutBuffer,
};

/**
 * The GEM driver of a device that a driver of a test acts for. Those that are no GPU have objects of the shmem helper.
 */
export const gpus: Readonly<Record<DeviceName, DrmDriver>> = {
  dma: shmemGpu,
  shmem: shmemGpu,
  gpu: shmemGpu,
  ttm: ttmGpu,
  panthor: panthorGpu,
  pci: shmemGpu,
  "pci-iommu": shmemGpu,
  noncoherent: shmemGpu,
  "noncoherent-iommu": shmemGpu,
  cma: shmemGpu,
  reserved: shmemGpu,
  chardev: shmemGpu,
};

/** The allocator of a capture node's buffers. */
export const cameraMemops: Readonly<Record<CameraName, (k: Kernel) => MemOps>> = {
  vivid: () => vb2VmallocMemops,
  vivid_contig: (k) => vb2DmaContigMemops(k.device("vivid")),
  vivid_contig_userptr: (k) => vb2DmaContigMemops(k.device("vivid"), true),
  vivid_contig_iommu: (k) => vb2DmaContigMemops(k.device("vivid", { iommu: true }), true),
  vivid_sg: (k) => vb2DmaSgMemops(k.device("vivid")),
  vivid_sg_iommu: (k) => vb2DmaSgMemops(k.device("vivid", { iommu: true })),
};

/** Whether a sound card is behind an IOMMU. */
export const soundCards: Readonly<Record<SoundCardName, { readonly iommu: boolean }>> = {
  es1370: { iommu: false },
  es1370_iommu: { iommu: true },
};

/** scan_objects of each shrinker, asked for everything: pages freed. */
export const shrinkers: Readonly<Record<ShrinkerName, (k: Kernel) => Path<number>>> = {
  "drm-shmem": shrinkDrmShmem,
  ttm: shrinkTtm,
  *"ttm-pool"(k) {
    return ttmPool(k).shrink();
  },
  panthor: shrinkPanthor,
  i915: shrinkI915,
  *shmem(k) {
    return shrinkShmem(k);
  },
};
