import { describe, expect, test } from "vitest";
import type { CallStep, CallValue, Effective, Machine, Outcome, Values } from "../src/index.js";
import {
  callEntries,
  compare,
  compareReleases,
  judge,
  outcomeKeys,
  observerEntries,
  observersOn,
  recordEntries,
} from "../src/index.js";
import { samples, testOf } from "./text.js";

const model = (release: string, designs: Record<string, string> = {}, arch: Machine["arch"] = "x86_64"): Machine => ({
  kind: "model",
  release,
  arch,
  designs,
});
const kernel = (release: string): Machine => ({
  kind: "vm",
  release,
  arch: "x86_64",
  name: release,
  uname: `${release}.1`,
});
const outcome = (values: Values, more: Partial<Outcome> = {}): Outcome => ({ status: "ok", values, ms: 1, ...more });

const pre =
  "buf = dma_heap_alloc(system, 64K)\nva = mmap(buf, 64K, rw, shared)\nn = load(va)\nr = munlockall()\n" +
  "s = smaps(va)\ne = poll(buf, in|out)\np = maps(va).perms\n";
const values: Values = {
  buf: "ok",
  va: "ok",
  n: 4096,
  r: "ok",
  "s.Pss": 0,
  "s.Rss": 8192,
  "s.VmFlags": ["io", "pf", "rd"],
  e: ["in", "out"],
  p: "rw-s",
};

function holds(claim: string, given: Values = values): boolean {
  return judge(testOf(`${pre}expect ${claim}`), outcome(given), model("6.12")).claims[0].holds;
}

