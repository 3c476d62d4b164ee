import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { corpus, litmap, scratch } from "./command.js";

const surprising =
  'test wrong\n  "Is this claim wrong?"\n\nm = memfd_create(64K)\nva = mmap(m, 64K, rw, shared)\nn = faults { touch(va, 64K, write) }\n\nexpect n == 3\n';
const broken = 'test broken\n  "Does this parse?"\n\nm = memfd_create(64K)\nva = mmap(m, size: 64K, rw, shared)\n';

describe("litmap run", () => {
  test("the whole corpus: a line a test, and the closing line", async () => {
    const { status, stdout, stderr } = await litmap(["run"]);
    expect(stderr).toBe("");
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^direct-io-memfd {8}4K {12}rule \S+$/);
    expect(lines[1]).toBe("direct-io-system-heap  EFAULT        rule gup/vma-pfnmap");
    expect(lines[2]).toMatch(/^close-map {14}/);
    expect(lines[3]).toBe("");
    expect(lines[4]).toMatch(/^3 tests, 3 as expected, 0 surprises, [\d.]+ m?s {6}\(model 7\.3, x86_64\)$/);
    expect(status).toBe(0);
  });

  test("JSON: exactly the members of a result line, nothing else on stdout", async () => {
    const { stdout, status } = await litmap(["run", "direct-io-system-heap", "--release", "6.12", "--json"]);
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual([
      "test",
      "file",
      "machine",
      "status",
      "values",
      "claims",
      "rules",
      "counters",
      "ms",
    ]);
    expect(result).toMatchObject({
      test: "direct-io-system-heap",
      file: "corpus/gup/direct-io-system-heap.lit",
      machine: { kind: "model", release: "6.12", arch: "x86_64", designs: {} },
      status: "ok",
      values: { buf: "ok", va: "ok", disk: "ok", n: "EFAULT", "smaps(va).Pss": 0 },
    });
    expect(result.claims[0]).toEqual({ text: "n == EFAULT", holds: true });
    expect(result.rules).toContain("gup/vma-pfnmap");
    expect(result.counters).toMatchObject({ faults: 0, ptes: 16 });
    expect(status).toBe(0);
  });

  test("a design: what is claimed of it counts, and the closing line names it", async () => {
    const folder = scratch();
    const text =
      `test d\n  "?"\n\nb = dma_heap_alloc(system, 64K)\nv = mmap(b, 64K, rw, shared)\n\n` +
      "with system-heap.mmap = insert-page {\n  expect smaps(v).Pss == 64K\n}\n";
    writeFileSync(join(folder, "d.lit"), text);
    const chosen = await litmap(["run", "d.lit", "--set", "system-heap.mmap=insert-page"], { cwd: folder });
    expect(chosen.stdout).toMatch(/^d {5}Pss 64K( {7}rule \S+)?\n/);
    expect(chosen.stdout).toContain("(model 7.3, x86_64, system-heap.mmap = insert-page)");
    expect(chosen.status).toBe(0);
    const { claims } = JSON.parse((await litmap(["run", "d.lit", "--json"], { cwd: folder })).stdout);
    expect(claims).toEqual([]);
  });

  test("a surprise: exit status 1, and what was seen", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "wrong.lit"), surprising);
    const { stdout, status } = await litmap(["run", "wrong.lit"], { cwd: folder });
    expect(stdout).toMatch(/^wrong {2}16 {12}surprise/);
    expect(stdout).toContain("\n  wrong.lit:8: expected n == 3; n is 16\n");
    expect(stdout).toContain("1 test, 0 as expected, 1 surprise, ");
    expect(status).toBe(1);
  });

  test("a file that is no test: exit status 2, its diagnostics, and the others run", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "broken.lit"), broken);
    writeFileSync(join(folder, "wrong.lit"), surprising);
    const { stdout, status } = await litmap(["run", "."], { cwd: folder });
    expect(stdout).toContain(
      "broken.lit:5:14: mmap() has no argument 'size'; did you mean 'length'?\n" +
        "    5 | va = mmap(m, size: 64K, rw, shared)\n      |              ^^^^\n",
    );
    expect(stdout).toContain("2 tests, 0 as expected, 1 surprise, 1 invalid");
    expect(status).toBe(2);
    const json = await litmap(["run", ".", "--json"], { cwd: folder });
    expect(
      json.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).status),
    ).toEqual(["invalid", "surprise"]);
  });

  test("tests by name, glob, folder and stdin", async () => {
    const names = async (...args: string[]): Promise<string[]> =>
      (await litmap(["run", "--json", ...args])).stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).test);
    expect(await names("direct-io-*")).toEqual(["direct-io-memfd", "direct-io-system-heap"]);
    expect(await names("gup")).toEqual(["direct-io-memfd", "direct-io-system-heap"]);
    expect(await names("gup/direct-io-memfd", "direct-io-memfd")).toEqual(["direct-io-memfd"]);
    expect(await names(join(corpus, "race"))).toEqual(["close-map"]);
    const text = readFileSync(join(corpus, "gup", "direct-io-memfd.lit"), "utf8");
    const { stdout } = await litmap(["run", "-"], { input: text });
    expect(stdout).toMatch(/^direct-io-memfd /);
  });

  test("--quiet prints what is wrong and the closing line", async () => {
    expect((await litmap(["run", "-q"])).stdout).toMatch(/^3 tests, [^\n]*\n$/);
  });

  test("a reader that goes away is no error", async () => {
    const folder = scratch();
    mkdirSync(join(folder, "many"));
    for (let i = 0; i < 400; i++)
      writeFileSync(join(folder, "many", `wrong-${i}.lit`), surprising.replace("test wrong", `test wrong-${i}`));
    const { spawnSync } = await import("node:child_process");
    const { bin } = await import("./command.js");
    const found = spawnSync("sh", ["-c", `"${process.execPath}" "${bin}" run many | head -1; echo done`], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(found.stderr).toBe("");
    expect(found.stdout).toMatch(/^wrong-0 [^\n]*\ndone\n$/);
  });

  test("no colour in a pipe, colour when it is forced, none with --no-color", async () => {
    expect((await litmap(["run", "-q"])).stdout).not.toContain("\x1b[");
    expect((await litmap(["run", "-q"], { env: { FORCE_COLOR: "1" } })).stdout).toContain("\x1b[");
    expect((await litmap(["run", "-q", "--no-color"], { env: { FORCE_COLOR: "1" } })).stdout).not.toContain("\x1b[");
    expect((await litmap(["run", "-q"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stdout).not.toContain("\x1b[");
  });

  test("KTAP alone on stdout; JUnit in a file beside the lines", async () => {
    expect((await litmap(["run", "--ktap"])).stdout).toBe(
      "KTAP version 1\n1..3\nok 1 direct-io-memfd\nok 2 direct-io-system-heap\nok 3 close-map\n",
    );
    const file = join(scratch(), "junit.xml");
    const { stdout } = await litmap(["run", "--junit", file]);
    expect(stdout).toContain("3 tests, 3 as expected");
    expect(readFileSync(file, "utf8")).toContain('<testsuite name="model 7.3" tests="3" failures="0"');
  });

  test("a full disk is one clear line and exit status 3", async () => {
    const { stderr, status } = await litmap(["run", "-q", "--junit", "/dev/full"]);
    expect(stderr).toMatch(/^litmap: the disk is full: \/dev\/full could not be written\n/);
    expect(status).toBe(3);
  });
});

describe("wrong requests", () => {
  const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [
      ["run", "direct-io-systemheap"],
      /^litmap: no test is called direct-io-systemheap; did you mean 'direct-io-system-heap'\?\n/,
    ],
    [["run", "gop"], /did you mean 'gup'\?/],
    [["run", "nothing/there.lit"], /^litmap: there is no file nothing\/there\.lit/],
    [["run", "zz*"], /^litmap: no test is called like zz\*/],
    [
      ["run", "--release", "2.6"],
      /^litmap: the model knows no release '2\.6'\nfrom 5\.10 to 7\.3, with updates up to 5\.10\.\d+/,
    ],
    [["run", "--release", "6.12.999"], /^litmap: the model knows no release '6\.12\.999'\nfrom 5\.10 to 7\.3/],
    [["run", "--release", "6.1.0-57-amd64"], /^litmap: the model knows no release '6\.1\.0-57-amd64'/],
    [["run", "--arch", "amr"], /^litmap: the model knows no architecture 'amr'; did you mean 'arm'\?/],
    [
      ["run", "--set", "udmabuf.map=normal-page"],
      /^litmap: there is no decision point 'udmabuf\.map'; did you mean 'udmabuf\.mmap'\?/,
    ],
    [
      ["run", "--set", "udmabuf.mmap=normal-pages"],
      /^litmap: udmabuf\.mmap has no choice 'normal-pages'; did you mean 'normal-page'\?/,
    ],
    [["run", "--set", "udmabuf.mmap"], /is not POINT=CHOICE/],
    [["run", "--jsno"], /^litmap: unknown option '--jsno'\n\(Did you mean --json\?\)/],
    [["run", "--json", "--ktap"], /both want stdout/],
    [["run", "--on", "9.99"], /^litmap: no kernel is called 9\.99/],
    [["run", "--on", ","], /--on wants kernels/],
    [["run", "--on", "host", "--times", "0"], /--times wants a whole number/],
    [["run", "--on", "host", "--timeout", "1e9"], /^litmap: --timeout wants a whole number above 0, not '1e9'/],
    [["run", "--on", "host", "--timeout", "86401"], /^litmap: --timeout wants at most 86400, not 86401/],
    [["run", "--timeout", "abc"], /^litmap: --timeout wants a whole number above 0, not 'abc'/],
    [["run", "-j", "x"], /^litmap: --jobs wants a whole number above 0, not 'x'/],
    [["run", "--timeout", "5"], /^litmap: --timeout has no effect without --on\n/],
    [["run", "-j", "2"], /^litmap: --jobs has no effect without --on\n/],
    [["run", "--times", "2"], /^litmap: --times has no effect without --on\n/],
    [["run", "--record"], /^litmap: --record has no effect without --on\n/],
    [["run", "--accel", "tcg"], /^litmap: --accel has no effect without --on\n/],
    [["run", "--on", "host,ssh:box", "--accel", "tcg"], /^litmap: --accel is for kernels in QEMU\n/],
    [["run", "--junit", ""], /^litmap: --junit wants a value\n/],
    [["random", "--timeout", "5"], /^litmap: --timeout has no effect without --on\n/],
    [["random", "--steps", "0"], /^litmap: --steps wants a whole number above 0/],
    [["cost", "fork-private-memfd", "--runs", "2"], /^litmap: --runs has no effect without --on\n/],
    [["cost", "fork-private-memfd", "--on", "6.12", "--all"], /^litmap: --all has no effect with --on\n/],
    [["explore", "close-map", "--limit", "-1"], /^litmap: --limit wants a whole number above 0, not '-1'/],
    [
      ["explain", "close-map", "--schedule", "A:1", "--search-time", "5"],
      /^litmap: --search-time has no effect with --schedule/,
    ],
    [
      ["diff", "model:6.1", "model:6.12", "--accel", "tcg"],
      /^litmap: --accel has no effect: neither side is a kernel\n/,
    ],
    [["diff", "6.1", "6.12", "--search-time", "5"], /^litmap: --search-time has no effect: neither side is a model\n/],
    [["check", "--json", "-q"], /^litmap: --quiet has no effect with --json\n/],
    [["rnu"], /^litmap: unknown command 'rnu'\n\(Did you mean run\?\)/],
    [["explain", "direct-io-*"], /means 2 tests; this command takes one/],
    [["explain", "direct-io-memfd", "--schedule", "A:1"], /has no parallel block/],
    [["explore", "direct-io-memfd"], /has no parallel block/],
    [
      ["whatif", "system-heap.mmap=remap-pfn-range-per-chunk"],
      /has system-heap\.mmap = remap-pfn-range-per-chunk already/,
    ],
    [["diff", "model:6.12", "model:9.9"], /knows no release '9\.9'/],
    [["rules", "gup/vma-pfnmp"], /did you mean 'gup\/vma-pfnmap'\?/],
    [["designs", "udmabuf"], /^litmap: there is no decision point 'udmabuf'/],
    [
      ["kernel", "rm", "nothing"],
      /^litmap: no kernel is called nothing; there is none yet\n`litmap kernel ls` lists them; nothing was removed\n/,
    ],
    [
      ["kernel", "boot", "mine"],
      /^litmap: no kernel is called mine; there is none yet\n`litmap kernel add mine --image bzImage/,
    ],
    [
      ["kernel", "add", "mine"],
      /^litmap: mine is not a release\nwrite major\.minor, such as 6\.12, for other architectures with -arm64, -arm64-16k, -armmp, -armmp-lpae behind it, or give --image/,
    ],
    [["kernel", "lss"], /^litmap: unknown command 'lss'\n\(Did you mean ls\?\)/],
    [["kernel", "add", "x", "--modules", "y"], /--modules goes with --image/],
    [["fmt", "gup"], /fmt prints one file, and 2 files were named/],
  ];
  test.each(wrong)("litmap %j", async (args, says) => {
    const { status, stdout, stderr } = await litmap(args);
    expect(stderr).toMatch(says);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });
});

describe("interrupted", () => {
  test("Ctrl-C ends a run with a summary of what ran, and exit status 130", async () => {
    const folder = scratch();
    for (let i = 0; i < 6000; i++)
      writeFileSync(join(folder, `t-${i}.lit`), surprising.replace("test wrong", `test t-${i}`));
    const resume = join(folder, "results.ndjson");
    let sent = false;
    const { status, stdout } = await litmap(["run", ".", "--resume", resume], {
      cwd: folder,
      onOutput: (_text, kill) => {
        if (!sent) kill("SIGINT");
        sent = true;
      },
    });
    expect(status).toBe(130);
    const ran = Number(/interrupted: (\d+) of 6000 tests ran/.exec(stdout)?.[1]);
    expect(ran).toBeGreaterThan(0);
    expect(ran).toBeLessThan(6000);
    expect(stdout).toContain(`${ran} tests, 0 as expected, ${ran} surprises`);
    expect(readFileSync(resume, "utf8").trim().split("\n")).toHaveLength(ran);
  });
});
