import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { HostTarget, Machine, type RunOutcome, SshTarget, type Started, type Target, VmTarget, type VmOptions, complaintOf } from "../src/index.js";
import { chooseAccelerator, findQemu, qemuVersion } from "../src/qemu.js";
import { findProgram } from "../src/running.js";
import { eventually, fake, fakeVm, isRunning, scratch } from "./stand-ins.js";

const machines: Machine[] = [];
const notes: string[] = [];

function machineOn(target: Target): Machine {
  const machine = new Machine(target, { onNote: (line) => notes.push(line) });
  machines.push(machine);
  return machine;
}

async function fakeMachine(options: Partial<VmOptions> = {}): Promise<Machine> {
  return machineOn(new VmTarget(await fakeVm(options)));
}

afterEach(async () => {
  await Promise.all(machines.splice(0).map((machine) => machine.stop()));
  notes.length = 0;
});

async function started(machine: Machine): Promise<Started> {
  const result = await machine.start();
  if (!result.ok) throw result.fault;
  return result.value;
}

async function faultOfStart(machine: Machine) {
  const result = await machine.start();
  if (result.ok) throw new Error("it should not have started");
  return result.fault;
}

const run = (machine: Machine, word: string, timeoutMs = 2500): Promise<RunOutcome> => machine.run(Buffer.from(word), { timeoutMs });

/** After anything at all, the next Program is answered. */
async function expectAlive(machine: Machine): Promise<void> {
  const outcome = await run(machine, "hello");
  expect(outcome.kind === "result" && Buffer.from(outcome.payload).toString()).toBe("hello");
}

