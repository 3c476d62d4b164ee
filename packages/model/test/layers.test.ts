/** The order of the folders inside the model: a file imports values from its own folder and from those before it only. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "../src");

/** Folders, and files beside them, lowest first. `docs.ts` and `index.ts` may import everything. */
const order = [
  "rules",
  "design",
  "trace",
  "sched",
  "slot.ts",
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

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(source, join(entry.parentPath, entry.name)));

/** By file, the files whose values it imports; imports of types are free to go anywhere. */
const imports = new Map(
  files.map((file) => {
    const text = readFileSync(join(source, file), "utf8");
    const found = text.matchAll(/^(?:import|export) (?!type)[^;]*? from "(\.[^"]+)";/gm);
    return [file, [...found].map(([, to]) => normalize(join(dirname(file), to)).replace(/\.js$/, ".ts"))];
  }),
);

const layer = (file: string): number => order.indexOf(file.split("/")[0]);

test("every file is in a folder of the order", () => {
  expect(files.filter((file) => layer(file) < 0)).toEqual([]);
});

test("no file imports from a folder above its own", () => {
  const up = [...imports].flatMap(([file, targets]) =>
    targets.filter((to) => layer(to) > layer(file)).map((to) => `${file} -> ${to}`),
  );
  expect(up).toEqual([]);
});

test("no circle between files", () => {
  const done = new Set<string>();
  const way: string[] = [];
  const circles: string[] = [];
  const visit = (file: string): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    if (done.has(file) || way.includes(file)) return;
    way.push(file);
    for (const to of imports.get(file) ?? []) visit(to);
    way.pop();
    done.add(file);
  };
  for (const file of files) visit(file);
  expect(circles).toEqual([]);
});
