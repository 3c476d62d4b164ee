// `node bench/icount.mjs [KERNEL…]`: instructions of mmap and of the first and second touch of udmabufs and system-heap
// buffers, on kernels in a QEMU that counts instructions, beside what the model counts for the same steps. Writes
// ICOUNT.md and icount.json. What it takes is decided by the emulator: a gigabyte is some minutes for each kernel.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findQemu, qemuVersion } from "../packages/kernels/dist/index.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const bin = fileURLToPath(new URL("../packages/litmap/bin/litmap.js", import.meta.url));
const kernels = process.argv.length > 2 ? process.argv.slice(2) : ["6.12", "7.2"];
const runs = 3;
const tests = readdirSync(`${here}icount`)
  .filter((name) => name.endsWith(".lit"))
  .map((name) => `${here}icount/${name}`);

const { stdout, status } = spawnSync(
  process.execPath,
  [bin, "cost", ...tests, "--on", kernels.join(","), "--runs", String(runs), "--json"],
  { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 },
);
if (status !== 0) process.exit(status ?? 1);
const measured = stdout
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const wrong = measured.filter((each) => each.status !== "ok" || each.disagrees.length > 0);
for (const each of wrong)
  console.error(`${each.test} on ${each.kernel}: ${each.status} ${each.reason ?? ""} ${each.disagrees.join("; ")}`);
if (wrong.length > 0) process.exit(1);

const releases = [...new Set(measured.map(({ kernel }) => kernel))];
const buffers = [
  ["udmabuf", "udmabuf"],
  ["heap", "system heap"],
];
const sizes = [
  ["1m", "1 MiB", 256],
  ["64m", "64 MiB", 16384],
  ["1g", "1 GiB", 262144],
];
const find = (buffer, size, kernel) =>
  measured.find((each) => each.test === `icount-${buffer}-${size}` && each.kernel === kernel);
/** The mmap, the first touch and the second of a test. */
const steps = (each) => {
  const [first, second] = each.steps.filter(({ op }) => op === "touch");
  return {
    make: each.steps.find(({ op }) => op === "udmabuf_create" || op === "dma_heap_alloc"),
    mmap: each.steps.find(({ op }) => op === "mmap"),
    first,
    second,
    munmap: each.steps.find(({ op }) => op === "munmap"),
  };
};
const big = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, " ");
const row = (cells) => `| ${cells.join(" | ")} |`;
const rule = (n) => row(Array.from({ length: n }, () => "---"));

const lines = [
  "# Instructions",
  "",
  "`node bench/icount.mjs` writes this file and `icount.json`. Each cell is the least of " +
    `${runs} runs in one boot, in`,
  "instructions of the guest, kernel and user together, as QEMU counts them (`-icount shift=0,sleep=off`); from " +
    "boot to boot",
  "they differ by less than a percent. `litmap cost bench/icount/icount-udmabuf-1g.lit --on " +
    `${kernels[0]}` +
    "` measures one buffer.",
  "",
  "The first touch stores one word into every page of a fresh mapping, the second does so again: that is the loop " +
    "itself.",
  "The memory is there before (udmabuf: the memfd's pages are allocated when the buffer is made). Transparent huge " +
    "pages",
  "are off, and the udmabuf size limit is lifted. A udmabuf that were filled at mmap would do there what the " +
    "system heap",
  "does: remap_pfn_range, page by page on 6.12, chunk by chunk on 7.2.",
  "",
  row(["buffer", ...releases.flatMap((kernel) => [`${kernel}: mmap`, "first touch", "both, a page"])]),
  rule(1 + 3 * releases.length),
];
for (const [buffer, name] of buffers) {
  for (const [size, text, pages] of sizes) {
    const cells = releases.flatMap((kernel) => {
      const { mmap, first, second } = steps(find(buffer, size, kernel));
      return [
        big(mmap.instructions),
        big(first.instructions),
        ((mmap.instructions + first.instructions - second.instructions) / pages).toFixed(0),
      ];
    });
    lines.push(row([`${name}, ${text}`, ...cells]));
  }
}
lines.push(
  "",
  "The last column is without the loop. Made, touched again, and unmapped:",
  "",
  row(["buffer", ...releases.flatMap((kernel) => [`${kernel}: made`, "second touch", "munmap"])]),
  rule(1 + 3 * releases.length),
);
for (const [buffer, name] of buffers) {
  for (const [size, text] of sizes) {
    lines.push(
      row([
        `${name}, ${text}`,
        ...releases.flatMap((kernel) => {
          const { make, second, munmap } = steps(find(buffer, size, kernel));
          return [big(make.instructions), big(second.instructions), big(munmap.instructions)];
        }),
      ]),
    );
  }
}
lines.push(
  "",
  "## What the model counts for it",
  "",
  "For 1 GiB; the counts of smaller buffers are in proportion.",
  "",
  row([
    "buffer, kernel",
    "step",
    "faults",
    "page-table writes",
    "page-table pages",
    "PAT look-ups",
    "resource-tree nodes",
    "bookkeeping, bytes a page",
  ]),
  rule(8),
);
for (const [buffer, name] of buffers) {
  for (const kernel of releases) {
    const { make, mmap, first } = steps(find(buffer, "1g", kernel));
    for (const [what, { counters }] of [
      ["made", make],
      ["mmap", mmap],
      ["first touch", first],
    ]) {
      const n = (key) => (counters[key] ? big(counters[key]) : "0");
      const kept = counters.buffer_pages
        ? (counters.bookkeeping / counters.buffer_pages).toFixed(2).replace(/\.?0+$/, "")
        : "";
      lines.push(
        row([
          `${name}, ${kernel.match(/^\d+\.\d+/)[0]}`,
          what,
          n("faults"),
          n("ptes"),
          n("tables"),
          n("pat_lookups"),
          n("resource_nodes"),
          kept,
        ]),
      );
    }
  }
}
const qemu = await qemuVersion(findQemu());
lines.push(
  "",
  `Kernels: ${releases.join(", ")}. QEMU ${qemu}. Tests: ${readdirSync(`${here}icount`).length} files in ` +
    "`bench/icount/`.",
);
writeFileSync(`${here}ICOUNT.md`, `${lines.join("\n")}\n`);
writeFileSync(
  `${here}icount.json`,
  `${JSON.stringify({ qemu, runs, kernels: releases, measured: measured.map(({ test, kernel, steps: all }) => ({ test, kernel, text: readFileSync(`${here}icount/${test}.lit`, "utf8"), steps: all.map(({ line, op, instructions, runs: each, counters }) => ({ line, op, instructions, runs: each, counters })) })) }, null, 1)}\n`,
);
