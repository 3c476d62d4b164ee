/** What the model says of a test. */
import { runAlone } from "../sched/path.js";
import { endingOf } from "./ending.js";
import { Session } from "./session.js";
import type { Machine, Outcome, Test, Violation } from "@litmap/litmus";
import type { KernelOptions } from "../kernel.js";
import type { StepReport } from "./session.js";

export interface Prediction extends Outcome {
  readonly machine: Machine;
  /** Every step with its result, the rules that decided it and what it cost; observers of claims come last. */
  readonly steps: readonly StepReport[];
}

/**
 * Runs a test on the model in the order of its text. Branches of `parallel` blocks run one
 * after the other; their other orders are the explorer's.
 */
export function predict(test: Test, options: KernelOptions = {}): Prediction {
  const began = Date.now();
  const session = new Session(test, options);
  const reason = session.unsupported();
  if (reason !== undefined) return prediction(session, began, { status: "unsupported", reason });
  try {
    runAlone(session.run());
    const { warning } = session.k;
    return prediction(session, began, warning === undefined ? { status: "ok" } : { status: "oops", reason: warning });
  } catch (error) {
    return prediction(session, began, endingOf(error));
  }
}

function prediction(session: Session, began: number, how: Pick<Outcome, "status" | "reason">): Prediction {
  const rules = new Set<string>();
  for (const report of session.reports) for (const event of report.events) rules.add(event.rule.id);
  const violations = session.k.custody.broken.map(
    ({ invariant, story }): Violation => ({ invariant, schedule: "", story }),
  );
  return {
    ...how,
    ...(violations.length === 0 ? {} : { violations }),
    values: how.status === "unsupported" ? {} : session.values(),
    rules: [...rules],
    counters: session.counters(),
    ms: Date.now() - began,
    machine: session.machine,
    steps: session.reports,
  };
}
