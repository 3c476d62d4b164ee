/** Buffers that drivers make for their devices and export. */
import { errnos } from "@litmap/litmus";
import { dmaBufExport } from "../dma-buf/buffer.js";
import { dmaAllocAttrs, dmaAllocNoncontiguous, dmaAllocPages } from "../dma/alloc.js";
import { CoherentPool } from "../dma/pool.js";
import { carveoutAllocate } from "../exporters/carveout.js";
import { DmaMemoryExporter } from "../exporters/dma-memory.js";
import { drmGemDmaCreate, gemDmaDriver } from "../exporters/gem-dma.js";
import { DrmDevice, drmGemObjectPut, GemObject } from "../exporters/gem.js";
import { drmGemPrimeExport } from "../exporters/prime.js";
import { UDmaBuf } from "../exporters/u-dma-buf.js";
import { vb2DcAlloc } from "../exporters/vb2-dma-contig.js";
import { vb2DmaSgAlloc } from "../exporters/vb2-dma-sg.js";
import { vb2VmallocAlloc } from "../exporters/vb2-vmalloc.js";
import { videobufDcAlloc, videobufDmaContigUserGet } from "../exporters/videobuf-dma-contig.js";
import { fput } from "../fs/file.js";
import { NotModelled } from "../sched/path.js";
import { deviceOf } from "./drivers.js";
import { fdget } from "../task.js";
import { rules } from "../rules/rule.js";
import type { OperationArgs } from "@litmap/litmus";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { DmaMemory } from "../dma/alloc.js";
import type { Path } from "../sched/path.js";
import type { OwnMemory } from "../exporters/vb2-memops.js";
import type { Context, HandlerTable } from "./handler.js";

const rule = rules({
  "driver-buffer/no-size": {
    sentence: "A buffer of size 0 gives EINVAL.",
    kernel: "vb2_dma_sg_alloc, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
    unproven: "a driver's own allocations have no system call.",
  },
  "driver-buffer/no-memory": {
    sentence: "A buffer larger than RAM gives ENOMEM.",
    kernel: "__alloc_pages_noprof, mm/page_alloc.c",
    unproven: "a driver's own allocations have no system call.",
  },
});

type Memory = OperationArgs<"dma_buf_export">["memory"];

/** Memory that is not there in every release. */
const newer: ReadonlySet<Memory> = new Set(["noncontiguous", "pages", "vb2-contig-noncoherent", "gem-dma-noncoherent"]);

/** A buffer of so many bytes, whole pages; or a negative errno. */
function* makeBuffer(ctx: Context, memory: Memory, size: number): Path<DmaBuf | number> {
  const { k } = ctx;
  const device = deviceOf(ctx);
  switch (memory) {
    case "coherent":
      return ofMemory(ctx, memory, size, dmaAllocAttrs(k, device, size));
    case "noncontiguous":
      return ofMemory(ctx, memory, size, dmaAllocNoncontiguous(k, device, size));
    case "pages":
      return ofMemory(ctx, memory, size, dmaAllocPages(k, device, size));
    case "vb2-vmalloc":
      return yield* ofQueue(ctx, "videobuf2_vmalloc", size, vb2VmallocAlloc(k, size));
    case "vb2-contig":
    case "vb2-contig-noncoherent":
      return yield* ofQueue(
        ctx,
        "videobuf2_dma_contig",
        size,
        vb2DcAlloc(k, device, size, memory === "vb2-contig-noncoherent"),
      );
    case "vb2-sg":
      return yield* ofQueue(ctx, "videobuf2_dma_sg", size, vb2DmaSgAlloc(k, device, size));
    case "gem-dma":
    case "gem-dma-noncoherent":
      return yield* ofGem(ctx, size, memory === "gem-dma-noncoherent");
    case "u-dma-buf": {
      const own = dmaAllocAttrs(k, device, size);
      return typeof own === "number" ? own : exported(ctx, new UDmaBuf(k, own), size, "u-dma-buf");
    }
    case "videobuf-contig": {
      const buffer = videobufDcAlloc(k, device, size);
      return typeof buffer === "number" ? buffer : exported(ctx, buffer, size, "videobuf");
    }
    case "carveout": {
      const buffer = carveoutAllocate(k, carveoutOf(ctx), size);
      return typeof buffer === "number" ? buffer : exported(ctx, buffer, size, "ion");
    }
  }
}

