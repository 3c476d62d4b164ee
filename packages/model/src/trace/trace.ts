/** What happened: rules that decided, counters of what costs, events for `explain`. */
import type { Rule } from "../rules/rule.js";

/** Costs that the threads argue about; all are counts, none a time. */
export interface Counters {
  /** Minor faults taken by user accesses. */
  faults: number;
  /** Page-table entries written (set, changed or cleared). */
  ptes: number;
  /** Page-table pages allocated, of any level. */
  tables: number;
  /** TLB flushes: of a range that was emptied or changed, and of all processors after a change of cache modes. */
  tlb_flushes: number;
  /** Pages whose contents were copied by copy-on-write or migration. */
  pages_copied: number;
  /** Pages zeroed at allocation. */
  pages_zeroed: number;
  /** Walks of the resource tree by which PAT asks whether frames are memory, and the nodes that they visited. */
  pat_lookups: number;
  resource_nodes: number;
  /** Pages whose cache lines were flushed one by one. */
  cache_flushes: number;
  /** Times that every processor wrote back all its caches (wbinvd). */
  cache_writebacks: number;
  /** Entries of the linear map that got another cache mode. */
  attribute_changes: number;
  /** Large pages of the linear map that were split for it. */
  linear_splits: number;
  /** Pages that buffers have got, and bytes allocated to remember which: see dma-buf/bookkeeping.ts. */
  buffer_pages: number;
  bookkeeping: number;
}

export function newCounters(): Counters {
  return {
    faults: 0,
    ptes: 0,
    tables: 0,
    tlb_flushes: 0,
    pages_copied: 0,
    pages_zeroed: 0,
    pat_lookups: 0,
    resource_nodes: 0,
    cache_flushes: 0,
    cache_writebacks: 0,
    attribute_changes: 0,
    linear_splits: 0,
    buffer_pages: 0,
    bookkeeping: 0,
  };
}

export const counterNames = Object.keys(newCounters()) as (keyof Counters)[];

export interface TraceEvent {
  readonly rule: Rule;
  /** `refuse`: it made an errno or a signal; `note`: it let something happen. */
  readonly kind: "refuse" | "note";
  /** Positive errno of a refusal, 0 for a note. */
  readonly errno: number;
  /** What it was about: `vma 0x100000000 pf io`. */
  readonly about: string;
}

/** Events of one statement up to which every refusal is kept. */
const MOST_REFUSALS = 1024;

/** The events of one statement. Repeats of a note within it are dropped. */
export class StepTrace {
  readonly events: TraceEvent[] = [];
  /** Rules that have been noted, a bit each; a typed array a step would cost more than the step. */
  private readonly seen: number[] = [];
  /** Rules that have refused since there were {@link MOST_REFUSALS} events. */
  private repeated: Set<Rule> | undefined;

  refuse(rule: Rule, errno: number, about: string): void {
    // A walk over very many pages tells of each rule once more.
    if (this.events.length >= MOST_REFUSALS) {
      this.repeated ??= new Set();
      if (this.repeated.has(rule)) return;
      this.repeated.add(rule);
    }
    this.events.push({ rule, kind: "refuse", errno, about });
  }

  note(rule: Rule, about: string): void {
    const at = rule.index >> 5;
    const bit = 1 << (rule.index & 31);
    while (this.seen.length <= at) this.seen.push(0);
    if ((this.seen[at] & bit) !== 0) return;
    this.seen[at] |= bit;
    this.events.push({ rule, kind: "note", errno: 0, about });
  }
}

/** One per kernel. Who runs statements puts in a new step for each; interleaved ones are put back as they resume. */
export class Trace {
  private now = new StepTrace();

  /** Events of the running step. */
  get step(): readonly TraceEvent[] {
    return this.now.events;
  }

  /** From here on events go to `step`; gives the one that they went to so far. */
  switchTo(step: StepTrace): StepTrace {
    const before = this.now;
    this.now = step;
    return before;
  }

  refuse(rule: Rule, errno: number, about: string): void {
    this.now.refuse(rule, errno, about);
  }

  note(rule: Rule, about: string): void {
    this.now.note(rule, about);
  }
}
