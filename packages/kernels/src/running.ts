/**
 * Everything that this process has running outside itself, so that nothing is
 * left when it ends, however it ends. Children stand in process groups of their
 * own, so that Ctrl-C reaches us first; where `setpriv` exists they also die with us when
 * we are killed outright.
 */
import type { ChildProcess, StdioOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

const groups = new Set<number>();
const paths = new Set<string>();
let watching = false;

/** Starts a program that ends when this process does. Its standard streams and further descriptors are `stdio`. */
export function spawnBound(
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
  place: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  watch();
  const setpriv = findProgram("setpriv");
  const [command, ...rest] = setpriv ? [setpriv, "--pdeathsig", "KILL", program, ...args] : [program, ...args];
  const child = spawn(command, rest, { ...place, stdio, detached: true });
  const pid = child.pid;
  if (pid !== undefined) {
    groups.add(pid);
    child.on("exit", () => {
      killGroup(pid);
      groups.delete(pid);
    });
  }
  return child;
}

/** Kills a child of {@link spawnBound} with everything that it started. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has gone already.
  }
}

/** A temporary folder that goes when this process does. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "litmap-"));
  removeAtEnd(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  paths.delete(folder);
}

/** Has a file or folder removed should this process end before the returned function is called. */
export function removeAtEnd(path: string): () => void {
  watch();
  paths.add(path);
  return () => paths.delete(path);
}

/** Absolute path of a program: itself when it has a slash, else the first in PATH that may be executed. */
export function findProgram(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const places = name.includes("/")
    ? [name]
    : (env.PATH ?? "")
        .split(delimiter)
        .filter(isAbsolute)
        .map((folder) => join(folder, name));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function endAll(): void {
  for (const pid of groups) killGroup(pid);
  groups.clear();
  for (const path of paths) rmSync(path, { recursive: true, force: true });
  paths.clear();
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.on("exit", endAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const onSignal = (): void => {
      endAll();
      // Without another listener the signal has its default effect.
      if (process.listenerCount(signal) > 1) return;
      process.removeListener(signal, onSignal);
      process.kill(process.pid, signal);
    };
    process.on(signal, onSignal);
  }
}
