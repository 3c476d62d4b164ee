import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chooseAccelerator, findQemu, qemuVersion } from "../src/qemu.js";
import { Machine } from "../src/machine.js";
import { VmTarget } from "../src/vm.js";
import { fake, fakeVm, scratch } from "./stand-ins.js";

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

  test("is given up for tcg when a kernel does not come up under it", async () => {
    process.env.FAKE_PROBE = "works";
    const options = await fakeVm({
      accelerator: "auto",
      kvmDevice: "/dev/null",
      cmdline: ["fake=no-boot-under-kvm"],
      bootTimeoutMs: 1500,
    });
    const machine = new Machine(new VmTarget(options));
    try {
      const started = await machine.start();
      if (!started.ok) throw started.fault;
      expect(started.value.accelerator).toBe("tcg");
      expect(await chooseAccelerator(findQemu(fake("qemu.mjs")), "auto", options.cache!, "/dev/null")).toBe("tcg");
    } finally {
      delete process.env.FAKE_PROBE;
      await machine.stop();
    }
  });

  test("can be forced", async () => {
    const qemu = findQemu(fake("qemu.mjs"));
    expect(await qemuVersion(qemu)).toBe("99.0 (fake)");
    expect(await chooseAccelerator(qemu, "tcg", scratch())).toBe("tcg");
  });
});
