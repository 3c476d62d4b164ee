/**
 * A concurrent test on the model under every schedule: which outcomes there are, how many
 * schedules lead to each, and the easiest schedule that breaks an invariant.
 */
import { operation } from "@litmap/litmus";
import { endingOf, KernelBug, KernelHang, runAlone, Session } from "@litmap/model";
import { defaultLimits, enumerate, replay } from "./enumerate.js";
import { touchText } from "./dependence.js";
import { compareSchedules, parseSchedule, scheduleText } from "./schedule.js";
import type { Outcome, ParallelStep, Step, Test, Values, Violation } from "@litmap/litmus";
import type { KernelOptions, Path, Prediction } from "@litmap/model";
import type { Branch, Counts, Ending, Limits, Taken, World } from "./enumerate.js";

export interface ExploreOptions extends KernelOptions {
  /** Whether orders that differ only in independent steps are run once. Default true. */
  readonly reduce?: boolean;
  readonly limits?: Partial<Limits>;
  /** Told now and then how many executions have run. */
  readonly onProgress?: (executions: number) => void;
}

/** What came out of all schedules. `values` are those of the schedule that keeps the text's order. */
export interface Exploration extends Prediction {
  /** Executions that ended. */
  readonly executions: number;
  /** Executions cut short as equal to one that had run. */
  readonly redundant: number;
  /** Switch points visited, each once. */
  readonly states: number;
  /** False when a limit ended the search before every schedule had run. */
  readonly complete: boolean;
  /** By outcome, in the order of the histogram: the easiest schedule that leads to it. */
  readonly schedules: readonly string[];
}

/** One run of the test; its concurrent sections are handed out one by one. */
class TestWorld implements World {
  private at = 0;
  readonly session: Session;

  constructor(test: Test, options: KernelOptions) {
    this.session = new Session(test, options);
  }

  /** Runs up to the next `parallel` block and gives its branches; past the last one takes the observers. */
  section(): readonly Branch[] | undefined {
    const { session } = this;
    const { steps } = session.test;
    session.k.concurrent = false;
    for (; this.at < steps.length; this.at++) {
      const step = steps[this.at];
      if (step.kind === "parallel") {
        this.at++;
        session.k.concurrent = true;
        return step.branches.map((branch) => ({ actor: branch.actor, path: this.branch(branch) }));
      }
      runAlone(session.step(step));
    }
    runAlone(session.observe());
    return undefined;
  }

  /**
   * A statement begins at a switch point that commutes with nothing, so that operations which
   * do not name what they touch are still tried in every order. A process's own loads and
   * stores name every look at the page table and every page, and calls that begin with the mmap
   * lock do all that they do under it and the page-table lock: they need none.
   */
  private *branch({ actor, body }: ParallelStep["branches"][number]): Path<void> {
    const kind = this.session.test.actors.find(({ name }) => name === actor)?.kind;
    const byCpu = kind !== "driver" && kind !== "kernel";
    for (const step of body) {
      if (!byCpu || !namesTouches(step)) yield { kind: "begin", note: `begins line ${step.span.line}` };
      yield* this.session.step(step);
    }
  }
}

/** Steps of a process that name all that they touch before they touch it. */
function namesTouches(step: Step): boolean {
  if (step.kind === "faults") return step.body.every(namesTouches);
  if (step.kind !== "call") return false;
  const { namesTouches: named } = operation(step.op);
  if (named === undefined || named === true) return named === true;
  return Object.values(step.args).some((argument) => argument.kind === "words" && named.includes(argument.words[0]));
}

interface Seen {
  readonly values: Values;
  count: number;
  schedule: readonly string[];
}

/** Runs a test under every schedule. A test without `parallel` has just one. */
export function explore(test: Test, options: ExploreOptions = {}): Exploration {
  const began = Date.now();
  const first = new TestWorld(test, options);
  const reason = first.session.unsupported();
  if (reason !== undefined) return without(first.session, { status: "unsupported", reason }, began);
  try {
    return everySchedule(test, options, first, began);
  } catch (error) {
    return without(first.session, endingOf(error), began);
  }
}

function everySchedule(test: Test, options: ExploreOptions, first: TestWorld, began: number): Exploration {
  const seen = new Map<string, Seen>();
  const violations = new Map<string, { schedule: readonly string[]; story: readonly string[] }>();
  const rules = new Set<string>();
  let inTextOrder: Session | undefined;
  let outside: BrokenEnding | undefined;
  let warned: BrokenEnding | undefined;
  let silent = 0;
  const limits = { ...defaultLimits, ...options.limits };
  const { counts, complete, stopped } = enumerate(
    () => new TestWorld(test, options),
    ({ session }, ending, taken) => {
      inTextOrder ??= session;
      for (const report of session.reports) for (const event of report.events) rules.add(event.rule.id);
      const schedule = taken.map((step) => step.actor);
      const breaks = (invariant: string, end: readonly string[]): void => {
        const before = violations.get(invariant);
        if (before === undefined || compareSchedules(schedule, before.schedule) < 0)
          violations.set(invariant, { schedule, story: story(taken, end) });
      };
      for (const { invariant, story: end } of session.k.custody.broken) breaks(invariant, end);
      const broken = brokenInvariant(ending);
      if (broken !== undefined) {
        if (ending.kind === "broken" && ending.actor === undefined) outside ??= broken;
        return breaks(broken.invariant, [broken.why]);
      }
      const warning = warningOf(session);
      if (warning === undefined) silent++;
      else {
        warned ??= warning;
        breaks(warning.invariant, [warning.why]);
      }
      const values = session.values();
      const key = JSON.stringify(values);
      const known = seen.get(key);
      if (known === undefined) seen.set(key, { values, count: 1, schedule });
      else {
        known.count++;
        if (compareSchedules(schedule, known.schedule) < 0) known.schedule = schedule;
      }
    },
    { reduce: options.reduce, limits, onProgress: options.onProgress },
  );
  const outcomes = [...seen.values()];
  const session = inTextOrder ?? first.session;
  return {
    ...howAllEnded(
      counts,
      stopped === "ms" ? limits.ms : undefined,
      complete,
      outcomes.length === 0 ? outside : silent === 0 && !claimsSpeakOf(test, "kernel-bug") ? warned : undefined,
    ),
    values: outcomes[0]?.values ?? session.values(),
    histogram: outcomes.map(({ values, count }) => ({ values, count })),
    violations: [...violations].map(
      ([invariant, { schedule, story }]): Violation => ({ invariant, schedule: scheduleText(schedule), story }),
    ),
    rules: [...rules],
    counters: session.counters(),
    ms: Date.now() - began,
    machine: session.machine,
    steps: session.reports,
    ...counts,
    complete,
    schedules: outcomes.map(({ schedule }) => scheduleText(schedule)),
  };
}

