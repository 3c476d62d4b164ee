/** What changes between two machines, grouped by the rule that makes the difference: for `whatif` and `diff`. */
import type { Test, Value } from "@litmap/litmus";
import { ruleBook } from "@litmap/model";
import type { Paint } from "../terminal.js";
import { columns, wrap } from "./columns.js";
import { unitsOf, valueText } from "./value-text.js";

export interface Change {
  readonly test: Test;
  readonly values: readonly { readonly key: string; readonly before: Value | undefined; readonly after: Value | undefined }[];
  /** Said instead of values: `unsupported → ok`. */
  readonly status?: string;
  /** The rule that decides after the change and did not before, or the other way round. */
  readonly rule?: string;
}

/** The rule by which two courses of a test part: the first new one, else the first that is gone. */
export function partingRule(before: readonly string[] = [], after: readonly string[] = []): string | undefined {
  return after.find((rule) => !before.includes(rule)) ?? before.find((rule) => !after.includes(rule));
}

export function changeLines(changes: readonly Change[], paint: Paint, width: number): string[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) groups.set(change.rule ?? "", [...(groups.get(change.rule ?? "") ?? []), change]);
  const nameWidth = Math.max(0, ...changes.map((change) => change.test.name.length));
  const lines: string[] = [];
  for (const [id, group] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
    const rule = ruleBook().find((each) => each.id === id);
    if (rule) {
      lines.push("", paint.name(rule.id), ...wrap(rule.sentence, width - 2).map((line) => `  ${line}`), `  ${paint.dim(rule.kernel)}`);
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
  return values.map(({ key, before, after }, i) => [i === 0 ? name : "", key, `${valueText(before, units.get(key))} ${paint.dim("→")} ${paint.bold(valueText(after, units.get(key)))}`]);
}
