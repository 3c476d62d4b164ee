/**
 * The per-CPU batch through which MADV_FREE marks pages (lru_lazyfree, mm/swap.c): pages lose
 * their swap backing, which smaps shows as LazyFree, only when the batch is full or drained.
 */
import { PG } from "./frames.js";
import type { Kernel } from "../kernel.js";

/** folio_mark_lazyfree: queues a page; a full batch takes effect. */
export function folioMarkLazyfree(k: Kernel, pfn: number): void {
  const flags = k.frames.flags(pfn);
  if ((flags & (PG.anon | PG.swapbacked)) !== (PG.anon | PG.swapbacked)) return;
  k.lazyFree.push(pfn);
  if (k.lazyFree.length === (k.design["lru.batch"] === "15" ? 15 : 31)) lruAddDrain(k);
}

/** lru_add_drain, mm/swap.c: what waits in the batch takes effect. */
export function lruAddDrain(k: Kernel): void {
  const referenced = k.design["lru.fault"] === "no" ? PG.referenced : 0;
  for (const pfn of k.lazyFree) k.frames.clearFlags(pfn, PG.swapbacked | referenced);
  k.lazyFree.length = 0;
}
