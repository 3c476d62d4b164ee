/** The corpus as a whole: a test's name is its file's, no two are alike, and every file is in canonical form. */
import { basename } from "node:path";
import { format, parse } from "@litmap/litmus";
import { expect, test } from "vitest";
import { litFiles } from "../src/corpus.js";
import { vocabulary } from "../src/vocabulary.js";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { root } from "./command.js";

const files = litFiles(join(root, "corpus")).map((path) => ({ path, text: readFileSync(path, "utf8") }));

test("every file is a test that the checker accepts", () => {
  const faults = files.flatMap(({ path, text }) =>
    parse(text, { file: path, vocabulary }).test === undefined ? [path] : [],
  );
  expect(faults).toEqual([]);
});

test("a test is called as its file, and no two are called alike", () => {
  const names = files.map(({ path, text }) => [basename(path, ".lit"), /^test (\S+)/m.exec(text)?.[1]]);
  expect(names.filter(([file, name]) => file !== name)).toEqual([]);
  const seen = new Set<string | undefined>();
  expect(names.map(([, name]) => name).filter((name) => seen.has(name) || !seen.add(name))).toEqual([]);
});

test("every file is as fmt writes it", () => {
  expect(files.filter(({ text }) => format(text) !== text).map(({ path }) => path)).toEqual([]);
});
