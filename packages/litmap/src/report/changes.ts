/** What changes between two machines, grouped by the rule that makes the difference: for `whatif` and `diff`. */
import { isConcurrent, valueAt } from "@litmap/litmus";
import type { Arch, NotAllowed, Outcome, Test, Value, Values } from "@litmap/litmus";
import { ruleBook } from "@litmap/model";
import { differences, disallowed } from "../judging.js";
import type { Answer } from "../machines/machine.js";
import { ruleOf } from "../machines/model.js";
import type { ModelMachine } from "../machines/model.js";
import { causeOf } from "../provenance.js";
import type { Paint } from "../terminal.js";
import { combinationText } from "./combinations.js";
import { columns, wrap } from "./columns.js";
import { kernelPlaces } from "./rule-place.js";
import { unitsOf, valueText } from "./value-text.js";

export interface Change {
  readonly test: Test;
  readonly values: readonly {
    readonly key: string;
    readonly before: Value | undefined;
    readonly after: Value | undefined;
    /** Where another rule decides it than the change's first value. */
    readonly rule?: string;
  }[];
  /** Said instead of values: `ok → oops (kernel BUG at mm/memory.c:2224!)`. */
  readonly status?: string;
  /** Only one of the two can run the test, or each is hindered by something else: nothing was compared. */
  readonly unsupported?: { readonly before?: string; readonly after?: string };
  /** Of a concurrent test: combinations of values that are possible only after, and only before. */
  readonly gained?: readonly Values[];
  readonly lost?: readonly Values[];
  readonly rule?: string;
  /** A search was stopped: what it has not come to may differ or not. */
  readonly undecided?: boolean;
  /** `POINT = CHOICE`, where one decision alone makes the difference. */
  readonly point?: string;
}

/**
 * The rule that decides the first value that changed, where it is another than before; else the first by which the two
 * courses part.
 */
export function partingRule(
  before: Answer,
  after: Answer,
  differs: readonly { readonly key: string }[],
): string | undefined {
  for (const { key } of differs) {
    const now = ruleOf(key, after.decided);
    if (now !== undefined && now !== ruleOf(key, before.decided)) return now;
  }
  const { rules: was = [] } = before.outcome;
  const { rules: is = [] } = after.outcome;
  return is.find((rule) => !was.includes(rule)) ?? was.find((rule) => !is.includes(rule));
}

/**
 * How two machines' answers to a test differ, or undefined.
 * @param whole what is possible is known of both, as of models: a combination that is missing is a change, too
 */
export function changeOf(test: Test, before: Answer, after: Answer, arch?: Arch, whole = false): Change | undefined {
  const a = before.outcome;
  const b = after.outcome;
  const unable = [a, b].map(({ status, reason }) =>
    status === "unsupported" ? (reason ?? "no reason given") : undefined,
  );
  if (unable[0] !== undefined || unable[1] !== undefined)
    return unable[0] !== undefined && unable[1] !== undefined
      ? undefined
      : { test, values: [], unsupported: { before: unable[0], after: unable[1] } };
  const stopped = [a, b].find(({ status }) => status === "incomplete");
  if (stopped) return { test, values: [], status: told(stopped), undecided: true };
  if (a.status !== b.status)
    return { test, values: [], status: `${told(a)} → ${told(b)}`, rule: partingRule(before, after, []) };
  const differs = differences(test, b, a, arch);
  if (isConcurrent(test)) {
    const gained = disallowed(test, b, a, arch);
    const lost = whole ? disallowed(test, a, b, arch) : [];
    if (gained.length === 0 && lost.length === 0) return undefined;
    const keys = [...gained, ...lost].flatMap(({ among }) => among);
    const shown = (each: NotAllowed): Values =>
      Object.fromEntries([...new Set(keys)].map((key) => [key, valueAt(each.values, key) ?? "absent"]));
    const all = differs.length > 0 ? differs : differences(test, a, b, arch);
    return {
      test,
      values: [],
      gained: gained.map(shown),
      lost: lost.map(shown),
      rule: partingRule(before, after, all),
    };
  }
  if (differs.length === 0) return undefined;
  return {
    test,
    values: differs.map(({ key, here, there }) => ({ key, before: there, after: here })),
    rule: partingRule(before, after, differs),
  };
}

