import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { KernelStore } from "@litmap/kernels";
import { cacheFolder } from "@litmap/linux";
import { describe, expect, test } from "vitest";
import { litmap, scratch } from "./command.js";

const cache = cacheFolder();
const kernel = new KernelStore(cache).get("6.12");
const reason =
  spawnSync("sh", ["-c", "command -v qemu-system-x86_64 && command -v cc"]).status !== 0
    ? "no QEMU or no compiler"
    : !kernel
      ? "no kernel 6.12 in the store"
      : "";
if (reason) console.log(`skipped: instructions of a step on kernel 6.12: ${reason}`);

const text =
  'test u\n  "What does a udmabuf cost?"\n\nm = memfd_create(1M, seal_shrink)\nb = udmabuf_create(m, 0, 1M)\nva = mmap(b, 1M, rw, shared)\nf = faults { touch(va, 1M, write) }\n';

function udmabuf(): string {
  const folder = scratch();
  writeFileSync(join(folder, "u.lit"), text);
  return join(folder, "u.lit");
}

/** The rows of each table by their heading: the cells of each row by its own. */
function tables(stdout: string): Record<string, Record<string, string[]>> {
  const found: Record<string, Record<string, string[]>> = {};
  for (const part of stdout.trim().split("\n\n").slice(1)) {
    const [heading, ...rows] = part.split("\n");
    const [name, ...labels] = heading.split(/ {2,}/);
    found[name] = {
      labels,
      ...Object.fromEntries(rows.map((row) => row.trim().split(/ {2,}/)).map(([first, ...cells]) => [first, cells])),
    };
  }
  return found;
}

describe("litmap cost", () => {
  test("a table for each point that makes a difference and one for the releases; only rows that differ", async () => {
    const { stdout, status } = await litmap(["cost", udmabuf(), "--release", "6.12"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^u {3}model 6\.12, x86_64\nWhat does a udmabuf cost\?\n/);
    const all = tables(stdout);
    expect(Object.keys(all)).toEqual(["udmabuf.mmap", "udmabuf.backing", "udmabuf.arrays", "release"]);
    expect(all["udmabuf.mmap"]).toMatchObject({
      labels: ["normal-page", "pfn-per-fault *", "pfn-all-on-first-fault", "pfn-at-mmap"],
      "minor faults": ["256", "256", "1", "0"],
      // At mmap it is two for memory in one piece, and one a page otherwise.
      "PAT look-ups": ["0", "256", "256", expect.stringMatching(/^\d+$/)],
      outcome: ["=", "=", "f 1", "f 0"],
    });
    expect(all["udmabuf.mmap"]).not.toHaveProperty("page-table writes");
    expect(all["udmabuf.arrays"]).toMatchObject({
      "bytes of bookkeeping": ["2048", "10240", "6144", "4096"],
      "bytes of it a page": ["8", "40", "24", "16"],
    });
    // 5.10 takes a fault that dirties a file's page again, as a major one.
    expect(all.release["minor faults"]).toEqual(["0", "256", "256", "1", "1", "1"]);
  });

  test("one point, all counters", async () => {
    const { stdout } = await litmap(["cost", udmabuf(), "--point", "udmabuf.mmap", "--all"]);
    expect(tables(stdout)["udmabuf.mmap"]["page-table writes"]).toEqual(["256", "256", "256", "256"]);
    const none = await litmap(["cost", udmabuf(), "--point", "udmabuf.seal-check"]);
    expect(none.stdout).toMatch(/udmabuf\.seal-check {2}racy {2}inode-lock \*\n {2}the same by every choice\n$/);
  });

  test("step by step", async () => {
    const { stdout } = await litmap(["cost", udmabuf(), "--point", "udmabuf.mmap", "--steps"]);
    expect(stdout).toMatch(/\n {2}line 6 {2}mmap → va\n {4}page-table writes +0 +0 +0 +256\n/);
    expect(stdout).toMatch(/\n {2}line 7 {2}touch\n {4}minor faults +256 +256 +1 +0\n/);
  });

  test("with a design of one's own as the base", async () => {
    const { stdout } = await litmap(["cost", udmabuf(), "--set", "udmabuf.mmap=pfn-at-mmap"]);
    expect(stdout).toMatch(/^u {3}model 7\.3, x86_64, udmabuf\.mmap=pfn-at-mmap\n/);
    expect(tables(stdout)["udmabuf.mmap"].labels).toEqual([
      "normal-page",
      "pfn-per-fault",
      "pfn-all-on-first-fault",
      "pfn-at-mmap *",
    ]);
  });

  test("JSON has every counter of every step, and what differs", async () => {
    const { stdout } = await litmap(["cost", udmabuf(), "--json"]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const mmap = lines.find(({ point }) => point === "udmabuf.mmap");
    expect(mmap).toMatchObject({ test: "u", by: "point" });
    expect(
      mmap.columns.map(({ label, current, counters }: Record<string, any>) => [label, current, counters.faults]),
    ).toEqual([
      ["normal-page", false, 256],
      ["pfn-per-fault", false, 256],
      ["pfn-all-on-first-fault", true, 1],
      ["pfn-at-mmap", false, 0],
    ]);
    expect(mmap.columns[3].differs).toEqual({ f: 0 });
    expect(mmap.columns[3].steps.find(({ op }: Record<string, string>) => op === "mmap").counters).toMatchObject({
      ptes: 256,
    });
    expect(lines.at(-1).columns.map(({ label }: Record<string, string>) => label)).toContain("6.12");
  });

  test("a design that refuses says so", async () => {
    const folder = scratch();
    writeFileSync(
      join(folder, "p.lit"),
      'test p\n  "?"\n\nb = dma_heap_alloc(system, 64K)\nva = mmap(b, 64K, rw, private)\ntouch(va, 64K, read)\n',
    );
    const { stdout } = await litmap(["cost", join(folder, "p.lit"), "--point", "system-heap.mmap"]);
    expect(tables(stdout)["system-heap.mmap"].outcome.join(" ")).toMatch(/va EINVAL/);
  });

  test("what cannot run is neither dear nor cheap", async () => {
    const folder = scratch();
    writeFileSync(
      join(folder, "v.lit"),
      'test v\n  "?"\n\nd = drm_open(vgem)\nh = dumb_create(d, 64K)\no = dumb_map(d, h)\nva = mmap(d, 64K, rw, shared, o)\ntouch(va, 64K, read)\ntouch(va, 64K, write)\n',
    );
    const all = tables((await litmap(["cost", join(folder, "v.lit")])).stdout);
    expect(all["drm.objects"]).toBeUndefined();
    expect(all.release).toMatchObject({
      "minor faults": ["-", "16", "16", "16", "32", "32"],
      outcome: ["unsupported", "=", "=", "=", "=", "="],
    });
    expect((await litmap(["cost", join(folder, "v.lit"), "--release", "5.10"])).stdout).toMatch(
      /\nunsupported: .*not modelled\n/,
    );
  });

  test("a test whose cost nothing changes; wrong requests", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "n.lit"), 'test n\n  "?"\n\nm = memfd_create(64K)\n');
    expect((await litmap(["cost", join(folder, "n.lit")])).stdout).toMatch(/\nno design .* changes what it costs\n$/);
    const wrong = await litmap(["cost", udmabuf(), "--point", "udmabuf.map"]);
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/no decision point 'udmabuf\.map'; did you mean 'udmabuf\.mmap'\?/),
    ]);
    const both = await litmap(["cost", udmabuf(), "--on", "6.12", "--point", "udmabuf.mmap"]);
    expect(both.status).toBe(2);
    const host = await litmap(["cost", udmabuf(), "--on", "host"]);
    expect([host.status, host.stderr]).toEqual([2, expect.stringMatching(/'host' cannot count instructions/)]);
  });
});

