/** Runs the command as a user does, in a process of its own, with a corpus, evidence and cache of the test's own. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const corpus = fileURLToPath(new URL("corpus", import.meta.url));
export const bin = join(root, "packages", "litmap", "bin", "litmap.js");

const folders: string[] = [];

/** An empty folder that is gone after the tests of the file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "litmap-test-"));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Called with what came on stdout so far; may send signals. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export function litmap(
  args: readonly string[],
  { cwd = join(root, "packages", "litmap", "test"), env = {}, input, onOutput }: Surroundings = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(FORCE_COLOR|NO_COLOR|LITMAP_)/.test(name)),
    );
    const child = spawn(process.execPath, [bin, ...args], {
      cwd,
      env: {
        ...clean,
        LITMAP_CORPUS: corpus,
        LITMAP_EVIDENCE: "/dev/null/evidence",
        LITMAP_CACHE: "/dev/null/litmap",
        ...env,
      },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(input ?? "");
  });
}
