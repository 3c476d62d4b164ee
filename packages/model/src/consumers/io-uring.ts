/** io_uring: registered buffers, and reads and writes of files (io_uring/rsrc.c, io_uring/rw.c). */
import { errnos } from "@litmap/litmus";
import { blkdevReadIter, blkdevWriteIter } from "../fs/disk.js";
import { accessOk, MAX_RW_COUNT } from "../fs/vfs.js";
import { FOLL } from "../mm/foll.js";
import { pinUserPagesFast } from "../mm/gup-fast.js";
import { pinUserPages } from "../mm/gup.js";
import { spannedPages } from "../mm/page-bytes.js";
import { unpinUserPages } from "../mm/pin.js";
import { ioUringRules } from "../rules/consumers.js";
import type { File } from "../fs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const GIB = 2 ** 30;
const TIB = 2 ** 40;

/** A registered buffer: its pins last until the ring goes away. */
export interface RegisteredBuffer {
  readonly pages: readonly number[];
  /** Pages that were added to VmPin. */
  readonly accounted: number;
  readonly mm: Mm;
}

/** io_sqe_buffers_register with one buffer, io_uring/rsrc.c. Bytes. */
export function* registerBuffer(k: Kernel, task: Task, address: number, length: number): Path<RegisteredBuffer | number> {
  const refused = validate(k, address, length);
  if (refused !== 0) return refused;
  const pages: number[] = [];
  const nrPages = spannedPages(k, address, length);
  const pin = k.design["io-uring.buffers"] === "fast" ? pinUserPagesFast : pinUserPages;
  const first = address - (address % k.pageSize);
  const got = yield* pin(k, task, first, nrPages, FOLL.write | FOLL.longterm, pages);
  const failed = got === nrPages ? fileBacked(k, task.mm, first, nrPages) : k.refuse(ioUringRules["gup-refused"], got < 0 ? -got : errnos.EFAULT, `0x${address.toString(16)}`);
  if (failed !== 0) {
    unpinUserPages(k, pages);
    return failed;
  }
  const accounted = k.design["io-uring.vmpin"] === "yes" ? accountedPages(k, pages) : 0;
  task.mm.pinnedVm += accounted;
  k.note(ioUringRules.registered, `${nrPages} pages`);
  return { pages, accounted, mm: task.mm };
}

/** io_sqe_buffers_unregister, io_uring/rsrc.c. */
export function unregisterBuffer(k: Kernel, buffer: RegisteredBuffer): void {
  unpinUserPages(k, buffer.pages);
  buffer.mm.pinnedVm -= buffer.accounted;
}

/** io_buffer_validate (io_validate_user_buf_range), io_uring/rsrc.c. */
function validate(k: Kernel, address: number, length: number): number {
  if (address === 0 && length === 0) return 0;
  if (length === 0 || address === 0) return k.refuse(ioUringRules["empty-buffer"], errnos.EFAULT, `${length} bytes`);
  const tera = k.design["io-uring.buffer-limit"] === "1T-EINVAL";
  if (length > (tera ? TIB : GIB)) return k.refuse(ioUringRules["buffer-too-large"], tera ? errnos.EINVAL : errnos.EFAULT, `${length} bytes`);
  if (address + length + k.pageSize - 1 >= 2 ** 64) return k.refuse(ioUringRules["buffer-overflow"], errnos.EOVERFLOW, `0x${address.toString(16)}`);
  return 0;
}

/** What io_pin_pages of 6.1 says to the mappings behind the pages. */
function fileBacked(k: Kernel, mm: Mm, first: number, nrPages: number): number {
  if (k.design["io-uring.buffers"] !== "slow-no-files") return 0;
  const file = mm.lookup(first)?.file;
  for (let i = 0; i < nrPages; i++) {
    const vma = mm.lookup(first + i * k.pageSize);
    if (vma?.file !== file) return k.refuse(ioUringRules["mixed-files"], errnos.EINVAL, `page ${i}`);
    if (file !== undefined && !isMemory(file)) return k.refuse(ioUringRules["file-backed"], errnos.EOPNOTSUPP, file.inode.kind);
  }
  return 0;
}

function isMemory(file: File): boolean {
  return file.inode.kind === "memfd" || file.inode.kind === "file" || file.inode.kind === "hugetlb";
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
  readonly address: number;
  readonly length: number;
  readonly offset: number;
  readonly write: boolean;
}

/** io_read and io_write, io_uring/rw.c: what the completion says, bytes or a negative errno. */
export function* readOrWriteRequest(k: Kernel, task: Task, request: Request): Path<number> {
  const file = task.files.get(request.fd);
  if (file === undefined || !(request.write ? file.writable : file.readable)) return k.refuse(ioUringRules["bad-file"], errnos.EBADF, `descriptor ${request.fd}`);
  const { address, offset } = request;
  const length = Math.min(request.length % 2 ** 32, MAX_RW_COUNT);
  if (!accessOk(k, address, length)) return k.refuse(ioUringRules["gup-refused"], errnos.EFAULT, `0x${address.toString(16)}`);
  if (file.inode.kind === "disk") {
    const span = { address, length, offset };
    return request.write ? yield* blkdevWriteIter(k, task, file, span, false) : yield* blkdevReadIter(k, task, file, span, false);
  }
  const method = request.write ? file.ops.write : file.ops.read;
  if (method === undefined) return k.refuse(ioUringRules["no-method"], errnos.EINVAL, file.inode.kind);
  return yield* method.call(file.ops, task, file, address, length, offset);
}
