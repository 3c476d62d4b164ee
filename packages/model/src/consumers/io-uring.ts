/** io_uring: registered buffers, and reads and writes of files (io_uring/rsrc.c, io_uring/rw.c). */
import { errnos } from "@litmap/litmus";
import { blkdevReadIter, blkdevWriteIter } from "../fs/disk.js";
import { pipeOf } from "../fs/pipe.js";
import { iovecOk, hasPositions, maxRwCount, vfsRules } from "../vfs/vfs.js";
import { FOLL } from "../mm/foll.js";
import { pinUserPagesFast } from "../mm/gup-fast.js";
import { pinUserPages } from "../mm/gup.js";
import { spannedPages } from "../mm/page-bytes.js";
import { unpinUserPages } from "../mm/pin.js";
import { File, Inode } from "../vfs/file.js";
import { Task } from "../task.js";
import { rules } from "../rules/rule.js";
import { hex, LLONG_MAX, loff, long, narrow, ulong } from "../word.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "io-uring/negative-length": {
    sentence: "From 6.11 on a buffer with a length that is negative as an ssize_t gives EINVAL.",
    kernel: [["6.11", "copy_iovec_from_user, lib/iov_iter.c"]],
  },
  "io-uring/empty-buffer": {
    sentence: "Registration of a buffer of length 0 or at NULL gives EFAULT.",
    kernel: [
      ["5.10", "io_buffer_validate, io_uring/rsrc.c"],
      ["7.2", "io_validate_user_buf_range, io_uring/rsrc.c"],
    ],
  },
  "io-uring/buffer-too-large": {
    sentence:
      "Registration of a buffer above the size limit gives EFAULT (1 GiB, older releases) or EINVAL (1 TiB, newer " +
      "ones).",
    kernel: [
      ["5.10", "io_buffer_validate, io_uring/rsrc.c"],
      ["7.2", "io_validate_user_buf_range, io_uring/rsrc.c"],
    ],
  },
  "io-uring/buffer-overflow": {
    sentence: "Registration of a buffer whose end overflows gives EOVERFLOW.",
    kernel: [
      ["5.10", "io_buffer_validate, io_uring/rsrc.c"],
      ["7.2", "io_validate_user_buf_range, io_uring/rsrc.c"],
    ],
  },
  "io-uring/file-backed": {
    sentence: "Up to 6.4 registration refuses a buffer in a file mapping other than shmem and hugetlb: EOPNOTSUPP.",
    kernel: "io_pin_pages, io_uring/rsrc.c (up to 6.4)",
  },
  "io-uring/mixed-files": {
    sentence: "Up to 6.4 registration refuses a buffer that spans mappings of different files: EINVAL.",
    kernel: "io_pin_pages, io_uring/rsrc.c (up to 6.4)",
  },
  "io-uring/gup-refused": {
    sentence:
      "Registration returns the errno of GUP if its first page cannot be pinned, and EFAULT if a later one cannot.",
    kernel: [
      ["5.10", "io_sqe_buffers_register, io_uring/io_uring.c"],
      ["6.1", "io_pin_pages, io_uring/rsrc.c"],
      ["6.10", "io_pin_pages, io_uring/memmap.c"],
    ],
  },
  "io-uring/waits-for-pipe": {
    sentence: "A request on an empty or full pipe waits until it is ready, with or without O_NONBLOCK.",
    kernel: "io_read, io_write, io_uring/rw.c; io_arm_poll_handler, io_uring/poll.c",
  },
  "io-uring/past-user-space": {
    sentence: "A request with memory above TASK_SIZE completes with EFAULT.",
    kernel: [
      ["5.10", "import_single_range, lib/iov_iter.c"],
      ["6.4", "import_ubuf, lib/iov_iter.c"],
    ],
  },
  "io-uring/registered": {
    sentence: "A registered buffer has a long-term writable pin until the ring is released.",
    kernel: "io_sqe_buffer_register, io_uring/rsrc.c",
  },
  "io-uring/bad-file": {
    sentence: "A request on a closed descriptor, or one not open in that mode, completes with EBADF.",
    kernel: "io_rw_init_file, io_uring/rw.c",
  },
  "io-uring/no-method": {
    sentence: "A request on a file without the method completes with EINVAL.",
    kernel: "io_iter_do_read, io_uring/rw.c",
  },
});

