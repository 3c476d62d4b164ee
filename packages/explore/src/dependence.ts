/** When the order of two steps can matter. */
import type { Touch } from "@litmap/model";

/** Two steps of different actors that do not commute (or may not: the answer errs on that side). */
export function dependent(a: Touch, b: Touch): boolean {
  if (a.kind === "begin" || b.kind === "begin") return true;
  if (a.kind === "access" && b.kind === "access") return a.object === b.object && (a.write || b.write);
  const lockA = lockOf(a);
  const lockB = lockOf(b);
  if (lockA !== undefined && lockB !== undefined) {
    if (lockA !== lockB) return false;
    return !(a.kind === "acquire" && b.kind === "acquire" && a.mode === "read" && b.mode === "read");
  }
  if (a.kind === "access" && a.guards !== undefined) return changes(a.guards, b);
  if (b.kind === "access" && b.guards !== undefined) return changes(b.guards, a);
  // A wait may become ready by any step that is not a mere lock operation.
  if (a.kind === "wait" || b.kind === "wait") return lockA === undefined && lockB === undefined;
  return false;
}

/**
 * Whether a step begins to change what the guards keep: files change the mappings of their pages under the inode's
 * lock.
 */
function changes(guards: readonly object[], other: Touch): boolean {
  if (other.kind !== "acquire" || other.mode === "read") return false;
  return guards.includes(other.lock) || other.lock.lockClass === "i_rwsem";
}

function lockOf(touch: Touch): object | undefined {
  return touch.kind === "acquire" || touch.kind === "release" || touch.kind === "try" ? touch.lock : undefined;
}

/** In words, for a story: `takes resv of buffer 3 (write)`. */
export function touchText(touch: Touch): string {
  switch (touch.kind) {
    case "acquire":
      return `takes ${touch.lock.name}${touch.mode === "read" ? " for reading" : ""}`;
    case "release":
      return `drops ${touch.lock.name}`;
    case "try":
      return `tries ${touch.lock.name}`;
    case "access":
      return touch.note ?? `${touch.write ? "changes" : "looks at"} ${touch.object}`;
    case "begin":
      return touch.note;
    case "wait":
      return `waits for ${touch.object}`;
  }
}
