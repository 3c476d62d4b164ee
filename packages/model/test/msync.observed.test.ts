/**
 * msync: which mappings it syncs, and what it says of holes and locks. Every value was observed on the kernels of the
 * releases named; a value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("msync", () => {
  test("shared, private, anonymous, locked", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        vn = mmap(anon, 16K, rw, private)
        a = msync(va, 16K)
        b = msync(vp, 16K)
        c = msync(vn, 16K)
        d = msync(va + 1, 4K)
        e = msync(va, 4K, sync|async)
        f = msync(va, 0)
        g = msync(va, 4K, none)
        mlock(va, 16K)
        h = msync(va, 16K, invalidate)
        i = msync(va, 16K, async|invalidate)
        j = msync(va, 16K, sync|invalidate)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        vn: "ok",
        a: "ok",
        b: "ok",
        c: "ok",
        d: "EINVAL",
        e: "EINVAL",
        f: "ok",
        g: "ok",
        h: "EBUSY",
        i: "EBUSY",
        j: "EBUSY",
      },
    );
  });

  test("holes: ENOMEM at the end, or at once where nothing is left to do", () => {
    observed(
      `
        m = memfd_create(48K)
        va = mmap(m, 48K, rw, shared)
        munmap(va + 16K, 16K)
        a = msync(va, 48K)
        b = msync(va, 48K, async)
        c = msync(va + 16K, 16K)
        d = msync(va + 16K, 32K)
        mlock(va + 32K, 16K)
        e = msync(va, 48K, invalidate)
        f = msync(va, 48K, async|invalidate)
        g = msync(va + 16K, 16K, invalidate)
        h = msync(va, 20K, none)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: "ENOMEM",
        c: "ENOMEM",
        d: "ENOMEM",
        e: "EBUSY",
        f: "EBUSY",
        g: "ENOMEM",
        h: "ENOMEM",
      },
    );
  });

  test("dma-bufs have no fsync", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        a = msync(va, 16K)
        b = msync(va, 16K, async)
        c = msync(va, 16K, invalidate)
        d = msync(va, 32K, sync)
        r = dma_heap_alloc(system, 16K, r)
        vr = mmap(r, 16K, r, shared)
        e = msync(vr, 16K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "ok",
        c: "ok",
        d: "EINVAL",
        vr: "ok",
        e: "ok",
      },
    );
  });

  test("a read-only shared mapping of a writable descriptor is synced all the same", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, r, shared)
        a = msync(va, 16K)
        r = reopen(m, r)
        vb = mmap(r, 16K, r, shared)
        b = msync(vb, 16K)
        c = fsync(r)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: "ok",
        c: "ok",
      },
    );
  });
});
