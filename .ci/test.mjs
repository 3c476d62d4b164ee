// `npm test` after the build: the unit tests, then the corpus on the model. Says what was skipped and why,
// and ends with one line that counts both.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "litmap-test-"));

function unitTests() {
  const file = join(scratch, "vitest.json");
  const args = [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    const found = JSON.parse(readFileSync(file, "utf8"));
    counts.passed = found.numPassedTests;
    counts.failed = found.numFailedTests;
    counts.skipped = found.numPendingTests + found.numTodoTests;
  } catch {
    // Without a report everything failed.
  }
  // A file that cannot even be read has no test that could fail.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

function corpus() {
  const litmap = join(root, "packages", "litmap", "bin", "litmap.js");
  const found = spawnSync(process.execPath, [litmap, "run", "--json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const results = found.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const having = (...statuses) => results.filter((result) => statuses.includes(result.status)).length;
  const counts = { passed: having("ok"), failed: 0, skipped: having("unsupported") };
  counts.failed = results.length - counts.passed - counts.skipped;
  if (found.status !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.failed > 0) spawnSync(process.execPath, [litmap, "run", "--quiet"], { cwd: root, stdio: "inherit" });
  else
    console.log(
      `corpus on the model: ${results.length} tests, ${counts.passed} as expected, ${counts.skipped} unsupported`,
    );
  if (found.stderr !== "") process.stderr.write(found.stderr);
  return counts;
}

/** What this machine lacks that some tests need. */
function wants() {
  const has = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
  const found = [];
  if (!has("qemu-system-x86_64")) found.push("QEMU (real kernels)");
  if (!has("cc") && !has("gcc") && !has("clang")) found.push("a C compiler (the executor)");
  const kernels = spawnSync(
    process.execPath,
    [join(root, "packages", "litmap", "bin", "litmap.js"), "kernel", "ls", "--json"],
    { encoding: "utf8" },
  ).stdout;
  if (kernels.trim() === "") found.push("a kernel (`npx litmap kernel add 6.12`)");
  return found;
}

const units = unitTests();
const tests = corpus();
rmSync(scratch, { recursive: true, force: true });
const lacking = wants();
console.log(
  lacking.length === 0
    ? "skipped for want of something on this machine: nothing"
    : `skipped for want of ${lacking.join(", ")}`,
);
const sum = (key) => units[key] + tests[key];
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exitCode = sum("failed") > 0 ? 1 : 0;
