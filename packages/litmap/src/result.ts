/** What is known of one test on one machine: an outcome that has been judged, and compared where there was another. */
import { exitStatus } from "./exit-status.js";
import { matchOops } from "./oops.js";
import type { OopsMatch } from "./oops.js";
import type { ClaimResult, Machine, NotAllowed, Outcome, Status, Test, Value } from "@litmap/litmus";

/**
 * A value that two machines do not agree on; undefined where a machine has none. Of a concurrent test `here` is of a
 * combination that was seen, `there` of the nearest one that is allowed.
 */
export interface Difference {
  readonly key: string;
  readonly here: Value | undefined;
  readonly there: Value | undefined;
}

export interface TestResult extends Omit<Outcome, "status"> {
  readonly test: string;
  readonly file: string;
  readonly hash: string;
  readonly machine: Machine;
  readonly status: Status;
  readonly claims: readonly ClaimResult[];
  /** The other machine of a comparison, as a heading names it. */
  readonly against?: string;
  readonly differs?: readonly Difference[];
  /** Of a concurrent test: the combinations that were seen here and that the other machine does not allow. */
  readonly notAllowed?: readonly NotAllowed[];
  /** It hung or broke as the other machine said that it would. */
  readonly agrees?: boolean;
  /** How far the places of two oopses were compared. */
  readonly oops?: OopsMatch;
  /** A file that cannot be read as a test: its diagnostics as text. */
  readonly diagnostics?: readonly string[];
}

export function resultOf(test: Test, machine: Machine, outcome: Outcome, claims: readonly ClaimResult[]): TestResult {
  const status = outcome.status !== "ok" ? outcome.status : claims.every((claim) => claim.holds) ? "ok" : "surprise";
  return { ...outcome, test: test.name, file: test.file, hash: test.hash, machine, status, claims };
}

/**
 * A kernel's result beside the model's of the same test. What either could not do is no
 * disagreement; when only one of them hangs or breaks, that is one.
 */
export function compared(
  kernel: TestResult,
  model: TestResult,
  differs: readonly Difference[],
  combinations: readonly NotAllowed[] = [],
): TestResult {
  const against = machineLabel(model.machine);
  if (kernel.status === "unsupported" || kernel.status === "broken") return { ...kernel, against };
  if (model.status === "unsupported")
    return { ...kernel, status: "unsupported", reason: `the model: ${model.reason}`, against };
  if (model.status === "broken") return { ...kernel, status: "broken", reason: `${against}: ${model.reason}`, against };
  // What a search has not come to may be allowed all the same.
  if (model.status === "incomplete" && differs.length > 0)
    return { ...kernel, status: "incomplete", reason: `${against}: ${model.reason}`, against };
  if (isBroken(kernel)) return { ...kernel, ...stoppedAlike(kernel, model, against), against };
  if (isBroken(model))
    return {
      ...kernel,
      status: "disagree",
      reason: `${against} says ${model.status}: ${model.reason}`,
      against,
      differs,
    };
  if (differs.length === 0) return { ...kernel, against };
  const notAllowed = kernel.histogram === undefined ? {} : { notAllowed: combinations };
  return { ...kernel, status: "disagree", against, differs, ...notAllowed };
}

/** Both say an oops, or both a hang: of an oops the place counts as well, as far as both tell it. */
function stoppedAlike(kernel: TestResult, model: TestResult, against: string): Partial<TestResult> {
  if (!foretold(kernel.status, model)) return { agrees: false };
  if (kernel.status !== "oops" || model.status !== "oops") return { agrees: true };
  const oops = matchOops(kernel, model.reason, kernel.machine.release);
  if (oops !== "other") return { agrees: true, oops };
  return {
    status: "disagree",
    reason: `${against} says oops: ${model.reason}; the kernel stopped elsewhere: ${kernel.reason}`,
    differs: [{ key: "oops", here: kernel.reason, there: model.reason }],
    oops,
  };
}

/** Invariants that, broken on some schedule of the model, show on a kernel as this. */
const shownBy: Readonly<Record<string, readonly string[]>> = { oops: ["kernel-bug"], hang: ["deadlock", "endless"] };

/** Whether a kernel's hang or oops is what the model says of the test. */
export function foretold(status: string, model: Pick<TestResult, "status" | "violations">): boolean {
  return (
    status === model.status || (model.violations ?? []).some(({ invariant }) => shownBy[status]?.includes(invariant))
  );
}

function isBroken(result: TestResult): boolean {
  return result.status === "hang" || result.status === "oops";
}

/** `model 6.12`, `6.12`, `host`, `ssh:box`. */
export function machineLabel(machine: Machine): string {
  if (machine.kind === "model") return `model ${machine.release}`;
  return machine.kind === "ssh" && !machine.name.startsWith("ssh:") ? `ssh:${machine.name}` : machine.name;
}

/** Whether it makes the run fail. What a machine cannot do does not, and is not as expected either. */
export function isTrouble(result: TestResult): boolean {
  return result.status !== "ok" && result.status !== "unsupported" && !result.agrees;
}

/** 2 when a file was no test, else 3 when litmap itself failed at one, else 1 when anything was not as expected. */
export function statusOf(results: readonly TestResult[]): number {
  if (results.some((result) => result.status === "invalid")) return exitStatus.badRequest;
  if (results.some((result) => result.status === "broken")) return exitStatus.badMachine;
  return results.some(isTrouble) ? exitStatus.surprises : exitStatus.asExpected;
}
