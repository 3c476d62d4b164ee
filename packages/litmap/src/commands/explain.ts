/** `litmap explain`: one test on the model, told step by step. */
import { runSchedule } from "@litmap/explore";
import { isConcurrent } from "@litmap/litmus";
import type { Test } from "@litmap/litmus";
import { kernelOf } from "@litmap/model";
import type { Prediction } from "@litmap/model";
import { modelOptions, searchLimits } from "../choices.js";
import type { ModelChoices, SearchChoices } from "../choices.js";
import { oneTest, selectorFor } from "../corpus.js";
import { readEvidence } from "../evidence.js";
import { badRequest } from "../exit-status.js";
import { judged } from "../judging.js";
import { ask } from "../machines/model.js";
import { Progress } from "../progress.js";
import { modelSites } from "../report/rule-place.js";
import { tell } from "../report/story.js";
import { resultOf, statusOf } from "../result.js";
import { paintFor, print, widthOf } from "../terminal.js";
import { jsonObject } from "../report/json-line.js";
import { agreesWith } from "../witnesses.js";

export interface ExplainOptions extends ModelChoices, SearchChoices {
  readonly schedule?: string;
  readonly json?: boolean;
  readonly color?: boolean;
}

export async function explain(selector: string, options: ExplainOptions): Promise<number> {
  const { file, test } = oneTest(selector);
  const progress = new Progress(options.json ? false : undefined);
  const prediction =
    options.schedule === undefined
      ? ask(test, modelOptions(options), progress.following(searchLimits(options)))
      : inOneOrder(test, options.schedule, options);
  progress.clear();
  const claims = judged(test, prediction, prediction.machine);
  const evidence = readEvidence();
  const result = resultOf(test, prediction.machine, prediction, claims);
  if (options.json) {
    const { release } = prediction.machine;
    const steps = prediction.steps.map(({ events, ...step }) => ({
      ...step,
      rules: events.map(({ rule, kind, about }) => ({
        id: rule.id,
        kind,
        about,
        sentence: rule.sentence,
        kernel: kernelOf(rule, release),
        model: modelSites(rule),
      })),
    }));
    const kernels = evidence
      .map((each) => ({ kernel: each.kernel.kernel, says: agreesWith(test, prediction, each) }))
      .filter((each) => each.says !== "none");
    print(JSON.stringify({ ...jsonObject(result), steps, evidence: kernels }));
  } else
    print(
      tell(
        { test, text: file.text, prediction, claims, evidence, warnings: file.diagnostics },
        paintFor(process.stdout, options.color),
        widthOf(process.stdout),
      ),
    );
  return statusOf([result]);
}

function inOneOrder(test: Test, schedule: string, choices: ModelChoices): Prediction {
  if (!isConcurrent(test))
    throw badRequest(`${test.name} has no parallel block: it has one order`, "leave out --schedule");
  const prediction = runSchedule(test, schedule, modelOptions(choices));
  if ("error" in prediction)
    throw badRequest(
      `--schedule: ${prediction.error}`,
      `\`litmap explore ${selectorFor(test.name, test.file)}\` lists schedules`,
    );
  return prediction;
}
