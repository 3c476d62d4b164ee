/** The house rules of the model's sources that a compiler does not check. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { ruleBook } from "../src/index.js";

const source = join(import.meta.dirname, "../src");

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path: relative(source, path), text: readFileSync(path, "utf8") }));

/** By file, the ids that a pattern's first group finds. */
function idsBy(pattern: RegExp): Map<string, Set<string>> {
  return new Map(files.map(({ path, text }) => [path, new Set([...text.matchAll(pattern)].map((found) => found[1]))]));
}

describe("rules", () => {
  const declared = idsBy(/^ {2}"([\w-]+\/[\w-]+)": \{/gm);
  const used = idsBy(/\w\["([\w-]+\/[\w-]+)"\]/g);

  test("each is declared by a file that decides by it, once", () => {
    const elsewhere = [...declared].flatMap(([path, ids]) =>
      [...ids].filter((id) => !used.get(path)?.has(id)).map((id) => `${path}: ${id}`),
    );
    expect(elsewhere).toEqual([]);
    expect([...declared.values()].reduce((sum, ids) => sum + ids.size, 0)).toBe(ruleBook().length);
  });
});

describe("errors", () => {
  test("no path returns an errno that no rule explains", () => {
    const bare = files.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => (/return -errnos\./.test(line) ? [`${path}:${i + 1}:${line}`] : [])),
    );
    expect(bare).toEqual([]);
  });
});
