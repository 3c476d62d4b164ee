/** VFIO: memory of a process that a device reaches through the IOMMU. */
import { rules } from "./rule.js";

const type1 = "drivers/vfio/vfio_iommu_type1.c";

export const vfioRules = rules("vfio", {
  "group-taken": {
    sentence: "An IOMMU group is opened by one at a time: EBUSY.",
    kernel: "vfio_group_fops_open, drivers/vfio/group.c (vfio_main.c)",
  },
  "unaligned": {
    sentence:
      "Address, IOVA and length of a mapping for a device are whole pages, and the length is not 0: else EINVAL.",
    kernel: `vfio_dma_do_map, ${type1}`,
  },
  "wraps": {
    sentence: "A range that wraps around is refused: EINVAL up to 6.17, EOVERFLOW since.",
    kernel: `vfio_dma_do_map, vfio_dma_do_unmap, ${type1}`,
  },
  "overlap": {
    sentence: "Mappings for a device do not overlap in its address space: EEXIST.",
    kernel: `vfio_dma_do_map, ${type1}`,
  },
  "iova": {
    sentence: "An IOVA that the IOMMU cannot translate, or that is reserved for interrupts, is refused with EINVAL.",
    kernel: `vfio_iommu_iova_dma_valid, ${type1}`,
  },
  "pinned": {
    sentence:
      "Every page of the range is pinned for long, for writing, and stays so whatever the process does to its mapping: there is no notifier.",
    kernel: `vaddr_get_pfns, ${type1}`,
  },
  "accounted": {
    sentence:
      "Pinned pages count as locked memory (VmLck) of the process that mapped them, with CAP_IPC_LOCK too; the capability only lifts the limit.",
    kernel: `vfio_lock_acct, ${type1}`,
  },
  "not-pinnable": {
    sentence:
      "A range of which a page cannot be pinned is refused with the errno of the pin, and nothing of it stays mapped.",
    kernel: `vfio_pin_pages_remote, vfio_pin_map_dma, ${type1}`,
  },
  "raw-io": {
    sentence:
      "In a VM_PFNMAP mapping the frame number is taken from the page table when it has no struct page or a reserved one: nothing is pinned and nothing accounted.",
    kernel: `follow_fault_pfn, is_invalid_reserved_pfn, ${type1}`,
  },
  "raw-memory": {
    sentence: "A frame of a VM_PFNMAP mapping that is ordinary memory is refused with EFAULT.",
    kernel: `vaddr_get_pfns, ${type1}`,
  },
  "no-access": {
    sentence: "A mapping that the device may neither read nor write is refused with EINVAL.",
    kernel: `vfio_dma_do_map, ${type1}`,
  },
  "dma": {
    sentence:
      "A device reads and writes the frames that were mapped for it, whatever the process's page table has by then.",
    kernel: `vfio_iommu_map, ${type1}`,
  },
  "dma-unmapped": {
    sentence:
      "An address that nothing was mapped at, or no longer, is refused by the IOMMU: the device reads zeros or its write is lost, and the kernel logs a DMA fault.",
    kernel: "dmar_fault, drivers/iommu/intel/dmar.c",
  },
  "dma-direction": {
    sentence: "The IOMMU refuses a device's write to a mapping made for reading, and its read of one made for writing.",
    kernel: "dma_pte_addr, __domain_mapping, drivers/iommu/intel/iommu.c; dmar_fault, drivers/iommu/intel/dmar.c",
  },
  "dma-write-only": {
    sentence: "Up to 6.12 the entries of an Intel IOMMU let a device read what was mapped for it to write only.",
    kernel: "__domain_mapping, drivers/iommu/intel/iommu.c",
  },
  "unmap-range": {
    sentence: "What is unmapped is whole pages and not nothing: else EINVAL.",
    kernel: `vfio_dma_do_unmap, ${type1}`,
  },
  "unmap-bisects": {
    sentence:
      "Unmapping a part of a mapping is refused with EINVAL; whole ones go, several at once, and their bytes are told.",
    kernel: `vfio_dma_do_unmap, ${type1}`,
  },
});
