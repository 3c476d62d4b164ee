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
  "arch.pte-special": {
    question: "Can a page-table entry be marked as having no struct page?",
    choices: { yes: { doc: "CONFIG_ARCH_HAS_PTE_SPECIAL" }, no: { doc: "the VMA alone tells" } },
    mainline: [["2.6", "yes"]],
  },
});

export type PointName = keyof typeof points;
export type Design = { readonly [P in PointName]: keyof (typeof points)[P]["choices"] & string };
