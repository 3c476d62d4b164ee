/** The DRM drivers that a virtual machine has devices for (drivers/gpu/drm/{vgem,virtio,tiny,qxl}). */
import { definePoints } from "../design/points.js";
import { devPrivate } from "./gem.js";
import { shmemImport } from "./drm-shmem.js";
import { errnos } from "@litmap/litmus";
import { drmGemShmemGetPagesSgt, GemShmemObject } from "./drm-shmem.js";
import type { DrmDevice } from "./gem.js";
import { drmGemHandleCreate, drmGemObjectPut, GemObject } from "./gem.js";
import { ttmBoCreate } from "./ttm.js";
import { TtmDevice } from "./ttm-device.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { DrmDriver, DrmFile, GemBacking } from "./gem.js";
import type { VideoMemory } from "./ttm-device.js";
import type { Path } from "../sched/path.js";

export const points = definePoints({
  "qxl.dumb": {
    question: "Where does qxl place dumb buffers?",
    choices: { surface: { doc: "in the surface part of VRAM" }, system: { doc: "in system memory" } },
    mainline: [
      ["3.10", "surface"],
      ["5.14", "system", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
});

const rule = rules({
  "ttm/qxl-size": {
    sentence: "An object of size 0 gives EINVAL; the size is 32 bits wide.",
    kernel: "qxl_alloc_ioctl, drivers/gpu/drm/qxl/qxl_ioctl.c",
  },
  "ttm/not-qxl": {
    sentence: "qxl ioctls on another driver give EINVAL.",
    kernel: "drm_ioctl, drivers/gpu/drm/drm_ioctl.c",
  },
});

const MIB = 2 ** 20;
/**
 * Pages of qxl's video memory that its driver pins for good: one for the configuration of the monitors
 * (qxl_create_monitors_object), and one of releases (qxl_release_bo_alloc).
 */
const QXL_OWN = 2;
/**
 * Video memory as QEMU places it. qxl keeps 8 KiB at the end of its first BAR for a header, and the frame buffer's 16
 * MiB at the beginning are part of the rest.
 */
const bochsMemory: VideoMemory = { address: 0xf800_0000, size: 16 * MIB };
const qxlMemory = ({ pageSize }: Kernel): VideoMemory => ({
  address: 0xf000_0000 + QXL_OWN * pageSize,
  size: 64 * MIB - 8192 - QXL_OWN * pageSize,
});
const qxlSurfaces: VideoMemory = { address: 0xf400_0000, size: 64 * MIB };

/** vgem_gem_create_object: write-combining, because it has no way to tell of CPU access. */
function* shmemWc({ k, device }: DrmDevice, size: number): Path<GemBacking> {
  return new GemShmemObject(k.id(), device, k, size, true);
}

function* shmem({ k, device }: DrmDevice, size: number): Path<GemBacking> {
  return new GemShmemObject(k.id(), device, k, size);
}

/** The host has to know the pages of its resource (virtio_gpu_object_shmem_init): they are there from the beginning. */
function* hostResource({ k, device }: DrmDevice, size: number): Path<GemBacking | number> {
  const bo = new GemShmemObject(k.id(), device, k, size);
  const error = yield* drmGemShmemGetPagesSgt(k, bo);
  return error === 0 ? bo : error;
}

/** A dumb buffer of the VRAM helper: in system memory until somebody displays it. */
function* vram(dev: DrmDevice, size: number): Path<GemBacking | number> {
  return yield* ttmBoCreate(bochsTtm(dev), size, { home: "system", caching: "cached", tables: "none", vmapPins: true });
}

/** A dumb buffer of qxl. */
function* surface(dev: DrmDevice, size: number): Path<GemBacking | number> {
  if (dev.k.design["qxl.dumb"] === "system")
    return yield* ttmBoCreate(qxlTtm(dev), size, {
      home: "system",
      caching: "cached",
      tables: "refused",
      vmapPins: true,
    });
  return yield* ttmBoCreate(qxlSurfaceDevice(dev), size, {
    home: "vram",
    caching: "cached",
    tables: "refused",
    vmapPins: true,
  });
}

/** The TTM side of a device, made when its first object is; qxl manages its surfaces apart. */
const bochsTtm = devPrivate(({ k }) => new TtmDevice(k, bochsMemory, false));
const qxlTtm = devPrivate(({ k }) => new TtmDevice(k, qxlMemory(k), false));
const qxlSurfaceDevice = devPrivate(({ k }) => new TtmDevice(k, qxlSurfaces, false));

/** qxl_alloc_ioctl: a handle of an object in video memory, -EINVAL or -ENOMEM. Bytes. */
export function* qxlAlloc(k: Kernel, file: DrmFile, size: bigint): Path<number> {
  const { dev } = file;
  if (dev.driver !== qxl) return k.refuse(rule["ttm/not-qxl"], errnos.EINVAL, dev.name);
  // The size is a u32.
  const bytes = Math.ceil(Number(BigInt.asUintN(32, size)) / k.pageSize) * k.pageSize;
  if (bytes === 0) return k.refuse(rule["ttm/qxl-size"], errnos.EINVAL, `${size} bytes`);
  const bo = yield* ttmBoCreate(qxlTtm(dev), bytes, {
    home: "vram",
    caching: "cached",
    tables: "refused",
    vmapPins: true,
  });
  if (typeof bo === "number") return bo;
  const obj = new GemObject(dev, bytes, bo);
  const handle = drmGemHandleCreate(file, obj);
  yield* drmGemObjectPut(obj);
  return handle;
}

export const vgem: DrmDriver = { card: 0, create: shmemWc, prime: "all", import: shmemImport, expName: "drm" };
/** It takes no buffers of others without host blobs (virtgpu_gem_prime_import_sg_table). */
export const virtioGpu: DrmDriver = {
  card: 1,
  create: hostResource,
  prime: "all",
  import: errnos.ENODEV,
  expName: "virtio_gpu",
};
const bochsVram: DrmDriver = {
  everyRelease: true,
  card: 2,
  create: vram,
  prime: "none",
  import: errnos.EINVAL,
  expName: "drm",
};
const bochsShmem: DrmDriver = {
  everyRelease: true,
  card: 2,
  create: shmem,
  prime: "all",
  import: shmemImport,
  expName: "drm",
};
export const qxl: DrmDriver = {
  everyRelease: true,
  card: 3,
  create: surface,
  prime: "no-mmap",
  import: errnos.ENOSYS,
  expName: "drm",
};

export const vkms: DrmDriver = { card: 4, create: shmem, prime: "all", import: shmemImport, expName: "drm" };

/** bochs has objects of the VRAM helper, and from 6.13 on of the shmem helper. */
export const bochs = (k: Kernel): DrmDriver => (k.design["drm.bochs"] === "vram-helper" ? bochsVram : bochsShmem);
