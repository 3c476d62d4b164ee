/** Cache modes on x86: PAT's look-ups and reservations, and the linear map when modes change. */
import { describe, expect, test } from "vitest";
import { Kernel } from "../src/kernel.js";
import { dupMm } from "../src/mm/fork.js";
import { remapIoMapping, remapPfnRange, vmfInsertMixed, vmfInsertPfn } from "../src/mm/insert.js";
import { iomem, pagerangeIsRam, walkOfPage } from "../src/mm/iomem.js";
import { CACHE, ioMappingFini, ioMappingInitWc } from "../src/mm/memtype.js";
import { mremap } from "../src/mm/mremap.js";
import { munmap } from "../src/mm/munmap.js";
import { setPagesArrayUc, setPagesArrayWb, setPagesArrayWc } from "../src/mm/page-attributes.js";
import { FAULT, VM } from "../src/mm/vma.js";
import { File, Inode } from "../src/vfs/file.js";
import { runAlone } from "../src/sched/path.js";
import { PAGE, Scene } from "./scene.js";
import { ask } from "./ask.js";
import type { Task } from "../src/task.js";
import type { Vma } from "../src/mm/vma.js";

/** A page of the hole below 4 GiB, one of the window above all memory, and one of memory. */
const io = 0xf0000;
const high = 0x10000000;
const ram = 0x10000;

/**
 * A shared mapping of `pages` pages that a driver fills; its address or a negative errno, and the mapping as the driver
 * saw it.
 */
function mapped(scene: Scene, pages: number, fillIt: (vma: Vma) => number): { address: number; vma: Vma } {
  let seen: Vma | undefined;
  const ops = {
    mmap: (_file: File, vma: Vma) =>
      (function* () {
        seen = vma;
        return fillIt(vma);
      })(),
    path: () => "/dev/driver",
  };
  const address = scene.map(new File(new Inode(scene.k.id(), "drm"), ops, true, true), pages);
  return { address, vma: seen! };
}

function modeAt(scene: Scene, address: number, task: Task = scene.task): number {
  const { table } = task.mm;
  return table.leaf(address)?.cacheMode(table.slot(address)) ?? -1;
}

/** What a piece of work adds to the counters that are not zero. */
function cost(k: Kernel, work: () => void): Record<string, number> {
  const before = { ...k.counters };
  work();
  return Object.fromEntries(
    Object.entries(k.counters)
      .map(([name, n]) => [name, n - before[name as keyof typeof before]])
      .filter(([, n]) => n !== 0),
  ) as Record<string, number>;
}

const frames = (k: Kernel, n: number): number[] => Array.from({ length: n }, () => k.frames.alloc(0));

describe("the walk through the resource tree", () => {
  test("top-level resources stand in order and do not overlap; children lie within", () => {
    const check = (level: typeof iomem, from: number, to: number): void => {
      let at = from;
      for (const { start, end, children } of level) {
        expect(start).toBeGreaterThanOrEqual(at);
        expect(end).toBeLessThanOrEqual(to);
        check(children, start, end);
        at = end + 1;
      }
    };
    check(iomem, 0, Infinity);
  });

  test("memory is found at the top level: its place in the list is what it costs", () => {
    expect(walkOfPage(ram)).toMatchObject({
      ram: 1,
      nodes: 1 + iomem.findIndex(({ start, end }) => start <= ram * PAGE && end > ram * PAGE),
    });
    expect(walkOfPage(0x100000).nodes).toBe(1 + iomem.findIndex(({ start }) => start === 2 ** 32));
  });

  test("IO memory costs its top-level neighbours, what lies below its window up to it, and the one past it", () => {
    const window = iomem.findIndex(({ end }) => end === 0xfebfffff);
    const below = iomem[window].children;
    // The second BAR of 4.0 follows at once: it is the one past it.
    expect(walkOfPage(0xf0000)).toMatchObject({ ram: 0, nodes: window + 1 + 2 });
    const edu = below.findIndex(({ start }) => start === 0xfc000000);
    expect(walkOfPage(0xfc000).nodes).toBe(window + 1 + edu + 2);
  });

  test("a page's answer is that of a range of one page, wherever it is", () => {
    for (const { start, end } of iomem) {
      for (const byte of [start, end + 1]) {
        for (const pfn of [Math.floor(byte / PAGE) - 1, Math.floor(byte / PAGE), Math.ceil(byte / PAGE)]) {
          if (pfn < 0) continue;
          const { ram: isRam, nodes } = walkOfPage(pfn);
          expect({ pfn, ram: isRam, nodes }).toEqual({ pfn, ...pagerangeIsRam(pfn * PAGE, (pfn + 1) * PAGE) });
        }
      }
    }
  });

  test("a range over the end of memory is both; the ISA region is none", () => {
    expect(pagerangeIsRam(0xbffdf000, 0xbffe1000).ram).toBe(1);
    expect(pagerangeIsRam(0xbffff000, 0x1_0000_1000).ram).toBe(-1);
    expect(pagerangeIsRam(0x1000, 0x9f000)).toEqual({ ram: 0, nodes: 0 });
  });
});

