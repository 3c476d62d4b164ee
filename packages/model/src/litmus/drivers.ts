/** What drivers do with buffers: attach, map, transfer, kernel mappings, GEM objects; and revoking mappings. */
import { errnos } from "@litmap/litmus";
import { DmaBuf, dmaBufGet, dmaBufPut, bufferRules } from "../dma-buf/buffer.js";
import { rules } from "../rules/rule.js";
import { narrow } from "../word.js";
import type { Attachment } from "../dma-buf/attachment.js";
import {
  dmaBufDetach,
  dmaBufDynamicAttach,
  dmaBufMapAttachment,
  dmaBufPin,
  dmaBufUnmapAttachment,
  dmaBufUnpin,
} from "../dma-buf/attachment.js";
import { dmaBufBeginCpuAccess, dmaBufEndCpuAccess, dmaBufVmap, dmaBufVunmap } from "../dma-buf/cpu-access.js";
import { deviceKinds } from "../dma/device.js";
import { MappedAttachment } from "../dma-buf/mapped-attachment.js";
import { dmaUnmapSgtable } from "../dma/sg.js";
import { CoherentPool } from "../dma/pool.js";
import { drmVmaNodeUnmap, GemObject } from "../exporters/gem.js";
import { kernelLoad, kernelStore } from "../mm/vmalloc.js";
import { unmapMappingRange } from "../mm/zap.js";
import { acquire, release } from "../sched/path.js";
import { slot } from "../slot.js";
import type { DeviceName } from "@litmap/litmus";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Device } from "../dma/device.js";
import type { Kernel } from "../kernel.js";
import type { MappedUserMemory } from "../exporters/videobuf-dma-contig.js";
import type { Context, HandlerTable } from "./handler.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "dma-buf/revoke": {
    sentence: "An exporter that moves or purges a buffer zaps all PTEs of its file; the next access faults.",
    kernel: "unmap_mapping_range, mm/memory.c",
  },
  "driver/given-back": {
    sentence: "A driver has no attachment or sg table any more that it has detached or unmapped: EBADF.",
    kernel: "dma_buf_detach, drivers/dma-buf/dma-buf.c",
  },
  "driver/no-kernel-mapping": {
    sentence: "A driver loads and stores within a vmap only: anything else gives EFAULT.",
    kernel: "copy_from_kernel_nofault, mm/maccess.c",
  },
  "driver/vunmap-others": {
    sentence: "vunmap by a driver without a vmap of its own ends the newest one of another driver.",
    kernel: "dma_buf_vunmap, drivers/dma-buf/dma-buf.c",
  },
});

/** vmaps of drivers, the newest last. */
const kernelMaps = slot(() => [] as DriverMap[]);

interface DriverMap {
  readonly of: DmaBuf | GemObject;
  /** The driver that made it. */
  readonly by: Context["state"];
  readonly map: KernelMap;
  /** Bytes. */
  readonly length: number;
}

/** Takes the vmap out that a vunmap ends: the driver's newest one of this object, else another's. */
function takeMap({ k, state }: Context, of: DriverMap["of"]): DriverMap | undefined {
  const maps = kernelMaps(k);
  const own = maps.findLastIndex((map) => map.of === of && map.by === state);
  const at = own >= 0 ? own : maps.findLastIndex((map) => map.of === of);
  if (at < 0) return undefined;
  if (own < 0) k.note(rule["driver/vunmap-others"]);
  return maps.splice(at, 1)[0];
}

/** The attachment behind a handle, or -EBADF once it is detached. */
function attached(k: Kernel, attachment: unknown): Attachment | number {
  const at = attachment as Attachment;
  return at.detached ? k.refuse(rule["driver/given-back"], errnos.EBADF, `an attachment of ${at.device.name}`) : at;
}

/** The device that a driver acts for, made on first use. */
export function deviceOf(ctx: Context): Device {
  let device = ctx.state.get("device") as Device | undefined;
  if (device === undefined) ctx.state.set("device", (device = newDevice(ctx.k, ctx.device ?? ctx.actor)));
  return device;
}

function newDevice(k: Kernel, name: string): Device {
  const { reserved = false, ...options } = deviceKinds[name as DeviceName] ?? {};
  return k.device(name, reserved ? { ...options, pool: new CoherentPool(k.frames) } : options);
}

/** Runs something with a reference on the buffer behind a descriptor. */
function* withBuffer(ctx: Context, fd: number, use: (buf: DmaBuf) => Path<number>): Path<number> {
  const buf = dmaBufGet(ctx.k, ctx.ownerOf("buf"), fd);
  if (typeof buf === "number") return buf;
  const result = yield* use(buf);
  yield* dmaBufPut(buf);
  return result;
}

type Name =
  | "attach"
  | "detach"
  | "map_attachment"
  | "unmap_attachment"
  | "pin"
  | "unpin"
  | "begin_cpu_access"
  | "end_cpu_access"
  | "vmap"
  | "vunmap"
  | "revoke";

