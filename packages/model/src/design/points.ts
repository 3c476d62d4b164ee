/**
 * Decision points of the subsystem. A release is a choice at every point; a patch is a step
 * from one choice to another. Code asks `k.design["udmabuf.mmap"]` at the one place where the
 * decision is made, and never compares releases.
 */

export interface Choice {
  readonly doc: string;
  /** Who proposed it and where, when it was never mainline or was argued about. */
  readonly proposed?: string;
}

export interface Point {
  readonly question: string;
  readonly choices: Readonly<Record<string, Choice>>;
  /** What mainline did, from which release on; ascending. The first entry holds for everything older too. */
  readonly mainline: readonly (readonly [since: string, choice: string])[];
}

const define = <const T extends Record<string, Point>>(points: T): T => points;

export const points = define({
  "udmabuf.mmap": {
    question: "What does a udmabuf put into the page table, and when?",
    choices: {
      "normal-page": { doc: "the fault handler returns the page: an ordinary mapping with references and RSS" },
      "pfn-per-fault": { doc: "VM_PFNMAP; each fault inserts one frame number" },
      "pfn-all-on-first-fault": { doc: "VM_PFNMAP; the first fault inserts its page and then the rest of the mapping" },
      "pfn-at-mmap": { doc: "VM_PFNMAP; mmap fills the whole mapping", proposed: "udmabuf: cancel mmap page fault, direct map it (Huan Yang, August 2024)" },
    },
    mainline: [["4.20", "normal-page"], ["6.7", "pfn-per-fault"], ["6.13", "pfn-all-on-first-fault"]],
  },
  "system-heap.mmap": {
    question: "By which primitive does the system heap map its pages?",
    choices: {
      "remap-pfn-range": { doc: "VM_IO|VM_PFNMAP, one call a page" },
      "remap-pfn-range-per-chunk": { doc: "VM_IO|VM_PFNMAP, one call for each chunk of the allocation" },
      "insert-page": { doc: "vm_insert_page: VM_MIXEDMAP, page references, RSS and PSS", proposed: "dma-buf: heaps: Map system heap pages as managed by linux vm (Suren Baghdasaryan, January 2021)" },
    },
    mainline: [["5.6", "remap-pfn-range"], ["7.0", "remap-pfn-range-per-chunk"]],
  },
  "dma-buf.mmap-guard": {
    question: "What does the core demand of a mapping that an exporter made?",
    choices: {
      none: { doc: "nothing" },
      "warn-pfnmap": { doc: "warns once when VM_PFNMAP is missing", proposed: "dma-buf: Require VM_PFNMAP vma for mmap (Daniel Vetter, re-sent November 2022)" },
      "require-pfnmap": { doc: "EINVAL when VM_PFNMAP is missing", proposed: "dma-buf: Require VM_PFNMAP vma for mmap (Daniel Vetter, February 2021)" },
      "require-pfnmap-or-mixedmap": { doc: "EINVAL when both VM_PFNMAP and VM_MIXEDMAP are missing", proposed: "Christian König's answer in the same thread" },
    },
    mainline: [["3.3", "none"]],
  },
  "drm-shmem.vmap": {
    question: "What keeps the pages under a kernel mapping of a GEM shmem object?",
    choices: {
      "use-count": { doc: "a use count; a vmap count keeps the object from being purged" },
      "pin-count": { doc: "a pin count that also keeps the object from being purged", proposed: "drm/shmem-helper: Add and use pages_pin_count (Dmitry Osipenko, 2025), merged" },
      "hold-reservation": { doc: "nothing but the reservation lock, held by the caller while it uses the mapping", proposed: "Thomas Zimmermann in the same thread" },
      uncounted: { doc: "nothing: the purge test does not look at kernel mappings" },
    },
    mainline: [["5.0", "use-count"], ["6.14", "pin-count"]],
  },
  "gup.longterm-file": {
    question: "May a long-term pin write to a shared file mapping whose dirty pages are tracked?",
    choices: { allowed: { doc: "yes" }, refused: { doc: "EFAULT by the slow walk, and the fast walk leaves it to the slow one" } },
    mainline: [["2.6", "allowed"], ["6.5", "refused"]],
  },
  "gup.unshare": {
    question: "What does a read-only pin of a page that others share do first?",
    choices: {
      nothing: { doc: "the pinned page may stop being the process's page" },
      anon: { doc: "an anonymous page is copied (FAULT_FLAG_UNSHARE)" },
      "anon-and-longterm-file": { doc: "long-term pins also break copy-on-write of file pages in private mappings" },
    },
    mainline: [["2.6", "nothing"], ["5.19", "anon"], ["6.2", "anon-and-longterm-file"]],
  },
  "gup-fast.null-mapping": {
    question: "May the fast walk take a small folio that belongs to no file and to no anonymous memory?",
    choices: {
      take: { doc: "yes: only secret memory is left out" },
      "leave-to-slow": { doc: "no: it cannot be told from truncated or secret memory" },
      "leave-longterm-writes": { doc: "only long-term writable pins are left to the slow walk" },
    },
    mainline: [["2.6", "take"], ["6.5", "leave-to-slow"], ["7.3", "leave-longterm-writes"]],
  },
  "direct-io.references": {
    question: "How does direct I/O hold the pages of its memory?",
    choices: { get: { doc: "by plain references" }, pin: { doc: "by pins (iov_iter_extract_pages)" } },
    mainline: [["2.6", "get"], ["6.5", "pin"]],
  },
  "generic-write.prefault": {
    question: "When does a buffered write fault its source in?",
    choices: { before: { doc: "before it looks at the file" }, "after-failed-copy": { doc: "after a copy moved nothing, with the file's page allocated already" } },
    mainline: [["2.6", "before"], ["6.15", "after-failed-copy"]],
  },
  "pipe.insert": {
    question: "When does a write put its page into the pipe?",
    choices: { "before-copy": { doc: "before the copy: one that faults leaves an empty buffer" }, "after-copy": { doc: "after the copy" } },
    mainline: [["2.6", "before-copy"], ["6.15", "after-copy"]],
  },
  "proc-mem.force": {
    question: "May /proc/PID/mem go past the protection of mappings?",
    choices: { always: { doc: "yes (FOLL_FORCE)" }, ptrace: { doc: "only for who traces the process" }, never: { doc: "no" } },
    mainline: [["2.6", "always"]],
  },
  "io-uring.buffers": {
    question: "How does a ring pin the buffers that are registered with it?",
    choices: {
      "slow-no-files": { doc: "by the slow walk; file mappings that are neither shmem nor hugetlb are refused with EOPNOTSUPP" },
      slow: { doc: "by the slow walk" },
      fast: { doc: "by the fast walk first" },
    },
    mainline: [["5.1", "slow-no-files"], ["6.5", "slow"], ["6.10", "fast"]],
  },
  "io-uring.vmpin": {
    question: "Does VmPin count the pages that a ring pinned for a process that may lock without limit?",
    choices: { yes: { doc: "yes" }, no: { doc: "only where RLIMIT_MEMLOCK applies" } },
    mainline: [["5.1", "yes"], ["7.0", "no"]],
  },
  "io-uring.buffer-limit": {
    question: "What does a ring say to a buffer that is too large to register?",
    choices: { "1G-EFAULT": { doc: "EFAULT past 1 GiB" }, "1T-EINVAL": { doc: "EINVAL past 1 TiB" } },
    mainline: [["5.1", "1G-EFAULT"], ["7.0", "1T-EINVAL"]],
  },
  "move-pages.walk": {
    question: "How does move_pages look for a page?",
    choices: {
      "follow-page": { doc: "as a core dump does: special entries, the zero page and holes of anonymous memory are EFAULT" },
      "folio-walk": { doc: "by a walk of its own: what has no struct page is ENOENT, the zero page EFAULT" },
    },
    mainline: [["2.6", "follow-page"], ["6.12", "folio-walk"]],
  },
  "userfaultfd.minor": {
    question: "Can minor faults of shmem be handed to a userfaultfd?",
    choices: { no: { doc: "EINVAL" }, yes: { doc: "on shmem and hugetlb mappings" } },
    mainline: [["4.3", "no"], ["5.14", "yes"]],
  },
  "userfaultfd.wp": {
    question: "Which memory can a userfaultfd write-protect?",
    choices: { anon: { doc: "anonymous memory" }, "anon-and-files": { doc: "shmem and hugetlb too (markers in the page table)" } },
    mainline: [["5.7", "anon"], ["5.19", "anon-and-files"]],
  },
  "follow-pfn.call": {
    question: "By which call may a driver read a frame number from a page table?",
    choices: {
      "follow-pfn": { doc: "follow_pfn: no lock is held afterwards" },
      "follow-pfnmap": { doc: "follow_pfnmap_start: the page-table lock is held until follow_pfnmap_end" },
    },
    mainline: [["2.6", "follow-pfn"], ["6.12", "follow-pfnmap"]],
  },
  "arch.pte-special": {
    question: "Can a page-table entry be marked as having no struct page?",
    choices: { yes: { doc: "CONFIG_ARCH_HAS_PTE_SPECIAL" }, no: { doc: "the VMA alone tells" } },
    mainline: [["2.6", "yes"]],
  },
});

export type PointName = keyof typeof points;
export type Design = { readonly [P in PointName]: keyof (typeof points)[P]["choices"] & string };
