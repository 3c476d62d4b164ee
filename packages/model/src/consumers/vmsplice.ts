/** vmsplice of user pages into a pipe (fs/splice.c). */
import { errnos } from "@litmap/litmus";
import { iovecOk, maxRwCount } from "../vfs/vfs.js";
import { getUserPagesFast } from "../mm/gup-fast.js";
import { putPages } from "../mm/pin.js";
import { spannedPages } from "../mm/page-bytes.js";
import { rules } from "../rules/rule.js";
import { hex, long, narrow } from "../word.js";
import type { Pipe } from "../fs/pipe.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "vmsplice/negative-length": {
    sentence: "vmsplice of a length with its sign bit set gives EINVAL.",
    kernel: "copy_iovec_from_user, lib/iov_iter.c",
  },
  "vmsplice/gup-refused": {
    sentence: "vmsplice returns the errno of GUP for its first page.",
    kernel: "iter_to_pipe, fs/splice.c",
  },
  "vmsplice/holds-pages": {
    sentence: "The pipe holds a reference on each spliced page until it is read or closed.",
    kernel: "add_to_pipe, fs/splice.c",
  },
  "vmsplice/pipe-full": {
    sentence: "vmsplice fills at most 16 pipe buffers, one per page, and returns their bytes.",
    kernel: "add_to_pipe, fs/splice.c",
  },
  "vmsplice/past-user-space": {
    sentence: "vmsplice of a range that ends above TASK_SIZE gives EFAULT.",
    kernel: "import_iovec, lib/iov_iter.c",
  },
});

/** Pages that iter_to_pipe references at a time. */
const BATCH = 16;

/**
 * vmsplice_to_pipe with iter_to_pipe, fs/splice.c, not blocking: bytes that the pipe now
 * holds, or a negative errno when it holds none. Whether pages are a gift changes nothing here.
 */
export function* vmspliceToPipe(k: Kernel, task: Task, pipe: Pipe, word: bigint, length: bigint): Path<number> {
  if (long(k, length) < 0) return k.refuse(rule["vmsplice/negative-length"], errnos.EINVAL, `${length} bytes`);
  if (!iovecOk(k, word, length)) return k.refuse(rule["vmsplice/past-user-space"], errnos.EFAULT, hex(word));
  const address = narrow(word);
  const wanted = Math.min(narrow(length), maxRwCount(k));
  if (wanted === 0) return 0;
  if (pipe.full) return k.refuse(rule["vmsplice/pipe-full"], errnos.EAGAIN, "0 bytes");
  let done = 0;
  while (done < wanted) {
    const at = address + done;
    const pages: number[] = [];
    const got = yield* getUserPagesFast(k, task, at, Math.min(BATCH, spannedPages(k, at, wanted - done)), 0, pages);
    if (got <= 0) return done > 0 ? done : k.refuse(rule["vmsplice/gup-refused"], -got, `0x${at.toString(16)}`);
    const added = addToPipe(
      k,
      pipe,
      pages,
      at % k.pageSize,
      Math.min(wanted - done, got * k.pageSize - (at % k.pageSize)),
    );
    done += added.bytes;
    if (added.full) return done;
  }
  return done;
}

/** add_to_pipe for each page, fs/splice.c: pages past the last free buffer are given back. */
function addToPipe(
  k: Kernel,
  pipe: Pipe,
  pages: readonly number[],
  offset: number,
  bytes: number,
): { bytes: number; full: boolean } {
  let done = 0;
  for (let i = 0; i < pages.length; i++) {
    if (pipe.full) {
      k.note(rule["vmsplice/pipe-full"], `${done} bytes`);
      putPages(k, pages.slice(i));
      return { bytes: done, full: true };
    }
    const from = i === 0 ? offset : 0;
    const length = Math.min(bytes - done, k.pageSize - from);
    pipe.buffers.push({ own: undefined, pfn: pages[i], offset: from, length, canMerge: false });
    k.note(rule["vmsplice/holds-pages"], `frame ${pages[i]}`);
    done += length;
  }
  return { bytes: done, full: false };
}
