/**
 * The shortest tests that show whether a machine can do an operation at all: one call each, with arguments that need
 * no earlier step. Where a word chooses what is opened, there is one for each word.
 */
import { operation } from "../operations/index.js";
import type { OperationName, ParamType } from "../operations/index.js";

export interface Probe {
  /** What a machine lacks that cannot run the test: `udmabuf_create`, or `dma_heap_alloc.heap=system`. */
  readonly of: string;
  readonly text: string;
}

/** A word of an operation, as {@link Probe.of} names it. */
export const wordOf = (op: string, param: string, word: string): string => `${op}.${param}=${word}`;

/** A bare number says nothing of these: they are about what another process has made. */
const ofOthers: readonly OperationName[] = ["receive"];

export function probesOf(op: OperationName): Probe[] {
  if (ofOthers.includes(op)) return [];
  const params = Object.entries(operation(op).params).filter(([, param]) => param.default === undefined);
  const plain = params.map(([name, { type }]) => ({ name, type, value: plainValue(type) }));
  if (plain.some(({ value }) => value === undefined)) return [];
  const call = (name?: string, word?: string): string => {
    const args = plain.map((each) => (each.name === name ? word : each.value));
    return `test probe\n  "?"\n\nr = ${op}(${args.join(", ")})\n`;
  };
  const chosen = plain.flatMap(({ name, type }) =>
    type.kind === "word"
      ? Object.keys(type.words).map((word) => ({ of: wordOf(op, name, word), text: call(name, word) }))
      : [],
  );
  return chosen.length > 0 ? chosen : [{ of: op, text: call() }];
}

/** Undefined where only an earlier step can make one. */
function plainValue(type: ParamType): string | undefined {
  switch (type.kind) {
    case "descriptor":
    case "object":
      return "-1";
    case "address":
      return "0";
    case "size":
      return "4K";
    case "integer":
      return "0";
    case "bounded":
      return "among" in type ? `${type.among[0]}` : `${"range" in type ? Math.max(0, type.range[0]) : 0}`;
    case "word":
      return Object.keys(type.words)[0];
    case "flags":
      return "none";
    case "string":
      return '"x"';
    case "actor":
      return "A";
    case "tuples": {
      const values = type.of.map((each) => plainValue(each.type));
      return values.includes(undefined) ? undefined : `[[${values.join(", ")}]]`;
    }
    case "optional":
      return plainValue(type.of);
    default:
      return undefined;
  }
}
