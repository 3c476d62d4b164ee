/** Which tests a rule decides in, on which modelled releases, and which recorded kernels bear it out. */
import type { Test } from "@litmap/litmus";
import { predict, releases } from "@litmap/model";
import { readTest, selectFiles } from "./corpus.js";
import { readEvidence } from "./evidence.js";
import { ask } from "./machines/model.js";
import { agreesWith } from "./witnesses.js";

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

/** Runs the corpus on every release. */
export function ruleUses(): Map<string, RuleUse> {
  const uses = new Map<string, Use>();
  const evidence = readEvidence();
  for (const test of corpusTests()) {
    for (const release of releases) {
      const there = evidence.filter((each) => each.kernel.release === release && each.tests.has(test.name));
      // Without a witness one order tells which rules there are.
      const prediction = there.length > 0 ? ask(test, { release }) : predict(test, { release });
      const witnesses = there.filter((each) => agreesWith(test, prediction, each) === "same").map((each) => each.kernel.kernel);
      for (const id of prediction.rules ?? []) {
        let use = uses.get(id);
        if (!use) uses.set(id, (use = { tests: new Set(), releases: new Set(), kernels: new Set() }));
        use.tests.add(test.name);
        use.releases.add(release);
        for (const kernel of witnesses) use.kernels.add(kernel);
      }
    }
  }
  return new Map([...uses].map(([id, use]) => [id, { tests: [...use.tests], releases: releases.filter((release) => use.releases.has(release)), kernels: [...use.kernels] }]));
}

function corpusTests(): Test[] {
  return selectFiles([]).flatMap((path) => readTest(path).test ?? []);
}

