/** debugfs gup_test: references and pins of the caller's pages, taken and given back (mm/gup_test.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { FOLL } from "../mm/foll.js";
import { getUserPagesFast, pinUserPagesFast } from "../mm/gup-fast.js";
import { gupLongterm } from "../mm/gup.js";
import { gupPutFolio } from "../mm/pin.js";
import { rules } from "../rules/rule.js";
import { narrow, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "gup-test/no-memory": {
    sentence: "A page pointer array that vmalloc cannot hold gives ENOMEM.",
    kernel: "__gup_test_ioctl, mm/gup_test.c",
  },
  "gup-test/too-many": {
    sentence: "A page pointer array above 2 GiB warns and gives ENOMEM.",
    kernel: [
      ["5.10", "kvmalloc_node, mm/util.c"],
      ["6.12", "__kvmalloc_node_noprof, mm/util.c"],
      ["6.15", "__kvmalloc_node_noprof, mm/slub.c"],
    ],
  },
  "gup-test/stopped": {
    sentence: "The test stops at the first page that GUP refuses and does not return its errno.",
    kernel: "__gup_test_ioctl, mm/gup_test.c",
  },
  "gup-test/not-pinned": {
    sentence:
      "A pinned page that does not count as pinned triggers a warning: the shared zero page, whose pins are not " +
      "counted.",
    kernel: "verify_dma_pinned, mm/gup_test.c",
  },
});

export type GupTestCommand = "fast" | "pin_fast" | "get" | "pin" | "longterm";

/** What kvcalloc gives at most, bytes. */
const INT_MAX = 0x7fffffff;

/** Flags of the commands that walk under the mmap lock; get_user_pages alone marks pages as used. */
const slow = { get: FOLL.get | FOLL.touch, pin: FOLL.pin, longterm: FOLL.pin | FOLL.longterm } as const;

/** __gup_test_ioctl with one page a call: consecutive pages that GUP took, or -ENOMEM. Bytes. */
export function* gupTestIoctl(
  k: Kernel,
  task: Task,
  command: GupTestCommand,
  start: bigint,
  size: bigint,
  write: boolean,
): Path<number> {
  const [address, length] = [narrow(start), narrow(size)];
  const wanted = Math.floor(length / k.pageSize);
  const array = (wanted * k.arch.wordBits) / 8;
  if (array > INT_MAX) {
    return k.warnAndRefuse(rule["gup-test/too-many"], errnos.ENOMEM, `${wanted} pages`);
  }
  if (array > k.totalRam * k.pageSize) return k.refuse(rule["gup-test/no-memory"], errnos.ENOMEM, `${wanted} pages`);
  // The end wraps round, and nothing lies before it.
  if (start + size > ulong(k, -1n)) return 0;
  const locked = command !== "fast" && command !== "pin_fast";
  const pages: number[] = [];
  if (locked) yield* acquire(k, task.mm.mmapLock, "read");
  for (let i = 0; i < wanted; i++) {
    if ((yield* onePage(k, task, command, address + i * k.pageSize, write ? FOLL.write : 0, pages)) <= 0) {
      k.note(rule["gup-test/stopped"], `after ${i} pages`);
      break;
    }
  }
  const how = command === "fast" || command === "get" ? FOLL.get : FOLL.pin;
  if (how === FOLL.pin) verifyDmaPinned(k, pages);
  for (const pfn of pages) gupPutFolio(k, pfn, 1, how);
  if (locked) yield* release(k, task.mm.mmapLock);
  return pages.length;
}

function* onePage(
  k: Kernel,
  task: Task,
  command: GupTestCommand,
  address: number,
  flags: number,
  pages: number[],
): Path<number> {
  if (command === "fast") return yield* getUserPagesFast(k, task, address, 1, flags, pages);
  if (command === "pin_fast") return yield* pinUserPagesFast(k, task, address, 1, flags, pages);
  return yield* gupLongterm(k, task, task.mm, address, 1, flags | slow[command], pages);
}

/** verify_dma_pinned: the first page whose pin does not show. */
function verifyDmaPinned(k: Kernel, pages: readonly number[]): void {
  const loose = pages.find((pfn) => pfn === k.zeroPfn || !k.frames.maybePinned(pfn));
  if (loose !== undefined) k.warn(rule["gup-test/not-pinned"], `frame ${loose}`);
}
