/**
 * Runs a few paths under every order of their steps that matters. It is stateless: generators
 * cannot be copied, so each execution starts from a new world and replays its prefix. Sleep
 * sets (Godefroid) keep it from running two orders that differ only in independent steps.
 */
import { dependent } from "./dependence.js";
import type { Path, Touch } from "@litmap/model";

/** One actor's part of a concurrent section. */
export interface Branch {
  readonly actor: string;
  readonly path: Path<void>;
}

/** A fresh instance of what is explored, at the start of its first concurrent section. */
export interface World {
  /** The branches of the section; when all have ended, of the next section, if there is one. */
  section(): readonly Branch[] | undefined;
}

export interface Limits {
  /** Executions after which the search stops, unfinished. */
  readonly executions: number;
  /** Steps after which one execution is given up as endless. */
  readonly steps: number;
  /** Milliseconds after which the search stops, unfinished. */
  readonly ms: number;
}

export const defaultLimits: Limits = { executions: 200_000, steps: 20_000, ms: Infinity };

/** Between two reports of how far a search is. */
const PROGRESS_MS = 500;

/** How one execution ended. */
export type Ending =
  | { readonly kind: "done" }
  /** Nobody can go on: what each of those left waits for. */
  | { readonly kind: "deadlock"; readonly waiting: readonly { readonly actor: string; readonly touch: Touch }[] }
  /** A path threw, or the steps between two concurrent sections did: those have no actor. */
  | { readonly kind: "broken"; readonly actor?: string; readonly error: unknown }
  | { readonly kind: "endless" };

export interface Counts {
  /** Executions that ran to an ending. */
  executions: number;
  /** Executions cut short because sleep sets showed that an equal one had run. */
  redundant: number;
  /** Steps taken for the first time (replayed prefixes not counted): nodes of the search tree. */
  states: number;
}

export interface Enumeration {
  readonly counts: Counts;
  /** False when a limit ended the search. */
  readonly complete: boolean;
  /** The limit that did. */
  readonly stopped?: "executions" | "ms";
}

/** A step that was taken, as told to whoever watches. */
export interface Taken {
  readonly actor: string;
  readonly touch: Touch;
}

interface Node {
  /** What every unfinished branch would do next; undefined for finished ones. */
  readonly next: readonly (Touch | undefined)[];
  readonly enabled: readonly number[];
  /** Branches whose next step need not be taken here. */
  readonly sleep: Set<number>;
  chosen: number;
}

/** The running instance: every branch stands at a switch point, or has ended. */
class Run {
  branches: readonly Branch[] = [];
  next: (Touch | undefined)[] = [];
  readonly taken: Taken[] = [];
  ending: Ending | undefined;

  constructor(private readonly world: World) {
    this.enterSection();
  }

  /** Goes on to the next section; false when there is none. */
  private enterSection(): boolean {
    let branches: readonly Branch[] | undefined;
    try {
      branches = this.world.section();
    } catch (error) {
      this.ending = { kind: "broken", error };
      return true;
    }
    if (branches === undefined) return false;
    this.branches = branches;
    this.next = branches.map(() => undefined);
    for (let i = 0; i < branches.length && this.ending === undefined; i++) this.resume(i);
    return true;
  }

  private resume(branch: number): void {
    try {
      const step = this.branches[branch].path.next();
      this.next[branch] = step.done === true ? undefined : step.value;
    } catch (error) {
      this.ending = { kind: "broken", actor: this.branches[branch].actor, error };
    }
  }

  enabled(): number[] {
    const able: number[] = [];
    this.next.forEach((touch, i) => {
      if (touch !== undefined && ready(touch)) able.push(i);
    });
    return able;
  }

  step(branch: number): void {
    const touch = this.next[branch];
    if (touch === undefined) throw new Error("a branch that has ended was scheduled");
    this.taken.push({ actor: this.branches[branch].actor, touch });
    this.resume(branch);
  }

  /** Nobody is able to go on: enters the next section, or gives the ending. */
  advance(): Ending | undefined {
    const waiting = this.next.flatMap((touch, i) =>
      touch === undefined ? [] : [{ actor: this.branches[i].actor, touch }],
    );
    if (waiting.length > 0) return { kind: "deadlock", waiting };
    return this.enterSection() ? undefined : { kind: "done" };
  }
}

function ready(touch: Touch): boolean {
  if (touch.kind === "acquire") return touch.lock.free(touch.mode);
  return touch.kind !== "wait" || touch.ready();
}

