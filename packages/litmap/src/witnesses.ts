/** What recorded kernels say of a prediction. */
import type { Outcome, Test } from "@litmap/litmus";
import type { Evidence } from "./evidence.js";
import { differences } from "./judging.js";
import { matchOops } from "./oops.js";
import { foretold } from "./result.js";
import type { Difference } from "./result.js";

export type Testimony =
  | "same"
  | "none"
  | "stale"
  | "unsupported"
  | "not-modelled"
  | "undecided"
  | readonly Difference[];

/**
 * `stale`: what the test runs has changed since; `none`: it was never run there. What either side cannot do is no
 * agreement: `unsupported` there, `not-modelled` here. `undecided`: the model's search was stopped before it came to
 * what the kernel did.
 */
export function agreesWith(test: Test, prediction: Outcome, evidence: Evidence): Testimony {
  const witness = evidence.tests.get(test.name);
  if (!witness) return "none";
  if (witness.hash !== test.hash) return "stale";
  if (witness.status === "unsupported") return "unsupported";
  if (prediction.status === "unsupported") return "not-modelled";
  const otherEnding: Difference[] = [{ key: "status", here: witness.status, there: prediction.status }];
  if (witness.status !== "ok") {
    if (!foretold(witness.status, prediction)) return prediction.status === "incomplete" ? "undecided" : otherEnding;
    if (prediction.status !== "oops" || witness.status !== "oops") return "same";
    const match = matchOops(witness, prediction.reason, evidence.kernel.release);
    return match === "other" ? [{ key: "oops", here: witness.reason, there: prediction.reason }] : "same";
  }
  if (prediction.status !== "ok" && prediction.status !== "incomplete") return otherEnding;
  const seen: Outcome = { status: witness.status, values: witness.values, histogram: witness.histogram, ms: 0 };
  const found = differences(test, seen, prediction, evidence.kernel.arch);
  if (found.length === 0) return "same";
  return prediction.status === "incomplete" ? "undecided" : found;
}
