/** FOLL_LONGTERM: pages that may not be pinned for long are moved away first, and the pin starts again. */
import { errnos } from "@litmap/litmus";
import { KernelHang } from "../sched/path.js";
import { PG } from "./frames.js";
import { isolated, migratePage } from "./migrate.js";
import { unpinUserPages } from "./pin.js";
import { gupRules } from "../rules/gup.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

/** folio_is_longterm_pinnable, include/linux/mm.h: not in CMA and not in ZONE_MOVABLE. */
export function folioIsLongtermPinnable(k: Kernel, pfn: number): boolean {
  return pfn === k.zeroPfn || (k.frames.flags(pfn) & (PG.cma | PG.movable)) === 0;
}

/**
 * check_and_migrate_movable_pages, mm/gup.c: 0 when every page may stay pinned; -EAGAIN when
 * some were moved and the pins are gone; -ENOMEM when one could not be moved.
 *
 * A page that counts as unpinnable but is on no LRU list is never moved and never an error:
 * the kernel asks for it again for ever, unless something else changes.
 */
export function* checkAndMigrateMovablePages(k: Kernel, pages: readonly number[]): Path<number> {
  const unpinnable = pages.filter((pfn) => !folioIsLongtermPinnable(k, pfn));
  if (unpinnable.length === 0) return 0;
  unpinUserPages(k, pages);
  const movable = unpinnable.filter((pfn) => isolated(k, pfn));
  if (movable.length === 0) {
    k.refuse(gupRules["longterm-hang"], errnos.EINTR, `frame ${unpinnable[0]}`);
    throw new KernelHang(
      `pin_user_pages(FOLL_LONGTERM) retries for ever: frame ${unpinnable[0]} may not be pinned and cannot be moved`,
    );
  }
  for (const pfn of movable) {
    const failed = yield* migratePage(k, pfn);
    if (failed !== 0) return k.refuse(gupRules["longterm-migration-failed"], errnos.ENOMEM, `frame ${pfn}`);
  }
  k.note(gupRules["longterm-migrated"], `${movable.length} pages`);
  return -errnos.EAGAIN;
}
