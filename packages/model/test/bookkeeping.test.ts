/** Bytes that exporters allocate to remember a buffer's pages, and pages that are zeroed. */
import { describe, expect, test } from "vitest";
import { keepSgEntries } from "../src/dma/bookkeeping.js";
import { Kernel } from "../src/index.js";
import { ask } from "./ask.js";
import type { Counters, KernelOptions } from "../src/index.js";

function counters(lines: string, release: string, options?: Omit<KernelOptions, "release">): Partial<Counters> {
  const prediction = ask(lines, release, options);
  if (prediction.status !== "ok") throw new Error(`${prediction.status}: ${prediction.reason}`);
  return prediction.counters as Partial<Counters>;
}

const udmabuf = "m = memfd_create(1M, seal_shrink)\nb = udmabuf_create(m, 0, 1M)";

describe("a udmabuf", () => {
  test("keeps a word a page at first, then five, and two in the end", () => {
    const bytes = (release: string): unknown => counters(udmabuf, release);
    expect(bytes("6.1")).toMatchObject({ buffer_pages: 256, bookkeeping: 256 * 8 });
    // A folio, an offset, and a node of three words: memfd's folios are single pages here.
    expect(bytes("6.12")).toMatchObject({ buffer_pages: 256, bookkeeping: 256 * 40 });
    expect(bytes("7.2")).toMatchObject({ buffer_pages: 256, bookkeeping: 256 * 16 });
  });

  test("of huge pages has few nodes", () => {
    const huge = "m = memfd_create(4M, seal_shrink, hugetlb)\nb = udmabuf_create(m, 0, 4M)";
    expect(counters(huge, "6.12")).toMatchObject({ buffer_pages: 1024, bookkeeping: 1024 * 16 + 2 * 24 });
    expect(counters(huge, "7.2").bookkeeping).toBe(1024 * 16);
  });

  test("on 32 bits has words of four bytes", () => {
    expect(counters(udmabuf, "6.12", { arch: "arm" }).bookkeeping).toBe(256 * 20);
  });

  test("that is refused has kept nothing", () => {
    expect(counters("m = memfd_create(1M)\nb = udmabuf_create(m, 0, 1M)", "7.2")).toMatchObject({
      buffer_pages: 0,
      bookkeeping: 0,
    });
  });
});

describe("other exporters", () => {
  test("the system heap has an entry a chunk, and as many again for each attachment", () => {
    const heap = "driver D on gpu\nb = dma_heap_alloc(system, 1M + 64K + 8K)";
    expect(counters(heap, "6.12")).toMatchObject({ buffer_pages: 274, bookkeeping: 4 * 32, pages_zeroed: 274 });
    expect(
      counters(
        `${heap}\nD: a = attach(b)\nD: s = map_attachment(a)\nD: unmap_attachment(s)\nD: t = map_attachment(a)`,
        "6.12",
      ).bookkeeping,
    ).toBe(8 * 32);
  });

  test("GEM objects in shmem have a word a page, counted anew with each population", () => {
    const gem = "d = drm_open(vgem)\nh = dumb_create(d, 64K)\no = dumb_map(d, h)";
    expect(counters(gem, "6.12").bookkeeping).toBe(0);
    expect(counters(`${gem}\nva = mmap(d, 64K, rw, shared, o)`, "6.12")).toMatchObject({
      buffer_pages: 16,
      bookkeeping: 128,
    });
    expect(
      counters(`${gem}\nva = mmap(d, 64K, rw, shared, o)\nmunmap(va, 64K)\nvb = mmap(d, 64K, rw, shared, o)`, "6.12")
        .bookkeeping,
    ).toBe(256);
  });
});

test("an sg table is made of pages full of entries; the last entry of a full one leads to the next", () => {
  const bytes = (entries: number, arch: "x86_64" | "arm" = "x86_64"): number => {
    const k = new Kernel({ arch });
    keepSgEntries(k, entries);
    return k.counters.bookkeeping;
  };
  expect([1, 128, 129, 255, 256].map((n) => bytes(n) / 32)).toEqual([1, 128, 130, 256, 258]);
  expect(bytes(204, "arm")).toBe(204 * 20);
  expect(bytes(205, "arm")).toBe(206 * 20);
});

describe("zeroed pages", () => {
  const zeroed = (lines: string): unknown => counters(lines, "7.2").pages_zeroed;

  test("are those that a process or a file gets, not those that it only reads", () => {
    expect(zeroed("va = mmap(anon, 64K, rw, private)\ntouch(va, 64K, read)")).toBe(0);
    expect(zeroed("va = mmap(anon, 64K, rw, private)\ntouch(va, 64K, write)")).toBe(16);
    expect(zeroed("va = mmap(anon, 64K, rw, private)\ntouch(va, 64K, read)\ntouch(va, 64K, write)")).toBe(16);
    expect(zeroed("m = memfd_create(64K)\nva = mmap(m, 64K, rw, shared)\ntouch(va, 64K, read)")).toBe(16);
  });

  test("of fallocate are zeroed when they are first used", () => {
    expect(zeroed("m = memfd_create(64K)\nfallocate(m, allocate, 0, 64K)")).toBe(0);
    expect(
      zeroed(
        "m = memfd_create(64K)\nfallocate(m, allocate, 0, 64K)\nva = mmap(m, 64K, rw, shared)\ntouch(va, 32K, read)",
      ),
    ).toBe(8);
  });
});

test("TTM keeps an array of pages through the life of an object, and the pool zeroes what it takes back", () => {
  const qxl = "d = drm_open(qxl)\nh = dumb_create(d, 64K)\no = dumb_map(d, h)\nva = mmap(d, 64K, rw, shared, o)";
  expect(counters(qxl, "6.12").bookkeeping).toBe(0);
  expect(counters(`${qxl}\ntouch(va, 64K, write)`, "6.12")).toMatchObject({
    buffer_pages: 16,
    bookkeeping: 128,
    pages_zeroed: 16,
  });
});

test("what a test costs ends with its last step, whoever is still there", () => {
  expect(counters(`${udmabuf}\nva = mmap(b, 1M, rw, shared)\ntouch(va, 1M, write)`, "6.1")).toMatchObject({
    ptes: 256,
    tlb_flushes: 0,
  });
});
