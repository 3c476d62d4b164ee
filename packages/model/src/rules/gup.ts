/** Taking references on a process's pages: the slow walk, the fast walk, pins. */
import { rules } from "./rule.js";

export const gupRules = rules("gup", {
  "dump-zero": {
    sentence: "For a core file the shared page of zeros is no page: EFAULT.",
    kernel: "follow_page_pte, mm/gup.c",
  },
  "dump-absent": {
    sentence: "For a core file an absent page of a mapping that no fault handler could fill is no page: EFAULT.",
    kernel: "no_page_table, mm/gup.c",
  },
  "no-vma": {
    sentence: "Page references are refused with EFAULT at an address that no mapping holds.",
    kernel: "__get_user_pages, mm/gup.c",
  },
  "vma-pfnmap": {
    sentence: "The slow walk refuses a mapping with VM_IO or VM_PFNMAP with EFAULT, whatever its page table holds.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "vma-anon-only": {
    sentence: "A walk that asks for anonymous memory only refuses every other mapping with EFAULT.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "longterm-file": {
    sentence:
      "A long-term writable pin of a shared writable mapping whose file tracks dirty pages is refused with EFAULT; shmem does not track them.",
    kernel: "writable_file_mapping_allowed, mm/gup.c",
  },
  "not-writable": {
    sentence:
      "A walk that wants to write refuses a mapping without VM_WRITE with EFAULT unless it is forced and the mapping is copy-on-write.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "force-shared": {
    sentence:
      "A forced write into a shared mapping that is not writable is refused with EFAULT: there is no private copy to write to.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "force-hugetlb": {
    sentence: "Up to 6.14 a forced write into a read-only hugetlb mapping is refused with EFAULT.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "not-readable": {
    sentence:
      "A walk that reads refuses a mapping without VM_READ with EFAULT unless it is forced and the mapping may become readable.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "force": {
    sentence: "FOLL_FORCE lets a debugger read and copy-on-write past the mapping's protection.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "faulted-in": {
    sentence:
      "A page that is not there, or not writable for a write, is faulted in; the fault counts as a minor fault of the task that asks.",
    kernel: "faultin_page, mm/gup.c",
  },
  "fault-failed": {
    sentence: "A fault that ends in SIGBUS or SIGSEGV makes EFAULT of the walk, one that runs out of memory ENOMEM.",
    kernel: "faultin_page, mm/gup.c",
  },
  "no-fault-allowed": {
    sentence: "A walk that must not fault gives EFAULT at a page that is not there.",
    kernel: "faultin_page, mm/gup.c",
  },
  "special-pte": {
    sentence: "An entry without a struct page gives EEXIST to a walk that wants pages.",
    kernel: "follow_pfn_pte, mm/gup.c",
  },
  "normal-page": {
    sentence: "An entry with a struct page gives a reference, whoever put it there.",
    kernel: "follow_page_pte, mm/gup.c",
  },
  "zero-page": {
    sentence: "The shared zero page is handed out like any page, but a pin of it is not counted.",
    kernel: "try_grab_folio, mm/gup.c",
  },
  "unshare": {
    sentence: "A read-only pin of an anonymous page that others may share first gives the process a copy of its own.",
    kernel: "gup_must_unshare, mm/internal.h",
  },
  "unshare-file": {
    sentence:
      "A long-term read-only pin of a file's page in a copy-on-write mapping first gives the process a copy of its own.",
    kernel: "gup_must_unshare, mm/internal.h",
  },
  "dead-tail": {
    sentence:
      "A page whose folio has no reference left, as the tail of a non-compound allocation, gives ENOMEM and a warning.",
    kernel: "try_grab_folio, mm/gup.c",
    unproven: "no exporter here maps such pages with normal entries; read in mm/gup.c",
  },
  "bad-flags": {
    sentence: "FOLL_LONGTERM is for pins only: without FOLL_PIN it is refused with EINVAL and a warning.",
    kernel: "is_valid_gup_args, mm/gup.c",
  },
  "past-task-size": {
    sentence: "A range that ends past user space is refused with EFAULT by the fast path before it looks at anything.",
    kernel: "gup_fast_fallback, mm/gup.c",
  },
  "longterm-migrated": {
    sentence: "A long-term pin moves pages out of CMA and movable memory first and starts again.",
    kernel: "check_and_migrate_movable_pages_or_folios, mm/gup.c",
    unproven: "no kernel here has CMA memory in user mappings; read in mm/gup.c",
  },
  "longterm-migration-failed": {
    sentence: "A long-term pin of a page that must be moved and cannot be gives ENOMEM.",
    kernel: "migrate_longterm_unpinnable_folios, mm/gup.c",
    unproven: "no kernel here has CMA memory in user mappings; read in mm/gup.c",
  },
  "longterm-hang": {
    sentence:
      "A long-term pin of a CMA page that is on no LRU list retries for ever: the page counts as unpinnable and can never be isolated.",
    kernel: "collect_longterm_unpinnable_folios, mm/gup.c",
  },
});

export const gupFastRules = rules("gup-fast", {
  "vma-blind": {
    sentence: "The fast walk takes a page from its entry alone and never looks at the mapping's flags.",
    kernel: "gup_fast_pte_range, mm/gup.c",
  },
  "absent": {
    sentence: "The fast walk gives up at an entry that is not present or does not permit the access.",
    kernel: "gup_fast_pte_range, mm/gup.c",
  },
  "special": {
    sentence: "The fast walk gives up at a special entry.",
    kernel: "gup_fast_pte_range, mm/gup.c",
  },
  "no-pte-special": {
    sentence:
      "Where entries cannot be marked special, or the architecture has no fast walk, the fast walk takes nothing.",
    kernel: "gup_fast, mm/gup.c",
  },
  "folio-unknown": {
    sentence:
      "The fast walk leaves to the slow one a small folio whose mapping is NULL, since it may be secret or file memory.",
    kernel: "gup_fast_folio_allowed, mm/gup.c",
  },
  "folio-file": {
    sentence:
      "The fast walk leaves to the slow one a long-term writable pin of a file's folio that is neither shmem nor hugetlb.",
    kernel: "gup_fast_folio_allowed, mm/gup.c",
  },
  "unshare": {
    sentence: "The fast walk gives up at a read-only entry whose page a pin must unshare.",
    kernel: "gup_fast_pte_range, mm/gup.c",
  },
});

export const pinRules = rules("pin", {
  "small": {
    sentence: "A pin of a small folio adds 1024 to its reference count.",
    kernel: "try_grab_folio, mm/gup.c",
  },
  "large": {
    sentence: "A pin of a large folio adds one to its reference count and one to its pin count.",
    kernel: "try_grab_folio, mm/gup.c",
  },
});
