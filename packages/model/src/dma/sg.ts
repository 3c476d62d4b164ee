/**
 * Scatter-gather tables, their mapping for a device, and what the device then reads and
 * writes (lib/scatterlist.c, kernel/dma/mapping.c).
 */
import { errnos } from "@litmap/litmus";
import { keepSgTable } from "./bookkeeping.js";
import { reached } from "../mm/vmalloc.js";
import { rules } from "../rules/rule.js";
import type { Direction } from "../dma-buf/attachment.js";
import type { Holder } from "../mm/custody.js";
import type { Kernel } from "../kernel.js";
import type { Device } from "./device.js";

export const sgRules = rules({
  "dma/beyond-table": {
    sentence: "A transfer past the end of the sg table has no DMA address: EFAULT.",
    kernel: "dma_map_sgtable, kernel/dma/mapping.c",
  },
  "dma/direction": {
    sentence:
      "Behind an IOMMU a transfer against the DMA direction of its mapping faults; without an IOMMU it is not checked.",
    kernel: "dma_info_to_prot, drivers/iommu/dma-iommu.c",
    unproven: "no recorded machine has a device of its own to try it with.",
  },
  "dma/unmapped": {
    sentence: "A transfer through an unmapped sg table reaches memory that the device no longer owns.",
    kernel: "dma_unmap_sg_attrs, kernel/dma/mapping.c",
  },
  "dma/segments": {
    sentence: "An IOMMU merges the sg table into one DMA segment; without one every chunk is a segment.",
    kernel: "iommu_dma_map_sg, drivers/iommu/dma-iommu.c",
  },
  "dma/stale": {
    sentence:
      "A device that does not snoop the CPU's caches reads and writes memory, regardless of what the caches have.",
    kernel: "arch_sync_dma_for_cpu, arch/arm64/mm/dma-mapping.c",
    unproven: "no recorded machine has a non-coherent device.",
  },
  "dma/sync-cleans": {
    sentence: "A sync for a non-coherent device writes dirty lines of the CPU's caches to memory.",
    kernel: "arch_sync_dma_for_device, arch/arm64/mm/dma-mapping.c",
    unproven: "no recorded machine has a non-coherent device.",
  },
  "dma/sync-invalidates": {
    sentence:
      "A sync for the CPU drops the lines of the CPU's caches, dirty ones too, unless the direction is DMA_TO_DEVICE.",
    kernel: "arch_sync_dma_for_cpu, arch/arm64/mm/dma-mapping.c",
    unproven: "no recorded machine has a non-coherent device.",
  },
  "dma/map-invalidates": {
    sentence: "On arm a sync for the device with DMA_FROM_DEVICE invalidates the lines instead of cleaning them.",
    kernel: [
      ["5.10", "__dma_page_cpu_to_dev, arch/arm/mm/dma-mapping.c"],
      ["6.19", "arch_sync_dma_for_device, arch/arm/mm/dma-mapping.c"],
    ],
    unproven: "no recorded machine has a non-coherent device.",
  },
  "dma/map-skips": {
    sentence: "With DMA_ATTR_SKIP_CPU_SYNC mapping and unmapping leave the CPU's caches alone.",
    kernel: "dma_direct_map_sg, kernel/dma/direct.c",
    unproven: "no recorded machine has a non-coherent device.",
  },
  "dma/use-after-free": {
    sentence: "A device whose mapping of a freed page was not unmapped reads and writes the page's next owner.",
    kernel: "free_pages_prepare, mm/page_alloc.c",
    unproven: "a real kernel does not notice.",
  },
});

/** One entry: contiguous frames. */
export interface SgEntry {
  readonly pfn: number;
  readonly pages: number;
}

/** One mapping of a table: an IOMMU forgets the addresses when it has ended. */
export interface DmaMapped {
  readonly device: Device;
  readonly direction: Direction;
  ended: boolean;
}

