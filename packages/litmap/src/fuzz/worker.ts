/** The thread's half of the fuzzer: examines texts, one after the other, and says which it is at. */
import { parentPort, workerData } from "node:worker_threads";
import { Random, shrink } from "@litmap/litmus";
import { examine, isTest } from "./examine.js";
import { mutate } from "./mutate.js";

export interface Share {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly texts: readonly string[];
}

export type Said =
  | { readonly kind: "at"; readonly index: number; readonly text: string }
  | { readonly kind: "done"; readonly index: number; readonly test: boolean }
  | { readonly kind: "fault"; readonly index: number; readonly what: string; readonly text: string };

const { seed, from, to, step, texts } = workerData as Share;
const say = (said: Said): void => parentPort!.postMessage(said);

for (let index = from; index < to; index += step) {
  const random = new Random(Math.imul(seed, 1_000_003) + index);
  const text = mutate(random.pick(texts), random, texts);
  say({ kind: "at", index, text });
  const models = random.below(2 ** 31);
  const what = examine(text, new Random(models));
  if (what !== undefined) {
    const shortest = shrink(text, (shorter) => examine(shorter, new Random(models)) === what);
    say({ kind: "fault", index, what, text: shortest });
  }
  say({ kind: "done", index, test: isTest(text) });
}
