/** Between the reports and the terminal: colour, width, and a reader that went away. */
import { Ansis } from "ansis";
import { exitStatus } from "./exit-status.js";

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly odd: (text: string) => string;
  readonly name: (text: string) => string;
}

const plain: Paint = { bold: same, dim: same, good: same, bad: same, odd: same, name: same };

function same(text: string): string {
  return text;
}

/**
 * Colours for a stream; none when it is no terminal, or NO_COLOR or --no-color say so. FORCE_COLOR overrides the
 * terminal.
 */
export function paintFor(stream: { readonly isTTY?: boolean }, wanted = true): Paint {
  const forced = process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== "0";
  if (!wanted || process.env.NO_COLOR || (!stream.isTTY && !forced)) return plain;
  const ansis = new Ansis(1);
  return {
    bold: (text) => ansis.bold(text),
    dim: (text) => ansis.dim(text),
    good: (text) => ansis.green(text),
    bad: (text) => ansis.red(text),
    odd: (text) => ansis.yellow(text),
    name: (text) => ansis.cyan(text),
  };
}

/** Columns to fill; text that goes to a file gets a hundred. */
export function widthOf(stream: { readonly columns?: number }): number {
  return Math.max(60, Math.min(stream.columns ?? 100, 120));
}

/** A line on stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * `litmap … | head` is no error: the rest has no reader. Output that cannot be written otherwise, to a full disk, ends
 * the command: what was not written looks like a result that was good.
 */
export function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    process.stderr.write(`litmap: cannot write the output: ${error.code ?? error.message}\n`);
    process.exit(exitStatus.badMachine);
  });
  // There is nowhere left to say so.
  process.stderr.on("error", () => {});
}

/** Ends the process once its output is written. Nobody waits for what is left of a kernel that has been ended. */
export function endWith(status: number): void {
  // Where writing has failed the stream says so in the next turn.
  process.stdout.write("", () => setImmediate(() => process.exit(status)));
}
