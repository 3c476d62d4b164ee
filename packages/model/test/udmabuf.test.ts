/** udmabuf in its three generations. Numbers in brackets are those of kernel-facts, chapter 11. */
import { describe, expect, test } from "vitest";
import { Kernel, must } from "../src/index.js";
import { ask, onReleases, values } from "./ask.js";

const all = ["6.1", "6.12", "6.18", "7.2", "7.3"];
const modern = ["6.12", "6.18", "7.2", "7.3"];
const make = "m = memfd_create(64K, seal_shrink)\nb = udmabuf_create(m, 0, 64K)\n";
const mapped = `${make}va = mmap(b, 64K, rw, shared)\n`;

describe("creation", () => {
  const create = (args: string, memfd = "1M, seal_shrink", release = "7.3"): unknown =>
    values(`m = memfd_create(${memfd})\nx = udmabuf_create(m, ${args})`, release).x;

  test("offset and size: whole pages, something, inside the memfd", () => {
    expect(create("1, 4K")).toBe("EINVAL");
    expect(create("0, 100")).toBe("EINVAL");
    expect(create("0, 0")).toBe("EINVAL");
    expect(create("0, 2M")).toBe("EINVAL");
    expect(create("1M, 4K")).toBe("EINVAL");
    expect(create("1020K, 4K")).toBe("ok");
    expect(create("4K, 8K, 255")).toBe("ok");
    expect(create("0, 0xfffffffffffff000")).toBe("EINVAL");
    expect(create("0, 0xffffffffffffffff")).toBe("EINVAL");
  });

  test("size and offset come before the descriptor, alignment before the limit", () => {
    const rule = (args: string): unknown => ask(`x = udmabuf_create(999, ${args})`, "7.2").rules?.[0];
    expect(rule("1, 128M")).toBe("udmabuf/unaligned");
    expect(rule("0, 128M")).toBe("udmabuf/too-large");
    expect(rule("0, 0")).toBe("udmabuf/empty");
    expect(rule("0, 4K")).toBe("udmabuf/not-a-memfd");
  });

  test("64 MiB is the limit up to 7.2 [C]", () => {
    expect(
      onReleases("m = memfd_create(65M, seal_shrink)\nx = udmabuf_create(m, 0, 65M)", "6.1", "6.12", "7.2", "7.3"),
    ).toEqual(["EINVAL", "EINVAL", "EINVAL", "ok"]);
    expect(
      onReleases("m = memfd_create(64M, seal_shrink)\nx = udmabuf_create(m, 0, 64M)", "6.1", "6.12", "7.2"),
    ).toEqual(["ok", "ok", "ok"]);
  });

  test("without a limit the page array is the limit: ENOMEM past memory, and a warning past INT_MAX bytes", () => {
    expect(values("m = memfd_create(4K, seal_shrink)\nx = udmabuf_create(m, 0, 768G)", "7.3").x).toBe("ENOMEM");
    expect(ask("m = memfd_create(4K, seal_shrink)\nx = udmabuf_create(m, 0, 2T)", "7.3").status).toBe("oops");
    expect(values("m = memfd_create(4K, seal_shrink)\nx = udmabuf_create(m, 0, 1G)", "7.3").x).toBe("EINVAL");
  });

  test("descriptors that are no memfd: EBADFD; tmpfs files: EINVAL", () => {
    expect(values("x = udmabuf_create(999, 0, 4K)").x).toBe("EBADFD");
    expect(values("p = pipe()\nx = udmabuf_create(p, 0, 4K)").x).toBe("EBADFD");
    expect(values("d = open_disk(direct)\nx = udmabuf_create(d, 0, 4K)").x).toBe("EBADFD");
    expect(values("b = dma_heap_alloc(system, 4K)\nx = udmabuf_create(b, 0, 4K)").x).toBe("EBADFD");
    expect(values("f = open_file(4K)\nx = udmabuf_create(f, 0, 4K)").x).toBe("EINVAL");
  });

  test("seals: SHRINK wanted, WRITE and FUTURE_WRITE not [68]", () => {
    expect(create("0, 4K", "64K")).toBe("EINVAL");
    expect(create("0, 4K", "64K, none, no_sealing")).toBe("EINVAL");
    expect(create("0, 4K", "64K, seal_shrink|seal_grow|seal_seal")).toBe("ok");
    expect(create("0, 4K", "64K, seal_shrink|seal_write")).toBe("EINVAL");
    expect(create("0, 4K", "64K, seal_shrink|seal_future_write")).toBe("EINVAL");
    expect(create("0, 4K", "64K, seal_shrink|seal_future_write", "5.10.231")).toBe("ok");
  });

  test("a memfd opened for reading makes a writable buffer [78]", () => {
    const lines =
      "m = memfd_create(8K, seal_shrink)\nr = reopen(m, r)\nb = udmabuf_create(r, 0, 8K)\n" +
      "va = mmap(b, 8K, rw, shared)\nstore(va, 0x42)\nvm = mmap(m, 8K, r, shared)\nx = load(vm)";
    for (const release of all) expect(values(lines, release), release).toMatchObject({ b: "ok", va: "ok", x: 0x42 });
  });

  test("lists: up to 1024 items, in any order, a page more than once", () => {
    const memfd = "m = memfd_create(16K, seal_shrink)\n";
    const list = (items: string, more = ""): unknown => values(`${memfd}x = udmabuf_create_list([${items}]${more})`).x;
    expect(list("[m, 0, 4K]", ", 1024")).toBe("ok");
    expect(list("[m, 0, 4K]", ", 1025")).toBe("EINVAL");
    expect(list("[m, 0, 4K]", ", 0")).toBe("EINVAL");
    expect(list("[m, 0, 4K], [m, 1, 4K]")).toBe("EINVAL");
    expect(
      values(
        `${memfd}b = udmabuf_create_list([[m, 8K, 4K], [m, 0, 4K], [m, 8K, 4K]])\nva = mmap(b, 12K, rw, shared)\n` +
          "store(va, 0x31)\nx = load(va + 8K)\nvm = mmap(m, 16K, r, shared)\ny = load(vm + 8K)\nz = load(vm)\n" +
          "s = lseek(b, 0, end)",
      ),
    ).toMatchObject({ x: 0x31, y: 0x31, z: 0, s: 12288 });
  });

  test("an empty item: 6.1 takes it, pinning refuses it", () => {
    expect(
      onReleases(
        "m = memfd_create(16K, seal_shrink)\nx = udmabuf_create_list([[m, 0, 4K], [m, 0, 0]])",
        "6.1",
        "6.12",
        "7.3",
      ),
    ).toEqual(["ok", "EINVAL", "EINVAL"]);
  });

  test("a list that fails half way lets go of what it held", () => {
    for (const release of ["6.1", "6.12", "7.3"]) {
      const kernel = new Kernel({ release });
      const app = kernel.process("app");
      const memfd = must(app.memfd(16384, "seal_shrink"));
      app.call("udmabuf_create_list", {
        items: [
          [memfd.fd, 0, 16384],
          [999, 0, 4096],
        ],
      });
      const refs = [...app.files.get(memfd.fd)!.inode.mapping.pages.values()].map((pfn) => kernel.frames.ref(pfn));
      expect(refs, release).toEqual([1, 1, 1, 1]);
    }
  });

  test("hugetlb: refused, then what is there, then what can be allocated", () => {
    const whole = "m = memfd_create(4M, seal_shrink, hugetlb)\nx = udmabuf_create(m, 0, 4M)";
    expect(onReleases(whole, "5.10", "6.1", "6.12", "7.3")).toEqual(["EBADFD", "EINVAL", "ok", "ok"]);
    const touched =
      "m = memfd_create(4M, seal_shrink, hugetlb)\nvm = mmap(m, 4M, rw, shared)\nstore(vm + 4K, 7)\n" +
      "b = udmabuf_create(m, 4K, 8K)\nva = mmap(b, 8K, rw, shared)\nx = load(va)";
    expect(onReleases(touched, "6.1", "6.12", "7.3")).toEqual([7, 7, 7]);
  });
});

