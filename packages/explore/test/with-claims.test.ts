/** What tests claim of designs that are not mainline's (`with POINT = CHOICE`), on the model with that design. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { judge, parse, isConcurrent } from "@litmap/litmus";
import { Kernel, predict, releases } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { explore } from "../src/explore.js";
import type { Claim, Test } from "@litmap/litmus";
import type { Design } from "@litmap/model";

const corpus = join(import.meta.dirname, "../../../corpus");

function* tests(): Generator<Test> {
  for (const name of readdirSync(corpus, { recursive: true, encoding: "utf8" }).sort()) {
    if (!name.endsWith(".lit")) continue;
    const parsed = parse(readFileSync(join(corpus, name), "utf8"));
    if (parsed.test !== undefined) yield parsed.test;
  }
}

/** The choices that a claim presupposes. */
function designOf(claim: Claim): Partial<Design> {
  const choices: Record<string, string> = {};
  for (const condition of claim.scope) if (condition.kind === "with") choices[condition.point] = condition.choice;
  return choices as Partial<Design>;
}

/** Each set of choices that a test speaks of, once. */
function designs(of: Test): Partial<Design>[] {
  const found = new Map(of.claims.map((claim) => [JSON.stringify(designOf(claim)), designOf(claim)]));
  found.delete("{}");
  return [...found.values()];
}

describe("claims of changed designs", () => {
  const cases = [...tests()].flatMap((of) =>
    designs(of).map((choices) => [of.name, JSON.stringify(choices), of, choices] as const),
  );

  test("there are some", () => expect(cases.length).toBeGreaterThan(20));

  test.each(cases)(
    "%s with %s",
    (_name, _text, of, choices) => {
      let judged = 0;
      for (const release of releases) {
        const { design } = new Kernel({ release, designs: choices });
        const outcome = isConcurrent(of)
          ? explore(of, { release, designs: choices })
          : predict(of, { release, designs: choices });
        if (outcome.status === "unsupported") continue;
        // A test without schedules that breaks an invariant has no values to judge.
        if (outcome.status !== "ok")
          judged += of.claims.filter((claim) => claim.kind === "sometimes" && claim.expr.kind === "invariant").length;
        const { claims } = judge(of, outcome, { kind: "model", release, arch: "x86_64", designs: choices }, design);
        judged += claims.length;
        expect(
          claims.filter(({ holds }) => !holds),
          release,
        ).toEqual([]);
      }
      expect(judged).toBeGreaterThan(0);
    },
    60_000,
  );
});
