import { compareReleases, seriesOf, updateOf } from "@litmap/litmus";
import { pointBook } from "./points.js";
import type { Design, History, Point, PointName, Stable } from "./points.js";

/** The series that are recorded on kernels; the others between them are modelled from source. */
export const releases = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"] as const;
export type Release = (typeof releases)[number];
export const newestRelease: Release = "7.3";

/**
 * Every series that is known, oldest first, with its newest update whose changes were looked up: those that Debian's
 * changelogs list, or a source tree of it. Where there is none only mainline's release itself is known.
 */
export const knownUpdates: Readonly<Record<string, number>> = {
  "5.10": 262,
  "5.11": 0,
  "5.12": 0,
  "5.13": 0,
  "5.14": 16,
  "5.15": 15,
  "5.16": 18,
  "5.17": 11,
  "5.18": 16,
  "5.19": 11,
  "6.0": 12,
  "6.1": 192,
  "6.2": 0,
  "6.3": 11,
  "6.4": 13,
  "6.5": 13,
  "6.6": 15,
  "6.7": 12,
  "6.8": 12,
  "6.9": 12,
  "6.10": 12,
  "6.11": 6,
  "6.12": 118,
  "6.13": 0,
  "6.14": 0,
  "6.15": 0,
  "6.16": 12,
  "6.17": 13,
  "6.18": 15,
  "6.19": 6,
  "7.0": 3,
  "7.1": 13,
  "7.2": 13,
  "7.3": 4,
};

const knownSeries = Object.keys(knownUpdates);

/** Of a version, whether it is known: `older` and `newer` are outside of what is. A series is its newest known update. */
export function knownAs(version: string): "known" | "older" | "newer" {
  if (compareReleases(version, knownSeries[0]) < 0) return "older";
  const newest = knownUpdates[seriesOf(version)];
  if (newest === undefined) return "newer";
  return (updateOf(version) ?? 0) <= newest ? "known" : "newer";
}

/** The version that a release is: that of a series, `6.12`, is its newest known update. */
export function versionOf(release: string): string {
  const series = seriesOf(release);
  return `${series}.${updateOf(release) ?? knownUpdates[series] ?? 0}`;
}

/** What versions are known, in words. */
export function knownVersions(): string {
  const updated = knownSeries.filter((series) => knownUpdates[series] > 0).map(versionOf);
  return `from ${knownSeries[0]} to ${knownSeries.at(-1)}, with updates up to ${updated.join(", ")}`;
}

/** `major.minor` as one number that orders series. */
function ageOf(release: string): number {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  return major * 2 ** 16 + minor;
}

/** A history with the age of each series in it. */
type Aged = readonly { readonly since: number; readonly choice: string; readonly stable: Stable }[];

const aged = (history: History): Aged =>
  history.map(([since, choice, , stable = {}]) => ({ since: ageOf(since), choice, stable }));

interface AgedPoint {
  readonly name: PointName;
  readonly mainline: Aged;
  readonly configured: readonly { readonly condition: string; readonly choices: Aged }[];
}

let agedPoints: readonly AgedPoint[] | undefined;

/** Every point's choices by age: a kernel is made for each test, so this is worked out once. */
function all(): readonly AgedPoint[] {
  agedPoints ??= (Object.entries(pointBook()) as [PointName, Point][]).map(([name, { mainline, configured = [] }]) => ({
    name,
    mainline: aged(mainline),
    configured: configured.map(([condition, choices]) => ({ condition, choices: aged(choices) })),
  }));
  return agedPoints;
}

/** The last change that the version has: mainline's before its series, or one that an update brought to the series. */
function choiceAt(choices: Aged, version: string): string {
  const series = seriesOf(version);
  const age = ageOf(series);
  let { choice } = choices[0];
  for (const next of choices) {
    const update = next.stable[series];
    if (update === undefined ? next.since <= age : compareReleases(update, version) <= 0) choice = next.choice;
  }
  return choice;
}

/** Designs that have been asked for: they follow from the release alone, and every kernel asks. */
const designs = new Map<string, Design>();

/** The design of a version: its choice at every point. Any `major.minor` or `major.minor.update` will do. */
export function designOf(release: string): Design {
  let design = designs.get(release);
  if (design === undefined) designs.set(release, (design = madeAt(versionOf(release))));
  return design;
}

function madeAt(version: string): Design {
  const design: Record<string, string> = {};
  for (const { name, mainline } of all()) design[name] = choiceAt(mainline, version);
  return Object.freeze(design) as Design;
}

/**
 * Where a kernel of a version chose otherwise than the version because of the options that it was built with (names
 * without `CONFIG_`).
 */
export function configuredDesign(release: string, options: ReadonlySet<string>): Partial<Design> {
  const version = versionOf(release);
  const holds = (condition: string): boolean =>
    condition.startsWith("!") ? !options.has(condition.slice(1)) : options.has(condition);
  const differs: Record<string, string> = {};
  for (const { name, mainline, configured } of all()) {
    const decides = configured.find(({ condition }) => holds(condition));
    const choice = choiceAt(decides?.choices ?? mainline, version);
    if (choice !== choiceAt(mainline, version)) differs[name] = choice;
  }
  return differs as Partial<Design>;
}