describe("a Program", () => {
  test("gets its answer, on one machine after the other", async () => {
    const machine = await fakeMachine();
    expect(await started(machine)).toMatchObject({ origin: "cold", accelerator: "tcg", missingModules: [], ready: { release: "6.12.0-fake", arch: "x86_64" } });
    for (const word of ["one", "two", "pieces", "garbage", "spew"]) {
      const outcome = await run(machine, word);
      expect(outcome.kind === "result" && Buffer.from(outcome.payload).toString()).toBe(word);
    }
    expect(machine.restarts).toBe(0);
  });

  test("that the executor cannot serve is refused, and the machine goes on", async () => {
    const machine = await fakeMachine();
    expect(await run(machine, "refuse")).toMatchObject({ kind: "refused", reason: "not a Program of version 1" });
    await expectAlive(machine);
    expect(machine.restarts).toBe(0);
  });

  test("that hangs costs itself an answer", async () => {
    const machine = await fakeMachine();
    const { pid } = await started(machine);
    expect(await run(machine, "hang", 200)).toMatchObject({ kind: "hang", reason: "no answer within 0.2 s" });
    expect(isRunning(pid!)).toBe(false);
    await expectAlive(machine);
    expect(machine.restarts).toBe(1);
    expect(notes).toEqual(["kernel fake is started again: no answer within 0.2 s"]);
  });

  test("under which the kernel stalls is a hang with the kernel's words", async () => {
    const machine = await fakeMachine();
    expect(await run(machine, "stall", 200)).toMatchObject({
      kind: "hang",
      reason: "no answer within 0.2 s: rcu: INFO: rcu_preempt self-detected stall on CPU",
    });
  });

  test("that crashes the kernel gives its first line and the log", async () => {
    const machine = await fakeMachine();
    const outcome = await run(machine, "oops-and-die");
    expect(outcome).toMatchObject({ kind: "oops", reason: "BUG: kernel NULL pointer dereference, address: 0000000000000008" });
    expect(outcome.kind === "oops" && outcome.log).toContain("#PF: supervisor read access");
    await expectAlive(machine);
  });

  test("that breaks the kernel and still answers is an oops with a result, and the next one gets a fresh machine", async () => {
    const machine = await fakeMachine();
    const outcome = await run(machine, "oops-and-answer");
    expect(outcome).toMatchObject({ kind: "oops", reason: "BUG: Bad page state in process init  pfn:12345" });
    expect(outcome.kind === "oops" && Buffer.from(outcome.payload!).toString()).toBe("oops-and-answer");
    await expectAlive(machine);
    expect(machine.restarts).toBe(1);
  });

  test("that makes the kernel warn has a result and the warning; the next one has not", async () => {
    const machine = await fakeMachine();
    const outcome = await run(machine, "warn");
    expect(outcome).toMatchObject({ kind: "result", warning: { reason: "WARNING: CPU: 1 PID: 77 at mm/memory.c:2345 remap_pfn_range+0x1/0x2" } });
    const next = await run(machine, "hello");
    expect(next.kind === "result" && next.warning).toBeUndefined();
    expect(machine.restarts).toBe(1);
  });

  test.each([["kill", "killed by SIGKILL"], ["exit", "exit status 3"]])("during which QEMU ends (%s) is lost", async (word, how) => {
    const machine = await fakeMachine();
    expect(await run(machine, word)).toMatchObject({ kind: "lost", reason: `kernel fake ended while the test ran (${how})` });
    await expectAlive(machine);
  });

  test("during which somebody kills QEMU is lost too", async () => {
    const machine = await fakeMachine();
    const { pid } = await started(machine);
    setTimeout(() => process.kill(pid!, "SIGKILL"), 100);
    expect(await run(machine, "hang")).toMatchObject({ kind: "lost", reason: "kernel fake ended while the test ran (killed by SIGKILL)" });
    await expectAlive(machine);
  });

  test("finds a fresh machine when QEMU was killed between two", async () => {
    const machine = await fakeMachine();
    const { pid } = await started(machine);
    process.kill(pid!, "SIGKILL");
    expect(await eventually(() => !isRunning(pid!))).toBe(true);
    await expectAlive(machine);
  });

  test.each(["damaged-once", "truncated-once"])("whose answer is %s is asked again", async (word) => {
    const machine = await fakeMachine();
    expect(await run(machine, word, 5000)).toMatchObject({ kind: "result" });
    expect(machine.restarts).toBe(0);
  });

  test("whose answer comes damaged twice is lost", async () => {
    const machine = await fakeMachine();
    expect(await run(machine, "damaged-always", 5000)).toMatchObject({ kind: "lost", reason: expect.stringContaining("damaged twice: a frame with a wrong checksum") });
    await expectAlive(machine);
  });

  test("under way when the machine is stopped is lost, and nothing is left", async () => {
    const machine = await fakeMachine();
    const { pid } = await started(machine);
    const outcome = run(machine, "hang");
    setTimeout(() => void machine.stop(), 50);
    expect((await outcome).kind).toBe("lost");
    expect(isRunning(pid!)).toBe(false);
    expect(await run(machine, "hello")).toMatchObject({ kind: "down" });
  });
});

describe("a machine that does not come up", () => {
  test("says what it waited for, with the console", async () => {
    const machine = await fakeMachine({ cmdline: ["fake=no-boot"], bootTimeoutMs: 400 });
    const fault = await faultOfStart(machine);
    expect(fault.message).toBe("kernel fake: the executor was not ready within 0.4 s");
    expect(fault.log).toContain("waiting for something that never comes");
    expect(await run(machine, "hello")).toMatchObject({ kind: "down", fault: { code: "boot" } });
  });

  test("gives the kernel's words when it panicked", async () => {
    const fault = await faultOfStart(await fakeMachine({ cmdline: ["fake=panic"] }));
    expect(fault.message).toMatch(/QEMU ended \(exit status 0\) before the executor was ready: Kernel panic - not syncing: VFS/);
  });

  test("gives QEMU's words when QEMU refused", async () => {
    const fault = await faultOfStart(await fakeMachine({ cmdline: ["fake=bad-option"] }));
    expect(fault.message).toContain("'nonsense' is not a valid device model name");
  });

  test("says that there is no QEMU, no executor", async () => {
    expect(await faultOfStart(await fakeMachine({ qemu: "qemu-of-nobody" }))).toMatchObject({ code: "missing-program", message: "qemu-of-nobody is not installed" });
    expect(await faultOfStart(await fakeMachine({ executor: "/nonexistent" }))).toMatchObject({ code: "request" });
  });

  test("lists modules that the kernel lacks", async () => {
    expect((await started(await fakeMachine({ modules: [{ name: "vivid" }, { name: "virtio_pci" }] }))).missingModules).toEqual(["vivid"]);
  });

  test("garbage before the first frame does no harm", async () => {
    await expectAlive(await fakeMachine({ cmdline: ["fake=noisy"] }));
  });
});

