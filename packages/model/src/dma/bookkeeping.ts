/**
 * What exporters allocate to remember which pages a buffer has, as long as it has them: page
 * arrays, folio arrays, offsets, list nodes, scatter-gather tables. Counted as they are made, in
 * bytes of the structures themselves; what an allocator rounds up is not in it.
 */
import type { SgTable } from "./sg.js";
import type { Kernel } from "../kernel.js";

/** A buffer's pages are taken or made: what the bytes below are shared out among. */
export function countBufferPages(k: Kernel, pages: number): void {
  k.counters.buffer_pages += pages;
}

/** Arrays or nodes of machine words: pointers, frame numbers, offsets. */
export function keepWords(k: Kernel, words: number): void {
  k.counters.bookkeeping += (words * k.arch.wordBits) / 8;
}

/** An sg table, when it is first seen; however often it is mapped after that. */
export function keepSgTable(k: Kernel, table: SgTable): void {
  if (table.kept) return;
  table.kept = true;
  keepSgEntries(k, table.entries.length);
}

/**
 * sg_alloc_table, lib/scatterlist.c: arrays of at most a page, the last entry of each but the last leads to the next.
 */
export function keepSgEntries(k: Kernel, entries: number): void {
  // page_link, offset, length, dma_address, dma_length, and with words of 64 bits flags or padding.
  const bytes = k.arch.wordBits === 64 ? 32 : 20;
  const most = Math.floor(k.pageSize / bytes);
  const arrays = entries <= most ? 1 : Math.ceil((entries - 1) / (most - 1));
  k.counters.bookkeeping += (entries + arrays - 1) * bytes;
}
