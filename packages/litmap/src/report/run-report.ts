/** What a reporter of a run is told, whatever it makes of it: lines, a table, JSON, KTAP. */
import type { Outcome, Test } from "@litmap/litmus";
import type { TestResult } from "../result.js";

export interface Reported {
  readonly result: TestResult;
  /** Absent for a file that is no test. */
  readonly test?: Test;
  /** What the machine gave, before it was judged. */
  readonly outcome?: Outcome;
  /** The rule that decided the value under each name, by the model. */
  readonly decided?: ReadonlyMap<string, string>;
}

export interface RunReport {
  /**
   * One test on all machines, in their order; a hole where a machine did not come to it. Tests come in the order of the
   * run.
   */
  row(results: readonly (Reported | undefined)[]): void;
  /** After the last, also of an interrupted run. */
  end(summary: RunSummary): void;
}

export interface RunSummary {
  readonly ms: number;
  /** Headings of the machines, with what stands beside them: `model 6.12, x86_64`, `7.2 tcg`. */
  readonly machines: readonly string[];
  /** Tests that were chosen; fewer rows than that came when the run was interrupted. */
  readonly chosen: number;
  readonly interrupted: boolean;
}
