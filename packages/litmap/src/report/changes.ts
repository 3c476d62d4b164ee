/** What changes between two machines, grouped by the rule that makes the difference: for `whatif` and `diff`. */
import type { Arch, Outcome, Test, Value } from "@litmap/litmus";
import { ruleBook } from "@litmap/model";
import { differences } from "../judging.js";
import type { Answer } from "../machines/machine.js";
import { ruleOf } from "../machines/model.js";
import type { Paint } from "../terminal.js";
import { columns, wrap } from "./columns.js";
import { kernelPlaces } from "./rule-place.js";
import { unitsOf, valueText } from "./value-text.js";

export interface Change {
  readonly test: Test;
  readonly values: readonly {
    readonly key: string;
    readonly before: Value | undefined;
    readonly after: Value | undefined;
  }[];
  /** Said instead of values: `unsupported → ok`. */
  readonly status?: string;
  readonly rule?: string;
  /** A search was stopped: what it has not come to may differ or not. */
  readonly undecided?: boolean;
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

/** How two machines' answers to a test differ, or undefined. */
export function changeOf(test: Test, before: Answer, after: Answer, arch?: Arch): Change | undefined {
  const a = before.outcome;
  const b = after.outcome;
  const stopped = [a, b].find(({ status }) => status === "incomplete");
  if (stopped) return { test, values: [], status: told(stopped), undecided: true };
  if (a.status !== b.status)
    return { test, values: [], status: `${told(a)} → ${told(b)}`, rule: partingRule(before, after, []) };
  const differs = differences(test, b, a, arch);
  if (differs.length === 0) return undefined;
  return {
    test,
    values: differs.map(({ key, here, there }) => ({ key, before: there, after: here })),
    rule: partingRule(before, after, differs),
  };
}

function told({ status, reason }: Outcome): string {
  return reason === undefined ? status : `${status} (${reason})`;
}

export function changeLines(changes: readonly Change[], paint: Paint, width: number): string[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) groups.set(change.rule ?? "", [...(groups.get(change.rule ?? "") ?? []), change]);
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
    } else if (groups.size > 1) lines.push("", paint.dim("by rules that both have"));
    const rows = group.flatMap((change) => rowsOf(change, paint));
    lines.push(...columns(rows, [nameWidth + 2]));
  }
  return lines;
}

function rowsOf({ test, values, status }: Change, paint: Paint): string[][] {
  const name = `  ${test.name}`;
  if (status !== undefined) return [[name, status]];
  const units = unitsOf(test);
  return values.map(({ key, before, after }, i) => [
    i === 0 ? name : "",
    key,
    `${valueText(before, units.get(key))} ${paint.dim("→")} ${paint.bold(valueText(after, units.get(key)))}`,
  ]);
}
