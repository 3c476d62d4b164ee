import { describe, expect, test } from "vitest";
import type { Machine } from "../src/index.js";
import { format, outcomeKeys, parse } from "../src/index.js";
import { samples, steps, testOf } from "./text.js";

const model612: Machine = { kind: "model", release: "6.12", arch: "x86_64", designs: {} };

describe("the samples of the design", () => {
  test("are all here", () => {
    expect(Object.keys(samples)).toEqual([
      "direct-io-system-heap",
      "heap-fork",
      "shmem-vmap-shrinker",
      "two-processes",
      "udmabuf-faults",
    ]);
  });

  test.each(Object.entries(samples))("%s parses without a word", (name, text) => {
    const result = parse(text, { file: `${name}.lit` });
    expect(result.diagnostics).toEqual([]);
    expect(result.test).toMatchObject({ name, file: `${name}.lit` });
    expect(result.test!.hash).toMatch(/^[0-9a-f]{16}$/);
  });

  test.each(Object.entries(samples))("%s is formatted as it stands", (_, text) => {
    expect(format(text)).toBe(text);
  });

  test("direct-io-system-heap", () => {
    const t = testOf(samples["direct-io-system-heap"]);
    expect(t.question).toBe("Can O_DIRECT write from a CPU mapping of a system-heap buffer?");
    expect(t.actors.map((a) => [a.name, a.kind])).toEqual([["A", "process"]]);
    expect(steps(t.steps)).toEqual([
      "A: buf = dma_heap_alloc(heap=system length=65536 mode=rw heap_flags=0 fd=0)",
      "A: va = mmap(object=buf length=65536 prot=rw sharing=shared offset=0 at=none)",
      "A: touch(address=va length=65536 access=write)",
      "A: disk = open_disk(mode=direct)",
      "A: n = pwrite(fd=disk address=va length=4096 offset=0)",
    ]);
    expect(t.claims.map((c) => [c.kind, c.text, c.scope])).toEqual([
      ["expect", "n == EFAULT", []],
      ["expect", "smaps(va).Pss == 0", []],
      ["expect", "n == 4K", [{ kind: "with", point: "system-heap.mmap", choice: "insert-page" }]],
      ["expect", "smaps(va).Pss == 64K", [{ kind: "with", point: "system-heap.mmap", choice: "insert-page" }]],
    ]);
    expect(t.claims[0].expr).toEqual({
      kind: "binary",
      op: "==",
      left: { kind: "value", name: "n" },
      right: { kind: "word", word: "EFAULT" },
    });
    expect(t.observers).toHaveLength(1);
    expect(t.observers[0]).toMatchObject({ key: "smaps(va)", fields: ["Pss"], call: { actor: "A", op: "smaps" } });
    expect(t.observers[0].scopes).toHaveLength(2);
    expect(outcomeKeys(t, model612)).toEqual(["buf", "va", "disk", "n", "smaps(va).Pss"]);
  });

  test("udmabuf-faults", () => {
    const t = testOf(samples["udmabuf-faults"]);
    expect(steps(t.steps).slice(3)).toEqual(["A: n = faults", "  A: touch(address=va length=65536 access=write)"]);
    expect(t.claims.map((c) => c.scope)).toEqual([
      [{ kind: "linux", op: "<=", release: "6.12" }],
      [{ kind: "linux", op: ">=", release: "6.18" }],
      [{ kind: "with", point: "udmabuf.mmap", choice: "pfn-at-mmap" }],
    ]);
    expect(outcomeKeys(t, model612)).toEqual(["m", "buf", "va", "n"]);
  });

  test("heap-fork", () => {
    const t = testOf(samples["heap-fork"]);
    expect(t.actors.map((a) => [a.name, a.kind, a.parent])).toEqual([
      ["A", "process", undefined],
      ["C", "fork", "A"],
    ]);
    expect(steps(t.steps)).toEqual([
      "A: buf = dma_heap_alloc(heap=system length=16p mode=rw heap_flags=0 fd=0)",
      "A: va = mmap(object=buf length=16p prot=rw sharing=shared offset=0 at=none)",
      "A: store(address=va value=119 width=4)",
      "A: spawn C",
      "C: x = load(address=va width=4)",
      "C: store(address=va value=120 width=4)",
      "A: y = load(address=va width=4)",
    ]);
    expect(t.claims[0].expr).toMatchObject({ kind: "binary", op: "and" });
  });

  test("two-processes", () => {
    const t = testOf(samples["two-processes"]);
    expect(t.actors.map((a) => a.name)).toEqual(["A", "B"]);
    expect(steps(t.steps).slice(4)).toEqual([
      "B: fd = receive(fd=buf)",
      "B: vb = mmap(object=fd length=65536 prot=rw sharing=shared offset=0 at=none)",
      "B: touch(address=vb length=65536 access=read)",
      "A: p = smaps(address=va).Pss",
    ]);
    expect(outcomeKeys(t, model612)).toEqual(["m", "buf", "va", "fd", "vb", "p"]);
  });

  test("shmem-vmap-shrinker", () => {
    const t = testOf(samples["shmem-vmap-shrinker"]);
    expect(t.actors.map((a) => [a.name, a.kind, a.device])).toEqual([
      ["A", "process", undefined],
      ["D", "driver", "shmem"],
      ["kernel", "kernel", undefined],
    ]);
    expect(steps(t.steps).slice(3)).toEqual([
      "parallel",
      "  D",
      "    D: v = vmap(buf=bo)",
      "    D: x = load(address=v width=4)",
      "    D: vunmap(buf=bo)",
      "  kernel",
      "    kernel: shrink(what=drm-shmem)",
    ]);
    expect(t.claims.map((c) => [c.kind, c.expr, c.scope.length])).toEqual([
      ["never", { kind: "invariant", name: "use-after-free" }, 0],
      ["sometimes", { kind: "invariant", name: "use-after-free" }, 1],
    ]);
  });
});
