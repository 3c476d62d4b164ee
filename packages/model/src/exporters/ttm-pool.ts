/**
 * TTM's page pool: pages that were made write-combining or uncached are kept that way when an
 * object is done with them, because changing them back and forth is what costs (drivers/gpu/drm/ttm/ttm_pool.c).
 */
import { errnos } from "@litmap/litmus";
import { KernelBug } from "../sched/path.js";
import { PG } from "../mm/frames.js";
import { setPagesArrayUc, setPagesArrayWb, setPagesArrayWc } from "../mm/page-attributes.js";
import { HUGE_ORDER } from "../mm/hugetlb.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { Kernel } from "../kernel.js";

/** The pool that all devices share (ttm_pool_mgr_init). */
export const ttmPool = slot((k) => new TtmPool(k));

const rule = rules({
  "ttm/no-memory": {
    sentence: "A failed allocation of an object's pages gives ENOMEM.",
    kernel: "ttm_pool_alloc, drivers/gpu/drm/ttm/ttm_pool.c",
    unproven: "no test runs a machine out of memory.",
  },
  "ttm/pool-converts": {
    sentence: "New pages for an uncached or WC object change cache mode in the linear map by one call for all.",
    kernel: "ttm_pool_apply_caching, drivers/gpu/drm/ttm/ttm_pool.c",
    unproven: "from source: qxl and bochs, the TTM devices of QEMU, use cached pages only.",
  },
  "ttm/pool-keeps": {
    sentence: "Uncached and WC pages of a freed object are zeroed and kept in the pool with their cache mode.",
    kernel: "ttm_pool_type_give, drivers/gpu/drm/ttm/ttm_pool.c",
    unproven: "from source: qxl and bochs, the TTM devices of QEMU, use cached pages only.",
  },
  "ttm/pool-reused": {
    sentence: "Pages of the same cache mode and order are taken from the pool first, without a flush.",
    kernel: "ttm_pool_type_take, drivers/gpu/drm/ttm/ttm_pool.c",
    unproven: "from source: qxl and bochs, the TTM devices of QEMU, use cached pages only.",
  },
  "ttm/pool-shrinks": {
    sentence: "Above its limit, and under memory pressure, the pool makes pages write-back and frees them.",
    kernel: "ttm_pool_shrink, drivers/gpu/drm/ttm/ttm_pool.c",
    unproven: "from source: qxl and bochs, the TTM devices of QEMU, use cached pages only.",
  },
  "ttm/page-gone": {
    sentence:
      "The tail pages of a non-compound block have refcount 0 until mapped: the last unmap frees the page under " +
      "its owner.",
    kernel: "ttm_pool_alloc_page, drivers/gpu/drm/ttm/ttm_pool.c",
    unproven: "a bug of 5.11 to 5.13 on architectures without pte_special; known from reports from Arm machines.",
  },
});

/** enum ttm_caching. */
export type Caching = "cached" | "wc" | "uc";

/** 2^order pages that were allocated together: they are no folio, and only the first has a reference count. */
export interface Block {
  readonly pfn: number;
  readonly order: number;
}

/** MAX_PAGE_ORDER. */
const MAX_ORDER = 10;

const pagesOf = (block: Block): number => 1 << block.order;

function framesOf(block: Block): Int32Array {
  return Int32Array.from({ length: pagesOf(block) }, (_, i) => block.pfn + i);
}

export class TtmPool {
  /** Free blocks by caching and order: global_write_combined and global_uncached. */
  private readonly types = new Map<string, Block[]>();
  /** allocated_pages: pages in the pool. */
  pages = 0;
  /** page_pool_size, pages: half of the memory. */
  limit: number;

  constructor(private readonly k: Kernel) {
    this.limit = k.totalRam / 2;
  }

  /** ttm_pool_select_type: the free list for blocks, or undefined where none is kept. Only x86 has modes to keep. */
  private type(caching: Caching, order: number): Block[] | undefined {
    if (caching === "cached" || !this.k.arch.pat) return undefined;
    const key = `${caching} ${order}`;
    let type = this.types.get(key);
    if (type === undefined) this.types.set(key, (type = []));
    return type;
  }

  /**
   * ttm_pool_alloc: blocks for so many pages, the largest first and none larger than what is missing, zeroed. Or
   * -ENOMEM.
   */
  alloc(pages: number, caching: Caching): Block[] | number {
    const { k } = this;
    const blocks: Block[] = [];
    const fresh: Block[] = [];
    // Up to 5.10 there are two sizes: a huge page, whose tail pages have no count, and a single one.
    const two = k.design["ttm.pool"] === "single-pages";
    let order = two ? HUGE_ORDER : MAX_ORDER;
    for (let left = pages; left > 0; ) {
      order = Math.min(order, 31 - Math.clz32(left));
      if (two && order < HUGE_ORDER) order = 0;
      let block = fresh.length === 0 ? this.take(caching, order) : undefined;
      if (block === undefined && (block = this.allocBlock(order)) !== undefined) fresh.push(block);
      if (block === undefined) {
        if (order-- > 0) continue;
        this.free(blocks, caching);
        return k.refuse(rule["ttm/no-memory"], errnos.ENOMEM, `${pages} pages`);
      }
      blocks.push(block);
      left -= pagesOf(block);
    }
    this.applyCaching(fresh, caching);
    return blocks;
  }

