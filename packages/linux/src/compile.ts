/**
 * From a Test to a Program, and from what came back to an Outcome. Which instructions
 * an operation becomes stands in `operations/`; here is the walk through the steps, who
 * is there when, and what is not reached when something failed.
 */
import type {
  Actor,
  CallStep,
  CallValue,
  FaultsStep,
  Machine,
  Observer,
  OperationName,
  Outcome,
  SpawnStep,
  Step,
  Test,
  Value,
  Values,
} from "@litmap/litmus";
import {
  actorsNamed,
  callEntries,
  callsOf,
  integer,
  isaOf,
  mmapHints,
  slotBase,
  observerEntries,
  observersOn,
  signalName,
} from "@litmap/litmus";
import type { Bound, Compiled, KernelDescription, OperationCompiler, Scene, Unsupported } from "./call.js";
import { argumentsInOrder, Call, failureOf, namesIn, UnsupportedHere } from "./call.js";
import { moduleDevice } from "./module.js";
import { needsOf } from "./needs.js";
import { moduleCompilers } from "./operations/drivers.js";
import { clearDisk, diskReaders } from "./operations/files.js";
import { disableEdu } from "./operations/vfio.js";
import { compilerOf, needsModule } from "./operations/index.js";
import { readMeminfo, readStatus } from "./operations/observers.js";
import { quantities } from "./procfs/index.js";
import type { DataOffset, ProgramResult, Ref, RoundResult } from "./program.js";
import { decodeResult, MalformedResult, ProgramBuilder, ProgramTooLarge } from "./program.js";

export type { KernelDescription } from "./call.js";

export interface CompileOptions {
  /** How often a test with a `parallel` block runs. Default 1000. Others run once. */
  readonly rounds?: number;
  /** Limit of one run through the test, milliseconds. Default 10,000. */
  readonly roundMs?: number;
  /** No further round begins after so many milliseconds. Default 60,000. */
  readonly budgetMs?: number;
  /** Of the delays strewn into parallel branches. */
  readonly seed?: number;
  /** Read the processor's counter around each step; every test then runs `rounds` times. */
  readonly counted?: boolean;
}

/** What one step took, by the processor's counter: instructions on a machine that counts those. */
export interface StepCount {
  readonly line: number;
  readonly actor: string;
  readonly op: OperationName;
  readonly bind: string | undefined;
  readonly count: number;
}

export type Compilation =
  | {
      readonly kind: "program";
      /** Payload of a `run` frame. */
      readonly program: Uint8Array;
      /** The executor answers within so many milliseconds, unless the machine hangs. */
      readonly limitMs: number;
      /**
       * From the payload of the `result` frame.
       * @throws MalformedResult when it is not one.
       */
      decode(payload: Uint8Array): Outcome;
      /**
       * Of a counted Program: the steps of each run that came to its end, in the order of the text.
       * @throws MalformedResult when it is no result.
       */
      counts(payload: Uint8Array): readonly (readonly StepCount[])[];
    }
  /** This kernel cannot run the test; `outcome` has the reason. */
  | { readonly kind: "unsupported"; readonly reason: string; readonly outcome: Outcome };

/** What each recorded step gave, in the order in which the text records it. */
type Record_ =
  | {
      readonly kind: "call";
      readonly step: CallStep;
      readonly call: Call;
      readonly compiled: Compiled;
      readonly observer?: Observer;
    }
  | { readonly kind: "faults"; readonly step: FaultsStep; readonly count: Ref }
  | { readonly kind: "spawn"; readonly step: SpawnStep; readonly ref: Ref };

/** Compiles a test for a kernel. Throws only for a fault of ours. */
export function compile(test: Test, kernel: KernelDescription, options: CompileOptions = {}): Compilation {
  try {
    return new Compiler(test, kernel).compile(options);
  } catch (error) {
    if (error instanceof UnsupportedHere || error instanceof ProgramTooLarge) return unsupported(error.message);
    throw error;
  }
}

function unsupported(reason: string): Extract<Compilation, { kind: "unsupported" }> {
  return { kind: "unsupported", reason, outcome: unsupportedOutcome(reason, 0) };
}

const unsupportedOutcome = (reason: string, ms: number): Outcome => ({ status: "unsupported", reason, values: {}, ms });

/** A reader needs a little more than it keeps. */
const readerBytes = 1 << 15;

