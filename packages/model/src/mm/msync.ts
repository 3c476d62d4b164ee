/** sys_msync, mm/msync.c. */
import { errnos } from "@litmap/litmus";
import { fput } from "../vfs/file.js";
import { acquire, release } from "../sched/path.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import { hex, narrowRange, offsetInPage, pageAlign, ulong } from "../word.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "msync/bad-flags": {
    sentence: "msync of an unaligned address, or with both MS_SYNC and MS_ASYNC, gives EINVAL.",
    kernel: "sys_msync, mm/msync.c",
  },
  "msync/hole": {
    sentence: "msync over a hole syncs the rest and gives ENOMEM.",
    kernel: "sys_msync, mm/msync.c",
  },
  "msync/locked": {
    sentence: "MS_INVALIDATE of a locked VMA gives EBUSY.",
    kernel: "sys_msync, mm/msync.c",
  },
  "msync/no-fsync": {
    sentence: "MS_SYNC of a shared mapping of a file without an fsync method gives EINVAL.",
    kernel: "vfs_fsync_range, fs/sync.c",
  },
});

export interface MsyncFlags {
  readonly sync: boolean;
  readonly async: boolean;
  readonly invalidate: boolean;
}

/** Bytes. 0, -EINVAL, -ENOMEM, -EBUSY, or what the file's fsync gives. */
export function* msync(k: Kernel, task: Task, word: bigint, length: bigint, flags: MsyncFlags): Path<number> {
  if (offsetInPage(k, word) !== 0 || (flags.async && flags.sync))
    return k.refuse(rule["msync/bad-flags"], errnos.EINVAL, hex(word));
  const past = ulong(k, word + pageAlign(k, length));
  if (past < word) return k.refuse(rule["msync/hole"], errnos.ENOMEM, `${length} bytes`);
  if (past === word) return 0;
  const [address, end] = narrowRange(word, past);
  const { mm } = task;
  let start = address;
  let hole = false;
  while (start < end) {
    yield* acquire(k, mm.mmapLock, "read");
    const vma = mm.findVma(start);
    const gap = vma === undefined || start < vma.start;
    hole ||= gap;
    const stop = vma === undefined || (gap && (vma.start >= end || (flags.async && !flags.invalidate)));
    const busy = !stop && flags.invalidate && vma.has(VM.LOCKED);
    const file = !stop && !busy && flags.sync && vma.has(VM.SHARED) ? vma.file : undefined;
    if (file !== undefined) file.refs++;
    const next = vma?.end ?? end;
    yield* release(k, mm.mmapLock);
    if (stop) break;
    if (busy) return k.refuse(rule["msync/locked"], errnos.EBUSY, `0x${start.toString(16)}`);
    const failed = file === undefined ? 0 : yield* fsync(k, file);
    if (failed < 0) return failed;
    start = next;
  }
  return hole ? k.refuse(rule["msync/hole"], errnos.ENOMEM, `0x${address.toString(16)}`) : 0;
}

/** vfs_fsync_range, fs/sync.c, with the reference that the caller took. */
function* fsync(k: Kernel, file: File): Path<number> {
  const ret =
    file.ops.fsync === undefined
      ? k.refuse(rule["msync/no-fsync"], errnos.EINVAL, `inode ${file.inode.id}`)
      : yield* file.ops.fsync(file);
  yield* fput(file);
  return ret;
}
