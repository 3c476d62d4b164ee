import { describe, expect, test } from "vitest";
import { expectAlive, fakeMachine, faultOfStart, notes, run, started } from "./machines.js";
import { eventually, isRunning } from "./stand-ins.js";

describe("a Program", () => {
  test("gets its answer, on one machine after the other", async () => {
    const machine = await fakeMachine();
    expect(await started(machine)).toMatchObject({
      origin: "cold",
      accelerator: "tcg",
      missingModules: [],
      ready: { release: "6.12.0-fake", arch: "x86_64" },
    });
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
    expect(outcome).toMatchObject({
      kind: "oops",
      reason: "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    });
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
    expect(outcome).toMatchObject({
      kind: "result",
      warning: { reason: "WARNING: CPU: 1 PID: 77 at mm/memory.c:2345 remap_pfn_range+0x1/0x2" },
    });
    const next = await run(machine, "hello");
    expect(next.kind === "result" && next.warning).toBeUndefined();
    expect(machine.restarts).toBe(1);
  });

  test("that leaves the machine unfit has its result, and the next one gets a fresh machine", async () => {
    const machine = await fakeMachine();
    const spent = (answer: Uint8Array): string | undefined =>
      Buffer.from(answer).toString() === "one" ? "a process of the test could not be killed" : undefined;
    const { pid } = await started(machine);
    expect(await machine.run(Buffer.from("two"), { timeoutMs: 2500, spent })).toMatchObject({ kind: "result" });
    expect(isRunning(pid!)).toBe(true);
    expect(await machine.run(Buffer.from("one"), { timeoutMs: 2500, spent })).toMatchObject({ kind: "result" });
    expect(isRunning(pid!)).toBe(false);
    await expectAlive(machine);
    expect(notes).toEqual(["kernel fake is started again: a process of the test could not be killed"]);
  });

  test("that changes devices is followed by a fresh machine, without a word", async () => {
    const machine = await fakeMachine();
    const { pid } = await started(machine);
    const changing = { timeoutMs: 2500, changesDevices: true };
    expect(await machine.run(Buffer.from("one"), changing)).toMatchObject({ kind: "result" });
    expect(isRunning(pid!)).toBe(false);
    await expectAlive(machine);
    expect([notes, machine.restarts]).toEqual([[], 0]);
  });

  test("during which QEMU ends by itself is lost", async () => {
    const machine = await fakeMachine();
    expect(await run(machine, "exit")).toMatchObject({
      kind: "lost",
      reason: "kernel fake ended while the test ran (exit status 3)",
    });
    await expectAlive(machine);
  });

  test("during which somebody kills QEMU is asked again", async () => {
    const machine = await fakeMachine();
    const { pid } = await started(machine);
    setTimeout(() => process.kill(pid!, "SIGKILL"), 100);
    // The second time nobody kills it, and it hangs.
    expect(await run(machine, "hang")).toMatchObject({ kind: "hang" });
    expect(notes).toContainEqual(expect.stringContaining("kernel fake is started again: killed by SIGKILL"));
    await expectAlive(machine);
  });

  test("during which QEMU is killed twice says nothing of the kernel", async () => {
    const machine = await fakeMachine();
    expect(await run(machine, "kill")).toMatchObject({
      kind: "killed",
      reason: expect.stringMatching(/^kernel fake ended while the test ran \(killed by SIG/),
    });
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

  test("whose answers stay damaged says nothing of the kernel", async () => {
    const machine = await fakeMachine();
    expect(await run(machine, "damaged-always", 5000)).toMatchObject({
      kind: "killed",
      reason: expect.stringContaining("damaged twice: a frame with a wrong checksum"),
    });
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
    expect(fault.message).toMatch(
      /QEMU ended \(exit status 0\) before the executor was ready: Kernel panic - not syncing: VFS/,
    );
  });

  test("is not booted twice because its state was to be kept", async () => {
    const machine = await fakeMachine({ cmdline: ["fake=panic"], keepState: true });
    expect(await faultOfStart(machine)).toMatchObject({
      code: "boot",
      message: expect.stringContaining("Kernel panic"),
    });
    expect(notes).toEqual([]);
  });

  test("gives QEMU's words when QEMU refused", async () => {
    const fault = await faultOfStart(await fakeMachine({ cmdline: ["fake=bad-option"] }));
    expect(fault.message).toContain("'nonsense' is not a valid device model name");
  });

  test("says that there is no QEMU, no executor", async () => {
    expect(await faultOfStart(await fakeMachine({ qemu: "qemu-of-nobody" }))).toMatchObject({
      code: "missing-program",
      message: "qemu-of-nobody is not installed",
    });
    expect(await faultOfStart(await fakeMachine({ executor: "/nonexistent" }))).toMatchObject({ code: "request" });
  });

  test("lists modules that the kernel lacks", async () => {
    expect(
      (await started(await fakeMachine({ modules: [{ name: "vivid" }, { name: "virtio_pci" }] }))).missingModules,
    ).toEqual(["vivid"]);
  });

  test("garbage before the first frame does no harm", async () => {
    await expectAlive(await fakeMachine({ cmdline: ["fake=noisy"] }));
  });
});
