/** A search that its limit stopped is `incomplete` wherever it is told, and proves nothing. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@litmap/litmus";
import type { Outcome } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import { differences, judged } from "../src/judging.js";
import { ask, ModelMachine } from "../src/machines/model.js";
import { changeOf } from "../src/report/changes.js";
import { troubleOf } from "../src/report/trouble.js";
import { compared, resultOf } from "../src/result.js";
import { agreesWith } from "../src/witnesses.js";
import { litmap, scratch } from "./command.js";

const body = (steps: string, claims: string): string => `test long-search
  "?"

process B
va = mmap(anon, 64K, rw, private)
parallel {
  A {
${steps.repeat(8)}  }
  B {
${steps.repeat(8)}  }
}
y = load(va)

${claims}`;
const steps = "    mmap(anon, 4K, rw, private)\n    memfd_create(4K)\n";
const text = body(steps, "always y == 0\nsometimes y == 0\nnever y == 1\n");

function written(): string {
  const file = join(scratch(), "long-search.lit");
  writeFileSync(file, text);
  return file;
}

describe("a search of which there is no end", () => {
  const stopped = ["--search-time", "1"];
  const reason = /the search was stopped after 1 s and \d+ executions/;

  test("run: no line says that it is as expected", async () => {
    const junit = join(scratch(), "junit.xml");
    const { stdout, status } = await litmap(["run", written(), ...stopped, "--junit", junit]);
    expect(stdout).toMatch(/^long-search +incomplete\n {2}incomplete: the search was stopped after 1 s/);
    expect(stdout).toContain("1 test, 0 as expected, 0 surprises, 1 incomplete");
    expect(readFileSync(junit, "utf8")).toMatch(
      /errors="1".*<error type="incomplete" message="incomplete: the search/s,
    );
    expect(status).toBe(1);
  });

  test("--json and --ktap", async () => {
    const json = await litmap(["run", written(), ...stopped, "--json"]);
    const { claims, ...result } = JSON.parse(json.stdout);
    expect(result).toMatchObject({ status: "incomplete", reason: expect.stringMatching(reason) });
    expect(claims).toEqual([{ text: "sometimes y == 0", holds: true }]);
    const ktap = await litmap(["run", written(), ...stopped, "--ktap"]);
    expect(ktap.stdout).toMatch(/# incomplete: the search was stopped.*\nnot ok 1 long-search/);
    expect([json.status, ktap.status]).toEqual([1, 1]);
  });

  test("explain, explore and whatif", async () => {
    for (const command of ["explain", "explore"]) {
      const { stdout, status } = await litmap([command, written(), ...stopped]);
      expect(stdout).toMatch(reason);
      expect(stdout).toContain("incomplete");
      expect(stdout).not.toMatch(/holds {2}(always|never)/);
      expect(status).toBe(1);
    }
    const whatif = await litmap(["whatif", "udmabuf.vmap=none", "--tests", written(), ...stopped]);
    expect(whatif.stdout).toMatch(/^0 of 1 tests change.*\n\nundecided\n {2}long-search {2}incomplete \(the search/);
    expect(whatif.status).toBe(1);
  });

  test("--limit counts executions", async () => {
    const { stdout, status } = await litmap(["explore", written(), "--limit", "7"]);
    expect(stdout).toContain("incomplete: the search was stopped after 7 executions");
    expect(status).toBe(1);
  });
});

describe("what an outcome outside of a search that was stopped is", () => {
  const asked = parse(text).test!;
  const model = new ModelMachine({ release: "6.12" }, { ms: 60_000, executions: 5 });
  const { outcome } = model.answer(asked);
  const elsewhere: Outcome = { ...outcome, status: "ok", histogram: [{ values: { va: "ok", y: 7 }, count: 1 }] };
  const kernel = { ...model.machine, kind: "vm", name: "6.12", uname: "6.12.1" } as const;

  test("no disagreement of a kernel", () => {
    expect(outcome.status).toBe("incomplete");
    const here = resultOf(asked, kernel, elsewhere, []);
    const there = resultOf(asked, model.machine, outcome, []);
    const differs = differences(asked, elsewhere, outcome);
    expect(differs).toHaveLength(1);
    expect(compared(here, there, differs)).toMatchObject({
      status: "incomplete",
      reason: expect.stringContaining("model 6.12"),
    });
    expect(compared(here, { ...there, status: "ok" }, differs).status).toBe("disagree");
  });

  test("not decided by evidence, and no change", () => {
    const witness = { test: asked.name, hash: asked.hash, ...elsewhere, date: "" } as const;
    const recorded = { kernel: "6.12.1", release: "6.12", arch: "x86_64", uname: "6.12.1" } as const;
    const evidence = { kernel: recorded, tests: new Map([[asked.name, witness]]) };
    expect(agreesWith(asked, outcome, evidence)).toBe("undecided");
    expect(agreesWith(asked, { ...outcome, status: "ok" }, evidence)).toHaveLength(1);
    const answer = { outcome, decided: new Map() };
    expect(changeOf(asked, answer, answer)).toMatchObject({ undecided: true });
  });
});

test("a claim that some schedule breaks is told with that schedule and its outcome", () => {
  const { test: asked } = parse(
    'test order\n  "?"\n\nthread B of A\nva = mmap(anon, 4K, rw, private)\nparallel {\n  A { store(va, 5) }\n  B { x = load(va) }\n}\n\n' +
      "always x == 0\nnever x == 5\nalways x == 0 or x == 5\n",
  );
  const machine = new ModelMachine({ release: "6.12" });
  const outcome = ask(asked!, { release: "6.12" });
  const result = resultOf(asked!, machine.machine, outcome, judged(asked!, outcome, machine.machine));
  const lines = troubleOf(result);
  expect(lines).toHaveLength(2);
  for (const line of lines)
    expect(line).toMatch(/expected (always x == 0|never x == 5); x is 5 \(--schedule '[AB:0-9 ]+'\)$/);
});
