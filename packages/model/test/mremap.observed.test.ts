/**
 * What mremap moves, refuses and leaves behind. Every value was observed on the kernels of the releases named; a value
 * without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("mremap", () => {
  test("shrinking gives the tail back, also its pages", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        a = mremap(va, 32K, 12K, none)
        b = smaps(va).Size
        c = smaps(va).Rss
        d = load(va + 8K)
        e = load(va + 12K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 12288,
        c: 12288,
        d: 2,
        e: "SIGSEGV",
      },
    );
  });

  test("shrinking does not need the old length to end with the mapping", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        a = mremap(va, 16K, 4K, none)
        b = smaps(va).Size
        c = load(va + 4K)
        d = load(va + 16K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 4096,
        c: "SIGSEGV",
        d: 4,
      },
    );
  });

  test("growing in place, into a hole of exactly that size", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        munmap(va + 16K, 16K)
        a = mremap(va, 16K, 32K, none)
        b = smaps(va).Size
        c = mremap(va, 48K, 52K, none)
        d = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
      },
      {
        b: { "5.10": 32768, "6.1": 49152, "6.12": 49152, "6.18": 49152, "7.2": 49152, "7.3": 49152 },
        c: { "5.10": "EFAULT", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        d: { "5.10": 32768, "6.1": 53248, "6.12": 53248, "6.18": 53248, "7.2": 53248, "7.3": 53248 },
      },
    );
  });

  test("no room behind: without maymove ENOMEM, with it the pages come along", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        a = mremap(va, 16K, 32K, none)
        vb = mremap(va, 16K, 32K, maymove)
        b = load(vb + 12K)
        c = load(vb + 16K)
        d = load(va)
        e = load(va + 16K)
        f = smaps(vb).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: 3,
        c: 0,
        d: "SIGSEGV",
        e: 4,
        f: 32768,
      },
    );
  });

  test("old length zero duplicates a shared mapping and refuses a private one", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        store(va + 4K, 9)
        a = mremap(va, 0, 16K, none)
        vb = mremap(va, 0, 16K, maymove)
        b = load(vb + 4K)
        c = smaps(va).Size
        vc = mmap(anon, 16K, rw, private)
        d = mremap(vc, 0, 16K, maymove)
        e = mremap(vc, 0, 16K, maymove|fixed, vc + 1M)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: 9,
        c: 16384,
        vc: "ok",
        d: "EINVAL",
        e: "EINVAL",
      },
    );
  });

  test("a duplicate from the middle begins at the middle of the file", () => {
    observed(
      `
        m = memfd_create(32K)
        va = mmap(m, 32K, rw, shared)
        touch(va, 32K, write)
        vb = mremap(va + 16K, 0, 16K, maymove)
        a = load(vb)
        b = load(vb + 12K)
        c = maps(vb).offset`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 4,
        b: 7,
        c: 16384,
      },
    );
  });

  test("the target is unmapped first: what lay there is gone even for a neighbour's page", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        vb = mmap(anon, 32K, rw, private)
        touch(va, 16K, write)
        touch(vb, 32K, write)
        a = mremap(va, 16K, 16K, maymove|fixed, vb + 8K)
        b = load(vb + 8K)
        c = load(vb + 12K)
        d = load(vb + 24K)
        e = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 1,
        d: 6,
        e: "SIGSEGV",
      },
    );
  });

  test("arguments that are refused, and whether the target survives", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        vb = mmap(anon, 16K, rw, private)
        store(vb, 3)
        a = mremap(va + 1, 4K, 4K, maymove|fixed, vb)
        b = mremap(va, 4K, 4K, maymove|fixed, vb + 1)
        c = mremap(va, 16K, 16K, maymove|fixed, va + 8K)
        d = mremap(va, 4K, 0, maymove|fixed, vb)
        e = mremap(va, 4K, 8K, maymove|dontunmap)
        f = mremap(va, 4K, 4K, dontunmap)
        g = mremap(va + 64K, 4K, 4K, maymove|fixed, vb)
        h = load(vb)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "EINVAL",
        c: "EINVAL",
        d: "EINVAL",
        e: "EINVAL",
        f: "EINVAL",
        g: "EFAULT",
      },
      {
        h: { "5.10": "SIGSEGV", "6.1": 3, "6.12": 3, "6.18": 3, "7.2": 3, "7.3": 3 },
      },
    );
  });

  test("the old range goes past its mapping: the target may be gone already", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        vb = mmap(anon, 32K, rw, private)
        store(vb, 3)
        a = mremap(va, 20K, 24K, maymove|fixed, vb)
        b = load(vb)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EFAULT",
      },
      {
        b: { "5.10": "SIGSEGV", "6.1": "SIGSEGV", "6.12": "SIGSEGV", "6.18": 3, "7.2": 3, "7.3": 3 },
      },
    );
  });

  test("a move of two mappings at once", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        mprotect(va + 16K, 16K, r)
        a = mremap(va, 32K, 32K, maymove|fixed, va + 1M)
        b = load(va + 1M)
        c = load(va + 1M + 16K)
        d = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {},
      {
        a: { "5.10": "EFAULT", "6.1": "EFAULT", "6.12": "EFAULT", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        b: { "5.10": "SIGSEGV", "6.1": "SIGSEGV", "6.12": "SIGSEGV", "6.18": 0, "7.2": 0, "7.3": 0 },
        c: { "5.10": "SIGSEGV", "6.1": "SIGSEGV", "6.12": "SIGSEGV", "6.18": 4, "7.2": 4, "7.3": 4 },
        d: { "5.10": 0, "6.1": 0, "6.12": 0, "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
      },
    );
  });

  test("dontunmap leaves an empty mapping behind", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        vb = mremap(va, 16K, 16K, maymove|dontunmap)
        a = smaps(va).Rss
        b = smaps(vb).Rss
        c = load(va + 4K)
        d = load(vb + 4K)
        n = faults { touch(va, 16K, write) }`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 0,
        b: 16384,
        c: 0,
        d: 1,
        n: 4,
      },
    );
  });

  test("dontunmap of a part", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        vb = mremap(va + 8K, 8K, 8K, maymove|dontunmap)
        a = load(vb)
        b = load(va + 8K)
        c = load(va + 16K)
        d = smaps(va).Size
        e = smaps(vb).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 2,
        b: 0,
        c: 4,
        d: 32768,
        e: 8192,
      },
    );
  });

  test("dontunmap of a shared memfd", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        store(va, 6)
        vb = mremap(va, 16K, 16K, maymove|dontunmap)
        a = load(va)
        b = smaps(va).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 6,
        b: 4096,
      },
      {
        vb: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });

  test("dontunmap of a locked mapping takes the lock along", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        mlock(va, 16K)
        vb = mremap(va, 16K, 16K, maymove|dontunmap)
        a = smaps(va).Locked
        b = smaps(vb).Locked
        c = status().VmLck`,
      ["5.10", "6.1", "6.12", "7.2", "7.3"],
      {
        a: 0,
        b: 16384,
        c: 16384,
      },
    );
  });

  test("a locked mapping that grows is populated, at the caller's account", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        mlock(va, 16K)
        n = faults { vb = mremap(va, 16K, 32K, none) }
        a = smaps(va).Rss
        b = smaps(va).Locked
        c = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        n: 4,
        a: 32768,
        b: 32768,
        c: 32768,
      },
    );
  });

  test("a locked mapping that moves stays locked, and counted once", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        mlock(va, 16K)
        vb = mremap(va, 16K, 16K, maymove|fixed, va + 1M)
        a = status().VmLck
        b = smaps(vb).Locked
        munmap(vb, 16K)
        c = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 16384,
        c: 0,
      },
    );
  });

  test("a system heap mapping moves with its entries, and can neither grow nor stay", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        store(va + 4K, 8)
        vb = mremap(va, 16K, 16K, maymove|fixed, va + 1M)
        a = load(vb + 4K)
        b = load(va)
        c = mremap(vb, 16K, 32K, maymove)
        d = mremap(vb, 16K, 16K, maymove|dontunmap)
        e = mremap(vb, 0, 16K, maymove)
        f = mremap(vb, 16K, 8K, none)
        g = load(vb + 4K)
        h = load(vb + 8K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: 8,
        b: "SIGSEGV",
        c: "EFAULT",
        d: "EINVAL",
        e: "EFAULT",
        f: "ok",
        g: 8,
        h: "SIGSEGV",
      },
    );
  });

  test("a part of a system-heap mapping moves", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 32K)
        va = mmap(buf, 32K, rw, shared)
        touch(va, 32K, write)
        vb = mremap(va + 8K, 8K, 8K, maymove|fixed, va + 1M)
        a = load(vb)
        b = load(vb + 4K)
        c = load(va + 8K)
        d = load(va + 16K)
        e = smaps(vb).Size`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: 2,
        b: 3,
        c: "SIGSEGV",
        d: 4,
        e: 8192,
      },
    );
  });

  test("a udmabuf mapping that moves still reaches its pages", () => {
    observed(
      `
        m = memfd_create(32K, seal_shrink)
        buf = udmabuf_create(m, 0, 32K)
        va = mmap(buf, 32K, rw, shared)
        vm = mmap(m, 32K, rw, shared)
        touch(va, 32K, write)
        vb = mremap(va + 16K, 16K, 16K, maymove|fixed, va + 1M)
        a = load(vb)
        store(vb + 4K, 77)
        b = load(vm + 20K)
        c = mremap(vb, 16K, 20K, maymove)
        n = faults { touch(vb, 16K, write) }`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: 4,
        b: 77,
        c: "EFAULT",
        n: 0,
      },
    );
  });

  test("a private file mapping carries its copies and its file pages", () => {
    observed(
      `
        m = memfd_create(16K)
        vm = mmap(m, 16K, rw, shared)
        touch(vm, 16K, write)
        va = mmap(m, 16K, rw, private)
        store(va + 4K, 40)
        x = load(va + 8K)
        vb = mremap(va, 16K, 16K, maymove|fixed, va + 1M)
        a = load(vb + 4K)
        b = load(vb + 8K)
        c = smaps(vb).Anonymous
        d = smaps(vb).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        x: 2,
        a: 40,
        b: 2,
        c: 4096,
        d: 16384,
      },
    );
  });

  test("growing past the end of a file maps what has no page", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(m, 8K, rw, shared)
        a = mremap(va, 8K, 16K, none)
        b = load(va + 4K)
        c = load(va + 8K)
        ftruncate(m, 16K)
        d = load(va + 8K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: "SIGBUS",
        d: 0,
      },
    );
  });
});