describe("mappings", () => {
  test("flags: none up to 6.1, pf de dd without io since [79]", () => {
    const flags = (release: string): unknown => values(`${mapped}s = smaps(va)`, release)["s.VmFlags"];
    expect(flags("6.1")).toEqual(["me", "mr", "ms", "mw", "rd", "sh", "wr"]);
    expect(flags("6.12")).toEqual(["dd", "de", "me", "mr", "ms", "mw", "pf", "rd", "sh", "wr"]);
    expect(flags("7.3")).toEqual(["dd", "de", "mr", "ms", "mw", "pf", "rd", "sh", "wr"]);
  });

  test("MAP_PRIVATE is refused everywhere [79]", () => {
    expect(onReleases(`${make}x = mmap(b, 4K, r, private)`, ...all)).toEqual(all.map(() => "EINVAL"));
  });

  test("faults for 16 pages: one each, then one for all [82]", () => {
    expect(onReleases(`${mapped}x = faults { touch(va, 64K, write) }`, "5.10", ...all)).toEqual([0, 16, 16, 1, 1, 1]);
    expect(
      values(`${mapped}x = faults { touch(va, 64K, write) }`, "7.3", { designs: { "udmabuf.mmap": "pfn-at-mmap" } }).x,
    ).toBe(0);
  });

  test("1024 pages: 1024 faults on 6.12, 1 on 7.x, populate or not [82, 121]", () => {
    for (const sharing of ["shared", "shared|populate"]) {
      const lines =
        `m = memfd_create(4M, seal_shrink)\nb = udmabuf_create(m, 0, 4M)\nva = mmap(b, 4M, rw, ${sharing})\n` +
        "x = faults { touch(va, 4M, read) }";
      expect(onReleases(lines, "6.12", "7.2"), sharing).toEqual([1024, 1]);
    }
  });

  test("the first fault fills its own mapping only, from any page", () => {
    const lines =
      `${mapped}vb = mmap(b, 32K, rw, shared, 16K)\na = faults { store(vb + 8K, 1) }\n` +
      "c = faults { touch(vb, 32K, read) }\nd = faults { x = load(va + 24K) }\n";
    expect(values(lines, "7.3")).toMatchObject({ a: 1, c: 0, d: 1, x: 1 });
  });

  test("after a split each half fills itself", () => {
    expect(
      values(
        `${mapped}mprotect(va, 16K, r)\na = faults { load(va) }\nb1 = faults { load(va + 60K) }\n` +
          "c = faults { touch(va, 64K, read) }",
        "7.3",
      ),
    ).toMatchObject({ a: 1, b1: 1, c: 0 });
  });

  test("Rss is counted in 6.1 only [80], and page references with it", () => {
    const touched = `${mapped}touch(va, 64K, write)\ns = smaps(va)\nt = status()\nx = process_vm_readv(va, 4K)`;
    expect(values(touched, "6.1")).toMatchObject({ "s.Rss": 65536, "s.Pss": 65536, "t.RssShmem": 65536, x: 4096 });
    for (const release of modern)
      expect(values(touched, release), release).toMatchObject({ "s.Rss": 0, "s.Pss": 0, "t.RssShmem": 0, x: "EFAULT" });
  });

  test("a populated mapping needs no fault in a child [122]", () => {
    for (const [release, faults] of [
      ["6.1", 16],
      ["6.12", 0],
      ["7.3", 0],
    ] as const) {
      expect(
        values(`${mapped}touch(va, 64K, read)\nfork C\nC: n = faults { touch(va, 64K, read) }`, release).n,
        release,
      ).toBe(faults);
    }
  });

  test("DONTFORK can be undone up to 6.12, not on 7.x [81]", () => {
    const lines = `${mapped}madvise(va, 64K, dontfork)\nx = madvise(va, 64K, dofork)`;
    expect(onReleases(lines, "6.12", "7.2", "7.3")).toEqual(["ok", "EINVAL", "EINVAL"]);
  });

  test("the buffer outlives the memfd's descriptor and keeps its offset", () => {
    expect(
      values(
        "m = memfd_create(16K, seal_shrink)\nvm = mmap(m, 16K, rw, shared)\nstore(vm + 8K, 0x55)\n" +
          "b = udmabuf_create(m, 8K, 8K)\nclose(m)\nmunmap(vm, 16K)\nva = mmap(b, 8K, rw, shared)\nx = load(va)",
      ).x,
    ).toBe(0x55);
  });
});

