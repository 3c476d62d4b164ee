/** How a test runs: names, what is not reached, blocks, actors, endings, and steps as paths. */
import { describe, expect, test } from "vitest";
import { outcomeKeys } from "@litmap/litmus";
import { endingOf, Kernel, KernelBug, KernelHang, NotModelled, predict, runAlone, Session } from "../src/index.js";
import { ask, testOf, values } from "./ask.js";
import type { Touch } from "../src/index.js";

describe("what is not reached", () => {
  test("a step whose argument failed does not run, and says which line failed", () => {
    const v = values("b = dma_heap_alloc(system, 0)\nva = mmap(b, 4K, rw, shared)\nx = load(va + 4)\ny = fdinfo(b)");
    // The header takes two lines.
    expect(v).toEqual({ b: "EINVAL", va: { not_reached: 3 }, x: { not_reached: 3 }, y: { not_reached: 3 } });
  });

  test("a signal counts as a failure; a step without a result of its own does not", () => {
    const v = values(
      "b = dma_heap_alloc(system, 4K, r)\nva = mmap(b, 4K, r, shared)\na = store(va, 1)\nx = load(va)\n" +
        "n = load(0)\ny = lseek(b, n, set)",
    );
    expect(v).toMatchObject({ a: "SIGSEGV", x: 0, n: "SIGSEGV", y: { not_reached: 7 } });
  });

  test("inside lists, and in observers of claims", () => {
    const v = values(
      "b = dma_heap_alloc(system, 0)\nx = udmabuf_create_list([[b, 0, 4K]])\nexpect fdinfo(b).count == 1",
    );
    expect(v).toEqual({ b: "EINVAL", x: { not_reached: 3 }, "fdinfo(b)": { not_reached: 3 } });
  });

  test("the first failing argument decides", () => {
    expect(
      values("a = dma_heap_alloc(system, 0)\nb = dma_heap_alloc(system, 0)\nx = dma_buf_import_sync_file(b, a, read)")
        .x,
    ).toEqual({ not_reached: 4 });
  });
});

describe("values", () => {
  test("descriptors, addresses and handles are `ok`; records come field by field; flags sorted", () => {
    const v = values(
      "driver D on dma\nb = dma_heap_alloc(system, 4K)\nD: a = attach(b)\nD: v = vmap(b)\ni = bufinfo(b)\n" +
        "p = poll(b, out|in)",
    );
    expect(v).toEqual({
      b: "ok",
      a: "ok",
      v: "ok",
      "i.size": 4096,
      "i.count": 3,
      "i.exp_name": "system",
      "i.name": "",
      "i.attachments": 1,
      p: ["in", "out"],
    });
  });

  test("a field taken from a record", () => {
    expect(values("b = dma_heap_alloc(system, 4K)\nn = fdinfo(b).count\nm = lseek(b, n, set)")).toEqual({
      b: "ok",
      n: 1,
      m: "EINVAL",
    });
  });

  test("a field of a record that failed", () => {
    expect(values("n = bufinfo(99).count")).toEqual({ n: "EBADF" });
  });

  test("observers come last, only where their claims hold, only the fields that are claimed", () => {
    const lines =
      'b = dma_heap_alloc(system, 4K)\nexpect fdinfo(b).size == 4K and fdinfo(b).count == 1\non linux == 6.1 { expect bufinfo(b).count == 1 }\nwith udmabuf.mmap = pfn-at-mmap { expect readlink(b).path == "/dmabuf:" }';
    expect(values(lines, "7.3")).toEqual({ b: "ok", "fdinfo(b).size": 4096, "fdinfo(b).count": 1 });
    expect(values(lines, "6.1")).toEqual({
      b: "ok",
      "fdinfo(b).size": 4096,
      "fdinfo(b).count": 1,
      "bufinfo(b).count": 1,
    });
    expect(values(lines, "7.3", { designs: { "udmabuf.mmap": "pfn-at-mmap" } })).toMatchObject({
      "readlink(b).path": "/dmabuf:",
    });
  });

  test("the keys are those that the language says, in its order", () => {
    const lines =
      "driver D on dma\nb = dma_heap_alloc(system, 8K)\nn = faults { va = mmap(b, 8K, rw, shared) }\n" +
      "f = fdinfo(b)\nparallel {\n  A { x = load(va) }\n  D { a = attach(b) }\n}\nexpect lseek(b, 0, end) == 8K";
    const prediction = ask(lines.replace("\nexpect lseek(b, 0, end) == 8K", ""));
    expect(Object.keys(prediction.values)).toEqual(
      outcomeKeys(testOf(lines.replace("\nexpect lseek(b, 0, end) == 8K", "")), prediction.machine),
    );
  });
});

