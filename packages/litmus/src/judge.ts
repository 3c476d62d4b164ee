/**
 * Verdicts: whether what came out is what a test claims, and whether two machines agree.
 */
import { compareIntegers, isInteger, pagesInBytes, sumIntegers } from "./integers.js";
import type { Integer } from "./integers.js";
import { isFailure } from "./language/words.js";
import { operation } from "./operations/index.js";
import type { Field } from "./operations/index.js";
import { pageBytesOf } from "./outcome.js";
import type { ClaimResult, Machine, Outcome, Status, Value, Values } from "./outcome.js";
import { bindings, isNotReached, scopeHolds } from "./outcome-keys.js";
import type { Effective } from "./outcome-keys.js";
import type { Claim, Expression, Step, Test } from "./test.js";

export interface Judgement {
  readonly status: Exclude<Status, "disagree" | "invalid">;
  /** The claims that hold on this machine, in the order of the text. */
  readonly claims: readonly ClaimResult[];
}

/** Whether a test has a `parallel` block, so that its outcome is a set of outcomes. */
export function isConcurrent(test: Test): boolean {
  return test.steps.some((step: Step) => step.kind === "parallel");
}

/**
 * The claims of a test against what came out.
 *
 * In a concurrent test `expect` and `always` speak of every set of values that was seen,
 * `never` of none, `sometimes` of at least one. On a real kernel, where only some schedules
 * are seen, a `sometimes` that was not seen is left out, and so is what is claimed of an
 * invariant, which a kernel does not report.
 *
 * On a model whose design differs from its release, only claims with a `with` are judged. Of a search that was stopped
 * only what the rest cannot change is told: what was broken, and what happens at least once.
 *
 * @param effective the model's choice at each decision point; `with` holds by it
 */
export function judge(test: Test, outcome: Outcome, machine: Machine, effective: Effective = {}): Judgement {
  const partial = outcome.status === "incomplete";
  if (outcome.status !== "ok" && !partial) return { status: outcome.status, claims: [] };
  const seen = outcome.histogram?.length ? outcome.histogram.map((h) => h.values) : [outcome.values];
  const claims: ClaimResult[] = [];
  for (const claim of test.claims) {
    if (!scopeHolds(claim.scope, machine, effective) || speaksOfReleases(claim, machine)) continue;
    const holds = claimHolds(claim, outcome, seen, machine);
    if (holds === undefined || (partial && holds !== (claim.kind === "sometimes"))) continue;
    claims.push({
      text: claim.kind === "expect" ? claim.text : `${claim.kind} ${claim.text}`,
      holds,
      line: claim.span.line,
      ...(holds || !outcome.histogram?.length ? {} : brokenBy(claim, seen, machine)),
    });
  }
  claims.push(...unspoken(test, outcome, machine));
  return { status: partial ? "incomplete" : claims.every((c) => c.holds) ? "ok" : "surprise", claims };
}

/**
 * Memory that was used after it was freed needs no claim to be a surprise: only a claim that speaks of it makes it
 * none.
 */
function unspoken(test: Test, outcome: Outcome, machine: Machine): ClaimResult[] {
  if (machine.kind === "model" && Object.keys(machine.designs).length > 0) return [];
  const spoken = new Set(test.claims.flatMap(({ expr }) => (expr.kind === "invariant" ? [expr.name] : [])));
  const broken = (outcome.violations ?? []).filter(
    ({ invariant }) => invariant === "use-after-free" && !spoken.has(invariant),
  );
  return broken.map(({ invariant }) => ({ text: `never ${invariant}`, holds: false, line: 1 }));
}

/** A claim without a `with` speaks of releases as they are: it says nothing of a kernel whose design was changed. */
function speaksOfReleases(claim: Claim, machine: Machine): boolean {
  if (machine.kind !== "model" || Object.keys(machine.designs).length === 0) return false;
  return !claim.scope.some((condition) => condition.kind === "with");
}

/** The first set of values that a claim on all, or on none, forbids. */
function brokenBy(claim: Claim, seen: readonly Values[], machine: Machine): Pick<ClaimResult, "brokenBy"> {
  if (claim.expr.kind === "invariant" || claim.kind === "sometimes") return {};
  const wanted = claim.kind !== "never";
  const at = seen.findIndex((values) => isTrue(claim.expr, values, pageBytesOf(machine.arch)) !== wanted);
  return at < 0 ? {} : { brokenBy: at };
}

