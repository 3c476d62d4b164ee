/** Kernel mappings, and what happens when their pages go away. */
import { describe, expect, test } from "vitest";
import { Kernel, KernelBug } from "../src/index.js";
import { folioPut } from "../src/mm/rmap.js";
import { kernelLoad, kernelStore } from "../src/mm/vmalloc.js";

function mapped(pages: number): {
  k: Kernel;
  pfns: number[];
  address: number;
  map: ReturnType<Kernel["vmalloc"]["map"]>;
} {
  const k = new Kernel();
  const pfns = Array.from({ length: pages }, () => k.frames.alloc(0));
  const map = k.vmalloc.map(pfns, "a test's vmap");
  return { k, pfns, address: map.address, map };
}

describe("addresses", () => {
  test("lie above every user address, and are exact", () => {
    const { k, address } = mapped(1);
    expect(address).toBeGreaterThan(k.arch.taskSize);
    expect(Number.isSafeInteger(address + 1)).toBe(true);
  });

  test("two mappings have a hole between them", () => {
    const { k, pfns, address } = mapped(2);
    const other = k.vmalloc.map(pfns, "another");
    expect(other.address - address).toBe(3 * 4096);
    expect(() => kernelLoad(k, address + 2 * 4096, 1)).toThrow(KernelBug);
  });
});

describe("loads and stores", () => {
  test("are little-endian, of any width, across pages", () => {
    const { k, pfns, address } = mapped(2);
    kernelStore(k, address + 4094, 4, 0x04030201);
    expect([...k.frames.bytes(pfns[0])!.subarray(4094)]).toEqual([1, 2]);
    expect([...k.frames.bytes(pfns[1])!.subarray(0, 2)]).toEqual([3, 4]);
    expect(kernelLoad(k, address + 4094, 4)).toBe(0x04030201);
    expect(kernelLoad(k, address + 4095, 2)).toBe(0x0302);
    expect(kernelLoad(k, address, 4)).toBe(0);
  });

  test("a store of all ones comes back unsigned", () => {
    const { k, address } = mapped(1);
    kernelStore(k, address, 4, -1);
    expect(kernelLoad(k, address, 4)).toBe(0xffffffff);
  });
});

describe("pages that go away", () => {
  const stories = (k: Kernel): readonly (readonly string[])[] => k.custody.broken.map(({ story }) => story);

  test("the page that was freed is somebody else's, its neighbours are not", () => {
    const { k, pfns, address } = mapped(3);
    k.custody.freeing = "a test freed it";
    folioPut(k, pfns[1]);
    expect(kernelLoad(k, address, 4)).toBe(0);
    expect(kernelLoad(k, address + 8192, 4)).toBe(0);
    expect(k.custody.broken).toEqual([]);
    kernelLoad(k, address + 4096, 1);
    const [story] = stories(k);
    expect(story).toHaveLength(3);
    expect(story[0]).toContain("a test's vmap");
    expect(story[1]).toContain("(a test freed it) frees page 1");
  });

  test("the invariant has its name, and is told once", () => {
    const { k, pfns, address } = mapped(1);
    folioPut(k, pfns[0]);
    kernelLoad(k, address, 1);
    kernelLoad(k, address, 1);
    expect(k.custody.broken.map(({ invariant }) => invariant)).toEqual(["use-after-free"]);
  });

  test("a store into free memory is lost, one into memory that has a new owner is what that owner sees", () => {
    const { k, pfns, address } = mapped(1);
    folioPut(k, pfns[0]);
    kernelStore(k, address, 4, 7);
    expect(k.frames.alloc(0)).toBe(pfns[0]);
    expect(k.frames.bytes(pfns[0])).toBeUndefined();
    kernelStore(k, address, 4, 8);
    expect(k.frames.bytes(pfns[0])![0]).toBe(8);
  });

  test("one that is unmapped first is nobody's business", () => {
    const { k, pfns, map } = mapped(1);
    k.vmalloc.unmap(map);
    folioPut(k, pfns[0]);
    expect(map.holder.freed.size).toBe(0);
  });

  test("unmapping one of two mappings keeps the other watched", () => {
    const { k, pfns, address, map } = mapped(1);
    const other = k.vmalloc.map(pfns, "the other");
    k.vmalloc.unmap(map);
    folioPut(k, pfns[0]);
    kernelLoad(k, other.address, 1);
    expect(stories(k)[0][2]).toContain("the other");
    expect(() => kernelLoad(k, address, 1)).toThrow(/unable to handle page fault/);
  });

  test("a large chunk that is freed takes all its pages away", () => {
    const k = new Kernel();
    const head = k.frames.alloc(4);
    const map = k.vmalloc.map(
      Array.from({ length: 16 }, (_, i) => head + i),
      "a chunk",
    );
    folioPut(k, head);
    expect(map.holder.freed.size).toBe(16);
  });
});
