import { pointBook } from "./points.js";
import type { Design, History, Point, PointName } from "./points.js";

export const releases = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"] as const;
export type Release = (typeof releases)[number];
export const newestRelease: Release = "7.3";

/** `major.minor` as one number that orders releases. */
function ageOf(release: string): number {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  return major * 2 ** 16 + minor;
}

/** A history with the age of each release in it. */
type Aged = readonly { readonly since: number; readonly choice: string }[];

const aged = (history: History): Aged => history.map(([since, choice]) => ({ since: ageOf(since), choice }));

interface AgedPoint {
  readonly name: PointName;
  readonly before: NonNullable<Point["before"]>;
  readonly stable: NonNullable<Point["stable"]>;
  readonly mainline: Aged;
  readonly configured: readonly { readonly condition: string; readonly choices: Aged }[];
}

let agedPoints: readonly AgedPoint[] | undefined;

/** Every point's choices by age: a kernel is made for each test, so this is worked out once. */
function all(): readonly AgedPoint[] {
  agedPoints ??= (Object.entries(pointBook()) as [PointName, Point][]).map(
    ([name, { mainline, configured = [], before = [], stable = [] }]) => ({
      name,
      before,
      stable,
      mainline: aged(mainline),
      configured: configured.map(([condition, choices]) => ({ condition, choices: aged(choices) })),
    }),
  );
  return agedPoints;
}

/**
 * Where a kernel of a stable version, `6.12.118`, chooses otherwise than its release: what an update brought, or had
 * not yet.
 */
export function stableDesign(version: string): Partial<Design> {
  const [release, update] = splitVersion(version);
  const same = ([of]: readonly [string, string]): boolean => splitVersion(of)[0] === release;
  const differs: Record<string, string> = {};
  for (const { name, before, stable } of all()) {
    const brought = stable.findLast((change) => same(change) && splitVersion(change[0])[1] <= update);
    const decides = brought ?? before.find((change) => same(change) && update < splitVersion(change[0])[1]);
    if (decides) differs[name] = decides[1];
  }
  return differs as Partial<Design>;
}

/** `6.12.118` is 118 of `6.12`; `6.12` alone is no update of it (NaN). */
function splitVersion(version: string): [release: string, update: number] {
  const [major, minor, update] = version.split(".");
  return [`${major}.${minor}`, Number(update)];
}

function choiceAt(choices: Aged, age: number): string {
  let { choice } = choices[0];
  for (const next of choices) if (next.since <= age) choice = next.choice;
  return choice;
}

/** Designs that have been asked for: they follow from the release alone, and every kernel asks. */
const designs = new Map<string, Design>();

/** The design that is a release: mainline's choice at every point. Any `major.minor` will do. */
export function designOf(release: string): Design {
  let design = designs.get(release);
  if (design === undefined) designs.set(release, (design = madeAt(ageOf(release))));
  return design;
}

function madeAt(age: number): Design {
  const design: Record<string, string> = {};
  for (const { name, mainline } of all()) design[name] = choiceAt(mainline, age);
  return Object.freeze(design) as Design;
}

/**
 * Where a kernel of a release chose otherwise than the release because of the options that it was built with (names
 * without `CONFIG_`).
 */
export function configuredDesign(release: string, options: ReadonlySet<string>): Partial<Design> {
  const age = ageOf(release);
  const holds = (condition: string): boolean =>
    condition.startsWith("!") ? !options.has(condition.slice(1)) : options.has(condition);
  const differs: Record<string, string> = {};
  for (const { name, mainline, configured } of all()) {
    const decides = configured.find(({ condition }) => holds(condition));
    const choice = choiceAt(decides?.choices ?? mainline, age);
    if (choice !== choiceAt(mainline, age)) differs[name] = choice;
  }
  return differs as Partial<Design>;
}
