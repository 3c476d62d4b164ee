/** A Test as JSON and back. What comes back is checked as carefully as a text is: bad JSON gives a diagnostic. */
import { operation, operations } from "../operations/index.js";
import type { OperationName, ParamType } from "../operations/index.js";
import { fits64, isInteger } from "../integers.js";
import type { Argument, Test } from "../test.js";
import { outOfBounds } from "./bounds.js";
import type { Diagnostic } from "./diagnostic.js";

/** The version of the JSON form; another number is refused. */
const version = 1;

/** Plain data for `JSON.stringify`. */
export function testToJson(test: Test): { readonly litmus: number } & Test {
  return { litmus: version, ...test };
}

/**
 * A Test from its JSON form: a text, or what `JSON.parse` gave.
 * Never throws; the diagnostic says which part is wrong, as `steps[2].args.length`.
 */
export function testFromJson(json: unknown): { test?: Test; diagnostics: Diagnostic[] } {
  let value = json;
  if (typeof json === "string") {
    try {
      value = JSON.parse(json);
    } catch (e) {
      return { diagnostics: [complaint(`this is no JSON: ${e instanceof Error ? e.message : String(e)}`)] };
    }
  }
  try {
    const root = object(value, "the test");
    if (root.litmus !== version) fail("litmus", `the version is ${version}, not ${show(root.litmus)}`);
    test(root);
    const { litmus: _, ...rest } = root;
    return { test: structured(rest) as unknown as Test, diagnostics: [] };
  } catch (e) {
    if (e instanceof Bad) return { diagnostics: [complaint(e.where ? `${e.where}: ${e.why}` : e.why)] };
    throw e;
  }
}

function complaint(message: string): Diagnostic {
  return { code: "bad-json", severity: "error", message, span: { offset: 0, end: 0, line: 1, column: 1 } };
}

class Bad {
  readonly where: string;
  readonly why: string;
  constructor(where: string, why: string) {
    this.where = where;
    this.why = why;
  }
}

function fail(where: string, why: string): never {
  throw new Bad(where, why);
}

type Obj = Record<string, unknown>;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function object(value: unknown, where: string): Obj {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    fail(where, `an object is wanted, not ${show(value)}`);
  return value as Obj;
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) fail(where, `a list is wanted, not ${show(value)}`);
  return value as unknown[];
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string") fail(where, `a string is wanted, not ${show(value)}`);
  return value as string;
}

function oneOf<T extends string>(value: unknown, known: readonly T[], where: string): T {
  if (typeof value !== "string" || !(known as readonly string[]).includes(value))
    fail(where, `one of ${known.join(", ")} is wanted, not ${show(value)}`);
  return value as T;
}

function whole(value: unknown, where: string): void {
  const good = typeof value === "number" ? Number.isSafeInteger(value) : isInteger(value) && fits64(value);
  if (!good) fail(where, `an integer is wanted, not ${show(value)}`);
}

function span(value: unknown, where: string): void {
  const s = object(value, where);
  for (const part of ["offset", "end", "line", "column"]) {
    if (!Number.isSafeInteger(s[part])) fail(`${where}.${part}`, `an integer is wanted, not ${show(s[part])}`);
  }
}

interface Known {
  readonly actors: Set<string>;
  readonly names: Set<string>;
  readonly observers: Set<string>;
}

