/** The corpus put to the model of every release, with what the recorded kernels of that release answered. */
import { seriesOf } from "@litmap/litmus";
import type { Arch, Test } from "@litmap/litmus";
import { designOf, predict, releases } from "@litmap/model";
import type { Design, Release } from "@litmap/model";
import { readTest, selectFiles } from "./corpus.js";
import { readEvidence } from "./evidence.js";
import type { Evidence } from "./evidence.js";
import { ask } from "./machines/model.js";
import { agreesWith } from "./witnesses.js";
import type { Testimony } from "./witnesses.js";

/** One test on the model of one release, or of what a recorded kernel makes of it. */
export interface Hearing {
  readonly test: Test;
  readonly release: Release;
  readonly arch: Arch;
  /** The rules that decided or were noted. */
  readonly rules: readonly string[];
  /** Why the model cannot be asked, where it cannot. */
  readonly unsupported?: string;
  /** Kernels that this is the model of, as far as they were asked. */
  readonly witnesses: readonly { readonly kernel: string; readonly said: Testimony; readonly reason?: string }[];
}

/** Runs the whole corpus on the model of every release and of every recorded kernel: seconds. */
export function hearings(): Hearing[] {
  const models = modelsOf(readEvidence());
  return corpusTests().flatMap((test) =>
    models.map(({ options, version, kernels }): Hearing => {
      const asked = { ...options, release: version };
      const there = kernels.filter((each) => each.tests.has(test.name));
      // Without a witness one order tells which rules there are.
      const prediction = there.length > 0 ? ask(test, asked) : predict(test, asked);
      return {
        test,
        release: options.release,
        arch: options.arch,
        rules: prediction.rules ?? [],
        unsupported: prediction.status === "unsupported" ? prediction.reason : undefined,
        witnesses: there.map((each) => ({
          kernel: each.kernel.kernel,
          said: agreesWith(test, prediction, each),
          reason: each.tests.get(test.name)?.reason,
        })),
      };
    }),
  );
}

interface ModelWithKernels {
  readonly options: { readonly release: Release; readonly arch: Arch; readonly configured?: Partial<Design> };
  /** What is asked: a model of the release, or of another update of it. */
  readonly version: string;
  readonly kernels: Evidence[];
}

/**
 * The releases' own models first, each with the kernels that choose as it does; then those of other updates,
 * architectures and configurations.
 */
function modelsOf(evidence: readonly Evidence[]): ModelWithKernels[] {
  const models = new Map<string, ModelWithKernels>();
  const model = (options: ModelWithKernels["options"], version: string): ModelWithKernels => {
    const { release, arch, configured } = options;
    const key = JSON.stringify([release, arch, configured, designOf(version)]);
    let found = models.get(key);
    if (!found) models.set(key, (found = { options, version, kernels: [] }));
    return found;
  };
  for (const release of releases) model({ release, arch: "x86_64" }, release);
  for (const each of evidence) {
    const { arch, configured } = each.kernel;
    const release = releases.find((name) => name === seriesOf(each.kernel.release));
    if (release === undefined) continue;
    model({ release, arch, ...(configured ? { configured } : {}) }, each.kernel.release).kernels.push(each);
  }
  return [...models.values()];
}

function corpusTests(): Test[] {
  return selectFiles([]).flatMap((path) => readTest(path).test ?? []);
}
