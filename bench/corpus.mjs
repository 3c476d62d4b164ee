// The whole corpus on the model, as a user types it.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { measured, median } from "./measured.mjs";

const bin = fileURLToPath(new URL("../packages/litmap/bin/litmap.js", import.meta.url));

/** Milliseconds from the start of the process to the first byte of its output, and to its end. */
function timed(args) {
  return new Promise((resolve) => {
    const began = performance.now();
    let first;
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.on("data", () => (first ??= performance.now() - began));
    child.on("close", () => resolve({ first, all: performance.now() - began }));
  });
}

const runs = [];
for (let i = 0; i < 7; i++) runs.push(await timed(["run"]));
measured(
  "the whole corpus on the model, from typing to prompt",
  median(runs.map((run) => run.all)) / 1000,
  "s",
  "<=",
  1.5,
);
measured("before the first result", median(runs.map((run) => run.first)), "ms", "<=", 150);

const { stdout } = spawnSync(process.execPath, [bin, "run", "--json"], { encoding: "utf8", maxBuffer: 1 << 28 });
const results = stdout
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
measured(`median test of ${results.length}`, median(results.map((result) => result.ms)), "ms", "<=", 1);

const starts = [];
for (let i = 0; i < 9; i++) starts.push((await timed(["kernel", "ls", "--json"])).all);
const nothing = [];
for (let i = 0; i < 9; i++) {
  const began = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  nothing.push(performance.now() - began);
}
measured("a command without a kernel, of node that does nothing", median(starts) / median(nothing), "x", "<=", 3);