describe("set_pages_array", () => {
  test("write-combining goes by way of uncached: two flushes of TLB and caches, a look-up a page", () => {
    const k = new Kernel();
    const pfns = frames(k, 16);
    const { nodes } = walkOfPage(pfns[0]);
    expect(cost(k, () => expect(setPagesArrayWc(k, pfns)).toBe(0))).toEqual({
      pat_lookups: 16,
      resource_nodes: 16 * nodes,
      attribute_changes: 32,
      cache_flushes: 32,
      linear_splits: 2,
      tlb_flushes: 4,
    });
    expect(pfns.map((pfn) => [k.frames.memtype(pfn), k.frames.linearMode(pfn)])).toEqual(
      pfns.map(() => [CACHE.wc, CACHE.wc]),
    );
  });

  test("uncached is one pass; what is split stays split", () => {
    const k = new Kernel();
    const pfns = frames(k, 16);
    setPagesArrayUc(k, pfns);
    expect(k.frames.memtype(pfns[0])).toBe(CACHE.ucMinus);
    const back = cost(k, () => expect(setPagesArrayWb(k, pfns)).toBe(0));
    expect(back).toMatchObject({ attribute_changes: 16, tlb_flushes: 1, pat_lookups: 16 });
    expect(back).not.toHaveProperty("cache_flushes");
    expect(cost(k, () => setPagesArrayUc(k, pfns))).toMatchObject({
      attribute_changes: 16,
      tlb_flushes: 1,
      cache_flushes: 16,
    });
    expect(k.counters.linear_splits).toBe(2);
  });

  test("each 2 MiB of the linear map is split by itself, each 1 GiB once", () => {
    const k = new Kernel();
    const first = k.frames.alloc(10);
    setPagesArrayUc(
      k,
      Array.from({ length: 1024 }, (_, i) => first + i),
    );
    expect(k.counters.linear_splits).toBe(3);
    expect(k.counters.tlb_flushes).toBe(4);
  });

  test("a page that is not write-back refuses the array, and the rest is as before", () => {
    const k = new Kernel();
    const pfns = frames(k, 3);
    setPagesArrayUc(k, [pfns[2]]);
    expect(setPagesArrayWc(k, pfns)).toBe(-22);
    expect(pfns.map((pfn) => k.frames.memtype(pfn))).toEqual([CACHE.wb, CACHE.wb, CACHE.ucMinus]);
    expect(pfns.map((pfn) => k.frames.linearMode(pfn))).toEqual([CACHE.wb, CACHE.wb, CACHE.ucMinus]);
  });

  test("4.20 writes back all caches from 4 MiB on", () => {
    const old = new Kernel({ designs: { "page-attributes.cache-flush": "wbinvd-from-4-MiB" } });
    expect(cost(old, () => setPagesArrayUc(old, frames(old, 1024)))).toMatchObject({ cache_writebacks: 1 });
    expect(cost(old, () => setPagesArrayUc(old, frames(old, 1023)))).toMatchObject({ cache_flushes: 1023 });
  });

  test("a page that is freed as it is keeps its linear mapping, not its memory type", () => {
    const k = new Kernel();
    const [pfn] = frames(k, 1);
    setPagesArrayUc(k, [pfn]);
    k.frames.release(pfn, 0);
    expect([k.frames.memtype(pfn), k.frames.linearMode(pfn)]).toEqual([CACHE.wb, CACHE.ucMinus]);
  });

  test("elsewhere than on x86 nothing happens", () => {
    const k = new Kernel({ arch: "arm64" });
    expect(cost(k, () => expect(setPagesArrayWc(k, frames(k, 4))).toBe(0))).toEqual({});
  });
});

