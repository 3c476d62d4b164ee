/**
 * What each advice does to pages, files and flags. Every value was observed on the kernels of the releases named; a
 * value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("madvise", () => {
  test("dontneed: private copies go, the file's page shows again", () => {
    observed(
      `
        m = memfd_create(16K)
        vm = mmap(m, 16K, rw, shared)
        touch(vm, 16K, write)
        va = mmap(m, 16K, rw, private)
        store(va + 8K, 50)
        a = load(va + 8K)
        b = madvise(va, 16K, dontneed)
        c = load(va + 8K)
        d = smaps(va).Anonymous
        e = smaps(va).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 50,
        b: "ok",
        c: 2,
        d: 0,
        e: 16384,
      },
    );
  });

  test("over a hole: all is done, ENOMEM is said", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        touch(va, 48K, write)
        munmap(va + 16K, 16K)
        a = madvise(va, 48K, dontneed)
        b = smaps(va).Rss
        c = smaps(va + 32K).Rss
        d = madvise(va, 48K, sequential)
        e = smaps(va + 32K).VmFlags
        f = madvise(va + 20K, 4K, willneed)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: 0,
        c: 0,
        d: "ENOMEM",
        e: ["ac", "me", "mr", "mw", "rd", "sr", "wr"],
        f: "ENOMEM",
      },
    );
  });

  test("populate over a hole", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        munmap(va + 16K, 16K)
        a = madvise(va, 48K, populate_write)
        b = smaps(va).Rss
        c = smaps(va + 32K).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {},
      {
        a: { "5.10": "EINVAL", "6.1": "ENOMEM", "6.12": "ENOMEM", "6.18": "ENOMEM", "7.2": "ENOMEM", "7.3": "ENOMEM" },
        b: { "5.10": 0, "6.1": 16384, "6.12": 16384, "6.18": 16384, "7.2": 16384, "7.3": 16384 },
        c: { "5.10": 0, "6.1": 16384, "6.12": 0, "6.18": 0, "7.2": 0, "7.3": 0 },
      },
    );
  });

  test("populate_read takes the zero page, populate_write breaks it", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va, 16K, populate_read)
        b = smaps(va).Rss
        n = faults { touch(va, 16K, read) }
        c = madvise(va, 16K, populate_write)
        d = smaps(va).Rss
        o = faults { touch(va, 16K, write) }`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        b: 0,
      },
      {
        a: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        n: { "5.10": 4, "6.1": 0, "6.12": 0, "6.18": 0, "7.2": 0, "7.3": 0 },
        c: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        d: { "5.10": 0, "6.1": 16384, "6.12": 16384, "6.18": 16384, "7.2": 16384, "7.3": 16384 },
        o: { "5.10": 4, "6.1": 0, "6.12": 0, "6.18": 0, "7.2": 0, "7.3": 0 },
      },
    );
  });

  test("populate beyond protection and beyond the file", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(m, 16K, r, shared)
        vn = mmap(anon, 4K, none, private)
        a = madvise(va, 8K, populate_write)
        b = madvise(va, 8K, populate_read)
        c = madvise(va, 16K, populate_read)
        d = madvise(vn, 4K, populate_read)
        e = smaps(va).Rss`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vn: "ok",
        a: "EINVAL",
        d: "EINVAL",
      },
      {
        b: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        c: { "5.10": "EINVAL", "6.1": "EFAULT", "6.12": "EFAULT", "6.18": "EFAULT", "7.2": "EFAULT", "7.3": "EFAULT" },
        e: { "5.10": 0, "6.1": 8192, "6.12": 8192, "6.18": 8192, "7.2": 8192, "7.3": 8192 },
      },
    );
  });

  test("populate of a udmabuf and of the system heap", () => {
    observed(
      `
        m = memfd_create(16K, seal_shrink)
        buf = udmabuf_create(m, 0, 16K)
        va = mmap(buf, 16K, rw, shared)
        a = madvise(va, 16K, populate_write)
        h = dma_heap_alloc(system, 16K)
        vh = mmap(h, 16K, rw, shared)
        b = madvise(vh, 16K, populate_read)
        c = madvise(vh, 16K, dontneed)
        e = madvise(vh, 16K, cold)
        f = madvise(vh, 16K, remove)
        g = load(vh)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        h: "ok",
        vh: "ok",
        b: "EINVAL",
        c: "EINVAL",
        e: "EINVAL",
        f: "ENODEV",
        g: 0,
      },
    );
  });

  test("remove punches the file for everybody", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        vb = mmap(m, 16K, rw, private)
        touch(va, 16K, write)
        store(vb + 4K, 60)
        a = madvise(va + 4K, 8K, remove)
        b = load(va + 4K)
        c = load(vb + 4K)
        d = load(vb + 8K)
        e = load(va + 12K)
        f = fstat(m).blocks`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 60,
        d: 0,
        e: 3,
        f: 32,
      },
    );
  });

  test("remove: who may", () => {
    observed(
      `
        m = memfd_create(16K)
        vp = mmap(m, 16K, rw, private)
        vn = mmap(anon, 16K, rw, private)
        vs = mmap(anon, 16K, rw, shared)
        va = mmap(m, 16K, rw, shared)
        vw = mmap(m, 16K, rw, shared)
        mlock(vw, 16K)
        store(vs, 4)
        a = madvise(vp, 4K, remove)
        b = madvise(vn, 4K, remove)
        c = madvise(vs, 4K, remove)
        d = load(vs)
        e = madvise(vw, 4K, remove)
        f = madvise(va, 4K, remove)
        g = madvise(va, 64K, remove)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        vn: "ok",
        vs: "ok",
        vw: "ok",
        a: "EACCES",
        b: "EINVAL",
        c: "ok",
        d: 0,
        e: "EINVAL",
        f: "ok",
        g: "ENOMEM",
      },
    );
  });

  test("remove against a seal", () => {
    observed(
      `
        m = memfd_create(16K, seal_future_write)
        n = memfd_create(16K)
        vn = mmap(n, 16K, rw, shared)
        add_seals(n, seal_future_write)
        store(vn, 3)
        a = madvise(vn, 4K, remove)
        b = load(vn)
        c = fallocate(m, punch_hole, 0, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        n: "ok",
        vn: "ok",
        a: "EPERM",
        b: 3,
        c: "EPERM",
      },
    );
  });

  test("dontfork: the child has a hole there", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        touch(va, 48K, write)
        madvise(va + 16K, 16K, dontfork)
        fork C
        C: a = load(va)
        C: b = load(va + 32K)
        C: c = smaps(va).Size
        C: d = load(va + 16K)
        e = load(va + 16K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 0,
        b: 8,
        c: 16384,
        d: "SIGSEGV",
        e: 4,
      },
    );
  });

  test("wipeonfork: zeros in the child, again zeros in its child, nothing lost in the parent", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        a = madvise(va, 8K, wipeonfork)
        fork C
        C: b = load(va + 4K)
        C: c = load(va + 8K)
        C: store(va + 4K, 9)
        d = load(va + 4K)
        C: e = smaps(va).VmFlags`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 2,
        d: 1,
        e: ["ac", "me", "mr", "mw", "rd", "wf", "wr"],
      },
    );
  });

  test("wipeonfork is for private anonymous memory", () => {
    observed(
      `
        m = memfd_create(4K)
        va = mmap(m, 4K, rw, private)
        vs = mmap(anon, 4K, rw, shared)
        vr = mmap(anon, 4K, r, private)
        a = madvise(va, 4K, wipeonfork)
        b = madvise(vs, 4K, wipeonfork)
        c = madvise(vr, 4K, wipeonfork)
        d = madvise(vr, 4K, keeponfork)
        e = madvise(va, 4K, keeponfork)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vs: "ok",
        vr: "ok",
        a: "EINVAL",
        b: "EINVAL",
        c: "ok",
        e: "ok",
      },
    );
  });

  test("free: the pages stay until someone wants them; a write keeps its page", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        a = madvise(va, 16K, free)
        b = load(va + 4K)
        c = smaps(va).Rss
        d = smaps(va).LazyFree
        store(va + 8K, 5)
        e = smaps(va).Private_Dirty`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 1,
        c: 16384,
        d: 0,
        e: 4096,
      },
    );
  });

  test("free of a part of memory that a child shares", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        fork C
        C: a = madvise(va, 16K, free)
        C: b = smaps(va).LazyFree
        c = smaps(va).LazyFree
        d = load(va + 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 0,
        d: 1,
      },
    );
  });

  test("pageout with swap off keeps anonymous pages", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        a = madvise(va, 16K, pageout)
        b = smaps(va).Rss
        c = load(va + 4K)
        n = faults { touch(va, 16K, read) }`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: 1,
        n: 0,
      },
    );
  });

  test("words about huge pages and merging show in the flags", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va, 16K, hugepage)
        b = smaps(va).VmFlags
        c = madvise(va, 16K, nohugepage)
        d = smaps(va).VmFlags
        e = madvise(va, 16K, mergeable)
        f = smaps(va).VmFlags
        g = madvise(va, 16K, unmergeable)
        h = smaps(va).VmFlags`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: ["ac", "hg", "me", "mr", "mw", "rd", "wr"],
        c: "ok",
        d: ["ac", "me", "mr", "mw", "nh", "rd", "wr"],
        e: "ok",
        f: ["ac", "me", "mg", "mr", "mw", "nh", "rd", "wr"],
        g: "ok",
        h: ["ac", "me", "mr", "mw", "nh", "rd", "wr"],
      },
    );
  });

  test("merging of shared memory is silently declined", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        a = madvise(va, 16K, mergeable)
        b = smaps(va).VmFlags
        c = madvise(vp, 16K, mergeable)
        d = smaps(vp).VmFlags`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        a: "ok",
        b: ["me", "mr", "ms", "mw", "rd", "sh", "wr"],
        c: "ok",
        d: ["ac", "me", "mg", "mr", "mw", "rd", "wr"],
      },
    );
  });

  test("dump and fork flags of special mappings", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        a = madvise(va, 16K, dodump)
        b = madvise(va, 16K, dontdump)
        c = madvise(va, 16K, dontfork)
        d = madvise(va, 16K, dofork)
        e = madvise(va, 16K, random)
        f = madvise(va, 16K, nohugepage)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "ok",
        c: "ok",
        d: "EINVAL",
        e: "ok",
        f: "ok",
      },
    );
  });

  test("malformed ranges", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va + 1, 4K, normal)
        b = madvise(va, 0, dontneed)
        c = madvise(va + 16K, 0, dontneed)
        d = madvise(va + 16K, 4K, dontneed)
        e = madvise(va, 1, random)
        f = smaps(va).Size`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "ok",
        c: "ok",
        d: "ENOMEM",
        e: "ok",
        f: 4096,
      },
    );
  });

  test("an empty mapping collapses nowhere", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = madvise(va, 16K, collapse)
        h = dma_heap_alloc(system, 4M)
        vh = mmap(h, 4M, rw, shared)
        b = madvise(vh, 4M, collapse)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        h: "ok",
        vh: "ok",
        b: "EINVAL",
      },
    );
  });
});
