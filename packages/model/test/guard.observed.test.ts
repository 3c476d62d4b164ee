/**
 * Guard markers: where they may be, what they stop, what takes them away. Every value was observed on the kernels of
 * the releases named; a value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("guard markers", () => {
  test("an access is SIGSEGV, the pages before are gone, removal gives fresh zeros", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        a = madvise(va + 4K, 8K, guard_install)
        b = load(va + 4K)
        c = store(va + 8K, 1)
        d = load(va + 12K)
        e = smaps(va).Rss
        f = madvise(va, 16K, guard_remove)
        g = load(va + 4K)
        h = load(va + 12K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        d: 3,
        h: 3,
      },
      {
        a: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        b: { "5.10": 1, "6.1": 1, "6.12": 1, "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
        c: { "5.10": "ok", "6.1": "ok", "6.12": "ok", "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
        e: { "5.10": 16384, "6.1": 16384, "6.12": 16384, "6.18": 8192, "7.2": 8192, "7.3": 8192 },
        f: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        g: { "5.10": 1, "6.1": 1, "6.12": 1, "6.18": 0, "7.2": 0, "7.3": 0 },
      },
    );
  });

  test("reaching in by other ways fails like a bad address", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        a = madvise(va + 4K, 4K, guard_install)
        b = process_vm_readv(va, 16K)
        c = mem_read(va + 4K, 4K)
        p = pipe()
        d = write(p, va + 4K, 4K)
        e = madvise(va, 16K, populate_write)
        f = mlock(va, 16K)
        g = mincore(va, 16K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        p: "ok",
      },
      {
        a: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        b: { "5.10": 16384, "6.1": 16384, "6.12": 16384, "6.18": 4096, "7.2": 4096, "7.3": 4096 },
        c: { "5.10": 4096, "6.1": 4096, "6.12": 4096, "6.18": "EIO", "7.2": "EIO", "7.3": "EIO" },
        d: { "5.10": 4096, "6.1": 4096, "6.12": 4096, "6.18": "EFAULT", "7.2": "EFAULT", "7.3": "EFAULT" },
        e: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "EFAULT", "7.2": "EFAULT", "7.3": "EFAULT" },
        f: { "5.10": "ok", "6.1": "ok", "6.12": "ok", "6.18": "ENOMEM", "7.2": "ENOMEM", "7.3": "ENOMEM" },
        g: { "5.10": 4, "6.1": 4, "6.12": 4, "6.18": 3, "7.2": 3, "7.3": 3 },
      },
    );
  });

  test("markers survive dontneed and mprotect, and end with the mapping", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va, 8K, guard_install)
        b = madvise(va, 16K, dontneed)
        c = load(va)
        d = mprotect(va, 16K, r)
        e = load(va + 4K)
        f = load(va + 8K)
        munmap(va, 16K)
        g = mmap(anon, 16K, rw, private, 0, va)
        h = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        b: "ok",
        f: 0,
        g: "ok",
        h: 0,
      },
      {
        a: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        c: { "5.10": 0, "6.1": 0, "6.12": 0, "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
        e: { "5.10": 0, "6.1": 0, "6.12": 0, "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
      },
    );
  });

  test("a child inherits them, wipeonfork or not", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va, 8K, guard_install)
        b = madvise(va + 8K, 8K, wipeonfork)
        c = madvise(va + 8K, 4K, guard_install)
        fork C
        C: d = load(va + 12K)
        C: e = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        b: "ok",
        d: 0,
      },
      {
        a: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        c: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        e: { "5.10": 0, "6.1": 0, "6.12": 0, "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
      },
    );
  });

  test("the wiped guards of a child", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        b = madvise(va, 16K, wipeonfork)
        c = madvise(va, 4K, guard_install)
        fork C
        C: d = load(va + 8K)
        C: e = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        b: "ok",
        d: 0,
        e: 0,
      },
      {
        c: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });

  test("they move with mremap", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va + 4K, 4K, guard_install)
        vb = mremap(va, 16K, 16K, maymove|fixed, va + 1M)
        b = load(vb)
        c = load(vb + 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        b: 0,
      },
      {
        a: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        c: { "5.10": 0, "6.1": 0, "6.12": 0, "6.18": "SIGSEGV", "7.2": "SIGSEGV", "7.3": "SIGSEGV" },
      },
    );
  });

  test("which mappings take them", () => {
    observed(
      `
        m = memfd_create(16K)
        vs = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        vr = mmap(m, 16K, r, shared)
        vn = mmap(anon, 16K, r, private)
        vl = mmap(anon, 16K, rw, private|locked)
        h = dma_heap_alloc(system, 16K)
        vh = mmap(h, 16K, rw, shared)
        a = madvise(vs, 4K, guard_install)
        b = madvise(vp, 4K, guard_install)
        c = madvise(vr, 4K, guard_install)
        d = madvise(vn, 4K, guard_install)
        e = madvise(vl, 4K, guard_install)
        f = madvise(vh, 4K, guard_install)
        g = madvise(vl, 4K, guard_remove)
        i = madvise(vh, 4K, guard_remove)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        vs: "ok",
        vp: "ok",
        vr: "ok",
        vn: "ok",
        vl: "ok",
        h: "ok",
        vh: "ok",
        e: "EINVAL",
        f: "EINVAL",
        i: "EINVAL",
      },
      {
        a: { "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        b: { "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        c: { "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        d: { "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        g: { "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });

  test("a shared file's page stays in the file", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(m, 8K, rw, shared)
        vb = mmap(m, 8K, rw, shared)
        store(va, 9)
        a = madvise(va, 4K, guard_install)
        b = load(vb)
        c = madvise(va, 4K, guard_remove)
        d = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        b: 9,
        d: 9,
      },
      {
        a: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        c: { "5.10": "EINVAL", "6.1": "EINVAL", "6.12": "EINVAL", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });
});
