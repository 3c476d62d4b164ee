import { describe, expect, test } from "vitest";
import { mmapHints, slotAlign } from "../src/index.js";
import { testOf } from "./text.js";

const base = 0x1_0000_0000;
const mib = 1024 * 1024;

/** Hints of the mmaps of a test, in MiB above the base. */
function slots(lines: string): number[] {
  return [...mmapHints(testOf(lines), base, 4096).values()].map((address) => (address - base) / mib);
}

describe("where mappings without `at` go", () => {
  test("each takes its length, rounded up to 2 MiB, and 2 MiB of room", () => {
    expect(
      slots(
        "a = mmap(anon, 4K, rw, private)\nb = mmap(anon, 2M, rw, private)\nc = mmap(anon, 2049K, rw, private)\n" +
          "d = mmap(anon, 1, r, shared)",
      ),
    ).toEqual([0, 4, 8, 14]);
  });

  test("pages and sums count as what they are", () => {
    expect(
      slots("a = mmap(anon, 513p, rw, private)\nb = mmap(anon, 2M + 2M, rw, private)\nc = mmap(anon, 4K, rw, private)"),
    ).toEqual([0, 6, 12]);
  });

  test("one with a place of its own takes no slot", () => {
    expect(
      slots("a = mmap(anon, 4K, rw, private)\nb = mmap(anon, 4K, rw, private, 0, a)\nc = mmap(anon, 4K, rw, private)"),
    ).toEqual([0, 4]);
  });

  test("all actors share one count, in the order of the text, also in blocks", () => {
    const lines =
      "process B\na = mmap(anon, 4K, rw, private)\nB: b = mmap(anon, 4K, rw, private)\n" +
      "n = faults { c = mmap(anon, 4K, rw, private) }\nparallel {\n  A { d = mmap(anon, 4K, rw, private) }\n" +
      "  B { e = mmap(anon, 4K, rw, private) }\n}\nf = mmap(anon, 4K, rw, private)";
    expect(slots(lines)).toEqual([0, 4, 8, 12, 16, 20]);
  });

  test("lengths that cannot succeed, or are not known, take the smallest slot", () => {
    expect(
      slots(
        "a = mmap(anon, 0, rw, private)\nb = mmap(anon, 0xffffffffffffffff, rw, private)\n" +
          "c = mmap(anon, 1T + 1, rw, private)\nd = mmap(anon, 4K, rw, private)",
      ),
    ).toEqual([0, 4, 8, 12]);
  });

  test("every slot is aligned, so that mappings share no page table by chance", () => {
    const lines = Array.from({ length: 30 }, (_, i) => `m${i} = mmap(anon, ${i + 1}00K, rw, private)`).join("\n");
    for (const address of mmapHints(testOf(lines), base, 4096).values()) expect(address % slotAlign).toBe(0);
  });
});
