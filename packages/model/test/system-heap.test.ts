/** The system heap. Numbers in brackets are those of kernel-facts, chapter 11. */
import { describe, expect, test } from "vitest";
import { Kernel, must } from "../src/index.js";
import { ask, values } from "./ask.js";

const modern = ["6.12", "6.18", "7.2", "7.3"];
const mapped = "b = dma_heap_alloc(system, 64K)\nva = mmap(b, 64K, rw, shared)\n";

describe("allocation", () => {
  const x = (line: string, release = "7.3"): unknown => values(`x = ${line}`, release).x;

  test("length: 0 and what runs over give EINVAL, 1 gives a page [65, 66]", () => {
    expect(x("dma_heap_alloc(system, 0)")).toBe("EINVAL");
    expect(x("dma_heap_alloc(system, 0xffffffffffffffff)")).toBe("EINVAL");
    expect(x("dma_heap_alloc(system, 0xfffffffffffff001)")).toBe("EINVAL");
    expect(values("b = dma_heap_alloc(system, 1)\nx = lseek(b, 0, end)").x).toBe(4096);
    expect(values("b = dma_heap_alloc(system, 4097)\nx = lseek(b, 0, end)").x).toBe(8192);
  });

  test("on 32 bits a length of 4 GiB is none at all", () => {
    expect(values("x = dma_heap_alloc(system, 4G)", "6.12", { arch: "arm" }).x).toBe("EINVAL");
    expect(values("b = dma_heap_alloc(system, 0x100001000)\nx = lseek(b, 0, end)", "6.12", { arch: "arm" }).x).toBe(
      4096,
    );
  });

  test("the checks come in the kernel's order [65]", () => {
    expect(ask("x = dma_heap_alloc(system, 0, rw_nonblock, 1, 5)").rules).toEqual(["system-heap/ioctl-fd"]);
    expect(ask("x = dma_heap_alloc(system, 0, rw_nonblock, 1)").rules).toEqual(["system-heap/ioctl-fd-flags"]);
    expect(ask("x = dma_heap_alloc(system, 0, rw, 1)").rules).toEqual(["system-heap/ioctl-heap-flags"]);
    expect(ask("x = dma_heap_alloc(system, 0)").rules).toEqual(["system-heap/length-zero"]);
    expect(x("dma_heap_alloc(system, 4K, rw_cloexec)")).toBe("ok");
    expect(x("dma_heap_alloc(system, 4K, r_cloexec)")).toBe("ok");
  });

  test("more than there is ends in an oops, not in an errno [67]", () => {
    const huge = ask("x = dma_heap_alloc(system, 4T)");
    expect(huge.status).toBe("oops");
    expect(huge.steps.at(-1)).toMatchObject({ op: "dma_heap_alloc", result: "oops" });
    expect(huge.rules).toContain("system-heap/no-cap");
  });

  test.each([
    [1, [0]],
    [15, Array(15).fill(0)],
    [16, [4]],
    [17, [4, 0]],
    [256, [8]],
    [257, [8, 0]],
    [511, [8, ...Array(15).fill(4), ...Array(15).fill(0)]],
    [512, [8, 8]],
  ])("%d pages come in chunks of these orders", (pages, orders) => {
    const kernel = new Kernel({ release: "6.12" });
    const app = kernel.process("app");
    const buffer = must(kernel.heap("system").alloc(app, pages * 4096));
    const table = must(must(kernel.device("d").attach(buffer)).map());
    expect(table.segments).toBe(orders.length);
    const [dmaBuf] = kernel.dmaBufs;
    const sgt = dmaBuf.attachments[0].priv as { entries: { pfn: number; pages: number }[] };
    expect(sgt.entries.map((entry) => Math.log2(entry.pages))).toEqual(orders);
    expect(sgt.entries.map((entry) => kernel.frames.order(entry.pfn))).toEqual(orders);
  });

  test("5.10 allocates page by page", () => {
    const kernel = new Kernel({ release: "5.10" });
    must(kernel.heap("system").alloc(kernel.process("app"), 64 * 1024));
    const [dmaBuf] = kernel.dmaBufs;
    expect(kernel.frames.order(32800)).toBe(0);
    expect(dmaBuf.expName).toBe("heap_helpers");
  });

  test("the memory is in no counter of files or shmem [3, 4]", () => {
    expect(
      values(
        "b = dma_heap_alloc(system, 1M)\nva = mmap(b, 1M, rw, shared)\ntouch(va, 1M, write)\ns = status()\n" +
          "m = meminfo()",
      ),
    ).toMatchObject({
      "s.VmRSS": 0,
      "s.RssFile": 0,
      "s.RssShmem": 0,
      "s.RssAnon": 0,
      "s.VmSize": 1 << 20,
      "m.Shmem": 0,
    });
  });
});