const GIB = 2 ** 30;
const TIB = 2 ** 40;

/** io_ring_ctx, as far as memory goes: what is registered with it stays pinned until it is released. */
class Ring {
  buffer: RegisteredBuffer | undefined;
}

interface RegisteredBuffer {
  readonly pages: readonly number[];
  /** Pages that were added to VmPin. */
  readonly accounted: number;
  readonly mm: Mm;
}

/** io_uring_setup, io_uring/io_uring.c. */
export function newRing(k: Kernel): File {
  const ring = new Ring();
  const ops: FileOps = {
    *release() {
      if (ring.buffer !== undefined) unregisterBuffer(k, ring.buffer);
    },
    path: () => "anon_inode:[io_uring]",
  };
  return new File(new Inode(k.id(), "io-uring"), ops, true, true, false, ring);
}

/** io_sqe_buffers_register with one buffer, io_uring/rsrc.c: 0 or a negative errno. Bytes. */
export function* registerBuffer(k: Kernel, task: Task, ring: File, base: bigint, bytes: bigint): Path<number> {
  const refused = validate(k, base, bytes);
  if (refused !== 0 || bytes === 0n) return refused;
  const [address, length] = [narrow(base), narrow(bytes)];
  const pages: number[] = [];
  const failed = yield* pinBuffer(k, task, address, length, pages);
  if (failed !== 0) {
    unpinUserPages(k, pages);
    return failed;
  }
  const accounted = k.design["io-uring.vmpin"] === "yes" ? accountedPages(k, pages) : 0;
  task.mm.pinnedVm += accounted;
  (ring.data as Ring).buffer = { pages, accounted, mm: task.mm };
  k.note(rule["io-uring/registered"], `${pages.length} pages`);
  return 0;
}

/** io_pin_pages, io_uring/memmap.c (io_uring/rsrc.c): 0 or a negative errno; what was pinned stays in `pages`. */
function* pinBuffer(k: Kernel, task: Task, address: number, length: number, pages: number[]): Path<number> {
  const first = address - (address % k.pageSize);
  const nrPages = spannedPages(k, address, length);
  const pin = k.design["io-uring.buffers"] === "fast" ? pinUserPagesFast : pinUserPages;
  const got = yield* pin(k, task, first, nrPages, FOLL.write | FOLL.longterm, pages);
  if (got === nrPages) return fileBacked(k, task.mm, first, nrPages);
  return k.refuse(rule["io-uring/gup-refused"], got < 0 ? -got : errnos.EFAULT, `0x${address.toString(16)}`);
}

/** io_sqe_buffers_unregister, io_uring/rsrc.c. */
function unregisterBuffer(k: Kernel, buffer: RegisteredBuffer): void {
  unpinUserPages(k, buffer.pages);
  buffer.mm.pinnedVm -= buffer.accounted;
}

/** io_buffer_validate (io_validate_user_buf_range), io_uring/rsrc.c. */
function validate(k: Kernel, address: bigint, length: bigint): number {
  if (k.design["io-uring.iovec"] === "signed" && long(k, length) < 0)
    return k.refuse(rule["io-uring/negative-length"], errnos.EINVAL, `${length} bytes`);
  if (address === 0n && length === 0n) return 0;
  if (length === 0n || address === 0n) return k.refuse(rule["io-uring/empty-buffer"], errnos.EFAULT, `${length} bytes`);
  const tera = k.design["io-uring.buffer-limit"] === "1T-EINVAL";
  if (length > (tera ? TIB : GIB))
    return k.refuse(rule["io-uring/buffer-too-large"], tera ? errnos.EINVAL : errnos.EFAULT, `${length} bytes`);
  if (address + length + BigInt(k.pageSize - 1) > ulong(k, -1n))
    return k.refuse(rule["io-uring/buffer-overflow"], errnos.EOVERFLOW, hex(address));
  return 0;
}

