/**
 * One writer at a time in the store. The lock is a file that names its owner's
 * process and when that process started, so that a lock left by a dead process,
 * or by one whose number was given to another, is taken over.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder } from "@litmap/linux";
import { Fault, diskFault, errnoOf } from "./fault.js";
import { removeAtEnd } from "./running.js";

export interface LockOptions {
  /** How long to wait for another owner, in milliseconds (default ten minutes: a download may take that). */
  readonly timeoutMs?: number;
  /** Called once, if another process holds the lock. */
  readonly onWait?: (owner: number) => void;
}

/** Runs `work` while holding the lock file at `path`. A Fault `locked` when the wait runs out. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const end = Date.now() + (options.timeoutMs ?? 600_000);
  let told = false;
  for (;;) {
    const owner = take(path);
    if (owner === "mine") break;
    if (Date.now() >= end) {
      throw new Fault(
        "locked",
        `process ${owner} has been working on the kernel store for too long`,
        `if it is gone, remove ${path}`,
      );
    }
    if (!told) options.onWait?.(owner);
    told = true;
    await sleep(50);
  }
  const kept = removeAtEnd(path);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
    kept();
  }
}

function take(path: string): "mine" | number {
  const mine = `${process.pid} ${startedAt(process.pid)}\n`;
  try {
    makeFolder(dirname(path));
  } catch (error) {
    // EEXIST too: there is a file where the folder should be.
    throw diskFault(error, dirname(path));
  }
  try {
    writeFileSync(path, mine, { flag: "wx" });
    return "mine";
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") {
      // A full disk can leave the file empty.
      if (errnoOf(error) === "ENOSPC") rmSync(path, { force: true });
      throw diskFault(error, dirname(path));
    }
  }
  let text: string;
  let age: number;
  try {
    text = readFileSync(path, "utf8");
    age = Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
  const [pid, started] = text.trim().split(" ");
  const owner = Number(pid);
  // Empty: its owner has made it and is about to write its name, or died before it could.
  if (!owner && age < 10_000) return 0;
  if (owner && started === startedAt(owner)) return owner;
  // Of several processes that see the dead owner, the rename lets one win.
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") !== text) renameSync(aside, path);
    else rmSync(aside, { force: true });
  } catch {
    // Somebody else was first.
  }
  return owner;
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot; empty when there is no such process. */
function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
