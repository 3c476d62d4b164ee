/**
 * Which tests reach each rule, kept in a file, because finding out runs the whole corpus on every release.
 * `npm run docs` writes it into docs/. Its first line is a hash of the model, the corpus and the evidence that it was
 * made of; where that is not what is there now, the index is made anew and kept in the cache.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { cacheFolder, makeFolder } from "@litmap/linux";
import { litFiles } from "./corpus.js";
import { evidenceFiles } from "./evidence.js";
import { corpusFolder, evidenceFolders, modelFolder, ruleIndexFile } from "./places.js";
import { ruleUses, unused } from "./rule-use.js";
import type { RuleUse } from "./rule-use.js";

/** A rule's line of the file. */
interface Line extends RuleUse {
  readonly rule: string;
}

/** @param onWait Called when the index has to be made, which takes seconds. */
export async function ruleUse(id: string, onWait: () => void): Promise<RuleUse> {
  const of = fingerprint();
  const kept = join(cacheFolder(), "rule-index", `${of}.ndjson`);
  const text = readIndex(ruleIndexFile(), of) ?? readIndex(kept, of);
  if (text !== undefined) return lineOf(text, id) ?? unused;
  onWait();
  const { hearings } = await import("./hearing.js");
  const uses = ruleUses(hearings());
  keep(kept, indexText(uses, of));
  return uses.get(id) ?? unused;
}

/** The whole file: the hash, then one line a rule. */
export function indexText(uses: ReadonlyMap<string, RuleUse>, of = fingerprint()): string {
  const rules = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
  return [{ of }, ...rules.map(([rule, use]): Line => ({ rule, ...use }))]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}

/** SHA-256 of the model as it was built, the corpus and the evidence. */
export function fingerprint(): string {
  const hash = createHash("sha256");
  const corpus = corpusFolder();
  const add = (name: string, path: string): void => {
    hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  };
  const model = modelFolder();
  for (const name of readdirSync(model).sort()) add(name, join(model, name));
  for (const path of litFiles(corpus)) add(relative(corpus, path), path);
  for (const folder of evidenceFolders()) for (const path of evidenceFiles([folder])) add(relative(folder, path), path);
  return hash.digest("hex");
}

/** The text of an index of just this model, corpus and evidence. */
function readIndex(path: string, of: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text.startsWith(`${JSON.stringify({ of })}\n`) ? text : undefined;
  } catch {
    return undefined;
  }
}

function lineOf(text: string, id: string): RuleUse | undefined {
  const from = text.indexOf(`\n{"rule":${JSON.stringify(id)},`) + 1;
  return from === 0 ? undefined : (JSON.parse(text.slice(from, text.indexOf("\n", from))) as Line);
}

/** Without a place for it, it is made anew the next time. */
function keep(path: string, text: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path));
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch {}
}
