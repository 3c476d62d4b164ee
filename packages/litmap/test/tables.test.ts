/** corpus/matrix and the tables of corpus/chardev are what the generator writes. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@litmap/litmus";
import { expect, test } from "vitest";
import { tables } from "../src/generate/tables.js";
import { root, scratch } from "./command.js";

const corpus = join(root, "corpus");

test("every row is on disk as `npm run corpus` writes it", () => {
  const stale = [...tables(corpus)].filter(([path, text]) => readFileSync(join(corpus, path), "utf8") !== text);
  expect(stale.map(([path]) => path)).toEqual([]);
});

test("corpus/matrix has nothing but rows", () => {
  const rows = new Set(tables(corpus).keys());
  expect(readdirSync(join(corpus, "matrix")).filter((name) => !rows.has(`matrix/${name}`))).toEqual([]);
});

test("a new row is a test with claims, and what is claimed is kept", () => {
  const folder = scratch();
  for (const name of ["matrix", "chardev"]) mkdirSync(join(folder, name));
  const path = "matrix/mmap-calls-system-heap.lit";
  const text = tables(folder).get(path) ?? "";
  expect(text).toContain("expect big == EINVAL\n");
  expect(text).toContain("on linux <= 6.18 {\n  expect rwx == ok\n}\non linux >= 7.2 {\n  expect rwx == EPERM\n}\n");
  expect(parse(text).diagnostics).toEqual([]);
  writeFileSync(join(folder, path), `${text.slice(0, text.indexOf("expect"))}expect big == ok\n`);
  expect(tables(folder).get(path)).toMatch(/\n\nexpect big == ok\n$/);
});