describe("the memfd underneath", () => {
  const both = `${mapped}vm = mmap(m, 64K, rw, shared)\nstore(vm, 0x10)\nstore(va + 4K, 0x20)\n`;

  test.each(all)("bytes are shared both ways on %s", (release) => {
    expect(values(`${both}x = load(va)\ny = load(vm + 4K)`, release)).toMatchObject({ x: 0x10, y: 0x20 });
  });

  test.each(all)("a hole detaches it on %s [77]", (release) => {
    expect(
      values(
        `${both}p = fallocate(m, punch_hole, 0, 4K)\nx = load(va)\ny = load(vm)\nstore(vm, 0x11)\nz = load(va)`,
        release,
      ),
    ).toMatchObject({ p: "ok", x: 0x10, y: 0, z: 0x10 });
  });

  test("F_SEAL_WRITE is refused while the buffer is there, FUTURE_WRITE is not [75, 76]", () => {
    for (const release of modern) {
      expect(
        values(
          `${make}x = add_seals(m, seal_write)\ny = add_seals(m, seal_future_write)\nva = mmap(b, 4K, rw, shared)\n` +
            "close(b)\n",
          release,
        ),
        release,
      ).toMatchObject({ x: "EBUSY", y: "ok", va: "ok" });
      expect(values(`${make}close(b)\nx = add_seals(m, seal_write)`, release).x, release).toBe("ok");
    }
  });

  test("shrinking is sealed, growing is not", () => {
    expect(values(`${make}x = ftruncate(m, 4K)\ny = ftruncate(m, 128K)`)).toMatchObject({ x: "EPERM", y: "ok" });
  });

  test("reference counts: 1 a page up to 6.1, a pin a folio since, given back at the end", () => {
    const refs = (release: string): [number, number, number] => {
      const kernel = new Kernel({ release });
      const app = kernel.process("app");
      const memfd = must(app.memfd(8192, "seal_shrink"));
      const buffer = must(app.udmabuf(memfd, 0, 8192));
      const pfn = app.files.get(memfd.fd)!.inode.mapping.pages.get(1)!;
      const held = kernel.frames.ref(pfn);
      const second = must(app.udmabuf(memfd, 4096, 4096));
      const twice = kernel.frames.ref(pfn);
      must(buffer.close());
      must(second.close());
      return [held, twice, kernel.frames.ref(pfn)];
    };
    expect(refs("6.1")).toEqual([2, 3, 1]);
    expect(refs("6.12")).toEqual([1025, 2049, 1]);
    expect(refs("7.3")).toEqual([1025, 2049, 1]);
  });
});

