/** Runs one of the machine's programs to its end. */
import { spawn } from "node:child_process";
import { Fault, errnoOf } from "./fault.js";

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array;
  /** Milliseconds; then it is killed and a Fault says so. */
  readonly timeoutMs: number;
  /** What to do when the program is not installed. */
  readonly hint?: string;
}

export interface ChildResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Resolves with whatever exit status; a Fault when it is not installed or ran out of time. */
export function runChild(program: string, args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: "pipe" });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, options.timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(
        errnoOf(error) === "ENOENT"
          ? new Fault("missing-program", `${program} is not installed`, options.hint ?? `install ${program}`)
          : error,
      );
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString();
      if (late) reject(new Fault("io", `${program} did not finish within ${options.timeoutMs / 1000} s`, "", stderr));
      else resolve({ status: code ?? (signal ? 128 : 1), stdout: Buffer.concat(out), stderr });
    });
  });
}