describe("integers", () => {
  test("beyond 2^53 their page and their alignment count", () => {
    expect(
      values(
        "b = dma_heap_alloc(system, 4K)\nx = mmap(b, 4K, rw, shared, 0xfffffffffffff000)\n" +
          "y = mmap(b, 4K, rw, shared, 0xfffffffffffff001)",
      ),
    ).toMatchObject({ x: "EOVERFLOW", y: "EINVAL" });
    expect(values("x = dma_heap_alloc(system, 0xfffffffffffff001)").x).toBe("EINVAL");
  });

  test("a negative difference is taken modulo 2^64, a negative integer stays", () => {
    expect(values("b = dma_heap_alloc(system, 4K)\nn = lseek(b, 0, end)\nx = dma_heap_alloc(system, n - 4097)").x).toBe(
      "EINVAL",
    );
    expect(values("b = dma_heap_alloc(system, 4K)\nx = lseek(b, -1, end)").x).toBe("EINVAL");
  });

  test("pages are the machine's", () => {
    expect(values("b = dma_heap_alloc(system, 3p)\nx = lseek(b, 0, end)").x).toBe(12288);
  });
});

describe("actors", () => {
  test("a thread shares memory and descriptors, and counts its own faults", () => {
    const v = values(
      "b = dma_heap_alloc(system, 8K)\nm = memfd_create(16K)\nva = mmap(m, 16K, rw, shared)\nthread T of A\n" +
        "T: store(va, 9)\nx = load(va)\nT: close(b)\ny = fdinfo(b)\nn = faults { load(va + 4K) }\n" +
        "T: k = faults { load(va + 8K) }",
    );
    expect(v).toMatchObject({ x: 9, y: "ENOENT", n: 1, k: 1 });
  });

  test("a process of its own has neither", () => {
    expect(
      values(
        "process B\nb = dma_heap_alloc(system, 8K)\nva = mmap(b, 8K, rw, shared)\nB: r = receive(b)\n" +
          "B: vb = mmap(r, 8K, rw, shared)\nB: store(vb, 4)\nB: close(r)\nx = load(va)",
      ),
    ).toMatchObject({ x: 4 });
  });

  test("a driver finds descriptors in the process that has them", () => {
    expect(
      values(
        "process B\ndriver D on dma\nb = dma_heap_alloc(system, 4K)\nB: r = receive(b)\nclose(b)\n" +
          "D: a = attach(r)\nB: i = bufinfo(r)",
      ),
    ).toMatchObject({ a: "ok", "i.attachments": 1 });
  });

  test("exit gives everything back", () => {
    const session = new Session(
      testOf("process B\nB: b = dma_heap_alloc(system, 1M)\nB: va = mmap(b, 1M, rw, shared)\nB: exit()"),
      { release: "6.12" },
    );
    const before = session.k.frames.used;
    runAlone(session.run());
    expect(session.k.frames.used).toBe(before);
    expect(session.k.dmaBufs.size).toBe(0);
    expect(session.taskOf("B")?.dead).toBe(true);
  });
});

describe("reports", () => {
  test("every step with its line, result, rules and costs", () => {
    const { steps, rules, counters } = ask(
      "b = dma_heap_alloc(system, 64K)\nva = mmap(b, 64K, rw, shared)\nx = dma_buf_sync(b, end)",
      "6.12",
    );
    expect(
      steps.map(({ line, actor, op, bind, result }) => ({
        line,
        actor,
        op,
        bind,
        result: typeof result === "number" ? "a number" : result,
      })),
    ).toEqual([
      { line: 3, actor: "A", op: "dma_heap_alloc", bind: "b", result: "a number" },
      { line: 4, actor: "A", op: "mmap", bind: "va", result: "a number" },
      { line: 5, actor: "A", op: "dma_buf_sync", bind: "x", result: "EINVAL" },
    ]);
    expect(steps[1].counters).toMatchObject({ ptes: 16 });
    expect(steps[2].counters).toEqual({});
    expect(steps[2].events.map((event) => [event.kind, event.rule.id, event.errno])).toEqual([
      ["refuse", "dma-buf/sync-direction", 22],
    ]);
    expect(rules?.at(-1)).toBe("dma-buf/sync-direction");
    expect(new Set(rules).size).toBe(rules?.length);
    expect(counters?.ptes).toBe(16);
  });

  test("the machine says which choices are not the release's", () => {
    expect(
      ask("b = dma_heap_alloc(system, 4K)", "6.12", { designs: { "udmabuf.mmap": "pfn-at-mmap" } }).machine,
    ).toEqual({
      kind: "model",
      release: "6.12",
      arch: "x86_64",
      designs: { "udmabuf.mmap": "pfn-at-mmap" },
    });
    expect(ask("b = dma_heap_alloc(system, 4K)", "6.12", { arch: "arm" }).machine).toMatchObject({ arch: "arm" });
  });

  test("steps before an ending keep their values", () => {
    const hung = ask(
      "b = dma_heap_alloc(system, 4K)\ns = sw_sync_fence()\ni = dma_buf_import_sync_file(b, s, write)\n" +
        "x = dma_buf_sync(b, read)\ny = lseek(b, 0, end)",
    );
    expect(hung.status).toBe("hang");
    expect(hung.values).toEqual({ b: "ok", s: "ok", i: "ok" });
    expect(hung.steps.at(-1)).toMatchObject({ op: "dma_buf_sync", result: "hang" });
  });

  test("asking twice gives the same, on a new machine each time", () => {
    const question = testOf(
      "m = memfd_create(16K, seal_shrink)\nb = udmabuf_create(m, 0, 16K)\nva = mmap(b, 16K, rw, shared)\n" +
        "n = faults { touch(va, 16K, write) }\ns = smaps(va)",
    );
    const strip = ({ ms: _, ...rest }: ReturnType<typeof predict>): unknown => rest;
    expect(strip(predict(question, { release: "7.2" }))).toEqual(strip(predict(question, { release: "7.2" })));
  });
});

