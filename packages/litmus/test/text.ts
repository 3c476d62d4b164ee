/** Tests of the language speak the language: snippets get a header, answers come as short text. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Argument, ParseOptions, Step, Test } from "../src/index.js";
import { parse, renderDiagnostic } from "../src/index.js";

export const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url));
export const corpus = fileURLToPath(new URL("../../../corpus/", import.meta.url));

/** The five samples of the design, as they stand there. */
export const samples: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(fixtures)
    .filter((f) => f.endsWith(".lit"))
    .sort()
    .map((f) => [f.replace(/\.lit$/, ""), readFileSync(fixtures + f, "utf8")]),
);

export function corpusFiles(): string[] {
  return readdirSync(corpus, { recursive: true, encoding: "utf8" })
    .filter((f) => f.endsWith(".lit"))
    .sort()
    .map((f) => readFileSync(corpus + f, "utf8"));
}

/** The lines with a header; they begin at line 3. */
export const withHeader = (lines: string): string => `test t\n  "?"\n${lines}`;

/** The Test that the lines make; fails on any error. */
export function testOf(lines: string, options: ParseOptions = {}): Test {
  const text = lines.startsWith("test ") || lines.startsWith("#") ? lines : withHeader(lines);
  const { test, diagnostics } = parse(text, options);
  if (!test) throw new Error(diagnostics.map((d) => renderDiagnostic(d, text)).join("\n"));
  return test;
}

/** `error CODE` or `warning CODE` for each diagnostic. */
export function faultsOf(lines: string, options: ParseOptions = {}): string[] {
  return parse(withHeader(lines), options).diagnostics.map((d) =>
    d.severity === "error" ? d.code : `warning ${d.code}`,
  );
}

/** Steps as one line each, with every argument by name. */
export function steps(body: readonly Step[]): string[] {
  return body.flatMap((step): string[] => {
    switch (step.kind) {
      case "call": {
        const args = Object.entries(step.args).map(([name, a]) => `${name}=${arg(a)}`);
        return [
          `${step.actor}: ` +
            `${step.bind ? `${step.bind} = ` : ""}${step.op}(${args.join(" ")})${step.field ? `.${step.field}` : ""}`,
        ];
      }
      case "spawn":
        return [`${step.actor}: spawn ${step.child}`];
      case "faults":
        return [`${step.actor}: ${step.bind} = faults`, ...steps(step.body).map((l) => `  ${l}`)];
      case "parallel":
        return ["parallel", ...step.branches.flatMap((b) => [`  ${b.actor}`, ...steps(b.body).map((l) => `    ${l}`)])];
    }
  });
}

export function arg(a: Argument): string {
  switch (a.kind) {
    case "int":
      return typeof a.value === "string" ? `"${a.value}"` : String(a.value);
    case "pages":
      return `${a.count}p`;
    case "words":
      return a.words.join("|") || "none";
    case "string":
      return JSON.stringify(a.value);
    case "ref":
      return a.field ? `${a.name}.${a.field}` : a.name;
    case "sum":
      return `(${arg(a.left)} ${a.op} ${arg(a.right)})`;
    case "list":
      return `[${a.items.map(arg).join(" ")}]`;
  }
}

/** A Test without its places, for comparing two texts of it. */
export function placeless(test: Test | undefined): unknown {
  return JSON.parse(
    JSON.stringify(test ?? null, (key, value) =>
      key === "span" || key === "hash" || key === "file" ? undefined : value,
    ),
  );
}
