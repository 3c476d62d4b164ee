/** mmap, munmap, mprotect, mremap, madvise, mlock, msync, mincore, mseal and seals, as litmus text. */
import { describe, expect, test } from "vitest";
import { onReleases, values } from "./ask.js";

const releases = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"];
const modern = ["6.1", "6.12", "6.18", "7.2", "7.3"];
const anon = "va = mmap(anon, 16K, rw, private)\n";
const memfd = "m = memfd_create(16K)\nva = mmap(m, 16K, rw, shared)\n";

/** The value of `x` for one line after a prelude. */
const x = (prelude: string, call: string, release = "7.3"): unknown => values(`${prelude}x = ${call}`, release).x;

describe("mmap", () => {
  test.each([
    ["no bytes", "mmap(m, 0, rw, shared)", "EINVAL"],
    ["neither shared nor private", "mmap(m, 4K, rw, none)", "EINVAL"],
    ["MAP_SYNC with shared_validate [50]", "mmap(m, 4K, rw, shared_validate|sync)", "EOPNOTSUPP"],
    ["MAP_SYNC with shared", "mmap(m, 4K, rw, shared|sync)", "ok"],
    ["an unaligned offset [50]", "mmap(m, 4K, rw, shared, 2K)", "EINVAL"],
    ["a descriptor that is not open", "mmap(77, 4K, rw, shared)", "EBADF"],
    ["an unaligned offset is seen before the descriptor", "mmap(77, 4K, rw, shared, 1)", "EINVAL"],
    ["a fixed address that is not aligned", "mmap(m, 4K, rw, shared, 0, va + 1)", "EINVAL"],
    ["longer than user space", "mmap(m, 0x800000000000, rw, shared)", "ENOMEM"],
    ["offset past what a file can be", "mmap(m, 4K, rw, shared, 0x7ffffffffffff000)", "EOVERFLOW"],
    ["more private memory than there is", "mmap(anon, 1T, rw, private)", "ENOMEM"],
    ["the same without a reservation", "mmap(anon, 1T, rw, private|noreserve)", "ok"],
    ["the same read-only", "mmap(anon, 1T, r, private)", "ok"],
    ["shared_validate of anonymous memory", "mmap(anon, 4K, rw, shared_validate)", "EINVAL"],
    ["past the end of the file is fine", "mmap(m, 1M, rw, shared)", "ok"],
    ["executable memfd", "mmap(m, 4K, rwx, shared)", "ok"],
  ])("%s", (_name, call, result) => {
    expect(x(memfd, call)).toBe(result);
  });

  test("MAP_SYNC leaves its flag in the mapping even where it is ignored", () => {
    expect(values(`${memfd}b = mmap(m, 4K, rw, shared|sync)\ns = smaps(b)`)["s.VmFlags"]).toContain("sf");
  });

  test("descriptor modes: what each allows [51, 52]", () => {
    const v = values(`
      m = memfd_create(4K)
      r = reopen(m, r)
      w = reopen(m, w)
      a = mmap(r, 4K, rw, shared)
      b = mmap(r, 4K, r, shared)
      c = mmap(r, 4K, rw, private)
      d = mmap(w, 4K, w, shared)
      e = mmap(w, 4K, r, private)
      f = mprotect(b, 4K, rw)
      s = smaps(b)
      t = maps(b)`);
    expect([v.a, v.b, v.c, v.d, v.e, v.f]).toEqual(["EACCES", "ok", "ok", "EACCES", "EACCES", "EACCES"]);
    expect(v["s.VmFlags"]).toEqual(["me", "mr", "ms", "rd"]);
    expect(v["t.perms"]).toBe("r--s");
  });

  test("MAP_FIXED over a mapping replaces it", () => {
    const v = values(
      `${memfd}store(va, 5)\nb = mmap(anon, 4K, rw, private, 0, va)\nx = load(va)\ns = smaps(va)\n` +
        "t = smaps(va + 4K)\nc = mmap(m, 4K, r, shared)\ny = load(c)",
    );
    expect([v.x, v["s.Size"], v["t.Size"], v.y]).toEqual([0, 4096, 12288, 5]);
  });

  test("a hint that is taken goes elsewhere: the mapping does not replace anything", () => {
    const v = values(
      "va = mmap(anon, 8M, rw, private)\nstore(va, 3)\nmunmap(va + 4M, 4M)\nb = mmap(anon, 4M, rw, private)\n" +
        "x = load(va)\nst = status()",
    );
    expect([v.x, v["st.VmSize"]]).toEqual([3, 8388608]);
  });

  test("MAP_POPULATE faults in at once, on whose account it says", () => {
    const v = values(`
      m = memfd_create(16K)
      n = faults { va = mmap(m, 32K, rw, shared|populate) }
      s = smaps(va)
      k = faults { vb = mmap(anon, 16K, rw, private|populate) }
      t = smaps(vb)
      vc = mmap(anon, 16K, r, private|populate)
      u = smaps(vc)
      j = faults { touch(va, 16K, write) }`);
    expect([v.n, v["s.Rss"], v.k, v["t.Anonymous"], v["u.Rss"], v.j]).toEqual([4, 16384, 4, 16384, 0, 0]);
  });

  test("page tables are counted with the tables above them, and given back", () => {
    const v = values(`
      va = mmap(anon, 4K, rw, private)
      a = status()
      store(va, 1)
      b = status()
      vb = mmap(anon, 4K, rw, private)
      store(vb, 1)
      c = status()
      munmap(vb, 4K)
      d = status()
      munmap(va, 4K)
      e = status()`);
    expect([v["a.VmPTE"], v["b.VmPTE"], v["c.VmPTE"], v["d.VmPTE"], v["e.VmPTE"]]).toEqual([0, 8192, 12288, 8192, 0]);
  });
});

