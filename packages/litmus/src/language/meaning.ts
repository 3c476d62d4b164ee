/**
 * What a test runs, as one text: actors, steps and the observers that claims need, one a line.
 * Layout, comments, the name, the question and the claims themselves are left out, so that a
 * recorded outcome stays valid when only these change. Independent of the printer's layout.
 */
import type { Condition, Observer } from "../test.js";
import { fingerprint } from "./fingerprint.js";
import type { BlockSyntax, ItemSyntax } from "./syntax.js";
import { writeCall } from "./write.js";

/** The hash of a test: it changes when what is run, or what is recorded of it, changes. */
export function hashOf(items: readonly ItemSyntax[], observers: readonly Observer[]): string {
  return fingerprint([...itemLines(items), ...observers.map(observerLine)].map((line) => `${line}\n`).join(""));
}

function itemLines(items: readonly ItemSyntax[]): string[] {
  return items.flatMap(linesOf);
}

function linesOf(item: ItemSyntax): string[] {
  switch (item.kind) {
    case "process":
      return [`process ${item.name.text}`];
    case "driver":
      return [`driver ${item.name.text} on ${item.device.text}`];
    case "thread":
      return [`thread ${item.name.text} of ${item.of.text}`];
    case "fork":
      return [`${by(item.actor?.text)}fork ${item.name.text}`];
    case "call": {
      const field = item.field ? `.${item.field.text}` : "";
      return [`${by(item.actor?.text)}${to(item.bind?.text)}${writeCall(item.call)}${field}`];
    }
    case "faults":
      return block(`${by(item.actor?.text)}${to(item.bind?.text)}faults`, item.body);
    case "parallel":
      return ["parallel {", ...item.branches.flatMap((b) => block(b.actor.text, b.body)), "}"];
    case "claim":
    case "scope":
    case "broken":
      return [];
  }
}

function block(head: string, body: BlockSyntax): string[] {
  return [`${head} {`, ...itemLines(body.items), "}"];
}

const by = (actor: string | undefined): string => (actor === undefined ? "" : `${actor}: `);
const to = (bind: string | undefined): string => (bind === undefined ? "" : `${bind} = `);

/** When it is taken and which of its fields are recorded; the order of the claims that ask does not matter. */
function observerLine({ key, fields, scopes }: Observer): string {
  const where = sorted(scopes.map((scope) => scope.map(conditionText).join(" & ")));
  return `observe ${key} [${sorted(fields).join(" ")}] where ${where.join(" | ")}`;
}

function conditionText(condition: Condition): string {
  switch (condition.kind) {
    case "linux":
      return `linux ${condition.op} ${condition.release}`;
    case "arch":
      return `arch ${condition.arch}`;
    case "with":
      return `${condition.point} = ${condition.choice}`;
  }
}

const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort();
