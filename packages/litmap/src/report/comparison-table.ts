/**
 * The report of a run on real kernels: a row a test with model and kernel beside each other,
 * `=` where they are equal, then every disagreement in full, then the reasons of what could not run.
 */
import { isConcurrent, valueAt } from "@litmap/litmus";
import { kernelOf, ruleBook } from "@litmap/model";
import { ruleOf } from "../machines/model.js";
import { print } from "../terminal.js";
import type { Paint } from "../terminal.js";
import { selectorFor } from "../corpus.js";
import { isTrouble, machineLabel } from "../result.js";
import type { TestResult } from "../result.js";
import { combinationsOf, runsOf } from "./combinations.js";
import { columns, count, duration, pad, wrap } from "./columns.js";
import { unsupportedReasons } from "./result-lines.js";
import type { Reported, RunReport, RunSummary } from "./run-report.js";
import { troubleOf } from "./trouble.js";
import { briefValue, mainKey, unitsOf, valueText } from "./value-text.js";

const cellWidth = 11;

export class ComparisonTable implements RunReport {
  private readonly rows: (readonly (Reported | undefined)[])[] = [];

  constructor(
    private readonly paint: Paint,
    private readonly nameWidth: number,
    private readonly quiet: boolean,
    /** Headings: for each kernel its model's and its own. */
    private readonly headings: readonly string[],
  ) {}

  row(reported: readonly (Reported | undefined)[]): void {
    const name = reported.find((each) => each)?.result.test ?? "";
    if (this.rows.length === 0 && !this.quiet) print(this.paint.bold(this.line("test", this.headings)));
    this.rows.push(reported);
    const troubled = reported.some((each) => each && isTrouble(each.result));
    if (!this.quiet || troubled)
      print(
        this.line(
          troubled ? this.paint.bad(name) : name,
          reported.map((each) => (each ? this.cell(each) : this.paint.bad("not run"))),
        ),
      );
  }

  end(summary: RunSummary): void {
    const all = this.rows.flat().filter((each) => each !== undefined);
    for (const each of all) if (isTrouble(each.result)) this.details(each);
    const kernels = all.map(({ result }) => result).filter((result) => result.machine.kind !== "model");
    const having = (status: TestResult["status"], among: readonly TestResult[] = kernels): number =>
      among.filter((result) => result.status === status).length;
    print("");
    if (!this.quiet) this.reasons(kernels);
    if (summary.interrupted)
      print(this.paint.odd(`interrupted: ${this.rows.length} of ${count(summary.chosen, "test")} ran`));
    const surprises = all.filter(({ result }) => result.status === "surprise").length;
    const parts = [
      count(this.rows.length, "test"),
      `${kernels.filter(agrees).length} of ${kernels.length} as the model says`,
      count(having("disagree"), "disagreement"),
      count(surprises, "surprise"),
    ];
    for (const status of ["hang", "oops", "incomplete", "broken", "unsupported"] as const)
      if (having(status) > 0)
        parts.push(status === "hang" ? count(having(status), status) : `${having(status)} ${status}`);
    const invalid = this.rows.filter((row) => row.some((each) => each?.result.status === "invalid")).length;
    if (invalid > 0) parts.push(`${invalid} invalid`);
    parts.push(duration(summary.ms));
    const fine = !all.some(({ result }) => isTrouble(result));
    print(
      `${fine ? this.paint.good(parts.join(", ")) : this.paint.bad(parts.join(", "))}      ` +
        `${this.paint.dim(`(${summary.machines.join("; ")})`)}`,
    );
  }

  private reasons(kernels: readonly TestResult[]): void {
    for (const label of new Set(kernels.map((result) => machineLabel(result.machine)))) {
      const lines = unsupportedReasons(
        kernels.filter((result) => machineLabel(result.machine) === label),
        this.paint,
      );
      if (lines.length > 0) print([`unsupported on ${label}`, ...lines.slice(1)].join("\n"));
    }
    this.oopses(kernels);
  }

