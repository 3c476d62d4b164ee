/** What drivers do with a process's memory: references, pins, bare frame numbers, notifiers. */
import { errnos } from "@litmap/litmus";
import { mmput } from "../mm/exit.js";
import { FOLL } from "../mm/foll.js";
import { followPfn } from "../mm/follow-pfn.js";
import { getUserPagesFast, pinUserPagesFast } from "../mm/gup-fast.js";
import { getUserPagesRemote } from "../mm/gup.js";
import { narrow } from "../word.js";
import type { CountingNotifier } from "../mm/notifier.js";
import { mmuNotifierRegister } from "../mm/notifier.js";
import { spannedPages } from "../mm/page-bytes.js";
import { gupPutFolio } from "../mm/pin.js";
import type { Context, HandlerTable } from "./handler.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Task } from "../task.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "driver/no-memory": {
    sentence: "A process that has ended has no address space, so a driver gets none: ESRCH.",
    kernel: "get_task_mm, kernel/fork.c",
  },
  "driver/too-many-pages": {
    sentence: "A driver takes at most 65,536 pages by one call: more give ENOMEM.",
    kernel: "get_user_pages_remote, mm/gup.c",
  },
});

/** Pages that one call of a driver takes, and that a region has. */
const MOST_PAGES = 65536;

/** Whether a driver takes so many bytes of a process or a file by one call: 0 or -ENOMEM. */
export function checkPages(k: Kernel, address: number, length: number): number {
  return length > 0 && spannedPages(k, address, length) > MOST_PAGES
    ? k.refuse(rule["driver/too-many-pages"], errnos.ENOMEM, `${length} bytes`)
    : 0;
}

/** Something that a driver does with a process's address space, which it keeps meanwhile; -ESRCH where there is none. */
export function* withMm<T>(k: Kernel, owner: Task, use: () => Path<T>): Path<T | number> {
  const { mm } = owner;
  if (owner.dead || mm.users === 0) return k.refuse(rule["driver/no-memory"], errnos.ESRCH, owner.name);
  mm.users++;
  const result = yield* use();
  yield* mmput(k, mm);
  return result;
}

type Name =
  | "get_user_pages"
  | "pin_user_pages"
  | "put_user_pages"
  | "follow_pfn"
  | "notifier_register"
  | "notifier_count";

/** References or pins that a driver took in one call. */
interface Held {
  readonly mm: Mm;
  readonly address: number;
  readonly pages: readonly number[];
  /** FOLL.get or FOLL.pin. */
  readonly how: number;
}

function heldBy(ctx: Context): Held[] {
  let held = ctx.state.get("user-pages") as Held[] | undefined;
  if (held === undefined) ctx.state.set("user-pages", (held = []));
  return held;
}

interface Wanted {
  readonly address: bigint;
  readonly length: bigint;
  readonly flags: readonly ("write" | "force" | "longterm" | "p2pdma" | "fast")[];
}

function* take(ctx: Context, { flags, ...range }: Wanted, how: number): Path<number> {
  const { k } = ctx;
  const [address, length] = [narrow(range.address), narrow(range.length)];
  const owner = ctx.ownerOf("address");
  const refused = checkPages(k, address, length);
  if (refused !== 0) return refused;
  const foll = flags.reduce((bits, word) => (word === "fast" ? bits : bits | FOLL[word]), 0);
  const nrPages = length === 0 ? 0 : spannedPages(k, address, length);
  const pages: number[] = [];
  const first = address - (address % k.pageSize);
  const fast = how === FOLL.pin ? pinUserPagesFast : getUserPagesFast;
  const got = yield* withMm(k, owner, () =>
    flags.includes("fast")
      ? fast(k, owner, first, nrPages, foll, pages)
      : getUserPagesRemote(k, ctx.task, owner.mm, first, nrPages, foll | how, pages),
  );
  if (got > 0) heldBy(ctx).push({ mm: owner.mm, address, pages, how });
  return got;
}

export const driverGupHandlers: HandlerTable<Name> = {
  run: {
    *get_user_pages(ctx, args) {
      return yield* take(ctx, args, FOLL.get);
    },
    *pin_user_pages(ctx, args) {
      return yield* take(ctx, args, FOLL.pin);
    },
    *put_user_pages(ctx, { address }) {
      const held = heldBy(ctx);
      const { mm } = ctx.ownerOf("address");
      let count = 0;
      for (let i = held.length - 1; i >= 0; i--) {
        if (held[i].mm !== mm || held[i].address !== narrow(address)) continue;
        for (const pfn of held[i].pages) gupPutFolio(ctx.k, pfn, 1, held[i].how);
        count += held[i].pages.length;
        held.splice(i, 1);
      }
      return count;
    },
    *follow_pfn(ctx, { address }) {
      const owner = ctx.ownerOf("address");
      const pfn = yield* withMm(ctx.k, owner, () => followPfn(ctx.k, owner.mm, narrow(address)));
      return pfn < 0 ? pfn : 1;
    },
    *notifier_register(ctx) {
      const owner = ctx.ownerOf("address");
      const notifier = yield* withMm(ctx.k, owner, function* () {
        return mmuNotifierRegister(owner.mm);
      });
      return typeof notifier === "number" ? notifier : { handle: notifier };
    },
    *notifier_count(_ctx, { notifier }) {
      return (notifier as CountingNotifier).calls;
    },
  },
};
