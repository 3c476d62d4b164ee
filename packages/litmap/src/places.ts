/** The repository's folders: those of the working directory if it is one, else where litmap is installed. */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;

/** The nearest folder above the user's that holds `corpus/` and `packages/litmap`, else litmap's own. */
export function repository(): string {
  found ??= above(process.cwd()) ?? above(dirname(fileURLToPath(import.meta.url))) ?? process.cwd();
  return found;
}

function above(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "corpus")) && existsSync(join(folder, "packages", "litmap"))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

export function corpusFolder(): string {
  return process.env.LITMAP_CORPUS ?? join(repository(), "corpus");
}

export function evidenceFolder(): string {
  return process.env.LITMAP_EVIDENCE ?? join(repository(), "evidence");
}

/** As a person in this folder would write it. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === "" ? "." : near.startsWith("..") ? path : near;
}
