/** What a run needs of a machine: a model of a release, a kernel in QEMU, this host, another host. */
import type { Machine, Outcome, Test } from "@litmap/litmus";

/** An outcome, and which rule decided the value under each name, where a machine can tell. */
export interface Answer {
  readonly outcome: Outcome;
  readonly decided: ReadonlyMap<string, string>;
}

export interface TestMachine {
  readonly machine: Machine;
  /** What to say beside its name: `tcg`, `kvm`; empty for a model. */
  readonly aside: string;
  run(test: Test): Promise<Answer>;
  /** Ends it; nothing is left running. */
  close(): Promise<void>;
}
