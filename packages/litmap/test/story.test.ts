import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@litmap/litmus";
import type { Prediction } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { tell } from "../src/report/story.js";
import { paintFor } from "../src/terminal.js";
import { litmap, scratch } from "./command.js";

const paint = paintFor({ isTTY: false });

const text = `test story
  "What is told?"

m  = memfd_create(64K)
va = mmap(m, 64K, rw, shared)
n  = mem_read(va, 4K, A)
x  = load(va)

expect n == EFAULT
expect smaps(va).Pss == 0
`;

const pfnmap = {
  id: "gup/vma-pfnmap",
  index: 0,
  sentence:
    "The slow walk refuses a mapping with VM_IO or VM_PFNMAP with EFAULT, whatever its page table holds, says this " +
    "long sentence.",
  kernel: "check_vma_flags, mm/gup.c",
};
const made = {
  id: "memfd/made",
  index: 1,
  sentence: "The file is made.",
  kernel: "memfd_create, mm/memfd.c",
  unproven: "nobody looked",
};

describe("the story of a test", () => {
  const parsed = parse(text, { file: "story.lit" }).test!;
  const prediction: Prediction = {
    status: "ok",
    machine: { kind: "model", release: "6.12", arch: "x86_64", designs: { "udmabuf.mmap": "normal-page" } },
    values: { m: "ok", va: "ok", n: "EFAULT", x: { not_reached: 6 }, "smaps(va).Pss": 0 },
    rules: ["memfd/made", "gup/vma-pfnmap"],
    counters: { faults: 1, ptes: 16, tables: 0, tlb_flushes: 0 },
    ms: 1,
    steps: [
      {
        line: 4,
        actor: "A",
        op: "memfd_create",
        bind: "m",
        result: 3,
        events: [{ rule: made, kind: "note", errno: 0, about: "inode 1" }],
        counters: {},
      },
      { line: 5, actor: "A", op: "mmap", bind: "va", result: 4294967296, events: [], counters: {} },
      {
        line: 6,
        actor: "A",
        op: "mem_read",
        bind: "n",
        result: "EFAULT",
        events: [{ rule: pfnmap, kind: "refuse", errno: 14, about: "" }],
        counters: {},
      },
      { line: 7, actor: "A", op: "load", bind: "x", result: { not_reached: 6 }, events: [], counters: {} },
      {
        line: 10,
        actor: "A",
        op: "smaps",
        result: { Pss: 0 },
        events: [{ rule: pfnmap, kind: "note", errno: 0, about: "again" }],
        counters: {},
      },
    ],
  };
  const witness = (hash: string, n: string) => ({
    test: "story",
    hash,
    status: "ok" as const,
    values: { ...prediction.values, n },
    date: "2026-11-21",
  });
  const seen = (kernel: string, release: string, hash: string, n: string) => ({
    kernel: { kernel, release, arch: "x86_64", uname: kernel },
    tests: new Map([["story", witness(hash, n)]]),
  });

  test("line by line, each rule once, then claims, cost and evidence", () => {
    const told = tell(
      {
        test: parsed,
        text,
        prediction,
        claims: [
          { text: "n == EFAULT", holds: true, line: 9 },
          { text: "smaps(va).Pss == 0", holds: false, line: 10 },
        ],
        evidence: [
          seen("6.1.1", "6.1", parsed.hash, "4096"),
          seen("6.12.7", "6.12", parsed.hash, "EFAULT"),
          seen("6.12.8", "6.12", parsed.hash, "EINVAL"),
          seen("7.2.1", "7.2", "another", "EFAULT"),
        ],
        warnings: [],
      },
      paint,
      80,
    );
    expect(`\n${told.replace(/\.ts:\d+/, ".ts:LINE")}\n`).toBe(`
story   model 6.12, x86_64, udmabuf.mmap = normal-page
What is told?
story.lit

 4  m  = memfd_create(64K)          ok
    · memfd/made  inode 1
        The file is made.
        memfd_create, mm/memfd.c  unproven
 5  va = mmap(m, 64K, rw, shared)   ok
 6  n  = mem_read(va, 4K, A)        EFAULT
    ✗ gup/vma-pfnmap
        The slow walk refuses a mapping with VM_IO or VM_PFNMAP with EFAULT,
        whatever its page table holds, says this long sentence.
        check_vma_flags, mm/gup.c
        model packages/model/src/mm/gup.ts:LINE
 7  x  = load(va)                   not reached: line 6 failed

observed for the claims
    smaps(va)                       Pss 0
    · gup/vma-pfnmap  again

claims
  holds  n == EFAULT         line 9
  fails  smaps(va).Pss == 0  line 10

cost
  1 minor fault, 16 page-table writes

evidence
  6.12.7  the same outcome                        2026-11-21
  6.12.8  DISAGREES: n EINVAL                     2026-11-21
  6.1.1   otherwise: n 4096                       2026-11-21
  7.2.1   recorded with other steps of this test  2026-11-21
`);
  });

  test("a test that cannot run says why and what to do about evidence", () => {
    const told = tell(
      {
        test: parsed,
        text,
        prediction: { ...prediction, status: "unsupported", reason: "no such thing", steps: [] },
        claims: [],
        evidence: [],
        warnings: [],
      },
      paint,
      80,
    );
    expect(told).toContain(
      "\n\nunsupported: no such thing\n\nevidence\n" +
        "  none recorded; `litmap run story.lit --on 6.12 --record` asks a kernel",
    );
  });
});

