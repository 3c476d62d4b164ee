import { points } from "./points.js";
import type { Design, Point, PointName } from "./points.js";

export const releases = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"] as const;
export type Release = (typeof releases)[number];
export const newestRelease: Release = "7.3";

/** Compares `6.12` and `6.2` by number: negative when `a` is the older. */
export function compareReleases(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** The design that is a release: mainline's choice at every point. Any `major.minor` will do. */
export function designOf(release: string): Design {
  const design: Record<string, string> = {};
  for (const [name, point] of Object.entries(points) as [PointName, Point][]) {
    let choice = point.mainline[0][1];
    for (const [since, next] of point.mainline) if (compareReleases(since, release) <= 0) choice = next;
    design[name] = choice;
  }
  return design as Design;
}
