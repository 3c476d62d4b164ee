/**
 * What a real kernel, its QEMU, the way between and the disk can do to a run: each costs at most
 * the test under way, and a line. Always TCG. QEMU is the real one, behind troubled-qemu.mjs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { KernelStore } from "@litmap/kernels";
import { buildExecutor } from "@litmap/linux";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ended } from "./command.js";
import { litmap, root, scratch } from "./command.js";

const kernel = new KernelStore().get("6.12");
const realQemu = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "qemu-system-x86_64"))
  .find((path) => existsSync(path));
const executor = await buildExecutor(join(root, "executor"), { isa: "x86_64" }).catch((error: Error) => error);
const reason = !realQemu
  ? "qemu-system-x86_64 is not installed"
  : !kernel
    ? "kernel 6.12 is not in the store"
    : executor instanceof Error
      ? executor.message
      : "";
if (reason) console.log(`skipped: trouble under a run on a real kernel: ${reason}`);

const limit = { timeout: 60_000 };
/** Milliseconds after which the kernel is at b-long. */
const inKernel = 8000;
const quick = (name: string): string => `test ${name}\n  "?"\n\nm = memfd_create(4K)\nn = lseek(m, 0, end)\n`;
/** Half a minute in the kernel, as QEMU's TCG counts: a second or so for each round of page faults. */
const long =
  `test b-long\n  "?"\n\nva = mmap(anon, 256M, rw, private)\n` +
  `${"madvise(va, 256M, populate_write)\nmadvise(va, 256M, dontneed)\n".repeat(30)}`;

