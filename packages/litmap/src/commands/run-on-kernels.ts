/**
 * `litmap run --on …`: each test on real kernels, beside the model of each kernel's release.
 * Kernels run side by side; where only one is wanted, two machines of it share the tests. Rows come in the order of the
 * tests.
 */
import type { Test } from "@litmap/litmus";
import { modelOptions, searchLimits } from "../choices.js";
import { wholeNumber } from "../whole-number.js";
import { readTest } from "../corpus.js";
import type { TestFile } from "../corpus.js";
import { record } from "../evidence.js";
import { Ending, badRequest } from "../exit-status.js";
import type { Interrupt } from "../interrupt.js";
import { KernelMachine, chooseKernels } from "../machines/kernel.js";
import type { KernelChoice, KernelOptions } from "../machines/kernel.js";
import { ModelThread } from "../machines/model-thread.js";
import { Progress } from "../progress.js";
import { reportFor } from "../report/choose.js";
import type { Reported, RunReport } from "../report/run-report.js";
import { ResultsFile } from "../results-file.js";
import { machineLabel, statusOf } from "../result.js";
import type { TestResult } from "../result.js";
import { comparedPair, judgedOn, notATest } from "./run.js";
import type { RunOptions } from "./run.js";

/** One kernel's part of the run. */
interface Lane {
  readonly choice: KernelChoice;
  /** Alike; each runs one test at a time. */
  readonly machines: KernelMachine[];
  /** Model and kernel of each test, by the test's place; a hole where it was not run. */
  readonly pairs: (readonly [Reported, Reported])[];
  /** Why it ended before the last test. */
  failure?: Ending;
  done: boolean;
}

export async function runOnKernels(
  paths: readonly string[],
  nameWidth: number,
  options: RunOptions,
  began: number,
  interrupt: Interrupt,
): Promise<number> {
  const kernelOptions = kernelOptionsOf(options);
  const lanes: Lane[] = chooseKernels(kernelNames(options.on ?? "")).map((choice) => ({
    choice,
    machines: [],
    pairs: [],
    done: false,
  }));
  const files = paths.map(readTest);
  const log = options.resume === undefined ? undefined : new ResultsFile(options.resume);
  const progress = new Progress(options.quiet ? false : undefined);
  const run = new KernelRun(files, lanes, nameWidth, options, log, progress);
  const jobs = options.jobs === undefined ? 2 : wholeNumber("-j", options.jobs);
  try {
    const waiting = [...lanes];
    const worker = async (): Promise<void> => {
      for (let lane = waiting.shift(); lane && !interrupt.happened; lane = waiting.shift())
        await run.lane(lane, Math.floor(jobs / lanes.length), kernelOptions, interrupt);
    };
    await Promise.all(Array.from({ length: Math.min(jobs, lanes.length) }, worker));
  } finally {
    await Promise.all(lanes.map(closeAll));
    progress.clear();
  }
  // Where no kernel came up there is nothing to sum up but why.
  if (run.results.length > 0 || lanes.every(({ failure }) => !failure))
    run.end(performance.now() - began, interrupt.happened);
  if (options.record) for (const lane of lanes) recordLane(lane);
  for (const { failure } of lanes) if (failure) throw failure;
  return interrupt.happened ? interrupt.status : statusOf(run.results);
}

class KernelRun {
  readonly results: TestResult[] = [];
  private report: RunReport | undefined;
  private next = 0;

  constructor(
    private readonly files: readonly TestFile[],
    private readonly lanes: readonly Lane[],
    private readonly nameWidth: number,
    private readonly options: RunOptions,
    private readonly log: ResultsFile | undefined,
    private readonly progress: Progress,
  ) {}

