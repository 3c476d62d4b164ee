/**
 * From an argument in a test to what a handler gets.
 *
 * Numbers are doubles. Sizes and addresses stand for 64 unsigned bits: a negative one is
 * taken modulo 2^64, and one beyond 2^53 keeps its page and whether it is page aligned (its
 * low twelve bits become 2048 when they are not zero), so that rounding up to pages, running
 * over 2^64 and alignment checks come out as in the kernel. 2^64 itself never occurs as an
 * argument; a handler that rounds up gets it where the kernel's sum wraps to zero.
 */
import { operation } from "@litmap/litmus";
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
    args[name] = scopes.wordBits === 32 && typeof value === "number" ? cut(step.op, name, value) : value;
    const task = ownerIn(argument, scopes.names);
    if (task !== undefined) owners.set(name, task);
  }
  return { args, owners };
}

/**
 * What is left of a size or an address on a 32-bit machine. mmap2 takes the offset as a number of 4 KiB units in 32
 * bits.
 */
function cut(op: CallStep["op"], name: string, value: number): number {
  if (op === "mmap" && name === "offset") return value % 2 ** 44;
  return operation(op).registers?.includes(name) === true && value >= 0 ? value % 2 ** 32 : value;
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
      return argument.kind === "words" ? argument.words[0] : plain(argument, scopes);
    case "tuples":
      return tuples(argument, type, scopes);
    case "size":
    case "address":
      return unsigned(plain(argument, scopes));
    case "string":
      return argument.kind === "words" ? argument.words.join("|") : plain(argument, scopes);
    default:
      return plain(argument, scopes);
  }
}

function tuples(argument: Argument, type: Extract<ParamType, { kind: "tuples" }>, scopes: Scopes): unknown {
  if (argument.kind !== "list") return [];
  const rows: unknown[] = [];
  for (const item of argument.items) {
    const row: unknown[] = [];
    for (const [i, column] of type.of.entries()) {
      const cell = item.kind === "list" ? item.items[i] : undefined;
      const value = cell === undefined ? 0 : resolve(cell, column.type, scopes);
      if (value instanceof NotReached) return value;
      row.push(value);
    }
    rows.push(row);
  }
  return rows;
}

/** A value without regard to the parameter: a number, a string, a driver's handle. */
function plain(argument: Argument, scopes: Scopes): unknown {
  switch (argument.kind) {
    case "int":
      return typeof argument.value === "number" ? argument.value : wide(BigInt(argument.value));
    case "pages":
      return argument.count * scopes.pageSize;
    case "string":
      return argument.value;
    case "ref":
      return reference(argument.name, argument.field, scopes.names);
    case "sum": {
      const left = plain(argument.left, scopes);
      const right = plain(argument.right, scopes);
      if (left instanceof NotReached) return left;
      if (right instanceof NotReached) return right;
      return argument.op === "+" ? Number(left) + Number(right) : Number(left) - Number(right);
    }
    case "words":
      return argument.words.length === 1 ? argument.words[0] : argument.words;
    case "list":
      return argument.items.map((item) => plain(item, scopes));
  }
}

function reference(name: string, field: string | undefined, names: ReadonlyMap<string, Bound>): unknown {
  const bound = names.get(name);
  if (bound === undefined) throw new Error(`no step bound ${name}`);
  if ("failedAt" in bound) return new NotReached(bound.failedAt);
  const { result } = bound;
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

const TWO_64 = 2 ** 64;

function unsigned(value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (value >= 0) return value < TWO_64 ? value : value - TWO_64;
  return value >= -(2 ** 53) ? wide(BigInt(value) + (1n << 64n)) : value + TWO_64;
}

/** An integer as a double that keeps its page and whether it is aligned. */
function wide(value: bigint): number {
  if (value < 0n) return Number(value);
  const bits = BigInt.asUintN(64, value);
  if (bits < 1n << 53n) return Number(bits);
  return Number(bits >> 12n) * 4096 + ((bits & 4095n) === 0n ? 0 : 2048);
}
