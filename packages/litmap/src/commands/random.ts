/**
 * `litmap random`: generated programs, on the model and on real kernels. Each
 * disagreement is shrunk to the shortest program that still shows it. Without a kernel the
 * model is asked alone, of drivers too: it has to have an answer to everything.
 */
import {
  bindings,
  operation,
  operations,
  parse,
  probesOf,
  randomTest,
  seldomUseful,
  shrink,
  shrinkAsync,
} from "@litmap/litmus";
import type { OperationName, Outcome, Test } from "@litmap/litmus";
import { releases } from "@litmap/model";
import { wholeNumber } from "../whole-number.js";
import { badRequest, exitStatus } from "../exit-status.js";
import { Interrupt } from "../interrupt.js";
import { differences } from "../judging.js";
import { KernelMachine, chooseKernels } from "../machines/kernel.js";
import type { KernelChoice, KernelOptions } from "../machines/kernel.js";
import { ModelMachine, defaultSearch } from "../machines/model.js";
import { ModelThread } from "../machines/model-thread.js";
import { Progress } from "../progress.js";
import { wrap } from "../report/columns.js";
import { valueText } from "../report/value-text.js";
import type { Difference } from "../result.js";
import { machineLabel } from "../result.js";
import { print } from "../terminal.js";
import { kernelNames, kernelOptionsOf } from "./run-on-kernels.js";

export interface RandomCommandOptions {
  /** `A..B`, both included, or one seed. */
  readonly seeds?: string;
  readonly steps?: string;
  readonly on?: string;
  readonly accel?: string;
  readonly timeout?: string;
}

interface Programs {
  readonly first: number;
  readonly last: number;
  readonly steps: number;
}

/** What a program showed: values in which the kernel is not as the model, or another way to end. */
interface Disagreement {
  /** The same before and after shrinking: which operation's value differs, and in which field. */
  readonly about: string;
  readonly lines: readonly string[];
}

/** Programs tried for one disagreement. */
const shrinkLimit = 400;

export async function random(options: RandomCommandOptions): Promise<number> {
  const programs = programsOf(options);
  if (options.on === undefined) return onModel(programs);
  const choices = chooseKernels(kernelNames(options.on));
  const kernelOptions = kernelOptionsOf({ ...options, times: "1" });
  const interrupt = new Interrupt();
  let found = 0;
  try {
    for (const choice of choices) {
      if (interrupt.happened) break;
      found += await onKernel(choice, kernelOptions, programs, interrupt);
    }
  } finally {
    interrupt.done();
  }
  if (interrupt.happened) return interrupt.status;
  return found > 0 ? exitStatus.surprises : exitStatus.asExpected;
}

function programsOf(options: RandomCommandOptions): Programs {
  const seeds = options.seeds ?? "1..300";
  const range = /^(\d+)(?:\.\.(\d+))?$/.exec(seeds);
  if (!range) throw badRequest(`--seeds wants A..B, not '${seeds}'`, "--seeds 1..300, or one seed");
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  if (last < first) throw badRequest(`--seeds ${seeds} is empty`);
  return { first, last, steps: wholeNumber("--steps", options.steps ?? "12") };
}

/** Runs every program on the model of some release: any answer is right, an exception is a defect. */
function onModel(programs: Programs): number {
  const began = performance.now();
  let found = 0;
  for (let seed = programs.first; seed <= programs.last; seed++) {
    const release = releases[seed % releases.length];
    const text = randomTest(seed, { steps: programs.steps, by: ["process", "driver", "kernel"], without: [] });
    const thrown = thrownBy(text, release);
    if (thrown !== undefined) {
      found++;
      print(
        `seed ${seed} breaks the model of ${release}\n\n` +
          `${shrink(text, (shorter) => thrownBy(shorter, release) === thrown)}\n  ${thrown}\n`,
      );
    }
  }
  print(
    `${programs.last - programs.first + 1} programs, ${found} ${found === 1 ? "exception" : "exceptions"}, ` +
      `${((performance.now() - began) / 1000).toFixed(1)} s      (model)`,
  );
  return found > 0 ? exitStatus.surprises : exitStatus.asExpected;
}

function thrownBy(text: string, release: string): string | undefined {
  const { test } = parse(text);
  if (!test) return undefined;
  const { status, reason } = new ModelMachine({ release }).answer(test).outcome;
  return status === "broken" ? reason : undefined;
}