describe("kernel access", () => {
  test("END before START: EINVAL; after one START: 0 [59]", () => {
    for (const release of all)
      expect(
        values(
          `${make}x = dma_buf_sync(b, end|read)\ny = dma_buf_sync(b, read)\nz = dma_buf_sync(b, end|write)`,
          release,
        ),
        release,
      ).toMatchObject({ x: "EINVAL", y: "ok", z: "ok" });
  });

  test("there is no kernel mapping on 6.1", () => {
    const lines = `driver D on dma\n${mapped}store(va + 4K, 0x61)\nD: v = vmap(b)\nD: x = load(v + 4K)`;
    expect(values(lines, "6.1")).toMatchObject({ v: "EINVAL", x: { not_reached: 8 } });
    expect(values(lines, "6.12")).toMatchObject({ v: "ok", x: 0x61 });
    expect(values(lines, "7.3")).toMatchObject({ v: "ok", x: 0x61 });
  });

  test("6.12 maps the heads of large folios: wrong data", () => {
    const lines =
      "driver D on dma\nm = memfd_create(2M, seal_shrink, hugetlb)\nvm = mmap(m, 2M, rw, shared)\nstore(vm, 1)\n" +
      "store(vm + 4K, 2)\nb = udmabuf_create(m, 0, 8K)\nD: v = vmap(b)\nD: x = load(v + 4K)";
    expect(onReleases(lines, "6.12", "6.18", "7.3")).toEqual([1, 2, 2]);
  });

  test("an entry a page in 6.12's table, runs in the others", () => {
    const segments = (release: string): number => {
      const kernel = new Kernel({ release });
      const app = kernel.process("app");
      const memfd = must(app.memfd(16384, "seal_shrink"));
      const buffer = must(app.udmabuf(memfd, 0, 16384));
      return must(must(kernel.device("d").attach(buffer)).map()).segments;
    };
    expect(segments("6.12")).toBe(4);
    expect(segments("7.3")).toBeLessThanOrEqual(4);
    expect(segments("7.3")).toBe(segments("6.1"));
  });
});
