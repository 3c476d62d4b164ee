// `npm run bench [NAME…]`: runs the benchmarks, each in a process of its own, and writes RESULTS.md.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const all = ["page-table", "corpus", "kernel"];
const wanted = process.argv.slice(2);
const lines = [
  "# Benchmarks",
  "",
  "`npm run bench` writes this file. Each figure stands beside its limit; ratios are to something measured in the " +
    "same run",
  "on the same machine.",
];

for (const name of wanted.length > 0 ? wanted : all) {
  const { stdout, status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--max-old-space-size=8192", `${here}${name}.mjs`],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 },
  );
  const figures = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  lines.push(
    "",
    `## ${name}`,
    "",
    `\`node --expose-gc bench/${name}.mjs\``,
    "",
    "| figure | measured | limit | |",
    "| --- | --- | --- | --- |",
  );
  for (const figure of figures) {
    const row =
      figure.skipped === undefined
        ? `| ${figure.what} | ${number(figure.value)} ${figure.unit} | ${figure.relation === ">=" ? "at least" : "at most"} ${figure.limit} ${figure.unit} | ${figure.ok ? "held" : "**missed**"} |`
        : `| ${figure.what} | not measured: ${figure.skipped} | | |`;
    lines.push(row);
    console.log(row);
  }
  if (status !== 0) {
    lines.push(`| ended with status ${status} | | | **failed** |`);
    process.exitCode = 1;
  }
}
lines.push("", `Machine: ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}.`);
if (wanted.length === 0) writeFileSync(`${here}RESULTS.md`, `${lines.join("\n")}\n`);

function number(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
