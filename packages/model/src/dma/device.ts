/** A device that does DMA (struct device, as far as DMA mapping needs it). */
export interface DeviceOptions {
  /** It sits behind an IOMMU: any pages are one range to it, and directions are enforced. */
  readonly iommu?: boolean;
  /** Its accesses go through the CPU's caches. Default: what the architecture does. */
  readonly coherent?: boolean;
}

export class Device {
  readonly iommu: boolean;
  readonly coherent: boolean;
  constructor(
    readonly name: string,
    options: { readonly iommu: boolean; readonly coherent: boolean },
  ) {
    this.iommu = options.iommu;
    this.coherent = options.coherent;
  }
}
