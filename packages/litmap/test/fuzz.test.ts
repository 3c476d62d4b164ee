/** The fuzzer: a few hundred texts find nothing, and what it is for is found. */
import { readFileSync } from "node:fs";
import { Random } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import { selectFiles } from "../src/corpus.js";
import { examine, isTest } from "../src/fuzz/examine.js";
import { findingsText } from "../src/fuzz/fuzz.js";
import { mutate } from "../src/fuzz/mutate.js";

const texts = selectFiles([]).map((path) => readFileSync(path, "utf8"));

/** As the threads do it. */
function* mutants(seed: number, count: number): Generator<[text: string, random: Random]> {
  for (let index = 0; index < count; index++) {
    const random = new Random(Math.imul(seed, 1_000_003) + index);
    yield [mutate(random.pick(texts), random, texts), random];
  }
}

describe("mutated texts", () => {
  test("go through parser, printer, models, verdicts and reports", () => {
    const faults: string[] = [];
    for (const [text, random] of mutants(1, 400)) {
      const what = examine(text, random);
      if (what !== undefined) faults.push(`${what}\n${text}`);
    }
    expect(faults).toEqual([]);
  });

  test("are the same for a seed, differ from what they are made of, and many are tests", () => {
    const made = [...mutants(7, 400)].map(([text]) => text);
    expect([...mutants(7, 400)].map(([text]) => text)).toEqual(made);
    expect(made.filter((text) => !texts.includes(text)).length).toBeGreaterThan(350);
    expect(made.filter(isTest).length).toBeGreaterThan(50);
  });
});

test("a step that throws is a fault, with its place", () => {
  const random = new Random(1);
  random.pick = () => {
    throw new RangeError("nothing to pick from");
  };
  expect(examine(texts[0], random)).toMatch(/^RangeError: nothing to pick from \(.*fuzz\.test\.ts/);
});

test("findings are told with the text that shows them, and counted", () => {
  const faults = new Map([["TypeError: x", { count: 3, index: 5, text: "test t\n" }]]);
  expect(findingsText({ examined: 10, tests: 2, faults }, 9)).toBe(
    "seed 9, text 5, and 2 more: TypeError: x\n\ntest t\n\n\n10 texts, 2 of them tests, 3 faults of 1 kinds      (seed 9)",
  );
});
