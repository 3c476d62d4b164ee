/**
 * Protection and seals of mappings. Every value was observed on the kernels of the releases named; a value without a
 * release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("mprotect and mseal", () => {
  test("each way to make a mapping more than it may be", () => {
    observed(
      `
        m = memfd_create(16K)
        r = reopen(m, r)
        vr = mmap(r, 16K, r, shared)
        vp = mmap(r, 16K, r, private)
        h = dma_heap_alloc(system, 16K)
        vh = mmap(h, 16K, r, shared)
        a = mprotect(vr, 4K, rw)
        b = mprotect(vp, 4K, rw)
        c = mprotect(vh, 4K, rw)
        d = mprotect(vh, 4K, rx)
        e = mprotect(vr, 4K, rx)
        f = mprotect(vr, 4K, none)
        g = load(vr)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        vr: "ok",
        vp: "ok",
        h: "ok",
        vh: "ok",
        a: "EACCES",
        b: "ok",
        c: "ok",
        e: "ok",
        f: "ok",
        g: "SIGSEGV",
      },
      {
        d: { "6.12": "ok", "6.18": "ok", "7.2": "EACCES", "7.3": "EACCES" },
      },
    );
  });

  test("write-only memory can be read on x86", () => {
    observed(
      `
        va = mmap(anon, 8K, w, private)
        a = store(va, 3)
        b = load(va)
        c = maps(va).perms
        d = mprotect(va, 4K, x)
        e = load(va)
        f = store(va, 4)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 3,
        c: "-w-p",
        e: "SIGSEGV",
        f: "SIGSEGV",
      },
    );
  });

  test("a failed range changes what lies before", () => {
    observed(
      `
        m = memfd_create(16K)
        r = reopen(m, r)
        va = mmap(anon, 16K, r, private)
        vr = mmap(r, 16K, r, shared, 0, va + 16K)
        a = mprotect(va, 32K, rw)
        b = store(va, 1)
        c = store(vr, 1)
        d = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vr: "ok",
        a: "EACCES",
        b: "ok",
        c: "SIGSEGV",
        d: 16384,
      },
    );
  });

  test("private file pages stay read-only until the write copies them", () => {
    observed(
      `
        m = memfd_create(16K)
        vm = mmap(m, 16K, rw, shared)
        touch(vm, 16K, write)
        va = mmap(m, 16K, r, private)
        touch(va, 16K, read)
        a = mprotect(va, 16K, rw)
        n = faults { touch(va, 16K, write) }
        b = smaps(va).Anonymous
        o = faults { touch(vm, 16K, write) }`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        n: 4,
        b: 16384,
        o: 0,
      },
    );
  });

  test("the zero page cannot be made writable", () => {
    observed(
      `
        va = mmap(anon, 16K, r, private)
        touch(va, 16K, read)
        a = mprotect(va, 16K, rw)
        n = faults { touch(va, 16K, write) }
        b = smaps(va).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        n: 4,
        b: 16384,
      },
    );
  });

  test("locked memory that becomes writable is populated at once", () => {
    observed(
      `
        va = mmap(anon, 16K, r, private)
        mlock(va, 16K)
        n = faults { a = mprotect(va, 16K, rw) }
        o = faults { touch(va, 16K, write) }
        b = smaps(va).Locked`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        n: 4,
        o: 0,
        b: 16384,
      },
    );
  });

  test("sealed memory", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        a = mseal(va + 16K, 16K)
        b = mprotect(va, 32K, r)
        c = store(va, 1)
        d = munmap(va, 32K)
        e = load(va)
        f = mremap(va + 16K, 4K, 8K, maymove)
        g = madvise(va + 16K, 4K, dontneed)
        h = load(va + 16K)
        i = mmap(anon, 4K, rw, private, 0, va + 16K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: "EPERM",
        c: "SIGSEGV",
        d: "EPERM",
        e: 0,
        f: "EPERM",
        g: "ok",
        h: 0,
        i: "EPERM",
      },
    );
  });

  test("sealed read-only memory refuses to be discarded", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        mprotect(va, 16K, r)
        a = mseal(va, 16K)
        b = madvise(va, 4K, dontneed)
        c = madvise(va, 4K, free)
        d = madvise(va, 4K, random)
        e = mlock(va, 4K)
        f = load(va + 4K)
        g = mseal(va, 64K)
        h = mseal(va + 1, 4K)
        i = mseal(va, 0)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: "EPERM",
        c: "EPERM",
        e: "ok",
        f: 1,
        g: "ENOMEM",
        h: "EINVAL",
        i: "ok",
      },
    );
  });
});
