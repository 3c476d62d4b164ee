/** Advice. */
import { rules } from "./rule.js";

export const madviseRules = rules("madvise", {
  "unknown-advice": {
    sentence: "Advice that the kernel does not know is refused with EINVAL.",
    kernel: "madvise_behavior_valid, mm/madvise.c",
  },
  "bad-range": {
    sentence: "An unaligned address or a range that wraps is refused with EINVAL.",
    kernel: "do_madvise, mm/madvise.c",
  },
  hole: {
    sentence: "Advice for a range with a hole is given to what is mapped, and then ENOMEM comes back.",
    kernel: "madvise_walk_vmas, mm/madvise.c",
  },
  "dontneed-forbidden": {
    sentence:
      "MADV_DONTNEED and MADV_FREE refuse VM_PFNMAP and locked mappings with EINVAL; MADV_DONTNEED_LOCKED lets locked ones pass.",
    kernel: "madvise_dontneed_free_valid_vma, mm/madvise.c",
  },
  dontneed: {
    sentence: "MADV_DONTNEED empties the range: the next access faults, or ends in SIGBUS where no handler is.",
    kernel: "madvise_dontneed_single_vma, mm/madvise.c",
  },
  "tables-freed": {
    sentence: "MADV_DONTNEED of a whole table's range also frees the table, from 6.14 on.",
    kernel: "try_get_and_clear_pmd, mm/pt_reclaim.c; zap_pte_range, mm/memory.c",
  },
  "free-anon-only": {
    sentence: "MADV_FREE is for private anonymous memory: EINVAL otherwise.",
    kernel: "madvise_free_single_vma, mm/madvise.c",
  },
  lazyfree: {
    sentence: "MADV_FREE makes entries old and clean, and the pages such that reclaim may drop them.",
    kernel: "madvise_free_pte_range, mm/madvise.c",
  },
  "lru-forbidden": {
    sentence: "MADV_COLD and MADV_PAGEOUT refuse VM_PFNMAP, hugetlb and locked mappings with EINVAL.",
    kernel: "can_madv_lru_vma, mm/madvise.c",
  },
  cold: {
    sentence: "MADV_COLD makes the entries of pages that are mapped once old.",
    kernel: "madvise_cold_or_pageout_pte_range, mm/madvise.c",
  },
  pageout: {
    sentence:
      "MADV_PAGEOUT without swap cannot drop anonymous memory; pages of a file lose their entries, and clean ones their place in the cache.",
    kernel: "shrink_folio_list, mm/vmscan.c",
  },
  "populate-vma": {
    sentence:
      "MADV_POPULATE_READ and _WRITE refuse VM_IO and VM_PFNMAP mappings, and those whose protection forbids the access, with EINVAL.",
    kernel: "faultin_page_range, mm/gup.c; check_vma_flags, mm/gup.c",
  },
  "populate-hole": {
    sentence: "MADV_POPULATE_READ and _WRITE stop at a hole with ENOMEM.",
    kernel: "faultin_page_range, mm/gup.c",
  },
  "populate-fault": {
    sentence: "MADV_POPULATE_READ and _WRITE stop at a fault that ends in a signal with EFAULT.",
    kernel: "madvise_populate, mm/madvise.c",
  },
  "remove-locked": {
    sentence: "MADV_REMOVE of a locked mapping is refused with EINVAL.",
    kernel: "madvise_remove, mm/madvise.c",
  },
  "remove-no-file": {
    sentence: "MADV_REMOVE of memory without a file is refused with EINVAL.",
    kernel: "madvise_remove, mm/madvise.c",
  },
  "remove-not-writable": {
    sentence: "MADV_REMOVE wants a shared mapping through which the file can be written: EACCES.",
    kernel: "madvise_remove, mm/madvise.c",
  },
  "dofork-forbidden": {
    sentence: "MADV_DOFORK is refused with EINVAL for VM_IO mappings, from 7.0 on for every special one.",
    kernel: "madvise_vma_behavior, mm/madvise.c",
  },
  "wipeonfork-anon-only": {
    sentence: "MADV_WIPEONFORK is for private anonymous memory: EINVAL otherwise.",
    kernel: "madvise_vma_behavior, mm/madvise.c",
  },
  "dodump-special": {
    sentence: "MADV_DODUMP of a special mapping is refused with EINVAL.",
    kernel: "madvise_vma_behavior, mm/madvise.c",
  },
  "ksm-unfit": {
    sentence: "MADV_MERGEABLE of a shared, special or hugetlb mapping succeeds and changes nothing.",
    kernel: "ksm_madvise, mm/ksm.c",
  },
  "collapse-unfit": {
    sentence: "MADV_COLLAPSE of a mapping that cannot hold a huge page is refused with EINVAL.",
    kernel: "madvise_collapse, mm/khugepaged.c",
  },
  "guard-unfit": {
    sentence:
      "Guards go into mappings that are neither special nor hugetlb, and for installing not locked: EINVAL otherwise.",
    kernel: "is_valid_guard_vma, mm/madvise.c",
  },
  "guard-installed": {
    sentence: "MADV_GUARD_INSTALL empties the range and puts a marker into each entry.",
    kernel: "madvise_guard_install, mm/madvise.c",
  },
  sealed: {
    sentence:
      "Advice that throws data away is refused with EPERM for a sealed private anonymous mapping that cannot be written.",
    kernel: "can_modify_vma_madv, mm/mseal.c (can_madvise_modify, mm/madvise.c)",
  },
});
