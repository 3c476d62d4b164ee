/** What recorded kernels say of a prediction. */
import type { Outcome, Test } from "@litmap/litmus";
import type { Evidence } from "./evidence.js";
import { differences } from "./judging.js";
import { foretold } from "./result.js";
import type { Difference } from "./result.js";

export type Testimony = "same" | "none" | "stale" | "unsupported" | "undecided" | readonly Difference[];

/**
 * `stale`: what the test runs has changed since; `none`: it was never run there; `undecided`: the search that might have
 * found the outcome was stopped.
 */
export function agreesWith(test: Test, prediction: Outcome, evidence: Evidence): Testimony {
  const witness = evidence.tests.get(test.name);
  if (!witness) return "none";
  if (witness.hash !== test.hash) return "stale";
  if (witness.status === "unsupported") return "unsupported";
  if (witness.status !== "ok" && foretold(witness.status, prediction)) return "same";
  // A fault of litmap is no answer that a kernel could confirm.
  if (prediction.status === "broken") return [{ key: "status", here: witness.status, there: prediction.status }];
  const seen: Outcome = { status: witness.status, values: witness.values, histogram: witness.histogram, ms: 0 };
  const found = differences(test, seen, prediction, evidence.kernel.arch);
  if (found.length === 0) return "same";
  return prediction.status === "incomplete" ? "undecided" : found;
}
