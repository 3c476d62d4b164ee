/** A test that hangs, breaks the kernel or meets a fault of litmap ends itself only: those after it are answered. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
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
