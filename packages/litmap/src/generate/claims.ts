/** Lines of claims that say what was answered on each release, with scopes where the releases differ. */
import type { Test, Value } from "@litmap/litmus";
import { predict, releases } from "@litmap/model";

/** What was answered for a binding, on releases from old to new. */
export type Answers = ReadonlyMap<string, Value>;

/** A run of releases with one answer. */
interface Span {
  readonly from: number;
  to: number;
  readonly claim: string;
}

/** Fields that say most about a mapping; the others follow from them. */
const fields = ["Size", "Rss", "Pss", "Anonymous", "Locked", "present", "file", "exclusive", "mapcount"];

/** Lines for all keys: first what is so on all releases, then each scope of releases. */
export function claimsOf(answered: ReadonlyMap<string, Answers>, all: readonly string[] = releases): string {
  const scopes = new Map<string, string[]>();
  for (const [key, answers] of answered)
    for (const { from, to, claim } of spans(key, answers, all)) {
      const scope = scopeOf(all, from, to);
      scopes.set(scope, [...(scopes.get(scope) ?? []), claim]);
    }
  return [...scopes]
    .sort(([one], [other]) => Number(one !== "") - Number(other !== ""))
    .map(([scope, claims]) => (scope === "" ? claims : [`${scope} {`, ...claims, "}".repeat(depth(scope))]))
    .flatMap((lines) => lines.map((line) => `${line}\n`))
    .join("");
}

const depth = (scope: string): number => scope.split("{").length;

function spans(key: string, answers: Answers, all: readonly string[]): Span[] {
  const found: Span[] = [];
  for (const [at, release] of all.entries()) {
    const value = answers.get(release);
    if (value === undefined) continue;
    const claim = `expect ${key} == ${literal(value)}`;
    const last = found.at(-1);
    if (last?.claim === claim) last.to = at;
    else found.push({ from: at, to: at, claim });
  }
  return found;
}

function scopeOf(all: readonly string[], from: number, to: number): string {
  const newest = all.length - 1;
  if (from === 0 && to === newest) return "";
  if (from === 0) return `on linux <= ${all[to]}`;
  if (to === newest) return `on linux >= ${all[from]}`;
  return from === to ? `on linux == ${all[from]}` : `on linux >= ${all[from]} { on linux <= ${all[to]}`;
}

function literal(value: Value): string {
  if (Array.isArray(value)) return `[${value.join(" ")}]`;
  return typeof value === "number" && value > 0 && value % 4096 === 0 ? `${value / 4096}p` : String(value);
}

/** What the model answers on every release, where every architecture with pages of 4 KiB answers so. */
export function modelClaims(test: Test): string {
  const answered = new Map<string, Map<string, Value>>();
  for (const release of releases) {
    const [here, ...others] = (["x86_64", "arm64", "arm-lpae"] as const).map((arch) =>
      predict(test, { release, arch }),
    );
    if (here.status !== "ok") continue;
    for (const [key, value] of Object.entries(here.values)) {
      if (!worthAClaim(key, value)) continue;
      if (others.some(({ values }) => JSON.stringify(values[key]) !== JSON.stringify(value))) continue;
      answered.set(key, (answered.get(key) ?? new Map<string, Value>()).set(release, value));
    }
  }
  return claimsOf(answered);
}

function worthAClaim(key: string, value: Value): boolean {
  const field = key.split(".").at(1);
  if (field !== undefined) return fields.includes(field);
  return typeof value === "string" || typeof value === "number";
}
