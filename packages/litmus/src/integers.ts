/**
 * Integers of any width without loss. One within ±(2^53 - 1) is a number; one beyond is its decimal digits, so that
 * equality is `===` and JSON keeps every bit.
 */
import type { Comparison } from "./test.js";

export type Integer = number | string;

/** The canonical form of an exact integer. */
export function integer(value: bigint): Integer {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value.toString();
}

/** Whether a value is an integer in canonical form: a word, an errno and a text are none. */
export function isInteger(value: unknown): value is Integer {
  if (typeof value === "number") return true;
  return typeof value === "string" && /^-?[1-9]\d{15,40}$/.test(value) && !Number.isSafeInteger(Number(value));
}

/** Whether 64 bits hold it, signed or unsigned. */
export function fits64(value: Integer): boolean {
  return typeof value === "number" || (BigInt(value) >= -(1n << 63n) && BigInt(value) < 1n << 64n);
}

/** The order of two integers, whichever form they have. */
export function compareIntegers(op: Comparison, left: Integer, right: Integer): boolean {
  const [a, b] = typeof left === "number" && typeof right === "number" ? [left, right] : [BigInt(left), BigInt(right)];
  switch (op) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

/** The exact sum or difference. */
export function sumIntegers(op: "+" | "-", left: Integer, right: Integer): Integer {
  if (typeof left === "number" && typeof right === "number") {
    const sum = op === "+" ? left + right : left - right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return integer(op === "+" ? BigInt(left) + BigInt(right) : BigInt(left) - BigInt(right));
}

/** So many pages in bytes. */
export function pagesInBytes(count: number, pageBytes: number): Integer {
  const bytes = count * pageBytes;
  return Number.isSafeInteger(bytes) ? bytes : integer(BigInt(count) * BigInt(pageBytes));
}
