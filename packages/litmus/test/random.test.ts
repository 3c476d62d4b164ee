import { describe, expect, test } from "vitest";
import type { OperationName, Step } from "../src/index.js";
import {
  operation,
  operations,
  parse,
  probesOf,
  Random,
  randomTest,
  seldomUseful,
  shrink,
  shrinkAsync,
} from "../src/index.js";
import { testOf } from "./text.js";

function* calls(body: readonly Step[]): Generator<Extract<Step, { kind: "call" }>> {
  for (const step of body) {
    if (step.kind === "call") yield step;
    else if (step.kind === "faults") yield* calls(step.body);
    else if (step.kind === "parallel") for (const branch of step.branches) yield* calls(branch.body);
  }
}

test("what a machine lacks is in no program for it", () => {
  const lacking = new Set(["udmabuf_create", "udmabuf_create_list", "mseal", "dma_heap_alloc.heap=system"]);
  const texts = (options: object): string =>
    Array.from({ length: 60 }, (_, seed) => randomTest(seed, { steps: 20, ...options })).join("");
  expect(texts({})).toMatch(/udmabuf_create\(/);
  expect(texts({})).toMatch(/dma_heap_alloc\(system/);
  expect(texts({ lacking })).not.toMatch(/udmabuf_create|mseal|dma_heap_alloc\(system/);
});

test("every operation of random programs has probes that are tests, but for those that need what others made", () => {
  const used = (Object.keys(operations) as OperationName[]).filter(
    (op) => !seldomUseful.includes(op) && operation(op).by.includes("process"),
  );
  const unprobed = used.filter((op) => probesOf(op).length === 0);
  expect(unprobed).toEqual(["receive"]);
  for (const { of, text } of used.flatMap(probesOf)) expect(parse(text).test, of).toBeDefined();
  expect(probesOf("dma_heap_alloc").map(({ of }) => of)).toContain("dma_heap_alloc.heap=system");
});

describe("random tests", () => {
  test("a seed gives one test for ever", () => {
    expect(randomTest(42)).toBe(randomTest(42));
    expect(
      new Set(Array.from({ length: 200 }, (_, seed) => randomTest(seed).split("\n").slice(2).join("\n"))).size,
    ).toBe(200);
    const random = new Random(1);
    expect([random.below(1000), random.below(1000), random.below(1000)]).toEqual([
      new Random(1).below(1000),
      ...after(1),
    ]);
  });

  test("all of them check", () => {
    for (let seed = 0; seed < 1000; seed++) {
      const text = randomTest(seed, { steps: 4 + (seed % 20) });
      const errors = parse(text).diagnostics.filter((d) => d.severity === "error");
      expect([seed, errors]).toEqual([seed, []]);
    }
    for (let seed = 0; seed < 300; seed++) {
      const { diagnostics } = parse(
        randomTest(seed, { by: ["process", "driver", "kernel"], parallel: true, without: [] }),
      );
      expect(diagnostics.filter((d) => d.severity === "error" && d.code !== "actor-not-there")).toEqual([]);
    }
  });

  test("faults are counted, and mappings put beside others", () => {
    const texts = Array.from({ length: 300 }, (_, seed) => randomTest(seed, { steps: 20 }));
    const having = (form: RegExp): number => texts.filter((text) => form.test(text)).length;
    expect(having(/^(\w+: )?f\d+ = faults \{$/m)).toBeGreaterThan(100);
    expect(having(/at: va\d+ \+ \d+K?/)).toBeGreaterThan(20);
    expect(having(/at: va\d+ - \d+K/)).toBeGreaterThan(10);
  });

  test("every operation comes up", () => {
    const seen = new Set<OperationName>();
    for (let seed = 0; seed < 1500; seed++) {
      const { test: t } = parse(randomTest(seed, { steps: 20, by: ["process", "driver", "kernel"] }));
      for (const call of calls(t!.steps)) seen.add(call.op);
    }
    expect(
      (Object.keys(operations) as OperationName[]).filter((op) => !seen.has(op) && !seldomUseful.includes(op)),
    ).toEqual([]);
  });

  test("they reach deep: most addresses and descriptors are those of earlier steps", () => {
    let resources = 0;
    let literals = 0;
    let forks = 0;
    for (let seed = 0; seed < 300; seed++) {
      const t = testOf(randomTest(seed));
      if (t.actors.some((a) => a.kind === "fork")) forks++;
      for (const call of calls(t.steps)) {
        for (const [name, param] of Object.entries(operation(call.op).params)) {
          if (param.type.kind !== "address" && param.type.kind !== "descriptor") continue;
          if (call.args[name].kind === "int") literals++;
          else resources++;
        }
      }
    }
    expect(literals / resources).toBeLessThan(0.03);
    expect(forks).toBeGreaterThan(50);
    expect(forks).toBeLessThan(200);
  });

  test("options", () => {
    for (let seed = 0; seed < 50; seed++) {
      const alone = testOf(randomTest(seed, { processes: false, observe: false, steps: 5 }));
      expect(alone.actors).toHaveLength(1);
      expect([...calls(alone.steps)].length).toBeLessThanOrEqual(5);
      const pair = testOf(randomTest(seed, { parallel: true }));
      expect(pair.steps.some((s) => s.kind === "parallel")).toBe(true);
      const few = new Set(
        [...calls(testOf(randomTest(seed, { only: ["madvise"], observe: false })).steps)].map((c) => c.op),
      );
      for (const op of few)
        expect([
          "madvise",
          "mmap",
          "memfd_create",
          "dma_heap_alloc",
          "udmabuf_create",
          "udmabuf_create_list",
          "open_disk",
          "touch",
          "munmap",
        ]).toContain(op);
      for (const call of calls(testOf(randomTest(seed)).steps)) expect(operation(call.op).by).toContain("process");
    }
  });
});

function after(seed: number): number[] {
  const random = new Random(seed);
  random.next();
  return [random.below(1000), random.below(1000)];
}

describe("shrink", () => {
  const has = (text: string, ...ops: string[]): boolean => {
    const t = parse(text).test!;
    const seen = [...calls(t.steps)].map((c) => c.op as string);
    return ops.every((op) => seen.includes(op));
  };

  test("keeps what it needs, with what that needs", () => {
    const long = `# why
test t
  "?"

process B
m   = memfd_create(1M, seal_shrink|seal_grow)
buf = udmabuf_create(m, 64K, 512K)
va  = mmap(buf, 64K, rw, shared|populate, offset: 8K)
vb  = mmap(anon, 64K, rw, private)
touch(va, 64K, write)
fork C
C: n = process_vm_readv(va + 4K, 4K)
B: fd = receive(buf)
B: vc = mmap(fd, 64K, rw, shared)
expect smaps(va).Pss == 0 and smaps(vc).Pss == 0
expect n == 4K
`;
    expect(shrink(long, (t) => has(t, "process_vm_readv"))).toBe(`# why
test t
  "?"

va = mmap(anon, 0, rw, populate)
n  = process_vm_readv(va, 0)
`);
    expect(shrink(long, (t) => has(t, "udmabuf_create", "touch") && t.includes("fork C"))).toBe(`# why
test t
  "?"

m   = memfd_create(0)
buf = udmabuf_create(m, 0, 0)
va  = mmap(anon, 0, rw, populate)
touch(va, 0, write)
fork C
`);
    expect(shrink(long, (t) => t.includes("smaps(vc)"))).toBe(
      '# why\ntest t\n  "?"\n\nvc = mmap(anon, 0, rw, shared)\nexpect smaps(vc).Pss == 0\n',
    );
  });

  test("is 1-minimal: no line can go", () => {
    for (let seed = 0; seed < 25; seed++) {
      const text = randomTest(seed, { steps: 25 });
      const seen = [...calls(testOf(text).steps)].map((c) => c.op as string);
      const wanted = [seen[Math.floor(seen.length / 2)], seen[seen.length - 1]];
      let asked = 0;
      const fails = (t: string): boolean => (asked++, has(t, ...wanted));
      const short = shrink(text, fails);
      expect(has(short, ...wanted)).toBe(true);
      expect(asked).toBeLessThan(2000);
      const lines = short.split("\n");
      for (let i = 3; i < lines.length - 1; i++) {
        const without = [...lines.slice(0, i), ...lines.slice(i + 1)].join("\n");
        expect(parse(without).test !== undefined && has(without, ...wanted)).toBe(false);
      }
    }
  });

  test("takes blocks apart", () => {
    const text =
      'test t\n  "?"\n\nva = mmap(anon, 64K, rw, private)\nn = faults { touch(va, 64K, write) }\nparallel {\n  A { munlockall() }\n  kernel { compact() }\n}\nexpect n == 1\non arch arm { expect n == 2 }\n';
    expect(shrink(text, (t) => has(t, "touch"))).toBe(
      'test t\n  "?"\n\nva = mmap(anon, 0, rw, private)\ntouch(va, 0, write)\n',
    );
    expect(shrink(text, (t) => t.includes("compact"))).toBe('test t\n  "?"\n\nkernel: compact()\n');
    expect(shrink(text, (t) => t.includes("expect n == 2"))).toBe('test t\n  "?"\n\nn = faults { }\nexpect n == 2\n');
  });

  test("waits for slow answers, and gives back what does not parse", async () => {
    const text = randomTest(3);
    expect(await shrinkAsync(text, async (t) => has(t, "mmap"))).toBe(shrink(text, (t) => has(t, "mmap")));
    expect(shrink("nonsense", () => true)).toBe("nonsense");
  });
});
