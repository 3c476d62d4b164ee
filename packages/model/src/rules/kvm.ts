/** Guests: what KVM makes of a process's memory. */
import { rules } from "./rule.js";

const main = "virt/kvm/kvm_main.c";

export const kvmRules = rules("kvm", {
  "memory-range": {
    sentence: "A memory slot is whole pages of user space, at most 2^31 - 1 of them: else EINVAL.",
    kernel: `__kvm_set_memory_region (kvm_set_memory_region), ${main}`,
  },
  "memory-fixed": {
    sentence:
      "A memory slot that exists keeps its address, its length and whether it is read-only: other ones are refused with EINVAL. It can be moved in the guest.",
    kernel: `__kvm_set_memory_region (kvm_set_memory_region), ${main}`,
  },
  "guest-range": {
    sentence: "A memory slot lies within what the processor can address, here 2^40 bytes: else EINVAL.",
    kernel: "kvm_arch_prepare_memory_region, arch/x86/kvm/x86.c",
  },
  "memory-overlap": {
    sentence: "Memory slots do not overlap in the guest: EEXIST.",
    kernel: `kvm_check_memslot_overlap, ${main}`,
  },
  "memory-gone": {
    sentence: "A length of 0 removes a memory slot, and is refused with EINVAL when there is none.",
    kernel: `__kvm_set_memory_region (kvm_set_memory_region), ${main}`,
  },
  "memory-unseen": {
    sentence:
      "Nothing is looked at behind a memory slot's address until the guest gets there: any mapping will do, and none.",
    kernel: `__kvm_set_memory_region (kvm_set_memory_region), ${main}`,
  },
  "other-memory": {
    sentence: "A virtual machine belongs to the address space that made it; from any other its requests give EIO.",
    kernel: `kvm_vm_ioctl, kvm_vcpu_ioctl, ${main}`,
  },
  "no-slot": {
    sentence: "A guest that reaches where no memory slot is leaves with an exit for IO memory (KVM_EXIT_MMIO, 6).",
    kernel: "kvm_faultin_pfn, arch/x86/kvm/mmu/mmu.c",
  },
  "fast": {
    sentence: "A guest's page is taken by the fast walk when its entry can be written, for a load too.",
    kernel: `hva_to_pfn_fast, ${main}`,
  },
  "slow": {
    sentence: "Otherwise the page is faulted in by get_user_pages, as the process itself would.",
    kernel: `hva_to_pfn_slow, ${main}`,
  },
  "no-vma": {
    sentence: "A guest's page behind which the process has no mapping makes KVM_RUN fail with EFAULT.",
    kernel: `hva_to_pfn, ${main}`,
  },
  "not-reachable": {
    sentence:
      "A guest's page that get_user_pages refuses makes KVM_RUN fail with EFAULT, unless its mapping is VM_IO or VM_PFNMAP.",
    kernel: `hva_to_pfn, ${main}`,
  },
  "remapped": {
    sentence:
      "In a VM_IO or VM_PFNMAP mapping the frame number is read from the page table, after a fault if it is not there.",
    kernel: `hva_to_pfn_remapped, ${main}`,
  },
  "fault-refused": {
    sentence: "When that fault is refused, KVM_RUN fails with EFAULT.",
    kernel: `hva_to_pfn_remapped, ${main}; fixup_user_fault, mm/gup.c`,
  },
  "no-count": {
    sentence:
      "KVM up to 6.12 takes a reference on a remapped frame, and where the frame's own struct page counts none, as in the tail of a high-order allocation, KVM_RUN fails with EFAULT.",
    kernel: `kvm_try_get_pfn, ${main}`,
  },
  "read-only": {
    sentence:
      "A guest's store to a remapped page whose entry is read-only is done by the emulator with copy_to_user, and where that fails the guest leaves with an exit for IO memory (6).",
    kernel: `hva_to_pfn_remapped, ${main}; kvm_handle_error_pfn, arch/x86/kvm/mmu/mmu.c; emulator_read_write_onepage, arch/x86/kvm/x86.c`,
  },
  "read-only-slot": {
    sentence:
      "A guest's store to a read-only memory slot leaves with an exit for IO memory (6), and nothing is written.",
    kernel: `gfn_to_hva_memslot_prot, memslot_is_readonly, ${main}`,
  },
  "dirty-log": {
    sentence:
      "A memory slot with a dirty log marks each page that gets a writable entry in the guest; to ask takes those entries' write access away again.",
    kernel: `kvm_get_dirty_log_protect, ${main}; make_spte, arch/x86/kvm/mmu/spte.c`,
  },
  "no-log": {
    sentence: "The dirty log of a memory slot that has none, or that is not there, gives ENOENT.",
    kernel: `kvm_get_dirty_log_protect, ${main}`,
  },
  "use-after-free": {
    sentence: "A guest whose entry was not dropped in time reads and writes whatever the page is by then.",
    kernel: `kvm_mmu_notifier_invalidate_range_start, ${main}`,
    unproven: "no release forgets to",
  },
  "invalidated": {
    sentence:
      "The guest's entries for a range are dropped before those of the process change: what it holds has no reference.",
    kernel: `kvm_mmu_notifier_invalidate_range_start, ${main}`,
  },
});
