/**
 * Files, seals, positions and sizes. Every value was observed on the kernels of the releases named; a value without a
 * release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("files", () => {
  test("positions and lengths of a memfd", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        a = write(m, va + 4K, 4K)
        b = lseek(m, 0, cur)
        c = read(m, va, 16K)
        d = lseek(m, 100, end)
        e = write(m, va, 10)
        f = fstat(m).size
        g = lseek(m, 0 - 1, set)
        h = pread(m, va, 16K, 8K)
        i = pread(m, va, 1, 9000)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 4096,
        b: 4096,
        c: 4096,
        d: 8292,
        e: 10,
        f: 8302,
        g: "EINVAL",
        h: 110,
        i: 0,
      },
    );
  });

  test("reads of holes allocate nothing, writes do", () => {
    observed(
      `
        m = memfd_create(64K)
        va = mmap(anon, 64K, rw, private)
        a = pread(m, va, 64K, 0)
        b = fstat(m).blocks
        c = pwrite(m, va, 1, 20000)
        d = fstat(m).blocks
        e = pwrite(m, va, 8K, 4095)
        f = fstat(m).blocks`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 65536,
        b: 0,
        c: 1,
        d: 8,
        e: 8192,
        f: 32,
      },
    );
  });

  test("seals: each call that meets them", () => {
    observed(
      `
        m = memfd_create(16K, seal_shrink|seal_grow|seal_write)
        va = mmap(anon, 16K, rw, private)
        a = ftruncate(m, 4K)
        b = ftruncate(m, 32K)
        c = ftruncate(m, 16K)
        d = pwrite(m, va, 4K, 0)
        e = fallocate(m, punch_hole, 0, 4K)
        f = fallocate(m, allocate, 0, 32K)
        g = fallocate(m, allocate, 0, 16K)
        h = mmap(m, 4K, rw, shared)
        i = mmap(m, 4K, rw, private)
        j = get_seals(m)
        k = add_seals(m, seal_seal)
        l = add_seals(m, seal_shrink)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EPERM",
        b: "EPERM",
        c: "ok",
        d: "EPERM",
        e: "EPERM",
        f: "EPERM",
        g: "ok",
        h: "EPERM",
        i: "ok",
        j: ["seal_grow", "seal_shrink", "seal_write"],
        k: "ok",
        l: "EPERM",
      },
    );
  });

  test("future writes only", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        a = add_seals(m, seal_future_write)
        store(va, 6)
        vb = mmap(m, 16K, r, shared)
        b = load(vb)
        c = mprotect(vb, 4K, rw)
        d = pwrite(m, va, 4K, 4K)
        e = mmap(m, 4K, rw, shared)
        f = mmap(m, 4K, rw, private)
        g = fallocate(m, punch_hole, 0, 4K)
        h = mprotect(va, 16K, r)
        i = mprotect(va, 16K, rw)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 6,
        c: "EACCES",
        d: "EPERM",
        e: "EPERM",
        f: "ok",
        g: "EPERM",
        h: "ok",
        i: "ok",
      },
    );
  });

  test("a write seal waits for the last writable mapping", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        a = add_seals(m, seal_write)
        mprotect(va, 16K, r)
        b = add_seals(m, seal_write)
        munmap(va, 16K)
        vb = mmap(m, 16K, rw, private)
        c = add_seals(m, seal_write)
        d = store(vb, 1)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EBUSY",
        b: "EBUSY",
        c: "ok",
      },
    );
  });

  test("truncation takes pages away from every mapping", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        touch(va, 16K, write)
        store(vp + 8K, 70)
        x = load(vp + 4K)
        a = ftruncate(m, 6000)
        b = load(va + 4K)
        c = load(va + 8K)
        d = load(vp + 8K)
        e = ftruncate(m, 16K)
        f = load(va + 8K)
        g = load(vp + 8K)
        h = smaps(va).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        x: 1,
        a: "ok",
        b: 1,
        c: "SIGBUS",
        d: "SIGBUS",
        e: "ok",
        f: 0,
        g: 0,
        h: 12288,
      },
    );
  });

  test("the tail of the last page is zeroed", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(m, 8K, rw, shared)
        store(va + 4092, 9)
        store(va + 4K, 9)
        ftruncate(m, 5000)
        a = load(va + 4K)
        store(va + 4K + 2000, 5)
        b = ftruncate(m, 8K)
        c = load(va + 4K + 2000)
        d = ftruncate(m, 4094)
        e = load(va + 4092)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 9,
        b: "ok",
        c: 5,
        e: 9,
      },
    );
  });

  test("fallocate: modes and ranges", () => {
    observed(
      `
        m = memfd_create(16K)
        a = fallocate(m, allocate, 0, 0)
        b = fallocate(m, keep_size, 16K, 16K)
        c = fstat(m).size
        d = fstat(m).blocks
        e = fallocate(m, allocate, 16K, 4K)
        f = fstat(m).size
        g = fallocate(m, punch_hole, 1, 8K)
        h = fstat(m).blocks
        p = pipe()
        i = fallocate(p, allocate, 0, 4K)
        r = reopen(m, r)
        j = fallocate(r, allocate, 0, 4K)
        k = ftruncate(r, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "ok",
        c: 16384,
        d: 32,
        e: "ok",
        f: 20480,
        g: "ok",
        h: 32,
        p: "ok",
        i: "EBADF",
        j: "EBADF",
        k: "EINVAL",
      },
    );
  });

  test("what descriptors of other kinds say", () => {
    observed(
      `
        p = pipe()
        buf = dma_heap_alloc(system, 16K)
        va = mmap(anon, 4K, rw, private)
        a = lseek(p, 0, set)
        b = pread(p, va, 4K, 0)
        c = pread(buf, va, 4K, 0)
        d = pwrite(buf, va, 4K, 0)
        e = ftruncate(buf, 4K)
        f = fallocate(buf, allocate, 0, 4K)
        g = add_seals(buf, seal_write)
        h = get_seals(p)
        i = fsync(buf)
        j = fsync(p)
        k = mmap(p, 4K, r, shared)
        l = lseek(buf, 0, end)
        o = lseek(buf, 4K, set)
        q = lseek(buf, 0, cur)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        p: "ok",
        a: "ESPIPE",
        b: "ESPIPE",
        c: "ESPIPE",
        d: "ESPIPE",
        e: "EINVAL",
        f: "ENODEV",
        g: "EINVAL",
        h: "EINVAL",
        i: "EINVAL",
        j: "EINVAL",
        k: "ENODEV",
        l: 16384,
        o: "EINVAL",
        q: "EINVAL",
      },
    );
  });

  test("two descriptors, one position; a reopened one has its own", () => {
    observed(
      `
        m = memfd_create(16K)
        d = dup(m)
        r = reopen(m, rw)
        va = mmap(anon, 16K, rw, private)
        a = write(m, va, 4K)
        b = lseek(d, 0, cur)
        c = lseek(r, 0, cur)
        close(m)
        e = write(d, va, 4K)
        f = read(r, va, 16K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 4096,
        b: 4096,
        c: 0,
        e: 4096,
        f: 16384,
      },
    );
  });

  test("mincore looks past the mapping into the file", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        w = mmap(m, 16K, rw, shared)
        a = mincore(va, 16K)
        touch(w, 8K, write)
        b = mincore(va, 16K)
        vn = mmap(anon, 16K, rw, private)
        x = load(vn)
        store(vn + 4K, 1)
        c = mincore(vn, 16K)
        d = mincore(va, 32K)
        e = mincore(va + 1, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        w: "ok",
        a: 0,
        b: 2,
        vn: "ok",
        x: 0,
        c: 2,
        d: "ENOMEM",
        e: "EINVAL",
      },
    );
  });
});