function claimHolds(claim: Claim, outcome: Outcome, seen: readonly Values[], machine: Machine): boolean | undefined {
  if (claim.expr.kind === "invariant") {
    if (outcome.violations === undefined && machine.kind !== "model") return undefined;
    const { name } = claim.expr;
    const broken = (outcome.violations ?? []).some((v) => v.invariant === name);
    return claim.kind === "sometimes" ? broken : !broken;
  }
  const holds = (values: Values): boolean => isTrue(claim.expr, values, pageBytesOf(machine.arch));
  switch (claim.kind) {
    case "expect":
    case "always":
      return seen.every(holds);
    case "never":
      return !seen.some(holds);
    case "sometimes":
      return seen.some(holds) || (machine.kind === "model" ? false : undefined);
  }
}

// --- expressions

/** What an operand is worth: a value of the outcome, or a word or list of the claim. */
type Operand =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "word"; readonly word: string }
  | { readonly kind: "list"; readonly items: readonly Operand[] };

/**
 * Whether an expression is true of a set of values. A comparison with what was not reached, or is not there, is false.
 * @param page bytes of a page
 */
export function isTrue(expr: Expression, values: Values, page: number): boolean {
  switch (expr.kind) {
    case "not":
      return !isTrue(expr.operand, values, page);
    case "binary":
      switch (expr.op) {
        case "and":
          return isTrue(expr.left, values, page) && isTrue(expr.right, values, page);
        case "or":
          return isTrue(expr.left, values, page) || isTrue(expr.right, values, page);
        case "+":
        case "-":
          return false;
        default: {
          const left = operand(expr.left, values, page);
          const right = operand(expr.right, values, page);
          if (!left || !right) return false;
          return expr.op === "in" ? isIn(left, right) : compares(expr.op, left, right);
        }
      }
    default:
      return false;
  }
}

function operand(expr: Expression, values: Values, page: number): Operand | undefined {
  switch (expr.kind) {
    case "int":
      return { kind: "value", value: expr.value };
    case "pages":
      return { kind: "value", value: pagesInBytes(expr.count, page) };
    case "string":
      return { kind: "value", value: expr.value };
    case "word":
      return { kind: "word", word: expr.word };
    case "list": {
      const items: Operand[] = [];
      for (const item of expr.items) {
        const one = operand(item, values, page);
        if (one) items.push(one);
      }
      return { kind: "list", items };
    }
    case "value":
      return found(values, expr.name, expr.field);
    case "observer":
      return found(values, expr.key, expr.field);
    case "binary": {
      if (expr.op !== "+" && expr.op !== "-") return undefined;
      const left = numberOf(operand(expr.left, values, page));
      const right = numberOf(operand(expr.right, values, page));
      if (left === undefined || right === undefined) return undefined;
      return { kind: "value", value: sumIntegers(expr.op, left, right) };
    }
    default:
      return undefined;
  }
}

/** A value by its key. A field of a record that failed is the record's errno; a record that did not fail is `ok`. */
function found(values: Values, key: string, field: string | undefined): Operand | undefined {
  if (field !== undefined) {
    const value = values[`${key}.${field}`];
    if (value !== undefined) return { kind: "value", value };
    const whole = values[key];
    return whole === undefined || whole === "ok" ? undefined : { kind: "value", value: whole };
  }
  const value = values[key];
  if (value !== undefined) return { kind: "value", value };
  return Object.keys(values).some((k) => k.startsWith(`${key}.`)) ? { kind: "value", value: "ok" } : undefined;
}

function numberOf(side: Operand | undefined): Integer | undefined {
  return side?.kind === "value" && isInteger(side.value) ? side.value : undefined;
}

function compares(op: "==" | "!=" | "<" | "<=" | ">" | ">=", left: Operand, right: Operand): boolean {
  if (op === "==" || op === "!=") {
    const same = equal(left, right);
    return same !== undefined && same === (op === "==");
  }
  const a = numberOf(left);
  const b = numberOf(right);
  return a !== undefined && b !== undefined && compareIntegers(op, a, b);
}

/** Undefined when the question has no answer: one of them was not reached. */
function equal(left: Operand, right: Operand): boolean | undefined {
  if (left.kind === "value") return equalsValue(left.value, right);
  if (right.kind === "value") return equalsValue(right.value, left);
  if (left.kind === "word") return right.kind === "word" && left.word === right.word;
  return right.kind === "list" && sameSet(wordsIn(left), wordsIn(right));
}

