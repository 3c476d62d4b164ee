/** When the order of two steps can matter. */
import type { Touch } from "@litmap/model";

/** Two steps of different actors that do not commute (or may not: the answer errs on that side). */
export function dependent(a: Touch, b: Touch): boolean {
  if (a.kind === "access" && b.kind === "access") return a.object === b.object && (a.write || b.write);
  const lockA = lockOf(a);
  const lockB = lockOf(b);
  if (lockA !== undefined && lockB !== undefined) {
    if (lockA !== lockB) return false;
    return !(a.kind === "acquire" && b.kind === "acquire" && a.mode === "read" && b.mode === "read");
  }
  // A wait may become ready by any step that is not a mere lock operation.
  if (a.kind === "wait" || b.kind === "wait") return lockA === undefined && lockB === undefined;
  return false;
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
    case "wait":
      return `waits for ${touch.object}`;
  }
}
