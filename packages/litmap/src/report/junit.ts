/** Results as JUnit XML, which build servers read: a suite for each machine. */
import { machineLabel } from "../result.js";
import type { TestResult } from "../result.js";
import { troubleOf } from "./trouble.js";

export function junit(results: readonly TestResult[]): string {
  const suites = new Map<string, TestResult[]>();
  for (const result of results) {
    const label = machineLabel(result.machine);
    suites.set(label, [...(suites.get(label) ?? []), result]);
  }
  const body = [...suites].map(([label, group]) => suite(label, group)).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="litmap"${totals(results)}>\n${body}</testsuites>\n`;
}

function suite(label: string, results: readonly TestResult[]): string {
  return `  <testsuite name="${escape(label)}"${totals(results)}>\n${results.map(testcase).join("")}  </testsuite>\n`;
}

function totals(results: readonly TestResult[]): string {
  const having = (...statuses: readonly string[]): number =>
    results.filter((result) => statuses.includes(result.status)).length;
  const time = results.reduce((sum, result) => sum + result.ms, 0) / 1000;
  return (
    ` tests="${results.length}" failures="${having("surprise", "disagree")}" ` +
    `errors="${having("hang", "oops", "incomplete", "broken", "invalid")}" skipped="${having("unsupported")}" ` +
    `time="${time.toFixed(3)}"`
  );
}

function testcase(result: TestResult): string {
  const open =
    `    <testcase name="${escape(result.test)}" classname="${escape(folderOf(result.file))}" ` +
    `file="${escape(result.file)}" time="${(result.ms / 1000).toFixed(4)}"`;
  const trouble = troubleOf(result);
  const message = escape(trouble[0] ?? "");
  const text = escape(trouble.join("\n"));
  switch (result.status) {
    case "ok":
      return `${open}/>\n`;
    case "unsupported":
      return `${open}><skipped message="${escape(result.reason ?? "")}"/></testcase>\n`;
    case "surprise":
    case "disagree":
      return `${open}><failure type="${result.status}" message="${message}">${text}</failure></testcase>\n`;
    case "hang":
    case "oops":
    case "incomplete":
    case "broken":
    case "invalid":
      return (
        `${open}><error type="${result.status}" message="${message}">${text}</error>` +
        `${result.log ? `<system-out>${escape(result.log)}</system-out>` : ""}</testcase>\n`
      );
  }
}

/** `corpus/gup/x.lit` is of class `corpus.gup`. */
function folderOf(file: string): string {
  const folders = file
    .split("/")
    .slice(0, -1)
    .filter((part) => part !== "" && part !== "." && part !== "..");
  return folders.join(".") || "litmap";
}

/** XML 1.0 has no place at all for most control characters and for lone surrogates. */
function escape(text: string): string {
  return text
    .replace(
      /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      "\ufffd",
    )
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/[\n\r\t]/g, (c) => (c === "\n" ? "&#10;" : c === "\r" ? "&#13;" : "&#9;"));
}
