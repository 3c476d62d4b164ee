/** The corpus put to the model of every release, with what the recorded kernels of that release answered. */
import type { Test } from "@litmap/litmus";
import { predict, releases } from "@litmap/model";
import type { Release } from "@litmap/model";
import { readTest, selectFiles } from "./corpus.js";
import { readEvidence } from "./evidence.js";
import { ask } from "./machines/model.js";
import { agreesWith } from "./witnesses.js";
import type { Testimony } from "./witnesses.js";

/** One test on the model of one release. */
export interface Hearing {
  readonly test: Test;
  readonly release: Release;
  /** The rules that decided or were noted. */
  readonly rules: readonly string[];
  /** Why the model cannot be asked, where it cannot. */
  readonly unsupported?: string;
  /** Kernels of this release and the model's architecture that were asked. */
  readonly witnesses: readonly { readonly kernel: string; readonly said: Testimony; readonly reason?: string }[];
}

/** Runs the whole corpus on every release: seconds. */
export function hearings(): Hearing[] {
  const evidence = readEvidence().filter(({ kernel }) => kernel.arch === "x86_64");
  return corpusTests().flatMap((test) =>
    releases.map((release): Hearing => {
      const there = evidence.filter((each) => each.kernel.release === release && each.tests.has(test.name));
      // Without a witness one order tells which rules there are.
      const prediction = there.length > 0 ? ask(test, { release }) : predict(test, { release });
      return {
        test,
        release,
        rules: prediction.rules ?? [],
        unsupported: prediction.status === "unsupported" ? prediction.reason : undefined,
        witnesses: there.map((each) => ({ kernel: each.kernel.kernel, said: agreesWith(test, prediction, each), reason: each.tests.get(test.name)?.reason })),
      };
    }),
  );
}

function corpusTests(): Test[] {
  return selectFiles([]).flatMap((path) => readTest(path).test ?? []);
}
