/** The model of a release as a machine that answers tests. */
import { explore } from "@litmap/explore";
import { isConcurrent } from "@litmap/litmus";
import type { Test } from "@litmap/litmus";
import { predict } from "@litmap/model";
import type { KernelOptions, Prediction } from "@litmap/model";
import type { Answer, TestMachine } from "./machine.js";

/** Opens a model; `answer` is its synchronous half. */
export class ModelMachine implements TestMachine {
  readonly machine;
  readonly aside = "";

  constructor(private readonly options: KernelOptions) {
    const { release = "", arch = "x86_64", designs } = options;
    this.machine = { kind: "model", release, arch, designs: { ...designs } } as const;
  }

  answer(test: Test): Answer {
    const began = performance.now();
    const prediction = ask(test, this.options);
    return { outcome: { ...prediction, ms: performance.now() - began }, decided: decidedBy(prediction) };
  }

  run(test: Test): Promise<Answer> {
    return Promise.resolve(this.answer(test));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A test in its one order, or in all that it has. */
export function ask(test: Test, options: KernelOptions): Prediction {
  return isConcurrent(test) ? explore(test, options) : predict(test, options);
}

/** Under each bound name the rule by which its step was refused, else the last that was noted there. */
export function decidedBy(prediction: Prediction): Map<string, string> {
  const decided = new Map<string, string>();
  for (const step of prediction.steps) {
    const event = step.events.findLast((each) => each.kind === "refuse") ?? step.events.at(-1);
    if (event && step.bind !== undefined) decided.set(step.bind, event.rule.id);
  }
  return decided;
}