describe("a saved state", () => {
  const stateOf = (options: VmOptions): string => {
    const folder = join(options.cache!, "states", "fake");
    const names = readdirSync(folder);
    expect(names).toHaveLength(1);
    return join(folder, names[0]);
  };
  const origin = async (options: VmOptions): Promise<string> => (await started(machineOn(new VmTarget(options)))).origin;

  test("is made at the first start and resumed from then on", async () => {
    const options = await fakeVm({ keepState: true });
    const machine = machineOn(new VmTarget(options));
    expect((await started(machine)).origin).toBe("cold");
    await expectAlive(machine);
    expect(statSync(join(stateOf(options), "ram")).size).toBe(16 * 2 ** 20);
    expect(await origin(options)).toBe("resumed");
    expect(notes).toEqual([]);
  });

  test("serves a machine that crashed", async () => {
    const machine = machineOn(new VmTarget(await fakeVm({ keepState: true })));
    await run(machine, "kill");
    expect((await started(machine)).origin).toBe("resumed");
  });

  test.each<[string, (options: VmOptions) => Partial<VmOptions>]>([
    ["the memory", () => ({ memory: 32 })],
    ["the command line", () => ({ cmdline: ["quiet"] })],
    ["the modules", () => ({ modules: [{ name: "brd", params: "rd_nr=1" }] })],
    ["the devices", () => ({ devices: ["-device", "bochs-display"] })],
    ["the kernel", (options) => ({ kernel: { ...options.kernel, sha256: "0" } })],
    ["the executor", (options) => {
      const other = `${options.executor}2`;
      writeFileSync(other, "other bytes");
      return { executor: other };
    }],
    ["QEMU", () => {
      const other = join(scratch(), "qemu.sh");
      writeFileSync(other, `#!/bin/sh\nexec ${fake("qemu.mjs")} "$@"\n`, { mode: 0o755 });
      return { qemu: other };
    }],
  ])("is not used when %s changed", async (_, change) => {
    const options = await fakeVm({ keepState: true });
    expect(await origin(options)).toBe("cold");
    expect(await origin({ ...options, ...change(options) })).toBe("cold");
    expect(await origin(options)).toBe("resumed");
  });

  test.each<[string, string, (folder: string) => void]>([
    ["its device file is damaged", "its device file is damaged", (folder) => writeFileSync(join(folder, "devices"), "other")],
    ["its memory was cut off", "its memory file has the wrong size", (folder) => truncateSync(join(folder, "ram"), 4096)],
    ["its initramfs is gone", "its initramfs is missing", (folder) => rmSync(join(folder, "initramfs"))],
    ["its description is damaged", "its description cannot be read", (folder) => writeFileSync(join(folder, "meta.json"), "{")],
    ["its description is gone", "its description cannot be read", (folder) => rmSync(join(folder, "meta.json"))],
  ])("is thrown away with one line when %s", async (_, why, damage) => {
    const options = await fakeVm({ keepState: true });
    await origin(options);
    damage(stateOf(options));
    expect(await origin(options)).toBe("cold");
    expect(notes).toEqual([`the saved state of kernel fake cannot be used (${why}); booting instead`]);
    expect(await origin(options)).toBe("resumed");
  });

  test("that QEMU does not read is thrown away with QEMU's words", async () => {
    const options = await fakeVm({ keepState: true });
    await origin(options);
    const folder = stateOf(options);
    writeFileSync(join(folder, "devices"), "well-formed to us, not to QEMU");
    const meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8"));
    const { createHash } = await import("node:crypto");
    meta.devicesSha256 = createHash("sha256").update("well-formed to us, not to QEMU").digest("hex");
    writeFileSync(join(folder, "meta.json"), JSON.stringify(meta));
    expect(await origin(options)).toBe("cold");
    expect(notes[0]).toMatch(/load of migration failed/);
  });

  test("is done without, and says so, where QEMU cannot save", async () => {
    const options = await fakeVm({ keepState: true, cmdline: ["fake=no-save"] });
    await expectAlive(machineOn(new VmTarget(options)));
    expect(notes).toEqual(["the state of kernel fake is not kept: QEMU: this machine cannot be saved"]);
    expect(readdirSync(join(options.cache!, "states", "fake"))).toEqual([]);
  });

  test("is done without where the folder cannot be written", async () => {
    const options = await fakeVm({ keepState: true });
    writeFileSync(join(options.cache!, "states"), "in the way");
    await expectAlive(machineOn(new VmTarget(options)));
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^the state of kernel fake is not kept: .* cannot be written/);
  });

  test("is made once by several that start at the same time", async () => {
    const options = await fakeVm({ keepState: true });
    const several = [1, 2, 3, 4].map(() => machineOn(new VmTarget(options)));
    await Promise.all(several.map(expectAlive));
    stateOf(options);
    expect(notes).toEqual([]);
  });

  test("the oldest of many go", async () => {
    const options = await fakeVm({ keepState: true });
    for (const memory of [8, 9, 10, 11, 12, 13]) await origin({ ...options, memory });
    expect(readdirSync(join(options.cache!, "states", "fake"))).toHaveLength(4);
    expect(await origin({ ...options, memory: 13 })).toBe("resumed");
    expect(await origin({ ...options, memory: 8 })).toBe("cold");
  });
});

