/**
 * Which decision makes two models of one test differ. Rules that come and go between two releases are many, and most of
 * them have nothing to do with the value at hand. So each point that both courses asked for is tried by itself: the one
 * that alone brings the new value is the cause, and what parts the two courses then is its rule.
 */
import { isConcurrent } from "@litmap/litmus";
import type { Outcome, Test } from "@litmap/litmus";
import type { PointName } from "@litmap/model";
import { differences, effectiveDesign } from "./judging.js";
import type { Answer } from "./machines/machine.js";
import type { ModelMachine } from "./machines/model.js";

export interface Cause {
  readonly point: PointName;
  /** What the point became. */
  readonly choice: string;
  /** The test's answers without and with it, all else equal. */
  readonly without: Answer;
  readonly with: Answer;
}

/** The points in which two models differ. */
function differing(before: ModelMachine, after: ModelMachine): PointName[] {
  const [was, is] = [effectiveDesign(before.machine), effectiveDesign(after.machine)];
  return (Object.keys(is) as PointName[]).filter((point) => was[point] !== is[point]);
}

/**
 * The point by which the key (or, without one, the ending) is other after than before. Undefined where no single one is
 * enough, and of concurrent tests, whose search would have to be repeated for each.
 */
export function causeOf(
  test: Test,
  before: ModelMachine,
  after: ModelMachine,
  answers: readonly [Answer, Answer],
  key: string | undefined,
): Cause | undefined {
  if (isConcurrent(test)) return undefined;
  const points = differing(before, after);
  if (points.length < 2) return undefined;
  const [was, is] = answers;
  const asked = new Set([...before.asked(test), ...after.asked(test)]);
  const candidates = points.filter((point) => asked.has(point));
  const same = (one: Outcome, other: Outcome): boolean =>
    one.status === other.status &&
    (key === undefined || !differences(test, one, other, after.machine.arch).some((each) => each.key === key));
  const [old, now] = [effectiveDesign(before.machine), effectiveDesign(after.machine)];
  // Alone enough to bring the new value, or alone enough to take it back.
  for (const point of candidates) {
    const answer = before.having({ [point]: now[point] }).answer(test);
    if (same(answer.outcome, is.outcome) && !same(answer.outcome, was.outcome))
      return { point, choice: now[point]!, without: was, with: answer };
  }
  for (const point of candidates) {
    const answer = after.having({ [point]: old[point] }).answer(test);
    if (!same(answer.outcome, is.outcome)) return { point, choice: now[point]!, without: answer, with: is };
  }
  return undefined;
}
