import { address, descriptor, flags, int32, integer, number, original, size, status, word } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;
const vm = { type: descriptor("kvm"), doc: "the virtual machine" } as const;
const container = { type: descriptor("vfio"), doc: "the container" } as const;

/** Guests and devices that reach a process's memory. */
export const virtualisation = {
  kvm_create: {
    subject: "virtualisation",
    doc:
      "A virtual machine with one virtual CPU in real mode (KVM_CREATE_VM, KVM_CREATE_VCPU). These are two " +
      "descriptors; the name stands for both, close() closes both, and receive() and dup() copy the machine's alone.",
    kernel: "kvm_dev_ioctl_create_vm, virt/kvm/kvm_main.c",
    by: process,
    params: {},
    result: { kind: "descriptor", of: "kvm" },
  },
  kvm_memory: {
    subject: "virtualisation",
    doc:
      "Makes a range of the process's memory a memslot of the guest (KVM_SET_USER_MEMORY_REGION). An existing " +
      "memslot keeps address, length and read_only, and can be moved in the guest; length 0 deletes it. Guest page " +
      "0xf0000000 holds the code that it runs, and is memory. On kernels a memslot with log_dirty has at most 4 GiB.",
    kernel: "kvm_set_memory_region, virt/kvm/kvm_main.c",
    by: process,
    params: {
      kvm: vm,
      address: { type: address, doc: "where it begins" },
      length: { type: size, doc: "bytes" },
      guest: { type: size, default: "0", doc: "guest physical address" },
      slot: { type: int32, default: "0", doc: "the slot's number, 0 to 99; others are unsupported" },
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
    doc:
      "Pages of a memslot that the guest has written since the last call, or since the log began " +
      "(KVM_GET_DIRTY_LOG): one bit for each of the first 32. ENOENT for a memslot without log_dirty.",
    kernel: "kvm_get_dirty_log_protect, virt/kvm/kvm_main.c",
    by: process,
    params: {
      kvm: vm,
      slot: { type: int32, default: "0", doc: "the slot's number, 0 to 99; others are unsupported" },
    },
    result: number("bits"),
  },
  kvm_run: {
    subject: "virtualisation",
    doc:
      "Runs the guest for one load or store of a byte of its memory; its code has its own memslot (KVM_RUN); gives " +
      "the exit reason: 5 when it halted. A store into the code's first 22 bytes and two kvm_run() at the same " +
      "time are " +
      "unsupported.",
    kernel: "kvm_arch_vcpu_ioctl_run, arch/x86/kvm/x86.c; hva_to_pfn, virt/kvm/kvm_main.c",
    by: process,
    params: {
      kvm: { type: original("kvm", "kvm_create"), doc: "the virtual machine, by the name that kvm_create() bound" },
      access: { type: word({ read: "a load", write: "a store of 0x5a" }), doc: "load or store" },
      offset: { type: size, default: "0", doc: "guest physical address, below 4 GiB" },
    },
    result: number("exit reason"),
  },
  vfio_open: {
    subject: "virtualisation",
    doc:
      "A VFIO type 1 container with the group of QEMU's edu device behind the emulated IOMMU. These are two " +
      "descriptors; the name stands for both, close() closes both, and receive() and dup() copy the container's " +
      "alone. " +
      "A container whose group is closed everywhere keeps nothing mapped, and refuses mapping and unmapping: EINVAL.",
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
      iova: { type: integer, default: "0x100000", doc: "the IOVA" },
      access: {
        type: flags({ read: "VFIO_DMA_MAP_FLAG_READ", write: "VFIO_DMA_MAP_FLAG_WRITE" }),
        default: "read|write",
        doc: "permissions of the device",
      },
    },
    result: status,
  },
  vfio_unmap_dma: {
    subject: "virtualisation",
    doc: "Unmaps a range of IOVAs (VFIO_IOMMU_UNMAP_DMA); gives the bytes unmapped.",
    kernel: "vfio_dma_do_unmap, drivers/vfio/vfio_iommu_type1.c",
    by: process,
    params: {
      vfio: container,
      length: { type: size, doc: "bytes" },
      iova: { type: integer, default: "0x100000", doc: "the IOVA" },
    },
    result: number("bytes"),
  },
  vfio_dma: {
    subject: "virtualisation",
    doc:
      "The device copies bytes from one IOVA to another through its own buffer: real DMA of QEMU's edu, 2 KiB at a " +
      "time and 0.2 s each. A read that the IOMMU refuses gives zeros, a refused write is lost; neither is " +
      "reported. Gives ok. One transfer at a time; more than 32 KiB are unsupported.",
    kernel: "vfio_iommu_map, drivers/vfio/vfio_iommu_type1.c; vfio_pci_core_mmap, drivers/vfio/pci/vfio_pci_core.c",
    by: process,
    params: {
      vfio: { type: original("vfio", "vfio_open"), doc: "the container, by the name that vfio_open() bound" },
      from: { type: integer, doc: "the IOVA to read from" },
      to: { type: integer, doc: "the IOVA to write to" },
      length: { type: size, default: "4", doc: "bytes" },
    },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
