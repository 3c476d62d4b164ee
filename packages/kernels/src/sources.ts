/** Single files of a kernel's source, out of Debian's source package, kept in the cache. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "@litmap/linux";
import { fetchDebianSource, findDebianSource } from "./debian.js";
import type { DebianOptions } from "./debian.js";

/**
 * The files at `paths` of a release's newest source package. What the package does not have is missing in the folder.
 * Downloads some 150 MB where the cache has not these files of this version.
 * @returns The folder that stands for the top of the source tree.
 */
export async function kernelSources(
  release: string,
  paths: readonly string[],
  cache: string,
  options: DebianOptions = {},
): Promise<string> {
  makeFolder(cache);
  const source = await findDebianSource(release, cache, options);
  const kept = join(cache, "sources", `${source.name}_${source.version}`);
  const asked = readAsked(kept);
  if (paths.every((path) => asked.has(path))) return kept;
  makeFolder(dirname(kept));
  const work = mkdtempSync(join(dirname(kept), "fetching-"));
  try {
    const tree = await fetchDebianSource(source, cache, work, options);
    const wanted = new Set([...asked, ...paths]);
    const aside = join(work, "kept");
    mkdirSync(aside);
    for (const path of wanted) copyIfThere(join(tree, path), join(aside, path));
    writeFileSync(join(aside, "asked.json"), JSON.stringify([...wanted].sort()));
    rmSync(kept, { recursive: true, force: true });
    renameSync(aside, kept);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return kept;
}

/** The paths that were looked for when the folder was made. */
function readAsked(folder: string): ReadonlySet<string> {
  const file = join(folder, "asked.json");
  return new Set(existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as string[]) : []);
}

function copyIfThere(from: string, to: string): void {
  if (!existsSync(from)) return;
  makeFolder(dirname(to));
  copyFileSync(from, to);
}
