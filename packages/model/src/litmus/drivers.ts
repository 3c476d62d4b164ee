/** What drivers do with buffers: attach, map, transfer, kernel mappings, GEM objects; and revoking mappings. */
import { errnos } from "@litmap/litmus";
import { DmaBuf, dmaBufGet, dmaBufPut, bufferRules } from "../dma-buf/buffer.js";
import { rules } from "../rules/rule.js";
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
import { dmaUnmapSgtable } from "../dma/sg.js";
import { CoherentPool } from "../dma/pool.js";
import { drmVmaNodeUnmap, GemObject } from "../exporters/gem.js";
import { PrimeOps } from "../exporters/prime.js";
import { kernelLoad, kernelStore } from "../mm/vmalloc.js";
import { unmapMappingRange } from "../mm/zap.js";
import { acquire, release } from "../sched/path.js";
import type { DeviceName } from "@litmap/litmus";
import type { File } from "../vfs/file.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Device } from "../dma/device.js";
import type { Kernel } from "../kernel.js";
import type { MappedUserMemory } from "../exporters/videobuf-dma-contig.js";
import type { MappedAttachment } from "../dma-buf/attachment.js";
import type { Context, HandlerTable } from "./handler.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "dma-buf/revoke": {
    sentence: "An exporter that moves or purges a buffer zaps all PTEs of its file; the next access faults.",
    kernel: "unmap_mapping_range, mm/memory.c",
  },
});

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
    *detach(_ctx, { attachment }) {
      const at = attachment as Attachment;
      yield* dmaBufDetach(at);
      yield* dmaBufPut(at.buf);
      return 0;
    },
    *map_attachment(_ctx, { attachment, direction }) {
      const at = attachment as Attachment;
      const sgt = yield* dmaBufMapAttachment(at, direction);
      return typeof sgt === "number" ? sgt : { handle: { at, sgt, direction } satisfies MappedAttachment };
    },
    *unmap_attachment({ k }, { sgt: handle }) {
      const { at, sgt, direction } = handle as MappedAttachment | MappedUserMemory;
      if (at === undefined) {
        // Of a table that is not mapped any more nothing is left to undo.
        if (sgt.mapped !== undefined) dmaUnmapSgtable(k, sgt.mapped.device, sgt, direction, false);
      } else yield* dmaBufUnmapAttachment({ at, sgt, direction });
      return 0;
    },
    *pin(_ctx, { attachment }) {
      return yield* dmaBufPin(attachment as Attachment);
    },
    *unpin(_ctx, { attachment }) {
      yield* dmaBufUnpin(attachment as Attachment);
      return 0;
    },
    *begin_cpu_access(ctx, { buf, direction }) {
      return yield* withBuffer(ctx, buf, (dmaBuf) => dmaBufBeginCpuAccess(dmaBuf, direction));
    },
    *end_cpu_access(ctx, { buf, direction }) {
      return yield* withBuffer(ctx, buf, (dmaBuf) => dmaBufEndCpuAccess(dmaBuf, direction));
    },
    *vmap(ctx, { buf }) {
      if (buf instanceof GemObject) return addressOf(yield* vmapObject(ctx.k, buf));
      const dmaBuf = dmaBufGet(ctx.k, ctx.ownerOf("buf"), buf as number);
      if (typeof dmaBuf === "number") return dmaBuf;
      const map = yield* dmaBufVmap(dmaBuf);
      if (typeof map === "number") yield* dmaBufPut(dmaBuf);
      return addressOf(map);
    },
    *vunmap(ctx, { buf }) {
      if (buf instanceof GemObject) {
        yield* vunmapObject(ctx.k, buf);
        return 0;
      }
      return yield* withBuffer(ctx, buf as number, (dmaBuf) => vunmapAndPut(dmaBuf));
    },
    *revoke(ctx, { buf }) {
      const { k } = ctx;
      const file = buf instanceof GemObject ? undefined : ctx.ownerOf("buf").files.get(buf as number);
      const obj = buf instanceof GemObject ? buf : gemOf(file);
      if (obj === undefined && file === undefined)
        return k.refuse(bufferRules["dma-buf/bad-descriptor"], errnos.EBADF, `descriptor ${String(buf)}`);
      k.note(rule["dma-buf/revoke"]);
      if (obj !== undefined) yield* drmVmaNodeUnmap(obj);
      else unmapMappingRange(k, file!.mapping, 0, Math.ceil(file!.inode.size / k.pageSize), true);
      return 0;
    },
  },
};

/** The GEM object that a dma-buf was made of. */
function gemOf(file: File | undefined): GemObject | undefined {
  const ops = file?.data instanceof DmaBuf ? file.data.ops : undefined;
  return ops instanceof PrimeOps ? ops.obj : undefined;
}

/** drm_gem_vmap of a driver's own object: the shmem helper's, or what its memory has. */
function* vmapObject(k: Kernel, { backing, imported }: GemObject): Path<KernelMap | number> {
  if (backing?.vmapUnlocked !== undefined) return yield* backing.vmapUnlocked();
  if (imported !== undefined) return yield* dmaBufVmap(imported.at.buf);
  yield* acquire(k, backing!.resv.lock, "write");
  const map = yield* backing!.vmap!();
  yield* release(k, backing!.resv.lock);
  return map;
}

function* vunmapObject(k: Kernel, { backing, imported }: GemObject): Path<void> {
  if (backing?.vunmapUnlocked !== undefined) return yield* backing.vunmapUnlocked();
  if (imported !== undefined) return yield* dmaBufVunmap(imported.at.buf);
  yield* acquire(k, backing!.resv.lock, "write");
  yield* backing!.vunmap!();
  yield* release(k, backing!.resv.lock);
}

/** The address of a kernel mapping, or the errno that there is none by. */
function addressOf(map: { readonly address: number } | number): number {
  return typeof map === "number" ? map : map.address;
}

/** vunmap gives back the reference that vmap took. */
function* vunmapAndPut(buf: DmaBuf): Path<number> {
  yield* dmaBufVunmap(buf);
  yield* dmaBufPut(buf);
  return 0;
}

/** Loads and stores of the kernel itself, through its own mappings. */
export const kernelAccess: HandlerTable<"load" | "store"> = {
  run: {
    *load({ k }, { address, width }) {
      return kernelLoad(k, address, width);
    },
    *store({ k }, { address, value, width }) {
      kernelStore(k, address, width, value);
      return 0;
    },
  },
};

/** shrink(drm-shmem). */
