import type { CompilerTable } from "../call.js";

const absent = { unsupported: "is not compiled for kernels yet" } as const;

export const virtualisation = {
  kvm_create: absent,
  kvm_memory: absent,
  kvm_run: absent,
  vfio_open: absent,
  vfio_map_dma: absent,
  vfio_unmap_dma: absent,
} satisfies CompilerTable<"kvm_create" | "kvm_memory" | "kvm_run" | "vfio_open" | "vfio_map_dma" | "vfio_unmap_dma">;
