import { describe, expect, test } from "vitest";
import { format, parse } from "../src/index.js";

function hashOf(text: string): string {
  const { test: parsed, diagnostics } = parse(text);
  expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
  return parsed!.hash;
}

const steps = `process B
buf = dma_heap_alloc(system, 64K)
va = mmap(buf, 64K, rw, shared)
n = faults { store(va, 1); x = load(va) }
p = smaps(va).Pss
parallel {
  A { munmap(va, 64K) }
  B { y = load(0) }
}
`;
const text = `test one\n  "Why?"\n\n${steps}\nalways x == 1\non linux >= 6.6 { sometimes smaps(va).Rss == 0 }\n`;
const hash = hashOf(text);

describe("what keeps the hash of a test", () => {
  test.each([
    ["the canonical format", format(text)],
    ["other layout", text.replaceAll("\n", "\n\n").replace("faults { store", "faults {\n\n store")],
    ["another question", text.replace("Why?", "Why not?")],
    ["another name", text.replace("test one", "test two")],
    ["a comment", text.replace("process B", "# who\nprocess B  # B")],
    ["another claim about the same values", text.replace("x == 1", "x == 2 or x == 3")],
    ["no such claim", text.replace("always x == 1\n", "")],
    ["an observer asked twice", text.replace("Rss == 0", "Rss == 0 and smaps(va).Rss < 4K")],
    ["digits of another case", text.replace("store(va, 1)", "store(va, 0xa)"), text.replace("(va, 1)", "(va, 0xA)")],
  ])("%s", (_, changed, from = text) => {
    expect(changed).not.toBe(from);
    expect(hashOf(changed)).toBe(hashOf(from));
  });
});

describe("what changes the hash of a test", () => {
  test.each([
    ["another argument", text.replace("store(va, 1)", "store(va, 2)")],
    ["another operation", text.replace("x = load(va)", "x = mem_read(va, 1)")],
    ["another name of a result", text.replace("p = smaps", "q = smaps")],
    ["another field of a result", text.replace("p = smaps(va).Pss", "p = smaps(va).Rss")],
    ["another actor", text.replace("p = smaps(va).Pss", "B: p = smaps(va).Pss")],
    ["one step more", text.replace("p = smaps", "munmap(va, 4K)\np = smaps")],
    ["one step less", text.replace("p = smaps(va).Pss\n", "")],
    ["other order", text.replace(/(store\(va, 1\)); (x = load\(va\))/, "$2; $1")],
    ["a step out of its block", text.replace("; x = load(va) }", " }\nx = load(va)")],
    ["another branch", text.replace("A { munmap(va, 64K) }", "A { }").replace("B {", "B { munmap(va, 64K);")],
    ["another kind of actor", text.replace("process B\n", "thread B of A\n")],
    ["another observer", text.replace("smaps(va).Rss", "smaps(va + 4K).Rss")],
    ["another field of an observer", text.replace("smaps(va).Rss", "smaps(va).Pss")],
    ["another observer's actor", text.replace("sometimes", "B: sometimes")],
    ["another place of an observer", text.replace("linux >= 6.6", "linux < 6.6")],
  ])("%s", (_, changed) => {
    expect(changed).not.toBe(text);
    expect(hashOf(changed)).not.toBe(hash);
  });
});
