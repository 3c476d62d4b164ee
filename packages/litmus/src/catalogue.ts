/**
 * The catalogue: a row for each thing that exports memory, or that a driver's device is. The words of the operations
 * that
 * name them, what a kernel under test needs for them, and the pages about them follow from the rows; the model and the
 * kernel compiler have a record over the same names, so that a new row without code is a type error in both.
 */
import type { Words } from "./operations/types.js";

/** What the pages say of one exporter, however it is made. */
interface System {
  /** Its place in the kernel source. */
  readonly source: string;
  /** Numbers of the threads that argue about it, from 1. */
  readonly threads: readonly number[];
  /** Subjects of the rule book that are its own. */
  readonly rules: readonly string[];
}

/** The exporters that the catalogue's rows belong to, as the pages of the systems have them. */
export const systems = {
  "system heap": { source: "drivers/dma-buf/heaps/system_heap.c", threads: [1, 2, 3], rules: ["system-heap"] },
  "coherent heap": {
    source: "drivers/dma-buf/heaps/coherent_heap.c (proposed)",
    threads: [1, 2],
    rules: ["coherent-heap"],
  },
  "CMA heap": { source: "drivers/dma-buf/heaps/cma_heap.c", threads: [2, 5], rules: ["cma"] },
  vgem: { source: "drivers/gpu/drm/vgem", threads: [4], rules: [] },
  "virtio-gpu": { source: "drivers/gpu/drm/virtio", threads: [4], rules: ["virtio-vram"] },
  bochs: { source: "drivers/gpu/drm/tiny/bochs.c", threads: [2], rules: [] },
  qxl: { source: "drivers/gpu/drm/qxl", threads: [2], rules: [] },
  vkms: { source: "drivers/gpu/drm/vkms", threads: [4], rules: [] },
  "i915 and io_mapping": { source: "drivers/gpu/drm/i915/gem", threads: [2, 4], rules: ["i915"] },
  "DMA API mappings": {
    source: "kernel/dma/mapping.c, drivers/iommu/dma-iommu.c",
    threads: [5],
    rules: ["dma-api", "pcm"],
  },
  "vb2-vmalloc": {
    source: "drivers/media/common/videobuf2/videobuf2-vmalloc.c",
    threads: [2, 5],
    rules: ["vb2-vmalloc"],
  },
  "vb2-dma-contig": {
    source: "drivers/media/common/videobuf2/videobuf2-dma-contig.c",
    threads: [5],
    rules: ["vb2-dma-contig", "vb2-dma-contig-userptr"],
  },
  "vb2-dma-sg": { source: "drivers/media/common/videobuf2/videobuf2-dma-sg.c", threads: [5], rules: ["vb2-dma-sg"] },
  "GEM DMA helper": { source: "drivers/gpu/drm/drm_gem_dma_helper.c", threads: [5], rules: ["gem-dma"] },
  "u-dma-buf": { source: "u-dma-buf.c (out of tree)", threads: [2], rules: ["u-dma-buf"] },
  "videobuf1 dma-contig": {
    source: "drivers/media/v4l2-core/videobuf-dma-contig.c (up to 6.2)",
    threads: [5],
    rules: ["videobuf"],
  },
  carveout: { source: "drivers/staging/android/ion/heaps (up to 5.10)", threads: [1, 5], rules: ["carveout"] },
  "drm-shmem and its shrinkers": {
    source: "drivers/gpu/drm/drm_gem_shmem_helper.c",
    threads: [4],
    rules: ["drm-shmem"],
  },
  TTM: { source: "drivers/gpu/drm/ttm", threads: [2], rules: ["ttm"] },
  panthor: { source: "drivers/gpu/drm/panthor", threads: [4], rules: ["panthor"] },
} as const satisfies Record<string, System>;

export type SystemName = keyof typeof systems;

/** What all rows have. */
interface Row {
  /** One line, as the language reference prints it. */
  readonly doc: string;
  /** The system that it belongs to. */
  readonly system: SystemName;
  /** Why no machine can have it: it can be tried on the model only. */
  readonly modelOnly?: string;
}

/** A heap of /dev/dma_heap. */
interface Heap extends Row {
  /** Names under /dev/dma_heap that it has had; the first that a machine has is used. */
  readonly nodes: readonly string[];
  /** What a machine needs beside the kernel. */
  readonly needs?: "cma";
  /** What a kernel without it lacks. */
  readonly lacking?: string;
}

