import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { litmap, root, scratch } from "./command.js";

describe("litmap whatif", () => {
  test("changed values under the rule that makes the difference", async () => {
    const { stdout, status } = await litmap(["whatif", "system-heap.mmap=insert-page"]);
    expect(stdout).toMatch(
      /^1 of 3 tests change {2}with system-heap\.mmap = insert-page on 7\.3, x86_64\n\n\S+\/\S+\n {2}\S/,
    );
    expect(stdout).toMatch(/\n {2}direct-io-system-heap {2}n +EFAULT → 4K\n {25}smaps\(va\)\.Pss {2}0 → 64K\n/);
    expect(status).toBe(0);
  });

  test("JSON: a line a test, values before and after", async () => {
    const { stdout } = await litmap(["whatif", "system-heap.mmap=insert-page", "--json", "--tests", "gup"]);
    expect(JSON.parse(stdout)).toMatchObject({
      test: "direct-io-system-heap",
      values: { n: { before: "EFAULT", after: 4096 }, "smaps(va).Pss": { before: 0, after: 65536 } },
    });
  });
});

describe("litmap diff", () => {
  test("two models", async () => {
    const { stdout, status } = await litmap(["diff", "model:6.1", "model:6.12", "--tests", "gup"]);
    expect(stdout).toBe("0 of 2 tests change  from model 6.1 to model 6.12\n");
    expect(status).toBe(0);
  });
});

describe("litmap random", () => {
  test("without a kernel the model has an answer to everything, whatever drivers do", async () => {
    const { stdout, status } = await litmap(["random", "--seeds", "1..600", "--steps", "20"]);
    expect(stdout).toMatch(/^600 programs, 0 exceptions, [\d.]+ s {6}\(model\)\n$/);
    expect(status).toBe(0);
  });

  test("seeds that are none", async () => {
    for (const seeds of ["9..3", "one", "1..", "-4"]) {
      const { stderr, status } = await litmap(["random", `--seeds=${seeds}`]);
      expect([seeds, status]).toEqual([seeds, 2]);
      expect(stderr).toContain("--seeds");
    }
    expect((await litmap(["random", "--steps", "0"])).status).toBe(2);
  });
});

describe("litmap rules, designs", () => {
  test("one rule with the tests that come to it", async () => {
    const { stdout } = await litmap(["rules", "gup/vma-pfnmap"]);
    expect(stdout).toMatch(/^gup\/vma-pfnmap\n {2}\S.*VM_PFNMAP.*EFAULT/);
    expect(stdout).toMatch(
      /\n {2}kernel +check_vma_flags, mm\/gup\.c\n {2}model +packages\/model\/src\/mm\/gup\.ts:\d+\n/,
    );
    expect(stdout).toMatch(/\n {2}tests\n {4}direct-io-system-heap\n$/);
  });

  test("a subject, and the whole book as JSON", async () => {
    const subject = await litmap(["rules", "gup-fast"]);
    expect(
      subject.stdout
        .split("\n")
        .filter((line) => /^\S/.test(line))
        .every((line) => line.startsWith("gup-fast/")),
    ).toBe(true);
    const book = (await litmap(["rules", "--json"])).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(book.length).toBeGreaterThan(100);
    for (const rule of book)
      expect(rule).toMatchObject({
        id: expect.stringMatching(/^[a-z0-9-]+\/[a-z0-9-]+$/),
        sentence: expect.stringMatching(/[.:]$/),
        kernel: expect.stringMatching(/\S/),
      });
  });

  test("a decision point: question, choices, which release chose what", async () => {
    const { stdout } = await litmap(["designs", "udmabuf.mmap"]);
    expect(stdout).toMatch(/^udmabuf\.mmap\n {2}What does .*udmabuf put/);
    expect(stdout).toMatch(/\n {2}normal-page {2}5\.10, 6\.1\n/);
    expect(stdout).toMatch(/\n {2}pfn-at-mmap\n {6}VM_PFNMAP[^\n]*\n {6}proposed: /);
    const all = (await litmap(["designs", "--json"])).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(all.find((each) => each.point === "udmabuf.mmap").releases["6.12"]).toBe("pfn-per-fault");
  });
});

const untidy = 'test a\n  "Why?"\n\n# above\nm   =   memfd_create( 64K )   # behind\nexpect   m==ok\n';

