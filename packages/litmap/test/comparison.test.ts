/** A run beside real kernels: the table and its details, and a whole run on this host's own kernel. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildExecutor } from "@litmap/linux";
import { parse } from "@litmap/litmus";
import type { Outcome } from "@litmap/litmus";
import { describe, expect, test, vi } from "vitest";
import { comparedPair, judgedOn } from "../src/commands/run.js";
import { statusOf } from "../src/result.js";
import { jsonObject } from "../src/report/json-line.js";
import { junit } from "../src/report/junit.js";
import { ktap } from "../src/report/ktap.js";
import { troubleOf } from "../src/report/trouble.js";
import { ComparisonTable } from "../src/report/comparison-table.js";
import type { Reported } from "../src/report/run-report.js";
import { paintFor } from "../src/terminal.js";
import { litmap, root, scratch } from "./command.js";
import { kernel, model } from "./results.js";

const parsed = (name: string) =>
  parse(`test ${name}\n  "?"\n\nm = memfd_create(4K)\nn = lseek(m, 0, end)\n\nexpect n == 4K\n`, {
    file: `${name}.lit`,
  }).test!;

function pair(name: string, predicted: Partial<Outcome>, observed: Partial<Outcome>): [Reported, Reported] {
  const outcome = (more: Partial<Outcome>): Outcome => ({ status: "ok", values: { m: "ok", n: 4096 }, ms: 1, ...more });
  const here = judgedOn(parsed(name), model, {
    outcome: outcome(predicted),
    decided: new Map([["n", "gup/vma-pfnmap"]]),
  });
  return comparedPair(here, judgedOn(parsed(name), kernel, { outcome: outcome(observed), decided: new Map() }));
}

const rows = [
  pair("equal", {}, {}),
  pair("other-value", { values: { m: "ok", n: 4096 } }, { values: { m: "ok", n: 0 } }),
  pair("other-key", {}, { values: { m: "EINVAL", n: 4096 } }),
  pair("both-wrong", { values: { m: "ok", n: 8 } }, { values: { m: "ok", n: 8 } }),
  pair("lacking", {}, { status: "unsupported", reason: "6.12 has no such thing", values: {} }),
  pair("model-lacks", { status: "unsupported", reason: "not modelled", values: {} }, {}),
  pair("hangs", {}, { status: "hang", reason: "no answer within 10 s", log: "line one\nline two", values: {} }),
  pair(
    "both-hang",
    { status: "hang", reason: "for ever", values: {} },
    { status: "hang", reason: "no answer", values: {} },
  ),
  pair("model-breaks", { status: "oops", reason: "use-after-free", values: {} }, {}),
] as const;

function printed(show: (table: ComparisonTable) => void, quiet = false): string {
  let text = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    show(new ComparisonTable(paintFor({ isTTY: false }), 12, quiet, ["model 6.12", "6.12"]));
  } finally {
    write.mockRestore();
  }
  return text;
}

describe("the comparison", () => {
  test("statuses: what either cannot do is no disagreement, what only one survives is one", () => {
    expect(rows.map(([, observed]) => observed.result.status)).toEqual([
      "ok",
      "disagree",
      "disagree",
      "surprise",
      "unsupported",
      "unsupported",
      "hang",
      "hang",
      "disagree",
    ]);
    expect(rows.map(([, observed]) => observed.result.agrees)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      false,
      true,
      undefined,
    ]);
    expect(rows[1][1].result).toMatchObject({ against: "model 6.12", differs: [{ key: "n", here: 0, there: 4096 }] });
    expect(
      statusOf(
        rows
          .slice(0, 1)
          .flat()
          .map((each) => each.result),
      ),
    ).toBe(0);
    expect(
      statusOf(
        rows
          .slice(4, 6)
          .flat()
          .map((each) => each.result),
      ),
    ).toBe(0);
    expect(
      statusOf(
        rows
          .slice(1, 2)
          .flat()
          .map((each) => each.result),
      ),
    ).toBe(1);
  });

  test("a search that was stopped allows what it found, and says nothing of the rest; a fault of litmap is none", () => {
    const stopped = { status: "incomplete", reason: "stopped" } as const;
    const status = (...outcomes: [Partial<Outcome>, Partial<Outcome>]) => pair("t", ...outcomes)[1].result;
    expect(status(stopped, {}).status).toBe("ok");
    expect(pair("t", stopped, {})[0].result.status).toBe("incomplete");
    expect(status(stopped, { values: { m: "ok", n: 0 } })).toMatchObject({
      status: "incomplete",
      reason: "model 6.12: stopped",
    });
    const faulty = status({ status: "broken", reason: "RangeError", values: {} }, {});
    expect(faulty).toMatchObject({ status: "broken", reason: "model 6.12: RangeError" });
    expect(statusOf([faulty])).toBe(3);
  });

  test("a row a test, then every disagreement in full, then what could not run, by reason", () => {
    const text = printed((table) => {
      for (const row of rows) table.row(row);
      table.end({ ms: 12_345, machines: ["6.12 tcg"], chosen: rows.length, interrupted: false });
    });
    expect(`\n${text}`).toMatchInlineSnapshot(`
      "
      test          model 6.12   6.12
      equal         4K           =
      other-value   4K           0
      other-key     4K           m differs
      both-wrong    8 !          = !
      lacking       4K           unsupported
      model-lacks   unsupported  unsupported
      hangs         4K           hang
      both-hang     hang         hang
      model-breaks  oops         4K

      other-value  6.12 disagrees  other-value.lit
           model 6.12  6.12
        n  4K          0
        the model's rule: gup/vma-pfnmap: GUP in a VM_IO or VM_PFNMAP VMA gives EFAULT, regardless of
        its PTEs. (check_vma_flags, mm/gup.c)
        litmap explain other-value.lit --release 6.12

      other-key  6.12 disagrees  other-key.lit
           model 6.12  6.12
        m  ok          EINVAL
        litmap explain other-key.lit --release 6.12

      both-wrong  surprise on model 6.12  both-wrong.lit
        both-wrong.lit:7: expected n == 4K; n is 8

      both-wrong  surprise on 6.12  both-wrong.lit
        both-wrong.lit:7: expected n == 4K; n is 8

      hangs  hang on 6.12  hangs.lit
        hang: no answer within 10 s
        line one
        line two

      model-breaks  oops on model 6.12  model-breaks.lit
        oops: use-after-free

      model-breaks  6.12 disagrees  model-breaks.lit
        model 6.12 says oops: use-after-free
        litmap explain model-breaks.lit --release 6.12

      unsupported on 6.12
        1  6.12 has no such thing  (lacking)
        1  the model: not modelled  (model-lacks)

      9 tests, 3 of 9 as the model says, 3 disagreements, 2 surprises, 2 hangs, 2 unsupported, 12.3 s      (6.12 tcg)
      "
    `);
  });

  test("a concurrent test: the combination that is not allowed stands beside the nearest that is", () => {
    const racing = parse(
      'test racing\n  "?"\n\nm = memfd_create(4K)\nthread T of A\n\nparallel {\n  A { n = lseek(m, 0, end) }\n  T { c = close(m) }\n}\n',
      { file: "racing.lit" },
    ).test!;
    const outcome = (...seen: (number | string)[]): Outcome => ({
      status: "ok",
      values: { n: seen[0] },
      histogram: seen.map((n) => ({ values: { m: "ok", n, c: "ok" }, count: 1 })),
      ms: 1,
    });
    const of = (machine: typeof model, found: Outcome): Reported =>
      judgedOn(racing, machine, { outcome: found, decided: new Map() });
    const [, more] = comparedPair(of(model, outcome(4096)), of(kernel, outcome(4096, "EBADF")));
    expect(more.result).toMatchObject({
      status: "disagree",
      differs: [{ key: "n", here: "EBADF", there: 4096 }],
      notAllowed: [{ values: { n: "EBADF", c: "ok" }, nearest: { n: 4096, c: "ok" }, keys: ["n"], count: 1 }],
    });
    // Each value is allowed by itself, the two together are not.
    const both = (...seen: [number, string, number][]): Outcome => ({
      status: "ok",
      values: { m: "ok", n: seen[0][0], c: seen[0][1] },
      histogram: seen.map(([n, c, count]) => ({ values: { m: "ok", n, c }, count })),
      ms: 1,
    });
    const wrong = comparedPair(
      of(model, both([0, "ok", 3], [4096, "EBADF", 4])),
      of(kernel, both([0, "ok", 7], [4096, "ok", 3])),
    );
    expect(wrong[1].result.differs).toEqual([{ key: "n", here: 4096, there: 0 }]);
    expect(troubleOf(wrong[1].result)).toEqual([
      "n 4096, c ok: 6.12 in 3 of 10 runs; model 6.12 does not allow it, the nearest is n 0, c ok",
    ]);
    expect(
      printed((table) => (table.row(wrong), table.end({ ms: 5, machines: [], chosen: 1, interrupted: false }))),
    ).toContain(`  seen in 3 of 10 runs, not allowed by model 6.12
       nearest of model 6.12  6.12
    n  0                      4K
    c  ok                     ok
`);
    expect(jsonObject(wrong[1].result)).toMatchObject({
      differs: { n: { here: 4096, there: 0 } },
      notAllowed: [{ values: { n: 4096, c: "ok" }, nearest: { n: 0, c: "ok" }, keys: ["n"], count: 3 }],
    });
    expect(ktap([wrong[1].result])).toContain("# n 4096, c ok: 6.12 in 3 of 10 runs; model 6.12 does not allow it");
    expect(junit([wrong[1].result])).toContain(
      'message="n 4096, c ok: 6.12 in 3 of 10 runs; model 6.12 does not allow',
    );
    const [, fewer] = comparedPair(of(model, outcome(4096, "EBADF")), of(kernel, outcome(4096)));
    expect(fewer.result.status).toBe("ok");
  });

  test("--quiet: only rows with something wrong; a machine that did not come to a test has a hole", () => {
    const text = printed((table) => {
      table.row(rows[0]);
      table.row([rows[1][0], undefined]);
      table.row(rows[1]);
      table.end({ ms: 5, machines: ["6.12 tcg"], chosen: 9, interrupted: true });
    }, true);
    expect(text.split("\n")[0]).toMatch(/^other-value +4K +0$/);
    expect(text).toContain("interrupted: 3 of 9 tests ran");
  });
});

const executor = await buildExecutor(join(root, "executor")).catch((error: Error) => error);
const reason = executor instanceof Error ? executor.message : process.platform !== "linux" ? "not Linux" : "";
if (reason) console.log(`skipped: a run on this host's kernel: ${reason}`);

describe.skipIf(reason)("a run on this host's own kernel", () => {
  const simple =
    'test host-memfd\n  "Does a memfd keep its size?"\n\nm = memfd_create(4K)\nn = lseek(m, 0, end)\n\nexpect n == 4K\n';

  test("compares, keeps results as they come, records evidence, and goes on from the file", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "host-memfd.lit"), simple);
    const env = {
      LITMAP_EVIDENCE: join(folder, "evidence"),
      LITMAP_CACHE: process.env.LITMAP_CACHE ?? join(folder, "cache"),
    };
    const args = [
      "run",
      "host-memfd.lit",
      "--on",
      "host",
      "--release",
      "6.12",
      "--resume",
      "results.ndjson",
      "--record",
    ];
    const first = await litmap(args, { cwd: folder, env });
    expect(first.stdout).toMatch(
      /^test +model 6\.12 {3}host\nhost-memfd +4K +=\n\n1 test, 1 of 1 as the model says, 0 disagreements, 0 surprises, /,
    );
    expect(first.status).toBe(0);
    const [file] = readdirSync(env.LITMAP_EVIDENCE);
    const [head, line] = readFileSync(join(env.LITMAP_EVIDENCE, file), "utf8")
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text));
    expect(`${head.kernel}.ndjson`).toBe(file);
    expect(line).toMatchObject({ test: "host-memfd", status: "ok", values: { m: "ok", n: 4096 } });
    // A result that only the file can have given.
    const results = join(folder, "results.ndjson");
    writeFileSync(results, readFileSync(results, "utf8").replace('"n":4096', '"n":8192'));
    const again = await litmap(args.slice(0, -1), { cwd: folder, env });
    expect(again.stdout).toContain("1 test, 0 of 1 as the model says, 1 disagreement");
    expect(again.status).toBe(1);
  });
});