/** What io_pin_pages up to 6.4 says to the mappings behind the pages. */
function fileBacked(k: Kernel, mm: Mm, first: number, nrPages: number): number {
  const buffers = k.design["io-uring.buffers"];
  if (buffers === "slow" || buffers === "fast") return 0;
  const one = mm.lookup(first)?.file;
  for (let i = 0; i < nrPages; i++) {
    const file = mm.lookup(first + i * k.pageSize)?.file;
    if (buffers === "slow-no-files" && file !== one)
      return k.refuse(rule["io-uring/mixed-files"], errnos.EINVAL, `page ${i}`);
    if (file !== undefined && !isMemory(file, buffers !== "slow-hugetlb"))
      return k.refuse(rule["io-uring/file-backed"], errnos.EOPNOTSUPP, file.inode.kind);
  }
  return 0;
}

function isMemory({ inode }: File, shmem: boolean): boolean {
  return inode.kind === "hugetlb" || (shmem && (inode.kind === "memfd" || inode.kind === "file"));
}

/** io_buffer_account_pin, io_uring/rsrc.c: a compound page counts whole, once. Pages. */
function accountedPages(k: Kernel, pages: readonly number[]): number {
  const heads = new Set<number>();
  let count = 0;
  for (const pfn of pages) {
    const head = k.frames.head(pfn);
    if (k.frames.order(head) === 0) count++;
    else if (!heads.has(head)) count += 1 << k.frames.order(head);
    heads.add(head);
  }
  return count;
}

/** A read or write request. Bytes. */
export interface Request {
  readonly fd: number;
  readonly address: bigint;
  readonly length: bigint;
  readonly offset: bigint;
  readonly write: boolean;
}

/**
 * io_read and io_write, io_uring/rw.c: what the completion says, bytes or a negative errno.
 * What may block, as shmem files and writes through the page cache, is done by a worker
 * thread, whose faults are its own.
 */
export function* readOrWriteRequest(k: Kernel, task: Task, request: Request): Path<number> {
  const file = task.files.get(request.fd);
  if (file === undefined || !(request.write ? file.writable : file.readable))
    return k.refuse(rule["io-uring/bad-file"], errnos.EBADF, `descriptor ${request.fd}`);
  const { offset } = request;
  // The length of a request is a u32.
  const bytes = BigInt.asUintN(32, request.length);
  if (!iovecOk(k, ulong(k, request.address), bytes))
    return k.refuse(rule["io-uring/past-user-space"], errnos.EFAULT, hex(request.address));
  const address = narrow(ulong(k, request.address));
  const length = Math.min(Number(bytes), maxRwCount(k));
  if (hasPositions(file) && loff(offset) < 0)
    return k.refuse(vfsRules["vfs/negative-offset"], errnos.EINVAL, `${offset}`);
  if (hasPositions(file) && offset + BigInt(length) > LLONG_MAX)
    return k.refuse(vfsRules["vfs/offset-overflow"], errnos.EINVAL, `${offset}`);
  const who = isPunted(file, request.write) ? new Task("io-wq", task.mm, task.files) : task;
  if (file.inode.kind === "disk") {
    const span = { address, length, offset };
    return request.write
      ? yield* blkdevWriteIter(k, who, file, span, false)
      : yield* blkdevReadIter(k, who, file, span, false);
  }
  const method = request.write ? file.ops.write : file.ops.read;
  if (method === undefined) return k.refuse(rule["io-uring/no-method"], errnos.EINVAL, file.inode.kind);
  for (;;) {
    const result = yield* method.call(file.ops, who, file, address, length, offset);
    const pipe = pipeOf(file);
    if (result !== -errnos.EAGAIN || pipe === undefined) return result;
    k.note(rule["io-uring/waits-for-pipe"], `inode ${file.inode.id}`);
    const ready = (): boolean => (request.write ? !pipe.full : pipe.buffers.length > 0);
    yield { kind: "wait", object: `pipe ${file.inode.id}`, ready };
  }
}

/** Whether a request goes to io-wq: files without FMODE_NOWAIT, and writes of the disk's page cache. */
function isPunted(file: File, write: boolean): boolean {
  return file.inode.kind === "disk" ? write && !file.direct : hasPositions(file);
}
