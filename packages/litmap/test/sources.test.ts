/** What neither the compiler nor the linter checks of all rooms' sources. */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { root } from "./command.js";

const rooms = ["litmus", "model", "explore", "linux", "kernels", "litmap"];

const files = rooms.flatMap((room) =>
  readdirSync(join(root, "packages", room, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name)),
);

test("lines have at most 120 columns; a regular expression cannot be broken", () => {
  const long = files.flatMap((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line, i) => (line.length > 120 && !/^\s*\//.test(line) ? [`${relative(root, path)}:${i + 1}`] : [])),
  );
  expect(long).toEqual([]);
});
