import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { VmOptions } from "../src/index.js";
import { VmTarget } from "../src/index.js";
import { expectAlive, machineOn, notes, run, started } from "./machines.js";
import { fake, fakeVm, scratch } from "./stand-ins.js";

describe("a saved state", () => {
  const stateOf = (options: VmOptions): string => {
    const folder = join(options.cache!, "states", "fake");
    const names = readdirSync(folder);
    expect(names).toHaveLength(1);
    return join(folder, names[0]);
  };
  const origin = async (options: VmOptions): Promise<string> =>
    (await started(machineOn(new VmTarget(options)))).origin;

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
    [
      "the executor",
      (options) => {
        const other = `${options.executor}2`;
        writeFileSync(other, "other bytes");
        return { executor: other };
      },
    ],
    [
      "QEMU",
      () => {
        const other = join(scratch(), "qemu.sh");
        writeFileSync(other, `#!/bin/sh\nexec ${fake("qemu.mjs")} "$@"\n`, { mode: 0o755 });
        return { qemu: other };
      },
    ],
  ])("is not used when %s changed", async (_, change) => {
    const options = await fakeVm({ keepState: true });
    expect(await origin(options)).toBe("cold");
    expect(await origin({ ...options, ...change(options) })).toBe("cold");
    expect(await origin(options)).toBe("resumed");
  });

  test.each<[string, string, (folder: string) => void]>([
    [
      "its device file is damaged",
      "its device file is damaged",
      (folder) => writeFileSync(join(folder, "devices"), "other"),
    ],
    [
      "its memory was cut off",
      "its memory file has the wrong size",
      (folder) => truncateSync(join(folder, "ram"), 4096),
    ],
    ["its initramfs is gone", "its initramfs is missing", (folder) => rmSync(join(folder, "initramfs"))],
    [
      "its description is damaged",
      "its description cannot be read",
      (folder) => writeFileSync(join(folder, "meta.json"), "{"),
    ],
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

  test("is done without, and says so, where it would not find room", async ({ skip }) => {
    const options = await fakeVm({ keepState: true });
    const folder = join(options.cache!, "states");
    mkdirSync(folder);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]).status !== 0)
      skip("cannot mount a small tmpfs here");
    try {
      await expectAlive(machineOn(new VmTarget(options)));
      expect(notes).toEqual([
        "the state of kernel fake is not kept: 4 MiB are free where it would lie, 80 MiB are needed",
      ]);
    } finally {
      spawnSync("umount", ["-l", folder]);
    }
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
    for (let memory = 8; memory <= 17; memory++) await origin({ ...options, memory });
    expect(readdirSync(join(options.cache!, "states", "fake"))).toHaveLength(8);
    expect(await origin({ ...options, memory: 17 })).toBe("resumed");
    expect(await origin({ ...options, memory: 8 })).toBe("cold");
  });
});
