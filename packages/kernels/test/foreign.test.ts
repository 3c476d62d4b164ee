/**
 * Guests of other architectures: what QEMU is asked for, and real kernels where everything for one is at hand; always
 * TCG.
 */
import { ProgramBuilder, buildExecutor } from "@litmap/linux";
import type { Isa } from "@litmap/litmus";
import { afterAll, describe, expect, test } from "vitest";
import { boards } from "../src/board.js";
import type { GuestShape } from "../src/guest.js";
import { qemuArguments } from "../src/guest.js";
import { KernelStore, Machine, VmTarget } from "../src/index.js";
import { findQemu } from "../src/qemu.js";
import { findProgram } from "../src/running.js";
import { executorSources, scratch, storeWithKernel } from "./stand-ins.js";

const shape = (isa: Isa): GuestShape => ({
  isa,
  accelerator: "tcg",
  transport: "virtio",
  memory: 512,
  cpus: 2,
  cpuFeatures: [],
  cmdline: ["quiet"],
  devices: [],
});
const argumentsFor = (isa: Isa): string =>
  qemuArguments(shape(isa), { kernel: "Image", initramfs: "initrd" }, { kind: "anonymous" }).join(" ");

describe("QEMU's command line", () => {
  test("has the machine, the processor and the console of the guest's architecture", () => {
    expect(argumentsFor("x86_64")).toMatch(
      /-cpu max,-la57 -machine pc,memory-backend=ram .*console=ttyS0 .*no_timer_check/,
    );
    expect(argumentsFor("arm64")).toMatch(/-cpu max,lpa2=off -machine virt,memory-backend=ram .*console=ttyAMA0/);
    expect(argumentsFor("arm")).toMatch(
      /-cpu cortex-a15 -machine virt,highmem=off,memory-backend=ram .*console=ttyAMA0/,
    );
    for (const isa of ["arm", "arm64"] as const) expect(argumentsFor(isa)).not.toContain("no_timer_check");
  });

  test("a QEMU that is missing is named with its package", () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent-folder";
    try {
      expect(() => findQemu(undefined, "arm64")).toThrow(/qemu-system-aarch64 is not installed/);
      expect(() => findQemu(undefined, "arm")).toThrow(
        expect.objectContaining({ hint: expect.stringContaining("apt-get install qemu-system-arm") }),
      );
    } finally {
      process.env.PATH = path;
    }
  });

  test.skipIf(process.arch === "arm64")("kvm is refused for a processor that this host does not have", async () => {
    const { kernel } = await storeWithKernel();
    const target = new VmTarget({
      kernel: { ...kernel, arch: "arm64" },
      executor: "/bin/true",
      accelerator: "kvm",
      qemu: "/bin/true",
      cache: scratch(),
    });
    await expect(target.open()).rejects.toMatchObject({ code: "request", hint: "use --accel tcg" });
  });
});

const compilers = { arm64: "aarch64-linux-gnu-gcc", arm: "arm-linux-gnueabihf-gcc" } as const;
const debian = new KernelStore().list().filter(({ source }) => source.kind === "debian");

for (const isa of ["arm64", "arm"] as const) {
  const kernel = debian.find(({ arch }) => arch === isa);
  const missing = [boards[isa].program, compilers[isa]].filter((program) => !findProgram(program));
  const reason =
    missing.length > 0
      ? `${missing.join(" and ")} not installed`
      : kernel
        ? ""
        : `no kernel for ${isa} in the store; \`litmap kernel add 6.12-${isa === "arm" ? "armmp" : isa}\` adds one`;
  if (reason) console.log(`skipped: a real ${isa} kernel in QEMU: ${reason}`);

  describe.skipIf(reason)(`a real ${isa} kernel`, () => {
    let machine: Machine;
    afterAll(() => machine?.stop());

    test("boots, answers, and resumes from its saved state", async () => {
      machine = new Machine(
        new VmTarget({ kernel: kernel!, executor: await buildExecutor(executorSources, { isa }), cache: scratch() }),
      );
      for (const origin of ["cold", "resumed"] as const) {
        const started = await machine.start();
        if (!started.ok) throw started.fault;
        expect(started.value).toMatchObject({
          origin,
          accelerator: "tcg",
          ready: { release: kernel!.version, pid: 1, notes: [] },
        });
        const builder = new ProgramBuilder();
        builder.emit({ op: "sys", actor: builder.actor("process"), imm: isa === "arm" ? 20 : 172, args: [] });
        expect(await machine.run(builder.encode(), { timeoutMs: 20_000 })).toMatchObject({ kind: "result" });
        await machine.stop();
      }
    }, 180_000);
  });
}
