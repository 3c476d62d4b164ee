import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OperationName } from "@litmap/litmus";
import { operations, parse } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import type { KernelDescription } from "../src/compile.js";
import { compile } from "../src/compile.js";
import { gupFlags, mappingFlags, memories, opcodes, primitives } from "../src/module.js";
import { moduleCompilers } from "../src/operations/drivers.js";
import { changesDevices, needsOf } from "../src/needs.js";

const header = readFileSync(fileURLToPath(new URL("../../../module/litmap.h", import.meta.url)), "utf8").replace(
  /\/\*[\s\S]*?\*\//g,
  "",
);

/** The names of an enum of the header, lower case, without `LITMAP_` and what else is dropped. */
function names(last: string): string[] {
  const body =
    [...header.matchAll(/enum \w+ \{([^}]*)\}/g)].map(([, inner]) => inner).find((inner) => inner.includes(last)) ?? "";
  return body
    .split(",")
    .map((name) => name.trim().replace("LITMAP_", "").toLowerCase())
    .filter((name) => name !== "" && !last.toLowerCase().endsWith(`_${name}`));
}

function parsed(text: string) {
  const { test: found, diagnostics } = parse(`test t\n  "?"\n${text}\n`, { file: "t.lit" });
  if (!found || diagnostics.length > 0) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return found;
}

const without: KernelDescription = {
  release: "6.12",
  arch: "x86_64",
  pageSize: 4096,
  kind: "vm",
  devices: new Set(["udmabuf"]),
};
const withModule: KernelDescription = { ...without, devices: new Set(["udmabuf", "litmap"]) };

describe("the numbers are those of the module's header", () => {
  test("calls", () => expect(opcodes).toEqual(names("LITMAP_OPS")));
  test("primitives", () => expect(primitives).toEqual(names("LITMAP_PRIMITIVES")));
  test("kinds of memory", () => expect(memories).toEqual(names("LITMAP_MEMORIES")));
  test("flags", () => {
    const numbers = (prefix: string) =>
      Object.fromEntries(
        [...header.matchAll(new RegExp(`LITMAP_${prefix}_(\\w+) = (\\d+)`, "g"))].map(([, name, value]) => [
          name.toLowerCase(),
          Number(value),
        ]),
      );
    expect(numbers("GUP")).toEqual(gupFlags);
    expect(numbers("FLAG")).toEqual(mappingFlags);
  });
});

describe("drivers on kernels", () => {
  test("need the module, and say how to get it", () => {
    const one = parsed("driver D on shmem\nD: bo = gem_create(64K)");
    expect(needsOf(one)).toEqual(["module"]);
    expect(compile(one, without)).toMatchObject({
      kind: "unsupported",
      reason: "gem_create() needs litmap's test module, which this kernel does not have (litmap kernel module)",
    });
    expect(compile(one, withModule).kind).toBe("program");
  });

  test("what no module can do is the model's alone", () => {
    expect(
      compile(parsed("m = memfd_create(4K)\nva = mmap(m, 4K, rw, shared)\nkernel: migrate(va)"), withModule),
    ).toMatchObject({
      kind: "unsupported",
      reason: expect.stringMatching(/^migrate\(\) is of the model only: migrate_pages\(\) is not exported/),
    });
    expect(compile(parsed("kernel: n = shrink(shmem)"), withModule)).toMatchObject({
      kind: "unsupported",
      reason: expect.stringMatching(/^shrink\(\) of page cache/),
    });
  });

  test("a process asks it for a cache mode, and without it nobody can", () => {
    const test = parsed("va = mmap(anon, 1p, rw, private)\na = cache_mode(va)");
    expect(needsOf(test)).toEqual(["module"]);
    expect(needsOf(parsed("va = mmap(anon, 1p, rw, private)\nexpect cache_mode(va) == cached"))).toEqual(["module"]);
    expect(compile(test, withModule).kind).toBe("program");
    expect(compile(test, without)).toMatchObject({
      kind: "unsupported",
      reason: /^cache_mode\(\) needs litmap's test module/,
    });
  });

  test("every operation that the module knows is one that a driver or the kernel may call", () => {
    for (const name of Object.keys(moduleCompilers) as OperationName[]) {
      const by: readonly string[] = operations[name].by;
      expect(by.includes("driver") || by.includes("kernel"), name).toBe(true);
    }
  });

  test("what a test needs and leaves behind follows from what its drivers do", () => {
    expect(needsOf(parsed("driver C on chardev\nC: c = chardev(1p, fault_page, cma)"))).toContain("cma");
    const mapped = (device: string, more: string) =>
      changesDevices(
        parsed(
          `driver D on ${device}\nb = dma_heap_alloc(system, 4K)\nD: a = attach(b)\nD: s = map_attachment(a)\n${more}`,
        ),
      );
    expect(mapped("pci-iommu", "D: unmap_attachment(s)")).toBe(false);
    expect(mapped("pci-iommu", "D: detach(a)")).toBe(true);
    expect(mapped("pci-iommu", "D: t = map_attachment(a)")).toBe(true);
    expect(mapped("pci", "D: detach(a)")).toBe(false);
  });

  test("a fault handler does not give out a block's tail pages", () => {
    const block = (size: string) =>
      compile(parsed(`driver C on chardev\nC: c = chardev(${size}, fault_page, block)`), withModule);
    expect(block("4K").kind).toBe("program");
    expect(block("8K")).toMatchObject({ reason: expect.stringContaining("a page that the driver still has") });
  });

  test("descriptors of processes, of forks, and bare numbers", () => {
    const text =
      "driver D on dma\nm = memfd_create(64K, seal_shrink)\nbuf = udmabuf_create(m, 0, 64K)\nfork C\n" +
      "D: a = attach(buf)\nD: b = attach(-1)\nC: fd = dup(buf)\nD: c = attach(fd)\n" +
      "D: t = map_attachment(c, to_device)\nD: x = dma_read(t, 4K)\nD: v = vmap(buf)\nD: y = load(v + 4K)";
    expect(compile(parsed(text), withModule).kind).toBe("program");
  });
});
