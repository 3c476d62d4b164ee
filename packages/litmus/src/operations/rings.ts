import { size, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

/** Other memory that the kernel maps into processes: pages by vm_insert_page, and IO memory without struct pages. */
export const rings = {
  packet_ring: {
    subject: "rings and IO memory",
    doc:
      "A packet socket with a receive ring (PACKET_RX_RING, TPACKET_V2, one block a page): mmap of it must take " +
      "the whole ring.",
    kernel: "packet_mmap, net/packet/af_packet.c",
    by: process,
    params: { size: { type: size, doc: "bytes of the ring, rounded down to pages; 0: a socket without a ring" } },
    result: { kind: "descriptor", of: "ring" },
  },
  io_uring_ring: {
    subject: "rings and IO memory",
    doc:
      "A new io_uring of 64 entries: mmap finds the rings at offset 0 and the submission entries at 0x10000000, a " +
      "page each. From 6.1 on the kernel refuses every address but 0: map it with `at: 0`.",
    kernel: "io_uring_mmap, io_uring/memmap.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "ring" },
  },
  pci_bar: {
    subject: "rings and IO memory",
    doc:
      "The sysfs file of a PCI device's memory BAR: I/O memory without struct pages. The device is disabled: loads " +
      "give zeros and stores are lost.",
    kernel: "pci_mmap_resource, drivers/pci/pci-sysfs.c",
    by: process,
    params: { device: { type: word({ edu: "QEMU's edu device, BAR 0, 1 MiB" }), default: "edu", doc: "which device" } },
    result: { kind: "descriptor", of: "pci-bar" },
  },
} as const satisfies Record<string, OperationShape>;
