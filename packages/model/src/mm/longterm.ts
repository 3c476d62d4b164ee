/** FOLL_LONGTERM: pages that may not be pinned for long are moved away first, and the pin starts again. */
import { errnos } from "@litmap/litmus";
import { KernelHang } from "../sched/path.js";
import { PG } from "./frames.js";
import { isolated, migratePage } from "./migrate.js";
import { unpinUserPages } from "./pin.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "gup/longterm-migrated": {
    sentence: "A long-term pin migrates pages out of CMA and ZONE_MOVABLE first and then retries.",
    kernel: [
      ["5.10", "check_and_migrate_movable_pages, mm/gup.c"],
      ["6.11", "check_and_migrate_movable_pages_or_folios, mm/gup.c"],
    ],
    unproven: "no recorded test pins a CMA page of a user mapping; from the source of mm/gup.c.",
  },
  "gup/longterm-migration-failed": {
    sentence: "A long-term pin of a page that must migrate but cannot gives ENOMEM.",
    kernel: [
      ["5.10", "check_and_migrate_movable_pages, mm/gup.c"],
      ["6.1", "migrate_longterm_unpinnable_pages, mm/gup.c"],
      ["6.11", "migrate_longterm_unpinnable_folios, mm/gup.c"],
    ],
    unproven: "no recorded test pins a CMA page of a user mapping; from the source of mm/gup.c.",
  },
  "gup/longterm-hang": {
    sentence:
      "A long-term pin of a CMA page that is not on the LRU retries for ever: it is unpinnable and cannot be isolated.",
    kernel: [
      ["5.10", "check_and_migrate_movable_pages, mm/gup.c"],
      ["6.1", "collect_longterm_unpinnable_pages, mm/gup.c"],
      ["6.11", "collect_longterm_unpinnable_folios, mm/gup.c"],
    ],
  },
});

/** folio_is_longterm_pinnable, include/linux/mm.h: not in CMA and not in ZONE_MOVABLE. */
export function folioIsLongtermPinnable(k: Kernel, pfn: number): boolean {
  return pfn === k.zeroPfn || (k.frames.flags(pfn) & (PG.cma | PG.movable)) === 0;
}

/**
 * check_and_migrate_movable_pages, mm/gup.c: 0 when every page may stay pinned; "again" (-EAGAIN) when
 * some were moved and the pins are gone; -ENOMEM when one could not be moved.
 *
 * A page that counts as unpinnable but is on no LRU list is never moved and never an error:
 * the kernel asks for it again for ever, unless something else changes.
 */
export function* checkAndMigrateMovablePages(k: Kernel, pages: readonly number[]): Path<number | "again"> {
  const unpinnable = pages.filter((pfn) => !folioIsLongtermPinnable(k, pfn));
  if (unpinnable.length === 0) return 0;
  unpinUserPages(k, pages);
  const movable = unpinnable.filter((pfn) => isolated(k, pfn));
  if (movable.length === 0) {
    k.refuse(rule["gup/longterm-hang"], errnos.EINTR, `frame ${unpinnable[0]}`);
    throw new KernelHang(
      `pin_user_pages(FOLL_LONGTERM) retries for ever: frame ${unpinnable[0]} may not be pinned and cannot be moved`,
    );
  }
  for (const pfn of movable) {
    const failed = yield* migratePage(k, pfn);
    if (failed !== 0) return k.refuse(rule["gup/longterm-migration-failed"], errnos.ENOMEM, `frame ${pfn}`);
  }
  k.note(rule["gup/longterm-migrated"], `${movable.length} pages`);
  return "again";
}