function test(t: Obj): void {
  for (const part of ["name", "question", "file", "hash"]) text(t[part], part);
  const known: Known = { actors: new Set(), names: new Set(), observers: new Set() };
  list(t.actors, "actors").forEach((value, i) => {
    const a = object(value, `actors[${i}]`);
    known.actors.add(text(a.name, `actors[${i}].name`));
    oneOf(a.kind, ["process", "fork", "thread", "driver", "kernel"], `actors[${i}].kind`);
    if (a.parent !== undefined) text(a.parent, `actors[${i}].parent`);
    if (a.device !== undefined) text(a.device, `actors[${i}].device`);
    span(a.span, `actors[${i}].span`);
  });
  steps(t.steps, "steps", known, 0);
  list(t.observers, "observers").forEach((value, i) => {
    const where = `observers[${i}]`;
    const o = object(value, where);
    known.observers.add(text(o.key, `${where}.key`));
    step(o.call, `${where}.call`, known, 0);
    if (object(o.call, where).kind !== "call") fail(`${where}.call`, "a call is wanted");
    list(o.fields, `${where}.fields`).forEach((f, j) => text(f, `${where}.fields[${j}]`));
    list(o.scopes, `${where}.scopes`).forEach((s, j) => scope(s, `${where}.scopes[${j}]`));
  });
  list(t.claims, "claims").forEach((value, i) => {
    const where = `claims[${i}]`;
    const c = object(value, where);
    oneOf(c.kind, ["expect", "always", "never", "sometimes"], `${where}.kind`);
    text(c.text, `${where}.text`);
    scope(c.scope, `${where}.scope`);
    span(c.span, `${where}.span`);
    expression(c.expr, `${where}.expr`, known, 0);
  });
}

function steps(value: unknown, where: string, known: Known, depth: number): void {
  if (depth > 50) fail(where, "nested too deeply");
  list(value, where).forEach((s, i) => step(s, `${where}[${i}]`, known, depth));
}

function step(value: unknown, where: string, known: Known, depth: number): void {
  const s = object(value, where);
  const kind = oneOf(s.kind, ["call", "spawn", "faults", "parallel"], `${where}.kind`);
  span(s.span, `${where}.span`);
  if (kind !== "parallel") actor(s.actor, `${where}.actor`, known);
  switch (kind) {
    case "call":
      call(s, where, known);
      break;
    case "spawn":
      actor(s.child, `${where}.child`, known);
      break;
    case "faults":
      steps(s.body, `${where}.body`, known, depth + 1);
      known.names.add(text(s.bind, `${where}.bind`));
      break;
    case "parallel":
      list(s.branches, `${where}.branches`).forEach((b, i) => {
        const branch = object(b, `${where}.branches[${i}]`);
        actor(branch.actor, `${where}.branches[${i}].actor`, known);
        steps(branch.body, `${where}.branches[${i}].body`, known, depth + 1);
      });
      break;
  }
}

function actor(value: unknown, where: string, known: Known): void {
  if (!known.actors.has(text(value, where))) fail(where, `there is no actor ${show(value)}`);
}

function call(s: Obj, where: string, known: Known): void {
  const op = text(s.op, `${where}.op`);
  if (!Object.hasOwn(operations, op)) fail(`${where}.op`, `unknown operation ${show(op)}`);
  const shape = operation(op as OperationName);
  const args = object(s.args, `${where}.args`);
  for (const name of Object.keys(args)) {
    if (!Object.hasOwn(shape.params, name)) fail(`${where}.args`, `${op}() has no argument '${name}'`);
  }
  for (const [name, param] of Object.entries(shape.params))
    argument(args[name], param.type, `${where}.args.${name}`, known, 0);
  for (const [name, param] of Object.entries(shape.params)) {
    const outside = outOfBounds(param.type, args[name] as Argument, args as Record<string, Argument>);
    if (outside !== undefined) fail(`${where}.args.${name}`, outside);
  }
  if (s.field !== undefined) {
    const field = text(s.field, `${where}.field`);
    if (shape.result.kind !== "record" || !Object.hasOwn(shape.result.fields, field))
      fail(`${where}.field`, `${op}() has no field ${show(field)}`);
  }
  if (s.bind !== undefined) known.names.add(text(s.bind, `${where}.bind`));
}

