/** What /proc says of memory. */
import { rules } from "./rule.js";

export const accountRules = rules("account", {
  "no-vma": {
    sentence: "No mapping holds the address: there is no entry to show.",
    kernel: "m_next, fs/proc/task_mmu.c",
  },
  "pfnmap-skipped": {
    sentence:
      "The smaps walk leaves VM_PFNMAP mappings out up to some release after 6.1: nothing in them counts, not even private copies.",
    kernel: "walk_page_test, mm/pagewalk.c; walk_page_vma, mm/pagewalk.c",
  },
  special: { sentence: "Entries without a struct page count nowhere.", kernel: "smaps_pte_entry, fs/proc/task_mmu.c" },
  pss: { sentence: "Pss divides each page by its map count.", kernel: "smaps_account, fs/proc/task_mmu.c" },
  "pagemap-skipped": {
    sentence: "pagemap shows nothing of VM_PFNMAP mappings.",
    kernel: "pagemap_pte_hole, fs/proc/task_mmu.c",
  },
});
