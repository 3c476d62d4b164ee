/** The layers of the model's sources: a file imports values from its own and lower ones only, types from anywhere. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path/posix";
import { expect, test } from "vitest";

/** Folders and files of `src`, lowest first. */
const layers = [
  "rules",
  "design",
  "trace",
  "sched",
  "slot.ts",
  "word.ts",
  "vfs",
  "mm",
  "task.ts",
  "fs",
  "dma",
  "dma-buf",
  "exporters",
  "devices",
  "consumers",
  "kernel.ts",
  "litmus",
  "api",
  "docs.ts",
  "index.ts",
];

/** Text by path. */
type Sources = ReadonlyMap<string, string>;

/** By file, the files that it imports values from. */
type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * An import or an export from a file of the package, with what it names; a dynamic import names nothing. `typeof
 * import()` is a type.
 */
const statement =
  /^(?:import|export)\b(?<what>[^;"]*?)(?:\bfrom\s*)?"(?<file>\.[^"]+)"|(?<!typeof )\bimport\(\s*"(?<dynamic>\.[^"]+)"\s*\)/gm;

/** A statement without braces, such as `* as x` or a bare import, is one of a value; names with `type` do not count. */
function namesValue(what: string): boolean {
  if (/^\s*type\b/.test(what)) return false;
  const braces = /^\s*\{(?<names>[^}]*)\}\s*$/.exec(what);
  return braces === null || braces.groups!.names.split(",").some((name) => /^\s*(?!type\s)\w/.test(name));
}

function valueImports(path: string, text: string): string[] {
  return [...text.matchAll(statement)].flatMap(({ groups }) => {
    const { what, file, dynamic } = groups as Record<string, string | undefined>;
    const target = dynamic ?? (namesValue(what!) ? file : undefined);
    return target === undefined ? [] : [join(dirname(path), target).replace(/\.js$/, ".ts")];
  });
}

function graphOf(sources: Sources): Imports {
  return new Map([...sources].map(([path, text]) => [path, valueImports(path, text)]));
}

/** -1 without one. */
function layerOf(path: string): number {
  return layers.indexOf(path.split("/")[0]);
}

function arrowsUp(graph: Imports): string[] {
  return [...graph].flatMap(([path, targets]) =>
    targets.filter((target) => layerOf(target) > layerOf(path)).map((target) => `${path} -> ${target}`),
  );
}

/** One circle for each import that closes one, by a search in depth. */
function circles(graph: Imports): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

const source = join(import.meta.dirname, "../src");
const model = graphOf(
  new Map(
    readdirSync(source, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(source, path), readFileSync(path, "utf8")]),
  ),
);

test("every file is in a folder of the order", () => {
  expect([...model.keys()].filter((path) => layerOf(path) < 0)).toEqual([]);
  const used = new Set([...model.keys()].map(layerOf));
  expect(layers.filter((_, index) => !used.has(index))).toEqual([]);
});

test("every import is of a file", () => {
  const missing = [...model].flatMap(([path, targets]) =>
    targets.filter((target) => !model.has(target)).map((target) => `${path} -> ${target}`),
  );
  expect(missing).toEqual([]);
});

test("no file imports from a folder above its own", () => {
  expect(arrowsUp(model)).toEqual([]);
});

test("no circle between files", () => {
  expect(circles(model)).toEqual([]);
});

test("each form of import and export counts, unless it names types only", () => {
  const text = [
    `import { a } from "./one.js";`,
    `import {\n  type T,\n  b,\n} from "./several.js";`,
    `import * as all from "./all.js";`,
    `import "./bare.js";`,
    `export { c } from "../up.js";`,
    `export * from "./star.js";`,
    `const later = await import("./later.js");`,
    `type Later = typeof import("./type-of-import.js").later;`,
    `import type { U } from "./type.js";`,
    `import { type V } from "./inline.js";`,
    `export type { W } from "./exported.js";`,
    `import { errnos } from "@litmap/litmus";`,
  ].join("\n");
  expect(valueImports("mm/file.ts", text)).toEqual([
    "mm/one.ts",
    "mm/several.ts",
    "mm/all.ts",
    "mm/bare.ts",
    "up.ts",
    "mm/star.ts",
    "mm/later.ts",
  ]);
});

test("an arrow up and a circle are named", () => {
  const graph = graphOf(
    new Map([
      ["vfs/a.ts", `import { b } from "../mm/b.js";`],
      ["mm/b.ts", `import { c } from "./c.js";`],
      ["mm/c.ts", `import { b } from "./b.js";\nimport type { A } from "../api/a.js";`],
    ]),
  );
  expect(arrowsUp(graph)).toEqual(["vfs/a.ts -> mm/b.ts"]);
  expect(circles(graph)).toEqual(["mm/b.ts -> mm/c.ts -> mm/b.ts"]);
});
