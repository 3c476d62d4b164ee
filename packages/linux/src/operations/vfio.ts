/**
 * VFIO's type 1 container, and a device in it that this process drives: QEMU's edu, which copies
 * memory to a buffer of its own and back when its registers are written.
 */
import type { Operand, Ref } from "../program.js";
import { data, imm, result } from "../program.js";
import type { Call, Compiled, CompilerTable, KernelDescription } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const { structBytes, vfio, edu } = uapi;
const done: Compiled = {};

export const vfioCompilers = {
  vfio_open: (call) => {
    const container = call.open(
      call.builder.string("/dev/vfio/vfio"),
      uapi.open.rw | uapi.open.cloexec,
      "this kernel has no /dev/vfio/vfio",
    );
    const path = groupPath(call.kernel);
    const group = call.open(call.builder.string(path), uapi.open.rw | uapi.open.cloexec, `this machine has no ${path}`);
    call.sys("ioctl", result(group), vfio.setContainer, data(call.struct(8, [[0, 4, result(container)]])));
    call.sys("ioctl", result(container), vfio.setIommu, vfio.type1v2);
    return { value: container, writeEnd: group };
  },
  vfio_map_dma: (call) => {
    const request = call.struct(structBytes.vfioMapDma, [
      [0, 4, structBytes.vfioMapDma],
      [4, 4, uapi.bitsOf(vfio.access, call.words("access"))],
      [8, 8, call.number("address")],
      [16, 8, call.number("iova")],
      [24, 8, call.number("length")],
    ]);
    call.sys("ioctl", call.number("vfio"), vfio.mapDma, data(request));
    return done;
  },
  vfio_unmap_dma: (call) => {
    const request = call.struct(structBytes.vfioUnmapDma, [
      [0, 4, structBytes.vfioUnmapDma],
      [8, 8, call.number("iova")],
      [16, 8, call.number("length")],
    ]);
    call.sys("ioctl", call.number("vfio"), vfio.unmapDma, data(request));
    return { value: call.load(data(request, 16), 8) };
  },
  vfio_dma: (call) => {
    const group = groupOf(call);
    const length = call.constant("length");
    if (length > edu.mostBytes)
      throw new UnsupportedHere(`vfio_dma() moves at most ${edu.mostBytes} bytes: each 2 KiB take the device 0.2 s`);
    // A descriptor that is no longer a container is detected here.
    call.sys("ioctl", call.number("vfio"), vfio.getApiVersion, 0);
    const device = call.sys("ioctl", result(group), vfio.getDeviceFd, data(call.builder.string(edu.name)));
    const command = call.struct(8, [[0, 2, edu.memoryAndMaster]]);
    call.sys("pwrite64", result(device), data(command), 2, edu.commandRegister);
    const bar = call.sysVolatile("mmap", 0, 4096, uapi.prot.rw, uapi.mapFlags.shared, result(device), 0);
    const there = call.emit({ op: "await", args: [result(bar), imm(0xffff_ffff), imm(edu.identification), imm(0)] });
    call.lacks(
      there,
      ["ETIMEDOUT"],
      "the device does not answer: this kernel has not restored what its configuration space said before the " +
        "machine was resumed",
    );
    for (let at = 0; at < length; at += edu.stretchBytes) {
      const bytes = Math.min(edu.stretchBytes, length - at);
      transfer(call, bar, plus(call.number("from"), at), imm(edu.buffer), bytes, edu.read);
      transfer(call, bar, imm(edu.buffer), plus(call.number("to"), at), bytes, edu.write);
    }
    call.sys("munmap", result(bar), 4096);
    call.sys("close", result(device));
    return done;
  },
} satisfies CompilerTable<"vfio_open" | "vfio_map_dma" | "vfio_unmap_dma" | "vfio_dma">;

/** Takes memory decoding from the device, which firmware or an earlier round of the same test may have enabled. */
export function disableEdu(call: Call): void {
  const config = call.soft(
    {
      op: "sys",
      imm: call.callNumber("openat"),
      args: [imm(-100), data(call.builder.string(edu.config)), imm(uapi.open.rw | uapi.open.cloexec), imm(0)],
    },
    [],
  );
  const command = call.builder.reserve(8);
  call.softSys([config], "pwrite64", result(config), data(command), 2, edu.configCommand);
  call.softSys([config], "close", result(config));
}

/** One transfer: registers, then the command, whose first bit says that it is under way. */
function transfer(call: Call<"vfio_dma">, bar: Ref, from: Operand, to: Operand, bytes: number, command: number): void {
  call.store(result(bar, edu.source), 8, from);
  call.store(result(bar, edu.destination), 8, to);
  call.store(result(bar, edu.count), 8, bytes);
  call.store(result(bar, edu.command), 8, command);
  call.emit({ op: "await", args: [result(bar, edu.command), imm(1), imm(0), imm(edu.patienceMs)] });
}

function plus(operand: Operand, bytes: number): Operand {
  if (operand.kind === "imm") return imm(operand.value + BigInt(bytes));
  return operand.kind === "result" ? result(operand.of, operand.plus + BigInt(bytes)) : operand;
}

/** The group of edu, the only device that VFIO's driver serves; its number depends on what else the machine has. */
function groupPath({ devices }: KernelDescription): string {
  const name = [...(devices ?? [])].find((device) => /^vfio\/\d+$/.test(device));
  return name === undefined ? vfio.group : `/dev/${name}`;
}

/** The descriptor of a container's group. */
function groupOf(call: Call<"vfio_dma">): Ref {
  const group = call.boundAs("vfio")?.bound.writeEnd;
  if (group === undefined) throw new UnsupportedHere("vfio_dma() takes what vfio_open() gave");
  return group;
}
