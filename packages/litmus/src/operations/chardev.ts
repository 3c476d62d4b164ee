import { flags, size, word } from "./types.js";
import type { OperationShape } from "./types.js";

/** A driver of the test's own: each primitive that fills a page table, over each kind of memory. */
export const chardev = {
  chardev: {
    subject: "drivers",
    doc:
      "A character device of the driver whose mmap maps its memory by one primitive; a process maps it after " +
      "`receive`. A mapping past the end of the memory is EINVAL. vm_insert_page, vm_map_pages and fault_page need " +
      "`memory` with struct pages, remap_io_mapping needs iomem (EINVAL).",
    kernel:
      "vm_insert_page, remap_pfn_range, vmf_insert_pfn, vmf_insert_mixed, mm/memory.c; remap_io_mapping, " +
      "drivers/gpu/drm/i915/i915_mm.c",
    by: ["driver"],
    params: {
      size: { type: size, doc: "bytes of its memory, rounded up to pages; at most 4 MiB" },
      primitive: {
        type: word({
          vm_insert_page: "mmap inserts every page; there is no fault handler",
          vm_map_pages: "mmap inserts the pages from the mapping's offset on, by one call; there is no fault handler",
          remap_pfn_range:
            "mmap maps frame numbers: one call where the memory is consecutive, else one a page; there is no fault " +
            "handler",
          vmf_insert_pfn:
            "mmap sets VM_PFNMAP and refuses private mappings (neither where `flags` has only mixedmap), the fault " +
            "handler maps a frame number",
          vmf_insert_mixed: "mmap sets VM_MIXEDMAP, the fault handler maps a frame number",
          fault_insert_page: "the fault handler calls vm_insert_page: a BUG unless `flags` has mixedmap",
          fault_page: "the fault handler gives a page, which the kernel maps",
          remap_io_mapping:
            "the device reserves its memory as write-combining (EBUSY where it is reserved as write-back); mmap " +
            "sets VM_PFNMAP, VM_IO, VM_DONTEXPAND and VM_DONTDUMP and refuses private mappings, the fault handler " +
            "fills the whole mapping",
        }),
        doc: "how it is mapped",
      },
      memory: {
        type: word({
          ram: "pages allocated one by one",
          block: "consecutive pages of one allocation, of which only the first has a reference count",
          compound: "consecutive pages of one compound page",
          cma: "consecutive pages of the CMA area",
          iomem: "IO memory without struct pages: loads give zeros, stores are lost",
        }),
        default: "ram",
        doc: "what it is",
      },
      flags: {
        type: flags({
          io: "VM_IO",
          pfnmap: "VM_PFNMAP",
          mixedmap: "VM_MIXEDMAP",
          dontexpand: "VM_DONTEXPAND",
          dontdump: "VM_DONTDUMP",
          dontcopy: "VM_DONTCOPY",
        }),
        default: "none",
        doc: "that mmap sets besides",
      },
    },
    result: { kind: "descriptor", of: "chardev" },
  },
} as const satisfies Record<string, OperationShape>;
