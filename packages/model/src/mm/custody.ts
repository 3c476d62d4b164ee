/**
 * Who reaches page frames without the page table of a process: kernel mappings, devices, guests.
 * None of them holds a reference by itself, something else is to keep their pages. When a frame
 * is freed that one of them reaches, and it goes there afterwards, an invariant is broken, and
 * the story of it says who freed, who still reached it and which reference was missing.
 */
import { PG } from "./frames.js";
import type { Kernel } from "../kernel.js";
import type { Rule } from "../rules/rule.js";

/** Somebody who reaches frames. */
export class Holder {
  /** By frame: what was being done when it was freed. */
  readonly freed = new Map<number, string>();
  constructor(
    /** `vmap of a udmabuf`. */
    readonly what: string,
    /** What is to keep its pages while it reaches them: `the attachment's reference on the buffer`. */
    readonly keeper: string,
    readonly since: string,
    /** Which page of its own a frame is, or -1. */
    readonly pageOf: (pfn: number) => number,
  ) {}
}

/** An invariant that was broken; the kernel goes on, as a real one would. */
export interface Broken {
  readonly invariant: string;
  readonly story: readonly string[];
}

export class Custody {
  /** What runs: `A, line 7: munmap()`. */
  doing = "";
  /** What the kernel is about that frees pages, where that is more than the statement says. */
  freeing = "";
  readonly broken: Broken[] = [];
  private readonly holders = new Set<Holder>();
  private readonly told = new Set<Holder>();

  constructor(private readonly k: Kernel) {
    k.frames.onFree = (pfn) => this.gone(pfn);
  }

  /** Somebody begins to reach frames; they are named by {@link mark}. */
  hold(what: string, keeper: string, pageOf: (pfn: number) => number): Holder {
    const holder = new Holder(what, keeper, this.doing, pageOf);
    this.holders.add(holder);
    return holder;
  }

  /** A holder has looked a PFN up again, regardless of its history. */
  finds(holder: Holder, pfn: number): void {
    holder.freed.delete(pfn);
    this.mark(pfn);
  }

  /** These frames are reached by a holder. */
  mark(pfn: number, pages = 1): void {
    const { frames } = this.k;
    if (frames.valid(pfn)) for (let i = 0; i < pages; i++) frames.setFlags(pfn + i, PG.watched);
  }

  /** A frame goes back to a pool of its owner's, which is as good as freed for who reaches it. */
  leaves(pfn: number): void {
    if ((this.k.frames.flags(pfn) & PG.watched) !== 0) this.gone(pfn);
  }

  letGo(holder: Holder): void {
    this.holders.delete(holder);
  }

  /**
   * Something was allocated that nobody can free any more: a pointer to it was overwritten, or was never kept.
   * `made` says who allocated it.
   */
  loses(what: string, made: string, keeper: string): void {
    this.broken.push({
      invariant: "leak",
      story: [
        `${or(made)} allocates ${what}; what is to free it: ${keeper}`,
        `${or(this.doing)} overwrites the only pointer to it: ${what} is never freed`,
      ],
    });
  }

  /** A holder goes to one of its frames. */
  uses(holder: Holder, pfn: number, rule: Rule): void {
    const freed = holder.freed.get(pfn);
    if (freed === undefined) return;
    const page = holder.pageOf(pfn);
    this.k.trace.refuse(rule, 0, `page ${page} of ${holder.what}`);
    if (!this.told.has(holder)) {
      this.told.add(holder);
      this.broken.push({
        invariant: "use-after-free",
        story: [
          `${or(holder.since)} begins to reach pages: ${holder.what}; what is to keep them: ${holder.keeper}`,
          `${freed} frees page ${page} of it, whose last reference is gone; what was missing: ${holder.keeper}`,
          `${or(this.doing)} uses that page through ${holder.what} after it was freed`,
        ],
      });
    }
  }

  private gone(pfn: number): void {
    for (const holder of this.holders) {
      if (holder.freed.has(pfn) || holder.pageOf(pfn) < 0) continue;
      holder.freed.set(pfn, this.freeing === "" ? or(this.doing) : `${or(this.doing)} (${this.freeing})`);
    }
  }
}

const or = (doing: string): string => (doing === "" ? "the kernel" : doing);
