/** Linux's own asynchronous I/O (fs/aio.c), one request at a time and waited for. */
import { errnos } from "@litmap/litmus";
import { blkdevReadIter, blkdevWriteIter } from "../fs/disk.js";
import { iovecOk, maxRwCount, vfsRules } from "../vfs/vfs.js";
import { rules } from "../rules/rule.js";
import { hex, LLONG_MAX, loff, long, narrow, ulong } from "../word.js";
import type { FileKind } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Request } from "./io-uring.js";

const rule = rules({
  "aio/negative": {
    sentence: "io_submit gives EINVAL for a length with its sign bit set and for a negative offset.",
    kernel: "io_submit_one, fs/aio.c; rw_verify_area, fs/read_write.c",
  },
  "aio/bad-file": {
    sentence: "io_submit on a closed descriptor, or one not open in that mode, gives EBADF.",
    kernel: "__io_submit_one, aio_read, aio_write, fs/aio.c",
  },
  "aio/no-method": {
    sentence: "A file without read_iter or write_iter, such as a dma-buf, a DRM node or a camera, has no AIO: EINVAL.",
    kernel: "aio_read, aio_write, fs/aio.c",
  },
  "aio/past-user-space": {
    sentence: "io_submit on a buffer above TASK_SIZE gives EFAULT.",
    kernel: "aio_setup_rw, fs/aio.c",
  },
});

/** Files whose reads and writes are of the older kind: no read_iter. */
const withoutIter: ReadonlySet<FileKind> = new Set(["drm", "v4l2"]);

/** io_submit_one with aio_read or aio_write, and the event's result: bytes, or a negative errno. */
export function* aioRequest(k: Kernel, task: Task, { fd, address, length, offset, write }: Request): Path<number> {
  const cut = ulong(k, address) !== address || ulong(k, length) !== length;
  if (cut || long(k, length) < 0) return k.refuse(rule["aio/negative"], errnos.EINVAL, `${length} bytes`);
  const file = task.files.get(fd);
  if (file === undefined || !(write ? file.writable : file.readable))
    return k.refuse(rule["aio/bad-file"], errnos.EBADF, `descriptor ${fd}`);
  const method = withoutIter.has(file.inode.kind) ? undefined : write ? file.ops.write : file.ops.read;
  const disk = file.inode.kind === "disk";
  if (method === undefined && !disk) return k.refuse(rule["aio/no-method"], errnos.EINVAL, file.inode.kind);
  const bytes = Math.min(narrow(length), maxRwCount(k));
  if (!iovecOk(k, address, length)) return k.refuse(rule["aio/past-user-space"], errnos.EFAULT, hex(address));
  if (loff(offset) < 0) return k.refuse(rule["aio/negative"], errnos.EINVAL, `${offset}`);
  if (offset + BigInt(bytes) > LLONG_MAX) return k.refuse(vfsRules["vfs/offset-overflow"], errnos.EINVAL, `${offset}`);
  if (!disk) return yield* method!.call(file.ops, task, file, narrow(address), bytes, offset);
  const span = { address: narrow(address), length: bytes, offset };
  return write ? yield* blkdevWriteIter(k, task, file, span, false) : yield* blkdevReadIter(k, task, file, span, false);
}
