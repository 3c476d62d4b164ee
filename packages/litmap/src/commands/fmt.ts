/** `litmap fmt`: files in canonical form. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { format, parseSyntax, renderDiagnostic } from "@litmap/litmus";
import { readTest, selectFiles } from "../corpus.js";
import { badRequest, exitStatus } from "../exit-status.js";
import { count } from "../report/columns.js";
import { writeFailed } from "../results-file.js";
import { print } from "../terminal.js";

export interface FmtOptions {
  readonly check?: boolean;
  readonly write?: boolean;
}

/** With --check names what is not in canonical form; with --write changes it; else prints one file. */
export function fmt(selectors: readonly string[], options: FmtOptions): number {
  if (options.check && options.write) throw badRequest("--check and --write exclude each other");
  const paths = selectFiles(selectors);
  if (!options.check && !options.write && paths.length !== 1)
    throw badRequest(
      `fmt prints one file, and ${count(paths.length, "file")} were named`,
      "give --write to change them, or --check to look",
    );
  let changed = 0;
  let broken = 0;
  for (const path of paths) {
    const { text, path: file, unreadable } = readTest(path);
    if (unreadable !== undefined) {
      broken++;
      process.stderr.write(`${unreadable}\n`);
      continue;
    }
    const { diagnostics } = parseSyntax(text);
    if (diagnostics.length > 0) {
      // What cannot be read cannot be put in order either.
      broken++;
      process.stderr.write(`${diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, text, file)).join("\n")}\n`);
      continue;
    }
    const formatted = format(text);
    if (!options.check && !options.write) process.stdout.write(formatted);
    else if (formatted !== text) {
      changed++;
      print(options.check ? `${file} is not in canonical form` : `${file} formatted`);
      if (options.write) replace(path, formatted);
    }
  }
  if (broken > 0) return exitStatus.badRequest;
  return options.check && changed > 0 ? exitStatus.surprises : exitStatus.asExpected;
}

/** As a whole or not at all. */
function replace(path: string, text: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw writeFailed(path, error);
  }
}