export class SgTable {
  /** While it is mapped. */
  mapped: DmaMapped | undefined;
  /** The device that it is or was mapped for, as one that reaches its frames. */
  holder: Holder | undefined;
  /** It has been counted as bookkeeping. */
  kept = false;
  /** DMA segments of the mapping: what the hardware is programmed with. */
  segments = 0;
  /** The page links of its entries are flipped (mangle_sg_table, drivers/dma-buf/dma-buf.c). */
  mangled = false;
  /** It was mapped while its page links were flipped: its DMA addresses are no memory. */
  garbled = false;
  /** Entries were put together of pages that happen to be neighbours; else one entry was allocated in one piece. */
  assembled = false;
  readonly pages: number;
  constructor(
    readonly entries: readonly SgEntry[],
    /** The CPU bypasses its caches: no access sees stale data. */
    readonly uncached = false,
  ) {
    this.pages = entries.reduce((sum, entry) => sum + entry.pages, 0);
  }

  /** The frame of a page of the table. */
  frame(page: number): number {
    let left = page;
    for (const entry of this.entries) {
      if (left < entry.pages) return entry.pfn + left;
      left -= entry.pages;
    }
    throw new RangeError(`page ${page} of a table of ${this.pages}`);
  }

  /** The page of the table that a frame is, or -1. */
  pageOf(pfn: number): number {
    let page = 0;
    for (const entry of this.entries) {
      if (pfn >= entry.pfn && pfn < entry.pfn + entry.pages) return page + pfn - entry.pfn;
      page += entry.pages;
    }
    return -1;
  }
}

/** A table of single frames, neighbours merged (sg_alloc_table_from_pages). */
export function sgFromPages(pfns: ArrayLike<number>, uncached = false): SgTable {
  const entries: { pfn: number; pages: number }[] = [];
  for (let i = 0; i < pfns.length; i++) {
    const last = entries[entries.length - 1];
    if (last !== undefined && last.pfn + last.pages === pfns[i]) last.pages++;
    else entries.push({ pfn: pfns[i], pages: 1 });
  }
  const table = new SgTable(entries, uncached);
  table.assembled = true;
  return table;
}

/** A table of frames that were allocated in one piece. */
export function sgOfOnePiece(pfns: ArrayLike<number>, uncached = false): SgTable {
  return new SgTable([{ pfn: pfns[0], pages: pfns.length }], uncached);
}

/** A table with one entry for each frame. */
export function sgOfEachPage(pfns: ArrayLike<number>): SgTable {
  return new SgTable(Array.from(pfns, (pfn) => ({ pfn, pages: 1 })));
}

/**
 * dma_map_sgtable: makes the pages reachable for a device. `sync` false is DMA_ATTR_SKIP_CPU_SYNC;
 * `keeper` says what is to keep the pages meanwhile.
 */
export function dmaMapSgtable(
  k: Kernel,
  device: Device,
  sgt: SgTable,
  direction: Direction,
  sync = true,
  keeper = "the attachment's reference on the buffer",
): void {
  keepSgTable(k, sgt);
  sgt.mapped = { device, direction, ended: false };
  sgt.garbled = sgt.mangled;
  sgt.segments = device.iommu ? 1 : sgt.entries.length;
  k.note(sgRules["dma/segments"], `${sgt.segments}`);
  sgt.holder = k.custody.hold(`${device.name}'s mapping of ${sgt.pages} pages`, keeper, (pfn) => sgt.pageOf(pfn));
  for (const { pfn, pages } of sgt.entries) k.custody.mark(pfn, pages);
  if (sync) dmaSyncForDevice(k, device, sgt, direction);
  else if (needsSync(device, sgt)) k.note(sgRules["dma/map-skips"], device.name);
}

/** dma_unmap_sgtable: from here on the pages are the CPU's. */
export function dmaUnmapSgtable(k: Kernel, device: Device, sgt: SgTable, direction: Direction, sync = true): void {
  if (sync) dmaSyncForCpu(k, device, sgt, direction);
  if (sgt.mapped !== undefined) sgt.mapped.ended = true;
  sgt.mapped = undefined;
  if (sgt.holder !== undefined) k.custody.letGo(sgt.holder);
}

/** Whether caches have to be looked after for the device to see the table's pages. */
function needsSync(device: Device, sgt: SgTable): boolean {
  return !device.coherent && !sgt.uncached;
}

/** dma_sync_sgtable_for_device: what the CPU wrote goes to memory. */
export function dmaSyncForDevice(k: Kernel, device: Device, sgt: SgTable, direction: Direction): void {
  if (!needsSync(device, sgt)) return;
  k.counters.cache_flushes += sgt.pages;
  const { caches } = k;
  if (caches === undefined) return;
  if (direction === "from_device" && (k.arch.invalidatesForDevice || k.design["dma.from-device"] === "invalidates")) {
    k.note(sgRules["dma/map-invalidates"], device.name);
    forEachFrame(sgt, (pfn) => caches.invalidate(pfn));
  } else {
    k.note(sgRules["dma/sync-cleans"], device.name);
    forEachFrame(sgt, (pfn) => caches.clean(pfn));
  }
}

