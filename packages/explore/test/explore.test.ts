import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { judge, parse, isConcurrent } from "@litmap/litmus";
import { Kernel } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { explore, runSchedule } from "../src/explore.js";
import type { Test } from "@litmap/litmus";
import type { KernelOptions } from "@litmap/model";
import type { Exploration } from "../src/explore.js";

const races = join(import.meta.dirname, "../../../corpus/race");

function testOf(text: string): Test {
  const { test, diagnostics } = parse(text);
  if (test === undefined) throw new Error(diagnostics.map((d) => d.message).join("; "));
  return test;
}

const race = (name: string): Test => testOf(readFileSync(join(races, `${name}.lit`), "utf8"));

/** Every outcome, and every invariant that was broken, as sorted texts. */
function outcomes(e: Exploration): string[] {
  return [
    ...(e.histogram ?? []).map(({ values }) => JSON.stringify(values)),
    ...(e.violations ?? []).map(({ invariant }) => invariant),
  ].sort();
}

/** Counts are [with reduction, without]. */
function counts(test: Test, options: KernelOptions) {
  const reduced = explore(test, options);
  const full = explore(test, { ...options, reduce: false });
  expect(outcomes(reduced)).toEqual(outcomes(full));
  return {
    executions: [reduced.executions, full.executions],
    states: [reduced.states, full.states],
    outcomes: outcomes(reduced).length,
  };
}

describe("the races of the corpus", () => {
  // Enumerating these without reduction takes seconds; their reduced outcomes are claimed in the corpus.
  const large = new Set(["message-passing", "two-stores-memfd", "fork-two-stores-anon", "prime-import-close"]);

  for (const file of readdirSync(races).filter((name) => name.endsWith(".lit"))) {
    const name = file.slice(0, -4);
    if (large.has(name)) continue;
    test(`${name}: reduction loses no outcome`, () => {
      for (const release of ["6.12", "7.3"]) counts(race(name), { release });
    });
  }
});

describe("exact counts", () => {
  test("udmabuf create against adding seals: the inode lock makes one of them wait", () => {
    const test = race("udmabuf-create-add-seals");
    expect(counts(test, { release: "6.12" })).toEqual({ executions: [12, 12], states: [73, 73], outcomes: 2 });
    expect(counts(test, { release: "6.1" })).toEqual({ executions: [16, 51], states: [70, 127], outcomes: 3 });
  });

  test("munmap against a fault", () => {
    expect(counts(race("munmap-touch-udmabuf"), { release: "6.12" })).toEqual({
      executions: [9, 23],
      states: [57, 103],
      outcomes: 2,
    });
    expect(counts(race("munmap-touch-udmabuf"), { release: "7.3" })).toEqual({
      executions: [9, 23],
      states: [57, 103],
      outcomes: 2,
    });
  });

  test("two faults on one udmabuf", () => {
    expect(counts(race("two-faults-udmabuf"), { release: "6.12" })).toEqual({
      executions: [4, 356],
      states: [40, 1033],
      outcomes: 1,
    });
    expect(counts(race("two-faults-udmabuf"), { release: "7.3" })).toEqual({
      executions: [4, 356],
      states: [40, 1033],
      outcomes: 1,
    });
  });
});

describe("a race that only some kernels have", () => {
  const sealed = race("udmabuf-create-add-seals");
  const both = (e: Exploration): boolean =>
    (e.histogram ?? []).some(({ values }) => values.buf === "ok" && values.s === "ok");

  test("seals and create both succeed where the seal check and the pinning are two steps", () => {
    expect(both(explore(sealed, { release: "6.1" }))).toBe(true);
    expect(both(explore(sealed, { release: "6.12" }))).toBe(false);
    expect(both(explore(sealed, { release: "6.12", designs: { "udmabuf.seal-check": "unlocked" } }))).toBe(true);
  });
});

describe("the shortest violating schedule", () => {
  const raced = race("shmem-vmap-shrinker");
  const options: KernelOptions = { designs: { "drm-shmem.vmap": "uncounted" } };

  test("is found in the broken design, and not in those that count", () => {
    expect(explore(raced, options).violations).toMatchObject([{ invariant: "use-after-free" }]);
    for (const choice of ["use-count", "pin-count"] as const) {
      expect(explore(raced, { designs: { "drm-shmem.vmap": choice } }).violations).toEqual([]);
    }
  });

  test("tells who freed what, and replays", () => {
    const [violation] = explore(raced, options).violations ?? [];
    expect(violation.story.at(-1)).toMatch(/uses that page .* after it was freed/);
    expect(violation.story.at(-2)).toMatch(/the shrinker purged/);
    const again = runSchedule(raced, violation.schedule, options);
    expect("violations" in again && again.violations?.map(({ invariant }) => invariant)).toEqual(["use-after-free"]);
  });

  test("is no schedule of another test", () => {
    expect(runSchedule(race("mprotect-store"), "Z:1")).toMatchObject({ error: expect.stringContaining("names 'Z'") });
    expect(runSchedule(race("mprotect-store"), "nonsense")).toMatchObject({
      error: expect.stringContaining("is not NAME:STEPS"),
    });
  });
});

