import { Parser } from "tap-parser";
import { describe, expect, test } from "vitest";
import { ktap } from "../src/report/ktap.js";
import { kernel, model, ofEveryKind, result } from "./results.js";

/** What a TAP parser makes of it; KTAP's own version lines are no TAP. */
function parsed(text: string) {
  return Parser.parse(text.replace(/^ *KTAP version 1\n/gm, ""), { strict: false });
}

describe("KTAP", () => {
  test("one machine: a plan, a line a test, reasons above failures", () => {
    const text = ktap([
      result("fine"),
      result("surprising", {
        status: "surprise",
        values: { n: 4096 },
        claims: [{ text: "n == EFAULT", holds: false, line: 9 }],
      }),
      result("lacking", { status: "unsupported", reason: "6.1 has no /dev/udmabuf" }),
    ]);
    expect(text).toBe(
      [
        "KTAP version 1",
        "1..3",
        "ok 1 fine",
        "# corpus/x/surprising.lit:9: expected n == EFAULT; n is 4096",
        "not ok 2 surprising",
        "ok 3 lacking # SKIP 6.1 has no /dev/udmabuf",
        "",
      ].join("\n"),
    );
  });

  test("a TAP parser reads every kind of result", () => {
    const results = ofEveryKind.map((each) => ({ ...each, machine: model }));
    const asserts = parsed(ktap(results))
      .filter(([kind]) => kind === "assert")
      .map(([, assert]) => assert as { ok: boolean; name: string; skip: string | boolean; id: number });
    expect(asserts.map(({ id, ok, name, skip }) => [id, ok, name, skip !== false])).toEqual([
      [1, true, "fine", false],
      [2, false, "surprising", false],
      [3, false, "disagreeing", false],
      [4, true, "lacking", true],
      [5, false, "hanging", false],
      [6, false, "broken", false],
      [7, false, "unfinished", false],
      [8, false, "faulty", false],
      [9, false, "no-test", false],
    ]);
  });

  test("several machines are subtests, each with its own plan", () => {
    const text = ktap([
      result("fine"),
      result("fine", { machine: kernel }),
      result("other"),
      result("other", { machine: kernel, status: "hang", reason: "no answer" }),
    ]);
    expect(text).toContain(
      "    KTAP version 1\n    # Subtest: model 6.12\n    1..2\n    ok 1 fine\n    ok 2 other\nok 1 model 6.12\n",
    );
    expect(text).toMatch(/# hang: no answer\n {4}not ok 2 other\nnot ok 2 6\.12\n$/);
    const top = parsed(text).filter(([kind]) => kind === "assert");
    expect(top.map(([, assert]) => (assert as { ok: boolean }).ok)).toEqual([true, false]);
  });

  test("a reason of several lines stays one line, a # in a name begins no directive", () => {
    const text = ktap([result("odd # SKIP", { status: "oops", reason: "a\nb" })]);
    expect(text).toBe("KTAP version 1\n1..1\n# oops: a; b\nnot ok 1 odd  SKIP\n");
  });
});