/** dma_sync_sgtable_for_cpu: what the device wrote becomes visible; nothing to do when it only reads. */
export function dmaSyncForCpu(k: Kernel, device: Device, sgt: SgTable, direction: Direction): void {
  if (!needsSync(device, sgt) || direction === "to_device") return;
  k.counters.cache_flushes += sgt.pages;
  const { caches } = k;
  if (caches === undefined) return;
  k.note(sgRules["dma/sync-invalidates"], device.name);
  forEachFrame(sgt, (pfn) => caches.invalidate(pfn));
}

function forEachFrame(sgt: SgTable, visit: (pfn: number) => void): void {
  for (const entry of sgt.entries) for (let i = 0; i < entry.pages; i++) visit(entry.pfn + i);
}

/** The device reads bytes at an offset of its mapping: the bytes, or `-EFAULT`. */
export function deviceRead(k: Kernel, sgt: SgTable, offset: number, length: number): Uint8Array | number {
  const refused = checkTransfer(k, sgt, offset, length, "from_device");
  if (refused !== 0) return refused;
  const out = new Uint8Array(length);
  const caches = snoops(sgt) ? undefined : k.caches;
  for (let i = 0; i < length; i++) {
    const at = offset + i;
    const pfn = frameFor(k, sgt, at);
    if (i === 0) noteState(k, sgt, pfn);
    const bytes = caches === undefined ? k.frames.bytes(pfn) : caches.memory(pfn);
    out[i] = bytes?.[at % k.pageSize] ?? 0;
  }
  return out;
}

/** The device writes bytes at an offset of its mapping: 0, or `-EFAULT`. */
export function deviceWrite(k: Kernel, sgt: SgTable, offset: number, bytes: ArrayLike<number>): number {
  const refused = checkTransfer(k, sgt, offset, bytes.length, "to_device");
  if (refused !== 0) return refused;
  for (let i = 0; i < bytes.length; i++) {
    const at = offset + i;
    const pfn = frameFor(k, sgt, at);
    const within = at % k.pageSize;
    if (i === 0) noteState(k, sgt, pfn);
    if (k.caches !== undefined && !snoops(sgt)) k.caches.write(pfn, within, bytes[i]);
    else {
      reached(k, pfn)[within] = bytes[i];
      if (k.frames.bytes(pfn) !== undefined) k.caches?.both(pfn, within, [bytes[i]]);
    }
  }
  return 0;
}

/** The device and the CPU see the same bytes of it at any time. */
function snoops(sgt: SgTable): boolean {
  return sgt.uncached || sgt.mapped!.device.coherent;
}

function noteState(k: Kernel, sgt: SgTable, pfn: number): void {
  if (!snoops(sgt)) k.note(sgRules["dma/stale"], k.caches?.state(pfn) ?? "");
}

/** The frame that a byte of the table lies in, which may have been freed meanwhile. */
function frameFor(k: Kernel, sgt: SgTable, at: number): number {
  const pfn = sgt.frame(Math.floor(at / k.pageSize));
  if (sgt.holder !== undefined) k.custody.uses(sgt.holder, pfn, sgRules["dma/use-after-free"]);
  return pfn;
}

/**
 * Whether the device can reach these bytes that way: 0 or `-EFAULT`. `against` is the direction that does not allow it.
 */
function checkTransfer(k: Kernel, sgt: SgTable, offset: number, length: number, against: Direction): number {
  if (sgt.mapped === undefined) return k.refuse(sgRules["dma/unmapped"], errnos.EFAULT);
  if (offset < 0 || offset + length > sgt.pages * k.pageSize)
    return k.refuse(sgRules["dma/beyond-table"], errnos.EFAULT, `${offset} of ${sgt.pages * k.pageSize}`);
  if (sgt.mapped.device.iommu && sgt.mapped.direction === against)
    return k.refuse(sgRules["dma/direction"], errnos.EFAULT, sgt.mapped.direction);
  return 0;
}
