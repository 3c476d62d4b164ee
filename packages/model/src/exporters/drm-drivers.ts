/** The DRM drivers that a virtual machine has devices for (drivers/gpu/drm/{vgem,virtio,tiny,qxl}). */
import { errnos } from "@litmap/litmus";
import { drmGemShmemGetPagesSgt, GemShmemObject } from "./drm-shmem.js";
import { DrmDevice } from "./gem.js";
import { TtmObject } from "./ttm.js";
import type { Device } from "../dma/device.js";
import type { Kernel } from "../kernel.js";
import type { DrmDriver, GemBacking } from "./gem.js";
import type { Path } from "../sched/path.js";

export type DrmDriverName = "vgem" | "virtio_gpu" | "bochs" | "qxl";

/** vgem_gem_create_object: write-combining, because it has no way to tell of CPU access. */
// eslint-disable-next-line require-yield
function* shmemWc(k: Kernel, device: Device, size: number): Path<GemBacking> {
  return new GemShmemObject(k.id(), device, k, size, true);
}

// eslint-disable-next-line require-yield
function* shmem(k: Kernel, device: Device, size: number): Path<GemBacking> {
  return new GemShmemObject(k.id(), device, k, size);
}

/** The host has to know the pages of its resource (virtio_gpu_object_shmem_init): they are there from the beginning. */
function* hostResource(k: Kernel, device: Device, size: number): Path<GemBacking | number> {
  const bo = new GemShmemObject(k.id(), device, k, size);
  const error = yield* drmGemShmemGetPagesSgt(k, bo);
  return error === 0 ? bo : error;
}

// eslint-disable-next-line require-yield
function* vram(k: Kernel, _device: Device, size: number): Path<GemBacking> {
  return new TtmObject(k, size, false);
}

// eslint-disable-next-line require-yield
function* surface(k: Kernel, _device: Device, size: number): Path<GemBacking> {
  return new TtmObject(k, size, true);
}

const vgem: DrmDriver = { card: 0, create: shmemWc, prime: "all", import: "shmem", expName: "drm" };
/** It takes no buffers of others without host blobs (virtgpu_gem_prime_import_sg_table). */
const virtioGpu: DrmDriver = { card: 1, create: hostResource, prime: "all", import: errnos.ENODEV, expName: "virtio_gpu" };
const bochsVram: DrmDriver = { card: 2, create: vram, prime: "none", import: errnos.EINVAL, expName: "drm" };
const bochsShmem: DrmDriver = { card: 2, create: shmem, prime: "all", import: "shmem", expName: "drm" };
const qxl: DrmDriver = { card: 3, create: surface, prime: "no-mmap", import: errnos.ENOSYS, expName: "drm" };

/** The device of a driver, made when it is first opened. */
export function drmDevice(k: Kernel, name: DrmDriverName): DrmDevice {
  let dev = k.drmDevices.get(name);
  if (dev === undefined) k.drmDevices.set(name, (dev = new DrmDevice(k, name, driverOf(k, name))));
  return dev;
}

function driverOf(k: Kernel, name: DrmDriverName): DrmDriver {
  switch (name) {
    case "vgem":
      return vgem;
    case "virtio_gpu":
      return virtioGpu;
    case "bochs":
      return k.design["drm.bochs"] === "vram-helper" ? bochsVram : bochsShmem;
    case "qxl":
      return qxl;
  }
}
