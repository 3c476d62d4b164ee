import type { CompilerTable } from "../call.js";

const absent = { unsupported: "is not compiled for kernels yet" } as const;

export const rings = {
  packet_ring: absent,
  io_uring_ring: absent,
  pci_bar: absent,
} satisfies CompilerTable<"packet_ring" | "io_uring_ring" | "pci_bar">;
