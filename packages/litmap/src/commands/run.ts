/** `litmap run`: tests on the model, and on real kernels beside it. */
import { basename } from "node:path";
import type { Machine, Outcome, Test } from "@litmap/litmus";
import { endingOf } from "@litmap/model";
import { modelOptions, searchLimits } from "../choices.js";
import type { ModelChoices, SearchChoices } from "../choices.js";
import { readTest, renderAll, selectFiles } from "../corpus.js";
import type { TestFile } from "../corpus.js";
import { Interrupt } from "../interrupt.js";
import { differencesIn, disallowed, judged } from "../judging.js";
import type { Answer } from "../machines/machine.js";
import { ModelThread } from "../machines/model-thread.js";
import { Progress } from "../progress.js";
import { ResultsFile } from "../results-file.js";
import { compared, resultOf, statusOf } from "../result.js";
import type { TestResult } from "../result.js";
import { reportFor } from "../report/choose.js";
import type { OutputChoices } from "../report/choose.js";
import type { Reported } from "../report/run-report.js";

export interface RunOptions extends ModelChoices, SearchChoices, OutputChoices {
  readonly on?: string;
  readonly jobs?: string;
  readonly accel?: string;
  readonly times?: string;
  readonly timeout?: string;
  readonly resume?: string;
  readonly record?: boolean;
  readonly noncoherent?: boolean;
}

export async function run(selectors: readonly string[], options: RunOptions): Promise<number> {
  const began = performance.now();
  const files = selectFiles(selectors);
  if (options.noncoherent) return (await import("./noncoherent.js")).runNoncoherent(files, options);
  const nameWidth = Math.max(4, ...files.map((file) => basename(file, ".lit").length));
  const interrupt = new Interrupt();
  try {
    if (options.on !== undefined) {
      const { runOnKernels } = await import("./run-on-kernels.js");
      return await runOnKernels(files, nameWidth, options, began, interrupt);
    }
    return await runOnModel(files, nameWidth, options, began, interrupt);
  } finally {
    interrupt.done();
  }
}

async function runOnModel(
  files: readonly string[],
  nameWidth: number,
  options: RunOptions,
  began: number,
  interrupt: Interrupt,
): Promise<number> {
  const progress = new Progress(options.quiet ? false : undefined);
  const model = new ModelThread(modelOptions(options), searchLimits(options));
  const log = options.resume === undefined ? undefined : new ResultsFile(options.resume);
  const { release, arch, designs } = model.machine;
  const chosen = Object.entries(designs).map(([point, choice]) => `${point} = ${choice}`);
  const machines = [[`model ${release}`, arch, ...chosen].join(", ")];
  const report = reportFor(options, { nameWidth, headings: [] });
  const results: TestResult[] = [];
  const answers = answersAhead(files, model, progress);
  for (const answer of answers) {
    const reported = await interrupt.unlessInterrupted(answer);
    if (reported === undefined) break;
    progress.clear();
    results.push(reported.result);
    log?.append(reported.result);
    report.row([reported]);
  }
  progress.clear();
  report.end({ ms: performance.now() - began, machines, chosen: files.length, interrupted: interrupt.happened });
  return interrupt.happened ? interrupt.status : statusOf(results);
}

/** Tests that the model has been asked while the answer to the first of them is awaited. */
const AHEAD = 32;

/** What the model says of each file, in their order. */
function* answersAhead(
  files: readonly string[],
  model: ModelThread,
  progress: Progress,
): Generator<Reported | Promise<Reported>> {
  const asked: (Reported | Promise<Reported>)[] = [];
  for (let i = 0; i < files.length; i++) {
    while (asked.length < Math.min(files.length, i + AHEAD)) asked.push(onModel(files[asked.length], model, progress));
    yield asked[i];
  }
}

function onModel(path: string, model: ModelThread, progress: Progress): Reported | Promise<Reported> {
  const file = readTest(path);
  const { test } = file;
  if (!test) return notATest(file, model.machine);
  return model
    .run(test, (executions) => progress.say(`${test.name}: ${executions} executions`))
    .then((answer) => judgedOn(test, model.machine, answer));
}

/** An answer with its verdict. A fault of litmap in judging it is the status of that test. */
export function judgedOn(test: Test, machine: Machine, { outcome, decided }: Answer): Reported {
  try {
    return { result: resultOf(test, machine, outcome, judged(test, outcome, machine)), test, decided, outcome };
  } catch (error) {
    const broken: Outcome = { ...endingOf(error), values: {}, ms: outcome.ms };
    return { result: resultOf(test, machine, broken, []), test, decided, outcome: broken };
  }
}

/** The model's answer and a kernel's to the same test, compared. A hang that both had is no trouble on either side. */
export function comparedPair(model: Reported, kernel: Reported): [model: Reported, kernel: Reported] {
  const { test } = kernel;
  const combinations =
    test && kernel.outcome && model.outcome
      ? disallowed(test, kernel.outcome, model.outcome, kernel.result.machine.arch)
      : [];
  const result = compared(kernel.result, model.result, differencesIn(combinations), combinations);
  const beside = result.agrees ? { ...model, result: { ...model.result, agrees: true } } : model;
  return [beside, { ...kernel, result, decided: model.decided }];
}

export function notATest(file: TestFile, machine: Machine): Reported {
  const name = basename(file.path, ".lit");
  return {
    result: {
      test: name,
      file: file.path,
      hash: "",
      machine,
      status: "invalid",
      values: {},
      claims: [],
      ms: 0,
      diagnostics: [renderAll(file)],
    },
  };
}
