/** Core files, made here byte by byte, in both widths. */
import { describe, expect, test } from "vitest";
import { rangeInCore, segmentsOf } from "../src/procfs/core-file.js";

interface Part {
  readonly type?: number;
  readonly address: number;
  readonly memory: number;
  /** What the file holds; a page of zeros is a hole. */
  readonly pages: readonly number[];
}

const page = 16;

/** A core file with pages of 16 bytes, each filled with one value. */
function core(wide: boolean, parts: readonly Part[]): Buffer {
  const [header, entry] = wide ? [64, 56] : [52, 32];
  const start = header + entry * parts.length;
  const out = Buffer.alloc(start + page * parts.reduce((sum, part) => sum + part.pages.length, 0));
  const word = (at: number, value: number): unknown =>
    wide ? out.writeBigUInt64LE(BigInt(value), at) : out.writeUInt32LE(value, at);
  out[4] = wide ? 2 : 1;
  word(wide ? 0x20 : 0x1c, header);
  out.writeUInt16LE(parts.length, wide ? 0x38 : 0x2c);
  let offset = start;
  parts.forEach((part, i) => {
    const at = header + i * entry;
    const fields = wide ? [8, 16, 32, 40] : [4, 8, 16, 20];
    out.writeUInt32LE(part.type ?? 1, at);
    [offset, part.address, part.pages.length * page, part.memory].forEach((value, k) => word(at + fields[k], value));
    for (const value of part.pages) {
      out.fill(value, offset, offset + page);
      offset += page;
    }
  });
  return out;
}

const parts: readonly Part[] = [
  { type: 4, address: 0, memory: 0, pages: [9] },
  { address: 0x100, memory: 64, pages: [1, 0, 3, 0] },
  { address: 0x200, memory: 32, pages: [] },
];

describe.each([true, false])("a core file, 64 bits: %s", (wide) => {
  const file = core(wide, parts);
  const range = (address: number, length: number, read = file.length + 1) =>
    rangeInCore(file, BigInt(address), BigInt(length), page, read);

  test("notes are no segments", () =>
    expect(segmentsOf(file).map(({ address }) => Number(address))).toEqual([0x100, 0x200]));
  test("a whole segment", () => expect(range(0x100, 64)).toEqual({ mapped: 64, dumped: 64, filled: 32 }));
  test("a part that begins and ends within pages", () =>
    expect(range(0x108, 32)).toEqual({ mapped: 32, dumped: 32, filled: 16 }));
  test("a segment without bytes", () => expect(range(0x200, 64)).toEqual({ mapped: 32, dumped: 0, filled: 0 }));
  test("over both, and what lies between", () =>
    expect(range(0x130, 0x100)).toEqual({ mapped: 48, dumped: 16, filled: 0 }));
  test("what nobody has mapped", () => expect(range(0x1000, 64)).toEqual({ mapped: 0, dumped: 0, filled: 0 }));
  test("a range past what was read is not known", () => {
    const cut = file.subarray(0, file.length - page);
    expect(rangeInCore(cut, 0x130n, 16n, page, cut.length)).toBeUndefined();
    expect(rangeInCore(cut, 0x100n, 48n, page, cut.length)).toEqual({ mapped: 48, dumped: 48, filled: 32 });
  });
  test("a file that ends in holes", () => {
    const cut = file.subarray(0, file.length - page);
    expect(rangeInCore(cut, 0x130n, 16n, page, file.length)).toEqual({ mapped: 16, dumped: 16, filled: 0 });
  });
});
