/**
 * The syntax tree: the text as written, before it is checked.
 * Every node knows its place; comments hang on the statement that they stand before or
 * behind, so that the printer can put them back.
 */
import type { Span } from "../test.js";
import type { Comment } from "./tokens.js";

export interface Name {
  readonly text: string;
  readonly span: Span;
}

/** What every line has. */
export interface Line {
  readonly span: Span;
  /** Comments above it (and inside it, where they had to give way). */
  lead: readonly LeadComment[];
  /** The comment behind it, on its last line. */
  tail?: Comment;
  /** An empty line stands between it and what comes before (its own comments included). */
  blankBefore: boolean;
}

export interface LeadComment extends Comment {
  readonly blankBefore: boolean;
}

export interface FileSyntax {
  readonly header?: HeaderSyntax;
  readonly items: readonly ItemSyntax[];
  /** Comments after the last item. */
  readonly dangling: readonly LeadComment[];
}

export interface HeaderSyntax extends Line {
  readonly name: Name;
  /** Without its quotes. */
  readonly question?: Name;
}

export type ItemSyntax =
  | ProcessSyntax
  | ForkSyntax
  | ThreadSyntax
  | DriverSyntax
  | CallItemSyntax
  | FaultsSyntax
  | ParallelSyntax
  | ClaimSyntax
  | ScopeSyntax
  | BrokenSyntax;

export interface ProcessSyntax extends Line {
  readonly kind: "process";
  readonly name: Name;
}

export interface ForkSyntax extends Line {
  readonly kind: "fork";
  readonly actor?: Name;
  readonly name: Name;
}

export interface ThreadSyntax extends Line {
  readonly kind: "thread";
  readonly name: Name;
  readonly of: Name;
}

export interface DriverSyntax extends Line {
  readonly kind: "driver";
  readonly name: Name;
  readonly device: Name;
}

export interface CallItemSyntax extends Line {
  readonly kind: "call";
  readonly actor?: Name;
  readonly bind?: Name;
  readonly call: CallSyntax;
  /** `.Pss` behind the call. */
  readonly field?: Name;
}

export interface FaultsSyntax extends Line {
  readonly kind: "faults";
  readonly actor?: Name;
  readonly bind?: Name;
  readonly body: BlockSyntax;
}

export interface ParallelSyntax extends Line {
  readonly kind: "parallel";
  readonly branches: readonly BranchSyntax[];
  /** The names on lines that are no branch; they may have been bound there. */
  readonly mentions: readonly string[];
  readonly oneLine: boolean;
  readonly dangling: readonly LeadComment[];
}

export interface BranchSyntax extends Line {
  readonly actor: Name;
  readonly body: BlockSyntax;
}

export interface ClaimSyntax extends Line {
  readonly kind: "claim";
  readonly actor?: Name;
  readonly claim: "expect" | "always" | "never" | "sometimes";
  readonly expr: ExprSyntax;
}

export interface ScopeSyntax extends Line {
  readonly kind: "scope";
  readonly condition: ConditionSyntax;
  readonly body: BlockSyntax;
}

export type ConditionSyntax =
  | { readonly kind: "linux"; readonly op: Name; readonly release: Name; readonly span: Span }
  | { readonly kind: "arch"; readonly arch: Name; readonly span: Span }
  | { readonly kind: "with"; readonly point: Name; readonly choice: Name; readonly span: Span }
  /** It could not be read; what was reported says why. */
  | { readonly kind: "broken"; readonly span: Span };

/** A line that could not be read; its name counts as bound, so that no other line suffers. */
export interface BrokenSyntax extends Line {
  readonly kind: "broken";
  readonly bind?: Name;
  /** It would bind or declare a name that is missing: `= mmap(...)`, `driver on shmem`. */
  readonly lost?: "name" | "actor";
  /** The names on it: it may have been about to declare them. */
  readonly mentions: readonly string[];
}

export interface BlockSyntax {
  readonly items: readonly ItemSyntax[];
  /** It was written on one line. */
  readonly oneLine: boolean;
  readonly dangling: readonly LeadComment[];
  readonly span: Span;
}

export type ExprSyntax =
  | NumberSyntax
  | StringSyntax
  | WordSyntax
  | UnionSyntax
  | FieldSyntax
  | CallSyntax
  | ListSyntax
  | { readonly kind: "not"; readonly operand: ExprSyntax; readonly span: Span }
  | { readonly kind: "paren"; readonly inner: ExprSyntax; readonly span: Span }
  | BinarySyntax
  /** Could not be read. */
  | { readonly kind: "broken"; readonly span: Span };

export interface NumberSyntax {
  readonly kind: "number";
  /** As written, with its sign: `-1`, `64K`, `16p`, `0x77`. */
  readonly text: string;
  readonly span: Span;
}

export interface StringSyntax {
  readonly kind: "string";
  readonly value: string;
  readonly span: Span;
}

/** A name or a word: `va`, `EFAULT`, `drm-shmem`. */
export interface WordSyntax {
  readonly kind: "word";
  readonly text: string;
  readonly span: Span;
}

/** `shared|populate`: two words or more. */
export interface UnionSyntax {
  readonly kind: "union";
  readonly words: readonly WordSyntax[];
  readonly span: Span;
}

export interface FieldSyntax {
  readonly kind: "field";
  readonly of: WordSyntax | CallSyntax;
  readonly field: Name;
  readonly span: Span;
}

export interface CallSyntax {
  readonly kind: "call";
  readonly op: Name;
  readonly args: readonly ArgSyntax[];
  /** Something was missing between two arguments; there is no telling which is which. */
  readonly torn: boolean;
  readonly span: Span;
}

export interface ArgSyntax {
  readonly name?: Name;
  readonly value: ExprSyntax;
  readonly span: Span;
}

export interface ListSyntax {
  readonly kind: "list";
  readonly items: readonly ExprSyntax[];
  /** Commas between the items; otherwise spaces. */
  readonly commas: boolean;
  readonly span: Span;
}

export type BinaryOp = "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" | "in" | "+" | "-";

export interface BinarySyntax {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly left: ExprSyntax;
  readonly right: ExprSyntax;
  readonly span: Span;
}