/**
 * Runs every order (without `reduce`), or one of each class of equal orders (with it).
 * `make` builds a fresh world; `ended` gets every execution with its world, ending and steps.
 */
export function enumerate<W extends World>(
  make: () => W,
  ended: (world: W, ending: Ending, taken: readonly Taken[]) => void,
  options: { readonly reduce?: boolean; readonly limits?: Limits; readonly onProgress?: (n: number) => void } = {},
): Enumeration {
  const reduce = options.reduce ?? true;
  const limits = options.limits ?? defaultLimits;
  const counts: Counts = { executions: 0, redundant: 0, states: 0 };
  const nodes: Node[] = [];
  const began = Date.now();
  let told = began;
  for (;;) {
    const ran = counts.executions + counts.redundant;
    if (ran >= limits.executions) return { counts, complete: false, stopped: "executions" };
    const now = Date.now();
    if (ran > 0 && now - began >= limits.ms) return { counts, complete: false, stopped: "ms" };
    if (now - told >= PROGRESS_MS) {
      told = now;
      options.onProgress?.(ran);
    }
    const world = make();
    const run = new Run(world);
    for (const node of nodes) {
      if (run.enabled().length === 0) run.advance();
      run.step(node.chosen);
    }
    const ending = extend(run, nodes, counts, reduce, limits.steps);
    if (ending === undefined) counts.redundant++;
    else {
      counts.executions++;
      ended(world, ending, run.taken);
    }
    if (!backtrack(nodes, reduce)) return { counts, complete: true };
  }
}

/** Goes on from the end of the known prefix to an ending; undefined when only redundant steps are left. */
function extend(run: Run, nodes: Node[], counts: Counts, reduce: boolean, stepLimit: number): Ending | undefined {
  for (;;) {
    if (run.ending !== undefined) return run.ending;
    const enabled = run.enabled();
    if (enabled.length === 0) {
      const ending = run.advance();
      if (ending !== undefined) return ending;
      continue;
    }
    if (run.taken.length >= stepLimit) return { kind: "endless" };
    const parent = nodes.at(-1);
    const sleep = reduce && parent !== undefined ? inherited(parent) : new Set<number>();
    const chosen = enabled.find((i) => !sleep.has(i));
    if (chosen === undefined) return undefined;
    nodes.push({ next: [...run.next], enabled, sleep, chosen });
    counts.states++;
    run.step(chosen);
  }
}

/** Sleepers of a parent that the step taken there does not wake. */
function inherited(parent: Node): Set<number> {
  const taken = parent.next[parent.chosen];
  const sleep = new Set<number>();
  for (const i of parent.sleep) {
    const touch = parent.next[i];
    if (touch !== undefined && taken !== undefined && !dependent(touch, taken)) sleep.add(i);
  }
  return sleep;
}

/** Moves the last node that has another step to take on to it; false when the search is over. */
function backtrack(nodes: Node[], reduce: boolean): boolean {
  for (let node = nodes.at(-1); node !== undefined; node = nodes.at(-1)) {
    node.sleep.add(node.chosen);
    const other = node.enabled.find((i) => (reduce ? !node.sleep.has(i) : i > node.chosen));
    if (other !== undefined) {
      node.chosen = other;
      return true;
    }
    nodes.pop();
  }
  return false;
}

/** Runs one order. Steps past the schedule's end go to the first branch that is able. */
export function replay<W extends World>(
  make: () => W,
  schedule: readonly string[],
  stepLimit = defaultLimits.steps,
): { world: W; ending: Ending; taken: readonly Taken[] } | { error: string } {
  const world = make();
  const run = new Run(world);
  for (let at = 0; run.ending === undefined; ) {
    const enabled = run.enabled();
    if (enabled.length === 0) {
      const ending = run.advance();
      if (ending !== undefined) return { world, ending, taken: run.taken };
      continue;
    }
    const names = run.branches.map((branch) => branch.actor);
    if (at >= stepLimit) return { world, ending: { kind: "endless" }, taken: run.taken };
    const actor = schedule[at];
    const wanted = actor === undefined ? enabled[0] : names.indexOf(actor);
    if (wanted < 0)
      return { error: `the schedule names '${actor}', but the concurrent actors are ${names.join(", ")}` };
    if (!enabled.includes(wanted)) {
      const able = enabled.map((i) => names[i]).join(", ");
      return { error: `step ${at + 1} of the schedule: ${actor} cannot go on there; able are ${able}` };
    }
    run.step(wanted);
    at++;
  }
  return { world, ending: run.ending, taken: run.taken };
}
