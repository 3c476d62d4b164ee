import { describe, expect, test } from "vitest";
import { Kernel } from "../src/index.js";
import {
  exact,
  LLONG_MAX,
  loff,
  long,
  maxLfsFilesize,
  narrow,
  narrowRange,
  offsetInPage,
  pageAlign,
  pageAlign64,
  pageStart,
  ulong,
  withinPage,
} from "../src/word.js";

const wide = new Kernel({ release: "6.12" });
const arm = new Kernel({ release: "6.12", arch: "arm" });

describe("a word", () => {
  test("wraps as wide as it is", () => {
    expect(ulong(wide, 2n ** 64n + 5n)).toBe(5n);
    expect(ulong(arm, 2n ** 32n + 5n)).toBe(5n);
    expect(long(wide, 2n ** 63n)).toBe(-(2n ** 63n));
    expect(long(arm, 2n ** 31n)).toBe(-(2n ** 31n));
    expect(loff(2n ** 64n - 1n)).toBe(-1n);
    expect(maxLfsFilesize(wide)).toBe(LLONG_MAX);
    expect(maxLfsFilesize(arm)).toBe((2n ** 32n - 1n) * 4096n);
  });

  test("is rounded up to pages, at its end to 0", () => {
    expect(pageAlign(wide, 1n)).toBe(4096n);
    expect(pageAlign(wide, 0xffff_ffff_ffff_f001n)).toBe(0n);
    expect(pageAlign(wide, 0xffff_ffff_ffff_f000n)).toBe(0xffff_ffff_ffff_f000n);
    expect(pageAlign(arm, 0xffff_f001n)).toBe(0n);
    expect(pageAlign64(arm, 0xffff_f001n)).toBe(2n ** 32n);
    expect(pageStart(wide, 2n ** 63n + 4097n)).toBe(2n ** 63n + 4096n);
    expect(offsetInPage(wide, 2n ** 63n + 4097n)).toBe(1);
  });

  test("keeps its alignment and its order against limits as a number", () => {
    expect(narrow(2n ** 47n)).toBe(2 ** 47);
    for (const word of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 63n + 4096n]) {
      expect(narrow(word)).toBeGreaterThan(2 ** 52);
      expect(BigInt(narrow(word) % 2 ** 21)).toBe(word % 2n ** 21n);
    }
    const [start, end] = narrowRange(0x7fff_ffff_ffff_f000n, 0x8000_7fff_ffff_f000n);
    expect(end - start).toBe(2 ** 47);
    expect(narrowRange(4096n, 2n ** 63n)[1]).toBeGreaterThan(2 ** 52);
  });

  test("of a position keeps its page", () => {
    expect(Math.floor(withinPage(2n ** 62n + 4097n) / 4096)).toBe(2 ** 50 + 1);
    expect(Math.ceil(withinPage(2n ** 63n - 1n) / 4096)).toBe(2 ** 51);
    expect(withinPage(2n ** 62n) % 4096).toBe(0);
  });

  test("is not cut in silence", () => {
    expect(exact(2n ** 53n - 1n)).toBe(2 ** 53 - 1);
    expect(() => exact(2n ** 53n)).toThrow("below 2^53");
  });
});