describe("litmap explain", () => {
  test("the direct-I/O test: every step, the deciding rule with its function, the claims", async () => {
    const { stdout, status } = await litmap(["explain", "direct-io-system-heap", "--release", "6.12"]);
    expect(stdout).toMatch(/^direct-io-system-heap {3}model 6\.12, x86_64\nCan O_DIRECT/);
    expect(stdout).toMatch(/ 8 {2}n {4}= pwrite\(disk, va, 4K, 0\) +EFAULT\n/);
    expect(stdout).toMatch(/✗ gup\/vma-pfnmap[^\n]*\n[^\n]*VM_PFNMAP[\s\S]*check_vma_flags, mm\/gup\.c/);
    expect(stdout).toContain("  holds  n == EFAULT         line 10\n");
    expect(stdout).toContain("16 page-table writes");
    expect(status).toBe(0);
  });

  test("a name bound to a field shows the field's value; a file outside of the corpus is named by its path", async () => {
    const text =
      'test field-here\n  "?"\n\na = meminfo().Shmem\nm = memfd_create(64K)\nva = mmap(m, 64K, rw, shared)\n' +
      "store(va, 1)\nb = meminfo().Shmem\nr = smaps(va).Rss\nf = smaps(va).VmFlags\nn = maps(va).perms\n";
    const file = join(scratch(), "field-here.lit");
    writeFileSync(file, text);
    const { stdout } = await litmap(["explain", file, "--release", "6.12"]);
    const shown = (name: string): string | undefined => new RegExp(`${name} += [^\\n]*? {3}(\\S.*)`).exec(stdout)?.[1];
    expect(["a", "b", "r", "n"].map(shown)).toEqual(["0", "4K", "4K", "rw-s"]);
    expect(shown("f")).toMatch(/^\[.*\brd\b.*\]$/);
    const hint = /`litmap (run \S+) --on/.exec(stdout)?.[1].split(" ") ?? [];
    expect((await litmap(hint)).status).toBe(0);
  });

  test("JSON has the steps with their rules", async () => {
    const { stdout } = await litmap(["explain", "direct-io-system-heap", "--json"]);
    const { steps } = JSON.parse(stdout);
    const last = steps.find((step: { op: string }) => step.op === "pwrite");
    expect(last).toMatchObject({ line: 8, actor: "A", bind: "n", result: "EFAULT" });
    expect(last.rules.find((rule: { id: string }) => rule.id === "gup/vma-pfnmap")).toMatchObject({
      kind: "refuse",
      kernel: "check_vma_flags, mm/gup.c",
      model: [expect.stringMatching(/^packages\/model\/src\/mm\/gup\.ts:\d+$/)],
    });
  });

  test("the model's line is the one that refuses", async () => {
    const { stdout } = await litmap(["explain", "direct-io-system-heap", "--json"]);
    const { steps } = JSON.parse(stdout);
    const rules = steps.flatMap((step: { rules: { id: string; model: string[] }[] }) => step.rules);
    const [site] = rules.find((rule: { id: string }) => rule.id === "gup/vma-pfnmap").model;
    const [path, line] = site.split(":");
    const source = readFileSync(join(import.meta.dirname, "../../..", path), "utf8").split("\n");
    expect(source[Number(line) - 1]).toContain('refuse(rule["gup/vma-pfnmap"], errnos.EFAULT');
  });

  test("a concurrent test: all schedules, and one of them by --schedule", async () => {
    const { stdout, status } = await litmap(["explore", "close-map"]);
    expect(stdout).toMatch(/\nschedules\n {2}\d+ executions, \d+ states/);
    const schedules = [...stdout.matchAll(/--schedule '([^']+)'/g)].map((found) => found[1]);
    expect(schedules.length).toBeGreaterThan(0);
    expect(status).toBe(0);
    const one = await litmap(["explain", "close-map", "--schedule", schedules[0]]);
    expect(one.stdout).toContain("c = close(m)");
    expect(one.status).toBe(0);
    const never = await litmap(["explain", "close-map", "--schedule", "Z:1"]);
    expect(never.stderr).toMatch(/^litmap: --schedule: /);
    expect(never.status).toBe(2);
  });
});
