/**
 * Locked memory: what is counted, what is populated, what refuses. Every value was observed on the kernels of the
 * releases named; a value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("mlock", () => {
  test("a hole in the range: what lies before it is locked, nothing is populated", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        munmap(va + 16K, 16K)
        a = mlock(va, 48K)
        b = smaps(va).VmFlags
        c = smaps(va).Rss
        d = smaps(va + 32K).Locked
        e = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: ["ac", "lo", "me", "mr", "mw", "rd", "wr"],
        c: 0,
        d: 0,
        e: 16384,
      },
    );
  });

  test("PROT_NONE cannot be populated: ENOMEM, but it is locked", () => {
    observed(
      `
        va = mmap(anon, 16K, none, private)
        a = mlock(va, 16K)
        b = status().VmLck
        c = munlock(va, 16K)
        d = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: 16384,
        c: "ok",
        d: 0,
      },
    );
  });

  test("past the end of the file: ENOMEM after the pages before it came in", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(m, 16K, rw, shared)
        a = mlock(va, 16K)
        b = smaps(va).Rss
        c = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: 8192,
        c: 16384,
      },
    );
  });

  test("locking twice counts once; unlocking the part that is not locked is fine", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        a = mlock(va, 16K)
        b = mlock(va, 16K)
        c = status().VmLck
        d = munlock(va + 16K, 16K)
        e = munlock(va, 32K)
        f = status().VmLck
        g = munlock(va + 32K, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: "ok",
        c: 16384,
        e: "ok",
        f: 0,
        g: "ENOMEM",
      },
    );
  });

  test("odd addresses: from the page of the first byte to the page of the last", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = mlock(va + 4095, 2)
        b = status().VmLck
        c = smaps(va).Rss
        d = munlock(va + 1, 0)
        e = status().VmLck
        f = mlock(va + 8K, 0)
        g = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 8192,
        c: 8192,
        e: 4096,
        f: "ok",
        g: 4096,
      },
    );
  });

  test("on fault: only what is touched is resident, a plain mlock then brings the rest", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = mlock(va, 16K, onfault)
        b = smaps(va).Rss
        store(va, 1)
        c = smaps(va).Locked
        n = faults { mlock(va, 16K) }
        d = smaps(va).Locked`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 4096,
        n: 3,
        d: 16384,
      },
    );
  });

  test("a private writable mapping is populated by writing, a read-only one with the zero page", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        vr = mmap(anon, 16K, r, private)
        a = mlock(va, 16K)
        b = mlock(vr, 16K)
        c = smaps(va).Anonymous
        d = smaps(vr).Rss
        n = faults { touch(va, 16K, write) }
        m = faults { touch(vr, 16K, read) }`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vr: "ok",
        a: "ok",
        b: "ok",
        c: 16384,
        d: 0,
        n: 0,
        m: 0,
      },
    );
  });

  test("a private file mapping gets its copies at once", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, private)
        a = mlock(va, 16K)
        b = smaps(va).Anonymous
        c = smaps(va).Rss
        d = fstat(m).blocks`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: 16384,
        d: 32,
      },
    );
  });

  test("special mappings are passed over, pages of others in the range are not", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        vb = mmap(anon, 16K, rw, private, 0, va + 16K)
        a = mlock(va, 32K)
        b = status().VmLck
        c = smaps(vb).Locked
        d = smaps(va).Locked
        e = munlock(va, 32K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: 16384,
        d: 0,
        e: "ok",
      },
    );
  });

  test("a child does not inherit locks", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        mlock(va, 16K)
        fork C
        C: a = smaps(va).Locked
        C: b = status().VmLck
        c = smaps(va).Locked`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 0,
        b: 0,
        c: 8192,
      },
    );
  });

  test("a future lock reaches the next mapping, not the last", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        a = mlockall(future)
        vb = mmap(anon, 16K, rw, private)
        b = smaps(va).Rss
        c = smaps(vb).Rss
        d = smaps(vb).Locked
        e = munlockall()
        vc = mmap(anon, 16K, rw, private)
        f = smaps(vc).Rss
        g = smaps(vb).Locked`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 16384,
        d: 16384,
        e: "ok",
        vc: "ok",
        f: 0,
        g: 0,
      },
    );
  });

  test("future and onfault: locked, but empty", () => {
    observed(
      `
        a = mlockall(future|onfault)
        va = mmap(anon, 16K, rw, private)
        b = smaps(va).Rss
        store(va, 1)
        c = smaps(va).Locked
        d = mlockall(onfault)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 0,
        c: 4096,
        d: "EINVAL",
      },
    );
  });

  test("MAP_LOCKED does not report what it could not populate", () => {
    observed(
      `
        m = memfd_create(4K)
        va = mmap(m, 16K, rw, shared|locked)
        a = smaps(va).Rss
        b = smaps(va).Locked
        c = status().VmLck
        vb = mmap(anon, 8K, none, private|locked)
        d = status().VmLck`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 4096,
        b: 4096,
        c: 16384,
        d: 24576,
      },
    );
  });

  test("locked pages survive dontneed, and dontneed_locked takes them", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        mlock(va, 16K)
        a = madvise(va, 16K, dontneed)
        b = madvise(va, 16K, free)
        c = madvise(va, 16K, cold)
        d = madvise(va, 16K, pageout)
        e = madvise(va, 8K, dontneed_locked)
        f = smaps(va).Locked`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "EINVAL",
        b: "EINVAL",
        c: "EINVAL",
        d: "EINVAL",
      },
      {
        e: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        f: { "5.10": 16384, "6.1": 8192, "6.12": 8192, "6.18": 8192, "7.2": 8192, "7.3": 8192 },
      },
    );
  });
});