describe("claims", () => {
  test.each([
    "n == 4096",
    "n == 4K",
    "n == 1p",
    "n != 3",
    "n >= 4K and n <= 0x1000",
    "n == ok",
    "not n == 3",
    "n + 4K == 8K",
    "n - 1 < 4K",
    "n == s.Rss - 4K",
    "r == ok",
    "r == 0",
    "r == buf",
    "r != EINVAL",
    "va == ok",
    "s == ok",
    "s.Pss == 0",
    "s.Rss > s.Pss",
    "pf in s.VmFlags",
    "[rd io] in s.VmFlags",
    "not wr in s.VmFlags",
    "s.VmFlags == [rd pf io]",
    "s.VmFlags != [rd pf]",
    "s.VmFlags == rd|pf|io",
    "e == in|out",
    "in in e",
    "e != none",
    "e != in",
    'p == "rw-s"',
    'p != "rw-p"',
    "p == ok",
    "n in [EFAULT, 4K]",
    "r in [ok, EINVAL]",
    'p in ["a", "rw-s"]',
    "not n in [1, 2]",
    "n != not_reached",
    "n == 1 or n == 4K",
    "(n == 1 or n == 4K) and r == ok",
  ])("%s", (claim) => expect(holds(claim)).toBe(true));

  test.each([
    "n == 4095",
    "n == EFAULT",
    "n < 4K",
    "n != 4096",
    "r == EINVAL",
    "r != 0",
    "s.Pss == 1",
    "s == EFAULT",
    "wr in s.VmFlags",
    "[rd wr] in s.VmFlags",
    "s.VmFlags == [rd]",
    "s.VmFlags == none",
    "e == none",
    "e == in",
    'p == "rw"',
    "n in [1, 2]",
    "n == not_reached",
    "not n == 4K",
  ])("not: %s", (claim) => expect(holds(claim)).toBe(false));

  test("a failure is its errno, a field of a failed record too", () => {
    const failed: Values = {
      buf: "ok",
      va: "EINVAL",
      n: "SIGSEGV",
      r: "errno 999",
      s: "EFAULT",
      e: "EBADF",
      p: "EFAULT",
    };
    for (const claim of [
      "va == EINVAL",
      "va != ok",
      "n == SIGSEGV",
      "n != ok",
      "r != ok",
      "r != 0",
      "s == EFAULT",
      "s != ok",
      "s.Pss == EFAULT",
      "s.Pss != 0",
      "s.Pss != ok",
      "e == EBADF",
      "p == EFAULT",
    ]) {
      expect([claim, holds(claim, failed)]).toEqual([claim, true]);
    }
    for (const claim of [
      "n == 0",
      "n < 5",
      "n > 5",
      "s.Pss == 0",
      "pf in s.VmFlags",
      "s.VmFlags == none",
      "n + 1 == 1",
      "e == none",
    ]) {
      expect([claim, holds(claim, failed)]).toEqual([claim, false]);
    }
  });

  test("what was not reached makes every comparison false", () => {
    const late: Values = {
      buf: "ENOMEM",
      va: { not_reached: 3 },
      n: { not_reached: 3 },
      r: "ok",
      s: { not_reached: 3 },
      e: { not_reached: 3 },
      p: { not_reached: 3 },
    };
    for (const claim of [
      "n == 0",
      "n != 0",
      "n == ok",
      "n != ok",
      "va != EINVAL",
      "s.Pss == 0",
      "s.Pss != 0",
      "s == ok",
      "pf in s.VmFlags",
      "n in [0, EFAULT]",
      "n != not_reached",
      "va == buf",
    ]) {
      expect([claim, holds(claim, late)]).toEqual([claim, false]);
    }
    for (const claim of [
      "n == not_reached",
      "s == not_reached",
      "s.Pss == not_reached",
      "buf != not_reached",
      "not n == 0",
    ])
      expect([claim, holds(claim, late)]).toEqual([claim, true]);
  });

  test("hold where their scope does", () => {
    const t = testOf(
      "n = munlockall()\non linux == 6.12 { expect n == 0 }\non linux >= 6.13 { expect n == EPERM }\n" +
        "on arch arm { expect n == EINVAL }\nwith a.b = c { expect n == EIO }",
    );
    const lines = (machine: Machine, effective?: Effective) =>
      judge(t, outcome({ n: "ok" }), machine, effective).claims.map((c) => `${c.line} ${c.text} ${c.holds}`);
    expect(lines(model("6.12"))).toEqual(["4 n == 0 true"]);
    expect(lines(kernel("6.12.107"))).toEqual(["4 n == 0 true"]);
    expect(lines(model("6.13"))).toEqual(["5 n == EPERM false"]);
    expect(lines(model("7.2-rc1", {}, "arm"))).toEqual(["5 n == EPERM false", "6 n == EINVAL false"]);
    expect(lines(model("6.1"), { "a.b": "c" })).toEqual(["7 n == EIO false"]);
    expect(lines(model("6.1", { "a.b": "c" }))).toEqual(["7 n == EIO false"]);
    expect(lines(model("6.1", { "a.b": "c" }), { "a.b": "d" })).toEqual([]);
    expect(lines(kernel("6.1"), { "a.b": "c" })).toEqual([]);
    expect(judge(t, outcome({ n: "ok" }), model("6.1")).status).toBe("ok");
    expect(judge(t, outcome({ n: "ok" }), model("6.13")).status).toBe("surprise");
  });

  test("without 'with' say nothing of a kernel whose design was changed", () => {
    const t = testOf(
      "n = munlockall()\nexpect n == EPERM\non linux >= 6.1 { expect n == EINVAL }\nwith a.b = c {\n" +
        "  expect n == 0\n  on linux >= 6.1 { expect n == ok }\n}",
    );
    const changed = judge(t, outcome({ n: "ok" }), model("6.12", { "a.b": "c" }));
    expect(changed.claims.map((c) => c.text)).toEqual(["n == 0", "n == ok"]);
    expect(changed.status).toBe("ok");
    expect(judge(t, outcome({ n: "ok" }), model("6.12")).claims.map((c) => c.text)).toEqual([
      "n == EPERM",
      "n == EINVAL",
    ]);
  });

  test("releases are numbers, not texts", () => {
    expect(compareReleases("6.2", "6.12")).toBeLessThan(0);
    expect(compareReleases("6.12.99", "6.12")).toBe(0);
    expect(compareReleases("6.12.99", "6.12.118")).toBeLessThan(0);
    expect(compareReleases("6.18.1", "6.12.118")).toBeGreaterThan(0);
    expect(compareReleases("7.0-rc3", "6.19")).toBeGreaterThan(0);
  });

  test("a scope of an update: those before it, and other series, are outside", () => {
    const t = testOf(
      "n = munlockall()\nexpect n == 0\non linux == 6.12 { expect n != EBADF }\n" +
        "on linux >= 6.12.118 { on linux < 6.13 { expect n == ok } }\non linux < 6.12.118 { expect n == EPERM }",
    );
    const texts = (machine: Machine): string[] =>
      judge(t, outcome({ n: "ok" }), machine).claims.map(({ text }) => text);
    const kernel = (release: string): Machine => ({ kind: "vm", release, arch: "x86_64", name: "k", uname: release });
    expect(texts(kernel("6.12.118"))).toEqual(["n == 0", "n != EBADF", "n == ok"]);
    expect(texts(kernel("6.12.117"))).toEqual(["n == 0", "n != EBADF", "n == EPERM"]);
    expect(texts(kernel("6.18.15"))).toEqual(["n == 0"]);
    expect(texts(model("6.12.119"))).toEqual(["n == 0", "n != EBADF", "n == ok"]);
    expect(texts(model("6.12.107"))).toEqual(["n == 0", "n != EBADF", "n == EPERM"]);
  });

  test("other statuses pass through", () => {
    const t = testOf("n = munlockall()\nexpect n == 0");
    for (const status of ["unsupported", "hang", "oops", "broken"] as const)
      expect(judge(t, { status, values: {}, ms: 0 }, model("6.12"))).toEqual({ status, claims: [] });
  });

  test("of all schedules", () => {
    const t = testOf(
      "parallel { A { x = munlockall() } kernel { y = compact() } }\nexpect x == 0\nalways x == ok\nnever y == 3\n" +
        "sometimes y == 2\nnever deadlock\nsometimes leak",
    );
    const histogram = [
      { values: { x: "ok", y: 1 }, count: 3 },
      { values: { x: "ok", y: 2 }, count: 1 },
    ];
    const all = outcome({ x: "ok", y: 1 }, { histogram });
    const leak = [{ invariant: "leak", schedule: "AK", story: [] }];
    const truth = (o: Outcome, m: Machine) => judge(t, o, m).claims.map((c) => `${c.text} ${c.holds}`);
    expect(truth({ ...all, violations: leak }, model("6.12"))).toEqual([
      "x == 0 true",
      "always x == ok true",
      "never y == 3 true",
      "sometimes y == 2 true",
      "never deadlock true",
      "sometimes leak true",
    ]);
    expect(truth(all, model("6.12"))).toContain("sometimes leak false");
    expect(
      truth({ ...all, violations: [{ invariant: "deadlock", schedule: "", story: [] }] }, model("6.12")),
    ).toContain("never deadlock false");
    expect(truth(all, kernel("6.12"))).toEqual([
      "x == 0 true",
      "always x == ok true",
      "never y == 3 true",
      "sometimes y == 2 true",
    ]);
    expect(truth(outcome({ x: "ok", y: 1 }), kernel("6.12"))).toEqual([
      "x == 0 true",
      "always x == ok true",
      "never y == 3 true",
    ]);
    expect(truth(outcome({ x: "ok", y: 3 }), model("6.12"))).toEqual([
      "x == 0 true",
      "always x == ok true",
      "never y == 3 false",
      "sometimes y == 2 false",
      "never deadlock true",
      "sometimes leak false",
    ]);
    const mixed = outcome({}, { histogram: [...histogram, { values: { x: "EINVAL", y: 2 }, count: 1 }] });
    expect(truth(mixed, model("6.12")).slice(0, 2)).toEqual(["x == 0 false", "always x == ok false"]);
    const stopped = { ...all, status: "incomplete" } as const;
    expect(judge(t, stopped, model("6.12")).status).toBe("incomplete");
    expect(truth(stopped, model("6.12"))).toEqual(["sometimes y == 2 true"]);
    expect(truth({ ...stopped, histogram: mixed.histogram, violations: leak }, model("6.12"))).toEqual([
      "x == 0 false",
      "always x == ok false",
      "sometimes y == 2 true",
      "sometimes leak true",
    ]);
  });
});

