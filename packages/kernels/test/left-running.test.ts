import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { findProgram } from "../src/running.js";
import { eventually, fake, fakeVm, isRunning, scratch } from "./stand-ins.js";

describe.concurrent("when this process dies", () => {
  async function runner(): Promise<{ child: ReturnType<typeof spawn>; qemu: number; temporary: string }> {
    const temporary = scratch();
    const options = await fakeVm();
    const child = spawn(process.execPath, [fake("run-until-killed.mjs"), JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: temporary },
    });
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
