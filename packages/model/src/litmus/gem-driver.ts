/** GEM objects as their driver has them: made, shared, moved, shrunk. */
import { errnos } from "@litmap/litmus";
import { dmaBufGet, dmaBufPut } from "../dma-buf/buffer.js";
import {
  DrmDevice,
  drmDevUnplug,
  DrmFile,
  drmGemClose,
  drmGemHandleCreate,
  drmGemObjectPut,
  GemObject,
} from "../exporters/gem.js";
import { drmGemPrimeFdToHandle, drmGemPrimeHandleToFd } from "../exporters/prime.js";
import { narrow, pageAlign, ulong } from "../word.js";
import type { TtmObject } from "../exporters/ttm.js";
import { gpus } from "../exporters/index.js";
import { acquire, KernelBug, NotModelled, release } from "../sched/path.js";
import { deviceOf } from "./drivers.js";
import { rules } from "../rules/rule.js";
import type { DeviceName, OperationArgs } from "@litmap/litmus";
import type { Attachment } from "../dma-buf/attachment.js";
import type { DrmDriver } from "../exporters/gem.js";
import type { Place } from "../exporters/ttm-device.js";
import type { Context, HandlerTable } from "./handler.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "gem-driver/no-size": {
    sentence: "A TTM object of size 0 gives EINVAL.",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
  },
  "gem-driver/no-offset": {
    sentence:
      "A GEM shmem object of size 0, and an object larger than the room for fake offsets that is left (about 1 TiB), " +
      "gets no fake offset: ENOSPC.",
    kernel: "drm_vma_offset_add, drivers/gpu/drm/drm_vma_manager.c",
  },
  "gem-driver/no-such-memory": {
    sentence: "A shmem object is cached or write-combining and never in VRAM, else EINVAL.",
    kernel: "struct drm_gem_shmem_object, include/drm/drm_gem_shmem_helper.h",
    unproven: "a driver that requests it would not compile; the refusal is the test driver's.",
  },
  "gem-driver/not-ttm": {
    sentence: "Only TTM objects have a placement and move, else EINVAL.",
    kernel: [
      ["5.10", "struct ttm_buffer_object, include/drm/ttm/ttm_bo_api.h"],
      ["6.12", "struct ttm_buffer_object, include/drm/ttm/ttm_bo.h"],
    ],
    unproven: "a driver that does it would not compile; the refusal is the test driver's.",
  },
  "gem-driver/not-shmem": {
    sentence: "Only shmem objects have the shmem helper's sg table and madv state, else EINVAL.",
    kernel: "struct drm_gem_shmem_object, include/drm/drm_gem_shmem_helper.h",
    unproven: "a driver that does it would not compile; the refusal is the test driver's.",
  },
  "gem-driver/put-twice": {
    sentence: "An object whose handle the driver has deleted has no handle: EINVAL.",
    kernel: "drm_gem_handle_delete, drivers/gpu/drm/drm_gem.c",
    unproven: "from source: the test module has no handles.",
  },
  "gem-driver/used-freed": {
    sentence: "A driver that uses an object after dropping its last reference is a use-after-free.",
    kernel: "drm_gem_object_put, include/drm/drm_gem.h",
    unproven: "a driver bug; the test module holds its objects to the end.",
  },
});

/**
 * The driver's DRM device, made on first use, and the kernel's own open file of it (struct drm_client_dev), whose
 * handles are the driver's.
 */
interface Client {
  readonly dev: DrmDevice;
  readonly file: DrmFile;
}

function driverOf({ device }: Context): DrmDriver {
  const name = device ?? "dma";
  if (!Object.hasOwn(gpus, name)) throw new NotModelled(`a GEM driver on '${name}'`);
  return gpus[name as DeviceName];
}

function clientOf(ctx: Context): Client {
  let client = ctx.state.get("drm-client") as Client | undefined;
  if (client === undefined) {
    const dev = new DrmDevice(ctx.k, ctx.device ?? ctx.actor, driverOf(ctx), deviceOf(ctx));
    ctx.state.set("drm-client", (client = { dev, file: new DrmFile(dev) }));
  }
  return client;
}

/** The driver's handle of an object, if it still has one. */
function handleOf(ctx: Context, bo: GemObject): number | undefined {
  for (const [handle, obj] of clientOf(ctx).file.handles) if (obj === bo) return handle;
  return undefined;
}

function* create(
  ctx: Context,
  { size, place, caching }: OperationArgs<"gem_create", number, unknown>,
): Path<GemObject | number> {
  const { k } = ctx;
  const { dev } = clientOf(ctx);
  const bytes = narrow(pageAlign(k, ulong(k, size)));
  const { createPlaced } = dev.driver;
  if (createPlaced === undefined && (place === "vram" || caching === "uc"))
    return k.refuse(rule["gem-driver/no-such-memory"], errnos.EINVAL, `${place}, ${caching}`);
  if (bytes === 0)
    return createPlaced !== undefined
      ? k.refuse(rule["gem-driver/no-size"], errnos.EINVAL)
      : k.refuse(rule["gem-driver/no-offset"], errnos.ENOSPC);
  if (!dev.hasOffsetsFor(bytes)) return k.refuse(rule["gem-driver/no-offset"], errnos.ENOSPC, `${size} bytes`);
  const backing =
    createPlaced !== undefined
      ? yield* createPlaced(dev, bytes, place, caching)
      : yield* dev.driver.create(dev, bytes, caching === "wc");
  return typeof backing === "number" ? backing : new GemObject(dev, bytes, backing);
}