describe.skipIf(reason)("litmap cost --on 6.12", () => {
  test("instructions of each step beside what the model counts, the least of some runs", {
    timeout: 300_000,
  }, async () => {
    const { stdout, stderr, status } = await litmap(["cost", udmabuf(), "--on", "6.12", "--runs", "2", "--json"], {
      env: { LITMAP_CACHE: cache },
    });
    expect([status, stderr]).toEqual([0, ""]);
    const { kernel: release, steps, disagrees, runs } = JSON.parse(stdout);
    expect([release, disagrees, runs]).toEqual([expect.stringMatching(/^6\.12\./), [], 2]);
    const of = (op: string): { instructions: number; runs: number[]; counters: Record<string, number> } =>
      steps.find((step: { op: string }) => step.op === op);
    expect(of("mmap").instructions).toBeLessThan(20_000);
    // 256 faults, each of some thousand instructions.
    expect(of("touch").instructions).toBeGreaterThan(256 * 500);
    expect(of("touch").counters).toMatchObject({ faults: 256, ptes: 256, pat_lookups: 256 });
    expect(of("touch").instructions).toBe(Math.min(...of("touch").runs));
    // Counted, not timed: two runs differ by little.
    expect(Math.max(...of("touch").runs) / of("touch").instructions).toBeLessThan(1.2);
  });
});

test("cost has room for a buffer of 1 GiB, twice", async () => {
  const input = 'test two-buffers\n  "?"\n\na = dma_heap_alloc(system, 1G)\nb = dma_heap_alloc(system, 1G)\n';
  const { stdout } = await litmap(["cost", "-", "--point", "udmabuf.vmap"], { input });
  expect(stdout).toContain("two-buffers");
  expect(stdout).not.toContain("oops");
});