describe("keys of an outcome", () => {
  test("names, fields, observers", () => {
    const t = testOf(
      `${"va = mmap(anon, 4K, rw, private)\nn = faults { f = fstat(3); munlockall() }\nq = maps(va).perms\nfork C\nparallel { A { x = load(va) } C { y = load(va) } }\non arch arm { expect smaps(va).Pss == 0 }\nexpect smaps(va).Rss == 0 and mincore(va, 4K) == 1\nexpect fstat == ok".replace(
        "\nexpect fstat == ok",
        "",
      )}\nC: expect maps(va) == ok`,
    );
    expect(outcomeKeys(t, model("6.12"))).toEqual([
      "va",
      "f.size",
      "f.blocks",
      "f.mode",
      "n",
      "q",
      "x",
      "y",
      "smaps(va).Pss",
      "smaps(va).Rss",
      "mincore(va, 4K)",
      "C: maps(va)",
    ]);
    const w = testOf(samples["direct-io-system-heap"].replace(/expect smaps\(va\).Pss == 0/, ""));
    expect(observersOn(w, model("6.12"), {}).map((o) => o.key)).toEqual([]);
    expect(outcomeKeys(w, model("6.12"), { "system-heap.mmap": "insert-page" })).toEqual([
      "buf",
      "va",
      "disk",
      "n",
      "smaps(va).Pss",
    ]);
    expect(outcomeKeys(w, kernel("6.12"), { "system-heap.mmap": "insert-page" })).toEqual(["buf", "va", "disk", "n"]);
  });

  test("results under their keys", () => {
    const [r, n, e, s, p] = testOf(
      "r = munlockall()\nn = load(3)\ne = poll(3, in)\ns = maps(0)\np = maps(0).offset\nmunlockall()",
    ).steps as CallStep[];
    const entries = (step: CallStep, value: CallValue) => Object.fromEntries(callEntries(step, value));
    expect(entries(r, 0)).toEqual({ r: "ok" });
    expect(entries(r, "EINVAL")).toEqual({ r: "EINVAL" });
    expect(entries(n, 0)).toEqual({ n: 0 });
    expect(entries(n, { not_reached: 4 })).toEqual({ n: { not_reached: 4 } });
    expect(entries(e, ["out", "in"])).toEqual({ e: ["in", "out"] });
    expect(entries(s, { path: "x", length: 4096 })).toEqual({ "s.length": 4096, "s.path": "x" });
    expect(Object.keys(entries(s, { path: "x", length: 4096 }))).toEqual(["s.length", "s.path"]);
    expect(entries(s, "EFAULT")).toEqual({ s: "EFAULT" });
    expect(entries(s, { not_reached: 1 })).toEqual({ s: { not_reached: 1 } });
    expect(entries(p, { offset: 7, path: "" })).toEqual({ p: 7 });
    expect(entries(p, "EFAULT")).toEqual({ p: "EFAULT" });
    expect(callEntries({ ...r, bind: undefined }, 0)).toEqual([]);
    expect(recordEntries("d", { kind: "descriptor", of: "memfd" }, 7)).toEqual([["d", "ok"]]);
    expect(recordEntries("a", { kind: "address" }, 0x7f0000)).toEqual([["a", "ok"]]);
  });

  test("observers give what claims look at", () => {
    const t = testOf(
      "va = mmap(anon, 4K, rw, private)\n" +
        "expect smaps(va).Rss == smaps(va).Pss and maps(va) == ok and mincore(va, 4K) == 0",
    );
    expect(observerEntries(t.observers[0], { Pss: 1, Rss: 2, Size: 3 })).toEqual([
      ["smaps(va).Rss", 2],
      ["smaps(va).Pss", 1],
    ]);
    expect(observerEntries(t.observers[0], "EFAULT")).toEqual([["smaps(va)", "EFAULT"]]);
    expect(observerEntries(t.observers[1], { length: 3 })).toEqual([["maps(va)", "ok"]]);
    expect(observerEntries(t.observers[2], 1)).toEqual([["mincore(va, 4K)", 1]]);
  });
});