/** A DRM device whose primary node a process opens. */
interface DrmNode extends Row {
  /** Its number: the order in which the machine loads its modules. */
  readonly card: number;
  /** Characters of the name by which DRM_IOCTL_VERSION answers; none for what no machine has. */
  readonly versionName?: string;
  /** Kernel modules that serve it. */
  readonly modules?: readonly string[];
  /** QEMU's name of the device. */
  readonly qemu?: string;
  /** QEMU has it on x86 only. */
  readonly x86Only?: true;
  /** What a machine without it lacks, if not the device. */
  readonly lacking?: string;
}

/** Memory that a driver allocates for its device and exports by dma_buf_export(). */
interface Memory extends Row {
  /** Its number in the test module (enum export_memory, module/exporting.c). */
  readonly module?: number;
}

/** A device that a driver acts for. */
interface DriverDevice {
  readonly doc: string;
  readonly system?: SystemName;
  /** Its number in the test module (module/main.c); none: no virtual machine has such a device. */
  readonly module?: number;
  /** What a machine needs for it. */
  readonly needs?: "cma" | "iommu";
}

/** A capture node of vivid. */
interface Camera extends Row {
  /** Under /dev. */
  readonly path: string;
}

interface SoundCard extends Row {
  readonly needs: "sound" | "sound-iommu";
}

/** A shrinker that the kernel can be told to run. */
interface Shrinker {
  readonly doc: string;
  readonly modelOnly?: string;
}

export const heaps = {
  system: {
    doc: "the system heap",
    system: "system heap",
    nodes: ["system"],
  },
  cma: {
    doc:
      "the heap of the machine's contiguous memory, 64 MiB: `reserved`, from 6.17 `default_cma_region`; Debian's " +
      "kernels have none",
    system: "CMA heap",
    // Since 6.17; by a device tree; by the command line or the configuration.
    nodes: ["default_cma_region", "linux,cma", "reserved"],
    needs: "cma",
    lacking: "this kernel has no CMA heap (CONFIG_DMABUF_HEAPS_CMA, and memory for it)",
  },
  coherent: {
    doc: "a proposed heap over 8 MiB of coherent memory that was reserved at boot; on the model only",
    system: "coherent heap",
    nodes: ["coherent"],
    lacking: "no release has a heap over coherent reserved memory: it is a proposal",
  },
} as const satisfies Record<string, Heap>;

const noIntelGpu = "needs an Intel GPU, which QEMU does not have";

export const drmNodes = {
  vgem: {
    doc: "vgem: GEM shmem objects, write-combined",
    system: "vgem",
    card: 0,
    versionName: "vgem",
    modules: ["vgem"],
  },
  virtio_gpu: {
    doc: "QEMU's virtio-gpu: GEM shmem objects",
    system: "virtio-gpu",
    card: 1,
    versionName: "virtio_gpu",
    modules: ["virtio_gpu"],
    qemu: "virtio-gpu-pci",
  },
  bochs: {
    doc: "QEMU's bochs-display: VRAM through TTM up to 6.12, GEM shmem objects later",
    system: "bochs",
    card: 2,
    versionName: "bochs-drm",
    modules: ["bochs", "bochs-drm"],
    qemu: "bochs-display",
  },
  qxl: {
    doc: "QEMU's qxl: TTM",
    system: "qxl",
    card: 3,
    versionName: "qxl",
    modules: ["qxl"],
    qemu: "qxl",
    x86Only: true,
  },
  vkms: {
    doc: "vkms, a display without hardware: GEM shmem objects; Debian's kernels have none",
    system: "vkms",
    card: 4,
    versionName: "vkms",
    modules: ["vkms"],
    lacking: "this kernel has no vkms (CONFIG_DRM_VKMS)",
  },
  virtio_gpu_blob: {
    doc: "virtio-gpu with blob resources, 3D and a window of 64 MiB to the host's memory; on the model only",
    system: "virtio-gpu",
    card: 9,
    modelOnly: "needs a virtio-gpu with blob resources, for which this machine's QEMU has no host side",
  },
  i915: {
    doc: "an integrated Intel GPU with an aperture of 64 MiB; on the model only",
    system: "i915 and io_mapping",
    card: 7,
    modelOnly: noIntelGpu,
  },
  i915_discrete: {
    doc: "a discrete Intel GPU with 64 MiB of local memory and no aperture; on the model only",
    system: "i915 and io_mapping",
    card: 8,
    modelOnly: noIntelGpu,
  },
} as const satisfies Record<string, DrmNode>;

