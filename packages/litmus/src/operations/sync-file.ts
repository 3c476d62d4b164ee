import { descriptor } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

/** Sync files: what they hold, and two made one. */
export const syncFile = {
  sync_file_info: {
    subject: "dma-buf",
    doc: "Status and fence count of a sync_file (SYNC_IOC_FILE_INFO without an array of fences).",
    kernel: "sync_file_ioctl_fence_info, drivers/dma-buf/sync_file.c",
    by: process,
    params: { fd: { type: descriptor("sync-file"), doc: "which" } },
    result: {
      kind: "record",
      fields: {
        status: { kind: "number", doc: "0 unfinished, 1 signalled, or a negative errno" },
        fences: { kind: "number", doc: "fences in it; 1 where a buffer was idle" },
      },
    },
  },
  sync_file_merge: {
    subject: "dma-buf",
    doc: "A new sync file of the fences of two that have not signalled (SYNC_IOC_MERGE).",
    kernel: "sync_file_ioctl_merge, drivers/dma-buf/sync_file.c",
    by: process,
    params: {
      a: { type: descriptor("sync-file"), doc: "one" },
      b: { type: descriptor("sync-file"), doc: "the other: ENOENT when it is none" },
    },
    result: { kind: "descriptor", of: "sync-file" },
  },
} as const satisfies Record<string, OperationShape>;
