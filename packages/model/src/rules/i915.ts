/** Rules of i915: objects in shmem that are mapped through the GPU's aperture or as they are. */
import { rules } from "./rule.js";

const mman = "drivers/gpu/drm/i915/gem/i915_gem_mman.c";
const shrinker = "drivers/gpu/drm/i915/gem/i915_gem_shrinker.c";
const unproven = "from source: QEMU has no Intel graphics";

export const i915Rules = rules("i915", {
  "not-i915": {
    sentence: "Another driver does not know i915's requests: EINVAL.",
    kernel: "drm_ioctl, drivers/gpu/drm/drm_ioctl.c",
    unproven,
  },
  "no-size": {
    sentence: "An object of no bytes is refused with EINVAL.",
    kernel: "i915_gem_create_ioctl, drivers/gpu/drm/i915/gem/i915_gem_create.c",
    unproven,
  },
  "no-region": {
    sentence: "An integrated GPU has no local memory to place objects in: EINVAL.",
    kernel: "set_placements, drivers/gpu/drm/i915/gem/i915_gem_create.c",
    unproven,
  },
  "no-handle": {
    sentence: "A handle that the open file does not have is ENOENT.",
    kernel: `__assign_mmap_offset_handle, ${mman}`,
    unproven,
  },
  "no-aperture": {
    sentence: "A GPU without an aperture gives no GTT offsets: ENODEV.",
    kernel: `i915_gem_mmap_offset_ioctl, ${mman}`,
    unproven,
  },
  "fixed-only": {
    sentence:
      "On a discrete GPU the driver chooses how an object is mapped: only FIXED offsets, and ENODEV for the rest; elsewhere FIXED is ENODEV.",
    kernel: `__assign_mmap_offset, ${mman}`,
    unproven,
  },
  "imported-type": {
    sentence: "An imported object has neither struct pages nor IO memory of its own: WC, WB and UC offsets are ENODEV.",
    kernel: `__assign_mmap_offset, ${mman}`,
    unproven,
  },
  "legacy-absent": {
    sentence: "Discrete GPUs do not know the old mmap request: EOPNOTSUPP.",
    kernel: `i915_gem_mmap_ioctl, ${mman}`,
    unproven,
  },
  "legacy-imported": {
    sentence: "The old mmap request maps the object's shmem file; an imported object has none: ENXIO.",
    kernel: `i915_gem_mmap_ioctl, ${mman}`,
    unproven,
  },
  "legacy-beyond": {
    sentence: "The old mmap request refuses what reaches past the object with EINVAL.",
    kernel: `i915_gem_mmap_ioctl, ${mman}`,
    unproven,
  },
  "legacy": {
    sentence:
      "The old mmap request makes an ordinary shared mapping of the object's shmem file: pages with references, RSS, and page pins.",
    kernel: `i915_gem_mmap_ioctl, ${mman}`,
    unproven,
  },
  "no-offset": {
    sentence:
      "An mmap of the device has to lie within an object's range of fake offsets, else EINVAL; it may begin in its middle.",
    kernel: `i915_gem_mmap, ${mman}`,
    unproven,
  },
  "not-allowed": {
    sentence: "A file that did not ask for the offset may not map the object: EACCES.",
    kernel: `i915_gem_mmap, ${mman}`,
    unproven,
  },
  "read-only": {
    sentence:
      "A read-only object is not mapped for writing (EINVAL), and mprotect cannot make such a mapping writable.",
    kernel: `i915_gem_object_mmap, ${mman}`,
    unproven,
  },
  "dmabuf-mmap": {
    sentence:
      "A mapping of the dma-buf of an object in system memory is one of its shmem file: ordinary pages, not VM_PFNMAP.",
    kernel: "i915_gem_dmabuf_mmap, drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c",
    unproven,
  },
  "dmabuf-beyond": {
    sentence:
      "A mapping of the dma-buf that is longer than the object gives EINVAL, one of an object without a shmem file ENODEV.",
    kernel: "i915_gem_dmabuf_mmap, drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c",
    unproven,
  },
  "fault-cpu": {
    sentence:
      "The first fault maps the whole VMA, page by page, with the mode of the mapping's type and no look-up of any page's.",
    kernel: `vm_fault_cpu, ${mman}; remap_io_sg, drivers/gpu/drm/i915/i915_mm.c`,
    unproven,
  },
  "fault-cpu-offset": {
    sentence: "A mapping that begins in the middle of an object, or was split, shows the object from its beginning.",
    kernel: `vm_fault_cpu, ${mman}`,
    unproven,
  },
  "fault-gtt": {
    sentence:
      "A fault through the aperture pins the object into the mappable part of the GGTT and maps as much of it as lies there; the io_mapping's mode needs no look-up.",
    kernel: `vm_fault_gtt, ${mman}; remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c`,
    unproven,
  },
  "fault-partial": {
    sentence:
      "Where there is no room for the whole object a fault maps the mebibyte around it, and others lose their place for it.",
    kernel: `compute_partial_view, ${mman}`,
    unproven,
  },
  "fault-purged": {
    sentence: "A fault on an object without pages that is not needed any more is a SIGBUS.",
    kernel: "____i915_gem_object_get_pages, drivers/gpu/drm/i915/gem/i915_gem_pages.c",
    unproven,
  },
  "access": {
    sentence:
      "ptrace and /proc/PID/mem reach an object through a kernel mapping of all of it; up to the object's size from the mapping's beginning, whatever its offset.",
    kernel: `vm_access, ${mman}`,
    unproven,
  },
  "access-beyond": {
    sentence:
      "The access method refuses what reaches past the object with EINVAL, and writes to a read-only one with EACCES.",
    kernel: `vm_access, ${mman}`,
    unproven,
  },
  "evicted": {
    sentence:
      "What loses its place in the aperture is unmapped from every process; the next access faults it in again.",
    kernel: "i915_vma_revoke_mmap, drivers/gpu/drm/i915/i915_vma.c",
    unproven,
  },
  "shrunk": {
    sentence: "The shrinker unmaps an object everywhere before it gives its pages back.",
    kernel: `i915_gem_shrink, ${shrinker}`,
    unproven,
  },
  "shrink-needed": {
    sentence: "Without swap the shrinker takes only objects that are marked as not needed.",
    kernel: `can_release_pages, ${shrinker}`,
    unproven,
  },
  "shrink-pinned": {
    sentence: "The shrinker passes over objects whose pages somebody has pinned, and those that are locked.",
    kernel: `i915_gem_shrink, ${shrinker}`,
    unproven,
  },
  "vmap-unpinned": {
    sentence: "A kernel mapping of the dma-buf does not pin the object's pages: the shrinker may take them.",
    kernel: "i915_gem_dmabuf_vmap, drivers/gpu/drm/i915/i915_gem_dmabuf.c",
    unproven: "a defect of 3.5 to 3.11; no kernel here has it",
  },
  "purged": {
    sentence: "An object that was purged stays purged: madvise gives 0 for it ever after.",
    kernel: "i915_gem_madvise_ioctl, drivers/gpu/drm/i915/i915_gem.c",
    unproven,
  },
});
