/**
 * Which claims hold of an outcome, and in what two outcomes of one test differ: the language's verdicts in the
 * command's form.
 */
import { judge, notAllowed, pageBytesOf, valueAt } from "@litmap/litmus";
import type { Arch, ClaimResult, Machine, NotAllowed, Outcome, Test } from "@litmap/litmus";
import { Kernel, versionOf } from "@litmap/model";
import type { Design, KernelOptions } from "@litmap/model";
import type { Difference } from "./result.js";

const designs = new Map<string, Design>();

/**
 * Choices in force at every decision point: the release's, the architecture's, the user's own. Empty for a real kernel.
 */
export function effectiveDesign(machine: Machine): Partial<Design> {
  if (machine.kind !== "model") return {};
  const options: KernelOptions = {
    release: machine.release,
    arch: machine.arch,
    designs: machine.designs,
    configured: machine.configured,
  };
  const key = JSON.stringify(options);
  let design = designs.get(key);
  if (!design) designs.set(key, (design = new Kernel(options).design));
  return design;
}

export function judged(test: Test, outcome: Outcome, machine: Machine): readonly ClaimResult[] {
  return judge(test, outcome, exact(machine), effectiveDesign(machine)).claims;
}

/** The machine with its version for a release: `6.12` is an update, which scopes may ask for. */
export function exact(machine: Machine): Machine {
  return machine.kind === "model" ? { ...machine, release: versionOf(machine.release) } : machine;
}

/**
 * The combinations of values that were observed `here` and that the reference `there` does not allow. A test without
 * a `parallel` block has one combination.
 *
 * @param arch of the machine here: what its pages are
 */
export function disallowed(test: Test, here: Outcome, there: Outcome, arch: Arch = "x86_64"): NotAllowed[] {
  return notAllowed(test, there, here, pageBytesOf(arch));
}

/** The values of those combinations that differ from the nearest one that is allowed; of each key the first. */
export function differencesIn(combinations: readonly NotAllowed[]): Difference[] {
  const found = new Map<string, Difference>();
  for (const { values, nearest, keys } of combinations)
    for (const key of keys)
      if (!found.has(key)) found.set(key, { key, here: valueAt(values, key), there: valueAt(nearest, key) });
  return [...found.values()];
}

/** What was observed `here` that the reference `there` does not allow, key by key. */
export function differences(test: Test, here: Outcome, there: Outcome, arch: Arch = "x86_64"): Difference[] {
  return differencesIn(disallowed(test, here, there, arch));
}