describe("munmap", () => {
  test.each([
    ["no bytes", "munmap(va, 0)", "EINVAL"],
    ["an unaligned address", "munmap(va + 1, 4K)", "EINVAL"],
    ["past user space", "munmap(va, 0x800000000000)", "EINVAL"],
    ["a hole", "munmap(va + 16K, 4K)", "ok"],
    ["a byte means a page", "munmap(va, 1)", "ok"],
  ])("%s", (_name, call, result) => {
    expect(x(anon, call)).toBe(result);
  });

  test("the middle page goes, the neighbours stay [28]", () => {
    const v = values(
      `${memfd}touch(va, 16K, write)\na = munmap(va + 4K, 4K)\ns = smaps(va)\nt = smaps(va + 8K)\n` +
        "x = load(va + 8K)\ny = load(va + 4K)\nu = smaps(va + 4K)\nst = status()",
    );
    expect([v.a, v["s.Size"], v["s.Rss"], v["t.Size"], v.x, v.y, v.u]).toEqual([
      "ok",
      4096,
      4096,
      8192,
      2,
      "SIGSEGV",
      "EFAULT",
    ]);
    expect([v["st.VmSize"], v["st.RssShmem"]]).toEqual([12288, 12288]);
  });
});

describe("merging", () => {
  test("anonymous neighbours are one mapping", () => {
    const v = values(
      `${anon}b = mmap(anon, 16K, rw, private, 0, va + 16K)\nc = mmap(anon, 16K, r, private, 0, va + 32K)\n` +
        "s = smaps(va)\nt = smaps(c)",
    );
    expect([v["s.Size"], v["t.Size"]]).toEqual([32768, 16384]);
  });

  test("file neighbours merge when their offsets continue", () => {
    const v = values(
      "m = memfd_create(64K)\na = mmap(m, 16K, rw, shared)\nb = mmap(m, 16K, rw, shared, 16K, a + 16K)\n" +
        "c = mmap(m, 16K, rw, shared, 0, a + 32K)\ns = smaps(a)\nt = smaps(c)",
    );
    expect([v["s.Size"], v["t.Size"]]).toEqual([32768, 16384]);
  });

  test("what was split by protection merges again; special mappings never do [29]", () => {
    const split = (prelude: string): unknown[] => {
      const v = values(
        `${prelude}mprotect(va, 4K, r)\ns = smaps(va)\nmprotect(va, 4K, rw)\nt = smaps(va)\n` +
          "c = mremap(va, 16K, 16K, maymove|fixed, va + 64M)",
        "6.12",
      );
      return [v["s.Size"], v["t.Size"], v.c];
    };
    expect(split(memfd)).toEqual([4096, 16384, "ok"]);
    expect(split("b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n")).toEqual([4096, 4096, "EFAULT"]);
  });

  test("an untouched part merges into a touched neighbour, and from 6.16 on the other way round", () => {
    const text =
      "va = mmap(anon, 32K, rw, private)\nmadvise(va, 16K, dontdump)\ntouch(va + 16K, 16K, write)\n" +
      "madvise(va + 16K, 16K, dontdump)\nx = smaps(va).Size";
    expect(onReleases(text, "6.1", "6.12", "6.18", "7.3")).toEqual([16384, 16384, 32768, 32768]);
  });

  test("touched neighbours share their anonymous set when they could merge", () => {
    const v = values(
      "va = mmap(anon, 32K, rw, private)\nstore(va, 1)\nmprotect(va + 16K, 16K, r)\nmprotect(va + 16K, 16K, rw)\n" +
        "x = smaps(va)\nvb = mmap(anon, 16K, r, private)\nvc = mmap(anon, 16K, rw, private, 0, vb + 16K)\n" +
        "store(vc, 1)\ny = smaps(vc)",
      "6.12",
    );
    expect([v["x.Size"], v["y.Size"]]).toEqual([32768, 16384]);
  });

  test("a child's mapping with pages of its parent does not take new neighbours in", () => {
    const text =
      "va = mmap(anon, 16K, rw, private)\nstore(va, 1)\nfork C\nC: b = mmap(anon, 16K, rw, private, 0, va + 16K)\n" +
      "C: s = smaps(va)\nmmap(anon, 16K, rw, private, 0, va + 16K)\nt = smaps(va)";
    const v = values(text);
    expect([v["s.Size"], v["t.Size"]]).toEqual([16384, 32768]);
  });

  test("advice that differs keeps neighbours apart", () => {
    const v = values(
      `${anon}madvise(va, 4K, sequential)\na = smaps(va)\nmadvise(va + 4K, 12K, sequential)\nb = smaps(va)\n` +
        "madvise(va + 4K, 4K, random)\nc = smaps(va)\nd = smaps(va + 8K)\nmadvise(va, 16K, normal)\ne = smaps(va)",
    );
    expect([v["a.Size"], v["b.Size"], v["c.Size"], v["d.Size"], v["e.Size"]]).toEqual([4096, 16384, 4096, 8192, 16384]);
  });
});

