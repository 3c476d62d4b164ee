/**
 * How mappings split and merge, step by step. Every value was observed on the kernels of the releases named; a value
 * without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("merging", () => {
  test("a gap filled between two anonymous neighbours makes one mapping of three", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        munmap(va + 16K, 16K)
        a = smaps(va).Size
        mmap(anon, 16K, rw, private, 0, va + 16K)
        b = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 49152,
      },
    );
  });

  test("filling the gap with other protection merges with neither side", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        munmap(va + 16K, 16K)
        mmap(anon, 16K, r, private, 0, va + 16K)
        a = smaps(va).Size
        b = smaps(va + 16K).Size
        c = smaps(va + 32K).Size
        mprotect(va + 16K, 16K, rw)
        d = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 16384,
        c: 16384,
        d: 49152,
      },
    );
  });

  test("two touched neighbours with sets of their own do not become one when the gap closes", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        vb = mmap(anon, 16K, rw, private, 0, va + 32K)
        store(va, 1)
        store(vb, 2)
        mmap(anon, 16K, rw, private, 0, va + 16K)
        a = smaps(va).Size
        b = smaps(vb).Size
        c = smaps(va + 16K).Size`,
      ["5.10", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 32768,
        b: 16384,
        c: 32768,
      },
    );
  });

  test("a moved anonymous mapping keeps its offsets and merges only where they continue", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        vb = mremap(va + 16K, 16K, 16K, maymove|fixed, va + 1M)
        a = smaps(va).Size
        b = smaps(vb).Size
        vc = mremap(vb, 16K, 16K, maymove|fixed, va + 16K)
        c = smaps(va).Size
        x = load(va + 16K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 16384,
        vc: "ok",
        c: 32768,
        x: 4,
      },
    );
  });

  test("an untouched mapping that moves takes the offset of its new place", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        vb = mmap(anon, 16K, rw, private)
        vc = mremap(vb, 16K, 16K, maymove|fixed, va + 32K)
        a = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vc: "ok",
        a: 49152,
      },
    );
  });

  test("a touched mapping that moves next to an untouched one", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        vb = mmap(anon, 16K, rw, private)
        store(vb, 5)
        vc = mremap(vb, 16K, 16K, maymove|fixed, va + 32K)
        a = smaps(va).Size
        x = load(va + 32K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vc: "ok",
        a: 32768,
        x: 5,
      },
    );
  });

  test("the child inherits the splits and may undo them only while nothing was touched", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        mprotect(va + 16K, 16K, r)
        fork C
        C: mprotect(va + 16K, 16K, rw)
        C: a = smaps(va).Size
        mprotect(va + 16K, 16K, rw)
        b = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 32768,
        b: 32768,
      },
    );
  });

  test("touched before the fork: the split heals in parent and child", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        mprotect(va + 16K, 16K, r)
        fork C
        C: mprotect(va + 16K, 16K, rw)
        C: a = smaps(va).Size
        mprotect(va + 16K, 16K, rw)
        b = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 32768,
      },
    );
  });

  test("a private file mapping merges by offset until one side has copies", () => {
    observed(
      `
        m = memfd_create(64K)
        va = mmap(m, 16K, rw, private)
        store(va, 1)
        vb = mmap(m, 16K, rw, private, 16K, va + 16K)
        a = smaps(va).Size
        vc = mmap(m, 16K, rw, private, 0, va + 32K)
        b = smaps(vc).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 32768,
        vc: "ok",
        b: 16384,
      },
    );
  });

  test("two descriptors of one file: the same open file merges, another one does not", () => {
    observed(
      `
        m = memfd_create(64K)
        d = dup(m)
        r = reopen(m, rw)
        va = mmap(m, 16K, rw, shared)
        vb = mmap(d, 16K, rw, shared, 16K, va + 16K)
        a = smaps(va).Size
        vc = mmap(r, 16K, rw, shared, 32K, va + 32K)
        b = smaps(va).Size
        c = smaps(vc).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 32768,
        vc: "ok",
        b: 32768,
        c: 16384,
      },
    );
  });

  test("locking a part splits, unlocking heals", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        mlock(va + 16K, 16K)
        a = smaps(va).Size
        b = smaps(va + 16K).Locked
        c = smaps(va + 32K).Size
        munlock(va + 16K, 16K)
        d = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 16384,
        c: 16384,
      },
      {
        d: { "5.10": 16384, "6.1": 16384, "6.12": 16384, "6.18": 49152, "7.2": 49152, "7.3": 49152 },
      },
    );
  });

  test("advice on the middle, then on the sides", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        madvise(va + 16K, 16K, dontfork)
        a = smaps(va).Size
        madvise(va, 16K, dontfork)
        b = smaps(va).Size
        madvise(va + 32K, 16K, dontfork)
        c = smaps(va).Size
        madvise(va, 48K, dofork)
        d = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 32768,
        c: 49152,
        d: 49152,
      },
    );
  });

  test("sealing a part splits it off for good", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        a = mseal(va + 16K, 16K)
        b = smaps(va).Size
        c = smaps(va + 16K).Size
        d = mseal(va, 16K)
        e = smaps(va).Size
        f = smaps(va + 32K).Size`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: 16384,
        e: 32768,
        f: 16384,
      },
    );
  });

  test("a system-heap mapping splits and stays split", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 48K)
        va = mmap(buf, 48K, rw, shared)
        a = mprotect(va + 16K, 16K, r)
        b = smaps(va).Size
        c = mprotect(va + 16K, 16K, rw)
        d = smaps(va).Size
        e = smaps(va + 32K).Size`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: "ok",
        d: 16384,
        e: 16384,
      },
    );
  });

  test("two mappings of one udmabuf side by side", () => {
    observed(
      `
        m = memfd_create(64K, seal_shrink)
        buf = udmabuf_create(m, 0, 64K)
        va = mmap(buf, 32K, rw, shared)
        vb = mmap(buf, 32K, rw, shared, 32K, va + 32K)
        a = smaps(va).Size
        b = smaps(vb).Size`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: 32768,
        b: 32768,
      },
    );
  });

  test("an old advice is kept by a hole that is filled again", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        madvise(va, 48K, random)
        munmap(va + 16K, 16K)
        mmap(anon, 16K, rw, private, 0, va + 16K)
        a = smaps(va).Size
        madvise(va + 16K, 16K, random)
        b = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 49152,
      },
    );
  });
});
