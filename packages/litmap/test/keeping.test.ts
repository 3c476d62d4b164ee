/** What is kept in files: results of an interrupted run, and evidence. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@litmap/litmus";
import type { Outcome } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import { readEvidence, record } from "../src/evidence.js";
import { ResultsFile } from "../src/results-file.js";
import { agreesWith } from "../src/witnesses.js";
import { scratch } from "./command.js";
import { kernel, model, result } from "./results.js";

const text = 'test kept\n  "?"\n\nm = memfd_create(4K)\nn = lseek(m, 0, end)\n\nexpect n == 4K\n';
const kept = parse(text, { file: "kept.lit" }).test!;

describe("the file of --resume", () => {
  const seen = result("kept", { hash: kept.hash, machine: kernel, values: { m: "ok", n: 4096 } });

  test("gives back what a kernel answered to this text", () => {
    const path = join(scratch(), "r.ndjson");
    new ResultsFile(path).append(seen);
    const again = new ResultsFile(path);
    expect(again.get(kept, kernel)).toMatchObject({ status: "ok", values: { m: "ok", n: 4096 } });
    expect(again.get({ ...kept, hash: "other" }, kernel)).toBeUndefined();
    expect(again.get(kept, { ...kernel, uname: "6.12.108 #1" } as typeof kernel)).toBeUndefined();
  });

  test("an outcome that was a surprise or a disagreement is judged anew; a hang stays one", () => {
    const path = join(scratch(), "r.ndjson");
    const file = new ResultsFile(path);
    file.append({ ...seen, status: "disagree", against: "model 6.12", differs: [] });
    expect(new ResultsFile(path).get(kept, kernel)?.status).toBe("ok");
    file.append({ ...seen, status: "hang", reason: "no answer" });
    expect(new ResultsFile(path).get(kept, kernel)).toMatchObject({ status: "hang", reason: "no answer" });
  });

  test("what the model could not be compared with is asked again", () => {
    const path = join(scratch(), "r.ndjson");
    const file = new ResultsFile(path);
    file.append({ ...seen, status: "broken", reason: "model 6.12: RangeError" });
    file.append({ ...seen, status: "incomplete", reason: "model 6.12: the search was stopped" });
    expect(new ResultsFile(path).get(kept, kernel)).toBeUndefined();
  });

  test("a line that was cut off is dropped, also from the file; model results are asked again", () => {
    const path = join(scratch(), "r.ndjson");
    const file = new ResultsFile(path);
    file.append({ ...seen, machine: model });
    file.append(seen);
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, whole.slice(0, -20));
    expect(new ResultsFile(path).get(kept, kernel)).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe(`${whole.split("\n")[0]}\n`);
  });

  test("a file of something else is refused", () => {
    const path = join(scratch(), "r.ndjson");
    writeFileSync(path, "hello\n");
    expect(() => new ResultsFile(path)).toThrow(/holds a line that is no result/);
  });
});

describe("evidence", () => {
  const about = {
    kernel: "6.12.107-amd64",
    release: "6.12.107",
    arch: "x86_64",
    uname: "6.12.107-amd64 #1",
    package: "linux-image 6.12.107-1",
  };
  const outcome = { status: "ok", values: { m: "ok", n: 4096 }, ms: 3 } as const;

  test("a file a kernel, a line a test in the order of names, a day that stays", () => {
    const folder = scratch();
    const path = record(
      about,
      [
        { test: kept, outcome },
        { test: { ...kept, name: "a" }, outcome },
      ],
      "2026-01-01",
      folder,
    );
    expect(path).toBe(join(folder, "6.12.107-amd64.ndjson"));
    record(about, [{ test: kept, outcome: { ...outcome, ms: 9 } }], "2026-02-02", folder);
    const [{ kernel: head, tests }] = readEvidence([folder]);
    expect(head).toEqual(about);
    expect([...tests.keys()]).toEqual(["a", "kept"]);
    expect(tests.get("kept")).toEqual({
      test: "kept",
      hash: kept.hash,
      status: "ok",
      values: { m: "ok", n: 4096 },
      date: "2026-01-01",
    });
    record(about, [{ test: kept, outcome: { ...outcome, values: { m: "ok", n: 0 } } }], "2026-02-02", folder);
    expect(readEvidence([folder])[0].tests.get("kept")?.date).toBe("2026-02-02");
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("holds for the text that was run, and says what differs", () => {
    const folder = scratch();
    record(about, [{ test: kept, outcome }], "2026-01-01", folder);
    const [evidence] = readEvidence([folder]);
    expect(agreesWith(kept, outcome, evidence)).toBe("same");
    expect(agreesWith({ ...kept, hash: "other" }, outcome, evidence)).toBe("stale");
    expect(agreesWith({ ...kept, name: "other" }, outcome, evidence)).toBe("none");
    expect(agreesWith(kept, { ...outcome, values: { m: "ok", n: 0 } }, evidence)).toEqual([
      { key: "n", here: 4096, there: 0 },
    ]);
    expect(agreesWith(kept, { ...outcome, status: "broken", values: {} }, evidence)).toEqual([
      { key: "status", here: "ok", there: "broken" },
    ]);
  });

  test("what either side cannot do, or ended otherwise, is no agreement", () => {
    const folder = scratch();
    record(about, [{ test: kept, outcome }], "2026-01-01", folder);
    const [evidence] = readEvidence([folder]);
    const of = (more: Partial<Outcome>) => agreesWith(kept, { ...outcome, ...more }, evidence);
    expect(of({ status: "unsupported", reason: "not modelled", values: {} })).toBe("not-modelled");
    for (const status of ["hang", "oops"] as const)
      expect(of({ status })).toEqual([{ key: "status", here: "ok", there: status }]);
    expect(of({ status: "incomplete" })).toBe("same");
    expect(of({ status: "incomplete", values: { m: "ok", n: 0 } })).toBe("undecided");
    record(about, [{ test: kept, outcome: { ...outcome, status: "unsupported", values: {} } }], "2026-01-02", folder);
    expect(agreesWith(kept, outcome, readEvidence([folder])[0])).toBe("unsupported");
    expect(agreesWith(kept, { ...outcome, status: "unsupported" }, readEvidence([folder])[0])).toBe("unsupported");
    const reason = "kernel BUG at mm/memory.c:2224!";
    record(about, [{ test: kept, outcome: { ...outcome, status: "oops", reason, values: {} } }], "2026-01-03", folder);
    const [broken] = readEvidence([folder]);
    const told = (text: string) => agreesWith(kept, { ...outcome, status: "oops", reason: text, values: {} }, broken);
    expect(told("insert/page-into-pfnmap: x")).toBe("same");
    expect(told("a frame was freed twice")).toBe("same");
    expect(told("dma-buf/pin-static: y")).toEqual([{ key: "oops", here: reason, there: "dma-buf/pin-static: y" }]);
  });

  test("a kernel that only calls itself as another has a file of its own", () => {
    const folder = scratch();
    const theirs = record(about, [{ test: kept, outcome }], "2026-01-01", folder);
    const { package: _none, ...unpacked } = about;
    const patched = { ...unpacked, image: "ab".repeat(32) };
    const other = { ...outcome, values: { m: "ok", n: 0 } };
    const mine = record(patched, [{ test: kept, outcome: other }], "2026-01-02", folder);
    expect(mine).toMatch(/\/6\.12\.107-amd64-[0-9a-f]{12}\.ndjson$/);
    expect(mine).not.toBe(theirs);
    expect(record({ ...about, config: "c" }, [{ test: kept, outcome }], "2026-01-02", folder)).not.toBe(theirs);
    const [first, ...others] = readEvidence([folder]);
    expect(first.tests.get("kept")?.values).toEqual({ m: "ok", n: 4096 });
    const marked = expect.stringMatching(/^6\.12\.107-amd64 \([0-9a-f]{12}\)$/);
    expect(others.map(({ kernel }) => kernel.kernel)).toEqual([marked, marked]);
    expect(record(patched, [{ test: kept, outcome: other }], "2026-01-03", folder)).toBe(mine);
  });

  test("a file of evidence that holds another kernel's is never merged into", () => {
    const folder = scratch();
    const { package: _none, ...unpacked } = about;
    const patched = { ...unpacked, image: "ab".repeat(32) };
    const path = record(patched, [{ test: kept, outcome }], "2026-01-01", folder);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("ab".repeat(32), "cd".repeat(32)));
    expect(() => record(patched, [{ test: kept, outcome }], "2026-01-01", folder)).toThrow(
      /is the evidence of another kernel; nothing was recorded$/,
    );
  });

  test("lines that cannot be read are named, and a file with one is not written", () => {
    const folder = scratch();
    const path = record(
      about,
      [
        { test: kept, outcome },
        { test: { ...kept, name: "a" }, outcome },
      ],
      "2026-01-01",
      folder,
    );
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, `${whole.slice(0, -20)}\nnull\n`);
    writeFileSync(join(folder, "x.ndjson"), "hello\n");
    const problems: string[] = [];
    const all = readEvidence([folder], (text) => problems.push(text));
    expect(all.map(({ tests }) => [...tests.keys()])).toEqual([["a"]]);
    expect(problems).toEqual([
      `${path}:3: this line is no outcome of a test; it is passed over`,
      `${path}:4: this line is no outcome of a test; it is passed over`,
      `${join(folder, "x.ndjson")}:1: this is no kernel's evidence; the file is passed over`,
    ]);
    const before = readFileSync(path, "utf8");
    expect(() => record(about, [{ test: kept, outcome }], "2026-01-01", folder)).toThrow(/nothing was recorded$/);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("a first line of an older litmap: the version is in its uname, and what it chose is no configuration", () => {
    const folder = scratch();
    const old = {
      kernel: "6.12.118+deb13-amd64",
      release: "6.12",
      arch: "x86_64",
      uname: "6.12.118+deb13-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-11-20)",
      configured: { "generic-access-phys.checks": "io-memory", "dma-buf.debug": "mangle" },
    };
    const older = { ...old, kernel: "6.1.0-57-amd64", uname: "6.1.0-57-amd64 #1 Debian 6.1.192-3", release: "6.1" };
    for (const each of [old, older]) writeFileSync(join(folder, `${each.kernel}.ndjson`), `${JSON.stringify(each)}\n`);
    expect(readEvidence([folder]).map(({ kernel }) => [kernel.release, kernel.configured])).toEqual([
      ["6.1.192", { "generic-access-phys.checks": "io-memory", "dma-buf.debug": "mangle" }],
      ["6.12.118", { "dma-buf.debug": "mangle" }],
    ]);
  });

  test("a folder that cannot be written is one clear line, and leaves nothing behind", () => {
    const folder = scratch();
    mkdirSync(join(folder, "6.12.107-amd64.ndjson"));
    expect(() => record(about, [{ test: kept, outcome }], "2026-01-01", folder)).toThrow(
      /^cannot read .*6\.12\.107-amd64\.ndjson: EISDIR/,
    );
    expect(readdirSync(folder)).toEqual(["6.12.107-amd64.ndjson"]);
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(() => record(about, [{ test: kept, outcome }], "2026-01-01", join(file, "evidence"))).toThrow(
      /^cannot write .*6\.12\.107-amd64\.ndjson: E/,
    );
    expect(existsSync(join(folder, "x"))).toBe(false);
  });
});
