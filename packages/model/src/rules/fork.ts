/** What a child gets of its parent's memory. */
import { rules } from "./rule.js";

export const forkRules = rules("fork", {
  dontcopy: {
    sentence: "A mapping with VM_DONTCOPY is absent in the child.",
    kernel: "dup_mmap, kernel/fork.c (mm/mmap.c)",
  },
  wipeonfork: {
    sentence: "A mapping with VM_WIPEONFORK is empty in the child.",
    kernel: "dup_mmap, kernel/fork.c (mm/mmap.c)",
  },
  "not-copied": {
    sentence: "Entries of a shared mapping of ordinary pages are not copied: the child faults them in again.",
    kernel: "vma_needs_copy, mm/memory.c",
  },
  copied: {
    sentence:
      "Entries of VM_PFNMAP and VM_MIXEDMAP mappings, and of those with anonymous pages, are copied: a child sees them without a fault.",
    kernel: "vma_needs_copy, mm/memory.c",
  },
  "write-protected": {
    sentence: "Private writable pages become read-only in both, so that the first to write gets a copy.",
    kernel: "copy_present_ptes, mm/memory.c",
  },
  "track-copy": {
    sentence:
      "Up to 6.15 an x86 process cannot fork while it has a private mapping of tracked frames whose first page it has written to: the child's address space cannot be made, ENOMEM.",
    kernel: "track_pfn_copy, get_pat_info, arch/x86/mm/pat/memtype.c",
  },
  "pinned-copied": {
    sentence: "An anonymous page that may be pinned is copied for the child at once and stays writable in the parent.",
    kernel: "copy_present_page, mm/memory.c; folio_try_dup_anon_rmap_pte, include/linux/rmap.h",
  },
});
