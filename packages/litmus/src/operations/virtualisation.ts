import { address, descriptor, flags, integer, number, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;
const vm = { type: descriptor("kvm"), doc: "the virtual machine" } as const;
const container = { type: descriptor("vfio"), doc: "the container" } as const;

/** Guests and devices that reach a process's memory. */
export const virtualisation = {
  kvm_create: {
    subject: "virtualisation",
    doc: "A virtual machine with one virtual CPU in real mode (KVM_CREATE_VM, KVM_CREATE_VCPU).",
    kernel: "kvm_dev_ioctl_create_vm, virt/kvm/kvm_main.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "kvm" },
  },
  kvm_memory: {
    subject: "virtualisation",
    doc: "Makes a range of the process's memory a slot of the guest's physical memory (KVM_SET_USER_MEMORY_REGION). A slot that exists keeps address, length and read_only, and can be moved in the guest; a length of 0 takes it away. Page 0xf0000000 of the guest is taken by the code that it runs.",
    kernel: "kvm_set_memory_region, virt/kvm/kvm_main.c",
    by: process,
    params: {
      kvm: vm,
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      guest: { type: size, default: "0", doc: "guest physical address" },
      slot: { type: integer, default: "0", doc: "the slot's number, 0 to 99; others are unsupported" },
      flags: {
        type: flags({
          read_only: "KVM_MEM_READONLY: the guest's stores leave it",
          log_dirty: "KVM_MEM_LOG_DIRTY_PAGES",
        }),
        default: "none",
        doc: "KVM_MEM_ flags",
      },
    },
    result: status,
  },
  kvm_dirty_log: {
    subject: "virtualisation",
    doc: "Pages of a slot that the guest has written since the log was asked last, or began (KVM_GET_DIRTY_LOG): one bit each of the first 32. ENOENT for a slot without log_dirty.",
    kernel: "kvm_get_dirty_log_protect, virt/kvm/kvm_main.c",
    by: process,
    params: {
      kvm: vm,
      slot: { type: integer, default: "0", doc: "the slot's number, 0 to 99; others are unsupported" },
    },
    result: number("bits"),
  },
  kvm_run: {
    subject: "virtualisation",
    doc: "Lets the guest load or store one byte of its memory by code that lies in a memory slot of its own (KVM_RUN); gives the exit reason: 5 when it halted.",
    kernel: "kvm_arch_vcpu_ioctl_run, arch/x86/kvm/x86.c; hva_to_pfn, virt/kvm/kvm_main.c",
    by: process,
    params: {
      kvm: vm,
      access: { type: word({ read: "a load", write: "a store of 0x5a" }), doc: "what the guest does" },
      offset: { type: size, default: "0", doc: "guest physical address, below 4 GiB" },
    },
    result: number("exit reason"),
  },
  vfio_open: {
    subject: "virtualisation",
    doc: "A VFIO type 1 container with the group of QEMU's edu device behind the emulated IOMMU.",
    kernel: "vfio_iommu_type1_open, drivers/vfio/vfio_iommu_type1.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "vfio" },
  },
  vfio_map_dma: {
    subject: "virtualisation",
    doc: "Makes a range of the process's memory reachable by the device (VFIO_IOMMU_MAP_DMA).",
    kernel: "vfio_dma_do_map, drivers/vfio/vfio_iommu_type1.c",
    by: process,
    params: {
      vfio: container,
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      iova: { type: integer, default: "0x100000", doc: "the device's address of it" },
      access: {
        type: flags({ read: "VFIO_DMA_MAP_FLAG_READ", write: "VFIO_DMA_MAP_FLAG_WRITE" }),
        default: "read|write",
        doc: "what the device may do",
      },
    },
    result: status,
  },
  vfio_unmap_dma: {
    subject: "virtualisation",
    doc: "Takes it back (VFIO_IOMMU_UNMAP_DMA); gives the bytes unmapped.",
    kernel: "vfio_dma_do_unmap, drivers/vfio/vfio_iommu_type1.c",
    by: process,
    params: {
      vfio: container,
      length: { type: size, doc: "bytes" },
      iova: { type: integer, default: "0x100000", doc: "the device's address" },
    },
    result: number("bytes"),
  },
  vfio_dma: {
    subject: "virtualisation",
    doc: "The device copies bytes from one of its addresses to another, through a buffer of its own: by real DMA of QEMU's edu, 2 KiB at a time and 0.2 s each. What the IOMMU does not let it read it takes for zeros, what it may not write is lost; neither is told. Gives ok. One transfer at a time; more than 32 KiB are unsupported.",
    kernel: "intel_iommu_map_pages, drivers/iommu/intel/iommu.c; vfio_pci_core_mmap, drivers/vfio/pci/vfio_pci_core.c",
    by: process,
    params: {
      vfio: container,
      from: { type: integer, doc: "the device's address (IOVA) that it reads from" },
      to: { type: integer, doc: "the device's address that it writes to" },
      length: { type: size, default: "4", doc: "bytes" },
    },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
