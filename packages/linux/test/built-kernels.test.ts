/** What only built kernels have, as tests are compiled for them. */
import { parse } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import type { KernelDescription } from "../src/compile.js";
import { compile } from "../src/compile.js";
import { needsOf } from "../src/needs.js";

function parsed(lines: string) {
  const { test: found } = parse(`test t\n  "?"\n${lines}\n`, { file: "t.lit" });
  if (!found) throw new Error(lines);
  return found;
}

const kernel = (...devices: string[]): KernelDescription => ({
  release: "6.12",
  arch: "x86_64",
  pageSize: 4096,
  kind: "vm",
  devices: new Set(devices),
});

function bytesOf(lines: string, description: KernelDescription): Buffer {
  const compiled = compile(parsed(lines), description);
  if (compiled.kind !== "program") throw new Error(compiled.reason);
  return Buffer.from(compiled.program);
}

describe("the heap of contiguous memory", () => {
  const lines = "buf = dma_heap_alloc(cma, 64K)";

  test.each(["reserved", "linux,cma", "default_cma_region"])(
    "is opened by the name that the kernel has for it: %s",
    (name) => {
      expect(bytesOf(lines, kernel("dma_heap/system", `dma_heap/${name}`)).includes(`/dev/dma_heap/${name}\0`)).toBe(
        true,
      );
    },
  );

  test("a kernel without it says so before anything runs", () => {
    expect(compile(parsed(lines), kernel("udmabuf", "dma_heap/system"))).toMatchObject({
      kind: "unsupported",
      reason: expect.stringContaining("CONFIG_DMABUF_HEAPS_CMA"),
    });
    expect(compile(parsed("buf = dma_heap_alloc(system, 64K)"), kernel()).kind).toBe("program");
  });

  test("needs memory of its own, beside what else the test needs", () => {
    expect(needsOf(parsed(lines))).toEqual(["cma"]);
    expect(needsOf(parsed(`${lines}\nd = drm_open(vgem)`))).toEqual(["cma", "vgem"]);
    expect(needsOf(parsed("buf = dma_heap_alloc(system, 64K)"))).toEqual([]);
  });
});

test("gup_test is told of one page a call, and where it is", () => {
  const program = bytesOf("va = mmap(anon, 64K, rw, private)\nn = gup_test(va, 64K, longterm, write)", kernel());
  expect(program.includes("/sys/kernel/debug/gup_test\0")).toBe(true);
  const request = Buffer.alloc(8);
  request.writeBigUInt64LE(0xc0506703n);
  expect(program.includes(request)).toBe(true);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(1, 0);
  tail.writeUInt32LE(1, 4);
  expect(program.includes(tail)).toBe(true);
});
