/**
 * Unmapping across mappings, and what stays alive. Every value was observed on the kernels of the releases named; a
 * value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("munmap", () => {
  test("across three mappings, with both ends in the middle", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(anon, 16K, rw, private)
        vb = mmap(m, 16K, rw, shared, 0, va + 16K)
        vc = mmap(anon, 16K, rw, private, 0, va + 32K)
        touch(va, 48K, write)
        a = munmap(va + 8K, 32K)
        b = smaps(va).Size
        c = smaps(va + 40K).Size
        d = load(va + 40K)
        e = load(va + 8K)
        f = fstat(m).blocks`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vc: "ok",
        a: "ok",
        b: 8192,
        c: 8192,
        d: 10,
        e: "SIGSEGV",
        f: 32,
      },
    );
  });

  test("a system-heap mapping in parts", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 48K)
        va = mmap(buf, 48K, rw, shared)
        touch(va, 48K, write)
        a = munmap(va + 16K, 16K)
        b = load(va + 12K)
        c = load(va + 32K)
        d = load(va + 16K)
        close(buf)
        e = load(va + 44K)
        f = munmap(va, 48K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 3,
        c: 8,
        d: "SIGSEGV",
        e: 11,
        f: "ok",
      },
    );
  });

  test("a mapping keeps a closed memfd alive", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        store(va, 8)
        close(m)
        a = load(va)
        fork C
        C: b = load(va)
        munmap(va, 16K)
        C: c = load(va)
        C: store(va, 9)
        C: d = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 8,
        b: 8,
        c: 8,
        d: 9,
      },
    );
  });
});
