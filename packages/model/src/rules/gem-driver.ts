/** Rules of what a driver asks of its own GEM objects. */
import { rules } from "./rule.js";

export const gemDriverRules = rules("gem-driver", {
  "no-size": {
    sentence: "An object of no bytes is refused with EINVAL.",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
  },
  "no-such-memory": {
    sentence: "Objects in shmem are cached or write-combining, and never in video memory: EINVAL.",
    kernel: "struct drm_gem_shmem_object, include/drm/drm_gem_shmem_helper.h",
    unproven: "a driver that asks for it would not compile; the refusal is this driver's",
  },
  "not-ttm": {
    sentence: "Only objects of TTM have a place and move: EINVAL.",
    kernel: "struct ttm_buffer_object, include/drm/ttm/ttm_bo.h",
    unproven: "a driver that does it would not compile; the refusal is this driver's",
  },
  "not-shmem": {
    sentence: "Only objects in shmem have the shmem helper's table and its marks: EINVAL.",
    kernel: "struct drm_gem_shmem_object, include/drm/drm_gem_shmem_helper.h",
    unproven: "a driver that does it would not compile; the refusal is this driver's",
  },
  "put-twice": {
    sentence: "An object that the driver has given up has no handle any more: EINVAL.",
    kernel: "drm_gem_handle_delete, drivers/gpu/drm/drm_gem.c",
    unproven: "from source: no test module has handles on a real kernel yet",
  },
  "redirected": {
    sentence:
      "A mapping of an imported object becomes one of the dma-buf that it came from: its file, its methods, its page offset.",
    kernel: "drm_gem_shmem_mmap, drivers/gpu/drm/drm_gem_shmem_helper.c; dma_buf_mmap, drivers/dma-buf/dma-buf.c",
  },
  "redirect-beyond": {
    sentence:
      "A mapping that reaches past the dma-buf's end is refused with EINVAL; a fake offset that was not taken off always does.",
    kernel: "dma_buf_mmap, drivers/dma-buf/dma-buf.c",
  },
  "redirect-unsupported": {
    sentence: "The dma-buf of an exporter without an mmap cannot be mapped through an importer: EINVAL.",
    kernel: "dma_buf_mmap, drivers/dma-buf/dma-buf.c",
  },
  "methods-kept": {
    sentence:
      "An exporter that sets no methods leaves the mapping with the importer's: its end drops a reference on the object that nobody took.",
    kernel: "drm_gem_shmem_mmap, drivers/gpu/drm/drm_gem_shmem_helper.c",
    unproven: "a defect of 5.9 and older; no kernel here has it",
  },
  "may-grow": {
    sentence: "A driver's mapping that may grow is a warning: GEM relies on VM_DONTEXPAND.",
    kernel: "drm_gem_mmap_obj, drivers/gpu/drm/drm_gem.c",
  },
  "used-freed": {
    sentence: "A driver that uses an object to which it gave up the last reference uses somebody else's memory.",
    kernel: "drm_gem_object_put, include/drm/drm_gem.h",
    unproven: "a driver's own mistake; the test module holds its objects to the end",
  },
  "put-freed": {
    sentence: "A reference on an object that was freed already is dropped: memory of somebody else is changed.",
    kernel: "drm_gem_object_put, include/drm/drm_gem.h",
    unproven: "only a broken design comes to it",
  },
  "unplugged": {
    sentence: "Unplugging a device empties all mappings of its objects.",
    kernel: "drm_dev_unplug, drivers/gpu/drm/drm_drv.c",
    unproven: "from source: the runner takes no device away",
  },
  "madvise-listed": {
    sentence:
      "Marking an object as not needed adds it to the shrinker's list, also when it is there already: the list is corrupted.",
    kernel: "panfrost_ioctl_madvise, drivers/gpu/drm/panfrost/panfrost_drv.c",
    unproven: "a defect up to 5.19; QEMU has no Mali GPU",
  },
});
