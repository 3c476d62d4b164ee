/** `litmap diff`: what two kernels answer differently; either may be a model. */
import { isaOf } from "@litmap/litmus";
import type { KernelOptions } from "@litmap/model";
import { archOf, modelOptions, searchLimits } from "../choices.js";
import { readTest, selectFiles } from "../corpus.js";
import type { TestFile } from "../corpus.js";
import { badRequest } from "../exit-status.js";
import { Interrupt } from "../interrupt.js";
import type { KernelChoice } from "../machines/kernel.js";
import type { TestMachine } from "../machines/machine.js";
import { ModelMachine } from "../machines/model.js";
import { ModelThread } from "../machines/model-thread.js";
import { Progress } from "../progress.js";
import { changeOf } from "../report/changes.js";
import type { Change } from "../report/changes.js";
import { machineLabel } from "../result.js";
import { wholeNumber } from "../whole-number.js";
import { compareModels, show, statusOf } from "./whatif.js";
import type { WhatifOptions } from "./whatif.js";

export interface DiffOptions extends WhatifOptions {
  readonly accel?: string;
  readonly jobs?: string;
}

export async function diff(a: string, b: string, options: DiffOptions): Promise<number> {
  const [optionsA, optionsB] = [modelIn(a, options), modelIn(b, options)];
  if (optionsA && optionsB) {
    const progress = new Progress(options.json ? false : undefined);
    const limits = progress.following(searchLimits(options));
    const [modelA, modelB] = [new ModelMachine(optionsA, limits), new ModelMachine(optionsB, limits)];
    const compared = compareModels(modelA, modelB, options.tests ?? []);
    progress.clear();
    show(compared, titleOf(modelA, modelB), sidesOf(modelA, modelB), options);
    return statusOf(compared);
  }
  return diffKernels([a, b], options);
}

/** At least one is a real kernel: both are started, and the corpus is put to both. */
async function diffKernels(names: readonly [string, string], options: DiffOptions): Promise<number> {
  const { KernelMachine, chooseKernels } = await import("../machines/kernel.js");
  checkArch(chooseKernels(names.filter((name) => !name.startsWith("model:"))), options);
  const interrupt = new Interrupt();
  const progress = new Progress();
  const { accel = "auto" } = options;
  const kernels = names.filter((name) => !name.startsWith("model:")).length;
  const jobs = wholeNumber("--jobs", options.jobs ?? String(2 * kernels));
  if (jobs < kernels) throw badRequest(`--jobs ${jobs} is too few: ${kernels} kernels run side by side`);
  const kernelOptions = {
    mostGuests: Math.floor(jobs / kernels),
    accelerator: accel as "auto",
    rounds: 1000,
    budgetMs: 20_000,
    roundMs: 10_000,
    onProgress: (line: string) => progress.say(line),
  };
  const opening = names.map(
    async (name): Promise<TestMachine> =>
      threadNamed(name, options) ?? KernelMachine.open(chooseKernels([name])[0], kernelOptions),
  );
  try {
    const machines = await interrupt.unlessInterrupted(Promise.all(opening));
    if (!machines) return interrupt.status;
    const [before, after] = machines;
    progress.clear();
    for (const each of machines)
      if (each instanceof KernelMachine)
        for (const note of each.notes) process.stderr.write(`${machineLabel(each.machine)}: ${note}\n`);
    const changes: Change[] = [];
    const invalid: TestFile[] = [];
    let asked = 0;
    let broken = false;
    const files = selectFiles(options.tests ?? []);
    for (const [i, path] of files.entries()) {
      const file = readTest(path);
      const { test } = file;
      if (!test) {
        invalid.push(file);
        continue;
      }
      progress.say(`${i + 1} of ${files.length}  ${test.name}`);
      const answers = await interrupt.unlessInterrupted(Promise.all([before.run(test), after.run(test)]));
      if (!answers) break;
      asked++;
      broken ||= answers.some(({ outcome }) => outcome.status === "broken");
      const change = changeOf(test, ...answers, after.machine.arch);
      if (change) changes.push(change);
    }
    progress.clear();
    const compared = { changes, asked, broken, invalid, chosen: files.length - invalid.length };
    show(compared, titleOf(before, after), sidesOf(before, after), options);
    return interrupt.happened ? interrupt.status : statusOf(compared);
  } finally {
    progress.clear();
    interrupt.done();
    await Promise.allSettled(opening.map(async (machine) => (await machine).close()));
  }
}

/** The choice of model in a name, or undefined where it names a kernel. */
function modelIn(name: string, { arch }: DiffOptions): KernelOptions | undefined {
  return name.startsWith("model:") ? modelOptions({ release: name.slice("model:".length), arch }) : undefined;
}

/** --arch is of a model: two kernels have their own, and a model is only compared with a kernel of its architecture. */
function checkArch(choices: readonly KernelChoice[], { arch }: DiffOptions): void {
  if (arch === undefined) return;
  const asked = isaOf(archOf(arch));
  const [kernel] = choices.filter(
    (choice) => choices.length > 1 || (choice.kind === "vm" && choice.kernel.arch !== asked),
  );
  if (kernel)
    throw badRequest(
      `--arch ${arch} is for models: ${choices.map(({ name }) => name).join(" and ")} ` +
        `${choices.length > 1 ? "have architectures of their own" : "is a kernel of another architecture"}`,
      "leave it out, or compare models: model:6.12",
    );
}

function threadNamed(name: string, options: DiffOptions): ModelThread | undefined {
  const model = modelIn(name, options);
  return model && new ModelThread(model, searchLimits(options));
}

function sidesOf(a: Pick<TestMachine, "machine">, b: Pick<TestMachine, "machine">): [string, string] {
  return [machineLabel(a.machine), machineLabel(b.machine)];
}

function titleOf(a: Pick<TestMachine, "machine">, b: Pick<TestMachine, "machine">): string {
  return `from ${machineLabel(a.machine)} to ${machineLabel(b.machine)}`;
}