describe.skipIf(reason)("a run on kernel 6.12", () => {
  const cache = reason ? "" : scratch();
  const trouble = reason ? "" : scratch();
  const tests = reason ? "" : scratch();
  const env = {
    PATH: `${trouble}${delimiter}${process.env.PATH}`,
    LITMAP_CACHE: cache,
    TROUBLE: trouble,
    REAL_QEMU: realQemu ?? "",
  };

  beforeAll(() => {
    mkdirSync(join(cache, "kernels"));
    symlinkSync(kernel!.folder, join(cache, "kernels", "6.12"));
    symlinkSync(fileURLToPath(new URL("troubled-qemu.mjs", import.meta.url)), join(trouble, "qemu-system-x86_64"));
    for (const name of ["a-first", "c-last"]) writeFileSync(join(tests, `${name}.lit`), quick(name));
    writeFileSync(join(tests, "b-long.lit"), long);
  });
  afterAll(() => expect(qemuLives()).toBe(false));

  function qemuLives(): boolean {
    const pid = existsSync(join(trouble, "pid")) ? readFileSync(join(trouble, "pid"), "utf8") : "";
    return pid !== "" && existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  }

  /**
   * A run over a-first, b-long, c-last; `during` happens `after` milliseconds behind the row of a-first. The model takes
   * the first seconds of b-long, the kernel then half a minute.
   */
  function runWith(
    during: (kill: (signal: NodeJS.Signals) => void) => void,
    timeout: number,
    after = 500,
  ): Promise<Ended> {
    let done = false;
    return litmap(["run", ".", "--on", "6.12", "--accel", "tcg", "-j", "1", "--timeout", String(timeout)], {
      cwd: tests,
      env,
      onOutput: (text, kill) => {
        if (done || !/^a-first /m.test(text)) return;
        done = true;
        setTimeout(() => during(kill), after);
      },
    });
  }

  /** Says something to QEMU's second monitor. */
  function monitor(...commands: readonly object[]): void {
    const socket = connect(join(trouble, "monitor"));
    for (const command of [{ execute: "qmp_capabilities" }, ...commands]) socket.write(`${JSON.stringify(command)}\n`);
    socket.on("data", () => {});
    socket.on("error", () => {});
  }

  const row = (name: string, ended: Ended): string =>
    new RegExp(`^${name} .*$`, "m").exec(ended.stdout)?.[0] ?? `no ${name} in ${ended.stdout}${ended.stderr}`;

  test("many tests, which two machines share: each runs once, rows come in order", limit, async () => {
    const many = scratch();
    const names = Array.from({ length: 60 }, (_, i) => `t-${String(i).padStart(2, "0")}`);
    for (const name of names) writeFileSync(join(many, `${name}.lit`), quick(name));
    const { status, stdout } = await litmap(["run", ".", "--on", "6.12", "--accel", "tcg", "--json"], {
      cwd: many,
      env,
    });
    const results = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { test: string; status: string; machine: { kind: string }; values: object });
    expect(status).toBe(0);
    expect(
      results.filter(({ machine }) => machine.kind === "vm").map(({ test, status, values }) => [test, status, values]),
    ).toEqual(names.map((name) => [name, "ok", { m: "ok", n: 4096 }]));
  });

  test("two at once, neither with a saved state: both finish", limit, async () => {
    const args = ["run", "a-first.lit", "--on", "6.12", "--accel", "tcg"];
    const both = await Promise.all([
      litmap(args, { cwd: tests, env }),
      litmap(args, { cwd: tests, env: { ...env, PATH: process.env.PATH! } }),
    ]);
    for (const ended of both) {
      expect(ended.stderr).toBe("");
      expect(ended.stdout).toContain("1 test, 1 of 1 as the model says, 0 disagreements");
      expect(ended.status).toBe(0);
    }
  });

  test("a test that does not come back is a hang that says where it stood; the next one runs", limit, async () => {
    const ended = await runWith(() => {}, 1);
    expect(row("b-long", ended)).toMatch(/ hang$/);
    expect(ended.stdout).toContain("hang: did not return in time: line");
    expect(row("c-last", ended)).toMatch(/^c-last +4K +=$/);
  });

  test("a machine that stands still is a hang; the next test finds a fresh one", limit, async () => {
    const ended = await runWith(() => monitor({ execute: "stop" }), 2);
    expect(row("b-long", ended)).toMatch(/ hang$/);
    expect(ended.stdout).toContain("hang: no answer within 8 s");
    expect(row("c-last", ended)).toMatch(/^c-last +4K +=$/);
  });

  test("a kernel that panics is an oops with its log; the next test finds a fresh one", limit, async () => {
    const keys = ["alt", "sysrq", "c"].map((data) => ({ type: "qcode", data }));
    const ended = await runWith(() => monitor({ execute: "send-key", arguments: { keys } }), 20, inKernel);
    expect(row("b-long", ended)).toMatch(/ oops$/);
    expect(ended.stdout).toContain("oops: Kernel panic - not syncing: sysrq triggered crash");
    expect(ended.stdout).toContain("sysrq_handle_crash");
    expect(row("c-last", ended)).toMatch(/^c-last +4K +=$/);
    expect(ended.status).toBe(1);
  });

  const killQemu = (): unknown => process.kill(Number(readFileSync(join(trouble, "pid"), "utf8")), "SIGKILL");

  test("a QEMU that is killed is no verdict on the kernel: the test is asked again", limit, async () => {
    const ended = await runWith(killQemu, 6, inKernel);
    expect(row("b-long", ended)).toMatch(/ hang$/);
    expect(ended.stdout).toContain("hang: did not return in time: line");
    expect(row("c-last", ended)).toMatch(/^c-last +4K +=$/);
  });

  test("killed twice, the test is broken, the next one finds another QEMU", limit, async () => {
    const twice = (): void => {
      killQemu();
      setTimeout(killQemu, inKernel);
    };
    const ended = await runWith(twice, 20, inKernel);
    expect(row("b-long", ended)).toMatch(/ broken$/);
    expect(ended.stdout).toContain("no verdict on the kernel, twice");
    expect(row("c-last", ended)).toMatch(/^c-last +4K +=$/);
    expect(ended.status).toBe(3);
  });

  test.each(["flip toGuest", "flip toHost", "cut toGuest", "cut toHost"])(
    "a Program or a result that comes damaged (%s) is sent again",
    limit,
    async (how) => {
      writeFileSync(join(trouble, "damage"), how);
      const { status, stdout, stderr } = await litmap(
        ["run", "a-first.lit", "c-last.lit", "--on", "6.12", "--accel", "tcg"],
        { cwd: tests, env },
      );
      expect(existsSync(join(trouble, "damage"))).toBe(false);
      expect(stderr).toBe("");
      expect(stdout).toContain("2 tests, 2 of 2 as the model says, 0 disagreements");
      expect(status).toBe(0);
    },
  );

  test("Ctrl-C in mid-test: what ran so far, exit status 130, no QEMU left", limit, async () => {
    const began = Date.now();
    const ended = await runWith((kill) => kill("SIGINT"), 20);
    expect(ended.status).toBe(130);
    expect(row("a-first", ended)).toMatch(/^a-first +4K +=$/);
    expect(ended.stdout).toContain("interrupted: 1 of 3 tests ran");
    expect(ended.stdout).toContain("1 test, 1 of 1 as the model says");
    expect(ended.stderr).toBe("");
    expect(qemuLives()).toBe(false);
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  test("a machine that cannot keep a state for want of room boots all the same", limit, async ({ skip }) => {
    const small = smallDisk();
    if (small === undefined) skip("only root can mount a small disk");
    mkdirSync(join(small!, "kernels"));
    symlinkSync(kernel!.folder, join(small!, "kernels", "6.12"));
    const { status, stdout } = await litmap(["run", "a-first.lit", "--on", "6.12", "--accel", "tcg"], {
      cwd: tests,
      env: { ...env, LITMAP_CACHE: small! },
    });
    expect(stdout).toContain("1 test, 1 of 1 as the model says");
    expect(status).toBe(0);
    expect(existsSync(join(small!, "states", "6.12")) ? readdirSync(join(small!, "states", "6.12")) : []).toEqual([]);
  });

  test("no QEMU: one line that says what to install, no table", limit, async () => {
    const bare = scratch();
    symlinkSync(process.execPath, join(bare, "node"));
    symlinkSync(
      spawnSync("sh", ["-c", "command -v cc || command -v gcc || command -v clang"], {
        encoding: "utf8",
      }).stdout.trim(),
      join(bare, "cc"),
    );
    const { status, stdout, stderr } = await litmap(["run", "a-first.lit", "--on", "6.12"], {
      cwd: tests,
      env: { ...env, PATH: bare },
    });
    expect(stderr).toBe(
      "litmap: qemu-system-x86_64 is not installed\n" +
        "install it (Debian: apt-get install qemu-system-x86), or run without --on\n",
    );
    expect(stdout).toBe("");
    expect(status).toBe(3);
  });

  test(
    "a kernel that does not fit on the cache folder's disk: one clear line, exit status 3, nothing half made",
    limit,
    async ({ skip }) => {
      const small = smallDisk();
      if (small === undefined) skip("only root can mount a small disk");
      const { status, stdout, stderr } = await litmap(
        ["kernel", "add", "mine", "--image", join(kernel!.folder, "vmlinuz")],
        { env: { LITMAP_CACHE: small! } },
      );
      expect(stderr).toMatch(/^litmap: the cache folder \S+ is full; nothing was added\nfree some space, [^\n]*\n$/);
      expect(stdout).toBe("");
      expect(status).toBe(3);
      const left = spawnSync("find", [small!, "-type", "f"], { encoding: "utf8" }).stdout;
      expect(left).toBe("");
    },
  );
});

const mounted: string[] = [];
afterAll(() => {
  for (const folder of mounted) spawnSync("umount", [folder]);
});

/** A disk of 1 MiB, where this user may mount one. */
function smallDisk(): string | undefined {
  const folder = scratch();
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).status !== 0) return undefined;
  mounted.push(folder);
  return folder;
}
