/**
 * From an argument in a test to what a handler gets. Sizes, addresses and words are exact: 64 unsigned bits, or as many
 * as a register has. Narrower integers and descriptors are numbers.
 */
import { integer, isInteger, operation } from "@litmap/litmus";
import type { Argument, CallStep, ParamType } from "@litmap/litmus";
import type { Result } from "./handler.js";
import type { Task } from "../task.js";

/** What a name stands for: a result and the task that got it, or the line of the step that failed. */
export type Bound =
  | { readonly result: Result; readonly task: Task; readonly line: number }
  | { readonly failedAt: number };

/** An argument refers to a result that there is not. */
export class NotReached {
  constructor(readonly line: number) {}
}

export interface Scopes {
  readonly names: ReadonlyMap<string, Bound>;
  readonly pageSize: number;
  /** Of a long. */
  readonly wordBits: number;
}

export interface Resolved {
  readonly args: Record<string, unknown>;
  /** By parameter: the task whose result it refers to. */
  readonly owners: Map<string, Task>;
}

/** All arguments of a call, by parameter name. */
export function resolveArguments(step: CallStep, scopes: Scopes): Resolved | NotReached {
  const args: Record<string, unknown> = {};
  const owners = new Map<string, Task>();
  const { params } = operation(step.op);
  for (const name in params) {
    const argument = step.args[name];
    if (argument === undefined) continue;
    const value = resolve(argument, params[name].type, scopes);
    if (value instanceof NotReached) return value;
    args[name] = scopes.wordBits === 32 && typeof value === "bigint" ? cut(step.op, name, value) : value;
    const task = ownerIn(argument, scopes.names);
    if (task !== undefined) owners.set(name, task);
  }
  return { args, owners };
}

/**
 * What is left of a size or an address on a 32-bit machine. mmap2 takes the offset as a number of 4 KiB units in 32
 * bits.
 */
function cut(op: CallStep["op"], name: string, value: bigint): bigint {
  if (op === "mmap" && name === "offset") return BigInt.asUintN(44, value);
  return operation(op).registers?.includes(name) === true ? BigInt.asUintN(32, value) : value;
}

function resolve(argument: Argument, type: ParamType, scopes: Scopes): unknown {
  switch (type.kind) {
    case "optional":
      return isNone(argument) ? undefined : resolve(argument, type.of, scopes);
    case "word":
      return argument.kind === "words" ? argument.words[0] : plain(argument, scopes);
    case "flags":
      return argument.kind === "words" ? argument.words : [];
    case "actor":
      return argument.kind === "words"
        ? argument.words[0]
        : argument.kind === "ref"
          ? argument.name
          : plain(argument, scopes);
    case "object":
      return argument.kind === "words" ? argument.words[0] : resolve(argument, { kind: "buffer" }, scopes);
    case "tuples":
      return tuples(argument, type, scopes);
    case "size":
    case "address":
    case "integer": {
      const value = plain(argument, scopes);
      return typeof value === "bigint" ? BigInt.asUintN(64, value) : value;
    }
    case "bounded": {
      const value = plain(argument, scopes);
      return typeof value === "bigint" ? narrowed(value) : value;
    }
    case "descriptor":
    case "buffer": {
      const value = plain(argument, scopes);
      return typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : value;
    }
    case "string":
      return argument.kind === "words" ? argument.words.join("|") : plain(argument, scopes);
    default: {
      const value = plain(argument, scopes);
      return typeof value === "bigint" ? Number(value) : value;
    }
  }
}

function tuples(argument: Argument, type: Extract<ParamType, { kind: "tuples" }>, scopes: Scopes): unknown {
  if (argument.kind !== "list") return [];
  const rows: unknown[] = [];
  for (const item of argument.items) {
    const row: unknown[] = [];
    for (const [i, column] of type.of.entries()) {
      const cell = item.kind === "list" ? item.items[i] : undefined;
      const value = cell === undefined ? 0n : resolve(cell, column.type, scopes);
      if (value instanceof NotReached) return value;
      row.push(value);
    }
    rows.push(row);
  }
  return rows;
}

/** What a field of up to 32 bits keeps of a result. */
function narrowed(value: bigint): number {
  return value >= -(1n << 31n) && value < 1n << 32n ? Number(value) : Number(BigInt.asUintN(32, value));
}

/** A value without regard to the parameter: an integer, a string, a driver's handle. */
function plain(argument: Argument, scopes: Scopes): unknown {
  switch (argument.kind) {
    case "int":
      return BigInt(argument.value);
    case "pages":
      return BigInt(argument.count) * BigInt(scopes.pageSize);
    case "string":
      return argument.value;
    case "ref":
      return asInteger(reference(argument.name, argument.field, scopes.names));
    case "sum": {
      const left = plain(argument.left, scopes);
      const right = plain(argument.right, scopes);
      if (left instanceof NotReached) return left;
      if (right instanceof NotReached) return right;
      if (typeof left !== "bigint" || typeof right !== "bigint") return left;
      return argument.op === "+" ? left + right : left - right;
    }
    case "words":
      return argument.words.length === 1 ? argument.words[0] : argument.words;
    case "list":
      return argument.items.map((item) => plain(item, scopes));
  }
}

/** A number of a result as exact as a literal is. */
function asInteger(value: unknown): unknown {
  return isInteger(value) ? BigInt(value) : value;
}

function reference(name: string, field: string | undefined, names: ReadonlyMap<string, Bound>): unknown {
  const bound = names.get(name);
  if (bound === undefined) throw new Error(`no step bound ${name}`);
  if ("failedAt" in bound) return new NotReached(bound.failedAt);
  const { result } = bound;
  if (typeof result === "bigint") return integer(result);
  if (typeof result !== "object" || Array.isArray(result)) return result;
  if ("handle" in result) return result.handle;
  if (field === undefined) return result;
  return (result as Record<string, unknown>)[field] ?? new NotReached(bound.line);
}

function ownerIn(argument: Argument, names: ReadonlyMap<string, Bound>): Task | undefined {
  switch (argument.kind) {
    case "ref": {
      const bound = names.get(argument.name);
      return bound !== undefined && "task" in bound ? bound.task : undefined;
    }
    case "sum":
      return ownerIn(argument.left, names) ?? ownerIn(argument.right, names);
    default:
      return undefined;
  }
}

function isNone(argument: Argument): boolean {
  return argument.kind === "words" && argument.words.length === 0;
}
