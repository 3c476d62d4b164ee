/**
 * Kernel mappings of pages (vmap, vm_map_ram in mm/vmalloc.c): what drivers read and write
 * buffers through. Their addresses lie above every user address and are exact in a double.
 */
import { KernelBug } from "../sched/path.js";
import { PG } from "./frames.js";
import { rules } from "../rules/rule.js";
import type { Holder } from "./custody.js";
import type { Kernel } from "../kernel.js";

const rule = rules({
  "vmap/not-mapped": {
    sentence: "Access to an unmapped kernel address is an oops.",
    kernel: "page_fault_oops, arch/x86/mm/fault.c",
  },
  "vmap/use-after-free": {
    sentence: "Access through a vmap to a page that has been freed is a use-after-free.",
    kernel: "free_pages_prepare, mm/page_alloc.c",
  },
});

/** Stands for VMALLOC_START. */
const BASE = 2 ** 50;

export class KernelMap {
  constructor(
    readonly address: number,
    readonly pfns: ArrayLike<number>,
    readonly holder: Holder,
  ) {}
}

export class Vmalloc {
  private readonly maps: KernelMap[] = [];
  private next = BASE;

  constructor(private readonly k: Kernel) {}

  /**
   * Maps frames one after the other (vmap). Takes no references: whoever maps keeps the pages.
   * `what` is for stories, as `vmap of GEM object 4`, and so is what keeps its pages.
   */
  map(pfns: ArrayLike<number>, what: string, keeper = "the mapper's reference on the pages"): KernelMap {
    const { custody, pageSize } = this.k;
    const holder = custody.hold(what, keeper, (pfn) => Array.prototype.indexOf.call(pfns, pfn));
    const map = new KernelMap(this.next, pfns, holder);
    this.next += (pfns.length + 1) * pageSize;
    this.maps.push(map);
    for (let i = 0; i < pfns.length; i++) custody.mark(pfns[i]);
    return map;
  }

  /** Removes a mapping (vunmap). */
  unmap(map: KernelMap): void {
    this.maps.splice(this.maps.indexOf(map), 1);
    this.k.custody.letGo(map.holder);
  }

  /** The frame at a kernel address, and the offset in it. Stops the kernel where nothing is mapped. */
  frameAt(address: number): { pfn: number; offset: number } {
    const { pageSize } = this.k;
    const map = this.maps.find((m) => address >= m.address && address < m.address + m.pfns.length * pageSize);
    if (map === undefined) {
      this.k.trace.refuse(rule["vmap/not-mapped"], 0, `0x${address.toString(16)}`);
      throw new KernelBug(`unable to handle page fault for kernel address 0x${address.toString(16)}`);
    }
    const pfn = map.pfns[Math.floor((address - map.address) / pageSize)];
    this.k.custody.uses(map.holder, pfn, rule["vmap/use-after-free"]);
    return { pfn, offset: (address - map.address) % pageSize };
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
    reached(k, pfn)[offset] = rest & 0xff;
    k.caches?.stored(pfn, offset, 1, true);
    rest = Math.floor(rest / 256);
  }
}

/** A page's bytes for a writer: what is written to free memory is lost before its next owner. */
export function reached(k: Kernel, pfn: number): Uint8Array {
  return k.frames.valid(pfn) && (k.frames.flags(pfn) & PG.allocated) === 0
    ? new Uint8Array(k.pageSize)
    : k.frames.writable(pfn);
}