function argument(value: unknown, type: ParamType, where: string, known: Known, depth: number): void {
  if (depth > 50) fail(where, "nested too deeply");
  if (value === undefined) fail(where, "missing");
  const a = object(value, where);
  const kind = oneOf(a.kind, ["int", "pages", "words", "string", "ref", "sum", "list"], `${where}.kind`);
  switch (kind) {
    case "int":
      whole(a.value, `${where}.value`);
      break;
    case "pages":
      if (!Number.isSafeInteger(a.count)) fail(`${where}.count`, `an integer is wanted, not ${show(a.count)}`);
      break;
    case "words": {
      const words = list(a.words, `${where}.words`).map((w, i) => text(w, `${where}.words[${i}]`));
      const inner = type.kind === "optional" ? type.of : type;
      if (words.length === 0 ? type.kind !== "optional" && type.kind !== "flags" : false)
        fail(where, "a word is missing");
      for (const word of words) {
        if (inner.kind === "actor") actor(word, where, known);
        else if (!("words" in inner) || !Object.hasOwn(inner.words, word))
          fail(where, `${show(word)} is no word for this argument`);
      }
      break;
    }
    case "string":
      text(a.value, `${where}.value`);
      break;
    case "ref":
      if (!known.names.has(text(a.name, `${where}.name`))) fail(where, `nothing binds ${show(a.name)}`);
      if (a.field !== undefined) text(a.field, `${where}.field`);
      break;
    case "sum":
      oneOf(a.op, ["+", "-"], `${where}.op`);
      argument(a.left, type, `${where}.left`, known, depth + 1);
      argument(a.right, type, `${where}.right`, known, depth + 1);
      break;
    case "list":
      list(a.items, `${where}.items`).forEach((item, i) =>
        argument(item, type, `${where}.items[${i}]`, known, depth + 1),
      );
      break;
  }
}

function scope(value: unknown, where: string): void {
  list(value, where).forEach((v, i) => {
    const c = object(v, `${where}[${i}]`);
    switch (oneOf(c.kind, ["linux", "arch", "with"], `${where}[${i}].kind`)) {
      case "linux":
        oneOf(c.op, comparisons, `${where}[${i}].op`);
        text(c.release, `${where}[${i}].release`);
        break;
      case "arch":
        text(c.arch, `${where}[${i}].arch`);
        break;
      case "with":
        text(c.point, `${where}[${i}].point`);
        text(c.choice, `${where}[${i}].choice`);
        break;
    }
  });
}

const comparisons = ["==", "!=", "<", "<=", ">", ">="] as const;

function expression(value: unknown, where: string, known: Known, depth: number): void {
  if (depth > 200) fail(where, "nested too deeply");
  const e = object(value, where);
  switch (
    oneOf(
      e.kind,
      ["int", "pages", "word", "string", "value", "observer", "invariant", "not", "list", "binary"],
      `${where}.kind`,
    )
  ) {
    case "int":
      whole(e.value, `${where}.value`);
      break;
    case "pages":
      if (!Number.isSafeInteger(e.count)) fail(`${where}.count`, `an integer is wanted, not ${show(e.count)}`);
      break;
    case "word":
      text(e.word, `${where}.word`);
      break;
    case "string":
      text(e.value, `${where}.value`);
      break;
    case "value":
      if (!known.names.has(text(e.name, `${where}.name`))) fail(where, `nothing binds ${show(e.name)}`);
      if (e.field !== undefined) text(e.field, `${where}.field`);
      break;
    case "observer":
      if (!known.observers.has(text(e.key, `${where}.key`))) fail(where, `no observer is called ${show(e.key)}`);
      if (e.field !== undefined) text(e.field, `${where}.field`);
      break;
    case "invariant":
      text(e.name, `${where}.name`);
      break;
    case "not":
      expression(e.operand, `${where}.operand`, known, depth + 1);
      break;
    case "list":
      list(e.items, `${where}.items`).forEach((item, i) => expression(item, `${where}.items[${i}]`, known, depth + 1));
      break;
    case "binary":
      oneOf(e.op, [...comparisons, "and", "or", "in", "+", "-"], `${where}.op`);
      expression(e.left, `${where}.left`, known, depth + 1);
      expression(e.right, `${where}.right`, known, depth + 1);
      break;
  }
}

/** A copy without surprises: no prototypes, no `undefined`. */
function structured(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
