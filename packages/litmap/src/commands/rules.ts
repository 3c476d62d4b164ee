/** `litmap rules`: the rule book, or one rule with the tests and kernels that bear it out. */
import { didYouMean } from "@litmap/litmus";
import { kernelOf, newestRelease, ruleBook } from "@litmap/model";
import type { Rule } from "@litmap/model";
import { badRequest, exitStatus } from "../exit-status.js";
import { columns, wrap } from "../report/columns.js";
import { kernelPlaces, modelSites } from "../report/rule-place.js";
import { whyUnproven } from "../rule-use.js";
import { paintFor, print, widthOf } from "../terminal.js";

export interface RulesOptions {
  readonly json?: boolean;
  readonly color?: boolean;
}

/** `id` is a rule's, or a subject's (`gup`), which stands for all rules of it. */
export async function rules(id: string | undefined, options: RulesOptions): Promise<number> {
  const book = ruleBook();
  const chosen = id === undefined ? book : book.filter((rule) => rule.id === id || rule.id.startsWith(`${id}/`));
  if (chosen.length === 0)
    throw badRequest(
      "there is no rule " +
        `'${id}'${didYouMean(id ?? "", [...book.map((rule) => rule.id), ...new Set(book.map(subjectOf))])}`,
      "`litmap rules` lists them",
    );
  if (options.json)
    for (const rule of chosen) {
      const { id: name, sentence, kernel, unproven } = rule;
      const newest = kernelOf(rule, newestRelease);
      const since = typeof kernel === "string" ? undefined : Object.fromEntries(kernel);
      print(
        JSON.stringify({ id: name, sentence, kernel: newest, kernelSince: since, model: modelSites(rule), unproven }),
      );
    }
  else if (id !== undefined && chosen.length === 1) print(await describe(chosen[0], options));
  else list(chosen, options);
  return exitStatus.asExpected;
}

function list(chosen: readonly Rule[], options: RulesOptions): void {
  const paint = paintFor(process.stdout, options.color);
  const width = Math.max(...chosen.map((rule) => rule.id.length));
  const room = Math.max(40, widthOf(process.stdout) - width - 2);
  let subject = "";
  for (const rule of chosen) {
    if (subject !== "" && subject !== subjectOf(rule)) print("");
    subject = subjectOf(rule);
    const [first, ...rest] = wrap(rule.sentence, room);
    print(`${paint.name(rule.id.padEnd(width))}  ${first}`);
    for (const line of rest) print(`${" ".repeat(width)}  ${line}`);
    print(`${" ".repeat(width)}  ${paint.dim(kernelPlaces(rule))}`);
  }
}

async function describe(rule: Rule, options: RulesOptions): Promise<string> {
  const { ruleUse } = await import("../rule-index.js");
  const paint = paintFor(process.stdout, options.color);
  const width = widthOf(process.stdout) - 2;
  const use = await ruleUse(rule.id, () => {
    if (process.stderr.isTTY)
      process.stderr.write("no index of these tests and this model yet: running all on every release\n");
  });
  const unproven = whyUnproven(rule, use);
  const facts = [
    ["kernel", kernelPlaces(rule)],
    ["model", modelSites(rule).join(", ")],
    ["seen on", use.releases.length > 0 ? `model ${use.releases.join(", ")}` : "no test of the corpus reaches it"],
    ["kernels", use.kernels.length > 0 ? use.kernels.join(", ") : "none recorded"],
    ...(unproven === undefined ? [] : [["unproven", unproven]]),
  ];
  return [
    paint.bold(rule.id),
    ...wrap(rule.sentence, width).map((line) => `  ${line}`),
    "",
    ...columns(facts.map(([name, text]) => [`  ${paint.dim(name)}`, text])),
    ...(use.tests.length === 0
      ? []
      : ["", `  ${paint.dim("tests")}`, ...wrap(use.tests.join(" "), width - 2).map((line) => `    ${line}`)]),
  ].join("\n");
}

function subjectOf(rule: Rule): string {
  return rule.id.split("/")[0];
}
