/** docs/designs.md, printed from the decision points. */
import { pointBook } from "./design/points.js";
import { designOf, releases } from "./design/release.js";
import type { History, Point, PointName } from "./design/points.js";

/** All decision points: the question, the alternatives, who proposed them, and what each release chose. */
export function designsMarkdown(): string {
  const out = [
    "# Decision points",
    "",
    "A release is a choice at every point; `--set POINT=CHOICE` takes another. Printed from " +
      "`packages/model/src/design/points.ts` and the exporters' files.",
    "",
  ];
  for (const [name, point] of Object.entries(pointBook()) as [PointName, Point][]) {
    out.push(`## \`${name}\``, "", point.question, "");
    for (const [choice, { doc, proposed }] of Object.entries(point.choices)) {
      out.push(`* \`${choice}\`: ${doc}${proposed === undefined ? "" : `. *Proposed: ${proposed}*`}`);
    }
    out.push("", `Mainline: ${history(point.mainline)}.`, "");
    for (const [condition, choices] of point.configured ?? [])
      out.push(`${configurationText(condition)}: ${history(choices)}.`, "");
    for (const [version, choice] of point.stable ?? [])
      out.push(`From ${version} of its release on: \`${choice}\`.`, "");
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
