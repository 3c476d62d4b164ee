/** What happened: rules that decided, counters of what costs, events for `explain`. */
import type { Rule } from "../rules/rule.js";

/** Costs that the threads argue about; all are counts, none a time. */
export interface Counters {
  /** Minor faults taken by user accesses. */
  faults: number;
  /** Page-table entries written (set, changed or cleared). */
  ptes: number;
  /** Page-table pages allocated. */
  tables: number;
  tlb_flushes: number;
  /** Pages whose contents were copied by copy-on-write or migration. */
  pages_copied: number;
  /** PAT look-ups, and resource-tree nodes that they visited. */
  pat_lookups: number;
  resource_nodes: number;
  cache_flushes: number;
}

export function newCounters(): Counters {
  return { faults: 0, ptes: 0, tables: 0, tlb_flushes: 0, pages_copied: 0, pat_lookups: 0, resource_nodes: 0, cache_flushes: 0 };
}

export interface TraceEvent {
  readonly rule: Rule;
  /** `refuse`: it made an errno or a signal; `note`: it let something happen. */
  readonly kind: "refuse" | "note";
  /** Positive errno of a refusal, 0 for a note. */
  readonly errno: number;
  /** What it was about: `vma 0x100000000 pf io`. */
  readonly about: string;
}

/** One per kernel; the binding starts a new step for each statement. */
export class Trace {
  /** Events of the running step. Cheap: one push each; repeats of a note within a step are dropped. */
  step: TraceEvent[] = [];
  private seen: Uint8Array = new Uint8Array(64);

  beginStep(): TraceEvent[] {
    const done = this.step;
    if (done.length > 0) {
      this.step = [];
      this.seen.fill(0);
    }
    return done;
  }

  refuse(rule: Rule, errno: number, about: string): void {
    this.step.push({ rule, kind: "refuse", errno, about });
  }

  note(rule: Rule, about: string): void {
    if (rule.index >= this.seen.length) {
      const grown = new Uint8Array(Math.max(rule.index + 1, this.seen.length * 2));
      grown.set(this.seen);
      this.seen = grown;
    }
    if (this.seen[rule.index] === 1) return;
    this.seen[rule.index] = 1;
    this.step.push({ rule, kind: "note", errno: 0, about });
  }
}
