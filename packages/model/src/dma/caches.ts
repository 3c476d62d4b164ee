/**
 * The CPU's caches on a machine with devices that do not snoop them. The frame's bytes are what the CPU sees; memory
 * beneath has bytes of its own, and such a device sees those and nothing else.
 *
 * Where hardware may do either, the model takes the order of events that shows a missing sync: a line is in the cache
 * from the start, a dirty one is not written back before it is cleaned, and a clean one is not dropped before it is
 * invalidated.
 */
import type { Kernel } from "../kernel.js";

/** Bytes of a cache line. */
const LINE = 64;

/** A page of which memory and cache may differ. */
interface CachedPage {
  /** What is in memory. */
  readonly memory: Uint8Array;
  /** What the cache had when it was last cleaned or invalidated: a line that differs from it is dirty. */
  readonly seen: Uint8Array;
  /** Lines that were stored to since then, also those that got the same bytes again. */
  readonly stored: Uint8Array;
}

/** What a page is, as a device that does not snoop finds it. */
export type CacheState = "clean" | "dirty in the CPU's cache" | "stale in the CPU's cache";

export class Caches {
  private readonly pages = new Map<number, CachedPage>();

  constructor(private readonly k: Kernel) {}

  /** A page's memory: zeros until something of it is written back. */
  private page(pfn: number): CachedPage {
    let page = this.pages.get(pfn);
    if (page === undefined) {
      const size = this.k.pageSize;
      page = { memory: new Uint8Array(size), seen: new Uint8Array(size), stored: new Uint8Array(size / LINE) };
      this.pages.set(pfn, page);
    }
    return page;
  }

  /** The CPU has stored to a range within a page, through a mapping that uses the caches or not. */
  stored(pfn: number, offset: number, length: number, cached: boolean): void {
    const bytes = this.k.frames.bytes(pfn);
    if (bytes === undefined) return;
    if (!cached) return this.both(pfn, offset, bytes.subarray(offset, offset + length));
    const from = Math.floor(offset / LINE);
    this.page(pfn).stored.fill(1, from, Math.floor((offset + length - 1) / LINE) + 1);
  }

  /** Bytes as memory has them: what a device that does not snoop reads. */
  memory(pfn: number): Uint8Array | undefined {
    return this.pages.get(pfn)?.memory;
  }

  /**
   * What the CPU reads past its caches. Of a line that another mapping made dirty architectures promise nothing: it
   * is taken as written back by then.
   */
  past(pfn: number): Uint8Array {
    this.clean(pfn);
    return this.page(pfn).memory;
  }

  /** A device that does not snoop writes. */
  write(pfn: number, offset: number, byte: number): void {
    this.page(pfn).memory[offset] = byte;
  }

  /** Memory and cache get the same bytes: a device that snoops writes, or the CPU past its caches. */
  both(pfn: number, offset: number, bytes: ArrayLike<number>): void {
    const { memory, seen } = this.page(pfn);
    memory.set(bytes, offset);
    seen.set(bytes, offset);
    this.k.frames.writable(pfn).set(bytes, offset);
  }

  /** Writes dirty lines to memory. */
  clean(pfn: number): void {
    const { memory, seen, stored } = this.page(pfn);
    const bytes = this.k.frames.bytes(pfn);
    for (let line = 0; line < stored.length; line++) {
      if (!isDirty(line, bytes, seen, stored)) continue;
      for (let i = line * LINE; i < (line + 1) * LINE; i++) memory[i] = seen[i] = bytes?.[i] ?? 0;
      stored[line] = 0;
    }
  }

  /** Drops every line, dirty ones too: the CPU sees memory. */
  invalidate(pfn: number): void {
    const { memory, seen, stored } = this.page(pfn);
    this.k.frames.writable(pfn).set(memory);
    seen.set(memory);
    stored.fill(0);
  }

  state(pfn: number): CacheState {
    const { memory, seen, stored } = this.page(pfn);
    const bytes = this.k.frames.bytes(pfn);
    for (let line = 0; line < stored.length; line++)
      if (isDirty(line, bytes, seen, stored)) return "dirty in the CPU's cache";
    return memory.every((byte, i) => byte === (bytes?.[i] ?? 0)) ? "clean" : "stale in the CPU's cache";
  }
}

function isDirty(line: number, bytes: Uint8Array | undefined, seen: Uint8Array, stored: Uint8Array): boolean {
  if (stored[line] !== 0) return true;
  for (let i = line * LINE; i < (line + 1) * LINE; i++) if ((bytes?.[i] ?? 0) !== seen[i]) return true;
  return false;
}
