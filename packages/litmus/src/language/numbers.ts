/** Numbers of the language: `16`, `0x77`, `64K`, `16p`, `-1`, and releases such as `6.12`. */

import { fits64, integer } from "../integers.js";

export type NumberMeaning =
  | { readonly kind: "int"; readonly value: number | string }
  | { readonly kind: "pages"; readonly count: number }
  | { readonly kind: "bad"; readonly why: string };

const SPAN = "numbers are 64 bits wide: -2^63 to 2^64 - 1";
/** Pages of 4 KiB that fill 64 bits. */
const MOST_PAGES = 2 ** 52;

const unitBits: Readonly<Record<string, bigint>> = { "": 0n, K: 10n, M: 20n, G: 30n, T: 40n };

/** What a number token says. Beyond 2^53 the value is a decimal string. */
export function numberMeaning(text: string): NumberMeaning {
  const found = /^(-?)(0[xX][0-9a-fA-F]+|\d+)([A-Za-z]*)$/.exec(text);
  if (!found) {
    if (/^-?0[xX]/.test(text)) return { kind: "bad", why: `'${text}' is no hexadecimal number` };
    if (text.includes(".")) return { kind: "bad", why: `'${text}' is no integer` };
    return { kind: "bad", why: `'${text}' is no number` };
  }
  const [, sign, digits, unit] = found;
  if (digits.length > 40) return { kind: "bad", why: `a number of ${digits.length} digits is too large; ${SPAN}` };
  if (unit === "p" && !/^0[xX]/.test(digits)) {
    const count = Number(`${sign}${digits}`);
    return count < MOST_PAGES && count >= -MOST_PAGES / 2
      ? { kind: "pages", count: count + 0 }
      : { kind: "bad", why: `'${text}' is too large; ${SPAN}` };
  }
  const bits = Object.hasOwn(unitBits, unit) ? unitBits[unit] : undefined;
  if (bits === undefined) {
    const upper = unit.toUpperCase().replace(/I?B$/, "");
    const meant =
      unit !== upper && Object.hasOwn(unitBits, upper) && upper !== "" ? `; did you mean '${digits}${upper}'?` : "";
    return { kind: "bad", why: `unknown unit '${unit}'${meant || " (known are K, M, G, T and p for pages)"}` };
  }
  if (bits === 0n && digits.length <= 12) return { kind: "int", value: (sign ? -1 : 1) * Number(digits) + 0 };
  const big = BigInt(digits) << bits;
  const value = sign ? -big : big;
  const exact = integer(value);
  return fits64(exact)
    ? { kind: "int", value: exact }
    : { kind: "bad", why: `'${text}' is too ${sign ? "small" : "large"}; ${SPAN}` };
}

/** Bytes as the language writes them: `64K`, `1M`; others in decimal. */
export function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ["G", 2 ** 30],
    ["M", 2 ** 20],
    ["K", 2 ** 10],
  ] as const) {
    if (bytes !== 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}