describe("mprotect", () => {
  test.each([
    ["an unaligned address", "mprotect(va + 1, 4K, r)", "EINVAL"],
    ["no bytes", "mprotect(va, 0, r)", "ok"],
    ["a hole at the end", "mprotect(va, 32K, r)", "ENOMEM"],
    ["a hole at the start", "mprotect(va + 16K, 4K, r)", "ENOMEM"],
  ])("%s", (_name, call, result) => {
    expect(x(anon, call)).toBe(result);
  });

  test("what lies before the hole has been changed", () => {
    const v = values(`${anon}a = mprotect(va, 32K, r)\nb = store(va, 1)`);
    expect([v.a, v.b]).toEqual(["ENOMEM", "SIGSEGV"]);
  });

  test("away and back: exclusive pages need no fault, in 5.10 one a page", () => {
    const text =
      `${anon}touch(va, 16K, write)\nmprotect(va, 16K, r)\nmprotect(va, 16K, rw)\n` +
      "x = faults { touch(va, 16K, write) }";
    expect(onReleases(text, ...releases)).toEqual([4, 0, 0, 0, 0, 0]);
  });

  test("shared pages stay as they are [47]", () => {
    for (const prelude of [memfd, "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n"]) {
      const v = values(
        `${prelude}touch(va, 16K, write)\na = mprotect(va, 16K, r)\nb2 = store(va, 1)\nc = mprotect(va, 16K, rw)\n` +
          "n = faults { touch(va, 16K, write) }",
      );
      expect([v.a, v.b2, v.c, v.n]).toEqual(["ok", "SIGSEGV", "ok", 0]);
    }
  });

  test("PROT_NONE hides pages without losing them", () => {
    const v = values(
      `${anon}store(va, 7)\nmprotect(va, 4K, none)\na = load(va)\ns = smaps(va)\nmprotect(va, 4K, r)\nb = load(va)`,
    );
    expect([v.a, v["s.Rss"], v.b]).toEqual(["SIGSEGV", 4096, 7]);
  });

  test("accounting: read-only memory that nobody wrote is given back from 6.7 on", () => {
    const flags = (release: string): unknown =>
      values(`${anon}mprotect(va, 16K, r)\ns = smaps(va)`, release)["s.VmFlags"];
    expect(flags("6.1")).toContain("ac");
    expect(flags("6.12")).not.toContain("ac");
    expect(values(`${anon}store(va, 1)\nmprotect(va, 16K, r)\ns = smaps(va)`)["s.VmFlags"]).toContain("ac");
    expect(values("va = mmap(anon, 4K, r, private)\nmprotect(va, 4K, rw)\ns = smaps(va)")["s.VmFlags"]).toContain("ac");
  });
});

describe("mremap", () => {
  test.each([
    ["fixed without maymove", "mremap(va, 4K, 4K, fixed, va + 64M)", "EINVAL"],
    ["an unaligned address", "mremap(va + 1, 4K, 4K)", "EINVAL"],
    ["to nothing", "mremap(va, 4K, 0)", "EINVAL"],
    ["onto itself", "mremap(va, 8K, 8K, maymove|fixed, va + 4K)", "EINVAL"],
    ["dontunmap with another length", "mremap(va, 4K, 8K, maymove|dontunmap)", "EINVAL"],
    ["nothing there", "mremap(va + 1M, 4K, 8K)", "EFAULT"],
    ["across the end", "mremap(va, 32K, 64K)", "EFAULT"],
    ["a private duplicate", "mremap(va, 0, 4K)", "EINVAL"],
    ["to an unaligned place", "mremap(va, 4K, 4K, maymove|fixed, va + 64M + 1)", "EINVAL"],
    ["the same length", "mremap(va, 16K, 16K)", "ok"],
    ["growing where nothing is", "mremap(va + 1M, 4K, 64K, none)", "EFAULT"],
  ])("%s", (_name, call, result) => {
    for (const release of releases) expect(x(anon, call, release)).toBe(result);
  });

  test("up to 5.15 nobody looks for the mapping unless it grows or moves", () => {
    expect(onReleases(`${anon}x = mremap(va + 1M, 4K, 4K)`, "5.10", "6.1")).toEqual(["ok", "EFAULT"]);
    expect(onReleases(`${anon}x = mremap(va + 1M, 8K, 4K)`, "5.10", "6.1")).toEqual(["ok", "EFAULT"]);
  });

  test("a refused move has unmapped its target, up to 6.16", () => {
    const text =
      "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\nt = mmap(anon, 4K, rw, private)\n" +
      "y = mremap(va, 4K, 8K, maymove|fixed, t)\nx = load(t)";
    expect(onReleases(text, "6.12", "7.3")).toEqual(["SIGSEGV", 0]);
  });

  test("a move carries pages along: no fault [27]", () => {
    for (const prelude of [anon, memfd, "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n"]) {
      const v = values(
        `${prelude}touch(va, 16K, write)\na = mremap(va, 16K, 16K, maymove|fixed, va + 64M)\n` +
          "n = faults { touch(a, 16K, read) }\nx = load(a + 8K)\ny = load(va)",
      );
      expect([v.a, v.n, v.x, v.y]).toEqual(["ok", 0, 2, "SIGSEGV"]);
    }
  });

  test("PFNMAP and DONTEXPAND: shrink yes, grow EFAULT, duplicate EFAULT, dontunmap EINVAL [24-26]", () => {
    const heap = "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n";
    for (const release of ["6.12", "7.3"]) {
      expect(x(heap, "mremap(va, 16K, 8K)", release)).toBe("ok");
      expect(x(heap, "mremap(va, 16K, 32K)", release)).toBe("EFAULT");
      expect(x(heap, "mremap(va, 16K, 32K, none)", release)).toBe("EFAULT");
      expect(x(heap, "mremap(va, 0, 16K)", release)).toBe("EFAULT");
      expect(x(heap, "mremap(va, 16K, 16K, maymove|dontunmap)", release)).toBe("EINVAL");
    }
  });

  test("growing: in place while there is room, then by moving", () => {
    const v = values(
      `${memfd}touch(va, 16K, write)\na = mremap(va, 16K, 32K, none)\nx = load(va + 16K)\n` +
        "w = mmap(anon, 4K, rw, private, 0, va + 32K)\nb = mremap(va, 32K, 64K, none)\nc = mremap(va, 32K, 64K)\n" +
        "y = load(c + 8K)\nz = load(va)\nst = status()",
    );
    expect([v.a, v.x, v.b, v.c, v.y, v.z]).toEqual(["ok", "SIGBUS", "ENOMEM", "ok", 2, "SIGSEGV"]);
    expect(v["st.VmSize"]).toBe(69632);
  });

  test("DONTUNMAP leaves the old range behind: empty anonymous memory, the same file", () => {
    const a = values(
      `${anon}touch(va, 16K, write)\nb = mremap(va, 16K, 16K, maymove|dontunmap)\nx = load(va + 8K)\n` +
        "y = load(b + 8K)\nst = status()",
    );
    expect([a.x, a.y, a["st.VmSize"]]).toEqual([0, 2, 32768]);
    const f = values(
      `${memfd}touch(va, 16K, write)\nb = mremap(va, 16K, 16K, maymove|dontunmap)\nx = load(va + 8K)\n` +
        "p = pagemap(va + 8K)",
    );
    expect([f.x, f["p.mapcount"]]).toEqual([2, 2]);
    expect(onReleases(`${memfd}x = mremap(va, 16K, 16K, maymove|dontunmap)`, "5.10", "6.1")).toEqual(["EINVAL", "ok"]);
  });

  test("an old length of 0 duplicates a shared mapping", () => {
    const v = values(`${memfd}store(va, 5)\nb = mremap(va, 0, 16K)\nx = load(b)\nst = status()`);
    expect([v.x, v["st.VmSize"]]).toEqual([5, 32768]);
  });

  test("MIXEDMAP: growing in place merges, which special mappings refuse [103]", () => {
    const text = "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\nx = mremap(va, 16K, 32K, none)";
    const v = onReleases(text, "6.12");
    expect(v).toEqual(["EFAULT"]);
  });

  test("a move of equal length over several mappings: from 6.17 on", () => {
    const text = `${anon}touch(va, 16K, write)\nmprotect(va + 8K, 8K, r)\nx = mremap(va, 16K, 16K, maymove|fixed, va + 64M)`;
    expect(onReleases(text, "6.1", "6.12", "7.3")).toEqual(["EFAULT", "EFAULT", "ok"]);
    const v = values(`${text}\ny = load(va + 64M + 12K)\nz = store(va + 64M + 12K, 1)\nw = store(va + 64M, 1)`, "7.3");
    expect([v.y, v.z, v.w]).toEqual([3, "SIGSEGV", "ok"]);
  });

  test("locked memory stays locked, and what is new is faulted in", () => {
    const v = values("va = mmap(anon, 16K, rw, private|locked)\na = mremap(va, 16K, 32K)\ns = smaps(a)\nst = status()");
    expect([v["s.Rss"], v["s.Locked"], v["st.VmLck"]]).toEqual([32768, 32768, 32768]);
  });
});