function equalsValue(value: Value, right: Operand): boolean | undefined {
  if (right.kind === "word" && right.word === "not_reached") return isNotReached(value);
  if (isNotReached(value)) return undefined;
  switch (right.kind) {
    case "word":
      if (right.word === "ok") return typeof value !== "string" || !isFailure(value);
      return Array.isArray(value) ? sameSet(value, [right.word]) : value === right.word;
    case "list":
      return Array.isArray(value) && sameSet(value, wordsIn(right));
    case "value": {
      const other = right.value;
      if (isNotReached(other)) return undefined;
      if (Array.isArray(value) && Array.isArray(other)) return sameSet(value, other);
      // A status is 0 and `ok` at once.
      if ((value === "ok" && other === 0) || (value === 0 && other === "ok")) return true;
      return value === other;
    }
  }
}

function isIn(left: Operand, right: Operand): boolean {
  if (right.kind === "list") return right.items.some((item) => equal(left, item) === true);
  if (right.kind !== "value" || !Array.isArray(right.value)) return false;
  const words = left.kind === "word" ? [left.word] : left.kind === "list" ? wordsIn(left) : [];
  return words.length > 0 && words.every((w) => (right.value as readonly string[]).includes(w));
}

function wordsIn(side: Extract<Operand, { kind: "list" }>): string[] {
  return side.items.flatMap((item) => (item.kind === "word" ? [item.word] : []));
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const left = new Set(a);
  const right = new Set(b);
  return left.size === right.size && [...left].every((word) => right.has(word));
}

// --- agreement

/**
 * The keys in which an observed outcome is not what a reference says; empty when they agree.
 *
 * Every bound value must be equal, and every observer that both machines took. Fields that the
 * operation table marks `onlyIfNamed` count only through the claims that name them: each such
 * comparison must come out the same. Of a concurrent test, each set of values that was observed
 * must be one of the reference's (so two models are compared both ways round); the keys are
 * those in which it differs from the nearest one.
 *
 * Meant for two outcomes with status `ok`; of others it has nothing to say. A reference that is `incomplete` may allow
 * more than it says.
 *
 * @param page bytes of a page of the machine that was observed
 */
export function compare(test: Test, reference: Outcome, observed: Outcome, page = pageBytesOf("x86_64")): string[] {
  if ((reference.status !== "ok" && reference.status !== "incomplete") || observed.status !== "ok") return [];
  return [...new Set(notAllowed(test, reference, observed, page).flatMap(({ keys }) => keys))];
}

/** A set of values that was observed and is none of the reference's. */
export interface NotAllowed {
  readonly values: Values;
  /** The reference's set that differs from it in the fewest keys. */
  readonly nearest: Values;
  /** Those keys. */
  readonly keys: readonly string[];
  /** Those, and all others that have not one value in everything that either side has: what makes the combination. */
  readonly among: readonly string[];
  /** In how many runs it was observed. */
  readonly count: number;
}

/** As {@link compare}: every set of values by itself. A test without a `parallel` block has one. */
export function notAllowed(
  test: Test,
  reference: Outcome,
  observed: Outcome,
  page = pageBytesOf("x86_64"),
): NotAllowed[] {
  if ((reference.status !== "ok" && reference.status !== "incomplete") || observed.status !== "ok") return [];
  const groups = keyGroups(test);
  const observers = new Set(test.observers.map((o) => o.key));
  const allowed = setsOf(test, reference);
  const seen = setsOf(test, observed);
  const varying = varyingKeys([...seen, ...allowed].map(({ values }) => values));
  return seen.flatMap(({ values, count }) => {
    let best: NotAllowed | undefined;
    for (const { values: nearest } of allowed) {
      const keys = differences(groups, observers, nearest, values, page);
      if (keys.length === 0) return [];
      if (best && keys.length >= best.keys.length) continue;
      best = { values, nearest, keys, among: [...new Set([...varying, ...keys])], count };
    }
    return best ? [best] : [];
  });
}

function varyingKeys(sets: readonly Values[]): string[] {
  const keys = new Set(sets.flatMap((values) => Object.keys(values)));
  return [...keys].filter((key) => sets.some((values) => !sameValue(values[key], sets[0][key])));
}

function setsOf(test: Test, { values, histogram }: Outcome): NonNullable<Outcome["histogram"]> {
  return isConcurrent(test) && histogram?.length ? histogram : [{ values, count: 1 }];
}

/**
 * A value by its key, also of a record that gave its fields on one side and failed, or was not reached, on the other:
 * the record is `ok` where its fields are, and a field is what its record is.
 */
