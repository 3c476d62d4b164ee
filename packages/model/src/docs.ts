/** docs/designs.md and the pages below docs/designs/, printed from the decision points. */
import { pointBook } from "./design/points.js";
import { designOf, knownVersions, releases } from "./design/release.js";
import type { History, Point, PointName } from "./design/points.js";

/** A page, by its path below docs/. */
type Page = readonly [path: string, text: string];

/** An index of all decision points, and a page a subject: the question, the choices, and what each release chose. */
export function designPages(): Page[] {
  const subjects = new Map<string, [PointName, Point][]>();
  for (const [name, point] of Object.entries(pointBook()) as [PointName, Point][]) {
    const subject = name.slice(0, name.indexOf("."));
    subjects.set(subject, [...(subjects.get(subject) ?? []), [name, point]]);
  }
  const pages = [...subjects].map(
    ([subject, points]): Page => [
      `designs/${subject}.md`,
      ["# Decision points", "", ...points.flatMap(([name, point]) => pointLines(name, point))].join("\n"),
    ],
  );
  return [["designs.md", indexPage(subjects)], ...pages];
}

function indexPage(subjects: ReadonlyMap<string, readonly (readonly [PointName, Point])[]>): string {
  const out = [
    "# Decision points",
    "",
    "A version is a choice at every point; `--set POINT=CHOICE` takes another. Printed from " +
      "`packages/model/src/design/points.ts` and the exporters' files.",
    "",
    `Versions are known ${knownVersions()}. A series, \`6.12\`, is its newest known update; \`6.12.0\` is mainline's ` +
      "release.",
    "",
  ];
  for (const [subject, points] of subjects) {
    for (const [name, { question }] of points)
      out.push(`* [\`${name}\`](designs/${subject}.md#${name.replaceAll(".", "")}): ${question}`);
  }
  out.push("");
  return out.join("\n");
}

function pointLines(name: PointName, point: Point): string[] {
  const out = [`## \`${name}\``, "", point.question, ""];
  for (const [choice, { doc, proposed }] of Object.entries(point.choices)) {
    out.push(`* \`${choice}\`: ${doc}${proposed === undefined ? "" : `. *Proposed: ${proposed}*`}`);
  }
  out.push("", `Mainline: ${choices(point.mainline)}.`, ...changes(point.mainline), "");
  for (const [condition, history] of point.configured ?? [])
    out.push(`${configurationText(condition)}: ${choices(history)}.`, ...changes(history), "");
  out.push(`Here: ${releases.map((release) => `${release} \`${designOf(release)[name]}\``).join(", ")}.`, "");
  return out;
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
