/**
 * Values as people read them: bytes in the language's own units, flags in brackets, and which value of a test matters.
 */
import { bindings, isNotReached, operation, sizeText } from "@litmap/litmus";
import type { Expression, Test, Value, Values } from "@litmap/litmus";

/** `64K`, `EFAULT`, `[rd wr]`, `not reached (line 4)`. */
export function valueText(value: Value | undefined, unit?: string): string {
  if (value === undefined) return "absent";
  if (typeof value === "string") return /[\x00-\x1f\x7f-\x9f\u2028\u2029]|^ | $|^$/.test(value) ? quoted(value) : value;
  if (typeof value === "number") return unit === "bytes" ? sizeText(value) : String(value);
  if (isNotReached(value)) return `not reached (line ${value.not_reached})`;
  return `[${(value as readonly string[]).join(" ")}]`;
}

/** A text that would not be seen as it is, as the language writes it where it can. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What the number under each key of a test's outcome counts, where the operation table says. */
export function unitsOf(test: Test): Map<string, string> {
  const units = new Map<string, string>();
  const add = (key: string, op: Parameters<typeof operation>[0], field: string | undefined): void => {
    const { result } = operation(op);
    if (result.kind === "number") units.set(key, result.unit);
    if (result.kind !== "record") return;
    for (const [name, { doc }] of Object.entries(result.fields)) {
      if (!/\bbytes\b/i.test(doc)) continue;
      if (field === undefined) units.set(`${key}.${name}`, "bytes");
      else if (field === name) units.set(key, "bytes");
    }
  };
  for (const step of bindings(test.steps)) {
    if (step.kind === "faults") units.set(step.bind, "faults");
    else add(step.bind ?? "", step.op, step.field);
  }
  for (const observer of test.observers) add(observer.key, observer.call.op, undefined);
  return units;
}

/**
 * The key of the value that a test is about: what its first claim that holds there looks at, else the last that has a
 * value.
 */
export function mainKey(test: Test, values: Values, texts?: readonly string[]): string | undefined {
  for (const claim of test.claims) {
    if (texts && !texts.includes(claim.text)) continue;
    const key = firstKey(claim.expr, values);
    if (key !== undefined) return key;
  }
  return Object.keys(values).at(-1);
}

function firstKey(expr: Expression, values: Values): string | undefined {
  switch (expr.kind) {
    case "value":
    case "observer": {
      const whole = expr.kind === "value" ? expr.name : expr.key;
      const key = expr.field === undefined ? whole : `${whole}.${expr.field}`;
      return key in values ? key : whole in values ? whole : undefined;
    }
    case "not":
      return firstKey(expr.operand, values);
    case "binary":
      return firstKey(expr.left, values) ?? firstKey(expr.right, values);
    case "list":
      return expr.items.map((item) => firstKey(item, values)).find((key) => key !== undefined);
    default:
      return undefined;
  }
}

/** `EFAULT` of `n`, `Pss 64K` of `smaps(va).Pss`. */
export function briefValue(key: string | undefined, values: Values, units: ReadonlyMap<string, string>): string {
  if (key === undefined) return "";
  const text = valueText(values[key], units.get(key));
  const field = /\.([A-Za-z_]+)$/.exec(key);
  return field ? `${field[1]} ${text}` : text;
}