describe("madvise", () => {
  const advices = [
    "normal",
    "random",
    "sequential",
    "willneed",
    "dontneed",
    "dontneed_locked",
    "free",
    "cold",
    "pageout",
    "populate_read",
    "populate_write",
    "remove",
    "dontfork",
    "dofork",
    "dontdump",
    "dodump",
    "mergeable",
    "unmergeable",
    "hugepage",
    "nohugepage",
    "collapse",
    "wipeonfork",
    "keeponfork",
    "guard_install",
  ];
  const refused = (prelude: string, release: string): string[] =>
    advices.flatMap((advice) =>
      x(prelude, `madvise(va, 16K, ${advice})`, release) === "ok"
        ? []
        : [`${advice} ${String(x(prelude, `madvise(va, 16K, ${advice})`, release))}`],
    );

  test("memfd: table 7.6, column d", () => {
    const always = ["free EINVAL", "collapse EINVAL", "wipeonfork EINVAL"];
    expect(refused(memfd, "6.1")).toEqual([...always, "guard_install EINVAL"]);
    expect(refused(memfd, "6.12")).toEqual([...always, "guard_install EINVAL"]);
    expect(refused(memfd, "6.18")).toEqual(always);
    expect(refused(memfd, "7.3")).toEqual(always);
  });

  test("system heap: table 7.6, column a, with VM_IO", () => {
    const heap = "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n";
    const all = [
      "dontneed EINVAL",
      "dontneed_locked EINVAL",
      "free EINVAL",
      "cold EINVAL",
      "pageout EINVAL",
      "populate_read EINVAL",
      "populate_write EINVAL",
      "remove ENODEV",
      "dofork EINVAL",
      "dodump EINVAL",
      "collapse EINVAL",
      "wipeonfork EINVAL",
      "guard_install EINVAL",
    ];
    expect(refused(heap, "6.12")).toEqual(all);
    expect(refused(heap, "7.3")).toEqual(all);
  });

  test("udmabuf: DOFORK is refused from 7.0 on [81]", () => {
    const text =
      "m = memfd_create(16K, seal_shrink)\nb = udmabuf_create(m, 0, 16K)\nva = mmap(b, 16K, rw, shared)\n" +
      "x = madvise(va, 16K, dofork)";
    expect(onReleases(text, "6.12", "6.18", "7.2")).toEqual(["ok", "ok", "EINVAL"]);
  });

  test("advice that is not known yet", () => {
    const text = (advice: string): string => `${anon}x = madvise(va, 16K, ${advice})`;
    expect(onReleases(text("populate_read"), "5.10", "6.1")).toEqual(["EINVAL", "ok"]);
    expect(onReleases(text("dontneed_locked"), "5.10", "6.1")).toEqual(["EINVAL", "ok"]);
    expect(onReleases(text("guard_install"), "6.12", "6.18")).toEqual(["EINVAL", "ok"]);
    expect(values(text("hugepage"), "6.12", { arch: "arm" }).x).toBe("EINVAL");
  });

  test("ranges: unaligned EINVAL, empty ok, a hole ENOMEM after the work is done", () => {
    const v = values(
      `${anon}touch(va, 16K, write)\na = madvise(va + 1, 4K, dontneed)\nb = madvise(va, 0, dontneed)\n` +
        "c = madvise(va, 32K, dontneed)\ns = smaps(va)\nd = madvise(va + 16K, 4K, normal)",
    );
    expect([v.a, v.b, v.c, v["s.Rss"], v.d]).toEqual(["EINVAL", "ok", "ENOMEM", 0, "ENOMEM"]);
  });

  test("DONTNEED gives zeros to anonymous memory and the file's bytes to a file", () => {
    expect(values(`${anon}store(va, 5)\nmadvise(va, 4K, dontneed)\nx = load(va)`).x).toBe(0);
    expect(values(`${memfd}store(va, 5)\nmadvise(va, 4K, dontneed)\nx = load(va)`).x).toBe(5);
  });

  test("FREE makes entries old and clean; LazyFree shows once the batch is drained", () => {
    const v = values(
      `${anon}touch(va, 16K, write)\nmadvise(va, 16K, free)\na = smaps(va)\nmadvise(va + 4K, 4K, free)\n` +
        "b = smaps(va)\nstore(va, 1)\nc = smaps(va)",
      "6.12",
    );
    expect([v["a.Rss"], v["a.Referenced"], v["a.Private_Clean"], v["a.LazyFree"]]).toEqual([16384, 0, 16384, 0]);
    expect([v["b.LazyFree"], v["c.LazyFree"], v["c.Private_Dirty"]]).toEqual([16384, 12288, 4096]);
  });

  test("COLD makes pages old that nobody else maps", () => {
    const v = values(
      `${memfd}touch(va, 16K, write)\nvb = mmap(m, 4K, rw, shared)\ntouch(vb, 4K, read)\nmadvise(va, 16K, cold)\n` +
        "s = smaps(va)",
    );
    expect(v["s.Referenced"]).toBe(4096);
  });

  test("REMOVE punches the file and wants a writable shared mapping", () => {
    expect(values(`${memfd}store(va, 5)\na = madvise(va, 4K, remove)\nx = load(va)`).x).toBe(0);
    expect(x("m = memfd_create(16K)\nva = mmap(m, 16K, rw, private)\n", "madvise(va, 4K, remove)")).toBe("EACCES");
    expect(x(anon, "madvise(va, 4K, remove)")).toBe("EINVAL");
    expect(x(`${memfd}mlock(va, 16K)\n`, "madvise(va, 4K, remove)")).toBe("EINVAL");
    expect(
      x(
        "m = memfd_create(16K)\nva = mmap(m, 16K, r, shared)\nadd_seals(m, seal_future_write)\n",
        "madvise(va, 4K, remove)",
      ),
    ).toBe("EPERM");
  });

  test("locked mappings: DONTNEED EINVAL, DONTNEED_LOCKED ok, COLD EINVAL", () => {
    const locked = `${anon}mlock(va, 16K)\n`;
    expect([
      x(locked, "madvise(va, 4K, dontneed)"),
      x(locked, "madvise(va, 4K, dontneed_locked)"),
      x(locked, "madvise(va, 4K, cold)"),
      x(locked, "madvise(va, 4K, free)"),
    ]).toEqual(["EINVAL", "ok", "EINVAL", "EINVAL"]);
  });

  test("POPULATE: protection EINVAL, past the end EFAULT, a hole ENOMEM", () => {
    expect(x("va = mmap(anon, 4K, r, private)\n", "madvise(va, 4K, populate_write)")).toBe("EINVAL");
    expect(x("m = memfd_create(4K)\nva = mmap(m, 8K, rw, shared)\n", "madvise(va, 8K, populate_read)")).toBe("EFAULT");
    for (const release of modern) expect(x(anon, "madvise(va, 32K, populate_read)", release)).toBe("ENOMEM");
    const v = values(`${anon}n = faults { madvise(va, 16K, populate_write) }\nk = faults { touch(va, 16K, write) }`);
    expect([v.n, v.k]).toEqual([4, 0]);
  });

  test("guards: SIGSEGV, kept by DONTNEED and fork, gone after removal", () => {
    for (const release of ["6.18", "7.3"]) {
      const v = values(
        `${anon}touch(va, 16K, write)\nmadvise(va + 4K, 4K, guard_install)\na = load(va + 4K)\ns = smaps(va)\n` +
          "madvise(va, 16K, dontneed)\nb = load(va + 4K)\nfork C\nC: c = load(va + 4K)\n" +
          "madvise(va, 16K, guard_remove)\nd = load(va + 4K)",
        release,
      );
      expect([v.a, v["s.Rss"], v.b, v.c, v.d]).toEqual(["SIGSEGV", 12288, "SIGSEGV", "SIGSEGV", 0]);
    }
    expect(values(`${anon}madvise(va, 4K, guard_install)\ns = smaps(va)`)["s.VmFlags"]).toContain("gu");
    expect(values(`${anon}madvise(va, 4K, guard_install)\ns = smaps(va)`, "6.18")["s.VmFlags"]).not.toContain("gu");
  });

  test("guards in a file's mapping survive a fork", () => {
    const v = values(`${memfd}madvise(va, 4K, guard_install)\nfork C\nC: x = load(va)\nC: y = load(va + 4K)`);
    expect([v.x, v.y]).toEqual(["SIGSEGV", 0]);
  });

  test("flags that show and flags that are refused quietly", () => {
    const flags = (prelude: string, advice: string): unknown =>
      values(`${prelude}madvise(va, 16K, ${advice})\ns = smaps(va)`)["s.VmFlags"];
    expect(flags(anon, "mergeable")).toContain("mg");
    expect(flags(memfd, "mergeable")).not.toContain("mg");
    expect(flags(anon, "hugepage")).toContain("hg");
    expect(flags(anon, "nohugepage")).toContain("nh");
    expect(flags(memfd, "dontdump")).toContain("dd");
    expect(flags(memfd, "dontfork")).toContain("dc");
  });
});

