/** What the model counts, in words, in the order in which it is shown. */
import type { Counters } from "@litmap/model";

export const counterNames: Readonly<Record<keyof Counters, readonly [one: string, many: string]>> = {
  faults: ["minor fault", "minor faults"],
  ptes: ["page-table write", "page-table writes"],
  tables: ["page-table page", "page-table pages"],
  tlb_flushes: ["TLB flush", "TLB flushes"],
  pages_copied: ["page copied", "pages copied"],
  pages_zeroed: ["page zeroed", "pages zeroed"],
  buffer_pages: ["buffer page", "buffer pages"],
  bookkeeping: ["byte of bookkeeping", "bytes of bookkeeping"],
  pat_lookups: ["PAT look-up", "PAT look-ups"],
  resource_nodes: ["resource-tree node visited", "resource-tree nodes visited"],
  cache_flushes: ["page flushed from the caches", "pages flushed from the caches"],
  cache_writebacks: ["write-back of all caches", "write-backs of all caches"],
  attribute_changes: ["change of a page's cache mode", "changes of pages' cache modes"],
  linear_splits: ["large page of the linear map split", "large pages of the linear map split"],
};