/** An object as its driver uses it; use of a freed one is a use-after-free. */
function liveObject(bo: unknown): GemObject {
  const obj = bo as GemObject;
  if (obj.refs > 0) return obj;
  obj.dev.k.trace.refuse(rule["gem-driver/used-freed"], 0, obj.dev.name);
  throw new KernelBug(`an object of ${obj.dev.name} was used after it was freed`, "use-after-free");
}

/** The TTM object behind a handle of the driver's. */
function ttmOf(bo: unknown): TtmObject | undefined {
  return liveObject(bo).backing?.ttm;
}

/** Something done to a TTM object under its reservation lock; -EINVAL of any other. */
function* reserved(ctx: Context, bo: unknown, what: (bo: TtmObject) => Path<number>): Path<number> {
  const { k } = ctx;
  const object = ttmOf(bo);
  if (object === undefined) return k.refuse(rule["gem-driver/not-ttm"], errnos.EINVAL);
  yield* acquire(k, object.resv.lock, "write");
  const error = yield* what(object);
  yield* release(k, object.resv.lock);
  return error;
}

type Name =
  | "gem_create"
  | "gem_get_sg_table"
  | "gem_madvise"
  | "gem_put"
  | "gem_export"
  | "gem_import"
  | "gem_mmap_offset"
  | "gem_place"
  | "drm_node"
  | "drm_unplug"
  | "ttm_move"
  | "ttm_pin"
  | "ttm_unpin"
  | "move_notify_count";

export const gemDriverHandlers: HandlerTable<Name> = {
  run: {
    *gem_create(ctx, args) {
      const obj = yield* create(ctx, args);
      if (typeof obj === "number") return obj;
      drmGemHandleCreate(clientOf(ctx).file, obj);
      yield* drmGemObjectPut(obj);
      return { handle: obj };
    },
    *gem_get_sg_table({ k }, { bo }) {
      const { backing } = liveObject(bo);
      return backing?.getPagesSgt !== undefined
        ? yield* backing.getPagesSgt()
        : k.refuse(rule["gem-driver/not-shmem"], errnos.EINVAL);
    },
    *gem_madvise({ k }, { bo, advice }) {
      const { backing } = liveObject(bo);
      return backing?.madvise !== undefined
        ? yield* backing.madvise(advice === "dontneed")
        : k.refuse(rule["gem-driver/not-shmem"], errnos.EINVAL);
    },
    *gem_put(ctx, { bo }) {
      const handle = handleOf(ctx, bo as GemObject);
      return handle === undefined
        ? ctx.k.refuse(rule["gem-driver/put-twice"], errnos.EINVAL)
        : yield* drmGemClose(ctx.k, clientOf(ctx).file, handle);
    },
    *gem_export(ctx, { bo }) {
      const handle = handleOf(ctx, bo as GemObject);
      return handle === undefined
        ? ctx.k.refuse(rule["gem-driver/put-twice"], errnos.EINVAL)
        : yield* drmGemPrimeHandleToFd(ctx.k, ctx.task, clientOf(ctx).file, handle, true);
    },
    *gem_import(ctx, { buf: fd }) {
      const { k } = ctx;
      const { file } = clientOf(ctx);
      const buf = dmaBufGet(k, ctx.ownerOf("buf"), fd);
      if (typeof buf === "number") return buf;
      const handle = yield* drmGemPrimeFdToHandle(k, ctx.ownerOf("buf"), file, fd);
      yield* dmaBufPut(buf);
      return handle < 0 ? handle : { handle: file.handles.get(handle)! };
    },
    *gem_mmap_offset(ctx, { bo }) {
      const obj = liveObject(bo);
      obj.dev.grantAll(obj);
      return obj.createMmapOffset() * ctx.k.pageSize;
    },
    *gem_place(ctx, { bo }) {
      const object = ttmOf(bo);
      return object === undefined ? ctx.k.refuse(rule["gem-driver/not-ttm"], errnos.EINVAL) : [object.where];
    },
    *drm_node(ctx) {
      return ctx.task.files.install(clientOf(ctx).dev.open());
    },
    *drm_unplug(ctx) {
      yield* drmDevUnplug(clientOf(ctx).dev);
      return 0;
    },
    *ttm_move(ctx, { bo, place }) {
      return yield* reserved(ctx, bo, (object) => object.validate(place as Place));
    },
    *ttm_pin(ctx, { bo }) {
      return yield* reserved(ctx, bo, (object) => object.pinLocked(object.place));
    },
    *ttm_unpin(ctx, { bo }) {
      return yield* reserved(ctx, bo, function* (object) {
        object.unpinLocked();
        return 0;
      });
    },
    *move_notify_count(_ctx, { attachment }) {
      return (attachment as Attachment).moved;
    },
  },
};
