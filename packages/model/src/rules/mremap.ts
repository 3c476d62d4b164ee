/** mremap, remap_file_pages, mseal. */
import { rules } from "./rule.js";

export const mremapRules = rules("mremap", {
  "bad-flags": {
    sentence: "MREMAP_FIXED needs MREMAP_MAYMOVE, and MREMAP_DONTUNMAP needs it and equal lengths: EINVAL.",
    kernel: "sys_mremap, mm/mremap.c (check_mremap_params)",
  },
  "bad-range": {
    sentence: "An unaligned address, a new length of 0, or a target past user space is refused with EINVAL.",
    kernel: "sys_mremap, mm/mremap.c (check_mremap_params)",
  },
  overlap: {
    sentence: "Source and target of a move must not overlap: EINVAL.",
    kernel: "mremap_to, mm/mremap.c (check_mremap_params)",
  },
  "no-vma": {
    sentence: "mremap where no mapping is gives EFAULT.",
    kernel: "sys_mremap, mm/mremap.c (check_prep_vma)",
  },
  "hugetlb-range": {
    sentence: "A hugetlb mapping is moved or shrunk in whole huge pages and never grown: EINVAL.",
    kernel: "sys_mremap, mm/mremap.c (align_hugetlb)",
  },
  "duplicate-private": {
    sentence: "An old length of 0 duplicates a shared mapping; of a private one it is refused with EINVAL.",
    kernel: "vma_to_resize, mm/mremap.c (check_prep_vma)",
  },
  "dontunmap-special": {
    sentence: "MREMAP_DONTUNMAP of a mapping with VM_DONTEXPAND or VM_PFNMAP is refused with EINVAL.",
    kernel: "vma_to_resize, mm/mremap.c (check_prep_vma)",
  },
  "across-vmas": {
    sentence: "A range that reaches past the end of its mapping gives EFAULT.",
    kernel: "vma_to_resize, mm/mremap.c (check_prep_vma)",
  },
  "only-alone": {
    sentence: "A mapping of a file that chooses addresses itself is not moved together with others: EFAULT.",
    kernel: "vma_multi_allowed, mm/mremap.c",
  },
  "never-grows": {
    sentence: "A mapping with VM_DONTEXPAND or VM_PFNMAP changes its length only by shrinking: EFAULT.",
    kernel: "vma_to_resize, mm/mremap.c (check_prep_vma)",
  },
  "cannot-merge": {
    sentence: "Growing in place goes through merging with the new range, which special mappings refuse: ENOMEM.",
    kernel: "vma_merge_extend, mm/vma.c (sys_mremap, mm/mremap.c)",
  },
  "no-room": {
    sentence: "Without MREMAP_MAYMOVE a mapping that has no room behind it cannot grow: ENOMEM.",
    kernel: "sys_mremap, mm/mremap.c (expand_vma)",
  },
  "moved-entries": {
    sentence: "A move carries the entries along: nothing has to be faulted in at the new place.",
    kernel: "move_page_tables, mm/mremap.c",
  },
  "pgoff-wraps": {
    sentence: "A growth that wraps the page offset is refused with EINVAL.",
    kernel: "vma_to_resize, mm/mremap.c",
  },
});

export const remapFilePagesRules = rules("remap-file-pages", {
  "bad-range": {
    sentence: "No bytes, or a range or an offset that wraps, is refused with EINVAL.",
    kernel: "sys_remap_file_pages, mm/mmap.c",
  },
  "not-shared": {
    sentence: "Only shared mappings can be remapped: EINVAL.",
    kernel: "sys_remap_file_pages, mm/mmap.c",
  },
  "not-alike": {
    sentence:
      "The range may cross into further mappings of the same file with the same flags only, without a hole: EINVAL.",
    kernel: "sys_remap_file_pages, mm/mmap.c",
  },
});

export const msealRules = rules("mseal", {
  "bad-range": {
    sentence: "An unaligned address or a range that wraps is refused with EINVAL.",
    kernel: "do_mseal, mm/mseal.c",
  },
  hole: {
    sentence: "A range with a hole is not sealed at all: ENOMEM.",
    kernel: "check_mm_seal, mm/mseal.c (range_contains_unmapped)",
  },
});
