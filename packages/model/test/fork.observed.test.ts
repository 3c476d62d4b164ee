/**
 * What parent and child share after fork. Every value was observed on the kernels of the releases named; a value
 * without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("fork", () => {
  test("private pages part at the first write, whoever writes", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        fork C
        a = smaps(va).Private_Dirty
        b = smaps(va).Shared_Dirty
        C: n = faults { touch(va, 8K, write) }
        o = faults { touch(va, 16K, write) }
        c = smaps(va).Pss
        C: d = smaps(va).Pss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 0,
        b: 16384,
        n: 2,
        o: 4,
        c: 16384,
        d: 16384,
      },
    );
  });

  test("the child's write is not seen, shared memory's is", () => {
    observed(
      `
        m = memfd_create(8K)
        vm = mmap(m, 8K, rw, shared)
        va = mmap(anon, 8K, rw, private)
        vs = mmap(anon, 8K, rw, shared)
        store(va, 1)
        store(vs, 1)
        fork C
        C: store(va, 2)
        C: store(vs, 3)
        C: store(vm, 4)
        a = load(va)
        b = load(vs)
        c = load(vm)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vs: "ok",
        a: 1,
        b: 3,
        c: 4,
      },
    );
  });

  test("what the child finds in its page table", () => {
    observed(
      `
        m = memfd_create(16K)
        vs = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        va = mmap(anon, 16K, rw, private)
        touch(vs, 16K, write)
        touch(va, 16K, write)
        store(vp, 1)
        x = load(vp + 4K)
        fork C
        C: a = smaps(vs).Rss
        C: b = smaps(vp).Rss
        C: c = smaps(va).Rss
        C: d = faults { touch(vs, 16K, read) }
        C: e = faults { touch(vp, 16K, read) }`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vs: "ok",
        vp: "ok",
        x: 1,
        a: 0,
        b: 16384,
        c: 16384,
        d: 1,
        e: 0,
      },
    );
  });

  test("the last owner writes without a copy", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        fork C
        C: exit()
        n = faults { touch(va, 16K, write) }
        a = smaps(va).Private_Dirty`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        n: 4,
        a: 16384,
      },
    );
  });

  test("grandchildren share one page three ways", () => {
    observed(
      `
        va = mmap(anon, 12K, rw, private)
        touch(va, 12K, write)
        fork C
        C: fork D
        D: a = smaps(va).Pss
        D: store(va, 5)
        D: b = smaps(va).Pss
        C: c = smaps(va).Pss
        d = smaps(va).Pss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 3072,
        b: 6144,
        c: 4096,
        d: 4096,
      },
    );
  });

  test("a udmabuf mapping in the child", () => {
    observed(
      `
        m = memfd_create(16K, seal_shrink)
        buf = udmabuf_create(m, 0, 16K)
        va = mmap(buf, 16K, rw, shared)
        touch(va, 16K, write)
        fork C
        C: n = faults { touch(va, 16K, read) }
        C: store(va, 44)
        a = load(va)
        C: b = smaps(va).Rss`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        n: 0,
        a: 44,
        b: 0,
      },
    );
  });

  test("a private mapping of one system-heap page", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 4K)
        va = mmap(buf, 4K, rw, private)
        a = load(va)
        fork C
        C: store(va, 6)
        C: b = load(va)
        c = load(va)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: 0,
        b: 6,
        c: 0,
      },
    );
  });
});
