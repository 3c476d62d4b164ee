/** One real kernel under a real QEMU, where both are at hand; always TCG. */
import { ProgramBuilder, buildExecutor, data, imm } from "@litmap/linux";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VmOptions } from "../src/index.js";
import { KernelStore, Machine, VmTarget } from "../src/index.js";
import { findProgram } from "../src/running.js";
import { executorSources, scratch } from "./stand-ins.js";

const debian = new KernelStore().list().filter((each) => each.source.kind === "debian" && each.arch === "x86_64");
const kernel = debian.find((each) => each.release === "6.12") ?? debian[0];
const reason = !findProgram("qemu-system-x86_64")
  ? "qemu-system-x86_64 is not installed"
  : !kernel
    ? "no Debian kernel in the store; `litmap kernel add 6.12` adds one"
    : process.arch !== "x64" || !["cc", "gcc", "clang"].some((name) => findProgram(name))
      ? "no compiler for the executor"
      : "";
if (reason) console.log(`skipped: a real kernel in QEMU: ${reason}`);

const openat = 257;
const write = 1;
const nanosleep = 35;

describe.skipIf(reason)(`a real kernel (${kernel?.name})`, () => {
  let options: VmOptions;
  let machine: Machine;
  const notes: string[] = [];

  beforeAll(async () => {
    const executor = await buildExecutor(executorSources, { isa: "x86_64" });
    options = {
      kernel: kernel!,
      executor,
      cache: scratch(),
      accelerator: "tcg",
      modules: [{ name: "brd", params: "rd_nr=1 rd_size=16384" }],
    };
    machine = new Machine(new VmTarget(options), { onNote: (line) => notes.push(line) });
  });
  afterAll(() => machine?.stop());

  const answered = async (): Promise<void> => {
    const builder = new ProgramBuilder();
    const actor = builder.actor("process");
    builder.emit({ op: "sys", actor, imm: 39, args: [] });
    expect(await machine.run(builder.encode(), { timeoutMs: 20_000 })).toMatchObject({ kind: "result" });
  };

  test("boots cold, with its modules, and answers", async () => {
    const started = await machine.start();
    if (!started.ok) throw started.fault;
    expect(started.value).toMatchObject({ origin: "cold", accelerator: "tcg", missingModules: [] });
    expect(started.value.ready).toMatchObject({
      release: kernel!.version,
      arch: "x86_64",
      pid: 1,
      taint: 0,
      notes: [],
    });
    expect(started.value.ready.devices.has("ram0")).toBe(true);
    await answered();
  }, 60_000);

  test("resumes from its saved state", async () => {
    await machine.stop();
    const started = await machine.start();
    if (!started.ok) throw started.fault;
    expect(started.value.origin).toBe("resumed");
    await answered();
  }, 20_000);

  test("panics under a test, which gets the kernel's words; the next one is answered", async () => {
    const builder = new ProgramBuilder();
    const actor = builder.actor("process");
    const path = builder.string("/proc/sysrq-trigger");
    const letter = builder.string("c");
    const fd = builder.emit({ op: "sys", actor, imm: openat, args: [imm(-100), data(path), imm(1)] });
    builder.emit({ op: "sys", actor, imm: write, args: [{ kind: "result", of: fd, plus: 0n }, data(letter), imm(1)] });
    const outcome = await machine.run(builder.encode(), { timeoutMs: 20_000 });
    expect(outcome).toMatchObject({ kind: "oops", reason: "Kernel panic - not syncing: sysrq triggered crash" });
    expect(outcome.kind === "oops" && outcome.log).toContain("sysrq_handle_crash");
    await answered();
  }, 40_000);

  test("hangs under a test, which gets a picture of the processors; the next one is answered", async () => {
    const builder = new ProgramBuilder();
    const actor = builder.actor("process");
    const time = builder.bytes(Buffer.from(new BigUint64Array([1000n, 0n]).buffer));
    builder.emit({ op: "sys", actor, imm: nanosleep, args: [data(time), imm(0)] });
    const outcome = await machine.run(builder.encode({ roundMs: 60_000 }), { timeoutMs: 500 });
    expect(outcome).toMatchObject({ kind: "hang", reason: "no answer within 0.5 s" });
    expect(outcome.kind === "hang" && outcome.log).toContain("Show backtrace of all active CPUs");
    await answered();
    expect(notes.filter((line) => line.includes("saved state"))).toEqual([]);
  }, 40_000);
});