  /** ttm_pool_type_take. */
  private take(caching: Caching, order: number): Block | undefined {
    const block = this.type(caching, order)?.pop();
    if (block === undefined) return undefined;
    this.pages -= pagesOf(block);
    this.k.note(rule["ttm/pool-reused"], `2^${order} pages, ${caching}`);
    return block;
  }

  /** ttm_pool_alloc_page: no compound page. */
  private allocBlock(order: number): Block | undefined {
    const { frames } = this.k;
    const pfn = order > 0 ? frames.tryAlloc(order, 0, false) : frames.alloc(0);
    if (pfn < 0) return undefined;
    this.k.counters.pages_zeroed += 1 << order;
    return { pfn, order };
  }

  /** ttm_pool_apply_caching: all fresh pages by one call. */
  private applyCaching(fresh: readonly Block[], caching: Caching): void {
    if (caching === "cached" || fresh.length === 0 || !this.k.arch.pat) return;
    const pfns = allFrames(fresh);
    this.k.note(rule["ttm/pool-converts"], `${pfns.length} pages, ${caching}`);
    if (caching === "wc") setPagesArrayWc(this.k, pfns);
    else setPagesArrayUc(this.k, pfns);
  }

  /** ttm_pool_free: back to the pool, zeroed and as they are; past the limit the pool shrinks at once. */
  free(blocks: readonly Block[], caching: Caching): void {
    for (const block of blocks) {
      const type = this.type(caching, block.order);
      if (type === undefined) {
        freePages(this.k, block);
        continue;
      }
      for (let i = 0; i < pagesOf(block); i++) {
        this.k.custody.leaves(block.pfn + i);
        this.k.frames.clear(block.pfn + i);
      }
      this.k.counters.pages_zeroed += pagesOf(block);
      type.push(block);
      this.pages += pagesOf(block);
      this.k.note(rule["ttm/pool-keeps"], `2^${block.order} pages, ${caching}`);
    }
    while (this.pages > this.limit) this.shrinkOne();
  }

  /** ttm_pool_free_page of blocks that go to the system whatever their mode: write-back first. */
  dispose(blocks: readonly Block[], caching: Caching): void {
    if (caching !== "cached" && blocks.length > 0) setPagesArrayWb(this.k, allFrames(blocks));
    for (const block of blocks) freePages(this.k, block);
  }

  /** ttm_pool_shrink: everything of the type whose turn it is. */
  private shrinkOne(): number {
    for (const [key, type] of this.types) {
      this.types.delete(key);
      this.types.set(key, type);
      if (type.length === 0) continue;
      const blocks = type.splice(0);
      const pages = blocks.reduce((sum, block) => sum + pagesOf(block), 0);
      this.pages -= pages;
      this.k.note(rule["ttm/pool-shrinks"], `${pages} pages`);
      for (const block of blocks) this.dispose([block], key.split(" ")[0] as Caching);
      return pages;
    }
    return 0;
  }

  /** The pool's shrinker, asked for all: pages freed. */
  shrink(): number {
    let freed = 0;
    while (this.pages > 0) freed += this.shrinkOne();
    return freed;
  }
}

/** The frames of blocks, one after the other. */
export function allFrames(blocks: readonly Block[]): Int32Array {
  const pfns = new Int32Array(blocks.reduce((sum, block) => sum + pagesOf(block), 0));
  let at = 0;
  for (const block of blocks) {
    pfns.set(framesOf(block), at);
    at += pagesOf(block);
  }
  return pfns;
}

/**
 * __free_pages of a block that is not compound: the first page's count decides over the whole, and
 * while somebody else has a reference on that one the others go. A page that is free already,
 * because a page-table entry dropped the only reference that it ever had, is a corrupted list.
 */
function freePages(k: Kernel, { pfn, order }: Block): void {
  for (let i = 0; i < 1 << order; i++) {
    if ((k.frames.flags(pfn + i) & PG.allocated) === 0) {
      k.trace.refuse(rule["ttm/page-gone"], 0, `frame ${pfn + i}`);
      throw new KernelBug(`frame ${pfn + i} was freed while TTM still had it`, "use-after-free");
    }
  }
  const left = k.frames.addRef(pfn, -1);
  for (let i = left === 0 ? 0 : 1; i < 1 << order; i++) k.frames.release(pfn + i, 0);
}
