/** `litmap diff`: what two kernels answer differently; either may be a model. */
import { modelOptions } from "../choices.js";
import { readTest, selectFiles } from "../corpus.js";
import { badRequest, exitStatus } from "../exit-status.js";
import { Interrupt } from "../interrupt.js";
import type { TestMachine } from "../machines/machine.js";
import { ModelMachine } from "../machines/model.js";
import { Progress } from "../progress.js";
import { changeOf } from "../report/changes.js";
import type { Change } from "../report/changes.js";
import { machineLabel } from "../result.js";
import { compareModels, show } from "./whatif.js";
import type { WhatifOptions } from "./whatif.js";

export interface DiffOptions extends WhatifOptions {
  readonly accel?: string;
}

export async function diff(a: string, b: string, options: DiffOptions): Promise<number> {
  const modelA = modelNamed(a, options);
  const modelB = modelNamed(b, options);
  if (modelA && modelB) {
    const { changes, asked, broken } = compareModels(modelA, modelB, options.tests ?? []);
    show(changes, asked, titleOf(modelA, modelB), options);
    return broken ? exitStatus.badMachine : exitStatus.asExpected;
  }
  return diffKernels([a, b], options);
}

/** At least one is a real kernel: both are started, and the corpus is put to both. */
async function diffKernels(names: readonly [string, string], options: DiffOptions): Promise<number> {
  const { KernelMachine, chooseKernels } = await import("../machines/kernel.js");
  const interrupt = new Interrupt();
  const progress = new Progress();
  const { accel = "auto" } = options;
  const kernelOptions = {
    accelerator: accel as "auto",
    rounds: 1000,
    budgetMs: 20_000,
    roundMs: 10_000,
    onProgress: (line: string) => progress.say(line),
  };
  const opening = names.map(
    async (name): Promise<TestMachine> =>
      modelNamed(name, options) ?? KernelMachine.open(chooseKernels([name])[0], kernelOptions),
  );
  try {
    const machines = await interrupt.unlessInterrupted(Promise.all(opening));
    if (!machines) return exitStatus.interrupted;
    const [before, after] = machines;
    const changes: Change[] = [];
    let asked = 0;
    let broken = false;
    for (const path of selectFiles(options.tests ?? [])) {
      const file = readTest(path);
      if (!file.test) throw badRequest(`${file.path} is no test`, `\`litmap check ${file.path}\` says why`);
      const { test } = file;
      progress.say(test.name);
      const answers = await interrupt.unlessInterrupted(Promise.all([before.run(test), after.run(test)]));
      if (!answers) break;
      asked++;
      broken ||= answers.some(({ outcome }) => outcome.status === "broken");
      const change = changeOf(test, ...answers, after.machine.arch);
      if (change) changes.push(change);
    }
    progress.clear();
    show(changes, asked, titleOf(before, after), options);
    if (interrupt.happened) return exitStatus.interrupted;
    return broken ? exitStatus.badMachine : exitStatus.asExpected;
  } finally {
    progress.clear();
    interrupt.done();
    await Promise.allSettled(opening.map(async (machine) => (await machine).close()));
  }
}

function modelNamed(name: string, options: DiffOptions): ModelMachine | undefined {
  return name.startsWith("model:")
    ? new ModelMachine(modelOptions({ release: name.slice("model:".length), arch: options.arch }))
    : undefined;
}

function titleOf(a: TestMachine, b: TestMachine): string {
  return `from ${machineLabel(a.machine)} to ${machineLabel(b.machine)}`;
}
