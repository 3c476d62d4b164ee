/** `litmap designs`: the decision points, their alternatives, and what each release chose. */
import { designOf, points, releases } from "@litmap/model";
import type { Point, PointName } from "@litmap/model";
import { didYouMean } from "@litmap/litmus";
import { badRequest, exitStatus } from "../exit-status.js";
import { wrap } from "../report/columns.js";
import { paintFor, print, widthOf } from "../terminal.js";

export interface DesignsOptions {
  readonly json?: boolean;
  readonly color?: boolean;
}

export function designs(name: string | undefined, options: DesignsOptions): number {
  const names = Object.keys(points) as PointName[];
  if (name !== undefined && !(name in points))
    throw badRequest(`there is no decision point '${name}'${didYouMean(name, names)}`, "`litmap designs` lists them");
  const chosen = name === undefined ? names : [name as PointName];
  if (options.json)
    for (const each of chosen)
      print(
        JSON.stringify({
          point: each,
          ...points[each],
          releases: Object.fromEntries(releases.map((release) => [release, designOf(release)[each]])),
        }),
      );
  else print(chosen.map((each) => describe(each, options)).join("\n\n"));
  return exitStatus.asExpected;
}

function describe(name: PointName, options: DesignsOptions): string {
  const paint = paintFor(process.stdout, options.color);
  const width = widthOf(process.stdout) - 6;
  const point = points[name];
  const lines = [paint.bold(name), `  ${point.question}`];
  for (const [choice, about] of Object.entries(point.choices) as [string, { doc: string; proposed?: string }][]) {
    const where = releases.filter((release) => designOf(release)[name] === choice);
    lines.push(`  ${paint.name(choice)}${where.length > 0 ? `  ${paint.dim(where.join(", "))}` : ""}`);
    for (const line of wrap(about.doc, width)) lines.push(`      ${line}`);
    if (about.proposed)
      for (const line of wrap(`proposed: ${about.proposed}`, width)) lines.push(paint.dim(`      ${line}`));
  }
  for (const [since, choice, source, stable = {}] of (point as Point).mainline.slice(1)) {
    const updates = Object.values(stable).length > 0 ? `, also in ${Object.values(stable).join(", ")}` : "";
    for (const line of wrap(`${choice} from ${since}${updates}: ${source}`, width + 4))
      lines.push(paint.dim(`  ${line}`));
  }
  for (const [condition, choices] of (point as Point).configured ?? []) {
    const text = choices.map(([since, choice], i) => (i === 0 ? choice : `${choice} from ${since}`)).join(", ");
    lines.push(
      paint.dim(
        `  ${condition.startsWith("!") ? `without CONFIG_${condition.slice(1)}` : `with CONFIG_${condition}`}: ${text}`,
      ),
    );
  }
  return lines.join("\n");
}