describe("mlock", () => {
  test("locks, counts, shows; a part is split off", () => {
    const v = values(
      `${anon}a = mlock(va + 100, 1)\ns = smaps(va)\nst = status()\nb = munlock(va, 16K)\nt = smaps(va)\nsu = status()`,
    );
    expect([v.a, v["s.Size"], v["s.Locked"], v["st.VmLck"], v["s.Rss"]]).toEqual(["ok", 4096, 4096, 4096, 4096]);
    expect(v["s.VmFlags"]).toContain("lo");
    expect([v.b, v["t.Size"], v["su.VmLck"]]).toEqual(["ok", 16384, 0]);
  });

  test("a hole gives ENOMEM after what lies before it was locked", () => {
    const v = values(`${anon}a = mlock(va, 32K)\nst = status()`);
    expect([v.a, v["st.VmLck"]]).toEqual(["ENOMEM", 16384]);
  });

  test("onfault locks without faulting", () => {
    const v = values(`${anon}a = mlock(va, 16K, onfault)\ns = smaps(va)\nstore(va, 1)\nt = smaps(va)`);
    expect([v.a, v["s.Rss"], v["t.Locked"]]).toEqual(["ok", 0, 4096]);
    expect(v["s.VmFlags"]).toContain("lf");
    expect(values(`${anon}mlock(va, 16K, onfault)\ns = smaps(va)`, "6.1")["s.VmFlags"]).toContain("??");
  });

  test("past the end of the file: ENOMEM, and locked all the same", () => {
    const v = values(
      "m = memfd_create(4K)\nva = mmap(m, 8K, rw, shared)\na = mlock(va, 8K)\nst = status()\ns = smaps(va)",
    );
    expect([v.a, v["st.VmLck"], v["s.Locked"]]).toEqual(["ENOMEM", 8192, 4096]);
  });

  test("special mappings: 0, no flag, no count [116, 126]", () => {
    const v = values(
      "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared|locked|populate)\na = mlock(va, 16K)\n" +
        "c = mlockall(future)\nvb = mmap(b, 16K, rw, shared)\ns = smaps(va)\nt = smaps(vb)\nst = status()",
    );
    expect([v.a, v.c, v.vb, v["st.VmLck"]]).toEqual(["ok", "ok", "ok", 0]);
    expect(v["s.VmFlags"]).not.toContain("lo");
    expect(v["t.VmFlags"]).not.toContain("lo");
  });

  test("mlockall: arguments, and what it does to mappings to come", () => {
    const v = values(
      "a = mlockall(onfault)\nb = mlockall(none)\nc = mlockall(future)\nva = mmap(anon, 16K, rw, private)\n" +
        "s = smaps(va)\nd = munlockall()\nt = smaps(va)\nvb = mmap(anon, 16K, rw, private)\nu = smaps(vb)",
    );
    expect([v.a, v.b, v.c, v["s.Locked"], v.d, v["t.Locked"], v["u.Rss"]]).toEqual([
      "EINVAL",
      "EINVAL",
      "ok",
      16384,
      "ok",
      0,
      0,
    ]);
  });
});

