/**
 * A Test: what the parser and the checker hand to the model and to the kernel
 * compiler. Everything is resolved: names are bound, words are known, observers
 * of claims stand as calls of their own. Plain data; it round-trips as JSON.
 */
import type { OperationName } from "./operations/index.js";

/** A place in the text. `line` and `column` count from 1, `offset` and `end` from 0, in UTF-16 units. */
export interface Span {
  readonly offset: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** One question. */
export interface Test {
  readonly name: string;
  readonly question: string;
  /** Path as the user gave it; empty when the text came from elsewhere. */
  readonly file: string;
  /** 64-bit FNV-1a, in hex, of what is run and observed; a better question, claim, comment or layout keeps it. */
  readonly hash: string;
  /** The implicit process `A` comes first; `kernel` is among them when a line is its. */
  readonly actors: readonly Actor[];
  readonly steps: readonly Step[];
  /** Observers that claims need, to be taken after the last step, in the order written. */
  readonly observers: readonly Observer[];
  readonly claims: readonly Claim[];
}

export type ActorKind = "process" | "fork" | "thread" | "driver" | "kernel";

export interface Actor {
  readonly name: string;
  readonly kind: ActorKind;
  /** fork: who forks; thread: whose address space it shares. */
  readonly parent?: string;
  /** driver: the device that it acts for (`shmem`, `dma`, ...). */
  readonly device?: string;
  readonly span: Span;
}

export type Step = CallStep | SpawnStep | FaultsStep | ParallelStep;

/** One operation by one actor. */
export interface CallStep {
  readonly kind: "call";
  readonly actor: string;
  readonly op: OperationName;
  /** By parameter name; every parameter of the operation is present, defaults filled in. */
  readonly args: Readonly<Record<string, Argument>>;
  /** The name that the result gets. */
  readonly bind?: string;
  /** `p = smaps(va).Pss`: the name gets this field of the record, not the whole of it. Only with `bind`. */
  readonly field?: string;
  readonly span: Span;
}

/** `fork C`, `thread T of A`: from here on the actor exists. `process B` exists from the start. */
export interface SpawnStep {
  readonly kind: "spawn";
  /** Who forks or makes the thread. */
  readonly actor: string;
  readonly child: string;
  readonly span: Span;
}

/** `n = faults { ... }`: minor faults that the actor took in the steps. */
export interface FaultsStep {
  readonly kind: "faults";
  readonly actor: string;
  readonly bind: string;
  readonly body: readonly Step[];
  readonly span: Span;
}

export interface ParallelStep {
  readonly kind: "parallel";
  readonly branches: readonly { readonly actor: string; readonly body: readonly Step[] }[];
  readonly span: Span;
}

export type Argument =
  /** An integer. Bytes for sizes. Beyond 2^53 it is a decimal string, so that JSON keeps it. */
  | { readonly kind: "int"; readonly value: number | string }
  /** `16p`: so many pages of the machine that runs the test. */
  | { readonly kind: "pages"; readonly count: number }
  /**
   * `rw`, `shared|populate`; the name of an actor; `none`, also of an optional parameter that was left out, is the
   * empty list.
   */
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "string"; readonly value: string }
  /** An earlier result, or a field of one. */
  | { readonly kind: "ref"; readonly name: string; readonly field?: string }
  | { readonly kind: "sum"; readonly op: "+" | "-"; readonly left: Argument; readonly right: Argument }
  | { readonly kind: "list"; readonly items: readonly Argument[] };

/** An observer that a claim needs; its value lies in the outcome under `key` (and `key.field`). */
export interface Observer {
  /**
   * Its text in normal form, e.g. `smaps(va)`, taken by the process that bound `va` (`A` when
   * it names nothing); `C: smaps(va)` when `C: expect ...` has another actor look.
   */
  readonly key: string;
  readonly call: CallStep;
  /**
   * Fields of a record that claims look at, in the order in which they do. Empty: the value itself (of a record: `ok`
   * or its errno).
   */
  readonly fields: readonly string[];
  /** It is taken where any of these scopes holds. */
  readonly scopes: readonly Scope[];
}

/** Where a claim holds: every condition must be met. Empty: everywhere. */
export type Scope = readonly Condition[];

export type Condition =
  | { readonly kind: "linux"; readonly op: Comparison; readonly release: string }
  | { readonly kind: "arch"; readonly arch: string }
  | { readonly kind: "with"; readonly point: string; readonly choice: string };

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

export interface Claim {
  /**
   * `expect` for tests that run in one order; the others speak of all schedules. In a test with `parallel`, `expect` is
   * `always`.
   */
  readonly kind: "expect" | "always" | "never" | "sometimes";
  readonly expr: Expression;
  /** The claim's text in normal form, without `expect`. */
  readonly text: string;
  readonly scope: Scope;
  readonly span: Span;
}

export type Expression =
  | { readonly kind: "int"; readonly value: number | string }
  | { readonly kind: "pages"; readonly count: number }
  /** An errno, a signal, `ok`, a flag or an enumeration word. */
  | { readonly kind: "word"; readonly word: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "value"; readonly name: string; readonly field?: string }
  /** An observer's value (see {@link Test.observers}). */
  | { readonly kind: "observer"; readonly key: string; readonly field?: string }
  /** A named invariant of the explorer: `use-after-free`, `deadlock`, ... */
  | { readonly kind: "invariant"; readonly name: string }
  | { readonly kind: "not"; readonly operand: Expression }
  /** `[rd wr sh]` beside flags, where it is a set; `[EFAULT, 4K]` after `in`, where one of them must be equal. */
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | {
      readonly kind: "binary";
      readonly op: Comparison | "and" | "or" | "in" | "+" | "-";
      readonly left: Expression;
      readonly right: Expression;
    };
