import { memories, wordsOf } from "../catalogue.js";
import { address, descriptor, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const driver = ["driver"] as const;

/** Buffers that a driver makes for its device and shares. */
export const exporting = {
  dma_buf_export: {
    subject: "drivers",
    doc:
      "Allocates memory for the driver's device and exports it as a readable and writable dma-buf. The descriptor " +
      "is the driver's: a process gets it by `receive`. Size 0 is EINVAL; other sizes are rounded up to pages.",
    kernel: "dma_buf_export, drivers/dma-buf/dma-buf.c; dma_alloc_attrs, kernel/dma/mapping.c",
    by: driver,
    params: {
      memory: { type: word(wordsOf(memories)), doc: "what memory, and by which code" },
      size: { type: size, doc: "bytes" },
    },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  videobuf_user_get: {
    subject: "drivers",
    doc:
      "USERPTR of videobuf1's dma-contig (removed by 6.12): an sg table for the driver's device of the PFNs of a " +
      "range of user memory, without references. EINVAL in a VMA of normal pages, EFAULT if the PFNs are not " +
      "consecutive.",
    kernel: "videobuf_dma_contig_user_get, drivers/media/v4l2-core/videobuf-dma-contig.c",
    by: driver,
    params: {
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
    },
    result: { kind: "handle", of: "sg-table" },
  },
  dma_buf_put: {
    subject: "drivers",
    doc:
      "The driver drops its own descriptor of a buffer that it exported; the last reference frees the memory. EBADF " +
      "for a descriptor of another actor.",
    kernel: "dma_buf_put, drivers/dma-buf/dma-buf.c",
    by: driver,
    params: { buf: { type: descriptor("dma-buf"), doc: "which buffer" } },
    result: status,
    consumes: ["buf"],
  },
} as const satisfies Record<string, OperationShape>;
