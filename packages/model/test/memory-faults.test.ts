/** Faults, copy-on-write, fork and signals, as litmus text. Numbers in brackets are rows of the facts' test list. */
import { describe, expect, test } from "vitest";
import { ask, onReleases, values } from "./ask.js";

const releases = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"];

describe("private anonymous memory", () => {
  test("a read maps the zero page, which counts nowhere; a write makes a page", () => {
    const v = values(`
      va = mmap(anon, 16K, rw, private)
      r = faults { touch(va, 16K, read) }
      a = smaps(va)
      p = pagemap(va)
      w = faults { touch(va, 16K, write) }
      b = smaps(va)
      s = status()`);
    expect([v.r, v.w]).toEqual([4, 4]);
    expect(v["a.Rss"]).toBe(0);
    expect([v["p.present"], v["p.file"], v["p.exclusive"]]).toEqual([1, 0, 0]);
    expect([v["b.Rss"], v["b.Pss"], v["b.Anonymous"], v["b.Private_Dirty"], v["b.Referenced"]]).toEqual([
      16384, 16384, 16384, 16384, 16384,
    ]);
    expect([v["s.RssAnon"], v["s.VmRSS"], v["s.VmSize"]]).toEqual([16384, 16384, 16384]);
  });

  test("the flags of a private writable mapping: accounted; NORESERVE is not", () => {
    const v = values(
      "a = mmap(anon, 4K, rw, private)\nb = mmap(anon, 4K, rw, private|noreserve)\nc = mmap(anon, 4K, r, private)\n" +
        "x = smaps(a)\ny = smaps(b)\nz = smaps(c)",
    );
    expect(v["x.VmFlags"]).toEqual(["ac", "me", "mr", "mw", "rd", "wr"]);
    expect(v["y.VmFlags"]).toEqual(["me", "mr", "mw", "nr", "rd", "wr"]);
    expect(v["z.VmFlags"]).toEqual(["me", "mr", "mw", "rd"]);
  });

  test("a write breaks sharing after a fork, the second writer keeps the page", () => {
    for (const release of releases) {
      const v = values(
        `
        va = mmap(anon, 16K, rw, private)
        touch(va, 16K, write)
        fork C
        C: a = smaps(va)
        p = pagemap(va)
        n = faults { touch(va, 16K, write) }
        C: m = faults { touch(va, 16K, write) }
        C: b = smaps(va)
        s = smaps(va)`,
        release,
      );
      expect([v["a.Rss"], v["a.Pss"], v["a.Shared_Dirty"], v["a.Referenced"]]).toEqual([
        16384,
        8192,
        16384,
        release.startsWith("7.") ? 16384 : 0,
      ]);
      expect([v["p.exclusive"], v["p.mapcount"]]).toEqual([0, 2]);
      expect([v.n, v.m]).toEqual([4, 4]);
      expect([v["b.Private_Dirty"], v["s.Private_Dirty"], v["b.Pss"]]).toEqual([16384, 16384, 16384]);
    }
  });

  test("a child's writes are its own", () => {
    const v = values(
      "va = mmap(anon, 4K, rw, private)\nstore(va, 1)\nfork C\nC: store(va, 2)\nC: x = load(va)\ny = load(va)",
    );
    expect([v.x, v.y]).toEqual([2, 1]);
  });

  test("WIPEONFORK gives zeros to the child and DONTFORK nothing [38]", () => {
    const v = values(`
      va = mmap(anon, 16K, rw, private)
      store(va, 7)
      vb = mmap(anon, 16K, rw, private)
      store(vb, 9)
      madvise(va, 16K, wipeonfork)
      madvise(vb, 16K, dontfork)
      fork C
      C: x = load(va)
      C: y = load(vb)
      z = load(vb)
      C: s = smaps(vb)`);
    expect([v.x, v.y, v.z, v.s]).toEqual([0, "SIGSEGV", 9, "EFAULT"]);
  });

  test("an access across a page border touches both pages", () => {
    const v = values(
      "va = mmap(anon, 8K, rw, private)\nn = faults { store(va + 4094, 0x11223344) }\nx = load(va + 4094, 4)\n" +
        "y = load(va + 4096, 2)\nz = load(va + 4095, 1)",
    );
    expect([v.n, v.x, v.y, v.z]).toEqual([2, 0x11223344, 0x1122, 0x33]);
  });

  test("a store that ends past the mapping stores nothing", () => {
    const v = values("va = mmap(anon, 4K, rw, private)\nx = store(va + 4094, 0x11223344)\ny = load(va + 4092, 4)");
    expect([v.x, v.y]).toEqual(["SIGSEGV", 0]);
  });

  test("touch stores the number of the page within the touched range", () => {
    const v = values(
      "va = mmap(anon, 16K, rw, private)\ntouch(va + 4K, 12K, write)\nx = load(va + 12K)\ny = load(va)\n" +
        "fill(va, 8K, 0xab)\nz = load(va + 4K)",
    );
    expect([v.x, v.y, v.z]).toEqual([2, 0, 0xabababab]);
  });

  test("protection decides before the page table: SIGSEGV", () => {
    const v = values(
      "a = mmap(anon, 4K, none, private)\nb = mmap(anon, 4K, r, private)\nc = mmap(anon, 4K, w, private)\n" +
        "x = load(a)\ny = store(b, 1)\nz = load(b)\nw = load(c)\nu = load(c + 4K)",
    );
    expect([v.x, v.y, v.z, v.w, v.u]).toEqual(["SIGSEGV", "SIGSEGV", 0, 0, "SIGSEGV"]);
  });
});