describe("litmap check, fmt", () => {
  test("check counts, and exits with 2 for a file that is no test", async () => {
    const fine = await litmap(["check"]);
    expect(fine.stdout).toBe("3 files, 3 fine, 0 errors, 0 warnings\n");
    expect(fine.status).toBe(0);
    const folder = scratch();
    writeFileSync(join(folder, "b.lit"), 'test b\n  "?"\n\nx = lod(1)\n');
    const bad = await litmap(["check", "b.lit"], { cwd: folder });
    expect(bad.stdout).toMatch(/^b\.lit:4:5: .*did you mean 'load'\?\n {2}4 \| x = lod\(1\)\n {4}\| {5}\^\^\^\n/);
    expect(bad.stdout).toMatch(/1 file, 0 fine, 1 error, 0 warnings\n$/);
    expect(bad.status).toBe(2);
    const json = await litmap(["check", "b.lit", "--json"], { cwd: folder });
    expect(JSON.parse(json.stdout)).toMatchObject({
      file: "b.lit",
      line: 4,
      column: 5,
      severity: "error",
      code: "unknown-operation",
    });
  });

  test("fmt prints, checks and writes; comments stay; twice is once", async () => {
    const folder = scratch();
    const file = join(folder, "a.lit");
    writeFileSync(file, untidy);
    const printed = await litmap(["fmt", "a.lit"], { cwd: folder });
    expect(printed.stdout).toContain("# above\nm = memfd_create(64K)");
    expect(readFileSync(file, "utf8")).toBe(untidy);
    const looked = await litmap(["fmt", "--check", "a.lit"], { cwd: folder });
    expect([looked.stdout, looked.status]).toEqual(["a.lit is not in canonical form\n", 1]);
    const wrote = await litmap(["fmt", "--write", "a.lit"], { cwd: folder });
    expect([wrote.stdout, wrote.status]).toEqual(["a.lit formatted\n", 0]);
    expect(readFileSync(file, "utf8")).toBe(printed.stdout);
    expect((await litmap(["fmt", "--check", "a.lit"], { cwd: folder })).status).toBe(0);
  });

  test("fmt leaves alone what it cannot read", async () => {
    const folder = scratch();
    const file = join(folder, "c.lit");
    writeFileSync(file, 'test c\n  "?"\n\nx = (((\n');
    const { status, stderr } = await litmap(["fmt", "--write", "c.lit"], { cwd: folder });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^c\.lit:4:/);
    expect(readFileSync(file, "utf8")).toContain("x = (((");
  });
});

describe("what two models answer differently", () => {
  const lines = (text: string): Record<string, unknown>[] =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

  test("the rule is the one that decides the value that differs, not the first by which the courses part", async () => {
    const tests = ["udmabuf-locked-faults", "udmabuf-faults"].map((name) => join(root, "corpus/fault", `${name}.lit`));
    const args = ["diff", "model:6.12", "model:7.2", "--tests", ...tests, "--json"];
    const found = lines((await litmap(args)).stdout);
    expect(found.map(({ test: name }) => name)).toEqual(["udmabuf-locked-faults", "udmabuf-faults"]);
    for (const each of found)
      expect(each).toMatchObject({
        rule: "udmabuf/fault-all",
        point: "udmabuf.mmap = pfn-all-on-first-fault",
        values: { n: { before: 16, after: 1 } },
      });
    const told = await litmap(args.slice(0, -1));
    expect(told.stdout).toContain("  decided by udmabuf.mmap = pfn-all-on-first-fault\n");
    expect(told.stdout).toMatch(/smaps\(va\)\.VmFlags .* by dma-buf\.mount = noexec\n/);
  });

  test("what one of them cannot do is told apart, and is no change", async () => {
    const folder = scratch();
    const text = 'test only-new\n  "?"\n\nva = mmap(anon, 4K, rw, private)\nr = mseal(va, 4K)\n';
    writeFileSync(join(folder, "only-new.lit"), text);
    const { stdout } = await litmap(["diff", "model:6.1", "model:7.2", "--tests", "only-new.lit"], { cwd: folder });
    expect(stdout).toMatch(/^0 of 1 tests change, 1 more run on one side only /);
    expect(stdout).toMatch(/\non one side only\n {2}1 {2}not on model 6\.1[^:]*: .* \(only-new\)\n$/);
    const [line] = lines(
      (await litmap(["diff", "model:6.1", "model:7.2", "--tests", "only-new.lit", "--json"], { cwd: folder })).stdout,
    );
    expect(line).toMatchObject({ test: "only-new", values: {}, unsupported: { before: expect.any(String) } });
  });
});

describe("litmap itself", () => {
  test("help lists the subcommands, and --version the version", async () => {
    const help = await litmap(["--help"]);
    for (const name of [
      "run",
      "explain",
      "explore",
      "whatif",
      "cost",
      "diff",
      "rules",
      "designs",
      "check",
      "fmt",
      "kernel",
    ])
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(help.status).toBe(0);
    expect((await litmap(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await litmap([])).status).toBe(2);
  });

  test("no kernels yet", async () => {
    const { stdout, status } = await litmap(["kernel", "ls"]);
    expect([stdout, status]).toEqual(["no kernels yet; `litmap kernel add 6.12` takes Debian's\n", 0]);
  });
});
