/** The model of a release as a machine that answers tests. */
import { explore } from "@litmap/explore";
import type { Exploration } from "@litmap/explore";
import { errnoName, isConcurrent, observersOn } from "@litmap/litmus";
import type { Test } from "@litmap/litmus";
import { endingOf, predict } from "@litmap/model";
import type { KernelOptions, PointName, Prediction } from "@litmap/model";
import { effectiveDesign, exact } from "../judging.js";
import type { Answer } from "./machine.js";

/** How long a search of schedules may go on. */
export interface SearchLimits {
  /** Milliseconds. */
  readonly ms: number;
  readonly executions?: number;
  /** Told now and then how many executions have run. */
  readonly onProgress?: (executions: number) => void;
}

/** Bytes of memory of a machine on which costs are counted: room for a buffer of 1 GiB, twice. */
export const COUNTING_MEMORY = 2 ** 32;

export const defaultSearch: SearchLimits = { ms: 60_000 };

export class ModelMachine {
  readonly machine;

  constructor(
    private readonly options: KernelOptions,
    private readonly limits = defaultSearch,
  ) {
    const { release = "", arch = "x86_64", designs, configured } = options;
    this.machine = {
      kind: "model",
      release,
      arch,
      designs: { ...designs },
      ...(configured ? { configured } : {}),
    } as const;
  }

  /** The same model but for some choices. */
  having(designs: Readonly<Record<string, string | undefined>>): ModelMachine {
    return new ModelMachine({ ...this.options, designs: { ...this.options.designs, ...designs } }, this.limits);
  }

  /** The points that a test's one order asks for. */
  asked(test: Test): Set<PointName> {
    const asked = new Set<PointName>();
    try {
      predict(test, { ...this.options, asked });
    } catch {
      // What it asked for before it broke is all that there is.
    }
    return asked;
  }

  /** A fault of litmap in one test is the outcome of that test. */
  answer(test: Test): Answer {
    const began = performance.now();
    try {
      const { steps, ...outcome } = ask(test, this.options, this.limits);
      const ms = performance.now() - began;
      return { outcome: { ...outcome, ms }, decided: decidedBy(test, { ...outcome, steps }) };
    } catch (error) {
      return { outcome: { ...endingOf(error), values: {}, ms: performance.now() - began }, decided: new Map() };
    }
  }
}

/** A test in its one order, or in all that it has. */
export function ask(test: Test, options: KernelOptions, limits = defaultSearch): Prediction | Exploration {
  if (!isConcurrent(test)) return predict(test, options);
  const { onProgress, ...most } = limits;
  return explore(test, { ...options, limits: most, onProgress });
}

/**
 * Under each bound name the rule that decided its step: the first that refused with the errno
 * that came out (what refuses later passes it on), else the last that was noted.
 */
export function decidedBy(test: Test, prediction: Prediction): Map<string, string> {
  const decided = new Map<string, string>();
  const observed = observersTaken(test, prediction);
  for (const step of prediction.steps) {
    const name = observed.get(step) ?? step.bind;
    if (name === undefined) continue;
    const refusals = step.events.filter((event) => event.kind === "refuse");
    const event =
      refusals.find(({ errno }) => errno !== 0 && errnoName(errno) === step.result) ??
      refusals[0] ??
      step.events.at(-1);
    if (event) decided.set(name, event.rule.id);
  }
  return decided;
}

/** The steps that are observers of claims, which come last, with their keys. None when the test did not come so far. */
export function observersTaken(
  test: Test,
  { status, machine, steps }: Prediction,
): Map<Prediction["steps"][number], string> {
  if (status !== "ok") return new Map();
  const taken = observersOn(test, exact(machine), effectiveDesign(machine));
  return new Map(steps.slice(steps.length - taken.length).map((step, i) => [step, taken[i].key]));
}

/** The rule behind a key of an outcome: `p.Pss` is decided with `p`. */
export function ruleOf(key: string | undefined, decided: ReadonlyMap<string, string>): string | undefined {
  return key === undefined ? undefined : (decided.get(key) ?? decided.get(key.replace(/\.\w+$/, "")));
}
