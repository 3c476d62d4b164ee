/**
 * Memory from the DMA API and of PCI devices: what litmus text cannot say, or what a kernel should not be asked again
 * and again.
 */
import { expect, test } from "vitest";
import { Kernel } from "../src/kernel.js";
import { dmaAllocAttrs, dmaAllocNoncontiguous, dmaAllocPages } from "../src/dma/alloc.js";
import { CoherentPool } from "../src/dma/pool.js";
import { ask } from "./ask.js";

// 7.2 was seen to do so: the process runs, faults, and never stores.
test("a store to a PCI device's memory that was made writable only afterwards faults for ever", () => {
  const text = (store: string): string =>
    `p = p2pmem()\nva = mmap(p, 8K, rw, shared)\nstore(va, 7)\nmprotect(va, 8K, r)\nmprotect(va, 8K, rw)\n${store}`;
  expect(ask(text("b = store(va, 8)")).status).toBe("ok");
  expect(ask(text("b = store(va + 4K, 8)")).status).toBe("hang");
});

test("memory for a device goes back frame by frame, block by block, whatever it was made of", () => {
  const k = new Kernel();
  const before = k.frames.used;
  for (const options of [{}, { iommu: true }, { memory: "cma" as const }, { pool: new CoherentPool(k.frames) }]) {
    const device = k.device("d", options);
    for (const alloc of [dmaAllocAttrs, dmaAllocNoncontiguous, dmaAllocPages]) {
      for (const bytes of [1, 4096, 60 * 1024, 3 * 2 ** 20]) {
        const memory = alloc(k, device, bytes);
        if (typeof memory === "number") throw new Error(`${alloc.name} of ${bytes}`);
        memory.vaddr(k, "a test's");
        expect(memory.pfns.length).toBe(Math.ceil(bytes / k.pageSize));
        memory.free(k);
        expect(k.frames.used).toBe(before);
      }
    }
  }
});

test("single frames come in runs of at most eight, and none twice", () => {
  const { frames } = new Kernel();
  const pfns = Array.from({ length: 200 }, () => frames.alloc(0));
  expect(new Set(pfns).size).toBe(200);
  let run = 1;
  for (let i = 1; i < pfns.length; i++) {
    run = pfns[i] === pfns[i - 1] + 1 ? run + 1 : 1;
    expect(run).toBeLessThanOrEqual(8);
  }
  const block = frames.alloc(4);
  expect(pfns.some((pfn) => pfn >= block && pfn < block + 16)).toBe(false);
});

// Opened again by its path, without O_NONBLOCK: the kernel waits as well.
test("opening a sound stream that is in use waits", () => {
  expect(ask("s = pcm_open(es1370)\nt = reopen(s, rw)").status).toBe("hang");
});

test("a block's first frame alone has a count; pages behind an IOMMU have one each", () => {
  const k = new Kernel();
  const counts = (iommu: boolean): number[] => {
    const memory = dmaAllocAttrs(k, k.device("d", { iommu }), 4 * k.pageSize);
    return typeof memory === "number" ? [] : Array.from(memory.pfns, (pfn) => k.frames.ref(pfn));
  };
  expect(counts(false)).toEqual([1, 0, 0, 0]);
  expect(counts(true)).toEqual([1, 1, 1, 1]);
});

test("reserved memory is aligned, handed out cleared, and has no struct page", () => {
  const k = new Kernel();
  const pool = new CoherentPool(k.frames);
  const first = pool.alloc(0);
  const second = pool.alloc(2);
  expect(k.frames.valid(first)).toBe(false);
  expect(second % 4).toBe(0);
  expect(second).not.toBe(first);
  k.frames.writable(second)[5] = 9;
  expect(k.frames.bytes(second)![5]).toBe(9);
  pool.free(second, 2);
  expect(k.frames.bytes(pool.alloc(2))).toBeUndefined();
});
