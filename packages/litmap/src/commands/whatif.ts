/** `litmap whatif`: what a choice at a decision point would change, found by running the corpus with and without it. */
import { designOf } from "@litmap/model";
import { modelOptions, searchLimits } from "../choices.js";
import type { SearchChoices } from "../choices.js";
import { readTest, renderAll, selectFiles } from "../corpus.js";
import type { TestFile } from "../corpus.js";
import { badRequest, exitStatus } from "../exit-status.js";
import { ModelMachine } from "../machines/model.js";
import { Progress } from "../progress.js";
import { changeLines, changeOfModels, unsupportedLines } from "../report/changes.js";
import type { Change } from "../report/changes.js";
import { count } from "../report/columns.js";
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
  show(compared, `with ${title} on ${other.release}, ${other.arch}`, ["the release", "it"], options);
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
  /** Tests that were to be asked, where the user interrupted before that. */
  readonly chosen?: number;
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
    const change = changeOfModels(test, before, after, answers);
    if (change) changes.push(change);
  }
  return { changes, asked, broken, invalid };
}

/** @param sides the two machines, as reasons name them */
export function show(
  { changes, asked, chosen = asked }: Compared,
  title: string,
  sides: readonly [string, string],
  options: WhatifOptions,
): void {
  if (options.json) {
    for (const change of changes) print(JSON.stringify(jsonOf(change)));
    return;
  }
  const paint = paintFor(process.stdout, options.color);
  const unsupported = changes.filter((change) => change.unsupported !== undefined);
  const undecided = changes.filter((change) => change.undecided);
  const changed = changes.filter((change) => change.unsupported === undefined && !change.undecided);
  const apart = unsupported.length === 0 ? "" : `, ${unsupported.length} more run on one side only`;
  print(`${paint.bold(`${changed.length} of ${asked} tests change${apart}`)}  ${paint.dim(title)}`);
  if (chosen > asked) print(paint.odd(`interrupted: ${asked} of ${count(chosen, "test")} ran`));
  for (const line of changeLines(changed, paint, widthOf(process.stdout))) print(line);
  if (unsupported.length > 0) print(`\n${paint.dim("on one side only")}`);
  for (const line of unsupportedLines(unsupported, paint, sides)) print(line);
  if (undecided.length > 0) print(`\n${paint.odd("undecided")}`);
  for (const { test, status } of undecided) print(`  ${test.name}  ${status}`);
}

function jsonOf({ test, values, status, unsupported, undecided, gained, lost, rule, point }: Change): object {
  return {
    test: test.name,
    file: test.file,
    rule,
    point,
    status,
    unsupported,
    undecided,
    values: Object.fromEntries(
      values.map(({ key, before, after }) => [key, { before: before ?? null, after: after ?? null }]),
    ),
    gained,
    lost,
  };
}

/** 2 where a file is no test, 3 where litmap failed at one, 1 where a search was stopped before it had an answer. */
export function statusOf({ changes, broken, invalid }: Compared): number {
  for (const file of invalid) process.stderr.write(`${renderAll(file)}\n`);
  if (invalid.length > 0) return exitStatus.badRequest;
  if (broken) return exitStatus.badMachine;
  return changes.some(({ undecided }) => undecided) ? exitStatus.surprises : exitStatus.asExpected;
}
