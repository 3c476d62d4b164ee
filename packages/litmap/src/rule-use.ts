/** Which tests a rule decides in, on which modelled releases, and which recorded kernels bear it out. */
import { releases } from "@litmap/model";
import type { Rule } from "@litmap/model";
import type { Hearing } from "./hearing.js";

export interface RuleUse {
  /** Names of the tests in whose course the rule decided something, on some release. */
  readonly tests: readonly string[];
  readonly releases: readonly string[];
  /** Kernels on which such a test gave the model's outcome. */
  readonly kernels: readonly string[];
}

/** Of a rule that no test reaches. */
export const unused: RuleUse = { tests: [], releases: [], kernels: [] };

interface Use {
  readonly tests: Set<string>;
  readonly releases: Set<string>;
  readonly kernels: Set<string>;
}

export function ruleUses(heard: readonly Hearing[]): Map<string, RuleUse> {
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

/** Why no kernel has confirmed a rule; undefined where one has. The rule itself says why none can, where none can. */
export function whyUnproven({ unproven }: Pick<Rule, "unproven">, { tests, kernels }: RuleUse): string | undefined {
  if (kernels.length > 0) return undefined;
  return unproven ?? (tests.length > 0 ? "no recorded kernel has run its tests." : "no test reaches it.");
}
