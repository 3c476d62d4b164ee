/** Combinations of values that were seen in a concurrent test and that the other machine does not allow. */
import type { NotAllowed, Values } from "@litmap/litmus";
import { valueAt } from "@litmap/litmus";
import type { TestResult } from "../result.js";
import { valueText } from "./value-text.js";

/** More of them would not be read. */
const mostShown = 3;

/** Those that were seen most often first; how many there are beside them. */
export function combinationsOf({ notAllowed = [] }: TestResult): {
  readonly first: readonly NotAllowed[];
  readonly more: number;
} {
  const all = [...notAllowed].sort((a, b) => b.count - a.count);
  return { first: all.slice(0, mostShown), more: Math.max(0, all.length - mostShown) };
}

export const runsOf = ({ histogram = [] }: TestResult): number => histogram.reduce((sum, { count }) => sum + count, 0);

/** `a 1, b 0` */
export function combinationText(
  values: Values,
  keys: readonly string[],
  units: ReadonlyMap<string, string> = new Map(),
): string {
  return keys.map((key) => `${key} ${valueText(valueAt(values, key), units.get(key))}`).join(", ");
}
