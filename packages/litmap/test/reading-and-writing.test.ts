/** Files that cannot be read cost themselves only; output that cannot be written ends the command with status 3. */
import { spawnSync } from "node:child_process";
import { mkdirSync, openSync, closeSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bin, litmap, scratch } from "./command.js";

const text = (name: string): string =>
  `test ${name}\n  "?"\n\nva = mmap(anon, 4K, rw, private)\nx = load(va)\n\nexpect x == 0\n`;

/** Two tests, and between them what is none. */
function folder(): string {
  const path = join(scratch(), "tests");
  mkdirSync(path);
  for (const name of ["a-good", "z-good"]) writeFileSync(join(path, `${name}.lit`), text(name));
  symlinkSync("nowhere", join(path, "d-dangling.lit"));
  symlinkSync("/dev/zero", join(path, "e-endless.lit"));
  spawnSync("mkfifo", [join(path, "f-fifo.lit")]);
  writeFileSync(join(path, "g-large.lit"), "");
  truncateSync(join(path, "g-large.lit"), 2 ** 30);
  return path;
}

const unreadable = [
  "d-dangling.lit: ENOENT",
  "e-endless.lit: it is a device",
  "f-fifo.lit: it is a FIFO",
  "g-large.lit: it is longer than 4 MiB",
];

describe("what cannot be read", () => {
  test("run answers the other tests, and ends with 2", async () => {
    const { stdout, status } = await litmap(["run", "--json", folder()]);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map((row) => row.status)).toEqual(["ok", "invalid", "invalid", "invalid", "invalid", "ok"]);
    for (const [i, why] of unreadable.entries())
      expect(rows[i + 1].diagnostics).toEqual([expect.stringMatching(new RegExp(`^cannot read .*/${why}$`))]);
    expect(status).toBe(2);
  });

  test("check, fmt and whatif name each, and go on", async () => {
    const there = folder();
    const check = await litmap(["check", there]);
    const fmt = await litmap(["fmt", "--check", there]);
    const whatif = await litmap(["whatif", "udmabuf.vmap=none", "--tests", there]);
    for (const why of unreadable)
      for (const said of [check.stdout, fmt.stderr, whatif.stderr]) expect(said).toContain(why);
    expect(check.stdout).toContain("6 files, 2 fine, 4 errors");
    expect(fmt.stdout.match(/not in canonical form/g)).toHaveLength(2);
    expect(whatif.stdout).toContain("0 of 2 tests change");
    expect([check.status, fmt.status, whatif.status]).toEqual([2, 2, 2]);
  });

  test("a pipe that the shell has opened, and a byte order mark", async () => {
    const file = join(folder(), "a-good.lit");
    const piped = spawnSync("bash", ["-c", `"${process.execPath}" "${bin}" check <(cat "${file}")`]);
    expect(piped.stdout.toString()).toContain("1 fine");
    const marked = await litmap(["run", "-"], { input: `\ufeff${text("marked")}` });
    expect(marked.status).toBe(0);
  });

  test("long lines and long lists are cut", async () => {
    const line = await litmap(["check", "-"], {
      input: `test long\n  "?"\n\nx = ${"a".repeat(1e6)}(1) ${"b".repeat(1e6)}\n`,
    });
    expect(line.stdout.length).toBeLessThan(5000);
    expect(line.stdout).toMatch(/^-:4:1000009: expected .*b…\n {2}4 \| …a+\(1\) b+…\n {4}\| +\^+\n/);
    const list = await litmap(["check", "-"], { input: `test many\n  "?"\n${"x = nothing()\n".repeat(10_000)}` });
    expect(list.stdout).toContain("-: and 9950 more");
    expect(list.stdout).toContain("10000 errors");
    expect(list.stdout.length).toBeLessThan(10_000);
  });
});

describe("output that cannot be written", () => {
  const file = (): string => join(folder(), "a-good.lit");

  test.each([[["run"]], [["run", "--json"]], [["run", "--ktap"]], [["explain"]], [["check"]], [["fmt"]]])(
    "%s onto a full disk: 3",
    (args) => {
      const full = openSync("/dev/full", "w");
      const ended = spawnSync(process.execPath, [bin, ...args, file()], { stdio: ["ignore", full, "pipe"] });
      closeSync(full);
      expect(ended.stderr.toString()).toBe("litmap: cannot write the output: ENOSPC\n");
      expect(ended.status).toBe(3);
    },
  );

  test("a JUnit file on a full disk: 3; a device as --resume: 2", async () => {
    expect(await litmap(["run", file(), "--junit", "/dev/full"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("the disk is full"),
    });
    expect(await litmap(["run", file(), "--resume", "/dev/full"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("/dev/full is no file"),
    });
  });

  test("a reader that went away is no error", () => {
    const ended = spawnSync("bash", ["-c", `"${process.execPath}" "${bin}" rules | head -1; echo \${PIPESTATUS[0]}`]);
    expect(ended.stdout.toString()).toMatch(/\n0\n$/);
    expect(ended.stderr.toString()).toBe("");
  });
});
