/** Options that choose a machine, from text to what the model takes, with the nearest name where one is wrong. */
import { didYouMean } from "@litmap/litmus";
import type { Arch } from "@litmap/litmus";
import { arches, knownAs, knownVersions, newestRelease, points } from "@litmap/model";
import type { Design, KernelOptions } from "@litmap/model";
import { badRequest } from "./exit-status.js";
import { wholeNumber } from "./whole-number.js";
import { defaultSearch } from "./machines/model.js";
import type { SearchLimits } from "./machines/model.js";

export interface ModelChoices {
  readonly release?: string;
  readonly arch?: string;
  readonly set?: readonly string[];
}

export interface SearchChoices {
  /** Executions. */
  readonly limit?: string;
  /** Seconds. */
  readonly searchTime?: string;
}

/** How long a search of schedules may go on. */
export function searchLimits({ limit, searchTime }: SearchChoices): SearchLimits {
  return {
    ms: searchTime === undefined ? defaultSearch.ms : wholeNumber("--search-time", searchTime) * 1000,
    ...(limit === undefined ? {} : { executions: wholeNumber("--limit", limit) }),
  };
}

export function modelOptions(choices: ModelChoices): KernelOptions {
  return {
    release: releaseOf(choices.release ?? newestRelease),
    arch: archOf(choices.arch ?? "x86_64"),
    designs: designsOf(choices.set ?? []),
  };
}

/** A version that the model knows, `6.12` or `6.12.118`. */
export function releaseOf(text: string): string {
  const version = /^v?(\d+\.\d+(?:\.\d+)?)$/.exec(text)?.[1];
  if (version === undefined || knownAs(version) !== "known")
    throw badRequest(
      `the model knows no release '${text}'`,
      `${knownVersions()}; 6.12 is its newest known update, 6.12.0 mainline's release`,
    );
  return version;
}

export function archOf(text: string): Arch {
  if (text in arches) return text as Arch;
  throw badRequest(
    `the model knows no architecture '${text}'${didYouMean(text, Object.keys(arches))}`,
    `there are ${Object.keys(arches).join(", ")}`,
  );
}

/** `POINT=CHOICE` texts as the choices that differ from a release's own. */
export function designsOf(texts: readonly string[]): Partial<Design> {
  const designs: Record<string, string> = {};
  for (const text of texts) {
    const [name, choice, ...rest] = text.split("=").map((part) => part.trim());
    if (choice === undefined || rest.length > 0)
      throw badRequest(`'${text}' is not POINT=CHOICE`, "`litmap designs` lists the points and their choices");
    const point = points[name as keyof typeof points];
    if (!point)
      throw badRequest(
        `there is no decision point '${name}'${didYouMean(name, Object.keys(points))}`,
        "`litmap designs` lists them",
      );
    const known = Object.keys(point.choices);
    if (!known.includes(choice))
      throw badRequest(`${name} has no choice '${choice}'${didYouMean(choice, known)}`, `it has ${known.join(", ")}`);
    designs[name] = choice;
  }
  return designs as Partial<Design>;
}
