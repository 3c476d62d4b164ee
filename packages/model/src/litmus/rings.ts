/** Packet rings, io_uring rings and PCI BARs. */
import { newIoUring } from "../devices/io-uring-ring.js";
import { newPacketSocket, packetSetRing } from "../devices/packet-ring.js";
import { openBar } from "../devices/pci-bar.js";
import type { HandlerTable } from "./handler.js";

export const ringsHandlers: HandlerTable<"packet_ring" | "io_uring_ring" | "pci_bar"> = {
  run: {
    *packet_ring({ k, task }, { size }) {
      const socket = newPacketSocket(k);
      const fd = task.files.install(socket);
      const refused = packetSetRing(k, socket, Number(BigInt.asUintN(32, size / BigInt(k.pageSize))));
      return refused < 0 ? refused : fd;
    },
    *io_uring_ring({ k, task }) {
      return task.files.install(newIoUring(k));
    },
    *pci_bar({ k, task }) {
      return task.files.install(openBar(k));
    },
  },
  unsupported: {
    pci_bar: (k) => (k.arch.name === "x86_64" ? undefined : "the machines of this architecture have no edu device"),
  },
};
