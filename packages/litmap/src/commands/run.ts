/** `litmap run`: tests on the model, and on real kernels beside it. */
import { basename } from "node:path";
import type { Machine, Outcome, Test } from "@litmap/litmus";
import { endingOf } from "@litmap/model";
import { modelOptions } from "../choices.js";
import type { ModelChoices } from "../choices.js";
import { readTest, renderAll, selectFiles } from "../corpus.js";
import type { TestFile } from "../corpus.js";
import { exitStatus } from "../exit-status.js";
import { Interrupt } from "../interrupt.js";
import { differences, judged } from "../judging.js";
import type { Answer } from "../machines/machine.js";
import { ModelMachine } from "../machines/model.js";
import { ResultsFile } from "../results-file.js";
import { compared, resultOf, statusOf } from "../result.js";
import type { TestResult } from "../result.js";
import { reportFor } from "../report/choose.js";
import type { OutputChoices } from "../report/choose.js";
import type { Reported } from "../report/run-report.js";

export interface RunOptions extends ModelChoices, OutputChoices {
  readonly on?: string;
  readonly jobs?: string;
  readonly accel?: string;
  readonly times?: string;
  readonly timeout?: string;
  readonly resume?: string;
  readonly record?: boolean;
}

export async function run(selectors: readonly string[], options: RunOptions): Promise<number> {
  const began = performance.now();
  const files = selectFiles(selectors);
  const nameWidth = Math.max(4, ...files.map((file) => basename(file, ".lit").length));
  const interrupt = new Interrupt();
  try {
    if (options.on !== undefined) {
      const { runOnKernels } = await import("./run-on-kernels.js");
      return await runOnKernels(files, nameWidth, options, began, interrupt);
    }
    return await runOnModel(files, nameWidth, options, began, interrupt);
  } finally {
    process.stdout.uncork();
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
  const model = new ModelMachine(modelOptions(options));
  const log = options.resume === undefined ? undefined : new ResultsFile(options.resume);
  const { release, arch, designs } = model.machine;
  const chosen = Object.entries(designs).map(([point, choice]) => `${point} = ${choice}`);
  const machines = [[`model ${release}`, arch, ...chosen].join(", ")];
  const report = reportFor(options, { nameWidth, headings: [] });
  const results: TestResult[] = [];
  let breath = 0;
  for (const path of files) {
    if (performance.now() - breath > 50) {
      // A signal is only heard between two turns of the event loop, and lines are cheaper by the dozen.
      process.stdout.uncork();
      await new Promise((resolve) => setImmediate(resolve));
      if (results.length > 0) process.stdout.cork();
      breath = performance.now();
    }
    if (interrupt.happened) break;
    const file = readTest(path);
    const reported = file.test ? answered(file.test, model) : notATest(file, model.machine);
    results.push(reported.result);
    log?.append(reported.result);
    report.row([reported]);
  }
  report.end({ ms: performance.now() - began, machines, chosen: files.length, interrupted: interrupt.happened });
  return interrupt.happened ? exitStatus.interrupted : statusOf(results);
}

/** The model's answer, judged. A fault of litmap in one test ends that test only. */
export function answered(test: Test, model: Pick<ModelMachine, "machine" | "answer">): Reported {
  try {
    return judgedOn(test, model.machine, model.answer(test));
  } catch (error) {
    const outcome: Outcome = { ...endingOf(error), values: {}, ms: 0 };
    return judgedOn(test, model.machine, { outcome, decided: new Map() });
  }
}

export function judgedOn(test: Test, machine: Machine, answer: Answer): Reported {
  const result = resultOf(test, machine, answer.outcome, judged(test, answer.outcome, machine));
  return { result, test, decided: answer.decided, outcome: answer.outcome };
}

/** The model's answer and a kernel's to the same test, compared. A hang that both had is no trouble on either side. */
export function comparedPair(model: Reported, kernel: Reported): [model: Reported, kernel: Reported] {
  const { test } = kernel;
  const differs =
    test && kernel.outcome && model.outcome
      ? differences(test, kernel.outcome, model.outcome, kernel.result.machine.arch)
      : [];
  const result = compared(kernel.result, model.result, differs);
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
