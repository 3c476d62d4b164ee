/**
 * Per-CPU batches of the LRU. The one through which new pages come to it (lru_add) is seen
 * where that resets PG_referenced. The batch through which MADV_FREE marks pages (lru_lazyfree, mm/swap.c): pages lose
 * their swap backing, which smaps shows as LazyFree, only when the batch is full or drained.
 */
import { PG } from "./frames.js";
import type { Kernel } from "../kernel.js";

/** folio_mark_lazyfree: queues a page; a full batch takes effect. */
export function folioMarkLazyfree(k: Kernel, pfn: number): void {
  const flags = k.frames.flags(pfn);
  if ((flags & (PG.anon | PG.swapbacked)) !== (PG.anon | PG.swapbacked)) return;
  k.lazyFree.push(pfn);
  if (k.lazyFree.length === batchSize(k)) lruAddDrain(k);
}

/** Active pages that come to the youngest generation when the batch is full or drained (folio_add_lru). */
export function folioAddActive(k: Kernel, pfn: number): void {
  if (k.design["lru.activate"] === "reset") queue(k, pfn);
}

function queue(k: Kernel, pfn: number): void {
  k.lruAdd.push(pfn);
  if (k.lruAdd.length === batchSize(k)) drainLruAdd(k);
}

/**
 * folio_deactivate, mm/swap.c: the referenced flag goes when the page leaves the batch, where it does not stay for
 * ever.
 */
export function folioDeactivate(k: Kernel, pfn: number): void {
  if (k.design["lru.deactivate"] === "reset") queue(k, pfn);
}

function drainLruAdd(k: Kernel): void {
  for (const pfn of k.lruAdd) k.frames.clearFlags(pfn, PG.referenced);
  k.lruAdd.length = 0;
}

function batchSize(k: Kernel): number {
  return k.design["lru.batch"] === "15" ? 15 : 31;
}

/** lru_add_drain, mm/swap.c: what waits in the batches takes effect. */
export function lruAddDrain(k: Kernel): void {
  drainLruAdd(k);
  const referenced = k.design["lru.lazyfree"] === "cleared" ? PG.referenced : 0;
  for (const pfn of k.lazyFree) k.frames.clearFlags(pfn, PG.swapbacked | referenced);
  k.lazyFree.length = 0;
}
