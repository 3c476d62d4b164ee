/**
 * A device's own reserved memory, which has no struct pages (struct dma_coherent_mem, kernel/dma/coherent.c; a
 * carveout's gen_pool).
 */
import type { Frames } from "../mm/frames.js";

/** Bytes that the firmware has set aside for one device. */
const POOL_BYTES = 8 * 2 ** 20;

export class CoherentPool {
  private readonly taken: Uint8Array;
  private readonly base: number;

  constructor(private readonly frames: Frames) {
    this.taken = new Uint8Array(POOL_BYTES / frames.pageSize);
    this.base = frames.reserve(this.taken.length);
  }

  /** bitmap_find_free_region: 2^order pages, aligned, cleared; the first frame, or -1. */
  alloc(order: number): number {
    const pages = 2 ** order;
    for (let at = 0; at + pages <= this.taken.length; at += pages) {
      if (this.taken.subarray(at, at + pages).some((used) => used !== 0)) continue;
      this.taken.fill(1, at, at + pages);
      return this.base + at;
    }
    return -1;
  }

  /** bitmap_release_region: whoever still maps the memory keeps seeing it, and what comes after. */
  free(pfn: number, order: number): void {
    const at = pfn - this.base;
    this.taken.fill(0, at, at + 2 ** order);
    for (let i = 0; i < 2 ** order; i++) this.frames.forget(pfn + i);
  }
}
