/**
 * Which claims hold of an outcome, and in what two outcomes of one test differ: the language's verdicts in the
 * command's form.
 */
import { compare, judge, pageBytesOf } from "@litmap/litmus";
import type { Arch, ClaimResult, Machine, Outcome, Test, Value } from "@litmap/litmus";
import { Kernel, versionOf } from "@litmap/model";
import type { Design, KernelOptions } from "@litmap/model";
import { valueText } from "./report/value-text.js";
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
 * What was observed `here` that the reference `there` does not allow. Of a concurrent test the
 * two sides of a key are all values that were seen under it.
 *
 * @param arch of the machine here: what its pages are
 */
export function differences(test: Test, here: Outcome, there: Outcome, arch: Arch = "x86_64"): Difference[] {
  return compare(test, there, here, pageBytesOf(arch)).map((key) => ({
    key,
    here: seen(here, key),
    there: seen(there, key),
  }));
}

function seen(outcome: Outcome, key: string): Value | undefined {
  if (!outcome.histogram?.length) return outcome.values[key];
  const texts = new Map<string, Value | undefined>();
  for (const { values } of outcome.histogram) texts.set(JSON.stringify(values[key]), values[key]);
  if (texts.size === 1) return [...texts.values()][0];
  return [...texts.values()]
    .map((value) => valueText(value))
    .sort()
    .join(" or ");
}
