import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Vocabulary } from "../src/index.js";
import { diagnosticCodes, parse, renderDiagnostic, testFromJson } from "../src/index.js";
import { faultsOf, withHeader } from "./text.js";

const file = fileURLToPath(new URL("./diagnostics.golden", import.meta.url));
const vocabulary: Vocabulary = {
  releases: ["5.10", "6.1", "6.12"],
  points: { "udmabuf.mmap": ["normal-page", "pfn-at-mmap"] },
  devices: ["shmem", "dma"],
};

const [preamble, ...blocks] = readFileSync(file, "utf8").split(/^=== /m);
const cases = blocks.map((block) => {
  const newline = block.indexOf("\n");
  const [code, ...options] = block.slice(0, newline).split(" ");
  const [source, expected] = block.slice(newline + 1).split(/^---\n/m);
  return { head: block.slice(0, newline), code, options, source, expected };
});

function answer(c: (typeof cases)[number]): string {
  const text = c.options.includes("raw") ? c.source : withHeader(c.source);
  const { diagnostics } = parse(text, {
    file: "t.lit",
    vocabulary: c.options.includes("vocabulary") ? vocabulary : undefined,
  });
  expect(diagnostics.map((d) => d.code)).toEqual([c.code]);
  return `${diagnostics.map((d) => renderDiagnostic(d, text, "t.lit")).join("\n")}\n`;
}

describe("diagnostics", () => {
  if (process.env.LITMAP_GOLDEN === "write") {
    writeFileSync(file, preamble + cases.map((c) => `=== ${c.head}\n${c.source}---\n${answer(c)}`).join(""));
  }

  test.each(cases.map((c, i) => [`${i} ${c.code}`, c] as const))("%s", (_, c) => {
    expect(answer(c)).toBe(c.expected);
  });

  test("every code has an example", () => {
    const shown = new Set(cases.map((c) => c.code));
    expect(Object.keys(diagnosticCodes).filter((code) => !shown.has(code))).toEqual(["bad-json"]);
    expect(testFromJson("{").diagnostics.map((d) => d.code)).toEqual(["bad-json"]);
  });

  test("one for each fault, all of them, and none because of another", () => {
    expect(
      faultsOf(`
buf = dma_heap_alloc(sistem, 64K)
va = mmap(buf, 64K, rw, shared
touch(va, 64K, wirte)
n = pwrite(7, va 4K, 0)
x = nothing(va)
y = load(x)
z = load(w)
expect n == EFALT and y == 1
on arch rm { expect smaps(va).Psss == 0 }
`),
    ).toEqual([
      "unknown-word",
      "unclosed",
      "unknown-word",
      "missing-comma",
      "unknown-operation",
      "unknown-name",
      "unknown-word",
      "unknown-arch",
      "unknown-field",
    ]);
  });

  test("a block that never closes keeps what is inside", () => {
    expect(faultsOf("va = mmap(anon, 4K, rw, private)\nn = faults {\n  touch(va, 4K, wirte)\n")).toEqual([
      "unclosed",
      "unknown-word",
    ]);
  });

  test("tabs stay under tabs", () => {
    const text = withHeader("\tx = lod(3)\n");
    expect(renderDiagnostic(parse(text).diagnostics[0], text, "")).toBe(
      "-:3:6: unknown operation 'lod'; did you mean 'load'?\n  3 | \tx = lod(3)\n    | \t    ^^^",
    );
  });

  test("lines may end in CR LF", () => {
    const text = withHeader("x = lod(3)\nmunlockall()\n").replaceAll("\n", "\r\n");
    expect(renderDiagnostic(parse(text).diagnostics[0], text, "t.lit").split("\n")).toEqual([
      "t.lit:3:5: unknown operation 'lod'; did you mean 'load'?",
      "  3 | x = lod(3)",
      "    |     ^^^",
    ]);
  });

  test("deep nesting is a fault, not an overflow", () => {
    expect(faultsOf(`expect ${"(".repeat(5000)}1${")".repeat(5000)} == 1`)).toEqual(["expected"]);
    expect(faultsOf(`x = udmabuf_create_list(${"[".repeat(5000)}`)).toEqual(["expected"]);
    expect(faultsOf(`${"on arch arm {\n".repeat(5000)}`).length).toBeGreaterThan(0);
    expect(faultsOf(`expect ${"not ".repeat(5000)} 1 == 1`)).toEqual(["expected"]);
    expect(faultsOf(`munmap(${"1 + ".repeat(20000)}1, 1)`)).toEqual(["expected"]);
  });
});
