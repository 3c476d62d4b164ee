/** dma_buf_ioctl, drivers/dma-buf/dma-buf.c. All give 0, a descriptor, or a negative errno. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { dmaBufBeginCpuAccess, dmaBufEndCpuAccess } from "./cpu-access.js";
import { USAGE, usageRw } from "./resv.js";
import { syncFileCreate, syncFileGetFence } from "./sync-file.js";
import { rules } from "../rules/rule.js";
import type { Direction } from "./attachment.js";
import type { DmaBuf } from "./buffer.js";
import type { File } from "../vfs/file.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "dma-buf/no-sync-file-ioctls": {
    sentence: "A core without the sync_file ioctls gives ENOTTY for them.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/sync-flags": {
    sentence: "DMA_BUF_IOCTL_SYNC with undefined flag bits gives EINVAL.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/sync-direction": {
    sentence: "DMA_BUF_IOCTL_SYNC with neither READ nor WRITE gives EINVAL.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/sync-unpaired": {
    sentence: "The core does not pair begin and end of CPU access: each call is independent.",
    kernel: "dma_buf_begin_cpu_access, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/name-too-long": {
    sentence: "A name longer than 31 bytes gives EINVAL.",
    kernel: "dma_buf_set_name, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/name-while-attached": {
    sentence: "A dma-buf with attachments cannot be renamed: EBUSY.",
    kernel: "dma_buf_set_name, drivers/dma-buf/dma-buf.c",
    unproven: "from source: old releases only.",
  },
  "dma-buf/sync-file-flags": {
    sentence: "The sync_file ioctls take READ, WRITE or both, else EINVAL.",
    kernel: "dma_buf_export_sync_file, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/sync-file-idle": {
    sentence: "Export of the fences of an idle buffer gives a signalled sync_file.",
    kernel: "dma_buf_export_sync_file, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/not-a-sync-file": {
    sentence: "Import from a descriptor that is not a sync_file gives EINVAL.",
    kernel: "dma_buf_import_sync_file, drivers/dma-buf/dma-buf.c",
  },
});

/** DMA_BUF_SYNC_* bits. */
export const SYNC = { read: 1, write: 2, end: 4 } as const;
const SYNC_RW = SYNC.read | SYNC.write;
const SYNC_VALID = SYNC_RW | SYNC.end;

/** DMA_BUF_NAME_LEN: bytes, the terminating zero among them. */
const NAME_LENGTH = 32;

/** DMA_BUF_IOCTL_SYNC. */
export function* dmaBufSync(buf: DmaBuf, flags: number): Path<number> {
  const { k } = buf;
  if ((flags & ~SYNC_VALID) !== 0) return k.refuse(rule["dma-buf/sync-flags"], errnos.EINVAL, `flags ${flags}`);
  const direction = directionOf(flags);
  if (direction === undefined) return k.refuse(rule["dma-buf/sync-direction"], errnos.EINVAL, `flags ${flags}`);
  k.note(rule["dma-buf/sync-unpaired"]);
  return (flags & SYNC.end) !== 0
    ? yield* dmaBufEndCpuAccess(buf, direction)
    : yield* dmaBufBeginCpuAccess(buf, direction);
}

/** What the CPU does decides which way the data goes. */
function directionOf(flags: number): Direction | undefined {
  switch (flags & SYNC_RW) {
    case SYNC.read:
      return "from_device";
    case SYNC.write:
      return "to_device";
    case SYNC_RW:
      return "bidirectional";
    default:
      return undefined;
  }
}

/** DMA_BUF_SET_NAME. The name's length counts in bytes of UTF-8. */
export function* dmaBufSetName(buf: DmaBuf, name: string): Path<number> {
  const { k } = buf;
  if (utf8Length(name) >= NAME_LENGTH)
    return k.refuse(rule["dma-buf/name-too-long"], errnos.EINVAL, `${utf8Length(name)} bytes`);
  if (k.design["dma-buf.set-name"] === "refused-while-attached") {
    yield* acquire(k, buf.resv.lock, "write");
    const busy = buf.attachments.length > 0;
    yield* release(k, buf.resv.lock);
    if (busy) return k.refuse(rule["dma-buf/name-while-attached"], errnos.EBUSY, `${buf.attachments.length} attached`);
  }
  buf.name = name;
  return 0;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/**
 * DMA_BUF_IOCTL_EXPORT_SYNC_FILE: a descriptor of a sync file with the fences that a reader or writer would wait for.
 */
export function* dmaBufExportSyncFile(buf: DmaBuf, task: Task, flags: number): Path<number> {
  const { k } = buf;
  if (k.design["dma-buf.sync-file-ioctls"] === "absent")
    return k.refuse(rule["dma-buf/no-sync-file-ioctls"], errnos.ENOTTY);
  if ((flags & ~SYNC_RW) !== 0 || (flags & SYNC_RW) === 0)
    return k.refuse(rule["dma-buf/sync-file-flags"], errnos.EINVAL, `flags ${flags}`);
  const fences = buf.resv.pending(usageRw((flags & SYNC.write) !== 0));
  if (fences.length === 0) k.note(rule["dma-buf/sync-file-idle"]);
  return task.files.install(syncFileCreate(k, fences));
}

/** DMA_BUF_IOCTL_IMPORT_SYNC_FILE: adds a sync file's fences as a writer's or a reader's. */
export function* dmaBufImportSyncFile(buf: DmaBuf, file: File | undefined, flags: number): Path<number> {
  const { k } = buf;
  if (k.design["dma-buf.sync-file-ioctls"] === "absent")
    return k.refuse(rule["dma-buf/no-sync-file-ioctls"], errnos.ENOTTY);
  if ((flags & ~SYNC_RW) !== 0 || (flags & SYNC_RW) === 0)
    return k.refuse(rule["dma-buf/sync-file-flags"], errnos.EINVAL, `flags ${flags}`);
  const syncFile = syncFileGetFence(file);
  if (syncFile === undefined) return k.refuse(rule["dma-buf/not-a-sync-file"], errnos.EINVAL);
  yield* acquire(k, buf.resv.lock, "write");
  for (const fence of syncFile.fences) buf.resv.add(fence, (flags & SYNC.write) !== 0 ? USAGE.write : USAGE.read);
  yield* release(k, buf.resv.lock);
  return 0;
}
