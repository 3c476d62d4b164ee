/**
 * Which keys an outcome has, and how a call's result becomes the values under them.
 * The model and the decoder of a kernel's results both go through here, so that two
 * outcomes of one test can be compared key by key.
 */
import { compareIntegers, isInteger } from "./integers.js";
import { operation } from "./operations/index.js";
import type { ResultType } from "./operations/index.js";
import type { Machine, Value } from "./outcome.js";
import type { CallStep, Condition, Observer, Scope, Step, Test } from "./test.js";

/** What an observer gave that succeeded: its fields. One that the machine does not show is absent. */
export type RecordValue = { readonly [field: string]: number | string | readonly string[] };

/** What a call gave, before it is put under its keys. */
export type CallValue = Value | RecordValue;

/** Choices in force at every decision point; empty for a real kernel. */
export type Effective = Readonly<Record<string, string>>;

/** Whether a value says that its step did not run. */
export function isNotReached(value: CallValue): value is { readonly not_reached: number } {
  return typeof value === "object" && !Array.isArray(value) && "not_reached" in value;
}

/**
 * A result under its key or keys, in the order of the operation table.
 *
 * A record that succeeded gives `key.Field` for each field (only those in `fields` when it is
 * given); one that failed or was not reached gives the errno or the line under `key` alone.
 * A number where the result is a status, descriptor, address or handle becomes `ok`;
 * flag words are sorted.
 */
export function recordEntries(
  key: string,
  type: ResultType,
  value: CallValue,
  fields?: readonly string[],
): [string, Value][] {
  if (isInteger(value)) return [[key, type.kind === "number" && type.opaque !== true ? value : "ok"]];
  if (typeof value === "string" || isNotReached(value)) return [[key, value]];
  if (Array.isArray(value)) return [[key, [...value].sort()]];
  if (type.kind !== "record") throw new Error(`${key}: a record where the result is a ${type.kind}`);
  if (fields && fields.length === 0) return [[key, "ok"]];
  const record = value as RecordValue;
  const entries: [string, Value][] = [];
  for (const name of fields ?? Object.keys(type.fields)) {
    if (name in record) entries.push([`${key}.${name}`, flat(record[name])]);
  }
  return entries;
}

/** What a step adds to the outcome: nothing when its result has no name. */
export function callEntries(step: CallStep, value: CallValue): [string, Value][] {
  if (step.bind === undefined) return [];
  const type = operation(step.op).result;
  if (step.field === undefined) return recordEntries(step.bind, type, value);
  if (typeof value === "string" || typeof value === "number" || Array.isArray(value) || isNotReached(value)) {
    return recordEntries(step.bind, type, value);
  }
  const record = value as RecordValue;
  return step.field in record ? [[step.bind, flat(record[step.field])]] : [];
}

/** What an observer of the claims adds to the outcome: only the fields that claims look at. */
export function observerEntries(observer: Observer, value: CallValue): [string, Value][] {
  const type = operation(observer.call.op).result;
  return recordEntries(observer.key, type, value, type.kind === "record" ? observer.fields : undefined);
}

/**
 * The keys that an outcome of this test has when nothing fails, in order: names as they are
 * bound (branches of `parallel` one after the other), records as `name.Field`, then the
 * observers of claims that hold on this machine.
 */
export function outcomeKeys(test: Test, machine: Machine, effective: Effective = {}): string[] {
  const keys: string[] = [];
  for (const step of bindings(test.steps)) {
    if (step.kind === "faults") keys.push(step.bind);
    else keys.push(...keysOf(step.bind!, step.field === undefined ? operation(step.op).result : undefined));
  }
  for (const observer of observersOn(test, machine, effective)) {
    const type = operation(observer.call.op).result;
    keys.push(
      ...(type.kind === "record" && observer.fields.length
        ? observer.fields.map((f) => `${observer.key}.${f}`)
        : [observer.key]),
    );
  }
  return keys;
}

/** The observers to take on a machine: those of which a claim's scope holds there. */
export function observersOn(test: Test, machine: Machine, effective: Effective = {}): Observer[] {
  return test.observers.filter((o) => o.scopes.some((scope) => scopeHolds(scope, machine, effective)));
}

/** Every step that gives a name a value, in the order of the text, also inside blocks. */
export function* bindings(steps: readonly Step[]): Generator<Extract<Step, { kind: "call" | "faults" }>> {
  for (const step of steps) {
    switch (step.kind) {
      case "call":
        if (step.bind !== undefined) yield step;
        break;
      case "faults":
        yield* bindings(step.body);
        yield step;
        break;
      case "parallel":
        for (const branch of step.branches) yield* bindings(branch.body);
        break;
      case "spawn":
        break;
    }
  }
}

/** Other actors that a call's arguments name: when one was never made, the call is not reached. */
export function actorsNamed(step: CallStep): string[] {
  const named: string[] = [];
  const { params } = operation(step.op);
  for (const name in params) {
    const { type } = params[name];
    if (type.kind !== "actor" && !(type.kind === "optional" && type.of.kind === "actor")) continue;
    const argument = step.args[name];
    if (argument?.kind === "words") named.push(...argument.words.slice(0, 1));
  }
  return named;
}

/** Whether every condition holds. A `with` never holds on a real kernel: its choices are not known for sure. */
export function scopeHolds(scope: Scope, machine: Machine, effective: Effective = {}): boolean {
  return scope.every((condition) => conditionHolds(condition, machine, effective));
}

function conditionHolds(condition: Condition, machine: Machine, effective: Effective): boolean {
  switch (condition.kind) {
    case "linux":
      return compareIntegers(condition.op, compareReleases(machine.release, condition.release), 0);
    case "arch":
      return machine.arch === condition.arch;
    case "with":
      return (
        machine.kind === "model" &&
        (effective[condition.point] ?? machine.designs[condition.point]) === condition.choice
      );
  }
}

/**
 * Below 0, 0 or above 0, by the numbers of two versions. `6.12` is a series: it is equal to each of its updates, as
 * `6.12.118`. What follows the numbers (`-rc1`) does not count.
 */
export function compareReleases(a: string, b: string): number {
  const [aMajor, aMinor, aUpdate] = releaseNumbers(a);
  const [bMajor, bMinor, bUpdate] = releaseNumbers(b);
  return aMajor - bMajor || aMinor - bMinor || (aUpdate === undefined || bUpdate === undefined ? 0 : aUpdate - bUpdate);
}

/** `6.12` of `6.12.118`; the text itself where it does not begin with two numbers. */
export function seriesOf(version: string): string {
  return /^\d+\.\d+/.exec(version)?.[0] ?? version;
}

/** 118 of `6.12.118`; undefined of a series, `6.12`. */
export function updateOf(version: string): number | undefined {
  return releaseNumbers(version)[2];
}

function releaseNumbers(release: string): readonly [major: number, minor: number, update?: number] {
  const found = /^(\d+)(?:\.(\d+)(?:\.(\d+))?)?/.exec(release);
  if (!found) return [0, 0];
  const [, major, minor = "0", update] = found;
  return update === undefined ? [Number(major), Number(minor)] : [Number(major), Number(minor), Number(update)];
}

function keysOf(name: string, type: ResultType | undefined): string[] {
  return type?.kind === "record" ? Object.keys(type.fields).map((field) => `${name}.${field}`) : [name];
}

function flat(value: number | string | readonly string[]): Value {
  return typeof value === "object" ? [...value].sort() : value;
}