describe("memfd mappings", () => {
  const memfd = "m = memfd_create(16K)\nva = mmap(m, 16K, rw, shared)\n";

  test("fresh and touched, as smaps and pagemap show them", () => {
    for (const release of releases) {
      const v = values(
        `${memfd}a = smaps(va)\np = pagemap(va)\nn = faults { touch(va, 16K, write) }\nb = smaps(va)\n` +
          "q = pagemap(va)\nc = mincore(va, 16K)",
        release,
      );
      expect([v["a.Size"], v["a.Rss"], v["a.Pss"]]).toEqual([16384, 0, 0]);
      expect(v["a.VmFlags"]).toEqual(["me", "mr", "ms", "mw", "rd", "sh", "wr"]);
      expect(v["p.present"]).toBe(0);
      // Up to 5.19 a fault that makes a file's page dirty is taken twice, and counts as major.
      expect([v.n, v["b.Rss"], v["b.Pss"], v["b.Anonymous"], v["b.Private_Dirty"]]).toEqual([
        release === "5.10" ? 0 : 4,
        16384,
        16384,
        0,
        16384,
      ]);
      expect([v["q.present"], v["q.file"], v["q.exclusive"], v["q.mapcount"]]).toEqual([1, 1, 1, 1]);
      expect(v.c).toBe(4);
    }
  });

  test("a first read leaves the entry writable: no second fault", () => {
    const v = values(
      `${memfd}r = faults { touch(va, 16K, read) }\na = smaps(va)\nw = faults { touch(va, 16K, write) }\nb = smaps(va)`,
    );
    expect([v.r, v.w]).toEqual([4, 0]);
    expect([v["a.Private_Clean"], v["a.Private_Dirty"], v["b.Private_Dirty"]]).toEqual([16384, 0, 16384]);
  });

  test("with software dirty bits it costs a second fault", () => {
    const v = values(`${memfd}r = faults { touch(va, 16K, read) }\nw = faults { touch(va, 16K, write) }`, "6.12", {
      arch: "arm",
    });
    expect([v.r, v.w]).toEqual([4, 4]);
  });

  test("a read fault maps the 16 pages around that the file has already", () => {
    const v = values(`
      m = memfd_create(128K)
      va = mmap(m, 128K, rw, shared)
      touch(va, 64K, write)
      vb = mmap(m, 128K, rw, shared)
      n = faults { touch(vb, 64K, read) }
      k = faults { touch(vb, 64K, write) }
      s = smaps(vb)
      j = faults { touch(vb + 64K, 64K, read) }`);
    expect([v.n, v.k, v.j]).toEqual([1, 0, 16]);
    expect([v["s.Rss"], v["s.Pss"], v["s.Shared_Dirty"]]).toEqual([65536, 32768, 65536]);
  });

  test("fault-around keeps to its mapping and its aligned block", () => {
    const v = values(`
      m = memfd_create(256K)
      va = mmap(m, 256K, rw, shared)
      touch(va, 256K, write)
      vb = mmap(m, 8K, rw, shared, 12K)
      a = faults { touch(vb, 8K, read) }
      vc = mmap(m, 256K, rw, shared)
      b = faults { load(vc + 68K) }
      p = pagemap(vc + 64K)
      q = pagemap(vc + 124K)
      r = pagemap(vc + 128K)
      s = pagemap(vc + 60K)`);
    expect([v.a, v.b]).toEqual([1, 1]);
    expect([v["p.present"], v["q.present"], v["r.present"], v["s.present"]]).toEqual([1, 1, 0, 0]);
  });

  test("Pss is divided by the map count, in whole kilobytes", () => {
    const v = values(`
      m = memfd_create(4K)
      a = mmap(m, 4K, rw, shared)
      store(a, 1)
      b = mmap(m, 4K, rw, shared)
      touch(b, 4K, read)
      c = mmap(m, 4K, rw, shared)
      touch(c, 4K, read)
      s = smaps(a)`);
    expect([v["s.Rss"], v["s.Pss"], v["s.Shared_Dirty"]]).toEqual([4096, 1024, 4096]);
  });

  test("a child does not inherit entries, and faults them in [104]", () => {
    const v = values(
      `${memfd}touch(va, 16K, write)\nfork C\nC: a = smaps(va)\nC: n = faults { touch(va, 16K, read) }\n` +
        "C: b = smaps(va)",
    );
    expect([v["a.Rss"], v.n, v["b.Rss"], v["b.Pss"]]).toEqual([0, 1, 16384, 8192]);
  });

  test("past the end of the file: SIGBUS, also after it became shorter", () => {
    const v = values(
      "m = memfd_create(16K)\nva = mmap(m, 32K, rw, shared)\nx = load(va + 16K)\ny = store(va + 12K, 5)\n" +
        "z = ftruncate(m, 4K)\nw = load(va + 12K)\nu = load(va)\nftruncate(m, 16K)\nt = load(va + 12K)",
    );
    expect([v.x, v.y, v.z, v.w, v.u, v.t]).toEqual(["SIGBUS", "ok", "ok", "SIGBUS", 0, 0]);
  });

  test("a shorter file takes private copies too, a hole does not", () => {
    const v = values(`
      m = memfd_create(8K)
      va = mmap(m, 8K, rw, private)
      store(va, 1)
      store(va + 4K, 2)
      fallocate(m, punch_hole, 0, 4K)
      x = load(va)
      ftruncate(m, 4K)
      y = load(va + 4K)
      z = load(va)`);
    expect([v.x, v.y, v.z]).toEqual([1, "SIGBUS", 1]);
  });

  test("a private mapping reads the file and writes copies", () => {
    const v = values(`
      m = memfd_create(16K)
      sh = mmap(m, 16K, rw, shared)
      store(sh, 5)
      va = mmap(m, 16K, rw, private)
      x = load(va)
      store(va, 6)
      y = load(sh)
      z = load(va)
      s = smaps(va)
      p = pagemap(va)`);
    expect([v.x, v.y, v.z]).toEqual([5, 5, 6]);
    expect([v["s.Anonymous"], v["s.VmFlags"]]).toEqual([4096, ["ac", "me", "mr", "mw", "rd", "wr"]]);
    expect([v["p.file"], v["p.exclusive"]]).toEqual([0, 1]);
  });

  test("truncation zeroes the rest of the last page", () => {
    const v = values(
      "m = memfd_create(8K)\nva = mmap(m, 8K, rw, shared)\nfill(va, 8K, 0xff)\nftruncate(m, 4K)\n" +
        "ftruncate(m, 2048)\nftruncate(m, 8K)\nx = load(va + 2044)\ny = load(va + 2048)\nz = load(va + 4K)",
    );
    expect([v.x, v.y, v.z]).toEqual([0xffffffff, 0, 0]);
  });

  test("fallocated pages are not resident until somebody uses them", () => {
    const v = values(
      "m = memfd_create(16K)\na = fallocate(m, allocate, 0, 32K)\nva = mmap(m, 32K, rw, shared)\n" +
        "b = mincore(va, 32K)\nn = faults { touch(va, 16K, read) }\nc = mincore(va, 32K)\nf = fstat(m)\ns = smaps(va)",
    );
    expect([v.a, v.b, v.n, v.c]).toEqual(["ok", 0, 4, 4]);
    expect([v["f.size"], v["f.blocks"]]).toEqual([32768, 64]);
    expect(v["s.Private_Dirty"]).toBe(16384);
  });

  test("keep_size allocates past the end without moving it", () => {
    const v = values(
      "m = memfd_create(4K)\na = fallocate(m, keep_size, 0, 16K)\nf = fstat(m)\nva = mmap(m, 16K, rw, shared)\n" +
        "x = load(va + 8K)\nb = ftruncate(m, 4K)\ng = fstat(m)",
    );
    expect([v["f.size"], v["f.blocks"], v.x, v["g.blocks"]]).toEqual([4096, 32, "SIGBUS", 8]);
  });

  test("a shared anonymous mapping is a file without a name", () => {
    const v = values(
      "va = mmap(anon, 16K, rw, shared)\ntouch(va, 16K, write)\ns = smaps(va)\nm = maps(va)\nt = status()\nfork C\n" +
        "C: store(va, 9)\nx = load(va)",
    );
    expect([v["s.Rss"], v["s.Anonymous"], v["m.path"], v["m.perms"]]).toEqual([
      16384,
      0,
      "/dev/zero (deleted)",
      "rw-s",
    ]);
    expect([v["t.RssShmem"], v["t.RssAnon"], v.x]).toEqual([16384, 0, 9]);
  });
});

