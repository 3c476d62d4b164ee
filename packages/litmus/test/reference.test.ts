import { describe, expect, test } from "vitest";
import type { OperationName } from "../src/index.js";
import { diagnosticCodes, invariants, operation, operations, parse, reference, signature } from "../src/index.js";
import { samples } from "./text.js";

const pages = reference();
const text = [...pages.values()].join("\n");

describe("reference", () => {
  test.each(Object.keys(operations) as OperationName[])("%s has its signature, words and fields", (op) => {
    const from = text.indexOf(`\n## ${op}\n`);
    expect(from).toBeGreaterThan(0);
    const section = text.slice(from, text.indexOf("\n#", from + 1));
    const shape = operation(op);
    expect(section).toContain(`    ${signature(op)}`);
    expect(section).toContain(shape.doc);
    for (const name of Object.keys(shape.params)) expect(section).toContain(`| \`${name}\` |`);
    if (shape.result.kind === "record")
      for (const field of Object.keys(shape.result.fields)) expect(section).toContain(`| \`${field}\` |`);
  });

  test("tables have one shape", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    const cells = (row: string): number => row.replace(/\\\|/g, "").split("|").length - 2;
    let width = 0;
    let last = "";
    for (const row of rows) {
      if (/^\| ---/.test(row)) {
        width = cells(row);
        expect(cells(last)).toBe(width);
      } else if (width && !/^\| (subject|written|parameter|field|code) \|/.test(row))
        expect([row, cells(row)]).toEqual([row, width]);
      last = row;
    }
  });

  test("its example is the sample, and parses", () => {
    const example = text.slice(text.indexOf("    # corpus/"), text.indexOf("\n## Grammar")).replace(/^ {4}/gm, "");
    expect(parse(example).diagnostics).toEqual([]);
    expect(samples["direct-io-system-heap"].startsWith(example.trim())).toBe(true);
  });

  test("its links lead to the operation", () => {
    const links = [...pages.get("language.md")!.matchAll(/\]\(([^)#]+)#(\w+)\)/g)];
    expect(links.length).toBe(Object.keys(operations).length);
    for (const [, page, op] of links) expect(pages.get(page)).toContain(`\n## ${op}\n`);
  });

  test("tells every code and invariant", () => {
    for (const name of [...Object.keys(diagnosticCodes), ...Object.keys(invariants)])
      expect(text).toContain(`\`${name}\``);
  });
});
