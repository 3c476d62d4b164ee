import { descriptor, handle, number, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const driver = ["driver"] as const;
const object = { type: handle("gem"), doc: "which object" } as const;
const places = { system: "system memory", vram: "video memory (`ttm` only, 16 MiB)" } as const;

/** GEM objects of a driver's own DRM device. */
export const gem = {
  gem_create: {
    subject: "drivers",
    doc:
      "A GEM object of the driver's device: of TTM on `ttm`, else of the shmem helper. Size 0 is ENOSPC, of TTM " +
      "EINVAL; other sizes are rounded up to pages. In VRAM other objects are evicted to make room.",
    kernel:
      "drm_gem_shmem_create, drivers/gpu/drm/drm_gem_shmem_helper.c; ttm_bo_init_validate, " +
      "drivers/gpu/drm/ttm/ttm_bo.c",
    by: driver,
    params: {
      size: { type: size, doc: "bytes" },
      place: { type: word(places), default: "system", doc: "where" },
      caching: {
        type: word({
          cached: "write-back",
          wc: "write-combining (map_wc, ttm_write_combined)",
          uc: "uncached (`ttm` only)",
        }),
        default: "cached",
        doc: "how the CPU sees it in system memory",
      },
    },
    result: { kind: "handle", of: "gem" },
  },
  gem_get_sg_table: {
    subject: "drivers",
    doc: "Populates an object in shmem and maps it for the device: one page reference for the table.",
    kernel: "drm_gem_shmem_get_pages_sgt, drivers/gpu/drm/drm_gem_shmem_helper.c",
    by: driver,
    params: { bo: object },
    result: status,
  },
  gem_madvise: {
    subject: "drivers",
    doc: "Marks a shmem object WILLNEED or DONTNEED; gives 1 if its pages are retained.",
    kernel:
      "drm_gem_shmem_madvise, drivers/gpu/drm/drm_gem_shmem_helper.c; panfrost_ioctl_madvise, " +
      "drivers/gpu/drm/panfrost/panfrost_drv.c",
    by: driver,
    params: { bo: object, advice: { type: word({ willneed: "0", dontneed: "1" }), doc: "which" } },
    result: number("1 while the pages are there"),
  },
  gem_put: {
    subject: "drivers",
    doc: "The driver drops its reference; mappings and dma-bufs keep the object.",
    kernel: "drm_gem_handle_delete, drivers/gpu/drm/drm_gem.c",
    by: driver,
    params: { bo: object },
    result: status,
    consumes: ["bo"],
  },
  gem_export: {
    subject: "drivers",
    doc:
      "A dma-buf of the object, always the same one. The descriptor is the driver's: a process takes it by " +
      "`receive`, dma_buf_put drops it. An imported object gives its original dma-buf.",
    kernel: "drm_gem_prime_handle_to_fd, drivers/gpu/drm/drm_prime.c",
    by: driver,
    params: { bo: object },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  gem_import: {
    subject: "drivers",
    doc: "An object of the driver's device over another's dma-buf; its own dma-buf gives the object behind it.",
    kernel: "drm_gem_prime_import, drivers/gpu/drm/drm_prime.c",
    by: driver,
    params: { buf: { type: descriptor("dma-buf"), doc: "which buffer" } },
    result: { kind: "handle", of: "gem" },
  },
  drm_node: {
    subject: "drivers",
    doc:
      "An open file of the driver's DRM device, which a process takes by `receive`: dumb_create, prime_import and " +
      "mmap work on it.",
    kernel: "drm_open, drivers/gpu/drm/drm_file.c",
    by: driver,
    params: {},
    result: { kind: "descriptor", of: "drm" },
  },
  gem_mmap_offset: {
    subject: "drivers",
    doc:
      "The fake offset at which mmap of any open file of the driver's device finds the object, also an imported " +
      "one.",
    kernel: "drm_gem_create_mmap_offset, drivers/gpu/drm/drm_gem.c",
    by: driver,
    params: { bo: object },
    result: { kind: "number", unit: "bytes", opaque: true },
  },
  gem_place: {
    subject: "drivers",
    doc: "The placement of a TTM object: `vram`, `system`, `swapped`, or `nowhere` while it has no pages.",
    kernel: "struct ttm_resource, include/drm/ttm/ttm_resource.h",
    by: driver,
    params: { bo: object },
    result: { kind: "flags" },
  },
  drm_unplug: {
    subject: "drivers",
    doc: "Unplugs the driver's DRM device: mappings of its objects are zapped, faults on TTM objects map zeros.",
    kernel: "drm_dev_unplug, drivers/gpu/drm/drm_drv.c",
    by: driver,
    params: {},
    result: status,
  },
  ttm_move: {
    subject: "drivers",
    doc: "Moves a TTM object to a placement, under its resv. EINVAL while it is pinned elsewhere, ENOMEM without room.",
    kernel: "ttm_bo_validate, drivers/gpu/drm/ttm/ttm_bo.c",
    by: driver,
    params: { bo: object, place: { type: word(places), doc: "where" } },
    result: status,
  },
  ttm_pin: {
    subject: "drivers",
    doc: "Pins a TTM object where it is; pins are counted.",
    kernel: "ttm_bo_pin, drivers/gpu/drm/ttm/ttm_bo.c",
    by: driver,
    params: { bo: object },
    result: status,
  },
  ttm_unpin: {
    subject: "drivers",
    doc: "Drops one pin; without one it triggers a warning.",
    kernel: "ttm_bo_unpin, drivers/gpu/drm/ttm/ttm_bo.c",
    by: driver,
    params: { bo: object },
    result: status,
  },
  move_notify_count: {
    subject: "drivers",
    doc: "How often this importer got move_notify; static importers never do.",
    kernel: "dma_buf_invalidate_mappings, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { attachment: { type: handle("attachment"), doc: "which" } },
    result: number("calls"),
  },
} as const satisfies Record<string, OperationShape>;
