/** Which tests a rule decides in, on which modelled releases, and which recorded kernels bear it out. */
import { releases } from "@litmap/model";
import { hearings } from "./hearing.js";
import type { Hearing } from "./hearing.js";

export interface RuleUse {
  /** Names of the tests in whose course the rule decided something, on some release. */
  readonly tests: readonly string[];
  readonly releases: readonly string[];
  /** Kernels on which such a test gave the model's outcome. */
  readonly kernels: readonly string[];
}

interface Use {
  readonly tests: Set<string>;
  readonly releases: Set<string>;
  readonly kernels: Set<string>;
}

export function ruleUses(heard: readonly Hearing[] = hearings()): Map<string, RuleUse> {
  const uses = new Map<string, Use>();
  for (const { test, release, rules, witnesses } of heard) {
    const agreeing = witnesses.filter(({ said }) => said === "same").map(({ kernel }) => kernel);
    for (const id of rules) {
      let use = uses.get(id);
      if (!use) uses.set(id, (use = { tests: new Set(), releases: new Set(), kernels: new Set() }));
      use.tests.add(test.name);
      use.releases.add(release);
      for (const kernel of agreeing) use.kernels.add(kernel);
    }
  }
  return new Map(
    [...uses].map(([id, use]) => [
      id,
      {
        tests: [...use.tests],
        releases: releases.filter((release) => use.releases.has(release)),
        kernels: [...use.kernels],
      },
    ]),
  );
}
