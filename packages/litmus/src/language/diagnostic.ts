/**
 * Diagnostics: what is wrong with a text, where, and what was probably meant. Made by code,
 * shown in one form everywhere: place and message, the line with the fault underlined, a hint.
 */
import type { Span } from "../test.js";

/** Every fault that lexer, parser and checker know, with what it means; the tests hold one rendered example of each. */
export const diagnosticCodes = {
  "unexpected-character": "a character that the language has no use for",
  "unterminated-string": "a string that does not end on its line",
  "bad-number": "digits that are no number, or an unknown unit after them",
  "expected": "something else must stand here",
  "missing-comma": "two arguments with nothing between them",
  "unclosed": "a bracket or brace that is never closed",
  "no-header": "the file does not begin with `test NAME`",
  "no-question": "the question in quotes is missing after `test NAME`",
  "test-name": "the name is not in lower case with dashes",
  "unknown-statement": "a line that begins with a word that begins no statement",
  "misplaced": "a statement that may not stand here",
  "claims-last": "a step after the first claim",
  "unknown-operation": "no such operation",
  "unknown-parameter": "the operation has no such parameter",
  "unknown-word": "not one of the words that may stand here",
  "unknown-name": "a name that nothing binds",
  "unknown-actor": "an actor that nothing declares",
  "unknown-field": "the record has no such field",
  "unknown-point": "no such decision point",
  "unknown-choice": "the decision point has no such choice",
  "unknown-arch": "no such architecture",
  "unknown-release": "no such kernel release",
  "unknown-device": "no such device for a driver",
  "unknown-flag": "a flag word that nobody has heard of (a warning: kernels grow new ones)",
  "bound-twice": "a name that is bound already",
  "reserved-name": "a name that means something else in the language",
  "name-missing": "a result that is useless without a name",
  "missing-argument": "a parameter without a default that was not given",
  "too-many-arguments": "more arguments than the operation has parameters",
  "argument-twice": "a parameter that was given twice",
  "argument-type": "an argument of the wrong type",
  "nested-call": "a call as an argument",
  "wrong-actor": "an operation that this kind of actor cannot do",
  "actor-not-there": "an actor that does not exist yet, or any more",
  "foreign-descriptor": "a descriptor of another process",
  "foreign-address": "an address in another address space (a warning)",
  "consumed": "a resource that was given back (a warning: the test may want to)",
  "race": "a name that another branch of the same `parallel` binds",
  "not-an-observer": "a claim that would do something",
  "comparison-type": "two things that cannot be compared",
  "not-a-claim": "an expression that is neither true nor false",
  "invariant-alone": "an invariant where it cannot stand",
  "bad-json": "JSON that is no Test",
} as const;

export type DiagnosticCode = keyof typeof diagnosticCodes;

export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** `warning`: the test can run. */
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly span: Span;
  /** A line that helps: the operation's signature, the words that are known. */
  readonly hint?: string;
}

/** Characters of a line that are quoted. */
const LONGEST_LINE = 160;

/**
 * A diagnostic as people read it:
 *
 *     FILE:LINE:COLUMN: MESSAGE
 *       5 | the line
 *         |     ^^^^
 *     the hint
 *
 * @param text the text that was parsed, of which the line is shown
 * @param file as the user gave it; `-` when it has no name
 */
export function renderDiagnostic(diagnostic: Diagnostic, text: string, file = "-"): string {
  const { span, severity, message, hint } = diagnostic;
  const start = text.lastIndexOf("\n", span.offset - 1) + 1;
  const newline = text.indexOf("\n", start);
  const line = text.slice(start, newline < 0 ? text.length : newline).replace(/\r$/, "");
  const column = Math.max(0, span.offset - start);
  // Of a long line the part around the fault.
  const from = line.length <= LONGEST_LINE ? 0 : Math.max(0, column - LONGEST_LINE / 2);
  const quoted = line.slice(from, from + LONGEST_LINE);
  const cut = { left: from > 0 ? "…" : "", right: from + quoted.length < line.length ? "…" : "" };
  const before = cut.left + line.slice(from, column);
  const width = Math.max(1, Math.min(span.end - start, from + quoted.length) - column);
  const number = String(span.line);
  const out = [
    `${file || "-"}:${span.line}:${span.column}: ${severity === "warning" ? "warning: " : ""}${shortened(message)}`,
    `  ${number} | ${cut.left}${quoted}${cut.right}`,
    `  ${" ".repeat(number.length)} | ${before.replace(/[^\t]/g, " ")}${"^".repeat(width)}`,
  ];
  if (hint) out.push(shortened(hint));
  return out.join("\n");
}

/** A message may quote a name of any length. */
function shortened(text: string): string {
  return text.length <= 4 * LONGEST_LINE ? text : `${text.slice(0, 4 * LONGEST_LINE)}…`;
}

/** The diagnostics in the order of the text; those without a place first. */
export function inTextOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) => a.span.offset - b.span.offset);
}
