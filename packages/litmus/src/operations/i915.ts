import { descriptor, handle, number, size, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;
const card = { type: descriptor("drm"), doc: "the open device: `i915` or `i915_discrete`" } as const;
const object = { type: handle("gem-handle"), doc: "which object" } as const;

/** i915's own requests, by the names of its uapi. */
export const i915 = {
  i915_gem_create: {
    subject: "DRM",
    doc:
      "Makes an object (DRM_IOCTL_I915_GEM_CREATE_EXT), rounded up to pages. Size 0 is EINVAL, and so is lmem " +
      "without local memory.",
    kernel: "i915_gem_create_ext_ioctl, drivers/gpu/drm/i915/gem/i915_gem_create.c",
    by: process,
    params: {
      drm: card,
      size: { type: size, doc: "bytes" },
      region: {
        type: word({ smem: "system memory", lmem: "local memory of a discrete GPU" }),
        default: "smem",
        doc: "where",
      },
      access: {
        type: word({
          rw: "as usual",
          r: "read-only, as only the driver itself can make one (i915_gem_object_set_readonly); not on `i915_discrete`",
        }),
        default: "rw",
        doc: "whether it is writable",
      },
    },
    result: { kind: "handle", of: "gem-handle" },
  },
  i915_gem_mmap_offset: {
    subject: "DRM",
    doc:
      "The fake offset at which mmap of the device finds an object in one mapping type " +
      "(DRM_IOCTL_I915_GEM_MMAP_OFFSET); mmap may begin in the middle of the object. ENODEV for a type that the " +
      "device or the object does not have.",
    kernel: "i915_gem_mmap_offset_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    by: process,
    params: {
      drm: card,
      handle: object,
      type: {
        type: word({
          gtt: "through the aperture, write-combining",
          wc: "write-combining",
          wb: "cached",
          uc: "uncached",
          fixed: "as the driver chooses; the only type of a discrete GPU",
        }),
        doc: "I915_MMAP_OFFSET_...",
      },
    },
    result: { kind: "number", unit: "bytes", opaque: true },
  },
  i915_gem_mmap: {
    subject: "DRM",
    doc:
      "Maps part of an object's shmem file, readable and writable, at an address that the kernel chooses " +
      "(DRM_IOCTL_I915_GEM_MMAP). ENXIO of an imported object, EOPNOTSUPP on a discrete GPU.",
    kernel: "i915_gem_mmap_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    by: process,
    params: {
      drm: card,
      handle: object,
      length: { type: size, doc: "bytes" },
      offset: { type: size, default: "0", doc: "bytes into the object, whole pages" },
      caching: {
        type: word({ wb: "cached", wc: "write-combining (I915_MMAP_WC)" }),
        default: "wb",
        doc: "how the CPU sees it",
      },
    },
    result: { kind: "address" },
  },
  i915_gem_madvise: {
    subject: "DRM",
    doc:
      "Marks an object WILLNEED or DONTNEED (DRM_IOCTL_I915_GEM_MADVISE); gives 1 while its contents are retained. " +
      "A DONTNEED object without pages is purged at once.",
    kernel: "i915_gem_madvise_ioctl, drivers/gpu/drm/i915/i915_gem.c",
    by: process,
    params: { drm: card, handle: object, advice: { type: word({ willneed: "0", dontneed: "1" }), doc: "which" } },
    result: number("1 while the contents are there"),
  },
} as const satisfies Record<string, OperationShape>;