describe("agreement", () => {
  const t = testOf(`${pre}o = maps(va)\nexpect smaps(va).Pss == 0`);
  const base: Values = {
    ...values,
    "o.length": 65536,
    "o.perms": "rw-s",
    "o.offset": 0,
    "o.path": "",
    "smaps(va).Pss": 0,
  };

  test("is equality of every value", () => {
    expect(compare(t, outcome(base), outcome({ ...base }))).toEqual([]);
    expect(
      compare(t, outcome(base), outcome({ ...base, n: 1, "s.VmFlags": ["rd", "pf", "io"], va: "EINVAL" })),
    ).toEqual(["va", "n"]);
    expect(compare(t, outcome(base), outcome({ ...base, "s.VmFlags": ["rd", "pf"] }))).toEqual(["s.VmFlags"]);
    expect(
      compare(t, outcome({ ...base, n: { not_reached: 3 } }), outcome({ ...base, n: { not_reached: 4 } })),
    ).toEqual(["n"]);
    const { "s.Rss": _, ...less } = base;
    expect(compare(t, outcome(base), outcome(less))).toEqual(["s.Rss"]);
    const { "s.Pss": a, "s.VmFlags": b, ...none } = less;
    expect(compare(t, outcome(base), outcome({ ...none, s: "EFAULT" }))).toEqual(["s"]);
    const { "smaps(va).Pss": c, ...unobserved } = base;
    expect(compare(t, outcome(base), outcome(unobserved))).toEqual([]);
    expect(compare(t, outcome(base), outcome({ ...unobserved, "smaps(va)": "EFAULT" }))).toEqual(["smaps(va)"]);
    expect(compare(t, outcome(base), { status: "oops", values: {}, ms: 0 })).toEqual([]);
    expect(compare(t, outcome(base, { status: "incomplete" }), outcome({ ...base, n: 1 }))).toEqual(["n"]);
    expect(compare(t, outcome(base), outcome({ ...base, n: 1 }, { status: "incomplete" }))).toEqual([]);
    expect([_, a, b, c]).toHaveLength(4);
  });

  test("of fields that differ from boot to boot, only what is claimed", () => {
    expect(compare(t, outcome(base), outcome({ ...base, "o.offset": 12345 }))).toEqual([]);
    const claimed = testOf(`${pre}o = maps(va)\nexpect o.offset != 0 and n == 1`);
    expect(compare(claimed, outcome({ ...base, "o.offset": 1 }), outcome({ ...base, "o.offset": 2 }))).toEqual([]);
    expect(compare(claimed, outcome({ ...base, "o.offset": 0 }), outcome({ ...base, "o.offset": 2 }))).toEqual([
      "o.offset",
    ]);
    const observed = testOf(`${pre}expect smaps(va).Pss_Dirty == 4K`);
    expect(
      compare(
        observed,
        outcome({ ...values, "smaps(va).Pss_Dirty": 4096 }),
        outcome({ ...values, "smaps(va).Pss_Dirty": 0 }),
      ),
    ).toEqual(["smaps(va).Pss_Dirty"]);
    expect(compare(observed, outcome({ ...values, "smaps(va).Pss_Dirty": 4096 }), outcome(values))).toEqual([]);
  });

  test("of a concurrent test: observed is among allowed", () => {
    const c = testOf("parallel { A { x = munlockall() } kernel { y = compact(); z = compact() } }");
    const allowed = outcome(
      {},
      {
        histogram: [
          { values: { x: "ok", y: 1, z: 1 }, count: 1 },
          { values: { x: "EINVAL", y: 2, z: 2 }, count: 1 },
        ],
      },
    );
    const seen = (...sets: Values[]) => outcome({}, { histogram: sets.map((v) => ({ values: v, count: 500 })) });
    expect(compare(c, allowed, seen({ x: "ok", y: 1, z: 1 }))).toEqual([]);
    expect(compare(c, allowed, seen({ x: "ok", y: 1, z: 1 }, { x: "EINVAL", y: 2, z: 2 }))).toEqual([]);
    expect(compare(c, allowed, seen({ x: "ok", y: 1, z: 1 }, { x: "ok", y: 2, z: 2 }))).toEqual(["x"]);
    expect(compare(c, allowed, seen({ x: "ok", y: 1, z: 7 }))).toEqual(["z"]);
    expect(compare(c, seen({ x: "ok", y: 1, z: 1 }), allowed)).toEqual(["x", "y", "z"]);
  });
});
