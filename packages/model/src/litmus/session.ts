/**
 * One test on one kernel: actors, names, and each step as a path. `predict` drives it in the
 * order of the text; the explorer drives the branches of a `parallel` block itself.
 */
import {
  actorsNamed,
  callEntries,
  callsOf,
  errnoName,
  integer,
  mmapHints,
  observerEntries,
  observersOn,
  isInteger,
  isaOf,
  slotBase,
} from "@litmap/litmus";
import type {
  CallStep,
  CallValue,
  DeviceName,
  FaultsStep,
  Machine,
  Observer,
  ParallelStep,
  SpawnStep,
  Step,
  Test,
  Value,
  Values,
} from "@litmap/litmus";
import { deviceKinds } from "../dma/device.js";
import { versionOf } from "../design/release.js";
import { Kernel } from "../kernel.js";
import { counterNames, newCounters, StepTrace } from "../trace/trace.js";
import { endingOf } from "./ending.js";
import { exitFiles, exitMemory, fork, thread } from "./processes.js";
import { handlerOf, unsupportedHere } from "./handlers.js";
import { NotReached, resolveArguments } from "./arguments.js";
import type { Bound } from "./arguments.js";
import type { Context, Result } from "./handler.js";
import type { KernelOptions } from "../kernel.js";
import type { Path, Touch } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Counters, TraceEvent } from "../trace/trace.js";

/** One step that ran, or was not reached. */
export interface StepReport {
  readonly line: number;
  readonly actor: string;
  /** The operation, or `fork`, `thread`. */
  readonly op: string;
  readonly bind?: string;
  readonly result: CallValue;
  readonly events: readonly TraceEvent[];
  /** What the step cost: only counters that moved. */
  readonly counters: Partial<Counters>;
}

interface Actor {
  readonly name: string;
  readonly task: Task;
  readonly device: string | undefined;
  readonly state: Map<string, unknown>;
}

export class Session {
  readonly k: Kernel;
  readonly machine: Machine & { readonly kind: "model" };
  readonly reports: StepReport[] = [];
  private readonly actors = new Map<string, Actor>();
  /** Where the spawn of an actor failed. */
  private readonly unborn = new Map<string, number>();
  private readonly names = new Map<string, Bound>();
  private readonly entries = new Map<string, Value>();
  private readonly hints: ReadonlyMap<CallStep, number>;

  constructor(
    readonly test: Test,
    options: KernelOptions = {},
  ) {
    this.k = new Kernel(options);
    this.machine = {
      kind: "model",
      release: this.k.release,
      arch: this.k.arch.name,
      designs: { ...options.designs },
      ...(options.configured ? { configured: options.configured } : {}),
    };
    for (const { device } of test.actors)
      if (device !== undefined && !this.k.snoops(deviceKinds[device as DeviceName])) this.k.hasCaches();
    this.hints = mmapHints(test, slotBase[isaOf(this.k.arch.name)], this.k.pageSize);
    for (const actor of test.actors) {
      if (actor.kind === "fork" || actor.kind === "thread") continue;
      this.addActor(actor.name, this.k.process(actor.name), actor.device);
    }
  }

