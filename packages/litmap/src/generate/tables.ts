/** The folders of the corpus that are tables, with their files' text. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chardev } from "./chardev.js";
import { modelClaims } from "./claims.js";
import { claimsIn, testOf, textOf } from "./generated.js";
import type { Cell } from "./generated.js";
import { matrix } from "./matrix.js";

/** Files by their path in the corpus. A file keeps its claims; a new one claims what the model answers. */
export function tables(corpus: string): Map<string, string> {
  const files = new Map<string, string>();
  const add = (folder: string, cells: readonly Cell[]): void => {
    for (const cell of cells) {
      const path = join(folder, `${cell.name}.lit`);
      const file = join(corpus, path);
      files.set(
        path,
        textOf(cell, existsSync(file) ? claimsIn(readFileSync(file, "utf8")) : modelClaims(testOf(cell))),
      );
    }
  };
  add("matrix", matrix());
  add("chardev", chardev());
  return files;
}
