/** Memory regions, the transfers of devices, and the syncs that a driver makes itself. */
import { deviceRead, deviceWrite } from "../dma/sg.js";
import {
  deregMr,
  dmaSync,
  MemoryRegion,
  regionRead,
  regionWrite,
  regMemfd,
  regMr,
  tablesOf,
} from "../consumers/memory-region.js";
import { deviceOf } from "./drivers.js";
import { fdget } from "../task.js";
import type { MappedAttachment } from "../dma-buf/attachment.js";
import type { HandlerTable } from "./handler.js";

export const registrationHandlers: HandlerTable<
  "reg_mr" | "reg_memfd" | "dereg_mr" | "dma_sync" | "dma_read" | "dma_write"
> = {
  run: {
    *reg_mr(ctx, wanted) {
      const region = yield* regMr(ctx.k, ctx.ownerOf("address"), deviceOf(ctx), wanted);
      return typeof region === "number" ? region : { handle: region };
    },
    *reg_memfd(ctx, { memfd, offset, length, access }) {
      const owner = ctx.ownerOf("memfd");
      const file = fdget(ctx.k, owner.files, memfd);
      if (typeof file === "number") return file;
      const region = yield* regMemfd(ctx.k, owner, deviceOf(ctx), file.inode, { address: offset, length, access });
      return typeof region === "number" ? region : { handle: region };
    },
    *dereg_mr(_ctx, { mr }) {
      return deregMr(mr as MemoryRegion);
    },
    *dma_sync({ k }, { sgt, side }) {
      return dmaSync(k, sgt instanceof MemoryRegion ? tablesOf(sgt) : [(sgt as MappedAttachment).sgt], side);
    },
    *dma_read({ k }, { sgt, offset }) {
      const bytes =
        sgt instanceof MemoryRegion
          ? yield* regionRead(sgt, offset, 4)
          : deviceRead(k, (sgt as MappedAttachment).sgt, offset, 4);
      return typeof bytes === "number" ? bytes : new DataView(bytes.buffer).getUint32(0, true);
    },
    *dma_write({ k }, { sgt, offset, value }) {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
      return sgt instanceof MemoryRegion
        ? yield* regionWrite(sgt, offset, bytes)
        : deviceWrite(k, (sgt as MappedAttachment).sgt, offset, bytes);
    },
  },
  unsupported: {
    reg_memfd: (k) =>
      k.design["memfd.pin-folios"] === "present" ? undefined : "a memfd's pages cannot be pinned by offset before 6.11",
  },
};
