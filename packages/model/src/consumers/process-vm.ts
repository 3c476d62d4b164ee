/** process_vm_readv and process_vm_writev (mm/process_vm_access.c). */
import { errnos } from "@litmap/litmus";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { getUserPagesRemote } from "../mm/gup.js";
import { scatter, spannedPages } from "../mm/page-bytes.js";
import { unpinUserPages } from "../mm/pin.js";
import { accessOk } from "../vfs/vfs.js";
import { rules } from "../rules/rule.js";
import { exact, long, narrow } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "process-vm/flattened": {
    sentence: "process_vm_readv and process_vm_writev turn every failure to pin the first page of a batch into EFAULT.",
    kernel: "process_vm_rw_single_vec, mm/process_vm_access.c",
  },
  "process-vm/partial": {
    sentence:
      "process_vm_readv and process_vm_writev return the bytes copied before the first page that cannot be pinned.",
    kernel: "process_vm_rw_core, mm/process_vm_access.c",
  },
  "process-vm/no-process": {
    sentence: "An exited process gives ESRCH.",
    kernel: "process_vm_rw_core, mm/process_vm_access.c",
  },
  "process-vm/local-too-long": {
    sentence: "A local iovec outside user space gives EFAULT, one with a negative length EINVAL.",
    kernel: "import_iovec, lib/iov_iter.c",
  },
});

/** PVM_MAX_USER_PAGES: pages pinned at a time. */
const BATCH = 1024;

/**
 * process_vm_rw with one remote and one local range, where the local one can always be
 * reached: bytes moved, -EFAULT when the first page could not be pinned, -ESRCH. A write
 * stores zeros. Bytes.
 */
export function* processVmRw(
  k: Kernel,
  task: Task,
  target: Task,
  word: bigint,
  bytes: bigint,
  write: boolean,
): Path<number> {
  if (bytes === 0n) return 0;
  if (!accessOk(k, 0n, bytes))
    return k.refuse(
      rule["process-vm/local-too-long"],
      long(k, bytes) < 0 ? errnos.EINVAL : errnos.EFAULT,
      `${bytes} bytes`,
    );
  if (target.dead) return k.refuse(rule["process-vm/no-process"], errnos.ESRCH, target.name);
  const [address, length] = [narrow(word), exact(bytes)];
  const first = address - (address % k.pageSize);
  const nrPages = spannedPages(k, address, length);
  let done = 0;
  for (let page = 0; page < nrPages; ) {
    const pages: number[] = [];
    const got = yield* getUserPagesRemote(
      k,
      task,
      target.mm,
      first + page * k.pageSize,
      Math.min(BATCH, nrPages - page),
      FOLL.pin | (write ? FOLL.write : 0),
      pages,
    );
    if (got <= 0) return failed(k, done, address);
    const offset = page === 0 ? address % k.pageSize : 0;
    const part = Math.min(got * k.pageSize - offset, length - done);
    if (write) overwrite(k, pages, offset, part);
    unpinUserPages(k, pages);
    done += part;
    page += got;
  }
  return done;
}

function failed(k: Kernel, done: number, address: number): number {
  if (done === 0) return k.refuse(rule["process-vm/flattened"], errnos.EFAULT, `0x${address.toString(16)}`);
  k.note(rule["process-vm/partial"], `${done} bytes`);
  return done;
}

function overwrite(k: Kernel, pages: readonly number[], offset: number, bytes: number): void {
  scatter(k, pages, offset, new Uint8Array(bytes));
  for (const pfn of pages) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
}
