/**
 * Where files are. A checkout and an installed package have the same folders: corpus/, evidence/, executor/,
 * module/, docs/ beside package.json. A user in a checkout gets the tests and evidence of that checkout.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;
let checkout: string | undefined | null = null;

/** The folder that this litmap was installed in, or the checkout that it was built in. */
function installation(): string {
  found ??= above(dirname(fileURLToPath(import.meta.url)), ["corpus", "executor"]);
  if (found === undefined) throw new Error("litmap's own files are missing: install it again");
  return found;
}

/** The nearest folder above the user's that is a checkout of litmap. */
function checkoutOfUser(): string | undefined {
  if (checkout === null) checkout = above(process.cwd(), ["corpus", join("packages", "litmap")]);
  return checkout;
}

function above(from: string, holds: readonly string[]): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (holds.every((name) => existsSync(join(folder, name)))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** The checkout that the user is in, else litmap's own folder. */
export function repository(): string {
  return checkoutOfUser() ?? installation();
}

export function corpusFolder(): string {
  return process.env.LITMAP_CORPUS ?? join(repository(), "corpus");
}

/**
 * Folders to read evidence from. What was recorded outside of a checkout is added to the evidence that litmap came
 * with.
 */
export function evidenceFolders(): string[] {
  if (process.env.LITMAP_EVIDENCE !== undefined) return [process.env.LITMAP_EVIDENCE];
  const shipped = join(repository(), "evidence");
  const own = recordFolder();
  return own === shipped ? [shipped] : [shipped, own];
}

/** Where `--record` writes: the checkout, else `evidence/` in the user's folder; never into an installed package. */
export function recordFolder(): string {
  return process.env.LITMAP_EVIDENCE ?? join(checkoutOfUser() ?? process.cwd(), "evidence");
}

export function executorSources(): string {
  return join(installation(), "executor");
}

export function moduleSources(): string {
  return join(installation(), "module");
}

/** The model as it was built, which is also what `import "litmap/model"` gives. */
export function modelFolder(): string {
  return join(installation(), "dist", "lib");
}

/** Made by `npm run docs`. */
export function ruleIndexFile(): string {
  return join(installation(), "docs", "rule-index.ndjson");
}

/** Made by rule-sites.mjs. */
export function ruleSitesFile(): string {
  return join(installation(), "dist", "rule-sites.json");
}

/** As a person in this folder would write it. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === "" ? "." : near.startsWith("..") ? path : near;
}
