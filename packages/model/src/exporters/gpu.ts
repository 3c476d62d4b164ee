/**
 * Drivers of GPUs that no virtual machine has, as far as their memory goes: one on the shmem helper, one on TTM as
 * amdgpu is.
 */
import { devPrivate } from "./gem.js";
import { shmemImport } from "./drm-shmem.js";
import { ttmImport } from "./ttm.js";
import { dmaMapSgtable } from "../dma/sg.js";
import { dmaBufMoveNotify } from "../dma-buf/attachment.js";
import { PrimeOps } from "./prime.js";
import { rules } from "../rules/rule.js";
import type { TtmObject } from "./ttm.js";
import { ttmBoCreate } from "./ttm.js";
import { TtmDevice, ttmDevices } from "./ttm-device.js";
import { drmGemShmemCreate } from "./drm-shmem.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Path } from "../sched/path.js";
import type { DrmDriver, GemObject } from "./gem.js";
import type { TtmOptions } from "./ttm.js";
import type { Place } from "./ttm-device.js";
import type { Caching } from "./ttm-pool.js";

const rule = rules({
  "ttm/map-moves": {
    sentence: "Mapping an attachment moves an unpinned object to GTT, which every device reaches.",
    kernel: "amdgpu_dma_buf_map, drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c",
    unproven: "QEMU has no device with a dynamic exporter.",
  },
  "ttm/vmap-pinned": {
    sentence: "vmap of a dma-buf pins its object where it is, until vunmap.",
    kernel: [["6.17", "amdgpu_dma_buf_vmap, drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c"]],
    unproven: "QEMU has no device with a dynamic exporter.",
  },
});

const MIB = 2 ** 20;
/** Where the video memory of the first such GPU lies; each further one follows. */
const VIDEO_MEMORY = 0xd000_0000;
const VIDEO_MEMORY_SIZE = 16 * MIB;

export const shmemGpu: DrmDriver = {
  card: 5,
  *create({ k, device }, size, wc) {
    return drmGemShmemCreate(k, device, size, wc);
  },
  prime: "all",
  import: shmemImport,
  expName: "drm",
};

export const ttmGpu: DrmDriver = {
  card: 6,
  *create(dev, size) {
    return yield* ttmBoCreate(ttmGpuDevice(dev), size, gpuOptions("system", "cached"));
  },
  *createPlaced(dev, size, home, caching) {
    return yield* ttmBoCreate(ttmGpuDevice(dev), size, gpuOptions(home, caching));
  },
  prime: "all",
  import: ttmImport,
  expName: "ttm",
  dmaBufOps: (k, obj) => new DynamicPrimeOps(k, obj),
};

const ttmGpuDevice = devPrivate(
  ({ k }) =>
    new TtmDevice(k, { address: VIDEO_MEMORY + ttmDevices(k).size * VIDEO_MEMORY_SIZE, size: VIDEO_MEMORY_SIZE }, true),
);

function gpuOptions(home: Place, caching: Caching): TtmOptions {
  return {
    home,
    caching,
    tables: "made",
    vmapPins: false,
    moveNotify: (gem) => gem.dmaBuf !== undefined && dmaBufMoveNotify(gem.dmaBuf),
  };
}

/** amdgpu_dmabuf_ops: the exporter is dynamic, an attachment alone pins nothing. */
class DynamicPrimeOps extends PrimeOps {
  override readonly cacheSgtMapping = false;

  constructor(k: Kernel, obj: GemObject) {
    super(k, obj);
  }

  private get bo(): TtmObject {
    return this.obj.backing as TtmObject;
  }

  override *attach(): Path<number> {
    return 0;
  }

  override *detach(): Path<void> {}

  /** amdgpu_dma_buf_pin, with the reservation lock held: into memory that every device reaches. */
  *pin(): Path<number> {
    return yield* this.bo.pinLocked("system");
  }

  *unpin(): Path<void> {
    this.bo.unpinLocked();
  }

  /** amdgpu_dma_buf_vmap, with the reservation lock held: pinned where it is. */
  override get vmap(): () => Path<KernelMap | number> {
    return () => this.mapPinned();
  }

  private *mapPinned(): Path<KernelMap | number> {
    const { bo } = this;
    const pins = this.k.design["ttm.dma-buf-vmap"] === "pinned";
    const error = pins ? yield* bo.pinLocked(bo.place) : 0;
    if (error !== 0) return error;
    if (pins) this.k.note(rule["ttm/vmap-pinned"], bo.name);
    const map = yield* bo.vmap();
    if (pins && typeof map === "number") bo.unpinLocked();
    return map;
  }

  override *vunmap(map: KernelMap): Path<void> {
    yield* this.bo.vunmap(map);
    if (this.k.design["ttm.dma-buf-vmap"] === "pinned") this.bo.unpinLocked();
  }

  /** amdgpu_dma_buf_map, with the reservation lock held. */
  override *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable | number> {
    if (this.bo.pinCount === 0) {
      if (this.bo.place === "vram") this.k.note(rule["ttm/map-moves"], this.bo.name);
      const error = yield* this.bo.validate("system");
      if (error !== 0) return error;
    }
    const sgt = this.bo.systemTable();
    if (typeof sgt === "number") return sgt;
    dmaMapSgtable(
      this.k,
      at.device,
      sgt,
      direction,
      false,
      "a pin of the object, or an importer that gives its table up when move_notify tells it of the move",
    );
    return sgt;
  }
}
