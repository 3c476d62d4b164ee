/** Which report a run writes where. stdout has one of them; a JUnit file comes beside it. */
import { writeFileSync } from "node:fs";
import { badRequest } from "../exit-status.js";
import type { TestResult } from "../result.js";
import { writeFailed } from "../results-file.js";
import { paintFor, print } from "../terminal.js";
import { ComparisonTable } from "./comparison-table.js";
import { jsonLine } from "./json-line.js";
import { junit } from "./junit.js";
import { ktap } from "./ktap.js";
import { ResultLines } from "./result-lines.js";
import type { Reported, RunReport, RunSummary } from "./run-report.js";

export interface OutputChoices {
  readonly json?: boolean;
  readonly ktap?: boolean;
  readonly junit?: string;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

interface Layout {
  readonly nameWidth: number;
  /** Empty for a run on the model alone. */
  readonly headings: readonly string[];
}

export function reportFor(choices: OutputChoices, layout: Layout): RunReport {
  if (choices.json && choices.ktap) throw badRequest("--json and --ktap both want stdout", "give one of them");
  const main = choices.json ? new JsonReport() : choices.ktap ? new KtapReport() : forPeople(choices, layout);
  return choices.junit === undefined ? main : new WithJunit(main, choices.junit);
}

function forPeople(choices: OutputChoices, { nameWidth, headings }: Layout): RunReport {
  const paint = paintFor(process.stdout, choices.color);
  const quiet = choices.quiet === true;
  return headings.length === 0
    ? new ResultLines(paint, nameWidth, quiet)
    : new ComparisonTable(paint, nameWidth, quiet, headings);
}

class JsonReport implements RunReport {
  row(results: readonly (Reported | undefined)[]): void {
    for (const each of results) if (each) print(jsonLine(each.result));
  }
  end(): void {}
}

class KtapReport implements RunReport {
  private readonly results: TestResult[] = [];
  row(results: readonly (Reported | undefined)[]): void {
    for (const each of results) if (each) this.results.push(each.result);
  }
  end(): void {
    process.stdout.write(ktap(this.results));
  }
}

class WithJunit implements RunReport {
  private readonly results: TestResult[] = [];
  constructor(
    private readonly main: RunReport,
    private readonly path: string,
  ) {}
  row(results: readonly (Reported | undefined)[]): void {
    for (const each of results) if (each) this.results.push(each.result);
    this.main.row(results);
  }
  end(summary: RunSummary): void {
    this.main.end(summary);
    try {
      writeFileSync(this.path, junit(this.results));
    } catch (error) {
      throw writeFailed(this.path, error);
    }
  }
}
