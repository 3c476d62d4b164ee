/** Moving pages to other frames, taking them back, and what cannot be moved. */
import { rules } from "./rule.js";

export const migrateRules = rules("migrate", {
  "no-vma": {
    sentence: "A page is looked for only in a mapping that holds the address; without one the status is EFAULT.",
    kernel: "add_folio_for_migration, mm/migrate.c",
  },
  "vma-not-migratable": {
    sentence: "Pages of a VM_IO or VM_PFNMAP mapping are never moved: the status is EFAULT.",
    kernel: "vma_migratable, include/linux/mempolicy.h; add_folio_for_migration, mm/migrate.c",
  },
  "no-page": {
    sentence:
      "An address without a page has the status ENOENT; up to 6.11 it is EFAULT where no file could fill the hole.",
    kernel: "add_folio_for_migration, mm/migrate.c; no_page_table, mm/gup.c",
  },
  "query-inaccessible": {
    sentence:
      "From 6.1 to 6.5 a page in a mapping without any access has the status ENOENT, as if it waited for a NUMA hint.",
    kernel: "follow_page_pte, mm/gup.c; gup_can_follow_protnone, include/linux/mm.h",
  },
  "zero-page": {
    sentence: "The shared zero page has the status EFAULT.",
    kernel: "do_pages_stat_array, add_folio_for_migration, mm/migrate.c",
  },
  "already-there": {
    sentence: "A page that lies on the wanted node stays: its status is the node.",
    kernel: "add_folio_for_migration, mm/migrate.c",
  },
  "not-on-lru": {
    sentence: "A page on no LRU list, as a driver's or the kernel's own, cannot be isolated: the status is EBUSY.",
    kernel: "folio_isolate_lru, mm/vmscan.c",
  },
  "extra-references": {
    sentence: "A page that somebody else holds, by a reference or a pin, is not moved: EAGAIN.",
    kernel: "folio_migrate_mapping, mm/migrate.c",
  },
  "moved": {
    sentence:
      "A page that only its mappings and its page cache hold is copied to a new frame, and every entry points there afterwards.",
    kernel: "migrate_folio_move, mm/migrate.c",
  },
  "query-special": {
    sentence:
      "An entry without a struct page has the status that the walk has for it: EFAULT up to 6.11, ENOENT from 6.12 on.",
    kernel: "do_pages_stat_array, mm/migrate.c; folio_walk_start, mm/pagewalk.c",
  },
});

export const reclaimRules = rules("reclaim", {
  "no-swap": {
    sentence: "Without swap no shmem page is reclaimed: nothing is freed.",
    kernel: "shrink_folio_list, mm/vmscan.c",
  },
  "oom-skips": {
    sentence: "The OOM reaper leaves VM_PFNMAP and hugetlb mappings alone, and shared file memory too.",
    kernel: "__oom_reap_task_mm, mm/oom_kill.c",
  },
  "oom-reaps": {
    sentence: "The OOM reaper zaps anonymous memory and private mappings.",
    kernel: "__oom_reap_task_mm, mm/oom_kill.c",
  },
});