describe("steps as paths, for a scheduler", () => {
  const question = testOf(
    "m = memfd_create(16K, seal_shrink)\nthread T of A\nparallel {\n  A { b = udmabuf_create(m, 0, 16K) }\n" +
      "  T { s = add_seals(m, seal_write) }\n}",
  );

  /** What a path touches when it runs alone but is asked to yield. */
  function touches(release: string): Touch[] {
    const session = new Session(question, { release });
    for (const step of question.steps) {
      if (step.kind !== "parallel") runAlone(session.step(step));
      else {
        session.k.concurrent = true;
        const [first] = session.branches(step);
        const seen: Touch[] = [];
        for (let next = first.path.next(); !next.done; next = first.path.next()) seen.push(next.value);
        return seen;
      }
    }
    throw new Error("no parallel block");
  }

  test("udmabuf's creation takes the inode lock around the seals from 6.12 on", () => {
    const shape = (release: string): string[] =>
      touches(release).map((t) =>
        t.kind === "access"
          ? `access ${t.object.replace(/\d+/, "N")}`
          : t.kind === "wait"
            ? "wait"
            : `${t.kind} ${t.lock.lockClass}`,
      );
    expect(shape("6.1").filter((t) => t.includes("i_rwsem"))).toEqual([]);
    expect(shape("6.12")).toContain("acquire i_rwsem");
    expect(shape("6.1")).toContain("access seals of inode N");
    const locked = shape("6.12");
    expect(locked.indexOf("acquire i_rwsem")).toBeLessThan(locked.indexOf("access seals of inode N"));
    expect(locked.indexOf("access pages of inode N")).toBeLessThan(locked.indexOf("release i_rwsem"));
  });

  test("events belong to the statement whose path is running", () => {
    const session = new Session(
      testOf(
        "b = dma_heap_alloc(system, 4K)\nthread T of A\nparallel {\n  A { x = dma_buf_sync(b, end) }\n" +
          "  T { y = lseek(b, 1, set) }\n}",
      ),
    );
    for (const step of session.test.steps) {
      if (step.kind !== "parallel") runAlone(session.step(step));
      else {
        session.k.concurrent = true;
        const paths = session.branches(step).map((branch) => branch.path);
        for (let live = paths; live.length > 0; ) live = live.filter((path) => !path.next().done);
      }
    }
    const rulesOf = (bind: string): string[] | undefined =>
      session.reports.find((r) => r.bind === bind)?.events.map((e) => e.rule.id);
    expect(rulesOf("x")).toEqual(["dma-buf/sync-direction"]);
    expect(rulesOf("y")).toEqual(["dma-buf/llseek"]);
  });

  test("values stand in the order of the text, whatever the schedule", () => {
    const session = new Session(
      testOf(
        "b = dma_heap_alloc(system, 4K)\nthread T of A\nparallel {\n  A { x = lseek(b, 0, end) }\n" +
          "  T { y = lseek(b, 0, set) }\n}",
      ),
    );
    for (const step of session.test.steps) {
      if (step.kind !== "parallel") runAlone(session.step(step));
      else for (const branch of session.branches(step).reverse()) runAlone(branch.path);
    }
    expect(Object.entries(session.values())).toEqual([
      ["b", "ok"],
      ["x", 4096],
      ["y", 0],
    ]);
  });

  test("a kernel is not concurrent unless somebody says so", () => {
    expect(new Kernel().concurrent).toBe(false);
  });
});

describe("how a test ends", () => {
  test("the step that ends the test has the status as its result", () => {
    const last = (lines: string): unknown => ask(lines, "6.12").steps.at(-1)?.result;
    expect(last("d = drm_open(vgem)\nn = read(d, 0, 4K)")).toBe("hang");
    expect(last("b = dma_heap_alloc(system, 1T)")).toBe("oops");
    expect(
      last("d = drm_open(i915_discrete)\nh = i915_gem_create(d, 64K, lmem)\ni915_gem_madvise(d, h, dontneed)"),
    ).toBe("unsupported");
  });

  test("what was thrown decides the status; a fault of the model's own is broken, with its place", () => {
    expect(endingOf(new KernelBug("a null pointer"))).toEqual({ status: "oops", reason: "a null pointer" });
    expect(endingOf(new KernelHang("waits for resv"))).toEqual({ status: "hang", reason: "waits for resv" });
    expect(endingOf(new NotModelled("codecs"))).toEqual({ status: "unsupported", reason: "codecs" });
    expect(endingOf(new RangeError("Invalid array length"))).toEqual({
      status: "broken",
      reason: expect.stringMatching(/^RangeError: Invalid array length \(.*session\.test\.ts:\d+:\d+\)$/),
    });
  });
});