class Compiler implements Scene {
  readonly builder = new ProgramBuilder();
  readonly baselines: { status: Map<string, Ref>; meminfo?: Ref } = { status: new Map() };
  readonly timelines = new Map<string, Ref>();
  readonly buffers = new Map<string, DataOffset>();
  /** Bytes that each actor reads. */
  private readonly room = new Map<number, number>();
  parallel = false;
  readonly hostHoldsPages: boolean;
  private readonly numbers = new Map<string, number>();
  private readonly bindings = new Map<string, Bound & { readonly actor: string }>();
  private readonly records: Record_[] = [];
  private readonly hints: ReadonlyMap<CallStep, number>;
  private readonly machine: Machine;
  private readonly observers: readonly Observer[];
  private hugePages?: Ref;
  /** Actors that are there at this place of the text. */
  private readonly born = new Set<string>();
  /** /dev/litmap as each driver has it open. */
  private readonly modules = new Map<string, Ref>();
  readonly test: Test;
  readonly kernel: KernelDescription;

  constructor(test: Test, kernel: KernelDescription) {
    this.test = test;
    this.kernel = kernel;
    this.hints = mmapHints(test, slotBase[isaOf(kernel.arch)], kernel.pageSize);
    this.machine = { kind: kernel.kind, release: kernel.release, arch: kernel.arch, name: "", uname: kernel.release };
    this.observers = observersOn(test, this.machine);
    this.hostHoldsPages = needsOf(test).includes("virtio_gpu");
  }

  // --- what calls ask

  actorNumber(name: string): number {
    const number = this.numbers.get(name);
    if (number === undefined) throw new UnsupportedHere(`'${name}' ${needsModule.unsupported}`);
    return number;
  }

  actorOfName(name: string): number | undefined {
    const bound = this.bindings.get(name);
    return bound && this.numbers.get(bound.actor);
  }

  spaceOf(name: string): string {
    let actor = this.actor(name);
    while (actor?.kind === "thread" && actor.parent !== undefined) actor = this.actor(actor.parent);
    return actor?.name ?? name;
  }

  otherThreads(actor: string): number[] {
    return [...this.born]
      .filter((name) => name !== actor && this.spaceOf(name) === this.spaceOf(actor))
      .map((name) => this.actorNumber(name));
  }

  leaderOf(actor: number): number {
    const [name] = [...this.numbers].find(([, number]) => number === actor)!;
    return this.actorNumber(this.spaceOf(name));
  }

  sameProcess(one: number, other: number): boolean {
    const [first, second] = [one, other].map((number) => [...this.numbers].find(([, n]) => n === number)?.[0]);
    return first !== undefined && second !== undefined && this.spaceOf(first) === this.spaceOf(second);
  }

  bound(name: string): Bound | undefined {
    return this.bindings.get(name);
  }

  actorOf(name: string): Actor {
    return this.actor(name)!;
  }

  ownerNumber(name: string): number | undefined {
    const bound = this.bindings.get(name);
    return bound && this.numbers.get(this.spaceOf(bound.actor));
  }

  moduleOf(actor: string): Ref {
    return this.modules.get(actor)!;
  }

  hint(step: CallStep): number {
    return this.hints.get(step) ?? 0;
  }

  makeRoom(actor: number, bytes: number): void {
    this.room.set(actor, (this.room.get(actor) ?? 0) + bytes);
  }

  private actor(name: string): Actor | undefined {
    return this.test.actors.find((actor) => actor.name === name);
  }

  // --- the walk

