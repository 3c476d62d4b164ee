/**
 * What all schedules of a concurrent test come to: how many, which outcomes, and the easiest that breaks an invariant.
 */
import type { Exploration } from "@litmap/explore";
import type { Test, Values, Violation } from "@litmap/litmus";
import type { Paint } from "../terminal.js";
import { count } from "./columns.js";
import { unitsOf, valueText } from "./value-text.js";

export function scheduleLines(test: Test, exploration: Exploration, paint: Paint): string[] {
  const { executions, redundant, states, complete, histogram = [], schedules, violations = [] } = exploration;
  const units = unitsOf(test);
  const lines = [
    `${paint.dim("schedules")}`,
    `  ${count(executions, "execution")}, ${count(states, "state")}` +
      `${redundant > 0 ? `, ${redundant} cut short as equal to one that ran` : ""}` +
      `${complete ? "" : paint.odd(", stopped by the limit: not all were run")}`,
  ];
  histogram.forEach(({ values, count: n }, i) => {
    lines.push(`  ${String(n).padStart(String(executions).length)} of ${executions}  ${valuesText(values, units)}`);
    if (schedules[i]) lines.push(paint.dim(`      --schedule '${schedules[i]}'`));
  });
  for (const violation of violations) lines.push("", ...violationLines(violation, paint));
  return lines;
}

/** The steps that lead there, so that a reader can follow them. */
export function violationLines({ invariant, schedule, story }: Violation, paint: Paint): string[] {
  return [
    paint.bad(invariant),
    ...story.map((line) => `  ${line}`),
    ...(schedule === "" ? [] : [paint.dim(`  --schedule '${schedule}'`)]),
  ];
}

function valuesText(values: Values, units: ReadonlyMap<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${valueText(value, units.get(key))}`)
    .join(", ");
}
