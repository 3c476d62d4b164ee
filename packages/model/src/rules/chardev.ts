/** A character device of a test's own driver. */
import { rules } from "./rule.js";

export const chardevRules = rules("chardev", {
  "no-memory": {
    sentence:
      "A driver's device with no memory, or with more than the largest allocation gives (4 MiB), is refused with EINVAL or ENOMEM.",
    kernel: "__alloc_pages, mm/page_alloc.c",
    unproven: "the driver is the test's own: no kernel has it without the test module",
  },
  "needs-pages": {
    sentence:
      "vm_insert_page, vm_map_pages and a fault handler that gives a page name memory by its struct page: IO memory has none, so that no driver can offer it (EINVAL).",
    kernel: "insert_page, mm/memory.c",
    unproven: "the primitives take a struct page; read from their prototypes",
  },
  "needs-iomem": {
    sentence:
      "An io_mapping is made by ioremap, which refuses memory: a driver can offer only IO memory that way (EINVAL).",
    kernel: "__ioremap_caller, arch/x86/mm/ioremap.c",
    unproven: "the driver is the test's own: no kernel has it without the test module",
  },
  "beyond": {
    sentence: "The driver refuses a mapping that reaches past its memory with EINVAL.",
    kernel: "vm_iomap_memory, mm/memory.c",
    unproven: "the driver is the test's own; what real ones do is of this form",
  },
  "private-pfnmap": {
    sentence:
      "A driver that maps bare frame numbers from its fault handler refuses private mappings with EINVAL: vmf_insert_pfn would be a BUG there.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
    unproven: "seen with a scratch module on 6.1 only",
  },
  "handler-beyond": {
    sentence: "The driver's fault handler gives SIGBUS past the end of its memory.",
    kernel: "special_mapping_fault, mm/mmap.c",
    unproven: "the driver is the test's own",
  },
});
