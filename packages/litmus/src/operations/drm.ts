import { drmNodes, wordsOf } from "../catalogue.js";
import { descriptor, flags, handle, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;
const drmFile = { type: descriptor("drm"), doc: "the open device" } as const;
const object = { type: handle("gem-handle"), doc: "which object" } as const;

/** Buffers of display and GPU drivers, as a process sees them. */
export const drm = {
  drm_open: {
    subject: "DRM",
    doc: "Opens the primary node of a DRM device that the machine has.",
    kernel: "drm_open, drivers/gpu/drm/drm_file.c",
    by: process,
    params: {
      device: {
        type: word(wordsOf(drmNodes)),
        doc: "which driver's device",
      },
    },
    result: { kind: "descriptor", of: "drm" },
  },
  dumb_create: {
    subject: "DRM",
    doc: "Makes a dumb buffer (DRM_IOCTL_MODE_CREATE_DUMB, 32 bits a pixel, 1024 pixels a line, so 4 KiB a line).",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
    by: process,
    params: { drm: drmFile, size: { type: size, doc: "bytes; a multiple of 4 KiB" } },
    result: { kind: "handle", of: "gem-handle" },
  },
  qxl_alloc: {
    subject: "DRM",
    doc:
      "Makes an object in the VRAM of a qxl device (DRM_IOCTL_QXL_ALLOC), 64 MiB less 16 KiB; when it is full, the " +
      "least recently used objects are evicted to system memory. Up to 6.1 it is not cleared. dumb_map gives its " +
      "fake offset.",
    kernel: "qxl_alloc_ioctl, drivers/gpu/drm/qxl/qxl_ioctl.c",
    by: process,
    params: { drm: drmFile, size: { type: size, doc: "bytes, rounded up to pages; modulo 2^32" } },
    result: { kind: "handle", of: "gem-handle" },
  },
  virtgpu_create_blob: {
    subject: "DRM",
    doc:
      "Makes a blob resource (DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB), rounded up to pages; dumb_map gives its " +
      "fake offset. EINVAL on a device without blobs, which QEMU's is here.",
    kernel: "virtio_gpu_resource_create_blob_ioctl, drivers/gpu/drm/virtio/virtgpu_ioctl.c",
    by: process,
    params: {
      drm: drmFile,
      size: { type: size, doc: "bytes" },
      memory: {
        type: word({ guest: "the guest's own, in shmem", host3d: "the host's, seen through the device's window" }),
        doc: "VIRTGPU_BLOB_MEM_...",
      },
      flags: {
        type: flags({ mappable: "VIRTGPU_BLOB_FLAG_USE_MAPPABLE" }),
        default: "mappable",
        doc: "VIRTGPU_BLOB_FLAG_USE_...",
      },
    },
    result: { kind: "handle", of: "gem-handle" },
  },
  dumb_map: {
    subject: "DRM",
    doc: "The fake offset at which mmap of the DRM file finds a dumb buffer (DRM_IOCTL_MODE_MAP_DUMB).",
    kernel: "drm_gem_dumb_map_offset, drivers/gpu/drm/drm_gem.c",
    by: process,
    params: { drm: drmFile, handle: object },
    result: { kind: "number", unit: "bytes", opaque: true },
  },
  prime_export: {
    subject: "DRM",
    doc: "A dma-buf of a GEM object (DRM_IOCTL_PRIME_HANDLE_TO_FD).",
    kernel: "drm_gem_prime_handle_to_fd, drivers/gpu/drm/drm_prime.c",
    by: process,
    params: {
      drm: drmFile,
      handle: object,
      mode: {
        type: word({ r: "O_RDONLY", rw: "DRM_RDWR" }),
        default: "rw",
        doc: "access mode of the descriptor; the first export decides it",
      },
    },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  prime_import: {
    subject: "DRM",
    doc: "A GEM object of a dma-buf (DRM_IOCTL_PRIME_FD_TO_HANDLE); its own dma-buf gives the object behind it.",
    kernel: "drm_gem_prime_fd_to_handle, drivers/gpu/drm/drm_prime.c",
    by: process,
    params: { drm: drmFile, buf: { type: descriptor("dma-buf"), doc: "which buffer" } },
    result: { kind: "handle", of: "gem-handle" },
  },
  gem_close: {
    subject: "DRM",
    doc: "Drops a handle (DRM_IOCTL_GEM_CLOSE); mappings and dma-bufs keep the object.",
    kernel: "drm_gem_handle_delete, drivers/gpu/drm/drm_gem.c",
    by: process,
    params: { drm: drmFile, handle: object },
    result: status,
    consumes: ["handle"],
  },
} as const satisfies Record<string, OperationShape>;
