/** Per-CPU batches of the LRU, as smaps shows them: LazyFree and Referenced come when a batch is drained. */
import { describe, expect, test } from "vitest";
import { onReleases, values } from "./ask.js";

const freed = "va = mmap(anon, 4K, rw, private)\na = store(va, 1)\nb = madvise(va, 4K, free)\n";
const lazy = (lines: string, release: string): unknown =>
  values(`${freed}${lines}s = smaps(va)`, release)["s.LazyFree"];

describe("pages of MADV_FREE wait in a batch", () => {
  const releases = ["5.10", "6.1", "6.12", "6.18", "7.3"];
  const on = (lines: string): unknown[] => releases.map((release) => lazy(lines, release));

  test("nothing drains it by itself", () => expect(on("")).toEqual([0, 0, 0, 0, 0]));
  test("munmap does up to 6.17", () =>
    expect(on("vb = mmap(anon, 4K, rw, private)\nc = munmap(vb, 4K)\n")).toEqual([4096, 4096, 4096, 0, 0]));
  test("so does a mapping that its exporter refuses", () => {
    expect(
      ["6.12", "6.18"].map((release) =>
        lazy("buf = dma_heap_alloc(system, 4K)\nvb = mmap(buf, 8K, rw, shared)\n", release),
      ),
    ).toEqual([4096, 0]);
  });
  test("a fork's child unmaps something first", () => expect(on("fork C\n")).toEqual([4096, 4096, 4096, 0, 0]));
  test("populating does from 5.18 on", () =>
    expect(on("vb = mmap(anon, 4K, rw, private|populate)\n")).toEqual([0, 4096, 4096, 4096, 4096]));
  test("locking does; up to 5.17 when it faults pages in", () => {
    expect(on("vb = mmap(anon, 4K, rw, private)\nc = mlock(vb, 4K)\n")).toEqual([4096, 4096, 4096, 4096, 4096]);
    expect(on("vb = mmap(anon, 4K, rw, private|locked)\nc = munlock(vb, 4K)\n")).toEqual([
      4096, 4096, 4096, 4096, 4096,
    ]);
  });
  test("the next advice of the kind does", () =>
    expect(on("vb = mmap(anon, 4K, rw, private)\nd = madvise(vb, 4K, free)\n")).toEqual([
      4096, 4096, 4096, 4096, 4096,
    ]));

  test("so many pages fill it", () => {
    const many = (pages: number): unknown[] =>
      onReleases(
        `va = mmap(anon, ${pages}p, rw, private)\na = touch(va, ${pages}p, write)\n` +
          `b = madvise(va, ${pages}p, free)\nx = smaps(va).LazyFree`,
        "5.10",
        "6.12",
      );
    expect(many(14)).toEqual([0, 0]);
    expect(many(15)).toEqual([15 * 4096, 0]);
    expect(many(31)).toEqual([30 * 4096, 31 * 4096]);
  });

  test("a page that GUP dirtied is cleaned, unless another process maps it too", () => {
    const dirty = "va = mmap(anon, 4K, rw, private)\nn = process_vm_writev(va, 4K)\n";
    expect(values(`${dirty}b = madvise(va, 4K, free)\ns = smaps(va)`)["s.Private_Clean"]).toBe(4096);
    const shared = values(`${dirty}fork C\nb = madvise(va, 4K, free)\ns = smaps(va)`);
    expect([shared["s.Shared_Dirty"], shared["s.Shared_Clean"]]).toEqual([4096, 0]);
  });
});

describe("what GUP accessed counts as referenced", () => {
  /** Referenced in a child, whose entries are old. */
  const inChild = (lines: string): unknown[] =>
    onReleases(`${lines}fork C\nC: x = smaps(va).Referenced`, "6.1", "6.12", "6.18", "7.3");

  test("but 6.12 forgets it when the page arrives on the LRU", () => {
    expect(inChild("va = mmap(anon, 4K, rw, private|populate)\n")).toEqual([4096, 0, 4096, 4096]);
    expect(inChild("va = mmap(anon, 4K, rw, private)\na = store(va, 1)\nn = vmsplice(va, 4K)\n")).toEqual([
      4096, 0, 4096, 4096,
    ]);
  });
  test("6.12 remembers it of a page that is there already", () => {
    const drained =
      "va = mmap(anon, 4K, rw, private)\na = store(va, 1)\nvb = mmap(anon, 4K, rw, private)\nb = munmap(vb, 4K)\n" +
      "n = vmsplice(va, 4K)\n";
    expect(inChild(drained)).toEqual([4096, 4096, 4096, 4096]);
  });
  test("MADV_FREE that takes effect takes it away up to 6.13", () => {
    const text =
      "va = mmap(anon, 4K, rw, private)\na = store(va, 1)\nn = process_vm_readv(va, 4K)\n" +
      "b = madvise(va, 4K, free)\nvb = mmap(anon, 4K, rw, private|populate)\nx = smaps(va).Referenced";
    expect(onReleases(text, "6.1", "6.12", "6.18", "7.3")).toEqual([0, 0, 4096, 4096]);
  });
});
