import { describe, expect, test } from "vitest";
import type { Test } from "../src/index.js";
import { randomTest, testFromJson, testToJson } from "../src/index.js";
import { samples, testOf } from "./text.js";

const tests: Test[] = [
  ...Object.values(samples).map((t) => testOf(t)),
  testOf(
    'process B\nm = memfd_create(0xffffffffffffffff)\nb = udmabuf_create_list([[m, 0, 4K]])\nn = lseek(b, -1, set)\nva = mmap(b, 1p, none, shared)\nvb = mmap(b, 1p, rw, shared, at: va + 4K)\nc = process_vm_readv(va, 4K, of: B)\ndma_buf_set_name(b, "x")\nexpect not n in [EINVAL, 4K] and maps(va).path != "x" and pf in smaps(va).VmFlags',
  ),
  ...Array.from({ length: 40 }, (_, seed) =>
    testOf(randomTest(seed, { parallel: true, by: ["process", "driver", "kernel"] })),
  ),
];

describe("JSON", () => {
  test("comes back as it went", () => {
    for (const t of tests) {
      const text = JSON.stringify(testToJson(t));
      expect(testFromJson(text)).toEqual({ test: JSON.parse(JSON.stringify(t)), diagnostics: [] });
      expect(testFromJson(JSON.parse(text)).test).toEqual(JSON.parse(JSON.stringify(t)));
    }
  });

  test.each([
    ["null", "the test: an object is wanted, not null"],
    ["{", "this is no JSON: "],
    ["[]", "the test: an object is wanted, not []"],
    ["{}", "litmus: the version is 1, not undefined"],
    [{ litmus: 1 }, "name: a string is wanted, not undefined"],
  ])("%j", (json, message) => {
    const { test: t, diagnostics } = testFromJson(json);
    expect(t).toBeUndefined();
    expect(diagnostics[0].message.startsWith(message)).toBe(true);
  });

  test.each<[string, (t: any) => void]>([
    ['steps[0].op: unknown operation "mmapp"', (t) => (t.steps[0].op = "mmapp")],
    ['steps[0].op: unknown operation "constructor"', (t) => (t.steps[0].op = "constructor")],
    ["steps[1].args.length: missing", (t) => delete t.steps[1].args.length],
    ["steps[1].args: mmap() has no argument 'size'", (t) => (t.steps[1].args.size = t.steps[1].args.length)],
    ['steps[1].args.prot: "rww" is no word for this argument', (t) => (t.steps[1].args.prot.words = ["rww"])],
    ['steps[1].args.object: nothing binds "fub"', (t) => (t.steps[1].args.object.name = "fub")],
    ['steps[0].actor: there is no actor "B"', (t) => (t.steps[0].actor = "B")],
    ["steps[0].args.length.value: an integer is wanted, not 1.5", (t) => (t.steps[0].args.length.value = 1.5)],
    ["claims[0].expr.left.name: a string is wanted, not 3", (t) => (t.claims[0].expr.left.name = 3)],
    ["claims[1].expr.left.key: a string is wanted, not undefined", (t) => delete t.claims[1].expr.left.key],
    [
      'claims[2].scope[0].kind: one of linux, arch, with is wanted, not "of"',
      (t) => (t.claims[2].scope[0].kind = "of"),
    ],
    ["claims[0].span.line: an integer is wanted, not undefined", (t) => delete t.claims[0].span.line],
    ["observers: a list is wanted, not {}", (t) => (t.observers = {})],
  ])("%s", (message, spoil) => {
    const json = JSON.parse(JSON.stringify(testToJson(testOf(samples["direct-io-system-heap"]))));
    spoil(json);
    const result = testFromJson(json);
    expect(result.test).toBeUndefined();
    expect(result.diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([`bad-json ${message}`]);
  });

  test("no part that is missing or of another type is an exception", () => {
    const junk: unknown[] = [
      null,
      0,
      "",
      [],
      {},
      true,
      "A",
      [[]],
      [null],
      { kind: "call" },
      { kind: "list", items: 3 },
    ];
    for (const t of tests.slice(0, 6)) {
      const original = JSON.parse(JSON.stringify(testToJson(t)));
      const visit = (node: any): void => {
        if (typeof node !== "object" || node === null) return;
        for (const key of Object.keys(node)) {
          const kept = node[key];
          for (const value of junk) {
            node[key] = value;
            testFromJson(original);
          }
          node[key] = kept;
          visit(kept);
        }
      };
      visit(original);
    }
    let deep: any = { kind: "int", value: 1 };
    for (let i = 0; i < 10_000; i++) deep = { kind: "not", operand: deep };
    const bad = {
      ...testToJson(tests[0]),
      claims: [{ kind: "expect", text: "", scope: [], span: tests[0].claims[0].span, expr: deep }],
    };
    expect(testFromJson(bad).diagnostics[0].message).toContain("nested too deeply");
  });
});
