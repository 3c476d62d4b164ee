/** From arguments of a test to what handlers get. */
import { describe, expect, test } from "vitest";
import { NotReached, resolveArguments } from "../src/litmus/arguments.js";
import { Files, Task } from "../src/task.js";
import { Mm } from "../src/mm/mm.js";
import { arches } from "../src/index.js";
import { testOf } from "./ask.js";
import type { Bound } from "../src/litmus/arguments.js";
import type { CallStep } from "@litmap/litmus";

const task = (name: string): Task => new Task(name, new Mm(name, arches.x86_64), new Files());
const A = task("A");
const B = task("B");

/** What the last step's handler would get, given what names stand for. */
function resolved(
  lines: string,
  names: Record<string, Bound> = {},
  pageSize = 4096,
  wordBits = 64,
): ReturnType<typeof resolveArguments> {
  const step = testOf(lines).steps.at(-1) as CallStep;
  return resolveArguments(step, { names: new Map(Object.entries(names)), pageSize, wordBits });
}

function args(lines: string, names: Record<string, Bound> = {}, pageSize?: number): Record<string, unknown> {
  const result = resolved(lines, names, pageSize);
  if (result instanceof NotReached) throw new Error(`not reached: line ${result.line}`);
  return result.args;
}

const heap = "b = dma_heap_alloc(system, 64K)\n";
const map = `${heap}va = mmap(b, 64K, rw, shared)\n`;
test("on a 32-bit machine a size in a register loses its upper half, a position in a file does not", () => {
  const cut = (line: string): Record<string, unknown> =>
    (resolved(line, {}, 4096, 32) as { args: Record<string, unknown> }).args;
  expect(cut("a = mmap(anon, 0x100001000, rw, private)")).toMatchObject({ length: 0x1000n });
  expect(cut("a = munmap(-4096, 0x200000000)")).toMatchObject({ address: 0xffff_f000n, length: 0n });
  expect(cut("m = memfd_create(0x100001000)")).toMatchObject({ size: 0x1_0000_1000n });
  expect(cut("a = mmap(anon, 4K, rw, private, 0x100000001000)")).toMatchObject({ offset: 0x1000n });
});

const fd = (n: number): Bound => ({ result: n, task: A, line: 3 });

describe("by type of parameter", () => {
  test("words, flags, defaults, and an optional parameter that was left out", () => {
    expect(args(`${heap}va = mmap(b, 64K, rw, shared|populate)`, { b: fd(5) })).toEqual({
      object: 5,
      length: 65536n,
      prot: ["rw"],
      sharing: ["shared", "populate"],
      offset: 0n,
      at: undefined,
    });
    expect(args("va = mmap(anon, 4K, none, private)")).toMatchObject({ object: "anon", prot: [] });
    expect(args(`${heap}x = lseek(b, -5, end)`, { b: fd(4) })).toEqual({
      fd: 4,
      offset: 2n ** 64n - 5n,
      whence: "end",
    });
  });

  test("strings, bare descriptors", () => {
    expect(args('x = dma_buf_set_name(99, "a b")')).toEqual({ fd: 99, name: "a b" });
    expect(args("x = close(-1)")).toEqual({ fd: -1 });
  });

  test("tuples, with names in them", () => {
    expect(args("m = memfd_create(8K)\nx = udmabuf_create_list([[m, 4K, 4K], [m, 0, 1p]], 3)", { m: fd(7) })).toEqual({
      items: [
        [7, 4096n, 4096n],
        [7, 0n, 4096n],
      ],
      repeat: 3,
      flags: 0,
    });
  });

  test("handles are what the handler gave", () => {
    const handle = { anything: true };
    expect(
      args("driver D on dma\nb = dma_heap_alloc(system, 4K)\nD: a = attach(b)\nD: x = detach(a)", {
        a: { result: { handle }, task: B, line: 5 },
      }).attachment,
    ).toBe(handle);
  });

  test("an actor's name", () => {
    expect(
      args("process B\nva = mmap(anon, 4K, rw, private)\nB: x = process_vm_readv(va, 4K, A)", { va: fd(4096) }),
    ).toMatchObject({ address: 4096n, of: "A" });
  });
});

describe("numbers", () => {
  const size = (text: string): unknown => args(`x = munmap(0, ${text})`).length;

  test("all 64 bits are exact", () => {
    for (const word of ["4096", "0x1fffffffffffff", "0x20000000000001", "0x8000000000000000", "0xfffffffffffff001"])
      expect(size(word)).toBe(BigInt(word));
  });

  test("pages are the machine's own", () => {
    expect(args("x = munmap(0, 16p)", {}, 16384).length).toBe(16n * 16384n);
  });

  test("sums of addresses; a negative one wraps", () => {
    expect(args(`${map}x = load(va + 4K - 1)`, { va: fd(0x100000000) })).toMatchObject({
      address: 0x100000fffn,
      width: 4,
    });
    expect(args(`${map}x = load(va - 8K)`, { va: fd(4096) }).address).toBe(2n ** 64n - 4096n);
  });
});

describe("what does not resolve", () => {
  const failed: Bound = { failedAt: 3 };

  test("a failed name, wherever it stands", () => {
    for (const line of ["x = load(va)", "x = load(va + 4K)", "x = munmap(0, va - va)"]) {
      const result = resolved(`${map}${line.replace("munmap(0, va - va)", "munmap(va - 4K, 4K)")}`, {
        b: fd(3),
        va: failed,
      });
      expect(result, line).toBeInstanceOf(NotReached);
      expect((result as NotReached).line).toBe(3);
    }
    const list = resolved("m = memfd_create(8K)\nx = udmabuf_create_list([[m, 0, 4K]])", { m: failed });
    expect(list).toBeInstanceOf(NotReached);
  });

  test("a field that the record does not show", () => {
    const lines = `${map}s = smaps(va)\nx = munmap(va, s.Pss_Dirty)`;
    const record: Bound = { result: { Size: 65536 }, task: A, line: 5 };
    expect((resolved(lines, { b: fd(3), va: fd(4096), s: record }) as NotReached).line).toBe(5);
    expect(args(lines.replace("Pss_Dirty", "Size"), { b: fd(3), va: fd(4096), s: record }).length).toBe(65536n);
  });

  test("a name that nobody bound is our own bug", () => {
    expect(() => resolved(`${map}x = load(va)`)).toThrow(/no step bound va/);
  });
});

describe("whose they are", () => {
  const owners = (lines: string, names: Record<string, Bound>): Map<string, Task> => {
    const result = resolved(lines, names);
    if (result instanceof NotReached) throw new Error("not reached");
    return result.owners;
  };

  test("the task that bound the name, through sums too", () => {
    const found = owners(`${map}x = load(va + 4)`, { va: { result: 4096, task: B, line: 4 } });
    expect(found.get("address")).toBe(B);
    expect(found.has("width")).toBe(false);
  });

  test("a bare number is nobody's", () => {
    expect(owners("x = close(3)", {}).size).toBe(0);
  });
});
