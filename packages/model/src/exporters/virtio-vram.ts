/**
 * Blobs of virtio-gpu in memory of the host, which the guest sees through a window of the device
 * (drivers/gpu/drm/virtio/virtgpu_vram.c).
 */
import { definePoints } from "../design/points.js";
import { devPrivate } from "./gem.js";
import { errnos } from "@litmap/litmus";
import { SgTable } from "../dma/sg.js";
import { Resv } from "../dma-buf/resv.js";
import { remapPfnRange } from "../mm/insert.js";
import { CACHE } from "../mm/memtype.js";
import { VM } from "../mm/vma.js";
import { drmGemShmemGetPagesSgt, GemShmemObject } from "./drm-shmem.js";
import { drmGemHandleCreate, drmGemObjectPut, GemObject } from "./gem.js";
import { RangeManager } from "./ttm-device.js";
import { rules } from "../rules/rule.js";
import { narrow, pageAlign, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { DrmDevice, DrmDriver, DrmFile, GemBacking } from "./gem.js";

export const points = definePoints({
  "virtio-vram.mmap": {
    question: "Which mappings of host blobs does virtio-gpu accept?",
    choices: {
      whole: { doc: "the whole blob only" },
      parts: { doc: "any part" },
    },
    mainline: [
      ["5.11", "whole"],
      ["6.14", "parts", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
});

const rule = rules({
  "virtio-vram/no-blobs": {
    sentence: "A device without blob resources, or another driver, makes no blobs: EINVAL.",
    kernel: "verify_blob, drivers/gpu/drm/virtio/virtgpu_ioctl.c",
  },
  "virtio-vram/no-room": {
    sentence: "A mappable host blob without room in the host-visible window, or of size 0, gives ENOSPC.",
    kernel: "virtio_gpu_vram_map, drivers/gpu/drm/virtio/virtgpu_vram.c",
    unproven:
      "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines " +
      "here lack.",
  },
  "virtio-vram/no-guest-size": {
    sentence: "A guest blob of size 0 gives EINVAL.",
    kernel: "virtio_gpu_object_create, drivers/gpu/drm/virtio/virtgpu_object.c",
    unproven:
      "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines " +
      "here lack.",
  },
  "virtio-vram/not-mappable": {
    sentence: "mmap of a host blob without USE_MAPPABLE gives EINVAL.",
    kernel: "virtio_gpu_vram_mmap, drivers/gpu/drm/virtio/virtgpu_vram.c",
    unproven:
      "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines " +
      "here lack.",
  },
  "virtio-vram/whole-only": {
    sentence: "mmap of part of a host blob gives EINVAL.",
    kernel: "virtio_gpu_vram_mmap, drivers/gpu/drm/virtio/virtgpu_vram.c",
    unproven:
      "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines " +
      "here lack.",
  },
  "virtio-vram/beyond": {
    sentence: "A mapping past the end of the blob gives EINVAL.",
    kernel: "virtio_gpu_vram_mmap, drivers/gpu/drm/virtio/virtgpu_vram.c",
    unproven:
      "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines " +
      "here lack.",
  },
  "virtio-vram/mapped": {
    sentence:
      "mmap of a host blob populates it by remap_pfn_range, with VM_MIXEDMAP beside VM_PFNMAP and VM_IO; there is " +
      "no fault handler.",
    kernel: "virtio_gpu_vram_mmap, drivers/gpu/drm/virtio/virtgpu_vram.c",
    unproven:
      "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines " +
      "here lack.",
  },
});

/** The window (hostmem) of a device that has one. Bytes. */
const WINDOW = { address: 0xe000_0000, size: 64 * 2 ** 20 } as const;

/** host_visible_mm. */
export class HostVisible {
  readonly manager: RangeManager;
  readonly base: number;
  constructor(k: Kernel) {
    const pages = WINDOW.size / k.pageSize;
    this.manager = new RangeManager(pages);
    this.base = WINDOW.address / k.pageSize;
    k.frames.addDeviceMemory(this.base, pages);
  }
}

/** struct virtio_gpu_object_vram: as its pages have no struct page, every mapping is made at once. */
class VramObject implements GemBacking {
  readonly resv = new Resv("a blob of host memory");
  readonly vmOps: Pick<VmOps, "fault"> = {};
  gem?: GemObject;

  constructor(
    private readonly k: Kernel,
    private readonly window: HostVisible,
    /** First page in the window; -1 when it is not mappable. */
    private readonly start: number,
    private readonly pages: number,
  ) {}

  /** virtio_gpu_vram_mmap: 0, -EINVAL, or what remap_pfn_range says. */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    const pages = (vma.end - vma.start) / k.pageSize;
    if (this.start < 0) return k.refuse(rule["virtio-vram/not-mappable"], errnos.EINVAL);
    vma.pgoff -= this.gem!.offset;
    vma.flags |= VM.MIXEDMAP | VM.DONTEXPAND;
    vma.cacheMode = CACHE.wb;
    const parts = k.design["virtio-vram.mmap"] === "parts";
    if (!parts && pages !== this.pages)
      return k.refuse(rule["virtio-vram/whole-only"], errnos.EINVAL, `${pages} of ${this.pages} pages`);
    if (parts && vma.pgoff + pages > this.pages)
      return k.refuse(rule["virtio-vram/beyond"], errnos.EINVAL, `page ${vma.pgoff} + ${pages} of ${this.pages}`);
    k.note(rule["virtio-vram/mapped"]);
    return remapPfnRange(
      k,
      vma,
      vma.start,
      this.window.base + this.start + (parts ? vma.pgoff : 0),
      pages * k.pageSize,
    );
  }

  *pin(): Path<number> {
    return 0;
  }

  *unpin(): Path<void> {}

  /** virtio_gpu_vram_map_dma_buf: one range, without pages; none for what is not mappable. */
  getSgTable(): SgTable {
    return new SgTable(this.start < 0 ? [] : [{ pfn: this.window.base + this.start, pages: this.pages }]);
  }

  /** virtio_gpu_vram_free. */
  *free(): Path<void> {
    if (this.start < 0) return;
    for (let page = 0; page < this.pages; page++) this.k.frames.clear(this.window.base + this.start + page);
    this.window.manager.remove(this.start);
  }
}

/** A virtio-gpu device with blob resources, 3D and a window to the host's memory. */
export const virtioGpuBlob: DrmDriver = {
  card: 9,
  *create({ k, device }, size) {
    return yield* guestObject(k, device, size);
  },
  prime: "all",
  import: errnos.ENODEV,
  expName: "virtio_gpu",
};

function* guestObject(k: Kernel, device: DrmDevice["device"], size: number): Path<GemBacking | number> {
  const bo = new GemShmemObject(k.id(), device, k, size);
  const error = yield* drmGemShmemGetPagesSgt(k, bo);
  return error === 0 ? bo : error;
}

/** virtio_gpu_resource_create_blob_ioctl: a handle, -EINVAL, -ENOSPC, -ENOMEM. Bytes. */
export function* virtioGpuCreateBlob(
  k: Kernel,
  file: DrmFile,
  size: bigint,
  memory: "guest" | "host3d",
  mappable: boolean,
): Path<number> {
  const { dev } = file;
  if (dev.driver !== virtioGpuBlob) return k.refuse(rule["virtio-vram/no-blobs"], errnos.EINVAL, dev.name);
  const bytes = narrow(pageAlign(k, ulong(k, size)));
  const backing = memory === "guest" ? yield* guestBlob(k, dev, bytes) : hostBlob(k, dev, bytes / k.pageSize, mappable);
  if (typeof backing === "number") return backing;
  const obj = new GemObject(dev, bytes, backing);
  const handle = drmGemHandleCreate(file, obj);
  yield* drmGemObjectPut(obj);
  return handle;
}

function* guestBlob(k: Kernel, dev: DrmDevice, bytes: number): Path<GemBacking | number> {
  return bytes === 0
    ? k.refuse(rule["virtio-vram/no-guest-size"], errnos.EINVAL)
    : yield* guestObject(k, dev.device, bytes);
}

/** The device's window to the host's memory. */
const hostVisible = devPrivate(({ k }) => new HostVisible(k));

function hostBlob(k: Kernel, dev: DrmDevice, pages: number, mappable: boolean): VramObject | number {
  const window = hostVisible(dev);
  if (!mappable) return new VramObject(k, window, -1, pages);
  const start = pages === 0 ? -1 : window.manager.insert(pages);
  return start < 0
    ? k.refuse(rule["virtio-vram/no-room"], errnos.ENOSPC, `${pages} pages`)
    : new VramObject(k, window, start, pages);
}
