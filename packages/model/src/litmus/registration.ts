/** Memory regions, the transfers of devices, and the syncs that a driver makes itself. */
import { deviceRead, deviceWrite } from "../dma/sg.js";
import {
  checkRegion,
  deregMr,
  dmaSync,
  MemoryRegion,
  regionRead,
  regionWrite,
  regMemfd,
  regMr,
  tablesOf,
} from "../consumers/memory-region.js";
import { checkPages, withMm } from "./driver-gup.js";
import { deviceOf } from "./drivers.js";
import { fdget } from "../task.js";
import { MappedAttachment } from "../dma-buf/mapped-attachment.js";
import { narrow } from "../word.js";
import type { MappedUserMemory } from "../exporters/videobuf-dma-contig.js";
import type { HandlerTable } from "./handler.js";
import type { Kernel } from "../kernel.js";

/** A buffer's sg table, or one of a process's memory. */
type Table = MappedAttachment | MappedUserMemory;

/** A 32-bit word that the device reads: its bytes, or -EFAULT. */
function readTable(k: Kernel, table: Table, offset: number): Uint8Array | number {
  return table instanceof MappedAttachment ? table.read(offset, 4) : deviceRead(k, table.sgt, offset, 4);
}

export const registrationHandlers: HandlerTable<
  "reg_mr" | "reg_memfd" | "dereg_mr" | "dma_sync" | "dma_read" | "dma_write"
> = {
  run: {
    *reg_mr(ctx, { address, length, ...how }) {
      const { k } = ctx;
      const wanted = { address: narrow(address), length: narrow(length), ...how };
      const owner = ctx.ownerOf("address");
      const refused = checkRegion(k, wanted) || checkPages(k, wanted.address, wanted.length);
      if (refused !== 0) return refused;
      const region = yield* withMm(k, owner, () => regMr(k, owner, deviceOf(ctx), wanted));
      return typeof region === "number" ? region : { handle: region };
    },
    *reg_memfd(ctx, { memfd, offset: from, length: bytes, access }) {
      const [offset, length] = [narrow(from), narrow(bytes)];
      const owner = ctx.ownerOf("memfd");
      const file = fdget(ctx.k, owner.files, memfd);
      if (typeof file === "number") return file;
      const refused = checkRegion(ctx.k, { length, access }) || checkPages(ctx.k, offset, length);
      if (refused !== 0) return refused;
      const region = yield* regMemfd(ctx.k, owner, deviceOf(ctx), file.inode, { address: offset, length, access });
      return typeof region === "number" ? region : { handle: region };
    },
    *dereg_mr(_ctx, { mr }) {
      return deregMr(mr as MemoryRegion);
    },
    *dma_sync({ k }, { sgt, side }) {
      return dmaSync(k, sgt instanceof MemoryRegion ? tablesOf(sgt) : [(sgt as Table).sgt], side);
    },
    *dma_read({ k }, { sgt, offset: at }) {
      const offset = narrow(at);
      const bytes =
        sgt instanceof MemoryRegion ? yield* regionRead(sgt, offset, 4) : readTable(k, sgt as Table, offset);
      return typeof bytes === "number" ? bytes : new DataView(bytes.buffer).getUint32(0, true);
    },
    *dma_write({ k }, { sgt, offset: at, value }) {
      const offset = narrow(at);
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
      return sgt instanceof MemoryRegion
        ? yield* regionWrite(sgt, offset, bytes)
        : sgt instanceof MappedAttachment
          ? sgt.write(offset, bytes)
          : deviceWrite(k, (sgt as Table).sgt, offset, bytes);
    },
  },
  unsupported: {
    reg_memfd: (k) =>
      k.design["memfd.pin-folios"] === "present" ? undefined : "a memfd's pages cannot be pinned by offset before 6.11",
  },
};
