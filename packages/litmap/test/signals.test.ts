/** Ctrl-C and SIGTERM end any command while the model is at a test that takes long; what there is so far is kept. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { bin, corpus, scratch } from "./command.js";

/** Minutes of searching. */
const long = `test b-long
  "?"

process B
va = mmap(anon, 64K, rw, private)
parallel {
  A {
${"    mmap(anon, 4K, rw, private)\n    store(va, 1)\n".repeat(8)}  }
  B {
${"    mmap(anon, 4K, rw, private)\n    memfd_create(4K)\n".repeat(8)}  }
}
`;
const short = 'test a-short\n  "?"\n\nva = mmap(anon, 4K, rw, private)\nx = load(va)\n\nexpect x == 0\n';

function folderOfTests(): string {
  const folder = join(scratch(), "tests");
  mkdirSync(folder);
  writeFileSync(join(folder, "a-short.lit"), short);
  writeFileSync(join(folder, "b-long.lit"), long);
  return folder;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

/** Starts a command, sends it a signal once it is at work, and says how it ended; kills what does not end. */
async function signalled(
  program: string,
  args: readonly string[],
  signal: NodeJS.Signals,
  cwd: string,
  ready: (stdout: string) => boolean,
): Promise<Ended> {
  const env = { ...process.env, LITMAP_CORPUS: corpus, LITMAP_EVIDENCE: "/dev/null/x", LITMAP_CACHE: "/dev/null/x" };
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code, by) => resolve({ code, signal: by, stdout })));
  for (let waited = 0; !ready(stdout) && waited < 30_000; waited += 100) await sleep(100);
  await sleep(1000);
  child.kill(signal);
  const late = sleep(20_000).then(() => {
    child.kill("SIGKILL");
    throw new Error(`${args.join(" ")} goes on after ${signal}`);
  });
  return Promise.race([ended, late]);
}

describe("run", () => {
  const atWork = (stdout: string): boolean => stdout.includes("a-short");

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s: what has run, the summary and --resume are kept", async (signal, code) => {
    const folder = folderOfTests();
    const log = join(folder, "log");
    const ended = await signalled(
      process.execPath,
      [bin, "run", "tests", "--resume", log],
      signal,
      join(folder, ".."),
      atWork,
    );
    expect(ended).toMatchObject({
      code,
      stdout: expect.stringMatching(/^a-short .*\n\ninterrupted: 1 of 2 tests ran\n1 test, 1 as/s),
    });
    expect(readFileSync(log, "utf8")).toMatch(/^\{"test":"a-short"[^\n]*\n$/);
  });

  test("SIGTERM to npx ends the command too", async () => {
    const folder = folderOfTests();
    const base = join(folder, "..");
    mkdirSync(join(base, "node_modules", ".bin"), { recursive: true });
    symlinkSync(bin, join(base, "node_modules", ".bin", "litmap"));
    writeFileSync(join(base, "package.json"), '{"name":"somebody-elses","private":true}');
    // The pipe closes when the last process that writes to it has ended.
    const ended = await signalled("npx", ["--no-install", "litmap", "run", "tests"], "SIGTERM", base, atWork);
    expect(ended.stdout).toContain("interrupted: 1 of 2 tests ran");
  });
});

test.each(["explore", "explain"])("%s ends at once", async (command) => {
  const folder = folderOfTests();
  const file = join(folder, "b-long.lit");
  const ended = await signalled(process.execPath, [bin, command, file], "SIGTERM", folder, () => true);
  expect(ended).toMatchObject({ code: null, signal: "SIGTERM" });
});

test("whatif ends at once", async () => {
  const folder = folderOfTests();
  const args = [bin, "whatif", "udmabuf.vmap=none", "--tests", join(folder, "b-long.lit")];
  expect(await signalled(process.execPath, args, "SIGINT", folder, () => true)).toMatchObject({ signal: "SIGINT" });
});
