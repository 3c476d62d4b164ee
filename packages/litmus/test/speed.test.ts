import { expect, test } from "vitest";
import { parse } from "../src/index.js";
import { samples } from "./text.js";

/** Milliseconds of processor time, so that what else runs on the machine does not count. */
function cpu(work: () => void): number {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

test("60 KB of tests are checked in a blink", () => {
  const texts: string[] = [];
  for (let bytes = 0; bytes < 60_000; ) {
    for (const text of Object.values(samples)) {
      texts.push(text);
      bytes += text.length;
    }
  }
  const times = Array.from({ length: 40 }, () => cpu(() => texts.forEach((text) => parse(text))));
  // About 7 ms outside of vitest; the limit leaves room for slower machines.
  expect(Math.min(...times)).toBeLessThan(30);
});

test("a test ten times as long takes at most about ten times as long", () => {
  const text = (n: number): string => `test long\n  "?"\n\n${Array.from({ length: n }, (_, i) => `v${i} = mmap(anon, 64K, rw, private)  # ${i}`).join("\n")}\n`;
  const long = text(5000);
  const short = text(500);
  const best = (of: string): number => Math.min(...Array.from({ length: 8 }, () => cpu(() => parse(of))));
  expect(parse(long).test!.steps).toHaveLength(5000);
  expect(best(long)).toBeLessThan(30 * Math.max(2, best(short)));
});