function exported(ctx: Context, ops: DmaBufOps, size: number, expName: string): DmaBuf {
  return dmaBufExport(ctx.k, { ops, size, expName, readable: true, writable: true });
}

function ofMemory(
  ctx: Context,
  how: "coherent" | "noncontiguous" | "pages",
  size: number,
  memory: DmaMemory | number,
): DmaBuf | number {
  return typeof memory === "number" ? memory : exported(ctx, new DmaMemoryExporter(ctx.k, memory, how), size, "litmap");
}

/** VIDIOC_EXPBUF, and the queue's buffers freed: the dma-buf has the last reference. */
function* ofQueue(ctx: Context, expName: string, size: number, own: OwnMemory | number): Path<DmaBuf | number> {
  if (typeof own === "number") return own;
  const buf = exported(ctx, own.getDmabuf(), size, expName);
  yield* own.put();
  return buf;
}

/** drm_gem_prime_export of an object that nothing else refers to. */
function* ofGem(ctx: Context, size: number, mapNoncoherent: boolean): Path<DmaBuf | number> {
  const { k } = ctx;
  const backing = drmGemDmaCreate(k, deviceOf(ctx), size, mapNoncoherent);
  if (typeof backing === "number") return backing;
  let dev = ctx.state.get("drm") as DrmDevice | undefined;
  if (dev === undefined) ctx.state.set("drm", (dev = new DrmDevice(k, "gem-dma", gemDmaDriver, deviceOf(ctx))));
  const obj = new GemObject(dev, size, backing);
  const buf = drmGemPrimeExport(k, obj, true);
  yield* drmGemObjectPut(obj);
  return buf;
}

/** The driver's carveout, which is there from boot on. */
function carveoutOf(ctx: Context): CoherentPool {
  let pool = ctx.state.get("carveout") as CoherentPool | undefined;
  if (pool === undefined) ctx.state.set("carveout", (pool = new CoherentPool(ctx.k.frames)));
  return pool;
}

export const exportingHandlers: HandlerTable<"dma_buf_export" | "dma_buf_put" | "videobuf_user_get"> = {
  run: {
    *dma_buf_export(ctx, { memory, size }) {
      const { k } = ctx;
      if (newer.has(memory) && k.design["dma.noncontiguous"] === "absent")
        throw new NotModelled(`${memory}: the DMA API of this release has no such memory`);
      if (size === 0) return k.refuse(rule["driver-buffer/no-size"], errnos.EINVAL);
      const bytes = Math.ceil(size / k.pageSize) * k.pageSize;
      if (bytes / k.pageSize > k.totalRam)
        return k.refuse(rule["driver-buffer/no-memory"], errnos.ENOMEM, `${size} bytes`);
      const buf = yield* makeBuffer(ctx, memory, bytes);
      return typeof buf === "number" ? buf : ctx.task.files.install(buf.file);
    },
    *videobuf_user_get(ctx, { address, length }) {
      const sgt = yield* videobufDmaContigUserGet(ctx.k, deviceOf(ctx), ctx.ownerOf("address").mm, address, length);
      return typeof sgt === "number" ? sgt : { handle: { at: undefined, sgt, direction: "from_device" } };
    },
    *dma_buf_put(ctx, { buf: fd }) {
      const { files } = ctx.ownerOf("buf");
      const file = fdget(ctx.k, files, fd);
      if (typeof file === "number") return file;
      yield* fput(files.remove(fd)!);
      return 0;
    },
  },
};