export const memories = {
  coherent: {
    doc: "dma_alloc_coherent, mapped by dma_mmap_coherent",
    system: "DMA API mappings",
    module: 0,
  },
  noncontiguous: {
    doc: "dma_alloc_noncontiguous, mapped by dma_mmap_noncontiguous",
    system: "DMA API mappings",
    module: 1,
  },
  pages: {
    doc: "dma_alloc_pages, mapped by dma_mmap_pages",
    system: "DMA API mappings",
    module: 2,
  },
  "vb2-vmalloc": {
    doc: "a video queue's buffer of vb2-vmalloc",
    system: "vb2-vmalloc",
    module: 3,
  },
  "vb2-contig": {
    doc: "a video queue's buffer of vb2-dma-contig",
    system: "vb2-dma-contig",
    module: 4,
  },
  "vb2-contig-noncoherent": {
    doc: "the same with V4L2_MEMORY_FLAG_NON_COHERENT",
    system: "vb2-dma-contig",
    module: 5,
  },
  "vb2-sg": {
    doc: "a video queue's buffer of vb2-dma-sg",
    system: "vb2-dma-sg",
    module: 6,
  },
  "gem-dma": {
    doc: "a GEM object of the DMA helper, by PRIME",
    system: "GEM DMA helper",
    module: 7,
  },
  "gem-dma-noncoherent": {
    doc: "the same with map_noncoherent",
    system: "GEM DMA helper",
    module: 8,
  },
  "u-dma-buf": {
    doc: "coherent memory as the driver of that name maps it, which is in no kernel",
    system: "u-dma-buf",
    modelOnly: "of u-dma-buf can be asked of the model only: the driver is in no kernel",
  },
  "videobuf-contig": {
    doc: "a buffer of videobuf1's dma-contig (gone by 6.12), which had no dma-buf: here one to map it by",
    system: "videobuf1 dma-contig",
    modelOnly: "of videobuf1 can be asked of the model only: it had no dma-buf, and went with 6.3",
  },
  carveout: {
    doc: "reserved memory without struct pages, as ION's carveout heap had it",
    system: "carveout",
    modelOnly: "of a carveout can be asked of the model only: no kernel since 5.11 has ION",
  },
} as const satisfies Record<string, Memory>;

/** `dma`, `pci` and `cma` differ in how the machine was started. */
export const driverDevices = {
  dma: {
    doc:
      "as the design says (points `dma.mapping`, `dma.coherence`): by default without an IOMMU, its accesses go " +
      "through the CPU's caches",
    module: 0,
  },
  shmem: {
    doc: "a GPU with GEM objects in shmem, otherwise like `dma`",
    system: "drm-shmem and its shrinkers",
    module: 0,
  },
  ttm: {
    doc: "a GPU with TTM and 16 MiB of video memory, which exports its objects as amdgpu does; otherwise like `dma`",
    system: "TTM",
  },
  panthor: {
    doc: "a Mali GPU, whose objects in shmem are its driver's own from 7.1 on; otherwise like `dma`",
    system: "panthor",
  },
  pci: { doc: "no IOMMU, coherent: its DMA addresses are physical", module: 0 },
  "pci-iommu": {
    doc: "behind an IOMMU, coherent: memory from the DMA API is single pages that the IOMMU makes one range of",
    module: 1,
    needs: "iommu",
  },
  noncoherent: { doc: "no IOMMU, sees memory and not the CPU's caches" },
  "noncoherent-iommu": { doc: "behind an IOMMU, sees memory and not the CPU's caches" },
  cma: { doc: "no IOMMU; what it allocates comes from the contiguous memory area", module: 2, needs: "cma" },
  reserved: { doc: "no IOMMU; its coherent memory, 8 MiB, was reserved at boot and has no struct pages" },
  chardev: { doc: "no device to speak of: a driver of character devices; otherwise like `dma`", module: 0 },
  gpu: { doc: "the same as `shmem`", system: "drm-shmem and its shrinkers" },
} as const satisfies Record<string, DriverDevice>;

const noAllocator = "no device that QEMU has is served by a driver with this allocator of buffers";

