/** What is wrong with a result, in plain lines: for the terminal, KTAP and JUnit alike. */
import type { ClaimResult } from "@litmap/litmus";
import { machineLabel } from "../result.js";
import type { TestResult } from "../result.js";
import { combinationText, combinationsOf, runsOf } from "./combinations.js";
import { valueText } from "./value-text.js";

/** Nothing for a result that is as expected. The first line stands for the rest where only one has room. */
export function troubleOf(result: TestResult, units: ReadonlyMap<string, string> = new Map()): string[] {
  const failed = result.claims
    .filter((claim) => !claim.holds)
    .map((claim) => `${result.file}:${claim.line}: expected ${claim.text}${saw(claim, result, units)}`);
  switch (result.status) {
    case "ok":
      return [];
    case "unsupported":
      return [`unsupported: ${result.reason ?? "no reason given"}`];
    case "surprise":
      return failed;
    case "disagree":
      if (result.notAllowed?.length) return notAllowedLines(result, units);
      if (!result.differs?.length) return [result.reason ?? "disagrees"];
      return result.differs.map(
        ({ key, here, there }) =>
          `${key}: ${result.against} says ${valueText(there, units.get(key))}, ${machineLabel(result.machine)} ` +
          `says ${valueText(here, units.get(key))}`,
      );
    case "incomplete":
      return [`incomplete: ${result.reason ?? ""}`, ...failed];
    case "broken":
      return [
        `broken: ${result.reason ?? ""}`,
        // A machine that was lost has a console; a fault of litmap's own has none.
        ...(result.log === undefined ? ["this is a fault of litmap; please report it with the test"] : []),
      ];
    case "hang":
    case "oops":
      return [
        `${result.status}: ${result.reason ?? ""}`.trimEnd(),
        ...(result.log ?? "").split("\n").filter((line) => line !== ""),
      ];
    case "invalid":
      return result.diagnostics ? [...result.diagnostics] : ["not a test"];
  }
}

/** `n 0, c ok: 6.12 in 3 of 1000 runs; model 6.12 does not allow it, the nearest is n 4K, c ok`. */
function notAllowedLines(result: TestResult, units: ReadonlyMap<string, string>): string[] {
  const { first, more } = combinationsOf(result);
  const lines = first.map(
    ({ values, nearest, among, count }) =>
      `${combinationText(values, among, units)}: ${machineLabel(result.machine)} in ${count} of ` +
      `${runsOf(result)} runs; ` +
      `${result.against} does not allow it, the nearest is ${combinationText(nearest, among, units)}`,
  );
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** The values that a claim's text names, as they are; of a concurrent test those that break it, and how to get there. */
export function saw(
  { text, brokenBy }: ClaimResult,
  result: Pick<TestResult, "values" | "histogram" | "schedules">,
  units: ReadonlyMap<string, string>,
): string {
  const values = brokenBy === undefined ? result.values : (result.histogram?.[brokenBy]?.values ?? {});
  const seen: string[] = [];
  let rest = text;
  // Longer keys first: the `va` in `smaps(va).Pss` is no name of its own.
  for (const key of Object.keys(values).sort((a, b) => b.length - a.length)) {
    const without = withoutName(rest, key);
    if (without === rest) continue;
    rest = without;
    seen.push(key);
  }
  if (seen.length === 0) return "";
  seen.sort((a, b) => text.indexOf(a) - text.indexOf(b));
  const schedule = brokenBy === undefined ? undefined : result.schedules?.[brokenBy];
  const how = schedule ? ` (--schedule '${schedule}')` : "";
  return `; ${seen.map((key) => `${key} is ${valueText(values[key], units.get(key))}`).join(", ")}${how}`;
}

/** The text with a key taken out wherever it stands as a whole name, not as a part of a longer one. */
function withoutName(text: string, key: string): string {
  const pattern = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text.replace(new RegExp(`(?<![\\w.])${pattern}(?![\\w(])`, "g"), " ");
}
