/** How drivers put pages into a page table. */
import { rules } from "./rule.js";

export const insertRules = rules("insert", {
  "outside-vma": {
    sentence: "vm_insert_page and vm_insert_pages refuse an address outside the mapping with EFAULT.",
    kernel: "vm_insert_page, mm/memory.c",
  },
  "no-reference": {
    sentence: "A page whose folio nobody holds a reference on cannot be inserted: EINVAL.",
    kernel: "validate_page_before_insert, mm/memory.c (vm_insert_page in 6.1)",
  },
  "anonymous-page": {
    sentence: "Anonymous memory cannot be inserted as a driver's page: EINVAL.",
    kernel: "validate_page_before_insert, mm/memory.c",
  },
  "mixedmap-from-fault": {
    sentence:
      "The first vm_insert_page into a mapping sets VM_MIXEDMAP, which needs the mmap lock for writing: from a fault handler it is a BUG.",
    kernel: "vm_insert_page, mm/memory.c",
  },
  "page-into-pfnmap": {
    sentence: "vm_insert_page into a VM_PFNMAP mapping is a BUG.",
    kernel: "vm_insert_page, mm/memory.c",
  },
  "already-populated": {
    sentence: "vm_insert_page gives EBUSY where an entry is already.",
    kernel: "insert_page_into_pte_locked, mm/memory.c",
  },
  "page-inserted": {
    sentence: "vm_insert_page makes an ordinary entry: it holds a page reference and a map count, and counts in RSS.",
    kernel: "insert_page_into_pte_locked, mm/memory.c",
  },
  "object-too-small": {
    sentence: "vm_map_pages gives ENXIO when the mapping reaches past the pages.",
    kernel: "__vm_map_pages, mm/memory.c",
  },
  "pfn-needs-flags": {
    sentence: "vmf_insert_pfn wants exactly one of VM_PFNMAP and VM_MIXEDMAP: anything else is a BUG.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "pfn-in-cow": {
    sentence:
      "vmf_insert_pfn into a private writable VM_PFNMAP mapping is a BUG: without special entries originals and copies could not be told apart.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "valid-pfn-in-mixedmap": {
    sentence: "vmf_insert_pfn of a frame with a struct page into VM_MIXEDMAP is a BUG.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "pfn-outside-vma": {
    sentence: "vmf_insert_pfn and vmf_insert_mixed outside the mapping end the fault in SIGBUS.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "no-table": {
    sentence: "vmf_insert_pfn that gets no page for the page table is VM_FAULT_OOM.",
    kernel: "insert_pfn, mm/memory.c",
    unproven: "only fault injection shows it, which no kernel here is built with",
  },
  "pfn-kept": {
    sentence: "vmf_insert_pfn over an entry that is already there keeps it and reports success.",
    kernel: "insert_pfn, mm/memory.c",
  },
  "pfn-inserted": {
    sentence: "vmf_insert_pfn makes a special entry: no reference, no map count, no RSS.",
    kernel: "insert_pfn, mm/memory.c",
  },
  "mixed-not-allowed": {
    sentence: "vmf_insert_mixed outside VM_MIXEDMAP is refused.",
    kernel: "vm_mixed_ok, mm/memory.c",
  },
  "remap-cow-whole": {
    sentence: "remap_pfn_range into a private writable mapping gives EINVAL unless one call covers the whole mapping.",
    kernel: "remap_pfn_range_internal, mm/memory.c (get_remap_pgoff from 6.18)",
  },
  "remap-cow-pgoff": {
    sentence:
      "remap_pfn_range of a whole private mapping sets its page offset to the frame number, so that copies can be told from originals.",
    kernel: "remap_pfn_range_internal, mm/memory.c",
  },
  "remap-unaligned": {
    sentence: "remap_pfn_range at an unaligned address warns and gives EINVAL.",
    kernel: "remap_pfn_range_internal, mm/memory.c",
  },
  "remap-populated": {
    sentence: "remap_pfn_range over an entry that is already there is a BUG.",
    kernel: "remap_pte_range, mm/memory.c",
  },
  "remap-flags": {
    sentence: "remap_pfn_range sets VM_IO, VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP, and fills the page table at once.",
    kernel: "remap_pfn_range_internal, mm/memory.c",
  },
  "io-mapping": {
    sentence:
      "A mapping of IO memory by its io_mapping gets the cache mode that was reserved for all of it once, without a look-up.",
    kernel: "remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c (io_mapping_map_user, mm/io-mapping.c)",
    unproven:
      "no system call shows a page's cache mode; that nothing is looked up shows in the instructions of a fault (`litmap cost --on`)",
  },
  "io-mapping-flags": {
    sentence:
      "A driver that maps IO memory by an io_mapping has set VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP before; without them io_mapping_map_user warns and gives EINVAL, and i915 stops where it is built for debugging.",
    kernel: "io_mapping_map_user, mm/io-mapping.c; remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c",
    unproven: "the source; the drivers that there are set them",
  },
});
