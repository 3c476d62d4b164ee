/** Compares the model with what kernels were seen to answer. */
import { expect } from "vitest";
import { values } from "./ask.js";

type PerRelease = Readonly<Record<string, unknown>>;

/** Asks each release: `same` holds on all of them, `differ` has a value for each. */
export function observed(
  lines: string,
  releases: readonly string[],
  same: Readonly<Record<string, unknown>>,
  differ: Readonly<Record<string, PerRelease>> = {},
): void {
  for (const release of releases) {
    const got = values(lines, release);
    const wanted = { ...same, ...Object.fromEntries(Object.entries(differ).map(([name, by]) => [name, by[release]])) };
    expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, got[name]])), `on ${release}`).toEqual(wanted);
  }
}
