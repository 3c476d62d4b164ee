/** How a test ended that did not come to its last step: one place turns what was thrown into the test's status. */
import type { Outcome } from "@litmap/litmus";
import { KernelBug, KernelHang, NotModelled } from "../sched/path.js";

/**
 * A kernel that stopped or never came back is an outcome, and so is what the model leaves out. Any other exception is a
 * fault of the model: the test is `broken`, and the tests after it still run.
 */
export function endingOf(error: unknown): Pick<Outcome, "status" | "reason"> {
  if (error instanceof KernelBug) return { status: "oops", reason: error.message };
  if (error instanceof KernelHang) return { status: "hang", reason: error.message };
  if (error instanceof NotModelled) return { status: "unsupported", reason: error.message };
  return { status: "broken", reason: faultOf(error) };
}

/** The exception and the innermost place that it names. */
function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /^\s*at (.*)$/m.exec(error.stack ?? "")?.[1];
  return `${error.name}: ${error.message}${place === undefined ? "" : ` (${place})`}`;
}