describe("access modes [51, 52]", () => {
  const open = (mode: string, prot: string): unknown =>
    values(`b = dma_heap_alloc(system, 16K, ${mode})\nx = mmap(b, 16K, ${prot}, shared)`).x;

  test("a buffer opened for reading maps read-only", () => {
    expect(open("r", "rw")).toBe("EACCES");
    expect(open("r", "r")).toBe("ok");
    expect(values("b = dma_heap_alloc(system, 16K, r)\nva = mmap(b, 16K, r, shared)\nx = mprotect(va, 4K, rw)").x).toBe(
      "EACCES",
    );
  });

  test("one opened for writing only does not map at all", () => {
    expect(open("w", "rw")).toBe("EACCES");
    expect(open("w", "w")).toBe("EACCES");
    expect(open("w", "r")).toBe("EACCES");
  });

  test("a read-only buffer's shared mapping is not marked shared", () => {
    const flags = values("b = dma_heap_alloc(system, 8K, r)\nva = mmap(b, 8K, r, shared)\ns = smaps(va)", "6.12")[
      "s.VmFlags"
    ];
    expect(flags).toEqual(["dd", "de", "io", "me", "mr", "ms", "pf", "rd"]);
  });
});

describe("mappings", () => {
  test.each(modern)("flags on %s [1], Rss and Pss stay 0 [2]", (release) => {
    const s = values(`${mapped}touch(va, 64K, write)\ns = smaps(va)`, release);
    const me = release.startsWith("6.") ? ["me"] : [];
    expect(s["s.VmFlags"]).toEqual(["dd", "de", "io", ...me, "mr", "ms", "mw", "pf", "rd", "sh", "wr"]);
    expect([s["s.Size"], s["s.Rss"], s["s.Pss"]]).toEqual([65536, 0, 0]);
  });

  test.each(modern)("no faults on %s: mmap fills the page table [123]", (release) => {
    expect(
      values(
        "b = dma_heap_alloc(system, 4M)\nn0 = faults { va = mmap(b, 4M, rw, shared) }\n" +
          "n = faults { touch(va, 4M, write) }",
        release,
      ),
    ).toMatchObject({ n0: 0, n: 0 });
  });

  test("a populated or locked mapping is neither faulted nor locked [116]", () => {
    for (const flag of ["populate", "locked"]) {
      const s = values(`b = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared|${flag})\ns = smaps(va)`);
      expect(s["s.VmFlags"]).not.toContain("lo");
      expect(s["s.Rss"]).toBe(0);
    }
    expect(
      values("mlockall(future)\nb = dma_heap_alloc(system, 16K)\nva = mmap(b, 16K, rw, shared)\ns = smaps(va)")[
        "s.VmFlags"
      ],
    ).not.toContain("lo");
  });

  test("fork copies the page table, and the bytes are shared [37]", () => {
    const lines = `${mapped}store(va, 0x77)\nfork C\nn = faults { C: x = load(va) }\nC: store(va, 0x78)\ny = load(va)`;
    expect(values(lines.replace("n = faults { C: x = load(va) }", "C: x = load(va)"))).toMatchObject({
      x: 0x77,
      y: 0x78,
    });
  });

  test("a hole in the middle leaves its neighbours usable [28]", () => {
    expect(
      values(`${mapped}store(va + 8K, 3)\nmunmap(va + 4K, 4K)\nx = load(va + 8K)\ny = load(va + 4K)`),
    ).toMatchObject({ x: 3, y: "SIGSEGV" });
  });

  test("the offset chooses the chunk", () => {
    const lines =
      "b = dma_heap_alloc(system, 17p)\nall = mmap(b, 17p, rw, shared)\nstore(all + 16p, 0x99)\n" +
      "last = mmap(b, 1p, rw, shared, 16p)\nx = load(last)\nstore(last, 0x9a)\ny = load(all + 16p)";
    for (const release of ["6.12", "7.3"]) expect(values(lines, release), release).toMatchObject({ x: 0x99, y: 0x9a });
  });
});

