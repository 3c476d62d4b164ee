/** Buffers of sound cards, and memory of a PCI device by its sysfs file. */
import { data, result } from "../program.js";
import type { CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

/** Where the runner puts the NVMe controller. */
const p2pmemFile = "/sys/bus/pci/devices/0000:00:1d.0/p2pmem/allocate";

/** A snd_pcm_hw_params that allows everything, but for what is fixed here; bytes. */
function hwParams(pointer: 4 | 8): Buffer {
  const { hwParamsBytes, masks, intervals, everything, rmask, fixed, integer } = uapi.pcm;
  const params = Buffer.alloc(hwParamsBytes(pointer));
  params.fill(0xff, masks.at, masks.at + masks.count * masks.bytes);
  for (let i = 0; i < intervals.count; i++) params.writeUInt32LE(everything, intervals.at + i * intervals.bytes + 4);
  params.writeUInt32LE(everything, rmask);
  for (const { mask, bit } of fixed.masks) {
    params.fill(0, masks.at + mask * masks.bytes, masks.at + (mask + 1) * masks.bytes);
    params.writeUInt32LE(2 ** bit, masks.at + mask * masks.bytes);
  }
  for (const { interval, value } of fixed.intervals) {
    const at = intervals.at + interval * intervals.bytes;
    params.writeUInt32LE(value, at);
    params.writeUInt32LE(value, at + 4);
    params.writeUInt32LE(integer, at + 8);
  }
  return params;
}

export const deviceMemory = {
  pcm_open: (call) => {
    if (call.kernel.kind !== "vm") throw new UnsupportedHere("only virtual machines have QEMU's sound card");
    if (call.word("device") === "es1370_iommu") {
      const group = call.open(
        call.builder.string("/sys/bus/pci/devices/0000:00:1c.0/iommu_group"),
        uapi.open.r | uapi.open.cloexec,
        "a machine has one sound card, and this one has it without an IOMMU",
      );
      call.softSys([group], "close", result(group));
    }
    const fd = call.open(
      call.builder.string("/dev/snd/pcmC0D0p"),
      uapi.open.rw | uapi.open.nonblock | uapi.open.cloexec,
      "this machine has no sound card",
    );
    const params = call.builder.bytes(hwParams(call.pointer));
    call.sys("ioctl", result(fd), uapi.pcm.hwParams(call.pointer), data(params));
    return { value: fd };
  },
  p2pmem: (call) => {
    if (call.kernel.kind !== "vm") throw new UnsupportedHere("only virtual machines have QEMU's NVMe controller");
    return {
      value: call.open(
        call.builder.string(p2pmemFile),
        uapi.open.rw | uapi.open.cloexec,
        "this kernel does not give out memory of PCI devices (CONFIG_PCI_P2PDMA, from 6.2 on)",
      ),
    };
  },
  nvme_open: (call) => {
    if (call.kernel.kind !== "vm") throw new UnsupportedHere("only virtual machines have QEMU's NVMe controller");
    const flags = uapi.open.rw | uapi.open.cloexec | uapi.openByIsa[call.isa].direct;
    return { value: call.open(call.builder.string("/dev/nvme0n1"), flags, "this machine has no NVMe controller") };
  },
} satisfies CompilerTable<"pcm_open" | "p2pmem" | "nvme_open">;
