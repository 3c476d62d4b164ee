/** Futexes, as far as their keys go (kernel/futex/core.c). Waits are short, so no waiter is ever woken. */
import { errnos } from "@litmap/litmus";
import { accessOk } from "../vfs/vfs.js";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { getUserPagesFast } from "../mm/gup-fast.js";
import { putPages } from "../mm/pin.js";
import { AddressSpace } from "../vfs/file.js";
import { rules } from "../rules/rule.js";
import { exact, hex } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "futex/unaligned": {
    sentence: "A futex word must be naturally aligned, else EINVAL.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "futex/private-key": {
    sentence: "A private futex is keyed by mm and address: no page is looked up.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "futex/gup-refused": {
    sentence:
      "A shared futex takes a page reference for writing, then, after EFAULT, for reading, and returns the errno " +
      "of GUP.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "futex/no-mapping": {
    sentence: "A shared futex in a page without a mapping that is not anonymous (driver page, zero page) gives EFAULT.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "futex/anon-read-only": {
    sentence: "A shared futex in read-only anonymous memory gives EFAULT.",
    kernel: "get_futex_key, kernel/futex/core.c",
  },
  "futex/timed-out": {
    sentence: "FUTEX_WAIT with a valid key and the expected value waits until the timeout: ETIMEDOUT.",
    kernel: "futex_wait, kernel/futex/waitwake.c",
  },
});

/**
 * get_futex_key, kernel/futex/core.c, for a word that is only read: 0, -EINVAL, or the errno
 * for which its page could not be referenced; -EFAULT for pages that have no owner.
 */
export function* getFutexKey(k: Kernel, task: Task, word: bigint, shared: boolean): Path<number> {
  if (word % 4n !== 0n) return k.refuse(rule["futex/unaligned"], errnos.EINVAL, hex(word));
  if (!accessOk(k, word, 4n)) return k.refuse(rule["futex/gup-refused"], errnos.EFAULT, hex(word));
  const address = exact(word);
  if (!shared) {
    k.note(rule["futex/private-key"]);
    return 0;
  }
  const pages: number[] = [];
  let got = yield* getUserPagesFast(k, task, address, 1, FOLL.write, pages);
  const readOnly = got === -errnos.EFAULT;
  if (readOnly) got = yield* getUserPagesFast(k, task, address, 1, 0, pages);
  if (got < 0) return k.refuse(rule["futex/gup-refused"], -got, `0x${address.toString(16)}`);
  const refused = keyOf(k, pages[0], readOnly);
  putPages(k, pages);
  return refused;
}

/** Whether a page can name a futex: as a page of a file, or as anonymous memory that can be written. */
function keyOf(k: Kernel, pfn: number, readOnly: boolean): number {
  const head = k.frames.head(pfn);
  if ((k.frames.flags(head) & PG.anon) !== 0)
    return readOnly ? k.refuse(rule["futex/anon-read-only"], errnos.EFAULT, `frame ${pfn}`) : 0;
  const owner = k.owners.get(k.frames.owner(head));
  return owner instanceof AddressSpace ? 0 : k.refuse(rule["futex/no-mapping"], errnos.EFAULT, `frame ${pfn}`);
}

/** futex_wait with a timeout, for a word that has the value expected: -ETIMEDOUT when it can be keyed. */
export function* futexWait(k: Kernel, task: Task, address: bigint, shared: boolean): Path<number> {
  const refused = yield* getFutexKey(k, task, address, shared);
  return refused !== 0 ? refused : k.refuse(rule["futex/timed-out"], errnos.ETIMEDOUT);
}
