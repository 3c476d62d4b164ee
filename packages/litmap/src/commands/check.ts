/** `litmap check`: whether files are tests, without running them. */
import { renderAll, readTest, selectFiles } from "../corpus.js";
import { exitStatus } from "../exit-status.js";
import { count } from "../report/columns.js";
import { print } from "../terminal.js";

export interface CheckOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Diagnostics are the result, so they go to stdout. Warnings do not make it fail. */
export function check(selectors: readonly string[], options: CheckOptions): number {
  const files = selectFiles(selectors).map(readTest);
  for (const file of files) {
    if (options.json) {
      if (file.unreadable !== undefined)
        print(JSON.stringify({ file: file.path, code: "unreadable", severity: "error", message: file.unreadable }));
      for (const { code, severity, message, span, hint } of file.diagnostics)
        print(JSON.stringify({ file: file.path, line: span.line, column: span.column, code, severity, message, hint }));
    } else if (file.diagnostics.length > 0 || file.unreadable !== undefined) print(`${renderAll(file)}\n`);
  }
  const bad = files.filter((file) => !file.test).length;
  const found = files.flatMap((file) => file.diagnostics);
  const unread = files.filter((file) => file.unreadable !== undefined).length;
  const warnings = found.filter((diagnostic) => diagnostic.severity === "warning").length;
  if (!options.json && !options.quiet) {
    print(
      [
        count(files.length, "file"),
        `${files.length - bad} fine`,
        count(found.length - warnings + unread, "error"),
        count(warnings, "warning"),
      ].join(", "),
    );
  }
  return bad > 0 ? exitStatus.badRequest : exitStatus.asExpected;
}
