/** Walking the steps of a test. */
import type { CallStep, Step } from "./test.js";

/** Every call among steps, also inside `faults` and `parallel`, in the order of the text. */
export function* callsOf(steps: readonly Step[]): Generator<CallStep> {
  for (const step of steps) {
    if (step.kind === "call") yield step;
    else if (step.kind === "faults") yield* callsOf(step.body);
    else if (step.kind === "parallel") for (const branch of step.branches) yield* callsOf(branch.body);
  }
}
