/** Packet sockets and io_urings whose rings are mapped, and IO memory by its sysfs file. */
import { data, result } from "../program.js";
import type { CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";
import { setUpRing } from "./reaching.js";

const { packet, structBytes } = uapi;

/** The sysfs files of BARs, where the runner puts the devices. */
const bars = { edu: "/sys/bus/pci/devices/0000:00:1e.0/resource0" } as const;

export const rings = {
  packet_ring: (call) => {
    const { pageSize } = call.kernel;
    const socket = call.sys("socket", packet.family, packet.raw | uapi.open.cloexec, 0);
    call.lacks(socket, ["EAFNOSUPPORT"], "this kernel has no packet sockets");
    const version = call.struct(4, [[0, 4, packet.version2]]);
    call.sys("setsockopt", result(socket), packet.level, packet.version, data(version), 4);
    const blocks = result(call.calc(call.number("size"), 0xffff_ffff_ffff_ffffn, -Math.log2(pageSize)));
    const request = call.struct(structBytes.tpacketReq, [
      [0, 4, pageSize],
      [4, 4, blocks],
      [8, 4, pageSize],
      [12, 4, blocks],
    ]);
    call.sys("setsockopt", result(socket), packet.level, packet.rxRing, data(request), structBytes.tpacketReq);
    return { value: socket };
  },
  io_uring_ring: (call) => ({ value: setUpRing(call, call.builder.reserve(structBytes.ioUringParams), 64) }),
  pci_bar: (call) => {
    // Another machine has another device there, or needs the one that it has.
    if (call.kernel.kind !== "vm") throw new UnsupportedHere("only virtual machines have QEMU's edu device");
    const path = bars[call.word("device")];
    return {
      value: call.open(call.builder.string(path), uapi.open.rw | uapi.open.cloexec, `this machine has no ${path}`),
    };
  },
} satisfies CompilerTable<"packet_ring" | "io_uring_ring" | "pci_bar">;
