/** Tests by file, folder, name or glob: from what the user wrote to parsed files. */
import { closeSync, constants, fstatSync, openSync, readSync, readdirSync, statSync } from "node:fs";
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
  /** Why there is no text. */
  readonly unreadable?: string;
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
    text = readText(path);
  } catch (error) {
    const why = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
    return { path: file, text: "", diagnostics: [], unreadable: `cannot read ${file}: ${why}` };
  }
  const { test, diagnostics } = parse(text, { file, vocabulary });
  return { path: file, text, test, diagnostics };
}

/** Bytes of the longest file that is read as a test. */
const LONGEST = 4 * 2 ** 20;

/** A file's text without a byte order mark. What is no file, such as /dev/zero, may have no end. */
function readText(path: string): string {
  const descriptor = path === "-" ? 0 : openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (path !== "-") {
      const stat = fstatSync(descriptor);
      const kind = stat.isFIFO() ? "a FIFO" : stat.isCharacterDevice() || stat.isBlockDevice() ? "a device" : "no file";
      // What a shell's <(…) makes is open already.
      if (!stat.isFile() && !/^\/(dev|proc\/[^/]+)\/fd\//.test(path)) throw new Error(`it is ${kind}`);
    }
    return textOf(descriptor);
  } finally {
    if (path !== "-") closeSync(descriptor);
  }
}

function textOf(descriptor: number): string {
  const pieces: Buffer[] = [];
  for (let length = 0; ; ) {
    const piece = Buffer.alloc(2 ** 16);
    let n: number;
    try {
      n = readSync(descriptor, piece);
    } catch (error) {
      // A pipe that has nothing yet.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      continue;
    }
    if (n === 0) break;
    pieces.push(piece.subarray(0, n));
    if ((length += n) > LONGEST) throw new Error(`it is longer than ${LONGEST / 2 ** 20} MiB`);
  }
  return Buffer.concat(pieces)
    .toString("utf8")
    .replace(/^\ufeff/, "");
}

/** The one test that a command is about. A wrong request, with diagnostics, when it is none. */
export function oneTest(selector: string): { file: TestFile; test: Test } {
  const files = filesOf(selector);
  if (files.length > 1) throw badRequest(`${selector} means ${files.length} tests; this command takes one`);
  const file = readTest(files[0]);
  if (!file.test) throw badRequest(renderAll(file));
  return { file, test: file.test };
}

/** What a user writes to mean this test: its name where it is of the corpus, else its file. */
export function selectorFor(name: string, file: string): string {
  if (basename(file, ".lit") === name && !relative(corpusFolder(), resolve(file)).startsWith("..")) return name;
  return /^[\w./@%+:,-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
}

/** Diagnostics of one file that are shown; the rest are counted. */
const MOST_SHOWN = 50;

export function renderAll(file: TestFile): string {
  if (file.unreadable !== undefined) return file.unreadable;
  const shownOnes = file.diagnostics.slice(0, MOST_SHOWN);
  const lines = shownOnes.map((diagnostic) => renderDiagnostic(diagnostic, file.text, file.path));
  const more = file.diagnostics.length - shownOnes.length;
  return [...lines, ...(more > 0 ? [`${file.path}: and ${more} more`] : [])].join("\n");
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
