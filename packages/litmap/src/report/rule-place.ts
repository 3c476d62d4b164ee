/** Where a rule is decided: the kernel's function and file in a release, and the model's lines. */
import { readFileSync } from "node:fs";
import { kernelOf, newestRelease } from "@litmap/model";
import type { Rule } from "@litmap/model";
import { ruleSitesFile } from "../places.js";

let sites: Readonly<Record<string, readonly string[]>> | undefined;

/** Lines of the model that refuse or note through a rule, `packages/model/src/mm/gup.ts:34`; found at build. */
export function modelSites(rule: Rule): readonly string[] {
  sites ??= JSON.parse(readFileSync(ruleSitesFile(), "utf8")) as NonNullable<typeof sites>;
  return sites[rule.id] ?? [];
}

/** The newest release's function and file, then those of older releases where they differ. */
export function kernelPlaces(rule: Rule): string {
  const newest = kernelOf(rule, newestRelease);
  if (typeof rule.kernel === "string") return newest;
  const older = rule.kernel
    .slice(0, -1)
    .map(
      ([, citation], i) => `before ${(rule.kernel as readonly (readonly [string, string])[])[i + 1][0]}: ${citation}`,
    );
  return [newest, ...older.reverse()].join("; ");
}
