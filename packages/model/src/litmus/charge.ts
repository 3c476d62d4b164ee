/** Who pays for a buffer. */
import { dmaBufGet, dmaBufOf, dmaBufPut } from "../dma-buf/buffer.js";
import { chargedTo, xferCharge } from "../dma-buf/charge.js";
import { foreignIoctl } from "./vfs-ioctl.js";
import type { HandlerTable } from "./handler.js";

export const chargeHandlers: HandlerTable<"xfer_charge" | "charged"> = {
  run: {
    *xfer_charge(ctx, { fd, to }) {
      const file = ctx.task.files.get(fd);
      if (file !== undefined && dmaBufOf(file) === undefined) return foreignIoctl(ctx.k, ctx.task, file);
      const buf = dmaBufGet(ctx.k, ctx.task, fd);
      if (typeof buf === "number") return buf;
      const result = yield* xferCharge(buf, ctx.taskOf(to));
      yield* dmaBufPut(buf);
      return result;
    },
    *charged({ k, task }) {
      return chargedTo(k, task);
    },
  },
};
