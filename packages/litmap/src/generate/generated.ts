/** A test of the corpus that is one cell of a table: a question about one kind of memory. */
import { format, parse } from "@litmap/litmus";
import { newestRelease, predict } from "@litmap/model";
import type { Test, Value } from "@litmap/litmus";

/** A test without its claims: those are what kernels answered, and stay in the file. */
export interface Cell {
  readonly name: string;
  readonly question: string;
  readonly steps: readonly string[];
}

/** The cell as a test, with lines of claims below its steps. */
export function textOf({ name, question, steps }: Cell, claims = ""): string {
  return format(`test ${name}\n  "${question}"\n\n${steps.join("\n")}\n${claims === "" ? "" : `\n${claims}`}`);
}

export function testOf(cell: Cell): Test {
  const { test } = parse(textOf(cell));
  if (test === undefined) throw new Error(`the table makes no test of ${cell.name}:\n${textOf(cell)}`);
  return test;
}

/** What the newest release gives for a binding after these steps: some questions need an answer before the next step. */
export function answerTo(steps: readonly string[], binding: string): Value | undefined {
  return predict(testOf({ name: "asked", question: "?", steps }), { release: newestRelease }).values[binding];
}

/** Lines of claims in a test's text: everything from the first `expect` or `on` that begins a line. */
export function claimsIn(text: string): string {
  const start = text.search(/^(expect|on) /m);
  return start < 0 ? "" : text.slice(start);
}