/** Runs every program on one kernel and prints what disagrees; gives how many did. */
async function onKernel(
  choice: KernelChoice,
  kernelOptions: KernelOptions,
  programs: Programs,
  interrupt: Interrupt,
): Promise<number> {
  const began = performance.now();
  const progress = new Progress();
  const say = (line: string): void => progress.say(`${choice.name}: ${line}`);
  say("starting");
  const kernel = await KernelMachine.open(choice, { ...kernelOptions, onProgress: say });
  const pair = new Pair(kernel);
  let found = 0;
  let ran = 0;
  let lacking: ReadonlySet<string> = new Set();
  try {
    lacking = await pair.lacking(interrupt, say);
    for (let seed = programs.first; seed <= programs.last && !interrupt.happened; seed++) {
      say(`program ${seed} of ${programs.last}`);
      const text = randomTest(seed, { steps: programs.steps, lacking });
      const disagreement = await interrupt.unlessInterrupted(pair.disagreement(text));
      ran++;
      if (!disagreement) continue;
      found++;
      say(`program ${seed}: shrinking`);
      const shortest = await pair.shrunk(text, disagreement.about, interrupt);
      const { lines } = (await interrupt.unlessInterrupted(pair.disagreement(shortest))) ?? disagreement;
      progress.clear();
      print(`seed ${seed} disagrees on ${choice.name}\n\n${shortest}\n${lines.join("\n")}\n`);
    }
  } finally {
    progress.clear();
    await kernel.close();
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (lacking.size > 0)
    for (const line of wrap(`without what ${machineLabel(kernel.machine)} cannot do: ${[...lacking].join(", ")}`, 100))
      print(line);
  const unsupported = pair.unsupported > 0 ? `, ${pair.unsupported} unsupported` : "";
  print(
    `${ran} programs, ${found} ${found === 1 ? "disagreement" : "disagreements"}${unsupported}, ${seconds} s      ` +
      `(${machineLabel(kernel.machine)} ${kernel.machine.uname.split(" ")[0]})`,
  );
  return found;
}

/** A kernel and the model of its release. */
class Pair {
  /** Programs that one of the two cannot run; those made by shrinking do not count. */
  unsupported = 0;
  private readonly model: ModelThread;

  constructor(private readonly kernel: KernelMachine) {
    this.model = new ModelThread(kernel.modelOptions, defaultSearch);
  }

  async disagreement(text: string): Promise<Disagreement | undefined> {
    const { test } = parse(text);
    if (!test) return undefined;
    const { outcome: predicted } = await this.model.run(test);
    const { outcome } = predicted.status === "unsupported" ? { outcome: predicted } : await this.kernel.run(test);
    if (outcome.status === "unsupported") {
      this.unsupported++;
      return undefined;
    }
    if (outcome.status !== predicted.status)
      return { about: outcome.status, lines: [`  model: ${ending(predicted)}`, `  kernel: ${ending(outcome)}`] };
    const differs = differences(test, outcome, predicted, this.kernel.machine.arch);
    return differs.length > 0 ? { about: about(test, differs[0]), lines: differs.map(differenceLine) } : undefined;
  }

  /** What one of the two cannot do: each operation that programs use is put to both, once. */
  async lacking(interrupt: Interrupt, say: (line: string) => void): Promise<Set<string>> {
    const lacking = new Set<string>();
    for (const op of Object.keys(operations) as OperationName[]) {
      if (seldomUseful.includes(op) || !operation(op).by.includes("process")) continue;
      for (const { of, text } of probesOf(op)) {
        const { test } = parse(text);
        if (!test || interrupt.happened) continue;
        say(`can it do ${of}?`);
        const { status } = (await this.model.run(test)).outcome;
        const asked = status === "unsupported" ? undefined : await interrupt.unlessInterrupted(this.kernel.run(test));
        if (status === "unsupported" || asked?.outcome.status === "unsupported") lacking.add(of);
      }
    }
    return lacking;
  }

  async shrunk(text: string, wanted: string, interrupt: Interrupt): Promise<string> {
    const { unsupported } = this;
    let tries = 0;
    const shortest = await shrinkAsync(text, async (candidate) => {
      if (++tries > shrinkLimit || interrupt.happened) return false;
      return (await this.disagreement(candidate))?.about === wanted;
    });
    this.unsupported = unsupported;
    return shortest;
  }
}

const ending = ({ status, reason }: Outcome): string => (reason === undefined ? status : `${status}, ${reason}`);

/** `mmap`, `smaps.Pss`: whose value differs first. */
function about(test: Test, { key }: Difference): string {
  const [name, field] = key.split(".");
  for (const step of bindings(test.steps)) {
    if (step.bind !== name) continue;
    const op = step.kind === "call" ? step.op : "faults";
    return field === undefined || step.kind !== "call" || operation(step.op).result.kind !== "record"
      ? op
      : `${op}.${field}`;
  }
  return key;
}

function differenceLine({ key, here, there }: Difference): string {
  return `  ${key}: model ${valueText(there)}, kernel ${valueText(here)}`;
}
