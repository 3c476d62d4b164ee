/**
 * remap_file_pages, which since 4.0 is a mapping of another part of the same file. Every value was observed on the
 * kernels of the releases named; a value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("remap_file_pages", () => {
  test("another part of the file in the same place", () => {
    observed(
      `
        m = memfd_create(64K)
        va = mmap(m, 32K, rw, shared)
        vb = mmap(m, 64K, rw, shared)
        touch(vb, 64K, write)
        a = remap_file_pages(va + 4K, 8K, 10)
        b = load(va + 4K)
        c = load(va + 8K)
        d = load(va + 12K)
        e = smaps(va).Size
        f = maps(va + 4K).offset`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 10,
        c: 11,
        d: 3,
        e: 4096,
        f: 40960,
      },
    );
  });

  test("what it refuses", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        vn = mmap(anon, 16K, rw, private)
        vs = mmap(anon, 16K, rw, shared)
        vr = mmap(m, 16K, r, shared)
        a = remap_file_pages(vp, 4K, 1)
        b = remap_file_pages(vn, 4K, 1)
        c = remap_file_pages(vs, 4K, 1)
        d = remap_file_pages(vr, 4K, 1)
        e = remap_file_pages(va, 4095, 1)
        f = remap_file_pages(va + 8K, 12K, 0)
        g = remap_file_pages(va + 16K, 4K, 0)
        h = remap_file_pages(va + 100, 4K, 2)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        vn: "ok",
        vs: "ok",
        vr: "ok",
        a: "EINVAL",
        b: "EINVAL",
        c: "ok",
        e: "EINVAL",
        f: "EINVAL",
        g: "EINVAL",
        h: "ok",
      },
    );
  });

  test("a range over two mappings of one file", () => {
    observed(
      `
        m = memfd_create(64K)
        va = mmap(m, 16K, rw, shared)
        vb = mmap(m, 16K, rw, shared, 32K, va + 16K)
        a = remap_file_pages(va, 32K, 4)
        b = smaps(va).Size
        vc = mmap(m, 16K, r, shared, 0, va + 32K)
        c = remap_file_pages(va + 16K, 32K, 0)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 32768,
        vc: "ok",
        c: "EINVAL",
      },
    );
  });

  test("a locked mapping stays locked and is populated again", () => {
    observed(
      `
        m = memfd_create(64K)
        va = mmap(m, 16K, rw, shared)
        mlock(va, 16K)
        a = remap_file_pages(va, 16K, 4)
        b = smaps(va).Locked
        c = smaps(va).Rss
        d = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: 16384,
        d: 16384,
      },
    );
  });

  test("a dma-buf's mapping", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 32K)
        va = mmap(buf, 32K, rw, shared)
        touch(va, 32K, write)
        a = remap_file_pages(va, 4K, 5)
        b = load(va)
        c = remap_file_pages(va + 4K, 4K, 8)
        d = load(va + 4K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 5,
        c: "EINVAL",
        d: "SIGSEGV",
      },
    );
  });
});
