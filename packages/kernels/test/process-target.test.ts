import { readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HostTarget, SshTarget } from "../src/index.js";
import { expectAlive, faultOfStart, machineOn, run, started } from "./machines.js";
import { eventually, fake, scratch } from "./stand-ins.js";

describe("an executor without QEMU", () => {
  test("on this host: answers, hangs, dies, goes on", async () => {
    const machine = machineOn(new HostTarget(fake("executor.mjs")));
    expect(await started(machine)).toMatchObject({ origin: "process", accelerator: undefined });
    expect(await run(machine, "hang", 200)).toMatchObject({ kind: "hang" });
    expect(await run(machine, "exit")).toMatchObject({
      kind: "lost",
      reason: "this host ended while the test ran (exit status 3)",
    });
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
    expect(fault.message).toBe(
      "ssh:nowhere: the executor could not be copied: ssh: Could not resolve hostname nowhere",
    );
    expect(
      await faultOfStart(machineOn(new SshTarget("-oProxyCommand=x", fake("executor.mjs"), fake("ssh")))),
    ).toMatchObject({ code: "request" });
  });
});
