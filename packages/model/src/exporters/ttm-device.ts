/**
 * A device with TTM: its video memory, and its objects in the order in which they would be evicted
 * (drivers/gpu/drm/ttm/ttm_{device,resource,range_manager}.c).
 */
import { ioMappingInitWc } from "../mm/memtype.js";
import { slot } from "../slot.js";
import type { Kernel } from "../kernel.js";
import type { TtmObject } from "./ttm.js";

/** Devices with TTM, in the order in which they were made. */
export const ttmDevices = slot(() => new Set<TtmDevice>());

/** Where video memory lies. Bytes. */
export interface VideoMemory {
  readonly address: number;
  readonly size: number;
}

/** TTM_PL_SYSTEM and TTM_PL_VRAM. */
export type Place = "system" | "vram";

interface Node {
  readonly start: number;
  readonly pages: number;
}

/** ttm_range_manager over drm_mm: pages of video memory. */
export class RangeManager {
  /** Taken ranges, ascending. */
  private readonly nodes: Node[] = [];
  constructor(private readonly pages: number) {}

  /**
   * drm_mm_insert_node: first page from the smallest hole that is large enough, single pages from the top; -1 when
   * there is none.
   */
  insert(pages: number): number {
    const holes = this.holes().filter((hole) => hole.pages >= pages);
    if (holes.length === 0) return -1;
    const top = pages === 1;
    const hole = top
      ? holes[holes.length - 1]
      : holes.reduce((best, other) => (other.pages < best.pages ? other : best));
    const start = top ? hole.start + hole.pages - pages : hole.start;
    this.nodes.push({ start, pages });
    this.nodes.sort((a, b) => a.start - b.start);
    return start;
  }

  remove(start: number): void {
    this.nodes.splice(
      this.nodes.findIndex((node) => node.start === start),
      1,
    );
  }

  private holes(): Node[] {
    const holes: Node[] = [];
    let at = 0;
    for (const node of [...this.nodes, { start: this.pages, pages: 0 }]) {
      if (node.start > at) holes.push({ start: at, pages: node.start - at });
      at = node.start + node.pages;
    }
    return holes;
  }
}

/** struct ttm_device. */
export class TtmDevice {
  private readonly manager: RangeManager;
  /** First frame of the video memory. */
  private readonly base: number;
  /** Objects by the place that they are in, the next to be evicted first. */
  readonly lru: Readonly<Record<Place, Set<TtmObject>>> = { system: new Set(), vram: new Set() };

  constructor(
    readonly k: Kernel,
    vram: VideoMemory,
    /** The driver copies between a process and video memory (access_memory). */
    readonly accessesVram: boolean,
  ) {
    const pages = Math.floor(vram.size / k.pageSize);
    this.manager = new RangeManager(pages);
    this.base = vram.address / k.pageSize;
    k.frames.addDeviceMemory(this.base, pages);
    ioMappingInitWc(k, this.base, pages);
    ttmDevices(k).add(this);
  }

  /** ttm_resource_alloc: first frame of a range of video memory, or -1 when it is full. */
  allocVram(pages: number): number {
    const start = this.manager.insert(pages);
    return start < 0 ? -1 : this.base + start;
  }

  freeVram(pfn: number): void {
    this.manager.remove(pfn - this.base);
  }

  /** ttm_resource_move_to_lru_tail. */
  moveToTail(bo: TtmObject): void {
    this.forget(bo);
    this.lru[bo.place].add(bo);
  }

  forget(bo: TtmObject): void {
    this.lru.system.delete(bo);
    this.lru.vram.delete(bo);
  }
}