  /** Runs every test on one kernel. What goes wrong with the kernel ends the lane, not the run. */
  async lane(lane: Lane, mostMachines: number, kernelOptions: KernelOptions, interrupt: Interrupt): Promise<void> {
    const { choice } = lane;
    const say = (line: string): void => this.progress.say(`${choice.name}: ${line}`);
    const waiting = this.files.entries();
    const work = async (): Promise<void> => {
      say("starting");
      const opening = KernelMachine.open(choice, { ...kernelOptions, onProgress: say });
      opening.then(
        (machine) => (interrupt.happened || lane.done ? machine.close() : undefined),
        () => {},
      );
      const machine = await interrupt.unlessInterrupted(opening);
      if (!machine || lane.done) return;
      lane.machines.push(machine);
      if (lane.machines.length === 1) this.remark(machine.notes.map((note) => `${choice.name}: ${note}`));
      // Others resume from the state that the first one may just have saved.
      const others =
        lane.machines.length === 1 && choice.kind === "vm" && this.files.length >= worthAnotherMachine
          ? mostMachines - 1
          : 0;
      await Promise.all([this.tests(lane, machine, waiting, say, interrupt), ...Array.from({ length: others }, work)]);
    };
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Ending)) throw error;
      lane.failure = error;
    } finally {
      lane.done = true;
      this.emit();
      await closeAll(lane);
    }
  }

  /** Runs on one machine the tests that no other has taken yet. */
  private async tests(
    lane: Lane,
    machine: KernelMachine,
    waiting: Iterable<[number, TestFile]>,
    say: (line: string) => void,
    interrupt: Interrupt,
  ): Promise<void> {
    const model = new ModelThread(this.modelFor(machine), searchLimits(this.options));
    for (const [i, file] of waiting) {
      if (interrupt.happened || lane.done) return;
      if (file.test) {
        say(`${i + 1} of ${this.files.length}  ${file.test.name}`);
        const pair = await this.test(file.test, machine, model, interrupt);
        if (!pair) return;
        lane.pairs[i] = pair;
      } else lane.pairs[i] = [notATest(file, model.machine), notATest(file, machine.machine)];
      this.emit();
    }
  }

  /** Lines about a machine, beside the report. */
  private remark(lines: readonly string[]): void {
    if (this.options.quiet || lines.length === 0) return;
    this.progress.clear();
    process.stderr.write(`${lines.join("\n")}\n`);
  }

  end(ms: number, interrupted: boolean): void {
    for (const lane of this.lanes) lane.done = true;
    this.emit();
    const beside = this.lanes.flatMap(({ machines: [machine] }) =>
      machine
        ? [
            [machineLabel(machine.machine), machine.machine.uname.split(" ")[0], machine.aside]
              .filter((part) => part !== "")
              .join(" "),
          ]
        : [],
    );
    this.theReport().end({ ms, machines: beside, chosen: this.files.length, interrupted });
  }

  private async test(
    test: Test,
    kernel: KernelMachine,
    model: ModelThread,
    interrupt: Interrupt,
  ): Promise<readonly [Reported, Reported] | undefined> {
    const prediction = await interrupt.unlessInterrupted(model.run(test));
    if (!prediction) return undefined;
    const predicted = judgedOn(test, model.machine, prediction);
    const known = this.log?.get(test, kernel.machine);
    const answer = known
      ? { outcome: known, decided: new Map<string, string>() }
      : await interrupt.unlessInterrupted(kernel.run(test));
    if (!answer) return undefined;
    const pair = comparedPair(predicted, judgedOn(test, kernel.machine, answer));
    if (!known) this.log?.append(pair[1].result);
    return pair;
  }

  /** The model that a kernel is compared with: of its version and architecture, unless the user wants another. */
  private modelFor(kernel: KernelMachine) {
    const { release, arch, set } = this.options;
    const own = kernel.modelOptions;
    const wanted = modelOptions({ release, arch: arch ?? own.arch, set });
    // A configuration says nothing of another release. A kernel may be newer than what can be asked for.
    return release === undefined ? { ...wanted, release: own.release, configured: own.configured } : wanted;
  }

  /** Reports the rows that every lane has come to, in order. */
  private emit(): void {
    for (; this.next < this.files.length; this.next++) {
      const at = this.next;
      if (!this.lanes.every((lane) => lane.pairs[at] || lane.done)) return;
      const row = this.lanes.flatMap((lane) => lane.pairs[at] ?? []);
      if (row.length === 0) return;
      this.progress.clear();
      for (const { result } of row) this.results.push(result);
      this.theReport().row(this.lanes.flatMap((lane) => lane.pairs[at] ?? [undefined, undefined]));
    }
  }

  private theReport(): RunReport {
    this.report ??= reportFor(this.options, { nameWidth: this.nameWidth, headings: this.lanes.flatMap(headingsOf) });
    return this.report;
  }
}

function headingsOf(lane: Lane): [string, string] {
  const model = lane.pairs.find((pair) => pair)?.[0].result.machine;
  const label = lane.choice.kind === "ssh" ? `ssh:${lane.choice.name}` : lane.choice.name;
  return [model ? machineLabel(model) : "model", label];
}

function recordLane(lane: Lane): void {
  const [machine] = lane.machines;
  if (!machine) return;
  const seen = lane.pairs.flatMap(([, { test, outcome }]) =>
    test && outcome && outcome.status !== "broken" ? [{ test, outcome }] : [],
  );
  const path = record(machine.recorded, seen);
  process.stderr.write(`recorded ${seen.length} outcomes in ${path}\n`);
}

/** Fewer tests than this are done before a second machine has started. */
const worthAnotherMachine = 50;

async function closeAll(lane: Lane): Promise<void> {
  await Promise.all(lane.machines.map((machine) => machine.close()));
}

/** The names that `--on` lists. */
export function kernelNames(on: string): string[] {
  const names = on
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.length === 0) throw badRequest("--on wants kernels", "--on 6.12,7.2, or host, or ssh:NAME");
  return [...new Set(names)];
}

/** So that a thousand rounds on a slow machine do not become the whole run. */
const concurrentBudgetMs = 20_000;

/** How kernels are run, from the options of a command. */
export function kernelOptionsOf(options: Pick<RunOptions, "accel" | "times" | "timeout">): KernelOptions {
  const { accel = "auto" } = options;
  if (accel !== "auto" && accel !== "tcg" && accel !== "kvm")
    throw badRequest(`--accel takes tcg, kvm or auto, not '${accel}'`);
  return {
    accelerator: accel,
    rounds: wholeNumber("--times", options.times ?? "1000"),
    budgetMs: concurrentBudgetMs,
    roundMs: wholeNumber("--timeout", options.timeout ?? "10") * 1000,
  };
}