  /** Why this kernel cannot run the test, or undefined. */
  unsupported(): string | undefined {
    for (const call of callsOf(this.test.steps)) {
      const reason = unsupportedHere(this.k, call);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /**
   * All steps in the order of the text, then the observers of claims. Branches of `parallel` run one after the other.
   */
  *run(): Path<void> {
    yield* this.steps(this.test.steps);
    yield* this.observe();
  }

  *steps(steps: readonly Step[]): Path<void> {
    for (const step of steps) yield* this.step(step);
  }

  *step(step: Step): Path<void> {
    switch (step.kind) {
      case "call":
        return yield* this.call(step);
      case "faults":
        return yield* this.faults(step);
      case "spawn":
        return yield* this.spawn(step);
      case "parallel":
        for (const branch of step.branches) yield* this.steps(branch.body);
    }
  }

  /** The branches of a block as paths of their own, for a scheduler. */
  branches(step: ParallelStep): { actor: string; path: Path<void> }[] {
    return step.branches.map((branch) => ({ actor: branch.actor, path: this.steps(branch.body) }));
  }

  /** The observers that claims need on this machine, after the last step. */
  *observe(): Path<void> {
    const exact = { ...this.machine, release: versionOf(this.k.release) };
    for (const observer of observersOn(this.test, exact, this.k.design)) yield* this.observer(observer);
    if (this.k.checkAtExit) yield* this.end();
  }

  /**
   * Every process is killed, and the kernel may warn about what is still held. They die at
   * the same time: memory goes everywhere before the last descriptors do. What it costs is no part
   * of what the test does.
   */
  private *end(): Path<void> {
    const { counters } = this.k;
    const before = { ...counters };
    const left = [...this.actors.values()].map(({ task }) => task).filter((task) => !task.dead);
    for (const task of left) yield* exitMemory(this.k, task);
    for (const task of left) yield* exitFiles(task);
    Object.assign(counters, before);
  }

  /** Values as an outcome has them: in the order of the text, regardless of the schedule. */
  values(): Values {
    const values: Record<string, Value> = {};
    if (!this.test.steps.some((step) => step.kind === "parallel")) {
      for (const [key, value] of this.entries) values[key] = value;
      return values;
    }
    for (const name of boundNames(this.test.steps)) {
      for (const [key, value] of this.entries) if (key === name || key.startsWith(`${name}.`)) values[key] = value;
    }
    for (const [key, value] of this.entries) values[key] ??= value;
    return values;
  }

  /** What the whole test has cost so far. */
  counters(): Readonly<Record<string, number>> {
    const total = { ...this.k.counters };
    for (const { counters } of this.reports) for (const name of counterNames) total[name] += counters[name] ?? 0;
    return total;
  }

  /** The task that an actor is, once it exists. */
  taskOf(actor: string): Task | undefined {
    return this.actors.get(actor)?.task;
  }

  private addActor(name: string, task: Task, device: string | undefined): void {
    this.actors.set(name, { name, task, device, state: new Map() });
  }

  private *call(step: CallStep): Path<void> {
    const value = yield* this.perform(step);
    this.enter(callEntries(step, value));
  }

  private *observer(observer: Observer): Path<void> {
    const value = yield* this.perform(observer.call);
    this.enter(observerEntries(observer, value));
  }

  private *faults(step: FaultsStep): Path<void> {
    const task = this.actors.get(step.actor)?.task;
    const before = task?.minorFaults ?? 0;
    yield* this.steps(step.body);
    if (task === undefined) {
      const failedAt = this.unborn.get(step.actor) ?? step.span.line;
      this.names.set(step.bind, { failedAt });
      this.enter([[step.bind, { not_reached: failedAt }]]);
      return;
    }
    const count = task.minorFaults - before;
    this.names.set(step.bind, { result: count, task, line: step.span.line });
    this.enter([[step.bind, count]]);
  }

  private *spawn(step: SpawnStep): Path<void> {
    const parent = this.actors.get(step.actor);
    const actor = this.test.actors.find((a) => a.name === step.child);
    if (parent === undefined) {
      this.unborn.set(step.child, this.unborn.get(step.actor) ?? step.span.line);
      return;
    }
    const trace = new StepTrace();
    const costs = newCounters();
    const make = actor?.kind === "thread" ? thread(parent.task, step.child) : fork(this.k, parent.task, step.child);
    const child = yield* this.traced(
      make,
      trace,
      costs,
      `${step.actor}, line ${step.span.line}: ${actor?.kind === "thread" ? "thread" : "fork"}`,
    );
    const failed = typeof child === "number";
    if (failed) this.unborn.set(step.child, step.span.line);
    else this.addActor(step.child, child, undefined);
    this.reports.push({
      line: step.span.line,
      actor: step.actor,
      op: actor?.kind === "thread" ? "thread" : "fork",
      bind: step.child,
      result: failed ? errnoName(-child) : "ok",
      events: trace.events,
      counters: moved(costs),
    });
  }

  /** Runs a call, binds its name, and reports it. */
  private *perform(step: CallStep): Path<CallValue> {
    const line = step.span.line;
    const actor = this.actors.get(step.actor);
    const absent = actor === undefined ? step.actor : actorsNamed(step).find((name) => !this.actors.has(name));
    const resolved =
      absent !== undefined
        ? new NotReached(this.unborn.get(absent) ?? line)
        : resolveArguments(step, {
            names: this.names,
            pageSize: this.k.pageSize,
            wordBits: this.inKernel(step.actor) ? 64 : this.k.arch.wordBits,
          });
    if (actor === undefined || resolved instanceof NotReached) {
      const failedAt = resolved instanceof NotReached ? resolved.line : line;
      if (step.bind !== undefined) this.names.set(step.bind, { failedAt });
      return this.report(step, { not_reached: failedAt }, [], {});
    }
    const trace = new StepTrace();
    const costs = newCounters();
    const context = this.context(actor, resolved.owners, this.hints.get(step) ?? 0);
    let result: Result;
    try {
      result = yield* this.traced(
        handlerOf(step.op)(context, resolved.args),
        trace,
        costs,
        `${step.actor}, line ${line}: ${step.op}()`,
      );
    } catch (error) {
      this.report(step, endingOf(error).status, trace.events, moved(costs));
      throw error;
    }
    if (step.bind !== undefined)
      this.names.set(
        step.bind,
        failed(result) ? { failedAt: line } : { result: fieldOf(result, step.field), task: actor.task, line },
      );
    return this.report(step, toValue(result), trace.events, moved(costs));
  }

  private report(
    step: CallStep,
    result: CallValue,
    events: readonly TraceEvent[],
    counters: Partial<Counters>,
  ): CallValue {
    this.reports.push({
      line: step.span.line,
      actor: step.actor,
      op: step.op,
      bind: step.bind,
      result,
      events,
      counters,
    });
    return result;
  }

  private enter(entries: readonly (readonly [string, Value])[]): void {
    for (const [key, value] of entries) this.entries.set(key, value);
  }

  private context(actor: Actor, owners: ReadonlyMap<string, Task>, hint: number): Context {
    const own = this.inKernel(actor.name) ? this.firstProcess() : actor.task;
    return {
      k: this.k,
      actor: actor.name,
      task: actor.task,
      device: actor.device,
      kernelMode: own !== actor.task,
      hint,
      state: actor.state,
      taskOf: (name) => {
        const other = this.actors.get(name);
        if (other === undefined) throw new Error(`there is no actor ${name} yet`);
        return other.task;
      },
      ownerOf: (argument) => owners.get(argument) ?? own,
    };
  }

  /** A driver or the kernel itself: makes no system calls, and its addresses are the kernel's. */
  private inKernel(actor: string): boolean {
    const kind = this.test.actors.find(({ name }) => name === actor)?.kind;
    return kind === "driver" || kind === "kernel";
  }

  private firstProcess(): Task {
    for (const actor of this.test.actors) if (actor.kind === "process") return this.actors.get(actor.name)!.task;
    throw new Error("a test without a process");
  }

  /** Runs a path so that its events and costs are its own, also when others run in between. `doing` is for stories. */
  private *traced<T>(path: Path<T>, trace: StepTrace, costs: Counters, doing: string): Path<T> {
    const { k } = this;
    for (;;) {
      const outer = k.trace.switchTo(trace);
      const outerCosts = k.counters;
      k.counters = costs;
      k.custody.doing = doing;
      let step: IteratorResult<Touch, T>;
      try {
        step = path.next();
      } finally {
        k.trace.switchTo(outer);
        k.counters = outerCosts;
      }
      if (step.done === true) return step.value;
      yield step.value;
    }
  }
}

/** Only counters that moved. */
function moved(costs: Counters): Partial<Counters> {
  const counters: Partial<Counters> = {};
  for (const name of counterNames) if (costs[name] !== 0) counters[name] = costs[name];
  return counters;
}

function failed(result: Result): boolean {
  if (typeof result === "number" || typeof result === "bigint") return result < 0;
  return !Array.isArray(result) && "signal" in result;
}

/** `p = smaps(va).Pss`: the name stands for the field. A field that this kernel does not show leaves the record. */
function fieldOf(result: Result, field: string | undefined): Result {
  if (field === undefined || typeof result !== "object" || Array.isArray(result)) return result;
  const value = (result as Record<string, unknown>)[field];
  if (isInteger(value)) return BigInt(value);
  return Array.isArray(value) ? (value as readonly string[]) : result;
}

/** A handler's result as an outcome says it. */
function toValue(result: Result): CallValue {
  if (typeof result === "number") return result < 0 ? errnoName(-result) : result;
  if (typeof result === "bigint") return integer(result);
  if (Array.isArray(result)) return result as readonly string[];
  if ("signal" in result) return result.signal as string;
  if ("handle" in result) return "ok";
  return result as { readonly [field: string]: number | string | readonly string[] };
}

/** Names in the order of the text; a `faults` block's name comes after those of its body. */
function* boundNames(steps: readonly Step[]): Generator<string> {
  for (const step of steps) {
    if (step.kind === "call" && step.bind !== undefined) yield step.bind;
    else if (step.kind === "faults") {
      yield* boundNames(step.body);
      yield step.bind;
    } else if (step.kind === "parallel") for (const branch of step.branches) yield* boundNames(branch.body);
  }
}
