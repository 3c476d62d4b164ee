/**
 * What real kernels answered, one file a kernel: a first line about the kernel, then one line
 * a test, in the order of their names. Evidence holds for the steps and observers that were run: a
 * test whose hash has changed since has none.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { linuxVersion } from "@litmap/kernels";
import { makeFolder } from "@litmap/linux";
import { updateOf } from "@litmap/litmus";
import type { Arch, Outcome, Test, Values } from "@litmap/litmus";
import { designOf } from "@litmap/model";
import type { Design, PointName } from "@litmap/model";
import { badRequest } from "./exit-status.js";
import { evidenceFolders, recordFolder } from "./places.js";
import { writeFailed } from "./results-file.js";

export interface RecordedKernel {
  /** `uname -r`. */
  readonly kernel: string;
  /** The version of Linux, `6.12.118`. */
  readonly release: string;
  readonly arch: Arch;
  /** `uname -rv`. */
  readonly uname: string;
  /** Package and version, where it came in one. */
  readonly package?: string;
  /** SHA-256 of the image, where it came in no package. */
  readonly image?: string;
  /** SHA-256 of the kernel's configuration, where it is known. */
  readonly config?: string;
  /** Where that configuration chose otherwise than the version, by decision point. */
  readonly configured?: Partial<Design>;
}

/**
 * Which kernel it is: a patched kernel with Debian's name is another one. Evidence of two is
 * never in one file.
 */
function identityOf(kernel: RecordedKernel): string {
  const { arch, uname, package: packaged = "", image = "", config = "" } = kernel;
  return JSON.stringify([kernel.kernel, arch, uname, packaged, image, config]);
}

export interface Witness {
  readonly test: string;
  readonly hash: string;
  readonly status: Outcome["status"];
  readonly reason?: string;
  readonly values: Values;
  readonly histogram?: Outcome["histogram"];
  /** The day on which this was first seen of this kernel. */
  readonly date: string;
}

export interface Evidence {
  readonly kernel: RecordedKernel;
  readonly tests: ReadonlyMap<string, Witness>;
}

/**
 * All kernels' evidence, oldest release first. A later folder is preferred.
 *
 * @param problem is told of each line that cannot be read, which is passed over.
 */
export function readEvidence(
  folders: readonly string[] = evidenceFolders(),
  problem: (text: string) => void = warnOnce,
): Evidence[] {
  const all = new Map<string, Evidence>();
  for (const path of evidenceFiles(folders)) {
    const { evidence, problems } = readFile(path);
    for (const text of problems) problem(text);
    if (!evidence) continue;
    const key = identityOf(evidence.kernel);
    const before = all.get(key);
    all.set(key, { ...evidence, tests: new Map([...(before?.tests ?? []), ...evidence.tests]) });
  }
  return namedApart(
    [...all.values()].sort(
      (a, b) => compareNumbers(a.kernel.release, b.kernel.release) || compareNumbers(a.kernel.kernel, b.kernel.kernel),
    ),
  );
}

/** Of kernels that call themselves alike, one that came in a package has the name; the others are marked. */
function namedApart(all: readonly Evidence[]): Evidence[] {
  return all.map((each) => {
    const { kernel } = each;
    const alike = all.filter((other) => other.kernel.kernel === kernel.kernel);
    const first = alike.find((other) => other.kernel.package !== undefined) ?? alike[0];
    return each === first ? each : { ...each, kernel: { ...kernel, kernel: `${kernel.kernel} (${markOf(kernel)})` } };
  });
}

/** What tells a kernel from others of its name, short. */
function markOf(kernel: RecordedKernel): string {
  return createHash("sha256").update(identityOf(kernel)).digest("hex").slice(0, 12);
}

const warned = new Set<string>();

function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  process.stderr.write(`litmap: ${text}\n`);
}

/** The files of evidence in folders, some of which may not exist. */
export function evidenceFiles(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => name.endsWith(".ndjson"))
        .sort()
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  });
}

interface EvidenceFile {
  /** Undefined where the first line says no kernel. */
  readonly evidence?: Evidence;
  readonly problems: readonly string[];
}