describe("private mappings [30-34]", () => {
  /** Whether a private mapping of a buffer's first pages is allowed. */
  const allowed = (release: string, buffer: number, pages: number, offset = 0): unknown =>
    values(`b = dma_heap_alloc(system, ${buffer}p)\nx = mmap(b, ${pages}p, rw, private, ${offset}p)`, release).x;

  test.each(["6.1", "6.12", "6.18"])("%s: one page only", (release) => {
    expect(allowed(release, 4, 1)).toBe("ok");
    expect(allowed(release, 4, 1, 3)).toBe("ok");
    expect(allowed(release, 4, 2)).toBe("EINVAL");
    expect(allowed(release, 16, 16)).toBe("EINVAL");
    expect(allowed(release, 256, 256)).toBe("EINVAL");
  });

  test.each(["7.2", "7.3"])("%s: whatever lies inside one chunk", (release) => {
    for (const pages of [1, 16, 256]) expect(allowed(release, pages, pages), `${pages}`).toBe("ok");
    for (const pages of [2, 15, 17, 32, 257, 512]) expect(allowed(release, pages, pages), `${pages}`).toBe("EINVAL");
    expect(allowed(release, 16, 4, 12)).toBe("ok");
    expect(allowed(release, 32, 8, 12)).toBe("EINVAL");
  });

  test("reading only makes no difference", () => {
    expect(values("b = dma_heap_alloc(system, 8K)\nx = mmap(b, 8K, r, private)", "6.12").x).toBe("EINVAL");
    expect(values("b = dma_heap_alloc(system, 8K)\nx = mmap(b, 4K, r, private)", "6.12").x).toBe("ok");
  });

  test("writing copies the page; the buffer keeps its bytes", () => {
    const lines =
      "b = dma_heap_alloc(system, 4K)\nsv = mmap(b, 4K, rw, shared)\nstore(sv, 1)\nva = mmap(b, 4K, rw, private)\n" +
      "a = load(va)\nstore(va, 2)\nx = load(sv)\ny = load(va)";
    expect(values(lines, "6.12")).toMatchObject({ a: 1, x: 1, y: 2 });
  });

  test("the offset column shows the physical address", () => {
    const offset = values("b = dma_heap_alloc(system, 4K)\nva = mmap(b, 4K, rw, private)\nm = maps(va)", "6.12")[
      "m.offset"
    ] as number;
    expect(offset).toBeGreaterThan(0);
    expect(offset % 4096).toBe(0);
  });
});

