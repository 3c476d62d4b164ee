/** The folders of the corpus that are tables, with their files' text. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chardev } from "./chardev.js";
import { modelClaims } from "./claims.js";
import { claimsIn, testOf, textOf } from "./generated.js";
import type { Cell } from "./generated.js";
import { matrix } from "./matrix.js";

/** Rows by their path in the corpus. */
export function rows(): Map<string, Cell> {
  const folders = { matrix: matrix(), chardev: chardev() };
  return new Map(
    Object.entries(folders).flatMap(([folder, cells]) =>
      cells.map((cell): [string, Cell] => [`${folder}/${cell.name}.lit`, cell]),
    ),
  );
}

/** A row's file. One that exists keeps its claims; a new one claims what the model answers. */
export function fileOf(path: string, cell: Cell, corpus: string): string {
  const file = join(corpus, path);
  return textOf(cell, existsSync(file) ? claimsIn(readFileSync(file, "utf8")) : modelClaims(testOf(cell)));
}