describe("tests around the concurrent section", () => {
  test("a test without one has one schedule", () => {
    const test = testOf('test t\n  "?"\nm = memfd_create(4K)\nva = mmap(m, 4K, rw, shared)\nx = load(va)');
    expect(isConcurrent(test)).toBe(false);
    expect(explore(test)).toMatchObject({ executions: 1, complete: true, values: { m: "ok", va: "ok", x: 0 } });
  });

  test("sections run one after the other, observers last", () => {
    const test = testOf(`test t
  "?"
thread T of A
va = mmap(anon, 4K, rw, private)
parallel {
  A { store(va, 1) }
  T { store(va, 2) }
}
x = load(va)
parallel {
  A { store(va, 3) }
  T { y = load(va) }
}
always smaps(va).Rss == 4K`);
    const e = explore(test);
    expect(e.complete).toBe(true);
    const seen = new Set((e.histogram ?? []).map(({ values }) => `${values.x} ${values.y}`));
    expect([...seen].sort()).toEqual(["1 1", "1 3", "2 2", "2 3"]);
    expect(judge(test, e, e.machine, new Kernel().design).status).toBe("ok");
  });

  test("says when a limit left schedules out", () => {
    expect(explore(race("two-faults-udmabuf"), { reduce: false, limits: { executions: 7 } })).toMatchObject({
      status: "incomplete",
      reason: "the search was stopped after 7 executions",
      executions: 7,
      complete: false,
    });
  });
});

describe("the test's own ending", () => {
  const after = (last: string): Test =>
    testOf(`test t
  "?"
card = drm_open(vgem)
va = mmap(anon, 4K, rw, private)
thread T of A
parallel {
  A { store(va, 1) }
  T { store(va, 2) }
}
${last}`);

  test("is a hang where the steps after a parallel block wait for ever", () => {
    for (const reduce of [true, false])
      expect(explore(after("n = read(card, va, 4K)"), { reduce })).toMatchObject({
        status: "hang",
        reason: "waits for events of a DRM file",
        violations: [{ invariant: "deadlock" }],
      });
  });

  test("is an oops where the steps before a parallel block end the kernel", () => {
    const early = testOf(`test t
  "?"
process B
buf = dma_heap_alloc(system, 1T)
parallel {
  A { c = close(buf) }
  B { fd = receive(buf) }
}`);
    expect(explore(early)).toMatchObject({ status: "oops", reason: expect.stringContaining("out of memory") });
  });

  test("a warning that every schedule prints is an oops, one that some print breaks an invariant", () => {
    const zeroPage = testOf(`test t
  "?"
thread T of A
va = mmap(anon, 4K, rw, private)
parallel {
  A { t = gup_test(va, 4K, pin) }
  T { store(va, 1) }
}`);
    for (const reduce of [true, false]) {
      const some = explore(zeroPage, { reduce, release: "6.12" });
      expect(some).toMatchObject({ status: "ok", violations: [{ invariant: "kernel-bug" }] });
      const { schedule, story } = some.violations![0];
      expect(story.at(-1)).toContain("gup-test/not-pinned");
      expect(runSchedule(zeroPage, schedule, { release: "6.12" })).toMatchObject({
        status: "oops",
        reason: expect.stringContaining("gup-test/not-pinned"),
      });
    }
    const every = after("vb = mmap(anon, 4K, rw, private)\nt = gup_test(vb, 4K, pin)");
    expect(explore(every, { release: "6.12" })).toMatchObject({
      status: "oops",
      reason: expect.stringContaining("gup-test/not-pinned"),
      values: { t: 1 },
    });
  });

  test("a bug of the kernel outside of a parallel block is an outcome on every release and architecture", () => {
    const options = { arch: "arm", release: "6.1", designs: { "ttm.mmap": "mixedmap" } } as const;
    expect(explore(race("swap-touch-ttm"), options).status).toBe("oops");
  });
});

describe("paths that lock below a mapping's end", () => {
  test("munmap of an imported object waits for the reservation lock, with and without reduction", () => {
    const found = [true, false].map((reduce) =>
      explore(race("munmap-imported-ttm-map-attachment"), { reduce, release: "7.2" }),
    );
    for (const { status, violations, values } of found)
      expect({ status, violations, u: values.u, un: values.un }).toEqual({
        status: "ok",
        violations: [],
        u: "ok",
        un: "ok",
      });
    expect(found.map(({ executions }) => executions)).toEqual([23, 399]);
  });
});
