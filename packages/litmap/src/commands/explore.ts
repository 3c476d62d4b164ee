/** `litmap explore`: every schedule of a concurrent test on the model. */
import { explore as everySchedule } from "@litmap/explore";
import { isConcurrent } from "@litmap/litmus";
import { modelOptions, searchLimits } from "../choices.js";
import type { ModelChoices, SearchChoices } from "../choices.js";
import { oneTest, selectorFor } from "../corpus.js";
import { badRequest } from "../exit-status.js";
import { judged } from "../judging.js";
import { Progress } from "../progress.js";
import { jsonObject } from "../report/json-line.js";
import { scheduleLines } from "../report/schedules.js";
import { claimLines } from "../report/story.js";
import { unitsOf } from "../report/value-text.js";
import { machineLabel, resultOf, statusOf } from "../result.js";
import { paintFor, print } from "../terminal.js";

export interface ExploreOptions extends ModelChoices, SearchChoices {
  /** False: every order, also those that differ only in independent steps. */
  readonly reduce?: boolean;
  readonly json?: boolean;
  readonly color?: boolean;
}

export function explore(selector: string, options: ExploreOptions): number {
  const { test } = oneTest(selector);
  if (!isConcurrent(test))
    throw badRequest(
      `${test.name} has no parallel block: it has one order`,
      `\`litmap explain ${selectorFor(test.name, test.file)}\` tells it`,
    );
  const progress = new Progress(options.json ? false : undefined);
  const { onProgress, ...limits } = progress.following(searchLimits(options));
  const exploration = everySchedule(test, {
    ...modelOptions(options),
    reduce: options.reduce,
    limits,
    onProgress,
  });
  progress.clear();
  const { machine } = exploration;
  const result = resultOf(test, machine, exploration, judged(test, exploration, machine));
  if (options.json) {
    const { executions, redundant, states, complete, schedules } = exploration;
    print(JSON.stringify({ ...jsonObject(result), executions, redundant, states, complete, schedules }));
  } else {
    const paint = paintFor(process.stdout, options.color);
    print(`${paint.bold(test.name)}   ${paint.dim(`${machineLabel(machine)}, ${machine.arch}`)}\n${test.question}\n`);
    if (exploration.status !== "ok") print(`${paint.bad(exploration.status)}: ${exploration.reason}\n`);
    if (exploration.executions > 0)
      print(
        [
          ...scheduleLines(test, exploration, paint),
          "",
          ...claimLines(result.claims, exploration, unitsOf(test), paint),
        ]
          .join("\n")
          .trimEnd(),
      );
  }
  return statusOf([result]);
}
