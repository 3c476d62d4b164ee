/** `litmap whatif`: what a choice at a decision point would change, found by running the corpus with and without it. */
import { designOf } from "@litmap/model";
import { modelOptions, searchLimits } from "../choices.js";
import type { SearchChoices } from "../choices.js";
import { readTest, renderAll, selectFiles } from "../corpus.js";
import type { TestFile } from "../corpus.js";
import { badRequest, exitStatus } from "../exit-status.js";
import { ModelMachine } from "../machines/model.js";
import { Progress } from "../progress.js";
import { changeLines, changeOf } from "../report/changes.js";
import type { Change } from "../report/changes.js";
import { paintFor, print, widthOf } from "../terminal.js";

export interface WhatifOptions extends SearchChoices {
  readonly release?: string;
  readonly arch?: string;
  readonly tests?: readonly string[];
  readonly json?: boolean;
  readonly color?: boolean;
}

export async function whatif(choices: readonly string[], options: WhatifOptions): Promise<number> {
  const base = modelOptions(options);
  const other = modelOptions({ ...options, set: choices });
  const already = Object.entries(other.designs ?? {}).filter(
    ([point, choice]) => designOf(other.release ?? "")[point as keyof ReturnType<typeof designOf>] === choice,
  );
  if (already.length === Object.keys(other.designs ?? {}).length) {
    throw badRequest(
      `${other.release} has ${already.map(([point, choice]) => `${point} = ${choice}`).join(" and ")} already`,
      "choose otherwise, or another --release; `litmap designs` lists the choices",
    );
  }
  const progress = new Progress(options.json ? false : undefined);
  const limits = progress.following(searchLimits(options));
  const compared = compareModels(new ModelMachine(base, limits), new ModelMachine(other, limits), options.tests ?? []);
  progress.clear();
  const title = Object.entries(other.designs ?? {})
    .map(([point, choice]) => `${point} = ${choice}`)
    .join(", ");
  show(compared, `with ${title} on ${other.release}, ${other.arch}`, options);
  return statusOf(compared);
}

/** What came of putting tests to two machines. */
export interface Compared {
  readonly changes: readonly Change[];
  readonly asked: number;
  /** Litmap itself failed at one. */
  readonly broken: boolean;
  /** Files that are no tests. */
  readonly invalid: readonly TestFile[];
}

/** Every test of the selection that two models answer differently. */
export function compareModels(before: ModelMachine, after: ModelMachine, selectors: readonly string[]): Compared {
  const changes: Change[] = [];
  const invalid: TestFile[] = [];
  let asked = 0;
  let broken = false;
  for (const path of selectFiles(selectors)) {
    const file = readTest(path);
    const { test } = file;
    if (!test) {
      invalid.push(file);
      continue;
    }
    asked++;
    const answers = [before.answer(test), after.answer(test)] as const;
    broken ||= answers.some(({ outcome }) => outcome.status === "broken");
    const change = changeOf(test, ...answers, after.machine.arch);
    if (change) changes.push(change);
  }
  return { changes, asked, broken, invalid };
}

export function show({ changes, asked }: Compared, title: string, options: WhatifOptions): void {
  if (options.json) {
    for (const { test, values, status, rule } of changes) {
      print(
        JSON.stringify({
          test: test.name,
          file: test.file,
          rule,
          status,
          values: Object.fromEntries(
            values.map(({ key, before, after }) => [key, { before: before ?? null, after: after ?? null }]),
          ),
        }),
      );
    }
    return;
  }
  const paint = paintFor(process.stdout, options.color);
  const changed = changes.filter(({ undecided }) => !undecided);
  print(`${paint.bold(`${changed.length} of ${asked} tests change`)}  ${paint.dim(title)}`);
  for (const line of changeLines(changed, paint, widthOf(process.stdout))) print(line);
  const undecided = changes.filter((change) => change.undecided);
  if (undecided.length === 0) return;
  print(`\n${paint.odd("undecided")}`);
  for (const { test, status } of undecided) print(`  ${test.name}  ${status}`);
}

/** 2 where a file is no test, 3 where litmap failed at one, 1 where a search was stopped before it had an answer. */
export function statusOf({ changes, broken, invalid }: Compared): number {
  for (const file of invalid) process.stderr.write(`${renderAll(file)}\n`);
  if (invalid.length > 0) return exitStatus.badRequest;
  if (broken) return exitStatus.badMachine;
  return changes.some(({ undecided }) => undecided) ? exitStatus.surprises : exitStatus.asExpected;
}
