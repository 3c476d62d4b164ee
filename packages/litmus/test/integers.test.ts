import { describe, expect, test } from "vitest";
import { compare, compareIntegers, integer, isInteger, judge, parse, sumIntegers, testFromJson } from "../src/index.js";
import { testToJson } from "../src/index.js";
import type { Machine, Outcome, Value } from "../src/index.js";
import { testOf } from "./text.js";

const machine: Machine = { kind: "model", release: "6.12", arch: "x86_64", designs: {} };
const outcome = (x: Value): Outcome => ({ status: "ok", values: { f: "ok", x }, ms: 0 });
const seek = (claim: string): ReturnType<typeof testOf> =>
  testOf(`f = open_file(4K)\nx = lseek(f, 0x7fffffffffffffff, set)\n${claim}\n`);
const verdict = (claim: string, x: Value): string => judge(seek(claim), outcome(x), machine).status;

describe("integers beyond 2^53", () => {
  test("have one form each", () => {
    expect(integer(2n ** 53n - 1n)).toBe(9007199254740991);
    expect(integer(2n ** 53n)).toBe("9007199254740992");
    expect(integer(-(2n ** 63n))).toBe("-9223372036854775808");
    expect(isInteger("9007199254740992")).toBe(true);
    expect(isInteger("9007199254740991")).toBe(false);
    expect(isInteger("EFAULT")).toBe(false);
  });

  test("are ordered and added bit by bit", () => {
    expect(compareIntegers("<", "9007199254740992", "9007199254740993")).toBe(true);
    expect(compareIntegers(">", "9007199254740992", 9007199254740991)).toBe(true);
    expect(sumIntegers("+", 9007199254740991, 2)).toBe("9007199254740993");
    expect(sumIntegers("-", "9007199254740993", 2)).toBe(9007199254740991);
  });

  test("are compared bit by bit by claims", () => {
    expect(verdict("expect x == 0x7fffffffffffffff", "9223372036854775807")).toBe("ok");
    expect(verdict("expect x == 0x7fffffffffffffff", "9223372036854775806")).toBe("surprise");
    expect(verdict("expect x > 0x7ffffffffffffffe", "9223372036854775807")).toBe("ok");
    expect(verdict("expect x > 0x7ffffffffffffffe", "9223372036854775806")).toBe("surprise");
    expect(verdict("expect x - 0x7ffffffffffffffe == 1", "9223372036854775807")).toBe("ok");
    expect(verdict("expect x in [1 0x7fffffffffffffff]", "9223372036854775807")).toBe("ok");
  });

  test("that differ in one bit disagree", () => {
    const text = seek("");
    expect(compare(text, outcome("9223372036854775807"), outcome("9223372036854775806"))).toEqual(["x"]);
    expect(compare(text, outcome("9223372036854775807"), outcome("9223372036854775807"))).toEqual([]);
  });

  test("come back from JSON as they were", () => {
    const text = seek("expect x == 0x7fffffffffffffff");
    const back = testFromJson(JSON.stringify(testToJson(text)));
    expect(back.diagnostics).toEqual([]);
    expect(back.test).toEqual(text);
    const wide = JSON.stringify(testToJson(text)).replaceAll("9223372036854775807", "18446744073709551616");
    expect(testFromJson(wide).test).toBeUndefined();
  });
});

describe("check refuses", () => {
  const message = (line: string): string =>
    parse(`test t\n  "?"\n\nva = mmap(anon, 4K, rw, private)\n${line}\n`)
      .diagnostics.map((d) => d.message)
      .join("; ");

  test.each([
    ["x = load(va, 3)", "'width' of load() is 1, 2 or 4, not 3"],
    ["x = load(va, width: 8)", "'width' of load() is 1, 2 or 4, not 8"],
    ["fill(va, 1p, 256)", "'byte' of fill() is 0 to 255, not 256"],
    ["store(va, 0x1ff, 1)", "'value' of store() has to fit into one byte, -128 to 255, not 511"],
    ["store(va, 0x10000, width: 2)", "'value' of store() has to fit into 2 bytes, -32768 to 65535, not 65536"],
    ["store(va, 0x100000000)", "'value' of store() has to fit into 4 bytes, -2147483648 to 4294967295, not 4294967296"],
    ["munmap(va, 0x10000000000000000)", "'0x10000000000000000' is too large; numbers are 64 bits wide"],
    ["munmap(va, 0x10000000000000p)", "is no hexadecimal number|unknown unit"],
    ["munmap(va, 4503599627370496p)", "'4503599627370496p' is too large; numbers are 64 bits wide"],
    ["expect [EFAULT] == EFAULT", "they cannot be compared"],
    ["expect EFAULT != [EFAULT]", "they cannot be compared"],
  ])("%s", (line, why) => {
    expect(why.split("|").some((part) => message(line).includes(part))).toBe(true);
  });

  test.each(["x = load(va, 1)", "store(va, -1)", "store(va, 0xff, 1)", "store(va, -128, 1)", "fill(va, 1p, 255)"])(
    "nothing of %s",
    (line) => {
      expect(message(line)).toBe("");
    },
  );
});
