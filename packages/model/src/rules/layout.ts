/** Splitting and merging of mappings. */
import { rules } from "./rule.js";

export const layoutRules = rules("vma", {
  "special-never-merges": {
    sentence:
      "Mappings with VM_IO, VM_PFNMAP, VM_MIXEDMAP or VM_DONTEXPAND never merge, not even the two halves of one that was split.",
    kernel: "vma_merge, mm/mmap.c (vma_merge_existing_range, mm/vma.c)",
  },
  merged: {
    sentence: "Neighbours that agree in flags, file, offset, policy and anonymous memory become one mapping.",
    kernel: "vma_merge, mm/mmap.c (mm/vma.c)",
  },
  split: {
    sentence: "A change of a part of a mapping splits it.",
    kernel: "__split_vma, mm/mmap.c (mm/vma.c)",
  },
  "anon-apart": {
    sentence: "Neighbours whose anonymous pages belong to different sets, or to a forked one, stay apart.",
    kernel: "is_mergeable_anon_vma, mm/mmap.c (mm/vma.c)",
  },
  "close-apart": {
    sentence: "A mapping with vm_ops->close is not removed by a merge.",
    kernel: "is_mergeable_vma, mm/mmap.c (can_merge_remove_vma, mm/vma.c)",
  },
  sealed: {
    sentence: "A sealed mapping cannot be unmapped, moved, overmapped or given another protection: EPERM.",
    kernel: "can_modify_vma, mm/vma.h (can_modify_mm, mm/mseal.c)",
  },
});