export function valueAt(values: Values, key: string): Value | undefined {
  const record = /^(.*)\.[^.()]+$/.exec(key)?.[1];
  return (
    values[key] ??
    (Object.keys(values).some((k) => k.startsWith(`${key}.`)) ? "ok" : undefined) ??
    (record === undefined ? undefined : values[record])
  );
}

/** What one name or observer has in an outcome. */
interface KeyGroup {
  readonly key: string;
  /** Of a record: its fields. */
  readonly fields?: readonly string[];
  /** Keys that count only through these comparisons. */
  readonly byClaims: ReadonlyMap<string, readonly Expression[]>;
}

function keyGroups(test: Test): KeyGroup[] {
  const groups: KeyGroup[] = [];
  const add = (key: string, fields: Readonly<Record<string, Field>> | undefined, only: Field | undefined): void => {
    const byClaims = new Map<string, readonly Expression[]>();
    if (only?.onlyIfNamed) byClaims.set(key, comparisonsOf(test, key, undefined));
    for (const [name, field] of Object.entries(fields ?? {})) {
      if (field.onlyIfNamed) byClaims.set(`${key}.${name}`, comparisonsOf(test, key, name));
    }
    groups.push({ key, ...(fields ? { fields: Object.keys(fields) } : {}), byClaims });
  };
  for (const step of bindings(test.steps)) {
    const result = step.kind === "call" ? operation(step.op).result : undefined;
    const fields = result?.kind === "record" ? result.fields : undefined;
    const field = step.kind === "call" ? step.field : undefined;
    add(step.bind!, field === undefined ? fields : undefined, field === undefined ? undefined : fields?.[field]);
  }
  for (const observer of test.observers) {
    const { result } = operation(observer.call.op);
    add(observer.key, result.kind === "record" ? result.fields : undefined, undefined);
  }
  return groups;
}

/** The comparisons, anywhere in the claims, that look at this value. */
function comparisonsOf(test: Test, key: string, field: string | undefined): Expression[] {
  const found: Expression[] = [];
  const looksAt = (e: Expression): boolean => {
    switch (e.kind) {
      case "value":
        return e.name === key && e.field === field;
      case "observer":
        return e.key === key && e.field === field;
      case "not":
        return looksAt(e.operand);
      case "binary":
        return looksAt(e.left) || looksAt(e.right);
      case "list":
        return e.items.some(looksAt);
      default:
        return false;
    }
  };
  const visit = (e: Expression): void => {
    if (e.kind === "not") visit(e.operand);
    else if (e.kind === "binary" && (e.op === "and" || e.op === "or")) {
      visit(e.left);
      visit(e.right);
    } else if (looksAt(e)) found.push(e);
  };
  for (const claim of test.claims) visit(claim.expr);
  return found;
}

function differences(
  groups: readonly KeyGroup[],
  observers: ReadonlySet<string>,
  a: Values,
  b: Values,
  page: number,
): string[] {
  const keys: string[] = [];
  for (const group of groups) {
    const names = [group.key, ...(group.fields ?? []).map((f) => `${group.key}.${f}`)];
    const inA = names.filter((n) => a[n] !== undefined);
    const inB = names.filter((n) => b[n] !== undefined);
    // An observer under a scope is taken only where the scope holds.
    if (observers.has(group.key) && (!inA.length || !inB.length)) continue;
    if (inA.includes(group.key) !== inB.includes(group.key)) {
      keys.push(group.key);
      continue;
    }
    for (const name of names) {
      const byClaims = group.byClaims.get(name);
      if (a[name] === undefined && b[name] === undefined) continue;
      if (byClaims && !isFailed(a[name]) && !isFailed(b[name])) {
        if (
          a[name] !== undefined &&
          b[name] !== undefined &&
          byClaims.some((e) => isTrue(e, a, page) !== isTrue(e, b, page))
        )
          keys.push(name);
        continue;
      }
      // A scope can make one machine look at fewer fields of an observer than the other.
      if (observers.has(group.key) && (a[name] === undefined || b[name] === undefined)) continue;
      if (!sameValue(a[name], b[name])) keys.push(name);
    }
  }
  return keys;
}

const isFailed = (value: Value | undefined): boolean =>
  value !== undefined && ((typeof value === "string" && isFailure(value)) || isNotReached(value));

/** Equality of outcomes' values: numbers, words, sets, and the line that was not passed. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined || typeof a !== "object" || typeof b !== "object") return a === b;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameSet(a, b);
  return isNotReached(a) && isNotReached(b) && a.not_reached === b.not_reached;
}
