/** What is wrong with a result, in plain lines: for the terminal, KTAP and JUnit alike. */
import { machineLabel } from "../result.js";
import type { TestResult } from "../result.js";
import { valueText } from "./value-text.js";

/** Nothing for a result that is as expected. The first line stands for the rest where only one has room. */
export function troubleOf(result: TestResult, units: ReadonlyMap<string, string> = new Map()): string[] {
  const failed = result.claims
    .filter((claim) => !claim.holds)
    .map((claim) => `${result.file}:${claim.line}: expected ${claim.text}${saw(claim.text, result, units)}`);
  switch (result.status) {
    case "ok":
      return [];
    case "unsupported":
      return [`unsupported: ${result.reason ?? "no reason given"}`];
    case "surprise":
      return failed;
    case "disagree":
      if (!result.differs?.length) return [result.reason ?? "disagrees"];
      return result.differs.map(
        ({ key, here, there }) => `${key}: ${result.against} says ${valueText(there, units.get(key))}, ${machineLabel(result.machine)} says ${valueText(here, units.get(key))}`,
      );
    case "hang":
    case "oops":
      return [`${result.status}: ${result.reason ?? ""}`.trimEnd(), ...(result.log ?? "").split("\n").filter((line) => line !== "")];
    case "invalid":
      return result.diagnostics ? [...result.diagnostics] : ["not a test"];
  }
}

/** The values that a claim's text names, as they are. */
function saw(text: string, result: TestResult, units: ReadonlyMap<string, string>): string {
  const seen = Object.keys(result.values).filter((key) => names(text, key));
  if (seen.length === 0) return "";
  return `; ${seen.map((key) => `${key} is ${valueText(result.values[key], units.get(key))}`).join(", ")}`;
}

/** Whether a key stands in a text as a whole name, not as a part of a longer one. */
function names(text: string, key: string): boolean {
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + key.length] ?? " ";
    if (!/[\w.]/.test(before) && !/[\w(]/.test(after) && !(after === "." && !key.includes("."))) return true;
  }
  return false;
}
