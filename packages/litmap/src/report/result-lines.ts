/** The report of a run on one machine: a line a test, what is wrong below it, and a closing line. */
import { ruleOf } from "../machines/model.js";
import { print } from "../terminal.js";
import type { Paint } from "../terminal.js";
import { isTrouble } from "../result.js";
import type { TestResult } from "../result.js";
import { count, duration, pad, widthOfText } from "./columns.js";
import type { Reported, RunReport, RunSummary } from "./run-report.js";
import { troubleOf } from "./trouble.js";
import { briefValue, mainKey, unitsOf } from "./value-text.js";

const valueWidth = 12;

export class ResultLines implements RunReport {
  private readonly results: TestResult[] = [];

  constructor(
    private readonly paint: Paint,
    private readonly nameWidth: number,
    private readonly quiet: boolean,
  ) {}

  row(reported: readonly (Reported | undefined)[]): void {
    for (const each of reported) {
      if (!each) continue;
      this.results.push(each.result);
      const troubled = isTrouble(each.result);
      if (!this.quiet || troubled) print(this.line(each));
      if (!troubled) continue;
      const units = each.test ? unitsOf(each.test) : new Map<string, string>();
      for (const line of troubleOf(each.result, units)) for (const part of line.split("\n")) print(`  ${part}`);
    }
  }

  end(summary: RunSummary): void {
    if (this.results.length > 0 && (!this.quiet || this.results.some(isTrouble))) print("");
    if (!this.quiet) for (const line of unsupportedReasons(this.results, this.paint)) print(line);
    if (summary.interrupted)
      print(this.paint.odd(`interrupted: ${this.results.length} of ${count(summary.chosen, "test")} ran`));
    print(closing(this.results, summary, this.paint));
  }

  private line({ result, test, decided }: Reported): string {
    const { paint } = this;
    const name = pad(result.test, this.nameWidth);
    switch (result.status) {
      case "ok":
      case "surprise": {
        const units = test ? unitsOf(test) : new Map<string, string>();
        const key =
          test &&
          mainKey(
            test,
            result.values,
            result.claims.map((claim) => claim.text),
          );
        const value = pad(briefValue(key, result.values, units), valueWidth);
        const rule = ruleOf(key, decided ?? new Map());
        const by = rule === undefined ? "" : paint.dim(`rule ${rule}`);
        return result.status === "ok"
          ? `${name}  ${value}  ${by}`.trimEnd()
          : `${paint.bad(name)}  ${value}  ${paint.bad("surprise")}  ${by}`.trimEnd();
      }
      case "unsupported":
        return `${paint.dim(name)}  ${paint.dim("unsupported")}`;
      default:
        return `${paint.bad(name)}  ${paint.bad(result.status)}`;
    }
  }
}

/** `24 tests, 24 as expected, 0 surprises, 38 ms      (model 6.12, x86_64)` */
function closing(results: readonly TestResult[], summary: RunSummary, paint: Paint): string {
  const having = (status: TestResult["status"]): number => results.filter((result) => result.status === status).length;
  const surprises = having("surprise");
  const parts = [count(results.length, "test"), `${having("ok")} as expected`, count(surprises, "surprise")];
  for (const [status, noun] of [
    ["hang", "hang"],
    ["incomplete", "incomplete"],
    ["broken", "broken"],
    ["unsupported", "unsupported"],
    ["invalid", "invalid"],
  ] as const) {
    if (having(status) > 0) parts.push(noun === "hang" ? count(having(status), noun) : `${having(status)} ${noun}`);
  }
  if (having("oops") > 0) parts.push(`${having("oops")} oops`);
  parts.push(duration(summary.ms));
  const text = parts.join(", ");
  const fine = !results.some(isTrouble);
  return `${fine ? paint.good(text) : paint.bad(text)}      ${paint.dim(`(${summary.machines.join("; ")})`)}`;
}

/** Each reason why tests could not be run, with how many, the most frequent first. */
export function unsupportedReasons(results: readonly TestResult[], paint: Paint): string[] {
  const byReason = new Map<string, string[]>();
  for (const result of results) {
    if (result.status !== "unsupported") continue;
    const reason = result.reason ?? "no reason given";
    byReason.set(reason, [...(byReason.get(reason) ?? []), result.test]);
  }
  if (byReason.size === 0) return [];
  const reasons = [...byReason].sort((a, b) => b[1].length - a[1].length);
  const width = widthOfText(String(reasons[0][1].length));
  return [
    "unsupported",
    ...reasons.map(
      ([reason, tests]) => `  ${String(tests.length).padStart(width)}  ${reason}  ${paint.dim(some(tests))}`,
    ),
    "",
  ];
}

function some(names: readonly string[]): string {
  return names.length <= 3 ? `(${names.join(", ")})` : `(${names.slice(0, 2).join(", ")} and ${names.length - 2} more)`;
}