describe("5.10: the fault handler returns pages", () => {
  test("an ordinary shared mapping; private is refused", () => {
    const s = values(`${mapped}n = faults { touch(va, 64K, write) }\ns = smaps(va)`, "5.10");
    expect([s.n, s["s.Rss"], s["s.Pss"]]).toEqual([16, 65536, 65536]);
    expect(s["s.VmFlags"]).toEqual(["me", "mr", "ms", "mw", "rd", "sh", "wr"]);
    expect(values("b = dma_heap_alloc(system, 4K)\nx = mmap(b, 4K, rw, private)", "5.10").x).toBe("EINVAL");
  });
});

describe("the proposal: vm_insert_page", () => {
  const designs = { "system-heap.mmap": "insert-page" } as const;
  const proposed = (lines: string): Readonly<Record<string, unknown>> => values(lines, "6.12", { designs });

  test("VM_MIXEDMAP, and the memory is counted from mmap on", () => {
    const s = proposed(`${mapped}s = smaps(va)\nt = status()`);
    expect(s["s.VmFlags"]).toEqual(["me", "mm", "mr", "ms", "mw", "rd", "sh", "wr"]);
    expect([s["s.Rss"], s["s.Pss"], s["t.RssFile"]]).toEqual([65536, 65536, 65536]);
  });

  test("two mappings share it, fork too", () => {
    expect(proposed(`${mapped}fork C\ns = smaps(va)\nC: t = smaps(va)`)).toMatchObject({
      "s.Pss": 32768,
      "t.Pss": 32768,
      "t.Rss": 65536,
    });
  });

  test("page references succeed", () => {
    expect(proposed(`${mapped}x = process_vm_readv(va, 8K)`).x).toBe(8192);
    expect(proposed(`${mapped}disk = open_disk(direct)\nx = pwrite(disk, va, 4K, 0)`).x).toBe(4096);
  });

  test("MADV_DONTNEED kills it: there is no fault handler", () => {
    expect(proposed(`${mapped}a = madvise(va, 4K, dontneed)\nx = load(va)\ny = load(va + 4K)`)).toMatchObject({
      a: "ok",
      x: "SIGBUS",
      y: 0,
    });
  });

  test("private mappings of any length work", () => {
    expect(
      proposed(
        "b = dma_heap_alloc(system, 8K)\nva = mmap(b, 8K, rw, private)\nstore(va, 3)\n" +
          "sv = mmap(b, 8K, rw, shared)\nx = load(sv)",
      ),
    ).toMatchObject({ va: "ok", x: 0 });
  });

  test("a page reference keeps memory past the buffer's end", () => {
    const kernel = new Kernel({ release: "6.12", designs });
    const app = kernel.process("app");
    const before = kernel.frames.used;
    const buffer = must(kernel.heap("system").alloc(app, 4096));
    const view = must(app.mmap(buffer, 4096));
    must(app.call("io_uring_register_buffers", { address: view.address, length: 4096 }) as number);
    must(view.unmap());
    must(buffer.close());
    expect(kernel.dmaBufs.size).toBe(0);
    expect(kernel.frames.used - before).toBe(1);
  });
});

describe("CPU access", () => {
  test("without attachments both ends are nothing", () => {
    expect(
      values("b = dma_heap_alloc(system, 4K)\nx = dma_buf_sync(b, end|write)\ny = dma_buf_sync(b, read)"),
    ).toMatchObject({ x: "ok", y: "ok" });
  });

  test("only attachments that are mapped are synced", () => {
    const flushes = (lines: string): number =>
      ask(`driver D on dma\nb = dma_heap_alloc(system, 16K)\n${lines}dma_buf_sync(b, read)`, "7.3", {
        designs: { "dma.coherence": "non-coherent" },
      }).steps.at(-1)!.counters.cache_flushes ?? 0;
    expect(flushes("")).toBe(0);
    expect(flushes("D: a = attach(b)\n")).toBe(0);
    expect(flushes("D: a = attach(b)\nD: t = map_attachment(a)\n")).toBe(4);
    expect(flushes("D: a = attach(b)\nD: t = map_attachment(a)\nD: unmap_attachment(t)\n")).toBe(0);
  });
});
