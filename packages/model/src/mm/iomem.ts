/**
 * The resource tree of IO memory (/proc/iomem) of the PC that the model is, and the walk through
 * it by which PAT asks whether frames are memory (kernel/resource.c).
 */

/** struct resource, bytes; both ends belong to it. */
export interface Resource {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** IORESOURCE_SYSTEM_RAM and IORESOURCE_BUSY. */
  readonly ram: boolean;
  readonly children: readonly Resource[];
}

const region = (start: number, end: number, name: string, children: readonly Resource[] = []): Resource => ({
  start,
  end,
  name,
  ram: name === "System RAM",
  children,
});

/**
 * As QEMU's `pc` shows it with the devices that the runner attaches, for a machine whose memory
 * reaches past 4 GiB: neighbours do not overlap and stand in the order of their addresses.
 */
export const iomem: readonly Resource[] = [
  region(0x0, 0xfff, "Reserved"),
  region(0x1000, 0x9fbff, "System RAM"),
  region(0x9fc00, 0x9ffff, "Reserved"),
  region(0xa0000, 0xbffff, "PCI Bus 0000:00"),
  region(0xc0000, 0xc99ff, "Video ROM"),
  region(0xca000, 0xcadff, "Adapter ROM"),
  region(0xf0000, 0xfffff, "Reserved", [region(0xf0000, 0xfffff, "System ROM")]),
  region(0x100000, 0xbffdffff, "System RAM", [
    region(0x1000000, 0x1ffffff, "Kernel code"),
    region(0x2000000, 0x29fffff, "Kernel rodata"),
    region(0x2a00000, 0x2dfffff, "Kernel data"),
    region(0x3200000, 0x35fffff, "Kernel bss"),
  ]),
  region(0xbffe0000, 0xbfffffff, "Reserved"),
  region(0xc0000000, 0xfebfffff, "PCI Bus 0000:00", [
    region(0xf0000000, 0xf3ffffff, "0000:00:04.0"),
    region(0xf4000000, 0xf7ffffff, "0000:00:04.0"),
    region(0xf8000000, 0xf8ffffff, "0000:00:03.0"),
    region(0xfc000000, 0xfc0fffff, "0000:00:1e.0"),
    region(0xfe000000, 0xfe003fff, "0000:00:02.0", [region(0xfe000000, 0xfe003fff, "virtio-pci-modern")]),
    region(0xfeb80000, 0xfeb8ffff, "0000:00:04.0"),
    region(0xfeb90000, 0xfeb91fff, "0000:00:04.0"),
    region(0xfeb92000, 0xfeb92fff, "0000:00:03.0"),
    region(0xfeb93000, 0xfeb93fff, "0000:00:02.0"),
  ]),
  region(0xfec00000, 0xfec003ff, "IOAPIC 0"),
  region(0xfed00000, 0xfed003ff, "HPET 0", [region(0xfed00000, 0xfed003ff, "PNP0103:00")]),
  region(0xfee00000, 0xfee00fff, "Local APIC"),
  region(0xfeffc000, 0xfeffffff, "Reserved"),
  region(0xfffc0000, 0xffffffff, "Reserved"),
  region(0x1_0000_0000, 0xff_ffff_ffff, "System RAM"),
  region(0x100_0000_0000, 0x17f_ffff_ffff, "PCI Bus 0000:00"),
];

/** Past the last byte of memory: __pa(high_memory). */
export const highMemory = 0x100_0000_0000;

export interface RamWalk {
  /** pat_pagerange_is_ram: 1 memory, 0 none of it, -1 both. */
  readonly ram: number;
  /** Resources looked at. */
  readonly nodes: number;
}

const PAGE = 4096;
/** ISA_END_ADDRESS: below it nothing counts as memory. */
const ISA_END = 0x100000;

/** pat_pagerange_is_ram, arch/x86/mm/pat/memtype.c: of bytes `start` up to `end`, both page-aligned. */
export function pagerangeIsRam(start: number, end: number): RamWalk {
  let at = Math.max(start, ISA_END);
  const last = end - 1;
  let expected = at;
  let [ram, notRam, nodes] = [false, false, 0];
  while (at < last) {
    const found = findNextRam(at, last);
    nodes += found.nodes;
    if (found.resource === undefined) break;
    const from = Math.ceil(Math.max(at, found.resource.start) / PAGE) * PAGE;
    const to = Math.floor((Math.min(last, found.resource.end) + 1) / PAGE) * PAGE;
    if (to > from) {
      notRam ||= from > expected;
      ram = true;
      expected = to;
      if (notRam) return { ram: -1, nodes };
    }
    at = Math.min(last, found.resource.end) + 1;
  }
  return { ram: ram ? 1 : 0, nodes };
}

/**
 * find_next_iomem_res, kernel/resource.c: the lowest memory that overlaps the bytes `start` to `end`,
 * and how many resources were looked at: top-level ones in order, below the first that overlaps.
 */
function findNextRam(start: number, end: number): { resource: Resource | undefined; nodes: number } {
  let nodes = 0;
  let descend = false;
  const search = (level: readonly Resource[]): Resource | "past" | undefined => {
    for (const resource of level) {
      nodes++;
      if (resource.start > end) return "past";
      if (resource.end >= start) {
        descend = true;
        if (resource.ram) return resource;
      }
      const below = descend ? search(resource.children) : undefined;
      if (below !== undefined) return below;
    }
    return undefined;
  };
  const found = search(iomem);
  return { resource: found === "past" ? undefined : found, nodes };
}

/** Where the answer for a single page may change: frame numbers, ascending, from 0. */
const edges: readonly number[] = (function collect(): number[] {
  const all = new Set<number>([0, ISA_END / PAGE]);
  const add = (level: readonly Resource[]): void => {
    for (const { start, end, children } of level) {
      for (const byte of [start, end + 1]) all.add(Math.floor(byte / PAGE)).add(Math.ceil(byte / PAGE));
      add(children);
    }
  };
  add(iomem);
  return [...all].sort((a, b) => a - b);
})();

/** {@link pagerangeIsRam} of one page, the same from frame `from` up to frame `to`. */
export interface PageWalk extends RamWalk {
  readonly from: number;
  readonly to: number;
}

const walks: readonly PageWalk[] = edges.map((from, at) => ({
  from,
  to: edges[at + 1] ?? Infinity,
  ...pagerangeIsRam(from * PAGE, (from + 1) * PAGE),
}));

/** What the walk says of one frame. */
export function walkOfPage(pfn: number): PageWalk {
  let [low, high] = [0, walks.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (walks[middle].from <= pfn) low = middle;
    else high = middle - 1;
  }
  return walks[low];
}