  compile(options: CompileOptions): Compilation {
    this.refuse();
    for (const { name, kind, parent } of this.test.actors) {
      const process = kind === "driver" || kind === "kernel" ? "process" : kind;
      this.numbers.set(name, this.builder.actor(process, parent === undefined ? 0 : (this.numbers.get(parent) ?? 0)));
    }
    for (const { name } of this.test.actors) if (this.isKernelSide(name)) this.modules.set(name, this.openModule(name));
    for (const actor of this.test.actors) if (actor.kind === "process") this.baseline(actor.name);
    for (const { name, kind } of this.test.actors) if (kind === "process") this.born.add(name);
    const first = this.test.actors[0].name;
    if (this.uses("open_disk") && diskReaders.some((op) => this.uses(op))) clearDisk(this.plainCall(first));
    if (this.uses("pci_bar")) disableEdu(this.plainCall(first));
    if (this.uses("meminfo")) this.baselines.meminfo = readMeminfo(this.plainCall(first));
    if (this.wantsHugePages()) {
      const call = this.plainCall(first);
      this.hugePages = call.readText(this.builder.path("/proc/meminfo"), 1 << 10, ["HugePages_Total:"]);
    }
    this.steps(this.test.steps);
    for (const observer of this.observers) this.call(observer.call, observer);
    const parallel = hasParallel(this.test.steps);
    const rounds = parallel || options.counted ? (options.rounds ?? (parallel ? 1000 : 1)) : 1;
    const roundMs = options.roundMs ?? 10_000;
    const budgetMs = options.budgetMs ?? 60_000;
    const { pageSize } = this.kernel;
    const rooms = [...this.room.values()];
    const program = this.builder.encode({
      rounds,
      roundMs,
      budgetMs,
      seed: options.seed,
      counted: options.counted,
      streamBytes: Math.ceil((Math.max(0, ...rooms) + readerBytes) / pageSize) * pageSize,
      textBytes: rooms.reduce((sum, bytes) => sum + bytes, 0),
      pageSize,
    });
    return {
      kind: "program",
      program,
      // Killing what is left may take five seconds more.
      limitMs: (rounds > 1 ? budgetMs : 0) + roundMs + 6000,
      decode: (payload) => this.outcome(decodeResult(payload), parallel),
      counts: (payload) =>
        decodeResult(payload)
          .distinct.filter((round) => round.outcome === "done")
          .map((round) => this.counts(round)),
    };
  }

  /** Operations that no real kernel can be asked for. */
  private refuse(): void {
    const devices = new Set(this.test.actors.flatMap(({ device }) => device ?? []));
    if (devices.has("cma") && ["dma", "pci", "shmem"].some((device) => devices.has(device)))
      throw new UnsupportedHere("a machine's contiguous memory serves all of its devices, not 'cma' alone");
    for (const step of [...callsOf(this.test.steps), ...this.observers.map((observer) => observer.call)]) {
      const compiler: object = this.isKernelSide(step.actor)
        ? (moduleCompilers[step.op] ?? modelsAlone)
        : compilerOf(step.op);
      if ("unsupported" in compiler) throw new UnsupportedHere(`${step.op}() ${(compiler as Unsupported).unsupported}`);
      if (this.isKernelSide(step.actor) && !this.kernel.devices?.has(moduleDevice))
        throw new UnsupportedHere(`${step.op}() ${needsModule.unsupported}`);
    }
  }

  /** A driver, or the kernel itself. */
  private isKernelSide(name: string): boolean {
    const kind = this.actor(name)?.kind;
    return kind === "driver" || kind === "kernel";
  }

  private openModule(actor: string): Ref {
    return this.plainCall(actor).open(this.builder.string(`/dev/${moduleDevice}`), 2);
  }

  private uses(op: OperationName, actor?: string): boolean {
    const calls = [...callsOf(this.test.steps), ...this.observers.map((observer) => observer.call)];
    return calls.some((call) => call.op === op && (actor === undefined || call.actor === actor));
  }

  private wantsHugePages(): boolean {
    return [...callsOf(this.test.steps)].some(
      ({ op, args }) => op === "memfd_create" && args.flags.kind === "words" && args.flags.words.includes("hugetlb"),
    );
  }

  /** A call of no operation, for instructions around the steps. */
  private plainCall(actor: string): Call {
    return new Call(this, {
      kind: "call",
      actor,
      op: "status",
      args: {},
      span: { offset: 0, end: 0, line: 0, column: 0 },
    });
  }

  private baseline(actor: string): void {
    if (this.uses("status", actor)) this.baselines.status.set(actor, readStatus(this.plainCall(actor)));
  }

  private steps(steps: readonly Step[]): void {
    for (const step of steps) {
      switch (step.kind) {
        case "call":
          this.call(step);
          break;
        case "spawn":
          this.spawn(step);
          break;
        case "faults":
          this.faults(step);
          break;
        case "parallel":
          this.parallel = true;
          this.builder.parallel(
            step.branches.map(({ actor, body }) => ({ actor: this.actorNumber(actor), body: () => this.steps(body) })),
          );
          this.parallel = false;
          break;
      }
    }
  }

  private call(step: CallStep, observer?: Observer): void {
    const call = new Call(this, step);
    const compiler = (
      this.isKernelSide(step.actor) ? moduleCompilers[step.op] : compilerOf(step.op)
    ) as OperationCompiler<OperationName>;
    const compiled = compiler(call);
    const last = call.hard.at(-1)!;
    // A field of a record, and records themselves, are only known on this side.
    if (step.bind !== undefined && compiled.read === undefined) {
      this.bindings.set(step.bind, {
        value: compiled.value ?? last,
        gate: last,
        writeEnd: compiled.writeEnd,
        op: step.op,
        actor: step.actor,
      });
    }
    this.records.push({ kind: "call", step, call, compiled, observer });
    if (step.op === "exit")
      for (const name of [...this.born]) if (this.spaceOf(name) === this.spaceOf(step.actor)) this.born.delete(name);
  }