describe("system heap mappings", () => {
  const heap = "b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\n";

  test("no fault, no Rss, entries at once [123]", () => {
    const v = values(
      "b = dma_heap_alloc(system, 4M)\nva = mmap(b, 4M, rw, shared)\ns = status()\n" +
        "n = faults { touch(va, 4M, write) }\nt = smaps(va)\np = pagemap(va)",
      "6.12",
    );
    // Two tables of entries, and the one above them: nothing else is mapped in that gigabyte.
    expect([v.n, v["s.VmPTE"], v["s.VmSize"], v["t.Rss"], v["p.present"]]).toEqual([0, 12288, 4194304, 0, 0]);
  });

  test("a child sees and shares it without a fault [37]", () => {
    const v = values(
      `${heap}store(va, 0x77)\nfork C\nC: n = faults { x = load(va) }\nC: store(va, 0x78)\ny = load(va)`,
    );
    expect([v.n, v.x, v.y]).toEqual([0, 0x77, 0x78]);
  });

  test("a private page is copied through the user's address; smaps counts it from 6.2 on [31, 34, 35]", () => {
    const text =
      "b = dma_heap_alloc(system, 4K)\nsh = mmap(b, 4K, rw, shared)\nstore(sh, 5)\nva = mmap(b, 4K, rw, private)\n" +
      "x = load(va)\nstore(va, 6)\ny = load(va)\nz = load(sh)\ns = smaps(va)\np = pagemap(va)\nm = maps(va)\n" +
      "t = status()";
    for (const [release, rss] of [
      ["6.1", 0],
      ["6.12", 4096],
      ["7.3", 4096],
    ] as const) {
      const v = values(text, release);
      expect([v.x, v.y, v.z]).toEqual([5, 6, 5]);
      expect([v["s.Rss"], v["s.Anonymous"], v["s.Private_Dirty"], v["p.present"], v["t.RssAnon"]]).toEqual([
        rss,
        rss,
        rss,
        0,
        4096,
      ]);
      expect(v["m.offset"]).not.toBe(0);
    }
  });

  test("without special entries the copy is told by its frame number", () => {
    const v = values(
      "b = dma_heap_alloc(system, 4K)\nva = mmap(b, 4K, rw, private)\nstore(va, 6)\ns = smaps(va)\nfork C\n" +
        "C: x = load(va)\nC: store(va, 8)\ny = load(va)",
      "6.12",
      { arch: "arm" },
    );
    expect([v["s.Anonymous"], v.x, v.y]).toEqual([4096, 6, 6]);
  });

  test("mincore of a touched page: 0 up to 7.2, 1 in 7.3 [39]", () => {
    expect(onReleases(`${heap}touch(va, 16K, write)\nx = mincore(va, 16K)`, "6.12", "7.2", "7.3")).toEqual([0, 0, 4]);
  });

  test("PAT shows as ar up to 6.15, where one call covers the mapping", () => {
    for (const [release, flag] of [
      ["6.12", true],
      ["6.18", false],
    ] as const) {
      const v = values(
        "b = dma_heap_alloc(system, 4K)\nva = mmap(b, 4K, rw, shared)\nc = dma_heap_alloc(system, 16K)\n" +
          "vb = mmap(c, 16K, rw, shared)\ns = smaps(va)\nt = smaps(vb)",
        release,
      );
      expect((v["s.VmFlags"] as string[]).includes("ar")).toBe(flag);
      expect((v["t.VmFlags"] as string[]).includes("ar")).toBe(false);
    }
  });

  test("DONTNEED of a mapping by vm_insert_page kills it: SIGBUS, and mlock ENOMEM [96, 97]", () => {
    const v = values(
      `${heap}x = madvise(va, 16K, dontneed)\ny = load(va)\nz = mlock(va, 16K)\n` +
        "w = madvise(va, 4K, populate_read)\ns = smaps(va)",
      "6.12",
      { designs: { "system-heap.mmap": "insert-page" } },
    );
    expect([v.x, v.y, v.z, v.w, v["s.Rss"]]).toEqual(["ok", "SIGBUS", "ENOMEM", "EFAULT", 0]);
  });

  test("a refusal names its rule", () => {
    const rules = ask(`${heap}madvise(va, 16K, dontneed)\nmadvise(va, 16K, populate_read)`, "7.3").rules;
    expect(rules).toContain("madvise/dontneed-forbidden");
    expect(rules).toContain("madvise/populate-vma");
  });
});