describe("entries", () => {
  test("get the cache mode of their page, by each primitive", () => {
    const scene = new Scene();
    const pfns = frames(scene.k, 3);
    setPagesArrayWc(scene.k, pfns);
    const remapped = mapped(scene, 1, (vma) => remapPfnRange(scene.k, vma, vma.start, pfns[0], PAGE));
    const inserted = mapped(scene, 2, (vma) => {
      vma.flags |= VM.PFNMAP;
      return vmfInsertPfn(scene.k, vma, vma.start, pfns[1]) === FAULT.nopage ? 0 : -1;
    });
    const mixed = mapped(scene, 1, (vma) => {
      vma.flags |= VM.MIXEDMAP;
      return vmfInsertMixed(scene.k, vma, vma.start, pfns[2]) === FAULT.nopage ? 0 : -1;
    });
    expect([remapped, inserted, mixed].map(({ address }) => modeAt(scene, address))).toEqual([
      CACHE.wc,
      CACHE.wc,
      CACHE.wc,
    ]);
    expect(scene.rules()).toContain("pat/memory-has-its-own");
  });

  test("of IO memory have the reserved mode, or uncached without one", () => {
    const scene = new Scene();
    const bar = mapped(scene, 2, (vma) => {
      vma.cacheMode = CACHE.wc;
      return remapPfnRange(scene.k, vma, vma.start, io, 2 * PAGE);
    });
    expect(modeAt(scene, bar.address + PAGE)).toBe(CACHE.wc);
    const insert = (pfn: number): number =>
      mapped(scene, 1, (vma) => {
        vma.flags |= VM.PFNMAP;
        return vmfInsertPfn(scene.k, vma, vma.start, pfn) === FAULT.nopage ? 0 : -1;
      }).address;
    expect(modeAt(scene, insert(io))).toBe(CACHE.wc);
    expect(modeAt(scene, insert(io + 2))).toBe(CACHE.ucMinus);
  });

  test("keep it when they are moved or forked, and lose it with the entry", () => {
    const scene = new Scene();
    const pfns = frames(scene.k, 1);
    setPagesArrayWc(scene.k, pfns);
    const { address } = mapped(scene, 1, (vma) => remapPfnRange(scene.k, vma, vma.start, pfns[0], PAGE));
    const mm = runAlone(dupMm(scene.k, scene.task.mm, "C"));
    if (typeof mm === "number") throw new Error("fork failed");
    expect(mm.table.leaf(address)!.cacheMode(mm.table.slot(address))).toBe(CACHE.wc);
    const to = address + 0x10000;
    expect(
      runAlone(
        mremap(
          scene.k,
          scene.task,
          BigInt(address),
          BigInt(PAGE),
          BigInt(PAGE),
          { maymove: true, fixed: true, dontunmap: false },
          BigInt(to),
        ),
      ),
    ).toBe(to);
    expect(modeAt(scene, to)).toBe(CACHE.wc);
    runAlone(munmap(scene.k, scene.task, BigInt(to), BigInt(PAGE)));
    const again = scene.map(undefined, 1);
    scene.touch(again, 1, true);
    expect(modeAt(scene, again)).toBe(CACHE.wb);
  });
});

describe("remap_pfn_range", () => {
  const remap = (scene: Scene, pages: number, pfn: number, each: number, mode: Vma["cacheMode"] = CACHE.wb) =>
    mapped(scene, pages, (vma) => {
      vma.cacheMode = mode;
      for (let i = 0; i < pages; i += each) {
        const error = remapPfnRange(scene.k, vma, vma.start + i * PAGE, pfn + i, each * PAGE);
        if (error !== 0) return error;
      }
      return 0;
    });

  test("asks twice for the whole of a mapping, and once a page for parts", () => {
    const scene = new Scene();
    const { nodes } = walkOfPage(ram);
    expect(cost(scene.k, () => remap(scene, 64, ram, 64))).toMatchObject({ pat_lookups: 2, resource_nodes: 2 * nodes });
    expect(cost(scene.k, () => remap(scene, 64, ram, 1))).toMatchObject({
      pat_lookups: 64,
      resource_nodes: 64 * nodes,
    });
    expect(cost(scene.k, () => remap(scene, 64, ram, 16))).toMatchObject({ pat_lookups: 64 });
  });

  test("of parts refuses frames of different modes", () => {
    const scene = new Scene();
    const pfns = frames(scene.k, 4);
    setPagesArrayUc(scene.k, [pfns[1]]);
    expect(() => remap(scene, 4, pfns[0], 2)).toThrow("mmap gave -22");
    expect(scene.rules()).toContain("pat/mixed-modes");
  });

  for (const release of ["6.12", "6.18"]) {
    test(`reserves IO memory until its mapping goes, on ${release}`, () => {
      const scene = new Scene({ release });
      const first = remap(scene, 2, high, 2, CACHE.wb);
      // Reserved as write-back: whoever wants it uncached is refused.
      expect(() => remap(scene, 2, high, 2, CACHE.ucMinus)).toThrow("mmap gave -22");
      expect(scene.rules()).toContain("pat/type-not-allowed");
      runAlone(munmap(scene.k, scene.task, BigInt(first.address), BigInt(2 * PAGE)));
      expect(scene.k.pat.memtypes).toEqual([]);
      const second = remap(scene, 2, high, 2, CACHE.wc);
      // The other way round the second mapping gets what the first one has.
      const third = remap(scene, 2, high, 2, CACHE.wb);
      expect([second, third].map(({ address }) => modeAt(scene, address))).toEqual([CACHE.wc, CACHE.wc]);
    });

    test(`takes what the MTRRs say for the hole below 4 GiB, and refuses a range with two modes, on ${release}`, () => {
      const scene = new Scene({ release });
      expect(modeAt(scene, remap(scene, 1, io, 1, CACHE.wb).address)).toBe(CACHE.ucMinus);
      remap(scene, 1, io + 1, 1, CACHE.wc);
      expect(() => remap(scene, 2, io, 2, CACHE.wc)).toThrow("mmap gave -22");
      expect(scene.rules()).toContain("pat/reserved-otherwise");
    });

    test(`a fork has the reservation too, on ${release}`, () => {
      const scene = new Scene({ release });
      const { address } = remap(scene, 2, io, 2, CACHE.ucMinus);
      const mm = runAlone(dupMm(scene.k, scene.task.mm, "C"));
      if (typeof mm === "number") throw new Error("fork failed");
      runAlone(munmap(scene.k, scene.task, BigInt(address), BigInt(2 * PAGE)));
      expect(scene.k.pat.memtypes.map(({ start, end }) => [start, end])).toEqual([[io, io + 2]]);
      const child: Task = { ...scene.task, mm } as Task;
      runAlone(munmap(scene.k, child, BigInt(address), BigInt(2 * PAGE)));
      expect(scene.k.pat.memtypes).toEqual([]);
    });
  }
});

