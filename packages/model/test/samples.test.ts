/**
 * The five samples of the language's description, with the verdicts that they claim, on every release and design they
 * name.
 */
import { describe, expect, test } from "vitest";
import { judge, parse } from "@litmap/litmus";
import { Kernel, points, predict } from "../src/index.js";
import { samples } from "../../litmus/test/text.js";
import type { KernelOptions, Prediction } from "../src/index.js";

function verdict(
  name: string,
  options: KernelOptions,
): { status: string; claims: string[]; values: Prediction["values"] } {
  const { test: question, diagnostics } = parse(samples[name], {
    vocabulary: {
      points: Object.fromEntries(Object.entries(points).map(([name, point]) => [name, Object.keys(point.choices)])),
    },
  });
  if (question === undefined) throw new Error(JSON.stringify(diagnostics));
  const prediction = predict(question, options);
  const { status, claims } = judge(question, prediction, prediction.machine, new Kernel(options).design);
  return {
    status,
    claims: claims.filter((claim) => !claim.holds).map((claim) => claim.text),
    values: prediction.values,
  };
}

const releases = ["6.1", "6.12", "6.18", "7.2", "7.3"];

describe.each(Object.keys(samples))("%s", (name) => {
  test.each(releases)("holds on %s", (release) => {
    expect(verdict(name, { release })).toMatchObject({ status: "ok", claims: [] });
  });
});

test("the designs that samples speak of", () => {
  expect(
    verdict("direct-io-system-heap", { release: "6.12", designs: { "system-heap.mmap": "insert-page" } }).values,
  ).toMatchObject({ n: 4096, "smaps(va).Pss": 65536 });
  expect(verdict("udmabuf-faults", { release: "7.3", designs: { "udmabuf.mmap": "pfn-at-mmap" } }).values.n).toBe(0);
});

test("every answer names the rule that decided it", () => {
  const { test: question } = parse(samples["direct-io-system-heap"]);
  expect(predict(question!, { release: "6.12" }).rules).toContain("gup/vma-pfnmap");
});