/** Runs a test under one schedule, as {@link scheduleText} wrote it. */
export function runSchedule(
  test: Test,
  schedule: string,
  options: ExploreOptions = {},
): Prediction | { error: string } {
  const began = Date.now();
  const parsed = parseSchedule(schedule);
  if ("error" in parsed) return parsed;
  const result = replay(() => new TestWorld(test, options), parsed.schedule, options.limits?.steps);
  if ("error" in result) return result;
  const { session } = result.world;
  const broken = brokenInvariant(result.ending) ?? warningOf(session);
  const violations = [
    ...session.k.custody.broken.map(
      ({ invariant, story: end }): Violation => ({ invariant, schedule, story: story(result.taken, end) }),
    ),
    ...(broken === undefined
      ? []
      : [{ invariant: broken.invariant, schedule, story: story(result.taken, [broken.why]) }]),
  ];
  const status: Pick<Outcome, "status" | "reason"> = broken === undefined ? { status: "ok" } : statusOf(broken);
  const rules = new Set(session.reports.flatMap((report) => report.events.map((event) => event.rule.id)));
  return {
    ...status,
    ...(violations.length === 0 ? {} : { violations }),
    values: session.values(),
    rules: [...rules],
    counters: session.counters(),
    ms: Date.now() - began,
    machine: session.machine,
    steps: session.reports,
  };
}

/**
 * The status of the whole search. `own` is how the steps outside of the parallel blocks ended where no schedule came
 * past them, or the warning that every schedule printed and no claim speaks of. What only some schedules break is a
 * violation, of which claims speak.
 */
function howAllEnded(
  counts: Counts,
  afterMs: number | undefined,
  complete: boolean,
  own: BrokenEnding | undefined,
): Pick<Outcome, "status" | "reason"> {
  if (!complete) {
    const when = afterMs === undefined ? "" : `${afterMs / 1000} s and `;
    return { status: "incomplete", reason: `the search was stopped after ${when}${counts.executions} executions` };
  }
  return own === undefined ? { status: "ok" } : statusOf(own);
}

function statusOf({ invariant, why }: BrokenEnding): Pick<Outcome, "status" | "reason"> {
  return { status: invariant === "deadlock" || invariant === "endless" ? "hang" : "oops", reason: why };
}

/** An execution that did not come to its end, by the invariant that claims name. */
interface BrokenEnding {
  readonly invariant: string;
  readonly why: string;
}

function brokenInvariant(ending: Ending): BrokenEnding | undefined {
  switch (ending.kind) {
    case "done":
      return undefined;
    case "deadlock":
      return {
        invariant: "deadlock",
        why: ending.waiting.map(({ actor, touch }) => `${actor} ${touchText(touch)}`).join("; "),
      };
    case "endless":
      return { invariant: "endless", why: "the schedule has no end" };
    case "broken":
      if (ending.error instanceof KernelBug) return { invariant: ending.error.invariant, why: ending.error.message };
      if (ending.error instanceof KernelHang)
        return {
          invariant: "deadlock",
          why: ending.actor === undefined ? ending.error.message : `${ending.actor} ${ending.error.message}`,
        };
      throw ending.error;
  }
}

/** A WARN is a report of the kernel on itself, as `predict` has it, although the kernel goes on. */
function claimsSpeakOf(test: Test, invariant: string): boolean {
  return test.claims.some(({ expr }) => expr.kind === "invariant" && expr.name === invariant);
}

function warningOf({ k: { warning } }: Session): BrokenEnding | undefined {
  return warning === undefined ? undefined : { invariant: "kernel-bug", why: warning };
}

/** The switch points in order, a line each, and how it ended. */
function story(taken: readonly Taken[], end: readonly string[]): string[] {
  const lines = taken.map(({ actor, touch }) => `${actor} ${touchText(touch)}`);
  return [...lines, ...end];
}

/** The answer to a test of which no schedule can be told. */
function without(session: Session, how: Pick<Outcome, "status" | "reason">, began: number): Exploration {
  return {
    ...how,
    values: {},
    ms: Date.now() - began,
    machine: session.machine,
    steps: [],
    executions: 0,
    redundant: 0,
    states: 0,
    complete: true,
    schedules: [],
  };
}
