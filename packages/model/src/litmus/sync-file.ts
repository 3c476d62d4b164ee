/** Sync files as a process sees them. */
import { errnos } from "@litmap/litmus";
import { syncFileCreate, syncFileGetFence, syncFileMerge } from "../dma-buf/sync-file.js";
import { foreignIoctl } from "./vfs-ioctl.js";
import { fdget } from "../task.js";
import { rules } from "../rules/rule.js";
import type { SyncFile } from "../dma-buf/sync-file.js";
import type { Context, HandlerTable } from "./handler.js";

const rule = rules({
  "dma-buf/merge-not-a-sync-file": {
    sentence: "SYNC_IOC_MERGE with a descriptor that is not a sync_file gives ENOENT.",
    kernel: "sync_file_ioctl_merge, drivers/dma-buf/sync_file.c",
  },
});

/** The sync file behind a descriptor: -EBADF, or what another kind of file says to the request. */
function syncFileOf({ k, task }: Context, fd: number): SyncFile | number {
  const file = fdget(k, task.files, fd);
  if (typeof file === "number") return file;
  return syncFileGetFence(file) ?? foreignIoctl(k, task, file);
}

export const syncFileHandlers: HandlerTable<"sync_file_info" | "sync_file_merge"> = {
  run: {
    *sync_file_info(ctx, { fd }) {
      const file = syncFileOf(ctx, fd);
      return typeof file === "number" ? file : { status: file.status, fences: Math.max(1, file.fences.length) };
    },
    *sync_file_merge(ctx, { a, b }) {
      const file = syncFileOf(ctx, a);
      if (typeof file === "number") return file;
      const other = syncFileGetFence(ctx.task.files.get(b));
      if (other === undefined)
        return ctx.k.refuse(rule["dma-buf/merge-not-a-sync-file"], errnos.ENOENT, `descriptor ${b}`);
      return ctx.task.files.install(syncFileCreate(ctx.k, syncFileMerge(file, other)));
    },
  },
};
