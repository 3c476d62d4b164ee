/**
 * Kernel mappings of pages (vmap, vm_map_ram in mm/vmalloc.c): what drivers read and write
 * buffers through. Their addresses lie above every user address and are exact in a double.
 */
import { kernelMapRules as rule } from "../rules/exporters.js";
import { KernelBug } from "../sched/path.js";
import type { Kernel } from "../kernel.js";

/** Stands for VMALLOC_START. */
const BASE = 2 ** 50;

export class KernelMap {
  /** By page: who freed it while it was mapped. */
  readonly freed = new Map<number, string>();
  constructor(
    readonly address: number,
    readonly pfns: ArrayLike<number>,
    /** What it maps, e.g. `vmap of GEM object 4`. */
    readonly what: string,
  ) {}
}

export class Vmalloc {
  private readonly maps: KernelMap[] = [];
  private next = BASE;
  /** What is being done that frees pages, for the story of a use after free. */
  freeing = "";

  constructor(private readonly k: Kernel) {}

  /** Maps frames one after the other (vmap). Takes no references: whoever maps keeps the pages. */
  map(pfns: ArrayLike<number>, what: string): KernelMap {
    const map = new KernelMap(this.next, pfns, what);
    this.next += (pfns.length + 1) * this.k.pageSize;
    this.maps.push(map);
    for (let i = 0; i < pfns.length; i++) this.watch(pfns[i]);
    return map;
  }

  /** Removes a mapping (vunmap). */
  unmap(map: KernelMap): void {
    this.maps.splice(this.maps.indexOf(map), 1);
    for (let i = 0; i < map.pfns.length; i++) {
      this.k.frames.watched.delete(map.pfns[i]);
    }
    for (const other of this.maps) for (let i = 0; i < other.pfns.length; i++) this.watch(other.pfns[i]);
  }

  /** The frame at a kernel address, and the offset in it. Stops the kernel where nothing is mapped, or no longer. */
  frameAt(address: number): { pfn: number; offset: number } {
    const { pageSize } = this.k;
    const map = this.maps.find((m) => address >= m.address && address < m.address + m.pfns.length * pageSize);
    if (map === undefined) {
      this.k.trace.refuse(rule["not-mapped"], 0, `0x${address.toString(16)}`);
      throw new KernelBug(`unable to handle page fault for kernel address 0x${address.toString(16)}`);
    }
    const page = Math.floor((address - map.address) / pageSize);
    const freedBy = map.freed.get(page);
    if (freedBy !== undefined) {
      this.k.trace.refuse(rule["use-after-free"], 0, map.what);
      throw new KernelBug(`page ${page} of ${map.what} was used after it was freed: ${freedBy}`, "use-after-free");
    }
    return { pfn: map.pfns[page], offset: (address - map.address) % pageSize };
  }

  private watch(pfn: number): void {
    this.k.frames.watched.set(pfn, () => this.gone(pfn));
  }

  /** A mapped frame was freed. */
  private gone(pfn: number): void {
    for (const map of this.maps) {
      for (let i = 0; i < map.pfns.length; i++) if (map.pfns[i] === pfn) map.freed.set(i, this.freeing || "its last reference was dropped");
    }
  }
}

/** Reads a little-endian integer through a kernel mapping. `width` in bytes: 1, 2 or 4. */
export function kernelLoad(k: Kernel, address: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) {
    const { pfn, offset } = k.vmalloc.frameAt(address + i);
    value = value * 256 + (k.frames.bytes(pfn)?.[offset] ?? 0);
  }
  return value;
}

/** Writes a little-endian integer through a kernel mapping. `width` in bytes: 1, 2 or 4. */
export function kernelStore(k: Kernel, address: number, width: number, value: number): void {
  let rest = value >>> 0;
  for (let i = 0; i < width; i++) {
    const { pfn, offset } = k.vmalloc.frameAt(address + i);
    k.frames.writable(pfn)[offset] = rest & 0xff;
    rest = Math.floor(rest / 256);
  }
}