export const cameras = {
  vivid: { doc: "vivid with vb2-vmalloc buffers", system: "vb2-vmalloc", path: "video0" },
  vivid_contig: {
    doc: "vivid with vb2-dma-contig buffers, which takes no USERPTR",
    system: "vb2-dma-contig",
    path: "video1",
  },
  vivid_contig_userptr: {
    doc: "vivid as it would be if it took USERPTR with vb2-dma-contig; the model only",
    system: "vb2-dma-contig",
    path: "video2",
    modelOnly: noAllocator,
  },
  vivid_sg: {
    doc: "vivid as it would be with vb2-dma-sg; the model only",
    system: "vb2-dma-sg",
    path: "video4",
    modelOnly: noAllocator,
  },
  vivid_sg_iommu: {
    doc: "the same behind an IOMMU",
    system: "vb2-dma-sg",
    path: "video5",
    modelOnly: noAllocator,
  },
  vivid_contig_iommu: {
    doc: "vivid_contig_userptr behind an IOMMU",
    system: "vb2-dma-contig",
    path: "video3",
    modelOnly: noAllocator,
  },
} as const satisfies Record<string, Camera>;

export const soundCards = {
  es1370: {
    doc: "QEMU's ES1370 on a machine without an IOMMU",
    system: "DMA API mappings",
    needs: "sound",
  },
  es1370_iommu: {
    doc: "the same behind an emulated Intel IOMMU",
    system: "DMA API mappings",
    needs: "sound-iommu",
  },
} as const satisfies Record<string, SoundCard>;

const notInModule = "can be asked of the model only: the test module has objects of the shmem helper";

export const shrinkers = {
  "drm-shmem": { doc: "GEM shmem objects that are marked as not needed, which are purged" },
  ttm: {
    doc: "TTM objects in system memory, which are swapped out",
    modelOnly: `of ttm ${notInModule}`,
  },
  "ttm-pool": { doc: "TTM's page pool", modelOnly: `of ttm-pool ${notInModule}` },
  i915: {
    doc: "i915's objects that are marked as not needed, which are purged",
    modelOnly: `of i915 ${notInModule}`,
  },
  panthor: {
    doc: "panthor's objects, evicted where there is swap (point `memory.swap`)",
    modelOnly: `of panthor ${notInModule}`,
  },
  shmem: {
    doc: "page cache of memfds and tmpfs, to swap",
    modelOnly: "of page cache needs swap that no module can force",
  },
} as const satisfies Record<string, Shrinker>;

export type HeapName = keyof typeof heaps;
export type DrmNodeName = keyof typeof drmNodes;
export type MemoryName = keyof typeof memories;
export type DeviceName = keyof typeof driverDevices;
export type CameraName = keyof typeof cameras;
export type SoundCardName = keyof typeof soundCards;
export type ShrinkerName = keyof typeof shrinkers;

/** The general shape of each table's rows, for code that walks over them. */
export const heapRow = (name: HeapName): Heap => heaps[name];
export const drmNodeRow = (name: DrmNodeName): DrmNode => drmNodes[name];
export const memoryRow = (name: MemoryName): Memory => memories[name];
export const deviceRow = (name: string): DriverDevice | undefined =>
  Object.hasOwn(driverDevices, name) ? driverDevices[name as DeviceName] : undefined;
export const cameraRow = (name: CameraName): Camera => cameras[name];
export const shrinkerRow = (name: ShrinkerName): Shrinker => shrinkers[name];

/** The names of a table as the words of a parameter. */
export function wordsOf<T extends Record<string, { readonly doc: string }>>(
  table: T,
): { readonly [K in keyof T]: string } {
  return Object.fromEntries(Object.entries(table).map(([name, { doc }]) => [name, doc])) as Words & {
    readonly [K in keyof T]: string;
  };
}

/** A name of the catalogue where a test uses it: the operation with that word, or a driver on that device. */
export interface Use {
  readonly system: SystemName;
  readonly op?: "dma_heap_alloc" | "drm_open" | "dma_buf_export" | "v4l2_open" | "pcm_open";
  readonly word: string;
}

/** By which words the tests of a system are known. */
export const uses: readonly Use[] = [
  ...Object.entries(heaps).map(([word, { system }]) => ({ system, op: "dma_heap_alloc" as const, word })),
  ...Object.entries(drmNodes).map(([word, { system }]) => ({ system, op: "drm_open" as const, word })),
  ...Object.entries(memories).map(([word, { system }]) => ({ system, op: "dma_buf_export" as const, word })),
  ...Object.entries(cameras).map(([word, { system }]) => ({ system, op: "v4l2_open" as const, word })),
  ...Object.entries(soundCards).map(([word, { system }]) => ({ system, op: "pcm_open" as const, word })),
  ...(Object.entries(driverDevices) as [string, DriverDevice][]).flatMap(([word, { system }]) =>
    system === undefined ? [] : [{ system, word }],
  ),
];