  /** Oopses that both sides had and whose places could not be compared in full. */
  private oopses(kernels: readonly TestResult[]): void {
    for (const [match, text] of [
      ["file", "oops in the same file; the function of the kernel's is not told"],
      ["fact", "oops on both sides; their places could not be compared"],
    ] as const) {
      const alike = kernels.filter(({ oops }) => oops === match);
      if (alike.length === 0) continue;
      const names = alike.map(({ test, machine }) => `${test} on ${machineLabel(machine)}`);
      for (const line of wrap(`${text}: ${names.join(", ")}`, 96)) print(line);
      print("");
    }
  }

  private line(name: string, cells: readonly string[]): string {
    return [
      pad(name, this.nameWidth),
      ...cells.map((cell, i) => pad(cell, Math.max(cellWidth, this.headings[i]?.length ?? 0))),
    ]
      .join("  ")
      .trimEnd();
  }

  private cell({ result, test }: Reported): string {
    const { paint } = this;
    if (result.status === "unsupported") return paint.dim("unsupported");
    if (result.status !== "ok" && result.status !== "surprise" && result.status !== "disagree")
      return paint.bad(result.status);
    const units = test ? unitsOf(test) : new Map<string, string>();
    const key =
      test &&
      mainKey(
        test,
        result.values,
        result.claims.map((claim) => claim.text),
      );
    const value = briefValue(key, result.values, units);
    if (result.machine.kind === "model") return result.status === "surprise" ? paint.bad(`${value} !`) : value;
    if (result.status === "disagree") {
      const main = result.differs?.find((each) => each.key === key);
      if (main && test && isConcurrent(test)) return paint.bad(valueText(main.here, units.get(main.key)));
      return paint.bad(main || !result.differs?.length ? value : `${result.differs[0].key} differs`);
    }
    return result.status === "surprise" ? paint.bad("= !") : paint.good("=");
  }

  /** Each combination that was seen, beside the nearest that the model allows; where they differ stands out. */
  private combinations(result: TestResult, units: ReadonlyMap<string, string>): void {
    const { first, more } = combinationsOf(result);
    for (const { values, nearest, keys, among, count: times } of first) {
      print(`  seen in ${times} of ${runsOf(result)} runs, not allowed by ${result.against}`);
      const rows = among.map((key) => {
        const [here, there] = [values, nearest].map((side) => valueText(valueAt(side, key), units.get(key)));
        return [key, there, keys.includes(key) ? this.paint.bad(here) : here];
      });
      const heads = ["", `nearest of ${result.against}`, machineLabel(result.machine)];
      for (const line of columns([heads, ...rows])) print(`    ${line}`);
    }
    if (more > 0) print(`  and ${count(more, "combination")} more`);
  }

  /** Everything about one disagreement: each value on both sides, and the rule by which the model came to its own. */
  private details({ result, test, decided }: Reported): void {
    const { paint } = this;
    const units = test ? unitsOf(test) : new Map<string, string>();
    const label = machineLabel(result.machine);
    const what = result.status === "disagree" ? `${label} disagrees` : `${result.status} on ${label}`;
    print("");
    print(`${paint.bold(result.test)}  ${paint.bad(what)}  ${paint.dim(result.file)}`);
    if (result.notAllowed?.length) this.combinations(result, units);
    if (result.differs?.length) {
      const heads = ["", result.against ?? "model", label];
      const rows = result.differs.map(({ key, here, there }) => [
        key,
        valueText(there, units.get(key)),
        valueText(here, units.get(key)),
      ]);
      if (!result.notAllowed?.length) for (const line of columns([heads, ...rows])) print(`  ${line}`);
      const id = ruleOf(result.differs[0].key, decided ?? new Map());
      const rule = id === undefined ? undefined : ruleBook().find((each) => each.id === id);
      if (rule) {
        const kernel = kernelOf(rule, result.machine.release);
        for (const line of wrap(`the model's rule: ${rule.id}: ${rule.sentence} (${kernel})`, 96)) print(`  ${line}`);
      }
    } else for (const line of troubleOf(result, units)) for (const part of line.split("\n")) print(`  ${part}`);
    if (result.status === "disagree")
      print(
        `  ${paint.dim(`litmap explain ${selectorFor(result.test, result.file)} --release ${result.machine.release}`)}`,
      );
  }
}

/** The kernel's answer equals the model's, regardless of the claims. */
function agrees(result: TestResult): boolean {
  return result.status === "ok" || result.status === "surprise" || result.agrees === true;
}
