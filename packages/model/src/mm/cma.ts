/** The contiguous memory area of the machine: what cma_alloc hands out (mm/cma.c). */
import { PG } from "./frames.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";

const rule = rules({
  "cma/release-in-use": {
    sentence: "Pages of a freed buffer that still have references trigger a warning and stay with their holder.",
    kernel: "free_contig_range, mm/page_alloc.c",
  },
});

/** Bytes of the area where a machine has one (CONFIG_CMA_SIZE_MBYTES of built kernels). */
const AREA = 64 * 2 ** 20;
/** CONFIG_CMA_ALIGNMENT: no buffer is aligned to more than 2^8 pages. */
const ALIGNMENT = 8;

/** struct cma. */
export class CmaArea {
  private readonly first: number;
  private readonly pages: number;
  /** Which frames are handed out, as the area's own bitmap has it. */
  private readonly bitmap: Uint8Array;

  constructor(private readonly k: Kernel) {
    this.pages = AREA / k.pageSize;
    this.bitmap = new Uint8Array(this.pages);
    this.first = k.frames.setAside(this.pages);
    k.frames.aside = (pfn) => pfn >= this.first && pfn < this.first + this.pages;
  }

  /**
   * cma_alloc: consecutive pages with a count of their own each, at the lowest place that is free
   * and aligned to their number (up to 2^8). The first frame, or -1 when there is no such place.
   */
  alloc(count: number): number {
    if (count > this.pages) return -1;
    const align = 2 ** Math.min(ALIGNMENT, Math.ceil(Math.log2(count)));
    for (let at = 0; at + count <= this.pages; at += align) {
      const blocked = this.lastBlocked(at, count);
      if (blocked >= 0) {
        at = Math.floor(blocked / align) * align;
        continue;
      }
      this.bitmap.fill(1, at, at + count);
      this.k.frames.take(this.first + at, count, PG.cma);
      return this.first + at;
    }
    return -1;
  }

  /** The last page of a range that is allocated or still referenced; -1 when it is free. */
  private lastBlocked(at: number, count: number): number {
    for (let i = at + count - 1; i >= at; i--)
      if (this.bitmap[i] === 1 || this.k.frames.ref(this.first + i) > 0) return i;
    return -1;
  }

  /**
   * cma_release, free_contig_range: drops the owner's count of each page. Pages with other references stay until those
   * are dropped.
   */
  release(pfn: number, count: number): void {
    const { frames } = this.k;
    this.bitmap.fill(0, pfn - this.first, pfn - this.first + count);
    let inUse = 0;
    for (let i = pfn; i < pfn + count; i++) {
      if (frames.addRef(i, -1) === 0) frames.release(i, 0);
      else inUse++;
    }
    if (inUse > 0) this.k.warn(rule["cma/release-in-use"], `${inUse} of ${count} pages`);
  }
}