function readFile(path: string): EvidenceFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return { problems: [`cannot read ${path}: ${(error as Error).message}`] };
  }
  const [head = "", ...lines] = text.split("\n");
  const kernel = kernelOfHead(head);
  if (!kernel) return { problems: [`${path}:1: this is no kernel's evidence; the file is passed over`] };
  const tests = new Map<string, Witness>();
  const problems: string[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === "") continue;
    const witness = witnessOf(line);
    if (witness) tests.set(witness.test, witness);
    else problems.push(`${path}:${i + 2}: this line is no outcome of a test; it is passed over`);
  }
  return { evidence: { kernel, tests }, problems };
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A first line. Those of an older litmap have `6.12` as their release, and what the version chose among what the
 * configuration chose.
 */
function kernelOfHead(line: string): RecordedKernel | undefined {
  const head = objectOf(line);
  if (!head || ![head.kernel, head.release, head.arch, head.uname].every((each) => typeof each === "string"))
    return undefined;
  const kernel = head as unknown as RecordedKernel;
  if (updateOf(kernel.release) !== undefined) return kernel;
  const { configured, ...rest } = kernel;
  const release = linuxVersion(kernel.uname) ?? kernel.release;
  const own = designOf(release);
  const differs = Object.entries(configured ?? {}).filter(([point, choice]) => own[point as PointName] !== choice);
  return { ...rest, release, ...(differs.length > 0 ? { configured: Object.fromEntries(differs) } : {}) };
}

function witnessOf(line: string): Witness | undefined {
  const witness = objectOf(line);
  if (!witness || ![witness.test, witness.hash, witness.status].every((each) => typeof each === "string"))
    return undefined;
  return objectOf(JSON.stringify(witness.values ?? null)) ? (witness as unknown as Witness) : undefined;
}

/**
 * The file of a kernel in a folder: the one that is its own, or a new one. Another kernel of its name keeps its file.
 */
function fileFor(kernel: RecordedKernel, folder: string): { path: string; tests: Map<string, Witness> } {
  const identity = identityOf(kernel);
  const base = kernel.kernel.replace(/[^\w.+~-]/g, "_");
  const mark = markOf(kernel);
  // An image of the user's own may be called as a package's kernel that was not recorded yet.
  const names =
    kernel.package === undefined && kernel.image !== undefined ? [`${base}-${mark}`] : [base, `${base}-${mark}`];
  for (const name of names) {
    const path = join(folder, `${name}.ndjson`);
    if (!existsSync(path)) return { path, tests: new Map() };
    const { evidence, problems } = readFile(path);
    if (problems.length > 0)
      throw badRequest(`${problems.join("\n")}\nnothing was recorded`, "mend the file, or take it away");
    if (evidence && identityOf(evidence.kernel) === identity) return { path, tests: new Map(evidence.tests) };
  }
  throw badRequest(`${join(folder, `${names.at(-1)}.ndjson`)} is the evidence of another kernel; nothing was recorded`);
}

/** Adds outcomes to a kernel's file, which is replaced as a whole. An outcome that was seen before keeps its day. */
export function record(
  kernel: RecordedKernel,
  seen: readonly { test: Test; outcome: Outcome }[],
  day = today(),
  folder = recordFolder(),
): string {
  const { path, tests } = fileFor(kernel, folder);
  for (const { test, outcome } of seen) {
    const before = tests.get(test.name);
    const now: Witness = {
      test: test.name,
      hash: test.hash,
      status: outcome.status,
      reason: outcome.reason,
      values: outcome.values,
      // How often each was seen differs from run to run; that it was seen does not.
      histogram: outcome.histogram
        ?.map(({ values }) => ({ values, count: 1 }))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      date: day,
    };
    const same = before !== undefined && JSON.stringify({ ...before, date: day }) === JSON.stringify(now);
    if (!same) tests.set(test.name, now);
  }
  const lines = [...tests.values()].sort((a, b) => (a.test < b.test ? -1 : 1));
  const text = [kernel, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
  const aside = `${path}.${process.pid}`;
  try {
    makeFolder(folder);
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch (error) {
    if (existsSync(aside)) rmSync(aside);
    throw writeFailed(path, error);
  }
  return path;
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** By the numbers in a version: 6.9 before 6.12. */
function compareNumbers(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
