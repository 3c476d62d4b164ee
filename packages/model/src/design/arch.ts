import type { Arch } from "@litmap/litmus";

/** What the model needs to know of an architecture (and its usual configuration). */
export interface ArchTraits {
  readonly name: Arch;
  readonly pageShift: number;
  /** Bits of a long: what size_t wraps at. */
  readonly wordBits: number;
  /** Entries in one page-table page, and how many levels there are below the root. */
  readonly tableShift: number;
  readonly levels: number;
  /** What VmPTE counts for one of them: PTRS_PER_PTE entries. */
  readonly tableBytes: number;
  /** CONFIG_ARCH_HAS_PTE_SPECIAL. */
  readonly pteSpecial: boolean;
  /** Devices that nothing is said of see the CPU's caches. */
  readonly dmaCoherent: boolean;
  /** Coherent memory behind an IOMMU has always been single pages: dma-iommu, or the arm code before it. */
  readonly iommuPages: boolean;
  /** dma_default_coherent: what a device is that no firmware describes. */
  readonly dmaDefaultCoherent: boolean;
  /** A sync for the device with DMA_FROM_DEVICE invalidates lines instead of cleaning them. */
  readonly invalidatesForDevice: boolean;
  /** CONFIG_HAVE_GUP_FAST. */
  readonly gupFast: boolean;
  /** Accessed and dirty bits are kept by faults. */
  readonly softwareYoungDirty: boolean;
  /** First address past user space. */
  readonly taskSize: number;
  /** CONFIG_TRANSPARENT_HUGEPAGE. */
  readonly thp: boolean;
  /** Memory with PROT_EXEC alone cannot be read: protection keys on x86, EPAN on arm64. */
  readonly executeOnly: boolean;
  /** x86 PAT tracks what remap_pfn_range maps. */
  readonly pat: boolean;
  /** CONFIG_HAVE_ARCH_USERFAULTFD_WP (arm64: from 6.10) and _MINOR. */
  readonly uffdWp: boolean;
  readonly uffdMinor: boolean;
  /** Nothing can be mapped below it at a fixed address (FIRST_USER_ADDRESS). */
  readonly firstAddress: number;
  /** CONFIG_HUGETLBFS can be set. */
  readonly hugetlb: boolean;
  /** CONFIG_HAVE_IOREMAP_PROT: what the CPU cannot take a page of is reached by the mapping's access method. */
  readonly ioremapProt: boolean;
  /** CONFIG_NUMA. */
  readonly numa: boolean;
}

export const arches: Readonly<Record<Arch, ArchTraits>> = {
  x86_64: {
    name: "x86_64",
    pageShift: 12,
    wordBits: 64,
    tableShift: 9,
    levels: 4,
    tableBytes: 4096,
    dmaCoherent: true,
    iommuPages: false,
    dmaDefaultCoherent: true,
    invalidatesForDevice: false,
    pteSpecial: true,
    gupFast: true,
    softwareYoungDirty: false,
    taskSize: 0x7fff_ffff_f000,
    pat: true,
    executeOnly: true,
    thp: true,
    uffdWp: true,
    uffdMinor: true,
    firstAddress: 0,
    hugetlb: true,
    ioremapProt: true,
    numa: true,
  },
  arm64: {
    name: "arm64",
    pageShift: 12,
    wordBits: 64,
    tableShift: 9,
    levels: 4,
    tableBytes: 4096,
    dmaCoherent: true,
    iommuPages: true,
    dmaDefaultCoherent: false,
    invalidatesForDevice: false,
    pteSpecial: true,
    gupFast: true,
    softwareYoungDirty: false,
    taskSize: 0x1_0000_0000_0000,
    pat: false,
    executeOnly: true,
    thp: true,
    uffdWp: true,
    uffdMinor: true,
    firstAddress: 0,
    hugetlb: true,
    ioremapProt: true,
    numa: true,
  },
  "arm64-16k": {
    name: "arm64-16k",
    pageShift: 14,
    wordBits: 64,
    tableShift: 11,
    levels: 3,
    tableBytes: 16384,
    dmaCoherent: true,
    iommuPages: true,
    dmaDefaultCoherent: false,
    invalidatesForDevice: false,
    pteSpecial: true,
    gupFast: true,
    softwareYoungDirty: false,
    taskSize: 0x8000_0000_0000,
    pat: false,
    executeOnly: true,
    thp: true,
    uffdWp: true,
    uffdMinor: true,
    firstAddress: 0,
    hugetlb: true,
    ioremapProt: true,
    numa: true,
  },
  arm: {
    name: "arm",
    pageShift: 12,
    wordBits: 32,
    tableShift: 9,
    levels: 2,
    tableBytes: 2048,
    dmaCoherent: false,
    iommuPages: true,
    dmaDefaultCoherent: false,
    invalidatesForDevice: true,
    pteSpecial: false,
    gupFast: false,
    softwareYoungDirty: true,
    taskSize: 0xbf00_0000,
    pat: false,
    executeOnly: false,
    thp: false,
    uffdWp: false,
    uffdMinor: false,
    firstAddress: 8192,
    hugetlb: false,
    ioremapProt: false,
    numa: false,
  },
  "arm-lpae": {
    name: "arm-lpae",
    pageShift: 12,
    wordBits: 32,
    tableShift: 9,
    levels: 3,
    tableBytes: 4096,
    dmaCoherent: false,
    iommuPages: true,
    dmaDefaultCoherent: false,
    invalidatesForDevice: true,
    pteSpecial: true,
    gupFast: true,
    softwareYoungDirty: true,
    taskSize: 0xbf00_0000,
    pat: false,
    executeOnly: false,
    thp: true,
    uffdWp: false,
    uffdMinor: false,
    firstAddress: 8192,
    hugetlb: true,
    ioremapProt: false,
    numa: false,
  },
};