  private spawn(step: SpawnStep): void {
    const child = this.actor(step.child)!;
    const ref = this.builder.emit({
      op: child.kind === "thread" ? "thread" : "fork",
      actor: this.actorNumber(step.actor),
      imm: this.actorNumber(step.child),
    });
    this.records.push({ kind: "spawn", step, ref });
    this.born.add(step.child);
    this.baseline(step.child);
  }

  private faults(step: FaultsStep): void {
    const actor = this.actorNumber(step.actor);
    this.builder.emit({ op: "faults", actor });
    this.steps(step.body);
    const count = this.builder.emit({ op: "faults_since", actor });
    this.bindings.set(step.bind, { value: count, gate: count, actor: step.actor });
    this.records.push({ kind: "faults", step, count });
  }

  // --- the way back

  private counts(round: RoundResult): StepCount[] {
    return this.records.flatMap((record) => {
      if (record.kind !== "call") return [];
      const { line } = record.step.span;
      const count = record.call.hard.reduce((sum, { index }) => sum + (round.results[index].count ?? 0), 0);
      return [{ line, actor: record.step.actor, op: record.step.op, bind: record.step.bind, count }];
    });
  }

  private outcome(result: ProgramResult, parallel: boolean): Outcome {
    const { ms } = result;
    // The executor's room was reckoned before: a round that is not there is a fault of litmap, no value of the kernel's.
    if (result.distinct.length === 0) throw new MalformedResult("no run of the test came back");
    try {
      const rounds = result.distinct.map((round) => ({ round, values: this.values(round) }));
      const failed = rounds.find(({ round }) => round.outcome !== "done");
      const most = rounds.reduce<(typeof rounds)[number] | undefined>(
        (best, one) => (best === undefined || one.round.count > best.round.count ? one : best),
        undefined,
      );
      const values = (failed ?? most)?.values ?? {};
      const histogram = parallel ? { histogram: histogramOf(rounds) } : {};
      if (failed) {
        const status = failed.round.outcome === "timeout" || result.unkillable ? "hang" : "oops";
        return { status, reason: this.failure(failed.round, result.unkillable), values, ...histogram, ms };
      }
      if (result.unkillable)
        return { status: "hang", reason: "a process of the test could not be killed", values, ...histogram, ms };
      const taint = taintReason(result.taint.before, result.taint.after);
      if (taint !== undefined) return { status: "oops", reason: taint, values, ...histogram, ms };
      return { status: "ok", values, ...histogram, ms };
    } catch (error) {
      if (error instanceof UnsupportedHere) return unsupportedOutcome(error.message, ms);
      throw error;
    }
  }

  private values(round: RoundResult): Values {
    if (this.hugePages && (quantities(round.text(this.hugePages), ["HugePages_Total"]).HugePages_Total ?? 0) === 0) {
      throw new UnsupportedHere("this machine keeps no 2 MiB pages");
    }
    const entries: [string, Value][] = [];
    /** Lines where names failed, where actors failed to be made, and where they ended. */
    const failedAt = new Map<string, number>();
    const unborn = new Map<string, number>();
    for (const record of this.records) {
      if (record.kind === "faults") {
        const { state, value } = round.results[record.count.index];
        if (state === "ok") entries.push([record.step.bind, integer(value)]);
        else if (unborn.has(record.step.actor))
          entries.push([record.step.bind, { not_reached: unborn.get(record.step.actor)! }]);
        continue;
      }
      const { step } = record;
      if (record.kind === "spawn") {
        if (unborn.has(step.actor)) unborn.set(record.step.child, unborn.get(step.actor)!);
        else if (round.results[record.ref.index].state === "errno") unborn.set(record.step.child, step.span.line);
        continue;
      }
      const value = this.decodedValue(record, round, failedAt, unborn);
      if (value === undefined) continue;
      entries.push(...(record.observer ? observerEntries(record.observer, value) : callEntries(record.step, value)));
      if (record.step.op === "exit" && value === "ok") {
        for (const { name } of this.test.actors)
          if (this.spaceOf(name) === this.spaceOf(step.actor)) unborn.set(name, step.span.line);
      }
    }
    return Object.fromEntries(entries);
  }

