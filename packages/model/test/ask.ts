/** Litmus text for unit tests: asks the model and gives what it says. */
import { parse } from "@litmap/litmus";
import { predict } from "../src/index.js";
import type { Test, Values } from "@litmap/litmus";
import type { KernelOptions, Prediction } from "../src/index.js";

/** Parses lines of a test, without its header. */
export function testOf(lines: string): Test {
  const { test, diagnostics } = parse(`test asked\n  "?"\n${lines}\n`);
  if (test === undefined) throw new Error(diagnostics.map((d) => JSON.stringify(d)).join("\n"));
  return test;
}

/** The whole prediction. */
export function ask(lines: string, release = "7.3", options: Omit<KernelOptions, "release"> = {}): Prediction {
  return predict(testOf(lines), { release, ...options });
}

/** The values of a prediction that ran to its end. */
export function values(lines: string, release?: string, options?: Omit<KernelOptions, "release">): Values {
  const prediction = ask(lines, release, options);
  if (prediction.status !== "ok") throw new Error(`${prediction.status}: ${prediction.reason}`);
  return prediction.values;
}

/** The value bound to `x`, on each of several releases. */
export function onReleases(lines: string, ...releases: string[]): unknown[] {
  return releases.map((release) => values(lines, release).x);
}
