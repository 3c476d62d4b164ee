/**
 * `litmap cost`: what a test costs, side by side for the choices of each decision point, for the releases, or on
 * kernels that count instructions.
 */
import { didYouMean } from "@litmap/litmus";
import type { Test } from "@litmap/litmus";
import { Kernel, points, predict, releases } from "@litmap/model";
import type { KernelOptions, PointName, Prediction } from "@litmap/model";
import { modelOptions } from "../choices.js";
import { wholeNumber } from "../whole-number.js";
import type { ModelChoices } from "../choices.js";
import { readTest, renderAll, selectFiles } from "../corpus.js";
import { badRequest, exitStatus } from "../exit-status.js";
import type { Answer } from "../machines/machine.js";
import { COUNTING_MEMORY, decidedBy } from "../machines/model.js";
import { changeOf } from "../report/changes.js";
import { costLines, costObject, costsDiffer } from "../report/cost-table.js";
import type { CostColumn, CostTable } from "../report/cost-table.js";
import { paintFor, print } from "../terminal.js";
import { costOnKernels } from "./cost-on-kernels.js";

export interface CostOptions extends ModelChoices {
  readonly point?: string;
  readonly steps?: boolean;
  readonly all?: boolean;
  readonly on?: string;
  readonly runs?: string;
  readonly json?: boolean;
  readonly color?: boolean;
}

export async function cost(selectors: readonly string[], options: CostOptions): Promise<number> {
  const only = options.point === undefined ? undefined : pointOf(options.point);
  const base = { ...modelOptions(options), memory: COUNTING_MEMORY };
  const tests = selectFiles(selectors).map((path) => {
    const file = readTest(path);
    if (!file.test) throw badRequest(renderAll(file));
    return file.test;
  });
  if (options.on !== undefined) {
    if (only !== undefined) throw badRequest("a kernel has one design: --on and --point do not go together");
    return costOnKernels(tests, options.on, wholeNumber("--runs", options.runs ?? "3"), options);
  }
  let broken = false;
  for (const [i, test] of tests.entries()) {
    if (i > 0 && !options.json) print("");
    const tables = tablesOf(test, base, only);
    broken ||= tables.some(({ columns }) => columns.some(({ prediction }) => prediction.status === "broken"));
    report(test, tables, options, `model ${base.release}, ${base.arch}${setText(options.set)}`);
  }
  return broken ? exitStatus.badMachine : exitStatus.asExpected;
}

const setText = (set: readonly string[] = []): string => set.map((each) => `, ${each}`).join("");

function pointOf(name: string): PointName {
  const names = Object.keys(points) as PointName[];
  if (name in points) return name as PointName;
  throw badRequest(`there is no decision point '${name}'${didYouMean(name, names)}`, "`litmap designs` lists them");
}

/**
 * A table for each point that the test's course asks for, or for the one that is wanted, and one for the
 * releases. Of a concurrent test the costs are those of one order: branch after branch.
 */
function tablesOf(test: Test, base: KernelOptions, only: PointName | undefined): CostTable[] {
  const asked = new Set<PointName>();
  const now = predict(test, { ...base, asked });
  const column = (label: string, current: boolean, options: KernelOptions): CostColumn => {
    const prediction = current ? now : predict(test, options);
    return {
      label,
      current,
      prediction,
      change: current ? undefined : changeOf(test, answerOf(test, now), answerOf(test, prediction), base.arch, true),
    };
  };
  const { design } = new Kernel(base);
  const ofPoint = (point: PointName): CostTable => ({
    point,
    columns: Object.keys(points[point].choices).map((choice) =>
      column(choice, choice === design[point], { ...base, designs: { ...base.designs, [point]: choice } }),
    ),
  });
  if (only !== undefined) return [ofPoint(only)];
  const byRelease = {
    columns: releases.map((release) => column(release, release === base.release, { ...base, release })),
  };
  return [...(Object.keys(points) as PointName[]).filter((point) => asked.has(point)).map(ofPoint), byRelease];
}

const answerOf = (test: Test, outcome: Prediction): Answer => ({ outcome, decided: decidedBy(test, outcome) });

function report(test: Test, tables: readonly CostTable[], options: CostOptions, machine: string): void {
  if (options.json) {
    for (const table of tables) print(JSON.stringify({ test: test.name, file: test.file, ...costObject(table) }));
    return;
  }
  const paint = paintFor(process.stdout, options.color);
  const shape = { steps: options.steps ?? false, all: options.all ?? false, paint };
  const shown = options.all || options.point !== undefined ? tables : tables.filter(costsDiffer);
  print(`${paint.bold(test.name)}   ${paint.dim(machine)}\n${test.question}`);
  const now = tables[0]?.columns.find(({ current }) => current)?.prediction;
  if (now !== undefined && now.status !== "ok") print(`${paint.odd(now.status)}: ${now.reason}`);
  if (shown.length === 0) print("\nno design that its course depends on, and no release, changes what it costs");
  for (const table of shown) print(["", ...costLines(test, table, shape)].join("\n"));
}