test("a tracked mapping that is unmapped in parts: from its end it frees its memory type, from its beginning only since 6.16", () => {
  const left = (release: string, ...halves: number[]): number => {
    const scene = new Scene({ release });
    const { address } = mapped(scene, 4, (vma) => remapPfnRange(scene.k, vma, vma.start, high, 4 * PAGE));
    for (const half of halves)
      runAlone(munmap(scene.k, scene.task, BigInt(address + half * 2 * PAGE), BigInt(2 * PAGE)));
    return scene.k.pat.memtypes.length;
  };
  expect([left("6.12", 1, 0), left("6.12", 0, 1), left("6.12", 1)]).toEqual([0, 1, 1]);
  expect([left("6.18", 1, 0), left("6.18", 0, 1), left("6.18", 1)]).toEqual([0, 0, 1]);
});

describe("an io_mapping", () => {
  test("is asked for once; its mappings ask for nothing, and are filled by one fault", () => {
    const scene = new Scene();
    const mapping = ioMappingInitWc(scene.k, high, 256);
    if (typeof mapping === "number") throw new Error("refused");
    const { pat_lookups: before } = scene.k.counters;
    expect(before).toBeGreaterThan(0);
    const { address } = mapped(scene, 16, (vma) => {
      vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
      return remapIoMapping(scene.k, mapping, vma, vma.start, high + 8, vma.end - vma.start);
    });
    expect(scene.k.counters.pat_lookups).toBe(before);
    expect(modeAt(scene, address + 15 * PAGE)).toBe(CACHE.wc);
    expect(scene.frame(address + 15 * PAGE)).toBe(high + 23);
  });

  test("wants a mapping with its flags", () => {
    const scene = new Scene();
    const mapping = ioMappingInitWc(scene.k, high, 16);
    if (typeof mapping === "number") throw new Error("refused");
    expect(() => mapped(scene, 16, (vma) => remapIoMapping(scene.k, mapping, vma, vma.start, high, 16 * PAGE))).toThrow(
      "mmap gave -22",
    );
  });

  test("ends, and then others may have the memory as they like", () => {
    const k = new Kernel();
    const first = ioMappingInitWc(k, high, 256);
    expect(k.pat.reserve(high, 256, CACHE.wb, true)).toBe(-16);
    if (typeof first !== "number") ioMappingFini(k, first);
    expect(k.pat.reserve(high, 256, CACHE.wb, true)).toBe(CACHE.wb);
    expect(ioMappingInitWc(k, high, 256)).toBe(-16);
    expect(k.pat.reserve(0xbffff, 0x40002, CACHE.wb, true)).toBe(-22);
  });
});

test("vgem's pages are write-combining as long as somebody uses them", () => {
  const map =
    "d = drm_open(vgem)\nh = dumb_create(d, 64K)\no = dumb_map(d, h)\nva = mmap(d, 64K, rw, shared, o)\n" +
    "touch(va, 64K, write)\n";
  const counters = (lines: string): unknown => ask(lines, "6.12").counters;
  // Two passes over 16 pages; then one back.
  expect(counters(map)).toMatchObject({ attribute_changes: 32, cache_flushes: 32 });
  expect(counters(`${map}munmap(va, 64K)`)).toMatchObject({ attribute_changes: 48, cache_flushes: 32 });
});
