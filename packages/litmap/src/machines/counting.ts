/**
 * A kernel of the store in a QEMU that counts instructions: what each step of a test takes, and what the model counts
 * for it.
 */
import type { Outcome, Test } from "@litmap/litmus";
import { Machine, VmTarget, linuxVersion } from "@litmap/kernels";
import type { Kernel } from "@litmap/kernels";
import { ExecutorUnavailable, buildExecutor, compile, needsOf } from "@litmap/linux";
import type { KernelDescription, StepCount } from "@litmap/linux";
import { predict } from "@litmap/model";
import type { Prediction } from "@litmap/model";
import { badMachine, badRequest } from "../exit-status.js";
import { executorSources } from "../places.js";
import { describe, endingOf } from "./kernel.js";
import type { KernelChoice } from "./kernel.js";
import { COUNTING_MEMORY } from "./model.js";
import { outfitFor } from "./outfit.js";

/** What is measured is no test of this limit. */
const unlimited = "udmabuf.size_limit_mb=4096";
/** Milliseconds of the guest's own time for one run, and of ours for all. */
const roundMs = 120_000;
const budgetMs = 1_800_000;

export interface CountedSteps {
  readonly outcome: Outcome;
  /** Each step's instructions, run by run. Empty when the test could not be run. */
  readonly steps: readonly (Omit<StepCount, "count"> & { readonly counts: readonly number[] })[];
  /** The model of the same release, with the same limits. */
  readonly model: Prediction;
}

export class CountingMachine {
  private constructor(
    private readonly guest: Machine,
    private readonly description: KernelDescription,
    /** As the kernel says it: `6.12.48+deb13-amd64`. */
    readonly release: string,
    /** The version that the model is asked for. */
    private readonly linux: string,
  ) {}

  /** Boots a kernel with what all of these tests need. */
  static async open(
    choice: KernelChoice & { readonly kind: string },
    tests: readonly Test[],
  ): Promise<CountingMachine> {
    const outfit = outfitFor([...new Set(tests.flatMap((test) => needsOf(test)))]);
    const target = new VmTarget({
      ...outfit,
      kernel: (choice as { kernel: Kernel }).kernel,
      executor: await executor(),
      memory: COUNTING_MEMORY / 2 ** 20,
      cmdline: [...outfit.cmdline, unlimited],
      countInstructions: true,
      bootTimeoutMs: 600_000,
    });
    const guest = new Machine(target);
    const started = await guest.start();
    if (!started.ok) throw endingOf(started.fault);
    const { ready } = started.value;
    const linux = linuxVersion(`${ready.release} ${ready.version}`) ?? ready.release;
    return new CountingMachine(guest, describe(choice, ready), ready.release, linux);
  }

  /** Runs a test several times in this boot, with fresh processes each time. */
  async count(test: Test, runs: number): Promise<CountedSteps> {
    const model = predict(test, {
      release: this.linux,
      designs: { "udmabuf.size-limit": "int-max" },
      memory: COUNTING_MEMORY,
    });
    const compiled = compile(test, this.description, { counted: true, rounds: runs, roundMs, budgetMs });
    if (compiled.kind === "unsupported") return { outcome: compiled.outcome, steps: [], model };
    const ran = await this.guest.run(compiled.program, { timeoutMs: budgetMs });
    if (ran.kind === "down") throw endingOf(ran.fault);
    if (ran.kind === "killed") throw badMachine(`${test.name}: ${ran.reason}, twice`);
    if (ran.kind === "refused") throw badRequest(`${test.name}: ${ran.reason}`);
    if (ran.kind !== "result")
      return {
        outcome: { status: ran.kind === "hang" ? "hang" : "oops", reason: ran.reason, values: {}, ms: ran.ms },
        steps: [],
        model,
      };
    const counted = compiled.counts(ran.payload);
    const steps = (counted[0] ?? []).map(({ count: _first, ...step }, i) => ({
      ...step,
      counts: counted.map((run) => run[i].count),
    }));
    return { outcome: compiled.decode(ran.payload), steps, model };
  }

  close(): Promise<void> {
    return this.guest.stop();
  }
}

async function executor(): Promise<string> {
  try {
    return await buildExecutor(executorSources());
  } catch (error) {
    if (error instanceof ExecutorUnavailable) throw badMachine(error.message);
    throw error;
  }
}
