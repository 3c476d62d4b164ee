/**
 * The file of `--resume`: every result as it comes, one JSON line each, so that a run that was
 * interrupted loses nothing. The same command again goes on where it stopped: what the file
 * has of a test that runs the same steps, on the same kernel, is not run again.
 */
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { Machine, Outcome, Test } from "@litmap/litmus";
import { badMachine, badRequest } from "./exit-status.js";
import { jsonObject } from "./report/json-line.js";
import { machineLabel } from "./result.js";
import type { TestResult } from "./result.js";

export class ResultsFile {
  private readonly known = new Map<string, Outcome>();

  /** Reads what is there. A last line that was cut off is dropped. */
  constructor(private readonly path: string) {
    let text = "";
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
      throw badRequest(`${path} is no file`, "give a file to --resume");
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        throw badRequest(`cannot read ${path}: ${(error as Error).message}`);
    }
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole !== text) this.guarded(() => writeFileSync(path, whole));
    for (const line of whole.split("\n")) if (line !== "") this.take(line);
  }

  /** The outcome that is known of this test on this machine. */
  get(test: Test, machine: Machine): Outcome | undefined {
    return this.known.get(keyOf(test.name, test.hash, machine));
  }

  append(result: TestResult): void {
    this.guarded(() => appendFileSync(this.path, `${JSON.stringify({ ...jsonObject(result), hash: result.hash })}\n`));
  }

  private take(line: string): void {
    try {
      const { test, hash, machine, status, reason, log, values, histogram, ms } = JSON.parse(line);
      if (machine.kind === "model" || status === "invalid" || status === "incomplete" || status === "broken") return;
      const kept = status === "surprise" || status === "disagree" ? "ok" : status;
      this.known.set(keyOf(test, hash, machine), { status: kept, reason, log, values, histogram, ms });
    } catch {
      throw badRequest(`${this.path} holds a line that is no result`, "give another file to --resume");
    }
  }

  private guarded(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw writeFailed(this.path, error);
    }
  }
}

/** A file that could not be written: the machine's trouble, in one line. */
export function writeFailed(path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT")
    return badMachine(`the disk is full: ${path} could not be written`, "what is in the file is whole");
  return badMachine(`cannot write ${path}: ${code ?? (error as Error).message}`);
}

function keyOf(test: string, hash: string, machine: Machine): string {
  const kernel = machine.kind === "model" ? "" : machine.uname;
  return [test, hash, machineLabel(machine), kernel].join("\0");
}
