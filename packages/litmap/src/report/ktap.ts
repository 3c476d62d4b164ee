/** Results as KTAP version 1, which the kernel's own test tools read. Several machines become subtests. */
import { isTrouble, machineLabel } from "../result.js";
import type { TestResult } from "../result.js";
import { troubleOf } from "./trouble.js";

/** The whole report. Each machine's results in the order in which they are given. */
export function ktap(results: readonly TestResult[]): string {
  const machines = new Map<string, TestResult[]>();
  for (const result of results) {
    const label = machineLabel(result.machine);
    const group = machines.get(label);
    if (group) group.push(result);
    else machines.set(label, [result]);
  }
  if (machines.size <= 1) return plan(results, "");
  const lines = ["KTAP version 1", `1..${machines.size}`];
  let number = 0;
  for (const [label, group] of machines) {
    lines.push(plan(group, "    ", label).trimEnd());
    const failed = group.some(isTrouble);
    lines.push(`${failed ? "not ok" : "ok"} ${++number} ${description(label)}`);
  }
  return `${lines.join("\n")}\n`;
}

function plan(results: readonly TestResult[], indent: string, subtest?: string): string {
  const lines = ["KTAP version 1"];
  if (subtest !== undefined) lines.push(`# Subtest: ${description(subtest)}`);
  lines.push(`1..${results.length}`);
  results.forEach((result, i) => {
    const name = description(result.test);
    if (result.status === "unsupported")
      lines.push(`ok ${i + 1} ${name} # SKIP ${oneLine(result.reason ?? "")}`.trimEnd());
    else if (result.status === "ok") lines.push(`ok ${i + 1} ${name}`);
    else {
      for (const line of troubleOf(result)) lines.push(`# ${oneLine(line)}`.trimEnd());
      lines.push(`not ok ${i + 1} ${name}`);
    }
  });
  return `${lines.map((line) => indent + line).join("\n")}\n`;
}

/** A `#` in a name would begin a directive. */
function description(name: string): string {
  return oneLine(name).replace(/#/g, "");
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, "; ");
}
