/** A device that does DMA (struct device, as far as DMA mapping needs it). */
import type { DeviceName } from "@litmap/litmus";
import type { CoherentPool } from "./pool.js";

export interface DeviceOptions {
  /** It sits behind an IOMMU: any pages are one range to it, and directions are enforced. */
  readonly iommu?: boolean;
  /** Its accesses go through the CPU's caches. Default: what the architecture does. */
  readonly coherent?: boolean;
  /** Where contiguous memory for it comes from. Default: the buddy allocator. */
  readonly memory?: "buddy" | "cma";
  /** It has reserved memory of its own (dev->dma_mem). */
  readonly pool?: CoherentPool;
}

export class Device {
  readonly iommu: boolean;
  readonly coherent: boolean;
  readonly memory: "buddy" | "cma";
  readonly pool: CoherentPool | undefined;
  constructor(
    readonly name: string,
    options: DeviceOptions & { readonly iommu: boolean; readonly coherent: boolean },
  ) {
    this.iommu = options.iommu;
    this.coherent = options.coherent;
    this.memory = options.memory ?? "buddy";
    this.pool = options.pool;
  }
}

/** What the devices are that a test can name; any other is as the design says. */
export const deviceKinds: Readonly<Record<DeviceName, DeviceOptions & { readonly reserved?: boolean }>> = {
  dma: {},
  shmem: {},
  ttm: {},
  panthor: {},
  pci: { iommu: false, coherent: true },
  "pci-iommu": { iommu: true, coherent: true },
  noncoherent: { iommu: false, coherent: false },
  "noncoherent-iommu": { iommu: true, coherent: false },
  cma: { iommu: false, memory: "cma" },
  reserved: { iommu: false, reserved: true },
  chardev: {},
  gpu: {},
};