describe("msync, mincore, mseal, remap_file_pages", () => {
  test("msync: flags, holes, files without fsync [45]", () => {
    expect([
      x(memfd, "msync(va, 16K)"),
      x(memfd, "msync(va + 1, 4K)"),
      x(memfd, "msync(va, 4K, sync|async)"),
      x(memfd, "msync(va, 32K)"),
      x(memfd, "msync(va, 0)"),
      x(`${memfd}mlock(va, 4K)\n`, "msync(va, 16K, invalidate)"),
    ]).toEqual(["ok", "EINVAL", "EINVAL", "ENOMEM", "ok", "EBUSY"]);
    expect(x("b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n", "msync(va, 16K)")).toBe("EINVAL");
    expect(x("b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n", "msync(va, 16K, async)")).toBe("ok");
  });

  test("mincore: unaligned EINVAL, a hole ENOMEM, the page cache counts", () => {
    expect(x(anon, "mincore(va + 1, 4K)")).toBe("EINVAL");
    expect(x(anon, "mincore(va, 32K)")).toBe("ENOMEM");
    expect(values(`${memfd}touch(va, 8K, write)\nvb = mmap(m, 16K, r, shared)\nx = mincore(vb, 16K)`).x).toBe(2);
    expect(values(`${anon}touch(va, 8K, read)\nx = mincore(va, 16K)`).x).toBe(2);
  });

  test("mseal: EPERM for what would change the mapping", () => {
    const v = values(
      `${anon}a = mseal(va, 8K)\ns = smaps(va)\nb = munmap(va, 4K)\nc = mprotect(va, 4K, r)\n` +
        "d = mremap(va, 4K, 8K)\ne = mmap(anon, 4K, rw, private, 0, va)\nf = madvise(va, 4K, dontneed)\n" +
        "g = mlock(va, 4K)\nh = munmap(va + 8K, 8K)\ni = mseal(va, 16K)\nj = mseal(va + 1, 4K)",
      "6.12",
    );
    expect([v.a, v["s.Size"], v.b, v.c, v.d, v.e, v.f, v.g, v.h, v.i, v.j]).toEqual([
      "ok",
      8192,
      "EPERM",
      "EPERM",
      "EPERM",
      "EPERM",
      "ok",
      "ok",
      "ok",
      "ENOMEM",
      "EINVAL",
    ]);
    expect(v["s.VmFlags"]).toContain("sl");
  });

  test("sealed and read-only: data cannot be thrown away", () => {
    expect(x("va = mmap(anon, 4K, r, private)\nmseal(va, 4K)\n", "madvise(va, 4K, dontneed)", "6.12")).toBe("EPERM");
  });

  test("remap_file_pages maps another part of the same file in place [117]", () => {
    const v = values(
      "m = memfd_create(32K)\nva = mmap(m, 32K, rw, shared)\ntouch(va, 32K, write)\n" +
        "a = remap_file_pages(va, 8K, 4)\nx = load(va)\ns = smaps(va)\nb = remap_file_pages(va, 8K, 0)\n" +
        "t = smaps(va)\np = mmap(m, 4K, rw, private)\nc = remap_file_pages(p, 4K, 0)\nd = remap_file_pages(va, 0, 0)",
    );
    expect([v.a, v.x, v["s.Size"], v["s.Rss"], v.b, v["t.Size"], v.c, v.d]).toEqual([
      "ok",
      4,
      8192,
      8192,
      "ok",
      32768,
      "EINVAL",
      "EINVAL",
    ]);
    expect(x("b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n", "remap_file_pages(va, 4K, 0)")).toBe(
      "ok",
    );
  });
});

