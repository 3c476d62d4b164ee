/** A test that hangs, breaks the kernel or meets a fault of litmap ends itself only: those after it are answered. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@litmap/litmus";
import type { Test } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import { judgedOn } from "../src/commands/run.js";
import { compareModels } from "../src/commands/whatif.js";
import type { Answer } from "../src/machines/machine.js";
import { ModelMachine } from "../src/machines/model.js";
import { statusOf } from "../src/result.js";
import { litmap, scratch } from "./command.js";

const fine = (name: string): string =>
  `test ${name}\n  "?"\n\nva = mmap(anon, 4K, rw, private)\nx = load(va)\n\nexpect x == 0\n`;

const parallel = `parallel {
  A { c = close(buf) }
  B { fd = receive(buf) }
}
`;

function folderWith(bad: string): string {
  const folder = join(scratch(), "tests");
  mkdirSync(folder);
  for (const name of ["a-good", "z-good"]) writeFileSync(join(folder, `${name}.lit`), fine(name));
  writeFileSync(join(folder, "m-bad.lit"), `test m-bad\n  "?"\n\n${bad}`);
  return folder;
}

describe("a folder of three tests, the second of which does not end well", () => {
  test.each([
    ["oops", `process B\nbuf = dma_heap_alloc(system, 1T)\n${parallel}`],
    ["hang", `process B\nbuf = dma_heap_alloc(system, 4K)\ncard = drm_open(vgem)\n${parallel}n = read(card, 0, 4K)\n`],
    ["hang", "card = drm_open(vgem)\nn = read(card, 0, 4K)\n"],
  ])("%s: all three are answered", async (status, bad) => {
    const ended = await litmap(["run", "--json", folderWith(bad)]);
    const rows = ended.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map((row) => [row.test, row.status])).toEqual([
      ["a-good", "ok"],
      ["m-bad", status],
      ["z-good", "ok"],
    ]);
    expect(ended.stderr).toBe("");
    expect(ended.status).toBe(1);
  });

  test("explain and explore tell the same ending", async () => {
    const file = join(
      folderWith(
        `process B\nbuf = dma_heap_alloc(system, 4K)\ncard = drm_open(vgem)\n${parallel}n = read(card, 0, 4K)\n`,
      ),
      "m-bad.lit",
    );
    for (const command of ["explain", "explore"]) {
      const { stdout, status } = await litmap([command, file]);
      expect(stdout).toContain("hang: waits for events of a DRM file");
      expect(status).toBe(1);
    }
  });
});

describe("a fault of litmap in one test", () => {
  const model = new ModelMachine({ release: "6.12" });
  const asked = parse(fine("t")).test!;
  /** A list of claims or steps that cannot be read. */
  const faulty = <T>(): readonly T[] =>
    new Proxy([], {
      get: () => {
        throw new RangeError("Invalid array length");
      },
    });
  const broken = {
    status: "broken",
    reason: expect.stringMatching(/^RangeError: Invalid array length \(.*endings\.test\.ts:\d+:\d+\)+$/),
    values: {},
  };

  test("of the model is the status of that test, with the place", () => {
    const test = { ...asked, actors: faulty<never>() };
    const { result } = judgedOn(test, model.machine, model.answer(test));
    expect(result).toMatchObject({ ...broken, claims: [] });
    expect(statusOf([result])).toBe(3);
  });

  test("of a verdict is the status of that test", () => {
    const { result } = judgedOn({ ...asked, claims: faulty<never>() }, model.machine, model.answer(asked));
    expect(result).toMatchObject({ ...broken, claims: [] });
  });

  test("is told by whatif and diff, which go on", () => {
    const folder = folderWith("x = load(0)\n");
    const inOne = new (class extends ModelMachine {
      override answer(asked: Test): Answer {
        return asked.name === "m-bad"
          ? { outcome: { status: "broken", values: {}, ms: 0 }, decided: new Map() }
          : super.answer(asked);
      }
    })({ release: "6.12" });
    expect(compareModels(model, model, [folder])).toMatchObject({ asked: 3, broken: false });
    expect(compareModels(model, inOne, [folder])).toMatchObject({ asked: 3, broken: true });
  });
});
