/** Rules of virtio-gpu's blob resources. */
import { rules } from "./rule.js";

const vram = "drivers/gpu/drm/virtio/virtgpu_vram.c";
const ioctl = "drivers/gpu/drm/virtio/virtgpu_ioctl.c";
const unproven =
  "from source: QEMU gives blob resources only where the host has udmabuf or a 3D renderer, which machines here lack";

export const virtioVramRules = rules("virtio-vram", {
  "no-blobs": {
    sentence: "A device without blob resources, and any other driver, does not make blobs: EINVAL.",
    kernel: `verify_blob, ${ioctl}`,
  },
  "no-room": {
    sentence:
      "A mappable blob of host memory needs room in the device's window, else ENOSPC; one of no bytes finds none either.",
    kernel: `virtio_gpu_vram_map, ${vram}`,
    unproven,
  },
  "no-guest-size": {
    sentence: "A blob of guest memory without bytes is refused with EINVAL.",
    kernel: `virtio_gpu_object_create, drivers/gpu/drm/virtio/virtgpu_object.c`,
    unproven,
  },
  "not-mappable": {
    sentence: "Host memory that was not made mappable is not mapped: EINVAL.",
    kernel: `virtio_gpu_vram_mmap, ${vram}`,
    unproven,
  },
  "whole-only": {
    sentence: "Host memory is mapped only as a whole: EINVAL for a part.",
    kernel: `virtio_gpu_vram_mmap, ${vram}`,
    unproven,
  },
  "beyond": {
    sentence: "A mapping past the blob's end is refused with EINVAL.",
    kernel: `virtio_gpu_vram_mmap, ${vram}`,
    unproven,
  },
  "mapped": {
    sentence:
      "Host memory is mapped at once by remap_pfn_range, VM_MIXEDMAP beside VM_PFNMAP and VM_IO; there is no fault handler.",
    kernel: `virtio_gpu_vram_mmap, ${vram}`,
    unproven,
  },
});
