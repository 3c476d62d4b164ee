/** Puts one text through everything that a command would: no step may throw. */
import {
  compare,
  format,
  isConcurrent,
  judge,
  parse,
  parseSyntax,
  renderDiagnostic,
  testFromJson,
  testToJson,
} from "@litmap/litmus";
import type { Arch, Outcome, Random, Test } from "@litmap/litmus";
import { compile } from "@litmap/linux";
import { arches, endingOf, releases } from "@litmap/model";
import { effectiveDesign } from "../judging.js";
import { ask, ModelMachine } from "../machines/model.js";
import { changeOf } from "../report/changes.js";
import { jsonLine } from "../report/json-line.js";
import { junit } from "../report/junit.js";
import { ktap } from "../report/ktap.js";
import { resultOf } from "../result.js";
import { vocabulary } from "../vocabulary.js";

/** A machine and a search that are soon used up. */
const small = { memory: 2 ** 26, pages: 2 ** 20 };
const search = { ms: 1000, executions: 200 };
const archNames = Object.keys(arches) as Arch[];

/** What is wrong, or undefined. `random` chooses the models. */
export function examine(text: string, random: Random): string | undefined {
  try {
    return languageFault(text) ?? modelFault(text, random);
  } catch (error) {
    return endingOf(error).reason;
  }
}

/** Whether a text is a test. */
export function isTest(text: string): boolean {
  return parse(text, { vocabulary }).test !== undefined;
}

function languageFault(text: string): string | undefined {
  const { test, diagnostics } = parse(text, { vocabulary });
  for (const diagnostic of diagnostics) renderDiagnostic(diagnostic, text, "x.lit");
  if (parseSyntax(text).diagnostics.length === 0) {
    const once = format(text);
    if (format(once) !== once) return "formatting changes what was formatted";
    if ((parse(once, { vocabulary }).test === undefined) !== (test === undefined))
      return "formatting changes whether a text is a test";
  }
  if (test === undefined) return undefined;
  const { test: again, diagnostics: wrong } = testFromJson(JSON.parse(JSON.stringify(testToJson(test))));
  if (again === undefined) return `its JSON is no test: ${wrong[0]?.message}`;
  return undefined;
}

function modelFault(text: string, random: Random): string | undefined {
  const { test } = parse(text, { vocabulary, file: "x.lit" });
  if (test === undefined) return undefined;
  const answers = [answerOf(test, random), answerOf(test, random)];
  for (const { outcome } of answers) if (outcome.status === "broken") return outcome.reason;
  const [here, there] = answers;
  compare(test, here.outcome, there.outcome);
  changeOf(test, here, there);
  const arch = random.pick(archNames);
  const release = random.pick(releases);
  const pageSize = 2 ** arches[arch].pageShift;
  compile(test, { release, arch, pageSize, kind: "vm", disk: "/dev/ram0" }, { rounds: 1 });
  return undefined;
}

function answerOf(test: Test, random: Random): { outcome: Outcome; decided: ReadonlyMap<string, string> } {
  const options = { release: random.pick(releases), arch: random.pick(archNames), ...small };
  const model = new ModelMachine(options, search);
  const answer = model.answer(test);
  const { outcome } = answer;
  const { claims } = judge(test, outcome, model.machine, effectiveDesign(model.machine));
  const result = resultOf(test, model.machine, outcome, claims);
  jsonLine(result);
  junit([result]);
  ktap([result]);
  // The same once more: nothing of one run may be left for the next.
  if (random.chance(0.05) && !isConcurrent(test)) {
    const again = ask(test, options, search);
    if (JSON.stringify(again.values) !== JSON.stringify(outcome.values))
      return {
        outcome: { ...outcome, status: "broken", reason: "a second run gives other values" },
        decided: new Map(),
      };
  }
  return answer;
}
