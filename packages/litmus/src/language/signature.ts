/** An operation's declaration as people write it, and its defaults as a Test holds them. */
import { operation } from "../operations/index.js";
import type { Bounds, OperationName, Param, ParamType, ResultType, Words } from "../operations/index.js";
import type { Argument } from "../test.js";
import { numberMeaning } from "./numbers.js";

/** By operation: every call in a test asks for it, in case that something is wrong with the call. */
const signatures = new Map<OperationName, string>();

/** `mmap(object, length, prot, sharing, offset = 0, at = none)`. */
export function signature(op: OperationName): string {
  let text = signatures.get(op);
  if (text === undefined) {
    const params = Object.entries(operation(op).params).map(([name, p]) =>
      p.default === undefined ? name : `${name} = ${p.default}`,
    );
    text = `${op}(${params.join(", ")})`;
    signatures.set(op, text);
  }
  return text;
}

/** The words that a parameter takes, if it takes any. */
export function wordsOf(type: ParamType): Words | undefined {
  switch (type.kind) {
    case "object":
    case "word":
    case "flags":
      return type.words;
    case "optional":
      return wordsOf(type.of);
    default:
      return undefined;
  }
}

const defaults = new WeakMap<Param, Argument>();

/** What a parameter gets when it is left out. */
export function defaultArgument(param: Param): Argument | undefined {
  if (param.default === undefined) return undefined;
  let argument = defaults.get(param);
  if (argument === undefined) defaults.set(param, (argument = readDefault(param.default)));
  return argument;
}

function readDefault(text: string): Argument {
  if (text === "none") return { kind: "words", words: [] };
  const meaning = numberMeaning(text);
  if (meaning.kind !== "bad") return meaning;
  return { kind: "words", words: text.split("|") };
}

/** `a size in bytes`, `one of: a, b`. */
export function describeParam(type: ParamType): string {
  switch (type.kind) {
    case "descriptor":
      return type.madeBy === undefined ? "a descriptor" : `what ${type.madeBy}() gave`;
    case "object":
      return `a descriptor or ${Object.keys(type.words)
        .map((w) => `'${w}'`)
        .join(" or ")}`;
    case "address":
      return "an address";
    case "size":
      return "a size in bytes";
    case "integer":
      return "an integer";
    case "bounded":
      return "bytesIn" in type ? "an integer" : `an integer, ${boundsText(type)}`;
    case "word":
      return "a word";
    case "flags":
      return "flag words";
    case "string":
      return "a string";
    case "handle":
      return type.or === undefined ? handleNames[type.of] : `${handleNames[type.of]} or ${handleNames[type.or]}`;
    case "buffer":
      return "a dma-buf's descriptor or a GEM object";
    case "actor":
      return "a process";
    case "tuples":
      return `a list of [${type.of.map((t) => t.name).join(", ")}]`;
    case "optional":
      return describeParam(type.of);
  }
}

/** `1, 2 or 4`, `0 to 255`. */
export function boundsText(bounds: Exclude<Bounds, { bytesIn: string }>): string {
  if ("among" in bounds) return `${bounds.among.slice(0, -1).join(", ")} or ${bounds.among.at(-1)}`;
  return `${bounds.range[0]} to ${bounds.range[1]}`;
}

export const handleNames = {
  "attachment": "an attachment",
  "sg-table": "an sg table",
  "kernel-map": "a kernel mapping",
  "gem": "a GEM object",
  "pages": "a set of pages",
  "notifier": "a notifier",
  "gem-handle": "a GEM handle",
  "region": "a memory region",
} as const;

/** What a result is, in words. */
export function describeResult(type: ResultType): string {
  switch (type.kind) {
    case "status":
      return "ok or an errno";
    case "descriptor":
      return type.of === "same" ? "a descriptor of the same kind" : `a descriptor (${type.of})`;
    case "address":
      return "an address";
    case "number":
      return `a number (${type.unit})`;
    case "flags":
      return "a set of flags";
    case "word":
      return "a word";
    case "handle":
      return handleNames[type.of];
    case "record":
      return "a record";
  }
}