  /** What a call gave; undefined when the round ended before it. */
  private decodedValue(
    record: Extract<Record_, { kind: "call" }>,
    round: RoundResult,
    failedAt: Map<string, number>,
    unborn: ReadonlyMap<string, number>,
  ): CallValue | undefined {
    const { step, call, compiled } = record;
    const fail = (line: number): void => {
      if (step.bind !== undefined) failedAt.set(step.bind, line);
    };
    const missing =
      unborn.get(step.actor) ??
      actorsNamed(step).flatMap((name) => this.neverMade(name, round) ?? [])[0] ??
      namesIn(argumentsInOrder(step)).flatMap((name) => failedAt.get(name) ?? [])[0];
    if (missing !== undefined) {
      fail(missing);
      return { not_reached: missing };
    }
    for (const ref of call.hard) {
      const { state, value } = round.results[ref.index];
      if (state === "ok") continue;
      if (state === "not_run" || state === "skipped") return undefined;
      fail(step.span.line);
      return state === "signal" ? signalName(Number(value)) : failureOf(call, ref, value);
    }
    if (compiled.read) {
      const value = compiled.read(round);
      if (typeof value === "string") fail(step.span.line);
      return value;
    }
    const { value } = round.results[(compiled.value ?? call.hard.at(-1)!).index];
    return step.op === "exit" ? "ok" : integer(value);
  }

  /** The line of the fork that failed to make an actor, or its parent. */
  private neverMade(name: string, round: RoundResult): number | undefined {
    for (const record of this.records) {
      if (record.kind !== "spawn" || record.step.child !== name) continue;
      if (round.results[record.ref.index].state === "errno") return record.step.span.line;
      return this.neverMade(record.step.actor, round);
    }
    return undefined;
  }

  /** Who was where when a round did not come to its end. */
  private failure(round: RoundResult, unkillable: boolean): string {
    const running = round.at.filter(
      (index) => index !== undefined && round.results[index].state === "not_run",
    ) as number[];
    const where = (running.length > 0 ? running : [round.pc]).map((index) => this.place(index)).join("; ");
    if (round.outcome === "timeout")
      return `did not return in time: ${where}${unkillable ? " (and cannot be killed)" : ""}`;
    const signal = round.waitStatus & 0x7f;
    const how =
      signal !== 0 ? `was killed by ${signalName(signal)}` : `ended with status ${(round.waitStatus >> 8) & 0xff}`;
    return `a process of the test ${how}: ${where}`;
  }

  /** The step that an instruction belongs to. */
  private place(index: number): string {
    for (const record of this.records) {
      if (record.kind !== "call") continue;
      const { hard } = record.call;
      if (hard[0].index <= index && index <= hard.at(-1)!.index)
        return `line ${record.step.span.line}, ${record.step.op}() by ${record.step.actor}`;
    }
    return "between the steps";
  }
}

/** A driver's operation that the test module lacks. */
const modelsAlone: Unsupported = { unsupported: "by a driver or the kernel can be asked of the model only" };

function histogramOf(
  rounds: readonly { readonly round: RoundResult; readonly values: Values }[],
): { values: Values; count: number }[] {
  const merged = new Map<string, { values: Values; count: number }>();
  for (const { round, values } of rounds) {
    if (round.outcome !== "done") continue;
    const key = JSON.stringify(values);
    const one = merged.get(key) ?? { values, count: 0 };
    one.count += round.count;
    merged.set(key, one);
  }
  return [...merged.values()].sort((a, b) => b.count - a.count);
}

/** Flags of /proc/sys/kernel/tainted that a test has no business setting. */
const taints: readonly (readonly [bit: bigint, what: string])[] = [
  [4n, "machine check (M)"],
  [5n, "bad page (B)"],
  [7n, "oops (D)"],
  [9n, "warning (W)"],
  [14n, "soft lockup (L)"],
];

function taintReason(before: bigint, after: bigint): string | undefined {
  const fresh = after & ~before;
  const found = taints.filter(([bit]) => ((fresh >> bit) & 1n) === 1n).map(([, what]) => what);
  return found.length > 0 ? `the kernel tainted itself: ${found.join(", ")}` : undefined;
}

function hasParallel(steps: readonly Step[]): boolean {
  return steps.some((step) => step.kind === "parallel" || (step.kind === "faults" && hasParallel(step.body)));
}
