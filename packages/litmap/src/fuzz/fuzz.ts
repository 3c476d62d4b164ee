/**
 * `npm run fuzz -- --seed 1 --count 100000`: mutated tests of the corpus through parser, printer, models, verdicts and
 * reports. What throws is shrunk and printed; so is what takes longer than it may. The exit status is 1 when there was
 * any.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { selectFiles } from "../corpus.js";
import type { Said, Share } from "./worker.js";

/** Found faults by what they say: the first text that shows each, and how many do. */
export interface Findings {
  readonly examined: number;
  readonly tests: number;
  readonly faults: ReadonlyMap<string, { count: number; index: number; text: string }>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** Seconds that one text may take. */
  readonly limit: number;
  readonly jobs: number;
  readonly onProgress?: (examined: number) => void;
}

export async function fuzz({ seed, count, limit, jobs, onProgress }: FuzzOptions): Promise<Findings> {
  const texts = selectFiles([]).map((path) => readFileSync(path, "utf8"));
  const faults = new Map<string, { count: number; index: number; text: string }>();
  let examined = 0;
  let tests = 0;
  const found = (what: string, index: number, text: string): void => {
    const before = faults.get(what);
    if (before === undefined) faults.set(what, { count: 1, index, text });
    else before.count++;
  };
  /** Every `jobs`-th text from `from` on; a text that a thread is lost at is passed over. */
  const lane = (from: number): Promise<void> =>
    new Promise((resolve) => {
      const share: Share = { seed, from, to: count, step: jobs, texts };
      const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: share });
      let at = { index: from, text: "" };
      let over = false;
      const lost = (what: string): void => {
        if (over) return;
        over = true;
        clearTimeout(watch);
        found(what, at.index, at.text);
        examined++;
        void worker.terminate().then(() => lane(at.index + jobs).then(resolve));
      };
      let watch = setTimeout(() => {}, 0);
      worker.on("message", (said: Said) => {
        if (said.kind === "at") {
          at = said;
          clearTimeout(watch);
          watch = setTimeout(() => lost(`no end within ${limit} s`), limit * 1000);
        } else if (said.kind === "fault") found(said.what, said.index, said.text);
        else {
          examined++;
          if (said.test) tests++;
          if (examined % 500 === 0) onProgress?.(examined);
        }
      });
      worker.on("error", (error) => lost(`the thread ends: ${error.message}`));
      worker.on("exit", () => {
        clearTimeout(watch);
        if (!over) resolve();
        over = true;
      });
    });
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, (_, i) => lane(i)));
  return { examined, tests, faults };
}

/** The findings as text; the last line counts. */
export function findingsText({ examined, tests, faults }: Findings, seed: number): string {
  const lines: string[] = [];
  for (const [what, { count, index, text }] of faults)
    lines.push(`seed ${seed}, text ${index}${count > 1 ? `, and ${count - 1} more` : ""}: ${what}`, "", text, "");
  const total = [...faults.values()].reduce((sum, { count }) => sum + count, 0);
  lines.push(`${examined} texts, ${tests} of them tests, ${total} faults of ${faults.size} kinds      (seed ${seed})`);
  return lines.join("\n");
}

if (process.argv[1]?.endsWith("/fuzz/fuzz.js")) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      count: { type: "string", default: "10000" },
      limit: { type: "string", default: "20" },
      jobs: { type: "string", default: String(Math.max(1, Math.min(4, cpus().length))) },
    },
  });
  const [seed, count, limit, jobs] = [values.seed, values.count, values.limit, values.jobs].map(Number);
  const terminal = process.stderr.isTTY === true;
  const findings = await fuzz({
    seed,
    count,
    limit,
    jobs,
    onProgress: (n) => terminal && process.stderr.write(`\r${n} of ${count}`),
  });
  if (terminal) process.stderr.write("\r\x1b[K");
  process.stdout.write(`${findingsText(findings, seed)}\n`);
  process.exitCode = findings.faults.size > 0 ? 1 : 0;
}
