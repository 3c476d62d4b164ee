/** Buffers that drivers make for their devices and export. */
import { errnos } from "@litmap/litmus";
import { videobufDmaContigUserGet } from "../exporters/videobuf-dma-contig.js";
import { memories } from "../exporters/index.js";
import { fput } from "../vfs/file.js";
import { deviceOf } from "./drivers.js";
import { fdget } from "../task.js";
import { rules } from "../rules/rule.js";
import { narrow } from "../word.js";
import type { HandlerTable } from "./handler.js";

const rule = rules({
  "driver-buffer/no-size": {
    sentence: "A buffer of size 0 gives EINVAL.",
    kernel: "vb2_dma_sg_alloc, drivers/media/common/videobuf2/videobuf2-dma-sg.c",
  },
  "driver-buffer/not-own": {
    sentence: "A driver drops only a descriptor of its own: another's is none of its descriptors, EBADF.",
    kernel: "dma_buf_put, drivers/dma-buf/dma-buf.c",
  },
  "driver-buffer/no-memory": {
    sentence: "A buffer larger than RAM gives ENOMEM.",
    kernel: [
      ["5.10", "__alloc_pages, mm/page_alloc.c"],
      ["6.10", "__alloc_pages_noprof, mm/page_alloc.c"],
    ],
  },
});

export const exportingHandlers: HandlerTable<"dma_buf_export" | "dma_buf_put" | "videobuf_user_get"> = {
  run: {
    *dma_buf_export(ctx, { memory, size }) {
      const { k } = ctx;
      if (size === 0n) return k.refuse(rule["driver-buffer/no-size"], errnos.EINVAL);
      const bytes = Math.ceil(narrow(size) / k.pageSize) * k.pageSize;
      if (bytes / k.pageSize > k.totalRam)
        return k.refuse(rule["driver-buffer/no-memory"], errnos.ENOMEM, `${size} bytes`);
      const buf = yield* memories[memory]({ k, device: deviceOf(ctx), state: ctx.state }, bytes);
      return typeof buf === "number" ? buf : ctx.task.files.install(buf.file);
    },
    *videobuf_user_get(ctx, { address, length }) {
      const sgt = yield* videobufDmaContigUserGet(
        ctx.k,
        deviceOf(ctx),
        ctx.ownerOf("address").mm,
        narrow(address),
        narrow(length),
      );
      return typeof sgt === "number" ? sgt : { handle: { at: undefined, sgt, direction: "from_device" } };
    },
    *dma_buf_put(ctx, { buf: fd }) {
      const { files } = ctx.task;
      if (ctx.ownerOf("buf") !== ctx.task)
        return ctx.k.refuse(rule["driver-buffer/not-own"], errnos.EBADF, `descriptor ${fd}`);
      const file = fdget(ctx.k, files, fd);
      if (typeof file === "number") return file;
      yield* fput(files.remove(fd)!);
      return 0;
    },
  },
};