describe("memfd seals and size", () => {
  test("size seals", () => {
    const v = values(
      "m = memfd_create(8K, seal_shrink|seal_grow)\na = ftruncate(m, 4K)\nb = ftruncate(m, 16K)\n" +
        "c = ftruncate(m, 8K)\nd = fallocate(m, allocate, 0, 16K)\ne = fallocate(m, keep_size, 0, 16K)\n" +
        "f = fallocate(m, allocate, 0, 8K)",
    );
    expect([v.a, v.b, v.c, v.d, v.e, v.f]).toEqual(["EPERM", "EPERM", "ok", "EPERM", "EPERM", "ok"]);
  });

  test("write seals and mappings; the read-only shared one is allowed, and stays read-only", () => {
    const text =
      "m = memfd_create(16K, seal_write)\na = mmap(m, 16K, rw, shared)\nb = mmap(m, 16K, rw, private)\n" +
      "c = fallocate(m, punch_hole, 0, 4K)\nx = mmap(m, 16K, r, shared)";
    expect(onReleases(text, ...releases)).toEqual(["ok", "ok", "ok", "ok", "ok", "ok"]);
    const v = values(`${text}\nd = mprotect(x, 4K, rw)\ns = smaps(x)`);
    expect([v.a, v.b, v.c, v.d]).toEqual(["EPERM", "ok", "EPERM", "EACCES"]);
    expect(v["s.VmFlags"]).toEqual(["me", "mr", "ms", "rd", "sh"]);
  });

  test("F_SEAL_WRITE waits for no writer: EBUSY while one can be", () => {
    const v = values(
      "m = memfd_create(16K)\nb = mmap(m, 16K, r, shared)\na = add_seals(m, seal_write)\nmunmap(b, 16K)\n" +
        "r = reopen(m, r)\nd = mmap(r, 16K, r, shared)\nc = add_seals(m, seal_write)\ng = get_seals(m)",
    );
    expect([v.a, v.c, v.g]).toEqual(["EBUSY", "ok", ["seal_write"]]);
  });

  test("F_SEAL_FUTURE_WRITE lets old writers write", () => {
    const v = values(
      `${memfd}a = add_seals(m, seal_future_write)\nb = store(va, 1)\nc = mmap(m, 4K, rw, shared)\n` +
        "d = mmap(m, 4K, r, shared)\ne = mprotect(d, 4K, rw)",
    );
    expect([v.a, v.b, v.c, v.d, v.e]).toEqual(["ok", "ok", "EPERM", "ok", "EACCES"]);
  });

  test("who may add seals", () => {
    const v = values(
      "m = memfd_create(4K, none, no_sealing)\na = add_seals(m, seal_grow)\ng = get_seals(m)\n" +
        "n = memfd_create(4K, seal_seal)\nb = add_seals(n, seal_grow)\np = memfd_create(4K)\nr = reopen(p, r)\n" +
        "c = add_seals(r, seal_grow)\nq = pipe()\nd = add_seals(q, seal_grow)\ne = get_seals(q)\n" +
        "f = memfd_create(4K, seal_grow, no_sealing)",
    );
    expect([v.a, v.g, v.b, v.c, v.d, v.e, v.f]).toEqual([
      "EPERM",
      ["seal_seal"],
      "EPERM",
      "EPERM",
      "EPERM",
      "EINVAL",
      "EPERM",
    ]);
  });

  test("F_SEAL_EXEC is known from 6.3 on and brings the others", () => {
    expect(onReleases("m = memfd_create(4K)\nx = add_seals(m, seal_exec)", "6.1", "6.12")).toEqual(["EINVAL", "ok"]);
    expect(values("m = memfd_create(4K, seal_exec)\nx = get_seals(m)").x).toEqual([
      "seal_exec",
      "seal_future_write",
      "seal_grow",
      "seal_shrink",
      "seal_write",
    ]);
  });

  test("ftruncate and fallocate of other descriptors [54]", () => {
    const v = values(
      "b = dma_heap_alloc(system, 4K)\na = ftruncate(b, 0)\nc = fallocate(b, allocate, 0, 4K)\n" +
        "m = memfd_create(4K)\nr = reopen(m, r)\nd = ftruncate(r, 0)\ne = fallocate(r, allocate, 0, 4K)\n" +
        "f = fallocate(m, allocate, 0, 0)\ng = ftruncate(99, 0)",
    );
    expect([v.a, v.c, v.d, v.e, v.f, v.g]).toEqual(["EINVAL", "ENODEV", "EINVAL", "EBADF", "EINVAL", "EBADF"]);
  });
});