export const driverHandlers: HandlerTable<Name> = {
  run: {
    *attach(ctx, { buf: fd, importer }) {
      const buf = dmaBufGet(ctx.k, ctx.ownerOf("buf"), fd);
      if (typeof buf === "number") return buf;
      const at = yield* dmaBufDynamicAttach(buf, deviceOf(ctx), importer === "dynamic");
      if (typeof at !== "number") return { handle: at };
      yield* dmaBufPut(buf);
      return at;
    },
    *detach({ k }, { attachment }) {
      const at = attached(k, attachment);
      if (typeof at === "number") return at;
      yield* dmaBufDetach(at);
      yield* dmaBufPut(at.buf);
      return 0;
    },
    *map_attachment({ k }, { attachment, direction }) {
      const at = attached(k, attachment);
      if (typeof at === "number") return at;
      const sgt = yield* dmaBufMapAttachment(at, direction);
      return typeof sgt === "number" ? sgt : { handle: new MappedAttachment(at, sgt, direction) };
    },
    *unmap_attachment({ k }, { sgt: handle }) {
      const table = handle as MappedAttachment | MappedUserMemory;
      const { sgt, direction } = table;
      if (!(table instanceof MappedAttachment)) {
        // Of a table that is not mapped any more nothing is left to undo.
        if (sgt.mapped !== undefined) dmaUnmapSgtable(k, sgt.mapped.device, sgt, direction, false);
        return 0;
      }
      if (table.unmapped) return k.refuse(rule["driver/given-back"], errnos.EBADF, "an sg table");
      yield* dmaBufUnmapAttachment(table);
      table.letGo();
      return 0;
    },
    *pin({ k }, { attachment }) {
      const at = attached(k, attachment);
      return typeof at === "number" ? at : yield* dmaBufPin(at);
    },
    *unpin({ k }, { attachment }) {
      const at = attached(k, attachment);
      if (typeof at === "number") return at;
      yield* dmaBufUnpin(at);
      return 0;
    },
    *begin_cpu_access(ctx, { buf, direction }) {
      return yield* withBuffer(ctx, buf, (dmaBuf) => dmaBufBeginCpuAccess(dmaBuf, direction));
    },
    *end_cpu_access(ctx, { buf, direction }) {
      return yield* withBuffer(ctx, buf, (dmaBuf) => dmaBufEndCpuAccess(dmaBuf, direction));
    },
    *vmap(ctx, { buf }) {
      const of = buf instanceof GemObject ? buf : dmaBufGet(ctx.k, ctx.ownerOf("buf"), buf as number);
      if (typeof of === "number") return of;
      const map = yield* of instanceof GemObject ? vmapObject(ctx.k, of) : dmaBufVmap(of);
      if (typeof map !== "number") {
        kernelMaps(ctx.k).push({ of, by: ctx.state, map, length: of.size });
        return map.address;
      }
      if (of instanceof DmaBuf) yield* dmaBufPut(of);
      return map;
    },
    *vunmap(ctx, { buf }) {
      if (buf instanceof GemObject) {
        yield* vunmapObject(ctx.k, buf, takeMap(ctx, buf)?.map);
        return 0;
      }
      return yield* withBuffer(ctx, buf as number, (dmaBuf) => vunmapBuffer(ctx, dmaBuf));
    },
    *revoke(ctx, { buf }) {
      const { k } = ctx;
      if (buf instanceof GemObject) {
        k.note(rule["dma-buf/revoke"]);
        yield* drmVmaNodeUnmap(buf);
        return 0;
      }
      const file = ctx.ownerOf("buf").files.get(buf as number);
      if (file === undefined)
        return k.refuse(bufferRules["dma-buf/bad-descriptor"], errnos.EBADF, `descriptor ${String(buf)}`);
      k.note(rule["dma-buf/revoke"]);
      unmapMappingRange(k, file.mapping, 0, 0, true);
      return 0;
    },
  },
};

/** drm_gem_vmap of a driver's own object: the shmem helper's, or what its memory has. */
function* vmapObject(k: Kernel, { backing, imported }: GemObject): Path<KernelMap | number> {
  if (backing?.vmapUnlocked !== undefined) return yield* backing.vmapUnlocked();
  if (imported !== undefined) return yield* dmaBufVmap(imported.at.buf);
  yield* acquire(k, backing!.resv.lock, "write");
  const map = yield* backing!.vmap!();
  yield* release(k, backing!.resv.lock);
  return map;
}

function* vunmapObject(k: Kernel, { backing, imported }: GemObject, map: KernelMap | undefined): Path<void> {
  if (backing?.vunmapUnlocked !== undefined) return yield* backing.vunmapUnlocked();
  if (imported !== undefined) return yield* dmaBufVunmap(imported.at.buf);
  yield* acquire(k, backing!.resv.lock, "write");
  yield* backing!.vunmap!(map);
  yield* release(k, backing!.resv.lock);
}

/** dma_buf_vunmap, and the reference that the vmap took. */
function* vunmapBuffer(ctx: Context, buf: DmaBuf): Path<number> {
  const map = takeMap(ctx, buf);
  yield* dmaBufVunmap(buf);
  if (map !== undefined) yield* dmaBufPut(buf);
  return 0;
}

/** 0, or -EFAULT where no vmap of a driver has these bytes. */
function withinMap(k: Kernel, address: number, width: number): number {
  const found = kernelMaps(k).some(
    ({ map, length }) => address >= map.address && address + width <= map.address + length,
  );
  return found ? 0 : k.refuse(rule["driver/no-kernel-mapping"], errnos.EFAULT);
}

/** Loads and stores of the kernel itself, through its own mappings. */
export const kernelAccess: HandlerTable<"load" | "store"> = {
  run: {
    *load({ k }, { address, width }) {
      const refused = withinMap(k, narrow(address), width);
      return refused !== 0 ? refused : kernelLoad(k, narrow(address), width);
    },
    *store({ k }, { address, value, width }) {
      const refused = withinMap(k, narrow(address), width);
      if (refused === 0) kernelStore(k, narrow(address), width, value);
      return refused;
    },
  },
};

/** shrink(drm-shmem). */
