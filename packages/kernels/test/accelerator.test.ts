import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chooseAccelerator, findQemu, qemuVersion } from "../src/qemu.js";
import { fake, scratch } from "./stand-ins.js";

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