describe("hugetlb memfds", () => {
  const huge = "m = memfd_create(4M, none, hugetlb)\nva = mmap(m, 4M, rw, shared)\n";

  test("one fault for 2 MiB, counted apart", () => {
    const v = values(
      `${huge}a = meminfo()\nn = faults { touch(va, 2M, write) }\nb = meminfo()\ns = smaps(va)\n` +
        "p = pagemap(va + 4K)\nst = status()\nc = mincore(va, 4M)",
    );
    expect([
      v.n,
      v["s.Size"],
      v["s.Rss"],
      v["s.Private_Hugetlb"],
      v["s.Shared_Hugetlb"],
      v["s.KernelPageSize"],
    ]).toEqual([1, 4194304, 0, 2097152, 0, 2097152]);
    expect([v["a.HugePages_Free"], v["b.HugePages_Free"], v["p.present"], v["p.mapcount"], v["st.VmRSS"], v.c]).toEqual(
      [0, -1, 1, 1, 0, 512],
    );
    expect(v["s.VmFlags"]).toEqual(["de", "ht", "me", "mr", "ms", "mw", "rd", "sh", "wr"]);
  });

  test("mincore asks the page cache where not even the upper table is", () => {
    const text = `${huge}store(va, 1)\nfork C\nC: x = mincore(va + 8K, 16K)`;
    expect(onReleases(text, "6.1", "6.12", "7.3")).toEqual([1, 4, 4]);
    expect(x(huge, "mincore(va, 4K)")).toBe(0);
  });

  test("alignment: size, offset, unmapping, moving, growing", () => {
    expect(x("", "memfd_create(4K, none, hugetlb)")).toBe("EINVAL");
    expect([
      x(huge, "mmap(m, 2M, rw, shared, 4K)"),
      x(huge, "munmap(va, 4K)"),
      x(huge, "munmap(va, 2M)"),
      x(huge, "mremap(va, 2M, 4M)"),
      x(huge, "ftruncate(m, 1M)"),
      x(huge, "mprotect(va, 4K, r)"),
    ]).toEqual(["EINVAL", "EINVAL", "ok", "EINVAL", "EINVAL", "EINVAL"]);
  });

  test("the pool: set aside at mmap, empty is ENOMEM", () => {
    expect(x("m = memfd_create(128M, none, hugetlb)\n", "mmap(m, 128M, rw, shared)")).toBe("ENOMEM");
    expect(x("m = memfd_create(128M, none, hugetlb)\n", "mmap(m, 128M, rw, shared|noreserve)")).toBe("ok");
    expect(
      x(
        "m = memfd_create(64M, none, hugetlb)\na = mmap(m, 64M, rw, shared)\nn = memfd_create(2M, none, hugetlb)\n",
        "mmap(n, 2M, rw, shared)",
      ),
    ).toBe("ENOMEM");
  });

  test("pages go back to the pool when the file is closed and unmapped", () => {
    const v = values(`${huge}touch(va, 4M, write)\nclose(m)\na = meminfo()\nmunmap(va, 4M)\nb = meminfo()`);
    expect([v["a.HugePages_Free"], v["b.HugePages_Free"]]).toEqual([-2, 0]);
  });

  test("a private mapping sets its own pages aside, and they never enter the file", () => {
    expect(x("m = memfd_create(64M, none, hugetlb)\na = mmap(m, 64M, rw, shared)\n", "mmap(m, 2M, rw, private)")).toBe(
      "ENOMEM",
    );
    const v = values(
      "m = memfd_create(4M, none, hugetlb)\nva = mmap(m, 4M, rw, private)\nn = faults { touch(va, 4M, read) }\n" +
        "a = meminfo()\nk = faults { touch(va, 4M, write) }\nb = meminfo()\nf = fstat(m)\nmunmap(va, 4M)\n" +
        "c = meminfo()\ng = mmap(m, 64M, rw, shared)",
    );
    expect([v.n, v["a.HugePages_Free"], v.k, v["b.HugePages_Free"], v["f.blocks"], v["c.HugePages_Free"], v.g]).toEqual(
      [2, -2, 2, -2, 0, 0, "ok"],
    );
  });

  test("bytes are shared, and private copies are not", () => {
    const v = values(
      `${huge}store(va + 3M, 5)\nvb = mmap(m, 4M, rw, private)\nx = load(vb + 3M)\nstore(vb + 3M, 6)\n` +
        "y = load(va + 3M)\nz = load(vb + 3M)",
    );
    expect([v.x, v.y, v.z]).toEqual([5, 5, 6]);
  });
});

describe("exit", () => {
  test("a process that ended has given everything back", () => {
    const v = values(`
      process B
      m = memfd_create(16K)
      va = mmap(m, 16K, rw, shared)
      touch(va, 16K, write)
      B: n = receive(m)
      B: vb = mmap(n, 16K, rw, shared)
      B: touch(vb, 16K, read)
      a = smaps(va)
      B: exit()
      b = smaps(va)`);
    expect([v["a.Pss"], v["b.Pss"]]).toEqual([8192, 16384]);
  });
});
