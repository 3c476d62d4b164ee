import { points } from "./points.js";
import type { Design, Point, PointName } from "./points.js";

export const releases = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"] as const;
export type Release = (typeof releases)[number];
export const newestRelease: Release = "7.3";

/** Compares `6.12` and `6.2` by number: negative when `a` is the older. */
export function compareReleases(a: string, b: string): number {
  return ageOf(a) - ageOf(b);
}

/** `major.minor` as one number that orders releases. */
function ageOf(release: string): number {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  return major * 2 ** 16 + minor;
}

/** Mainline's choices at each point, with the age of the release that made them. */
const history = (Object.entries(points) as [PointName, Point][]).map(([name, point]) => ({
  name,
  choices: point.mainline.map(([since, choice]) => ({ since: ageOf(since), choice })),
}));

/** The design that is a release: mainline's choice at every point. Any `major.minor` will do. */
export function designOf(release: string): Design {
  const age = ageOf(release);
  const design: Record<string, string> = {};
  for (const { name, choices } of history) {
    let { choice } = choices[0];
    for (const next of choices) if (next.since <= age) choice = next.choice;
    design[name] = choice;
  }
  return design as Design;
}
