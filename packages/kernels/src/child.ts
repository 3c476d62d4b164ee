/** Runs one of the machine's programs to its end. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { Fault } from "./fault.js";
import { findProgram, killGroup, spawnBound } from "./running.js";

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array;
  /** Milliseconds; then it is killed and a Fault says so. */
  readonly timeoutMs: number;
  /** Told of each line that it prints on its standard output, as it comes. */
  readonly onLine?: (line: string) => void;
  /** What to do when the program is not installed. */
  readonly hint?: string;
}

export interface ChildResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Resolves with any exit status; a Fault when it is not installed or timed out. */
export function runChild(program: string, args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const path = findProgram(program, options.env);
    if (!path)
      return reject(new Fault("missing-program", `${program} is not installed`, options.hint ?? `install ${program}`));
    const place = { cwd: options.cwd, env: options.env };
    const child = spawnBound(path, args, "pipe", place) as ChildProcessWithoutNullStreams;
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, options.timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    if (options.onLine) createInterface(child.stdout).on("line", options.onLine);
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString();
      if (late) reject(new Fault("io", `${program} did not finish within ${options.timeoutMs / 1000} s`, "", stderr));
      else resolve({ status: code ?? (signal ? 128 : 1), stdout: Buffer.concat(out), stderr });
    });
  });
}
