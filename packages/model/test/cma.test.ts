/**
 * The CMA heap where a litmus test can claim nothing: kernels that stop, warn or never come back; designs that were
 * broken.
 */
import { describe, expect, test } from "vitest";
import { Kernel } from "../src/index.js";
import { runAlone } from "../src/sched/path.js";
import { cmaHeapAllocate } from "../src/exporters/cma-heap.js";
import { fput } from "../src/vfs/file.js";
import { ask, values } from "./ask.js";

const mapped = "buf = dma_heap_alloc(cma, 64K)\nva = mmap(buf, 64K, rw, shared)\ntouch(va, 64K, write)\n";

describe("the area", () => {
  const area = () => new Kernel({ release: "6.12" }).cma;

  test("hands out consecutive pages, aligned to their number up to 256", () => {
    const cma = area();
    const first = cma.alloc(1);
    expect(cma.alloc(1)).toBe(first + 1);
    expect(cma.alloc(3)).toBe(first + 4);
    expect(cma.alloc(300)).toBe(first + 256);
    expect(cma.alloc(2)).toBe(first + 2);
    expect(cma.alloc(1)).toBe(first + 7);
  });

  test("is full when no run is long enough, and has room again where pages came back", () => {
    const cma = area();
    const first = cma.alloc(16384);
    expect([cma.alloc(1), cma.alloc(16385)]).toEqual([-1, -1]);
    cma.release(first + 512, 256);
    expect([cma.alloc(257), cma.alloc(256)]).toEqual([-1, first + 512]);
  });

  test("does not hand out a page of a freed buffer that somebody still holds", () => {
    const k = new Kernel({ release: "6.1" });
    const first = k.cma.alloc(4);
    k.frames.addRef(first + 1, 1);
    k.cma.release(first, 4);
    expect(k.warning).toContain("cma/release-in-use: 1 of 4 pages");
    expect([k.cma.alloc(4), k.cma.alloc(1)]).toEqual([first + 4, first]);
    k.frames.addRef(first + 1, -1);
    k.frames.release(first + 1, 0);
    expect(k.cma.alloc(1)).toBe(first + 1);
  });

  test("pages that came back are never ordinary memory", () => {
    const k = new Kernel({ release: "6.12" });
    const buf = cmaHeapAllocate(k, 4096, true, true);
    if (typeof buf === "number") throw new Error("no memory");
    const used = k.frames.used;
    runAlone(fput(buf.file));
    expect(k.frames.used).toBe(used - 1);
    const first = k.cma.alloc(1);
    expect(Array.from({ length: 8 }, () => k.frames.alloc(0))).not.toContain(first);
  });
});

describe("the fault handler's bound", () => {
  const grown = `${mapped}vb = mremap(va, 64K, 128K, maymove)\nx = load(vb + 60K)\n`;

  test("one page past the end: SIGBUS where the bound is right, a wild pointer where it is one off", () => {
    expect(values(`${grown}y = load(vb + 64K)`, "6.1")).toMatchObject({ vb: "ok", x: 15, y: "SIGBUS" });
    expect(ask(`${grown}y = load(vb + 64K)`, "6.1", { designs: { "cma-heap.fault-bound": "one-past" } })).toMatchObject(
      { status: "oops", reason: "cma/fault-past-array: page 16 of 16" },
    );
    expect(ask(`${grown}y = load(vb + 64K)`, "5.10.226").status).toBe("oops");
    expect(values(`${grown}y = load(vb + 64K)`, "5.10.227").y).toBe("SIGBUS");
  });

  test("two pages past it: SIGBUS in both", () => {
    for (const designs of [{}, { "cma-heap.fault-bound": "one-past" }] as const)
      expect(values(`${grown}y = load(vb + 68K)`, "6.1", { designs }).y).toBe("SIGBUS");
  });

  test("since mappings do not grow, nothing comes there", () => {
    expect(values(grown, "6.12", { designs: { "cma-heap.fault-bound": "one-past" } })).toMatchObject({ vb: "EFAULT" });
  });

  test("the system heap of that time had the same handler", () => {
    const system = `${grown.replace("cma", "system")}y = load(vb + 64K)`;
    expect(ask(system, "5.10.226")).toMatchObject({ status: "oops", reason: "cma/fault-past-array: page 16 of 16" });
    expect(values(system, "5.10.226", { designs: { "cma-heap.fault-bound": "end" } }).y).toBe("SIGBUS");
  });
});

describe("what the heap's ordinary pages led to", () => {
  test.each([
    ["io_uring", "r = io_uring_register_buffers(va, 64K)"],
    ["VFIO", "c = vfio_open()\nr = vfio_map_dma(c, va, 64K)"],
    ["gup_test", "r = gup_test(va, 64K, longterm)"],
  ])("a long-term pin never returns: %s", (_who, lines) => {
    expect(ask(mapped + lines, "6.1")).toMatchObject({
      status: "hang",
      reason: expect.stringContaining("retries for ever"),
    });
    expect(ask(mapped + lines, "6.1", { designs: { "cma-heap.mmap": "pfn-per-fault" } }).status).toBe("ok");
    expect(ask(mapped + lines, "6.12").status).toBe("ok");
  });

  test("pages in a pipe outlive the buffer, also when the test just ends", () => {
    for (const lines of ["n = vmsplice(va, 4K)\nu = munmap(va, 64K)\nc = close(buf)", "n = vmsplice(va, 4K)"]) {
      expect(ask(mapped + lines, "6.1")).toMatchObject({
        status: "oops",
        reason: expect.stringContaining("cma/release-in-use: 1 of 16 pages"),
      });
      expect(ask(mapped + lines, "6.12").status).toBe("ok");
    }
    expect(ask(`${mapped}n = process_vm_readv(va, 64K)`, "6.1").status).toBe("ok");
  });
});
