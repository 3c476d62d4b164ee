/** Memory that a process registers with a device for long, as for RDMA. */
import { rules } from "./rule.js";

const umem = "drivers/infiniband/core/umem.c";
const odp = "drivers/infiniband/core/umem_odp.c";
const noDevice = "no machine here has an RDMA device; read in the sources named";
const wouldWrite = "on a real kernel it would write memory that was freed";

export const regionRules = rules("mr", {
  "range": {
    sentence: "A region has at least one byte and lets its device do something: else EINVAL.",
    kernel: `ib_umem_get, ${umem}; ib_check_mr_access, include/rdma/ib_verbs.h`,
    unproven: noDevice,
  },
  "pinned": {
    sentence:
      "The pages of a region are pinned for long and counted in the process's pinned memory (VmPin), whatever becomes of its mapping.",
    kernel: `ib_umem_get, ${umem}`,
  },
  "forced-write": {
    sentence:
      "Up to 6.1 a region that the device only reads is pinned for writing by force, which breaks copy-on-write of private pages in advance; a shared read-only mapping is refused by that with EFAULT.",
    kernel: `ib_umem_get, ${umem}`,
    unproven: noDevice,
  },
  "not-had": {
    sentence: "A region of which a page cannot be had is refused with that page's errno, and nothing of it stays.",
    kernel: `ib_umem_get, ${umem}`,
  },
  "referenced": {
    sentence:
      "A plain reference keeps the page, but not its place: the process may get another one by copy-on-write, truncation or migration.",
    kernel: "get_user_pages_fast, mm/gup.c",
  },
  "bare": {
    sentence:
      "Bare frame numbers hold nothing and hear of nothing: the device goes on reaching the frames when the mapping is gone and its memory freed.",
    kernel: "follow_pfn, mm/memory.c",
    unproven: wouldWrite,
  },
  "faulted": {
    sentence:
      "A page of a region with a notifier is faulted in when the device first asks for it, without a reference.",
    kernel: `ib_umem_odp_map_dma_and_lock, ${odp}`,
  },
  "invalidated": {
    sentence: "The notifier takes the pages of a range from the device before the process's entries change.",
    kernel: "mlx5_ib_invalidate_range, drivers/infiniband/hw/mlx5/odp.c",
  },
  "exited": {
    sentence: "When the address space is gone, a page of a region with a notifier can no longer be had: EINVAL.",
    kernel: `ib_umem_odp_map_dma_and_lock, ${odp}`,
  },
  "beyond": {
    sentence: "A transfer beyond a region is refused by the device: EFAULT.",
    kernel: "mlx5_ib_post_send, drivers/infiniband/hw/mlx5/wr.c",
    unproven: noDevice,
  },
  "access": {
    sentence: "A transfer that a region was not registered for is refused by the device: EFAULT.",
    kernel: "mlx5_ib_reg_user_mr, drivers/infiniband/hw/mlx5/mr.c",
    unproven: noDevice,
  },
  "gone": {
    sentence: "What is no longer mapped for the device cannot be handed over: EFAULT.",
    kernel: "dma_sync_sgtable_for_cpu, include/linux/dma-mapping.h",
    unproven: noDevice,
  },
});

export const secondaryRules = rules("secondary-mmu", {
  "retry": {
    sentence:
      "A page that was faulted in for a guest or a device while its range was invalidated is not entered: it is faulted in again.",
    kernel: "mmu_interval_read_retry, mm/mmu_notifier.c; mmu_invalidate_retry, include/linux/kvm_host.h",
  },
});

export const hmmRules = rules("hmm", {
  "not-mirrored": {
    sentence:
      "Memory without a struct page, in VM_IO and VM_PFNMAP mappings or behind a special entry, is not mirrored: EFAULT; nor is what the process cannot read.",
    kernel: "hmm_vma_walk_test, hmm_vma_handle_pte, mm/hmm.c",
  },
  "not-writable": {
    sentence: "A page of a mapping that the process cannot write is not had for writing: EPERM.",
    kernel: "hmm_vma_fault, mm/hmm.c",
  },
  "fault-refused": {
    sentence: "A page that a fault does not bring is not had: EFAULT.",
    kernel: "hmm_vma_fault, mm/hmm.c",
  },
});
