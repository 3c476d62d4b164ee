/** A virtual machine with one processor in real mode. */
import type { Ref } from "../program.js";
import { data, imm, result } from "../program.js";
import type { Call, Compiled, CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const { kvm, requests, structBytes } = uapi;
const done: Compiled = {};

/**
 * What the guest runs, 16 bytes for each access: `mov al, [0]; hlt` and
 * `mov byte [0], 0x5a; hlt`. The data segment begins at the byte that is asked for.
 */
const code = [0xf400_00a0n, 0xf4_5a00_0006_c6n] as const;
const entry = { read: 0, write: 16 } as const;

export const virtualisation = {
  kvm_create: (call) => {
    const device = call.open(
      call.builder.string("/dev/kvm"),
      uapi.open.rw | uapi.open.cloexec,
      "this kernel has no /dev/kvm",
    );
    const vm = call.sys("ioctl", result(device), kvm.createVm, 0);
    const vcpu = call.sys("ioctl", result(vm), kvm.createVcpu, 0);
    const page = call.builder.reserve(4096, 4096);
    code.forEach((bytes, i) => call.store(data(page, i * 16), 8, bytes));
    const slot = call.struct(structBytes.kvmMemoryRegion, [
      [0, 4, kvm.codeSlot],
      [8, 8, kvm.codeAt],
      [16, 8, 4096],
      [24, 8, data(page)],
    ]);
    call.sys("ioctl", result(vm), requests.kvmSetUserMemoryRegion, data(slot));
    call.softSys([device], "close", result(device));
    return { value: vm, writeEnd: vcpu };
  },
  kvm_memory: (call) => {
    const logged = kvm.dirtyBitmapBytes * 8 * call.kernel.pageSize;
    const length = call.number("length");
    if (call.words("flags").includes("log_dirty") && length.kind === "imm" && length.value > logged)
      throw new UnsupportedHere(`kvm_memory() logs memslots of at most ${logged / 2 ** 30} GiB`);
    const slot = call.struct(structBytes.kvmMemoryRegion, [
      [0, 4, slotOf(call)],
      [4, 4, uapi.bitsOf(kvm.memoryFlags, call.words("flags"))],
      [8, 8, call.number("guest")],
      [16, 8, call.number("length")],
      [24, 8, call.number("address")],
    ]);
    call.sys("ioctl", call.number("kvm"), requests.kvmSetUserMemoryRegion, data(slot));
    return done;
  },
  kvm_dirty_log: (call) => {
    const bitmap = call.builder.reserve(kvm.dirtyBitmapBytes, 64);
    call.sys(
      "ioctl",
      call.number("kvm"),
      requests.kvmGetDirtyLog,
      data(
        call.struct(structBytes.kvmDirtyLog, [
          [0, 4, slotOf(call)],
          [8, 8, data(bitmap)],
        ]),
      ),
    );
    return { value: call.load(data(bitmap), 4) };
  },
  kvm_run: (call) => {
    const vcpu = processorOf(call);
    const sregs = call.builder.reserve(structBytes.kvmSregs);
    call.sys("ioctl", result(vcpu), requests.kvmGetSregs, data(sregs));
    const run = call.sysVolatile(
      "mmap",
      0,
      4096,
      uapi.prot.rw,
      uapi.mapFlags.shared | uapi.mapFlags.populate,
      result(vcpu),
      0,
    );
    // An exit for IO memory of the run before is brought to its end, and nothing more.
    call.store(result(run, kvm.runImmediateExit), 1, 1);
    call.softSys([run], "ioctl", result(vcpu), kvm.run, 0);
    call.store(result(run, kvm.runImmediateExit), 1, 0);
    call.store(data(sregs, kvm.sregsCsBase), 8, kvm.codeAt);
    call.store(data(sregs, kvm.sregsDsBase), 8, call.number("offset"));
    call.sys("ioctl", result(vcpu), requests.kvmSetSregs, data(sregs));
    const regs = call.struct(structBytes.kvmRegs, [
      [kvm.regsRip, 8, entry[call.word("access")]],
      [kvm.regsRip + 8, 8, 2],
    ]);
    call.sys("ioctl", result(vcpu), requests.kvmSetRegs, data(regs));
    const ran = call.soft({ op: "sys", imm: call.callNumber("ioctl"), args: [result(vcpu), imm(kvm.run), imm(0)] }, [
      call.hard.at(-1)!,
    ]);
    const reason = call.soft({ op: "load", imm: 4, args: [result(run, kvm.runExitReason)] }, [ran]);
    call.softSys([run], "munmap", result(run), 4096);
    call.hard.push(ran, reason);
    return { value: reason };
  },
} satisfies CompilerTable<"kvm_create" | "kvm_memory" | "kvm_dirty_log" | "kvm_run">;

/** The number of a memory slot: the highest ones are the kernel's, and that of the code is ours. */
function slotOf(call: Call<"kvm_memory"> | Call<"kvm_dirty_log">): number {
  const slot = call.constant("slot");
  if (slot < 0 || slot >= kvm.slots) throw new UnsupportedHere(`${call.step.op}() takes slots 0 to ${kvm.slots - 1}`);
  return slot;
}

/** The descriptor of a virtual machine's processor. */
function processorOf(call: Call<"kvm_run">): Ref {
  const vcpu = call.boundAs("kvm")?.bound.writeEnd;
  if (vcpu === undefined) throw new UnsupportedHere("kvm_run() takes what kvm_create() gave");
  return vcpu;
}
