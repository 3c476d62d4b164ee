import { address, bytes, descriptor, size } from "./types.js";
import type { OperationShape } from "./types.js";

const params = {
  fd: { type: descriptor("disk", "file"), doc: "which file" },
  address: { type: address, doc: "where it begins" },
  length: { type: size, doc: "bytes" },
  offset: { type: size, default: "0", doc: "bytes into the file" },
} as const;

/** Linux's own asynchronous I/O. */
export const aio = {
  aio_read: {
    subject: "reaching into a mapping",
    doc:
      "Reads into a range by io_submit (IOCB_CMD_PREAD) in a new context, and waits for it; gives the event's " +
      "result, or the errno of io_submit.",
    kernel: "aio_read, fs/aio.c",
    by: ["process"],
    params,
    result: bytes,
  },
  aio_write: {
    subject: "reaching into a mapping",
    doc:
      "Writes from a range by io_submit (IOCB_CMD_PWRITE) in a new context, and waits for it; gives the event's " +
      "result, or the errno of io_submit.",
    kernel: "aio_write, fs/aio.c",
    by: ["process"],
    params,
    result: bytes,
  },
} as const satisfies Record<string, OperationShape>;
