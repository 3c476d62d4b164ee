/** What a page fault does. */
import { rules } from "./rule.js";

export const faultRules = rules("fault", {
  "mkwrite-unowned": {
    sentence:
      "When page_mkwrite succeeds for a page that belongs to no file, the kernel takes it for truncated and has the store begin again, for ever.",
    kernel: "do_page_mkwrite, mm/memory.c",
  },
  "no-vma": {
    sentence: "An access where no mapping is ends in SIGSEGV.",
    kernel: "do_user_addr_fault, arch/x86/mm/fault.c",
  },
  "vma-protection": {
    sentence:
      "An access that the mapping's protection forbids ends in SIGSEGV; memory that may only be executed cannot be read where the CPU can tell.",
    kernel: "access_error, arch/x86/mm/fault.c",
  },
  "no-handler": {
    sentence:
      "An absent entry of a mapping without a fault handler ends in SIGBUS: such a mapping is filled once, at mmap.",
    kernel: "do_fault, mm/memory.c",
  },
  "handler-refused": {
    sentence: "The mapping's fault handler ends the access in SIGBUS.",
    kernel: "__do_fault, mm/memory.c",
  },
  guard: {
    sentence: "An access to a guard marker ends in SIGSEGV.",
    kernel: "handle_pte_marker, mm/memory.c",
  },
  "anon-zero": {
    sentence: "A read of untouched anonymous memory maps the shared zero page, which counts nowhere.",
    kernel: "do_anonymous_page, mm/memory.c",
  },
  "anon-new": {
    sentence: "A write to untouched anonymous memory makes a page of its own.",
    kernel: "do_anonymous_page, mm/memory.c",
  },
  "page-from-file": {
    sentence: "The handler gave a page: the entry holds a reference and a map count on it.",
    kernel: "finish_fault, mm/memory.c",
  },
  "fault-around": {
    sentence: "A read fault also maps neighbours that are already in the page cache, 64 KiB at most.",
    kernel: "do_fault_around, mm/memory.c; filemap_map_pages, mm/filemap.c",
  },
  "cow-fault": {
    sentence: "A first write into a private mapping copies the file's page at once.",
    kernel: "do_cow_fault, mm/memory.c",
  },
  "cow-copy": {
    sentence: "A write to a page that is not the mapping's alone makes a private copy.",
    kernel: "wp_page_copy, mm/memory.c",
  },
  "cow-copy-pfn": {
    sentence:
      "A write into a private mapping of bare frame numbers copies through the user's own address, for want of a struct page.",
    kernel: "__wp_page_copy_user, mm/memory.c",
  },
  "cow-old-entry": {
    sentence:
      "Copying bare frame numbers reads through the entry and so marks it accessed; one that was not, as in a child, has changed meanwhile: the copy is thrown away and the access faults again.",
    kernel: "wp_page_copy, mm/memory.c",
  },
  "cow-reuse": {
    sentence: "A write to an anonymous page that is the mapping's alone makes its entry writable again.",
    kernel: "do_wp_page, mm/memory.c",
  },
  "shared-reuse": {
    sentence: "A write to a read-only entry of a shared writable mapping makes the entry writable.",
    kernel: "wp_page_shared, mm/memory.c",
  },
  "pfn-mkwrite": {
    sentence:
      "A mapping with pfn_mkwrite gets its entries read-only, and the first write to each costs a fault of its own.",
    kernel: "wp_pfn_shared, mm/memory.c; vma_wants_writenotify, mm/mmap.c (mm/vma.c)",
  },
  "page-mkwrite": {
    sentence: "A mapping with page_mkwrite is told before a page becomes writable.",
    kernel: "do_page_mkwrite, mm/memory.c",
  },
  spurious: {
    sentence: "The entry already allows the access: the fault only sets its young and dirty bits.",
    kernel: "handle_pte_fault, mm/memory.c",
  },
  minor: {
    sentence:
      "A fault that succeeds counts once, when it is complete; one that ends in a signal counts not at all, and one that was taken again counts as major.",
    kernel: "mm_account_fault, mm/memory.c",
  },
  "oom-leaked": {
    sentence:
      "A fault that ends in VM_FAULT_OOM although nobody was killed for memory is taken again, as the instruction is.",
    kernel: "pagefault_out_of_memory, mm/oom_kill.c",
    unproven: "only fault injection shows it",
  },
  "no-memory": {
    sentence: "No page frame is left for the fault.",
    kernel: "handle_mm_fault, mm/memory.c",
  },
});