/** Of two models: the same, with the decision that makes the difference, where one alone does. */
export function changeOfModels(
  test: Test,
  before: ModelMachine,
  after: ModelMachine,
  answers: readonly [Answer, Answer],
): Change | undefined {
  const change = changeOf(test, ...answers, after.machine.arch, true);
  if (change === undefined || change.unsupported !== undefined || change.undecided) return change;
  const decided = (key: string | undefined): Pick<Change, "rule" | "point"> => {
    const cause = causeOf(test, before, after, answers, key);
    if (cause === undefined) return {};
    const rule = partingRule(cause.without, cause.with, key === undefined ? [] : [{ key }]);
    return { rule, point: `${cause.point} = ${cause.choice}` };
  };
  const [first, ...rest] = change.values;
  const whole = { ...change, ...decided(first?.key) };
  if (first === undefined) return whole;
  const values = rest.map((value) => {
    const { rule, point } = decided(value.key);
    const id = rule ?? point;
    return id === undefined || id === (whole.rule ?? whole.point) ? value : { ...value, rule: id };
  });
  return { ...whole, values: [first, ...values] };
}

function told({ status, reason }: Outcome): string {
  return reason === undefined ? status : `${status} (${reason})`;
}

export function changeLines(changes: readonly Change[], paint: Paint, width: number): string[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const id = change.rule ?? change.point ?? "";
    groups.set(id, [...(groups.get(id) ?? []), change]);
  }
  const nameWidth = Math.max(0, ...changes.map((change) => change.test.name.length));
  const lines: string[] = [];
  for (const [id, group] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
    const rule = ruleBook().find((each) => each.id === id);
    if (rule) {
      lines.push(
        "",
        paint.name(rule.id),
        ...wrap(rule.sentence, width - 2).map((line) => `  ${line}`),
        `  ${paint.dim(kernelPlaces(rule))}`,
      );
    } else if (id !== "") lines.push("", paint.name(id));
    else if (groups.size > 1) lines.push("", paint.dim("by rules that both have"));
    const points = [...new Set(group.flatMap(({ point }) => point ?? []))].filter((point) => point !== id);
    if (points.length > 0) lines.push(`  ${paint.dim(`decided by ${points.join("; ")}`)}`);
    const rows = group.flatMap((change) => rowsOf(change, paint));
    lines.push(...columns(rows, [nameWidth + 2]));
  }
  return lines;
}

/** Tests that only one of the two can run, by the reason why the other cannot. */
export function unsupportedLines(
  changes: readonly Change[],
  paint: Paint,
  titles: readonly [string, string],
): string[] {
  const groups = new Map<string, string[]>();
  for (const { test, unsupported } of changes) {
    if (unsupported === undefined) continue;
    const { before, after } = unsupported;
    const reason = before === undefined ? `not on ${titles[1]}: ${after}` : `not on ${titles[0]}: ${before}`;
    groups.set(reason, [...(groups.get(reason) ?? []), test.name]);
  }
  const sorted = [...groups].sort((a, b) => b[1].length - a[1].length);
  const width = String(sorted[0]?.[1].length ?? "").length;
  return sorted.map(
    ([reason, tests]) => `  ${String(tests.length).padStart(width)}  ${reason}  ${paint.dim(someOf(tests))}`,
  );
}

function someOf(names: readonly string[]): string {
  return names.length <= 3 ? `(${names.join(", ")})` : `(${names.slice(0, 2).join(", ")} and ${names.length - 2} more)`;
}

function rowsOf({ test, values, status, gained = [], lost = [] }: Change, paint: Paint): string[][] {
  const name = `  ${test.name}`;
  if (status !== undefined) return [[name, status]];
  const units = unitsOf(test);
  const combinations = [
    ...gained.map((each) => ["also", combinationText(each, Object.keys(each), units)]),
    ...lost.map((each) => ["no longer", combinationText(each, Object.keys(each), units)]),
  ];
  if (combinations.length > 0) return combinations.map((row, i) => [i === 0 ? name : "", ...row]);
  return values.map(({ key, before, after, rule }, i) => [
    i === 0 ? name : "",
    key,
    `${valueText(before, units.get(key))} ${paint.dim("→")} ${paint.bold(valueText(after, units.get(key)))}` +
      (rule === undefined ? "" : `  ${paint.dim(`by ${rule}`)}`),
  ]);
}