describe("when this process dies", () => {
  async function runner(): Promise<{ child: ReturnType<typeof spawn>; qemu: number; temporary: string }> {
    const temporary = scratch();
    const options = await fakeVm();
    const child = spawn(process.execPath, [fake("run-until-killed.mjs"), JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TMPDIR: temporary } });
    const qemu = await new Promise<number>((resolve) => child.stdout!.once("data", (chunk) => resolve(Number(chunk))));
    expect(isRunning(qemu)).toBe(true);
    return { child, qemu, temporary };
  }

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("by %s nothing is left", async (signal) => {
    const { child, qemu, temporary } = await runner();
    const end = new Promise((resolve) => child.on("exit", (_, how) => resolve(how)));
    child.kill(signal);
    expect(await end).toBe(signal);
    expect(await eventually(() => !isRunning(qemu))).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("by SIGKILL QEMU goes too", async ({ skip }) => {
    if (!findProgram("setpriv")) skip("setpriv is not installed");
    const { child, qemu } = await runner();
    child.kill("SIGKILL");
    expect(await eventually(() => !isRunning(qemu))).toBe(true);
  });
});

describe("the accelerator", () => {
  const probe = async (answer: string, device: string, cache = scratch()): Promise<string> => {
    process.env.FAKE_PROBE = answer;
    try {
      return await chooseAccelerator(findQemu(fake("qemu.mjs")), "auto", cache, device);
    } finally {
      delete process.env.FAKE_PROBE;
    }
  };

  test("is kvm only where a guest ran under it", async () => {
    expect(await probe("works", "/dev/null")).toBe("kvm");
    expect(await probe("fails", "/dev/null")).toBe("tcg");
    expect(await probe("works", "/nonexistent")).toBe("tcg");
  });

  test("is asked for once", async () => {
    const cache = scratch();
    expect(await probe("works", "/dev/null", cache)).toBe("kvm");
    expect(await probe("fails", "/dev/null", cache)).toBe("kvm");
    expect(existsSync(join(cache, "accelerator.json"))).toBe(true);
  });

  test("can be forced", async () => {
    const qemu = findQemu(fake("qemu.mjs"));
    expect(await qemuVersion(qemu)).toBe("99.0 (fake)");
    expect(await chooseAccelerator(qemu, "tcg", scratch())).toBe("tcg");
  });
});

describe("an executor without QEMU", () => {
  test("on this host: answers, hangs, dies, goes on", async () => {
    const machine = machineOn(new HostTarget(fake("executor.mjs")));
    expect(await started(machine)).toMatchObject({ origin: "process", accelerator: undefined });
    expect(await run(machine, "hang", 200)).toMatchObject({ kind: "hang" });
    expect(await run(machine, "exit")).toMatchObject({ kind: "lost", reason: "this host ended while the test ran (exit status 3)" });
    await expectAlive(machine);
  });

  test("that is no program", async () => {
    expect(await faultOfStart(machineOn(new HostTarget("/nonexistent")))).toMatchObject({ code: "boot" });
  });

  test("over ssh: copied, run, removed", async () => {
    const before = new Set(readdirSync(tmpdir()));
    const left = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("tmp.") && !before.has(name));
    // A copy of the stand-in lies elsewhere and must find its other half.
    const executor = join(scratch(), "executor");
    writeFileSync(executor, `#!/bin/sh\nexec ${fake("executor.mjs")}\n`);
    const machine = machineOn(new SshTarget("box", executor, fake("ssh")));
    await expectAlive(machine);
    expect(left()).toHaveLength(1);
    expect(await run(machine, "exit")).toMatchObject({ kind: "lost" });
    expect(await eventually(() => left().length === 0)).toBe(true);
  });

  test("over ssh to nowhere", async () => {
    const fault = await faultOfStart(machineOn(new SshTarget("nowhere", fake("executor.mjs"), fake("ssh"))));
    expect(fault.message).toBe("ssh:nowhere: the executor could not be copied: ssh: Could not resolve hostname nowhere");
    expect(await faultOfStart(machineOn(new SshTarget("-oProxyCommand=x", fake("executor.mjs"), fake("ssh"))))).toMatchObject({ code: "request" });
  });
});

test.each<[string, string | undefined]>([
  ["[    2.277485] BUG: unable to handle page fault for address: ffff", "crash"],
  ["[    2.277485][   T77] Oops: 0000 [#1] PREEMPT SMP NOPTI", "crash"],
  ["[    2.277485] Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP", "crash"],
  ["[    2.277485] kernel BUG at mm/memory.c:123!", "crash"],
  ["Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300", "crash"],
  ["[   30.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "crash"],
  ["[   30.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [init:77]", "crash"],
  ["[   30.0] WARNING: CPU: 1 PID: 77 at mm/memory.c:1 f+0x1/0x2", "warning"],
  ["[   30.0] WARNING: mm/memory.c:1 at f+0x1/0x2, CPU#1: init/77", "warning"],
  ["[    2.1] traps: init[77] general protection fault ip:401000 sp:7ffe error:0 in init", undefined],
  ["[    2.1] init[77]: segfault at 0 ip 0000000000401000 sp 00007ffe error 4", undefined],
  ["[    2.1] mtrr: your CPUs had inconsistent fixed MTRR settings", undefined],
  ["[    2.1] debug: nothing wrong", undefined],
])("%s", (line, grade) => {
  expect(complaintOf(line)?.grade).toBe(grade);
});
