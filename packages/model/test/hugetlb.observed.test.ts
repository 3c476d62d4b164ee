/**
 * Huge pages of hugetlb memfds. Every value was observed on the kernels of the releases named; a value without a
 * release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("hugetlb", () => {
  test("a huge page comes as one fault and is counted apart", () => {
    observed(
      `
        m = memfd_create(4M, none, hugetlb)
        va = mmap(m, 4M, rw, shared)
        n = faults { touch(va, 4M, write) }
        a = smaps(va).Rss
        b = smaps(va).Shared_Hugetlb
        c = smaps(va).Private_Hugetlb
        d = smaps(va).KernelPageSize
        e = load(va + 3M)
        f = fstat(m).blocks`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        n: 2,
        a: 0,
        b: 0,
        c: 4194304,
        d: 2097152,
        e: 768,
        f: 8192,
      },
    );
  });

  test("alignment of what may be done to a part", () => {
    observed(
      `
        m = memfd_create(4M, none, hugetlb)
        va = mmap(m, 4M, rw, shared)
        a = munmap(va + 4K, 4K)
        b = munmap(va + 2M, 4K)
        c = mprotect(va, 4K, r)
        d = mprotect(va, 2M, r)
        e = store(va, 1)
        f = mremap(va, 2M, 4M, maymove)
        g = madvise(va, 4K, dontneed)
        h = madvise(va, 2M, free)
        i = mmap(m, 4K, rw, shared, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "EINVAL",
        c: "EINVAL",
        e: "SIGSEGV",
        f: "EINVAL",
        h: "EINVAL",
        i: "EINVAL",
      },
      {
        g: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });

  test("a hole punched in it", () => {
    observed(
      `
        m = memfd_create(4M, none, hugetlb)
        va = mmap(m, 4M, rw, shared)
        touch(va, 4M, write)
        a = fallocate(m, punch_hole, 0, 2M)
        b = load(va)
        c = load(va + 2M)
        d = fallocate(m, punch_hole, 0, 4K)
        e = fallocate(m, allocate, 0, 4M)
        f = ftruncate(m, 2M)
        g = load(va + 2M)
        h = ftruncate(m, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 512,
        e: "ok",
        f: "ok",
        g: "SIGBUS",
        h: "EINVAL",
      },
    );
  });

  test("a child shares, private copies part", () => {
    observed(
      `
        m = memfd_create(2M, none, hugetlb)
        va = mmap(m, 2M, rw, private)
        store(va, 5)
        fork C
        C: a = load(va)
        C: store(va, 6)
        b = load(va)
        C: c = smaps(va).Private_Hugetlb
        d = smaps(va).Private_Hugetlb`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 5,
        b: 5,
        c: 2097152,
        d: 2097152,
      },
    );
  });

  test("locking and advice", () => {
    observed(
      `
        m = memfd_create(2M, none, hugetlb)
        va = mmap(m, 2M, rw, shared)
        a = mlock(va, 2M)
        b = status().VmLck
        c = madvise(va, 2M, cold)
        d = madvise(va, 2M, populate_write)
        e = madvise(va, 2M, dontdump)
        f = madvise(va, 2M, dodump)
        g = madvise(va, 2M, mergeable)
        h = msync(va, 2M)
        i = mincore(va, 2M)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: "EINVAL",
        e: "ok",
        f: "ok",
        g: "ok",
        h: "ok",
        i: 512,
      },
      {
        d: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });
});
