/**
 * What real kernels answered, one file a kernel: a first line about the kernel, then one line
 * a test, in the order of their names. Evidence holds for the steps and observers that were run: a
 * test whose hash has changed since has none.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Design } from "@litmap/model";
import type { Arch, Outcome, Test, Values } from "@litmap/litmus";
import { evidenceFolders, recordFolder } from "./places.js";
import { writeFailed } from "./results-file.js";

export interface RecordedKernel {
  /** `uname -r`; also the file's name. */
  readonly kernel: string;
  /** Major.minor. */
  readonly release: string;
  readonly arch: Arch;
  /** `uname -rv`. */
  readonly uname: string;
  /** Package and version, where it came in one. */
  readonly package?: string;
  /** SHA-256 of the kernel's configuration, where it is known. */
  readonly config?: string;
  /** Where that configuration chose otherwise than the release, by decision point. */
  readonly configured?: Partial<Design>;
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
 * All kernels' evidence, oldest release first. Files that are no evidence are passed over. A later folder is preferred.
 */
export function readEvidence(...folders: readonly string[]): Evidence[] {
  const all = new Map<string, Evidence>();
  for (const path of evidenceFiles(folders.length > 0 ? folders : evidenceFolders())) {
    const read = readFile(path);
    if (!read) continue;
    const before = all.get(read.kernel.kernel);
    all.set(read.kernel.kernel, { ...read, tests: new Map([...(before?.tests ?? []), ...read.tests]) });
  }
  return [...all.values()].sort((a, b) => compareNumbers(a.kernel.kernel, b.kernel.kernel));
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

function readFile(path: string): Evidence | undefined {
  try {
    const [head, ...lines] = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    const kernel = JSON.parse(head) as RecordedKernel;
    const tests = lines.map((line) => JSON.parse(line) as Witness);
    return { kernel, tests: new Map(tests.map((witness) => [witness.test, witness])) };
  } catch {
    return undefined;
  }
}

/** Adds outcomes to a kernel's file, which is replaced as a whole. An outcome that was seen before keeps its day. */
export function record(
  kernel: RecordedKernel,
  seen: readonly { test: Test; outcome: Outcome }[],
  day = today(),
  folder = recordFolder(),
): string {
  const path = join(folder, `${kernel.kernel.replace(/[^\w.+~-]/g, "_")}.ndjson`);
  const tests = new Map(readFile(path)?.tests);
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
    mkdirSync(folder, { recursive: true });
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
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
