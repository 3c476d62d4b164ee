/** The pages of docs/ that are printed from the model: the rule book and the decision points. */
import { points } from "./design/points.js";
import { designOf, releases } from "./design/release.js";
import { ruleBook } from "./rules/rule.js";
// Every rule is declared when the operations are loaded.
import "./litmus/handlers.js";
import type { History, Point, PointName } from "./design/points.js";
import type { Rule } from "./rules/rule.js";

/** All rules by subject: what the kernel does, and the function and file that decide it. */
export function rulesMarkdown(): string {
  const out = [
    "# The rule book",
    "",
    "What the model does, rule by rule, and where the kernel decides it. Printed from `packages/model/src/rules`.",
    "",
  ];
  for (const [subject, rules] of bySubject()) {
    out.push(`## ${subject}`, "");
    for (const rule of rules) out.push(...ruleLines(rule), "");
  }
  return out.join("\n");
}

function ruleLines(rule: Rule): string[] {
  const lines = [
    `**\`${rule.id}\`** ${rule.sentence}`,
    `(${rule.kernel
      .split("; ")
      .map((place) => `\`${place}\``)
      .join("; ")})`,
  ];
  if (rule.unproven !== undefined) lines.push(`*Unproven: ${rule.unproven}.*`);
  return lines;
}

function bySubject(): Map<string, Rule[]> {
  const subjects = new Map<string, Rule[]>();
  for (const rule of ruleBook()) {
    const subject = rule.id.slice(0, rule.id.indexOf("/"));
    const list = subjects.get(subject) ?? [];
    list.push(rule);
    subjects.set(subject, list);
  }
  return new Map([...subjects].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All decision points: the question, the alternatives, who proposed them, and what each release chose. */
export function designsMarkdown(): string {
  const out = [
    "# Decision points",
    "",
    "A release is a choice at every point; `--set POINT=CHOICE` takes another. Printed from `packages/model/src/design/points.ts`.",
    "",
  ];
  for (const [name, point] of Object.entries(points) as [PointName, Point][]) {
    out.push(`## \`${name}\``, "", point.question, "");
    for (const [choice, { doc, proposed }] of Object.entries(point.choices)) {
      out.push(`* \`${choice}\`: ${doc}${proposed === undefined ? "" : `. *Proposed: ${proposed}*`}`);
    }
    out.push("", `Mainline: ${history(point.mainline)}.`, "");
    for (const [condition, choices] of point.configured ?? [])
      out.push(`${configurationText(condition)}: ${history(choices)}.`, "");
    for (const [version, choice] of point.before ?? [])
      out.push(`Before ${version} of its release: \`${choice}\`.`, "");
    out.push(`Here: ${releases.map((release) => `${release} \`${designOf(release)[name]}\``).join(", ")}.`, "");
  }
  return out.join("\n");
}

function configurationText(condition: string): string {
  return condition.startsWith("!") ? `Built without CONFIG_${condition.slice(1)}` : `Built with CONFIG_${condition}`;
}

function history(history: History): string {
  return history.map(([since, choice]) => `\`${choice}\` from ${since}`).join(", ");
}
