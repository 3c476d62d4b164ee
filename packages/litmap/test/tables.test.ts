/** corpus/matrix and the tables of corpus/chardev are what the generator writes. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@litmap/litmus";
import { expect, test } from "vitest";
import { fileOf, rows } from "../src/generate/tables.js";
import { root, scratch } from "./command.js";

const corpus = join(root, "corpus");

test("every row is on disk as `npm run corpus` writes it", () => {
  const stale = [...rows()].filter(([path, cell]) => {
    const file = join(corpus, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== fileOf(path, cell, corpus);
  });
  expect(stale.map(([path]) => path)).toEqual([]);
});

test("corpus/matrix has nothing but rows", () => {
  const paths = rows();
  expect(readdirSync(join(corpus, "matrix")).filter((name) => !paths.has(`matrix/${name}`))).toEqual([]);
});

test("a new row is a test with claims, and what is claimed is kept", () => {
  const folder = scratch();
  mkdirSync(join(folder, "matrix"));
  const path = "matrix/mmap-calls-system-heap.lit";
  const cell = rows().get(path);
  if (cell === undefined) throw new Error(`${path} is no row`);
  const text = fileOf(path, cell, folder);
  expect(text).toContain("expect big == EINVAL\n");
  expect(text).toContain("on linux <= 6.18 {\n  expect rwx == ok\n}\non linux >= 7.2 {\n  expect rwx == EPERM\n}\n");
  expect(parse(text).diagnostics).toEqual([]);
  writeFileSync(join(folder, path), `${text.slice(0, text.indexOf("expect"))}expect big == ok\n`);
  expect(fileOf(path, cell, folder)).toMatch(/\n\nexpect big == ok\n$/);
});
