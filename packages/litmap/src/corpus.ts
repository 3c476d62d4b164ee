/** Tests by file, folder, name or glob: from what the user wrote to parsed files. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { didYouMean, parse, renderDiagnostic } from "@litmap/litmus";
import type { Dirent } from "node:fs";
import type { Diagnostic, Test } from "@litmap/litmus";
import { badRequest } from "./exit-status.js";
import { corpusFolder, shown } from "./places.js";
import { vocabulary } from "./vocabulary.js";

/** One file that was read. Without a test its diagnostics say why. */
export interface TestFile {
  /** As a person in this folder would write it. */
  readonly path: string;
  readonly text: string;
  readonly test?: Test;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The files that the selectors mean, in the order of the selectors, none twice; the whole
 * corpus when there are none. A selector is a file, a folder, a test's name, or a glob over
 * names or paths within the corpus. One that means nothing is a wrong request.
 */
export function selectFiles(selectors: readonly string[]): string[] {
  if (selectors.length === 0) {
    const all = litFiles(corpusFolder());
    if (all.length === 0) throw badRequest(`there are no tests in ${shown(corpusFolder())}`, "name a file or a folder");
    return all;
  }
  const chosen = new Set<string>();
  for (const selector of selectors) for (const path of filesOf(selector)) chosen.add(path);
  return [...chosen];
}

export function readTest(path: string): TestFile {
  const file = shown(path);
  let text: string;
  try {
    text = path === "-" ? readFileSync(0, "utf8") : readFileSync(path, "utf8");
  } catch (error) {
    throw badRequest(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
  }
  const { test, diagnostics } = parse(text, { file, vocabulary });
  return { path: file, text, test, diagnostics };
}

/** The one test that a command is about. A wrong request, with diagnostics, when it is none. */
export function oneTest(selector: string): { file: TestFile; test: Test } {
  const files = filesOf(selector);
  if (files.length > 1) throw badRequest(`${selector} means ${files.length} tests; this command takes one`);
  const file = readTest(files[0]);
  if (!file.test) throw badRequest(renderAll(file));
  return { file, test: file.test };
}

export function renderAll(file: TestFile): string {
  return file.diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, file.text, file.path)).join("\n");
}

function filesOf(selector: string): string[] {
  if (selector === "-") return ["-"];
  const kind = kindOf(selector);
  if (kind === "file") return [resolve(selector)];
  if (kind === "folder") {
    const inside = litFiles(selector);
    if (inside.length === 0) throw badRequest(`there are no .lit files in ${selector}`);
    return inside;
  }
  const corpus = corpusFolder();
  const all = litFiles(corpus);
  const within = (path: string): string => relative(corpus, path).replace(/\.lit$/, "");
  if (/[*?]/.test(selector)) {
    const pattern = selector.replace(/\.lit$/, "");
    const found = all.filter(
      (path) => globMatches(basename(path, ".lit"), pattern) || globMatches(within(path), pattern),
    );
    if (found.length === 0) throw badRequest(`no test is called like ${selector}`);
    return found;
  }
  const wanted = selector.replace(/\.lit$/, "").replace(/\/+$/, "");
  const named = all.filter(
    (path) => basename(path, ".lit") === wanted || within(path) === wanted || within(path).startsWith(`${wanted}/`),
  );
  if (named.length > 0) return named;
  if (/[/\\]|\.lit$/.test(selector)) throw badRequest(`there is no file ${selector}${nearestName(wanted, all)}`);
  throw badRequest(
    `no test is called ${selector}${nearestName(wanted, all)}`,
    "`litmap run` without a name runs the whole corpus",
  );
}

function nearestName(wanted: string, all: readonly string[]): string {
  const folders = all.map((path) => relative(corpusFolder(), path).split("/").slice(0, -1).join("/"));
  return didYouMean(basename(wanted), [...all.map((path) => basename(path, ".lit")), ...new Set(folders)]);
}

/** Files under a folder whose name ends in .lit, in the order of their paths. */
export function litFiles(folder: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return litFiles(path);
      return entry.name.endsWith(".lit") ? [path] : [];
    });
}

/** `*` and `?` within a name, `**` across folders. */
function globMatches(text: string, glob: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*\*|\*|\?/g, (s) => (s === "**" ? ".*" : s === "*" ? "[^/]*" : "[^/]"));
  return new RegExp(`^${pattern}$`).test(text);
}

function kindOf(path: string): "file" | "folder" | undefined {
  try {
    const stat = statSync(path);
    return stat.isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}
