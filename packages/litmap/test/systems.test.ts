/** The page of the systems: what it counts is there, and what is not confirmed is listed. */
import { operations } from "@litmap/litmus";
import type { Test } from "@litmap/litmus";
import { ruleBook } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { readTest, selectFiles } from "../src/corpus.js";
import { systemPages } from "../src/docs/system-pages.js";
import { isAbout, systems, threads } from "../src/docs/systems.js";
import type { Hearing } from "../src/hearing.js";
import { ruleUses } from "../src/rule-use.js";

const book = ruleBook();

describe("each system", () => {
  test.each(systems.map((system) => [system.name, system] as const))(
    "%s is told by what there is",
    (_name, { rules = [], calls = [], devices = [], threads: numbers }) => {
      for (const rule of rules)
        expect(
          book.some(({ id }) => id === rule || id.startsWith(`${rule}/`)),
          rule,
        ).toBe(true);
      for (const { op, word } of calls) {
        const words = Object.values(operations[op].params).flatMap(({ type }) =>
          "words" in type ? Object.keys(type.words) : [],
        );
        if (word !== undefined) expect(words).toContain(word);
      }
      for (const number of numbers) expect(threads[number - 1]).toBeDefined();
      expect(rules.length + calls.length + devices.length).toBeGreaterThan(0);
    },
  );
});

function named(name: string): Test {
  return readTest(selectFiles([name])[0]).test!;
}

function heard(testName: string, said: Hearing["witnesses"][number]["said"], reason?: string): Hearing {
  return {
    test: named(testName),
    release: "6.12",
    arch: "x86_64",
    rules: ["system-heap/remap"],
    witnesses: [{ kernel: "6.12.1-amd64", said, reason }],
  };
}

const pagesOf = (all: readonly Hearing[]) => systemPages(all, ruleUses(all));
const heap = systems.find(({ name }) => name === "system heap")!;

describe("the page", () => {
  test("a test belongs to a system that it names, or whose rule it comes to", () => {
    const memfd = named("smaps-memfd");
    expect(isAbout(heap, named("direct-io-system-heap"), new Set())).toBe(true);
    expect(isAbout(heap, memfd, new Set())).toBe(false);
    expect(isAbout(heap, memfd, new Set(["system-heap/remap"]))).toBe(true);
  });

  test("counts what agrees, names what does not, and says why nothing was asked", () => {
    const pages = pagesOf([
      heard("direct-io-system-heap", "same"),
      heard("heap-fork", [{ key: "x", here: 1, there: 2 }]),
      heard("vmap-system-heap", "unsupported", "this kernel has no such thing"),
    ]);
    expect(pages.get("systems/README.md")).toContain(
      "| [system heap](system-heap.md) | 1, 2, 3 | 3 | 1 | 1, **1 disagree** |",
    );
    const page = pages.get("systems/system-heap.md");
    expect(page).toContain("3 tests, 1 confirmed by a kernel.");
    expect(page).toContain("* **`6.12.1-amd64` disagrees** with the model on `heap-fork`.");
    expect(page).toContain("  * a kernel gives other values: `heap-fork`\n");
    expect(page).toContain("  * this kernel has no such thing: `vmap-system-heap`\n");
    expect(pages.get("systems/cma-heap.md")).not.toContain("disagree");
  });

  test("a kernel's short name keeps what sets it apart", () => {
    const page = pagesOf([
      {
        ...heard("heap-fork", "same"),
        witnesses: ["6.12.107+deb13-arm64-16k", "6.1.0-56-amd64", "7.3-amd64", "6.12.117-litmap"].map((kernel) => ({
          kernel,
          said: "same" as const,
        })),
      },
    ]).get("systems/README.md");
    expect(page).toContain("| confirmed | 6.12 arm64-16k | 6.1 | 7.3 | 6.12 litmap |");
  });
});
