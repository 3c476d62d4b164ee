/** docs/designs.md, printed from the decision points. */
import { pointBook } from "./design/points.js";
import { designOf, knownVersions, releases } from "./design/release.js";
import type { History, Point, PointName } from "./design/points.js";

/** All decision points: the question, the alternatives, who proposed them, and what each release chose. */
export function designsMarkdown(): string {
  const out = [
    "# Decision points",
    "",
    "A version is a choice at every point; `--set POINT=CHOICE` takes another. Printed from " +
      "`packages/model/src/design/points.ts` and the exporters' files.",
    "",
    `Versions are known ${knownVersions()}. A series, \`6.12\`, is its newest known update; \`6.12.0\` is mainline's release.`,
    "",
  ];
  for (const [name, point] of Object.entries(pointBook()) as [PointName, Point][]) {
    out.push(`## \`${name}\``, "", point.question, "");
    for (const [choice, { doc, proposed }] of Object.entries(point.choices)) {
      out.push(`* \`${choice}\`: ${doc}${proposed === undefined ? "" : `. *Proposed: ${proposed}*`}`);
    }
    out.push("", `Mainline: ${choices(point.mainline)}.`, ...changes(point.mainline), "");
    for (const [condition, history] of point.configured ?? [])
      out.push(`${configurationText(condition)}: ${choices(history)}.`, ...changes(history), "");
    out.push(`Here: ${releases.map((release) => `${release} \`${designOf(release)[name]}\``).join(", ")}.`, "");
  }
  return out.join("\n");
}

function configurationText(condition: string): string {
  return condition.startsWith("!") ? `Built without CONFIG_${condition.slice(1)}` : `Built with CONFIG_${condition}`;
}

function choices(history: History): string {
  return history.map(([since, choice]) => `\`${choice}\` from ${since}`).join(", ");
}

/** Where each change is known from, and which stable updates took it. */
function changes(history: History): string[] {
  const told = history.flatMap(([since, choice, source, stable = {}]) => {
    const updates = Object.values(stable);
    if (source === undefined) return [];
    return [`* ${since} \`${choice}\`: ${source}${updates.length > 0 ? `; also in ${updates.join(", ")}` : ""}`];
  });
  return told.length > 0 ? ["", ...told] : [];
}
