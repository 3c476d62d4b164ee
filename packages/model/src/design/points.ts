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
  readonly mainline: History;
  /**
   * Where a kernel's configuration decides: the first condition that holds, `OPTION` (set) or
   * `!OPTION`, gives the choices; when none does, mainline's stand, which are those of Debian's kernels.
   */
  readonly configured?: readonly (readonly [condition: string, choices: History])[];
  /** Where a stable update changed the choice within a release: kernels before that version, `6.12.117`, chose otherwise. */
  readonly before?: readonly (readonly [version: string, choice: string])[];
}

export type History = readonly (readonly [since: string, choice: string])[];

const define = <const T extends Record<string, Point>>(points: T): T => points;

export const points = define({
  "udmabuf.mmap": {
    question: "What does a udmabuf put into the page table, and when?",
    choices: {
      "normal-page": { doc: "the fault handler returns the page: an ordinary mapping with references and RSS" },
      "pfn-per-fault": { doc: "VM_PFNMAP; each fault inserts one frame number" },
      "pfn-all-on-first-fault": { doc: "VM_PFNMAP; the first fault inserts its page and then the rest of the mapping" },
      "pfn-at-mmap": {
        doc: "VM_PFNMAP; mmap fills the whole mapping",
        proposed: "udmabuf: cancel mmap page fault, direct map it (Huan Yang, August 2024)",
      },
    },
    mainline: [
      ["4.20", "normal-page"],
      ["6.7", "pfn-per-fault"],
      ["6.13", "pfn-all-on-first-fault"],
    ],
  },
  "udmabuf.prefault-error": {
    question: "What becomes of an error while a udmabuf's first fault maps the rest of the buffer?",
    choices: {
      hidden: { doc: "nothing: the fault was for one page, and that is there" },
      reported: { doc: "it is the fault's own" },
    },
    mainline: [["4.20", "hidden"]],
  },
  "udmabuf.backing": {
    question: "What keeps the memfd's pages for a udmabuf?",
    choices: {
      "page-references": { doc: "a plain reference on each page" },
      "pinned-folios": {
        doc: "memfd_pin_folios: a long-term pin on each folio, migrated out of CMA and movable zones first",
      },
    },
    mainline: [
      ["4.20", "page-references"],
      ["6.11", "pinned-folios"],
    ],
  },
  "udmabuf.arrays": {
    question: "What does a udmabuf allocate to remember its pages?",
    choices: {
      pages: { doc: "a pointer a page" },
      "folios-offsets-nodes": { doc: "a folio and an offset a page, and a list node of three words a pin" },
      "folios-offsets-pinned": {
        doc: "a folio and an offset a page, and room for as many pins as pages",
        proposed:
          "udmabuf: change folios array from kmalloc to kvmalloc, and codestyle cleanups (Huan Yang, September 2024), merged",
      },
      "pages-and-pinned": {
        doc: "a pointer a page, and room for as many pins as pages",
        proposed: "udmabuf: fix vmap missed offset page (Huan Yang, April 2025), merged",
      },
    },
    mainline: [
      ["4.20", "pages"],
      ["6.11", "folios-offsets-nodes"],
      ["6.13", "folios-offsets-pinned"],
      ["6.16", "pages-and-pinned"],
    ],
  },
  "udmabuf.hugetlb": {
    question: "May a udmabuf be made of a hugetlb memfd?",
    choices: {
      refused: { doc: "EBADFD: shmem only" },
      "present-pages": { doc: "yes, of huge pages that are there already; a hole gives EINVAL" },
      "allocates": { doc: "yes; absent huge pages are allocated" },
    },
    mainline: [
      ["4.20", "refused"],
      ["5.14", "present-pages"],
      ["6.11", "allocates"],
    ],
  },
  "udmabuf.seals-denied": {
    question: "Which seals of the memfd forbid a udmabuf?",
    choices: {
      write: { doc: "F_SEAL_WRITE" },
      "write-and-future-write": {
        doc: "F_SEAL_WRITE and F_SEAL_FUTURE_WRITE; stable series from 5.15 on have it too",
        proposed: "udmabuf: also check for F_SEAL_FUTURE_WRITE (Jann Horn, December 2024)",
      },
    },
    mainline: [
      ["4.20", "write"],
      ["5.15", "write-and-future-write"],
    ],
  },
  "udmabuf.seal-check": {
    question: "Can a seal be added between the check of the seals and the pinning of the pages?",
    choices: {
      racy: { doc: "yes: nothing is locked" },
      "inode-lock": {
        doc: "no: both happen under the inode lock; the 6.12 stable series has it too",
        proposed: "udmabuf: fix racy memfd sealing check (Jann Horn, December 2024)",
      },
    },
    mainline: [
      ["4.20", "racy"],
      ["6.12", "inode-lock"],
    ],
  },
  "udmabuf.size-limit": {
    question: "How large may a udmabuf be by default?",
    choices: { "64-MiB": { doc: "size_limit_mb is 64" }, "int-max": { doc: "size_limit_mb is INT_MAX" } },
    mainline: [
      ["4.20", "64-MiB"],
      ["7.3", "int-max"],
    ],
  },
  "udmabuf.vmap": {
    question: "What does the kernel mapping of a udmabuf show?",
    choices: {
      none: { doc: "there is none: EINVAL" },
      pages: { doc: "the buffer's pages" },
      "folio-heads": { doc: "the first page of each page's folio: wrong for large folios" },
    },
    mainline: [
      ["4.20", "none"],
      ["6.2", "pages"],
      ["6.11", "folio-heads"],
      ["6.13", "pages"],
    ],
  },
  "udmabuf.sg-table": {
    question: "Does a udmabuf's sg table merge neighbouring pages?",
    choices: { merged: { doc: "sg_alloc_table_from_pages" }, "entry-per-page": { doc: "one entry a page" } },
    mainline: [
      ["4.20", "merged"],
      ["6.11", "entry-per-page"],
      ["6.13", "merged"],
    ],
  },
  "frame-vector.pages": {
    question: "How does V4L2 hold the user memory that it is given?",
    choices: {
      followed: {
        doc: "pinned by force, and what cannot be pinned as bare frame numbers (mainline up to 6.0; stable series took that out)",
      },
      forced: { doc: "pinned with FOLL_FORCE and FOLL_WRITE, whichever way the data goes" },
      pinned: { doc: "pinned for writing only when the device writes" },
    },
    mainline: [
      ["4.3", "followed"],
      ["5.10", "forced"],
      ["6.2", "pinned"],
    ],
  },
  "vb2.offsets": {
    question: "What are the offsets by which a video queue's buffers are mapped?",
    choices: {
      bytes: { doc: "one buffer behind the other: the sum of the sizes before it" },
      index: { doc: "the buffer's index, eight pages apart" },
    },
    mainline: [
      ["2.6.39", "bytes"],
      ["6.8", "index"],
    ],
  },
  "vivid.capture": {
    question: "Does vivid deliver frames on a machine without a display?",
    choices: { stalls: { doc: "seen to hang on 5.10; not modelled" }, delivers: { doc: "yes" } },
    mainline: [
      ["3.18", "stalls"],
      ["6.1", "delivers"],
    ],
  },
  "vb2.attach-failure": {
    question: "What becomes of a dma-buf that videobuf2's allocator refuses to attach?",
    choices: {
      put: { doc: "its reference is dropped" },
      leaks: { doc: "its reference is lost: the buffer is never freed" },
    },
    mainline: [
      ["3.8", "put"],
      ["6.11", "leaks"],
    ],
  },
  "vb2-dma-sg.expand": {
    question: "Can a mapping of a vb2-dma-sg buffer be made longer than the buffer?",
    choices: {
      allowed: { doc: "yes: VM_DONTEXPAND is missing, and DRM warns when it imports such a mapping's buffer" },
      refused: {
        doc: "no: VM_DONTEXPAND and VM_DONTDUMP; the 6.1 stable series has it too",
        proposed: "media: videobuf2-dma-sg: fix vmap callback and set VM_DONTEXPAND (Janne Grunau, 2023; feb17524aa4e)",
      },
    },
    mainline: [
      ["3.8", "allowed"],
      ["6.1", "refused"],
    ],
  },
  "p2pdma.user-space": {
    question: "Can a process allocate memory of a PCI device and map it?",
    choices: {
      no: { doc: "no: only drivers have it" },
      allocate: {
        doc: "yes, by the sysfs file p2pmem/allocate: pages with references, which get_user_pages gives only to who asks for such memory",
      },
    },
    mainline: [
      ["4.20", "no"],
      ["6.2", "allocate"],
    ],
  },
  "u-dma-buf.fault": {
    question: "What does u-dma-buf's fault handler map, a driver outside the kernel's tree?",
    choices: {
      page: {
        doc: "the page, with a reference: munmap frees those that dma_alloc_coherent left uncounted (ikwzm/udmabuf issue 22, 2019)",
      },
      pfn: { doc: "the frame number, in a VM_PFNMAP mapping: nothing is counted" },
    },
    mainline: [["2.6", "pfn"]],
  },
  "videobuf.mmap": {
    question: "By which number does videobuf1's dma-contig map its buffer?",
    choices: {
      "bus-address": {
        doc: "remap_pfn_range of the DMA address: wrong behind an IOMMU, where that is no address of memory",
      },
      "dma-api": { doc: "dma_mmap_coherent" },
    },
    mainline: [
      ["2.6.28", "bus-address"],
      ["3.16", "dma-api"],
    ],
  },
  "dma.iommu-memory": {
    question: "What is memory for a device behind an IOMMU made of?",
    choices: {
      contiguous: { doc: "one block, as without an IOMMU: the DMA calls of the Intel IOMMU's own driver" },
      pages: { doc: "single pages, which the IOMMU makes one range of (dma-iommu)" },
    },
    mainline: [
      ["2.6", "contiguous"],
      ["5.11", "pages"],
    ],
  },
  "dma.noncontiguous": {
    question: "Does the DMA API hand out non-contiguous memory, and map pages that are not coherent?",
    choices: {
      absent: { doc: "no; not modelled how drivers did without" },
      present: { doc: "dma_alloc_noncontiguous and dma_mmap_pages" },
    },
    mainline: [
      ["2.6", "absent"],
      ["5.13", "present"],
    ],
  },
  "gem-dma.dump": {
    question: "Is a mapping of a GEM DMA object part of a core dump?",
    choices: {
      "as-mapped": {
        doc: "as the primitive has it that the DMA API maps it with: pages are, bare frame numbers are not",
      },
      never: { doc: "no: the helper sets VM_DONTDUMP" },
    },
    mainline: [
      ["3.7", "as-mapped"],
      ["6.18", "never"],
    ],
  },
  "vivid.buffers": {
    question: "How many buffers has a capture queue of vivid at most?",
    choices: { "32": { doc: "VB2_MAX_FRAME" }, "64": { doc: "MAX_VID_CAP_BUFFERS" } },
    mainline: [
      ["3.18", "32"],
      ["6.8", "64"],
    ],
  },
  "system-heap.mmap": {
    question: "By which primitive does the system heap map its pages?",
    choices: {
      "fault-page": { doc: "the fault handler returns the page: an ordinary shared mapping; MAP_PRIVATE is refused" },
      "remap-pfn-range": { doc: "VM_IO|VM_PFNMAP, one call a page" },
      "remap-pfn-range-per-chunk": { doc: "VM_IO|VM_PFNMAP, one call for each chunk of the allocation" },
      "insert-page": {
        doc: "vm_insert_page: VM_MIXEDMAP, page references, RSS and PSS",
        proposed: "dma-buf: heaps: Map system heap pages as managed by linux vm (Suren Baghdasaryan, January 2021)",
      },
    },
    mainline: [
      ["5.6", "fault-page"],
      ["5.11", "remap-pfn-range"],
      ["7.0", "remap-pfn-range-per-chunk"],
    ],
  },
  "system-heap.private": {
    question: "Does the system heap refuse private mappings whatever the primitive by which it maps?",
    choices: {
      accepted: { doc: "no: what remap_pfn_range lets pass becomes a mapping whose stores go to private copies" },
      refused: {
        doc: "yes: EINVAL, as the CMA heap and udmabuf say",
        proposed: "dma-buf: system_heap: reject private mappings (Chris Wiseman, October 2026)",
      },
    },
    mainline: [["5.6", "accepted"]],
  },
  "dma-heap.charge": {
    question: "Which memory cgroup pays for a heap's buffer, and can the charge be moved?",
    choices: {
      nobody: { doc: "none (dma_heap.mem_accounting is off by default)" },
      allocator: {
        doc: "that of whoever allocates, for good (dma_heap.mem_accounting=1, from 7.0)",
        proposed: "dma-buf: heaps: mem_accounting (Eric Chanudet, January 2026)",
      },
      "transfer-exchanged": {
        doc: "as allocator; DMA_BUF_IOCTL_XFER_CHARGE moves it, and compares and exchanges the owner",
        proposed: "dma-buf: charge_fd and DMA_BUF_IOCTL_XFER_CHARGE (Albert Esteve, October 2026)",
      },
      "transfer-plain": {
        doc: "as allocator; a transfer reads the owner, charges, writes the owner, uncharges: two at once uncharge twice",
      },
    },
    mainline: [["5.6", "nobody"]],
  },
  "system-heap.pages": {
    question: "In which orders does the system heap allocate?",
    choices: {
      "order-0": { doc: "page by page" },
      "orders-8-4-0": { doc: "the largest of 1 MiB, 64 KiB and 4 KiB that fits and is not larger than the last" },
    },
    mainline: [
      ["5.6", "order-0"],
      ["5.11", "orders-8-4-0"],
    ],
  },
  "cma-heap.mmap": {
    question: "What does the CMA heap put into the page table?",
    choices: {
      "fault-page": {
        doc: "the fault handler returns the page: an ordinary mapping, counted as RssFile, that page references can be taken on",
      },
      "pfn-per-fault": {
        doc: "VM_IO and VM_PFNMAP; each fault inserts one frame number (dma-buf: heaps: Don't track CMA dma-buf pages under RssFile, T.J. Mercier, January 2024)",
      },
    },
    mainline: [
      ["5.6", "fault-page"],
      ["6.9", "pfn-per-fault"],
    ],
  },
  "cma-heap.fault-bound": {
    question: "Which is the first page past a buffer that the CMA heap's fault handler refuses?",
    choices: {
      "one-past": { doc: "the second: pgoff > pagecount, so that one page pointer behind the array is taken" },
      end: {
        doc: "the first; mainline since 6.12, stable series from 5.15 on have it (dma-buf: heaps: Fix off-by-one in CMA heap fault handler, T.J. Mercier, September 2024)",
      },
    },
    mainline: [
      ["5.6", "one-past"],
      ["5.11", "end"],
    ],
  },
  "cma-heap.name": {
    question: "What is the heap of the machine's contiguous memory called?",
    choices: {
      helpers: { doc: "its buffers say heap_helpers, after the file that exports them" },
      area: { doc: "as its area: reserved" },
      fixed: { doc: "default_cma_region" },
    },
    mainline: [
      ["5.6", "helpers"],
      ["5.11", "area"],
      ["6.17", "fixed"],
    ],
  },
  "dma-buf.mount": {
    question: "Do the pseudo file systems of dma-bufs, pipes and sync files (init_pseudo) allow execution?",
    choices: {
      exec: { doc: "yes: mappings may be executable" },
      noexec: { doc: "no: PROT_EXEC is refused and VM_MAYEXEC missing" },
    },
    mainline: [
      ["3.3", "exec"],
      ["7.0", "noexec"],
    ],
  },
  "dma-buf.sync-file-ioctls": {
    question: "Can fences be exported from and imported to a dma-buf?",
    choices: { absent: { doc: "ENOTTY" }, present: { doc: "DMA_BUF_IOCTL_EXPORT_SYNC_FILE and _IMPORT_SYNC_FILE" } },
    mainline: [
      ["3.3", "absent"],
      ["6.0", "present"],
    ],
  },
  "dma-buf.set-name": {
    question: "May a buffer be renamed while devices are attached?",
    choices: { "refused-while-attached": { doc: "EBUSY" }, always: { doc: "yes" } },
    mainline: [
      ["5.3", "refused-while-attached"],
      ["6.0", "always"],
    ],
  },
  "dma-buf.sgt-cache": {
    question: "Does the core keep sg tables of attachments?",
    choices: {
      cached: {
        doc: "for exporters that ask for it, and from the attach on where importer and exporter differ in being dynamic",
      },
      none: {
        doc: "no: every map call goes to the exporter, and pins it when the importer is static",
        proposed: "dma-buf: drop caching of sg_tables (Christian König, February 2025)",
      },
    },
    mainline: [
      ["3.3", "cached"],
      ["6.15", "none"],
    ],
  },
  "dma-buf.map-lock": {
    question: "When is an attachment mapped under the reservation lock?",
    choices: {
      "dynamic-only": { doc: "for dynamic importers" },
      always: {
        doc: "always",
        proposed: "dma-buf: Move all dma-bufs to dynamic locking specification (Dmitry Osipenko, 2022)",
      },
    },
    mainline: [
      ["5.5", "dynamic-only"],
      ["6.2", "always"],
    ],
  },
  "dma-buf.vmap-lock": {
    question: "Which lock guards the kernel mapping of a buffer?",
    choices: { "buffer-mutex": { doc: "a mutex of the buffer" }, reservation: { doc: "the reservation lock" } },
    mainline: [
      ["3.3", "buffer-mutex"],
      ["6.2", "reservation"],
    ],
  },
  "dma-buf.debug": {
    question: "Does the core hide page pointers from importers (CONFIG_DMABUF_DEBUG)?",
    choices: {
      off: { doc: "no" },
      mangle: { doc: "it makes those of the exporter's own table unusable while it is mapped" },
      wrap: { doc: "importers get a copy of the table with DMA addresses only" },
    },
    mainline: [
      ["3.3", "off"],
      ["7.3", "wrap"],
    ],
    configured: [
      [
        "DMABUF_DEBUG",
        [
          ["3.3", "mangle"],
          ["7.0", "wrap"],
        ],
      ],
      ["!DMABUF_DEBUG", [["3.3", "off"]]],
    ],
  },
  "dma.coherence": {
    question: "Do devices see what lies in the CPU's caches?",
    choices: {
      coherent: { doc: "yes: syncs cost nothing and change nothing" },
      "non-coherent": { doc: "no: each side sees the other's writes after a sync for it" },
    },
    mainline: [["2.6", "coherent"]],
  },
  "dma.mapping": {
    question: "Is there an IOMMU between devices and memory?",
    choices: {
      direct: { doc: "no: DMA addresses are physical" },
      iommu: { doc: "yes: one range for any pages, and directions are enforced" },
    },
    mainline: [["2.6", "direct"]],
  },
  "dma-buf.mmap-guard": {
    question: "What does the core demand of a mapping that an exporter made?",
    choices: {
      none: { doc: "nothing" },
      "warn-pfnmap": {
        doc: "warns once when VM_PFNMAP is missing",
        proposed: "dma-buf: Require VM_PFNMAP vma for mmap (Daniel Vetter, re-sent November 2022)",
      },
      "require-pfnmap": {
        doc: "EINVAL when VM_PFNMAP is missing",
        proposed: "dma-buf: Require VM_PFNMAP vma for mmap (Daniel Vetter, February 2021)",
      },
      "require-pfnmap-or-mixedmap": {
        doc: "EINVAL when both VM_PFNMAP and VM_MIXEDMAP are missing",
        proposed: "Christian König's answer in the same thread",
      },
    },
    mainline: [["3.3", "none"]],
  },
  "drm-shmem.vmap": {
    question: "What keeps the pages under a kernel mapping of a GEM shmem object?",
    choices: {
      "use-count": { doc: "a use count; a vmap count keeps the object from being purged" },
      "pin-count": {
        doc: "a pin count that also keeps the object from being purged",
        proposed: "drm/shmem-helper: Add and use pages_pin_count (Dmitry Osipenko, 2025), merged",
      },
      "hold-reservation": {
        doc: "nothing but the reservation lock, held by the caller while it uses the mapping",
        proposed: "Thomas Zimmermann in the same thread",
      },
      uncounted: { doc: "nothing: no count on the pages, and the purge test does not look at kernel mappings" },
    },
    mainline: [
      ["5.0", "use-count"],
      ["6.14", "pin-count"],
    ],
  },
  "drm-shmem.locks": {
    question: "Which locks guard a GEM shmem object's pages and its kernel mapping?",
    choices: {
      mutexes: {
        doc: "a mutex for the pages and one for the kernel mapping; the shrinker asks whether it may purge before it has one",
      },
      reservation: {
        doc: "the reservation lock",
        proposed: "drm/shmem-helper: Switch to reservation lock (Dmitry Osipenko, 2023), merged",
      },
    },
    mainline: [
      ["5.0", "mutexes"],
      ["6.8", "reservation"],
    ],
  },
  "drm-shmem.write-notify": {
    question: "Does a GEM shmem object want to know of the first write to each of its pages?",
    choices: {
      none: { doc: "no: entries are writable at once" },
      "pfn-mkwrite": { doc: "yes: entries start read-only, and the first write marks the folio dirty" },
    },
    mainline: [
      ["5.0", "none"],
      ["7.1", "pfn-mkwrite"],
    ],
  },
  "drm-shmem.import": {
    question: "Does a driver with GEM shmem objects map a buffer that it imports for its device?",
    choices: {
      mapped: { doc: "yes, at once and for as long as the object lives" },
      attached: { doc: "no, it is only attached: an exporter without sg tables is good enough" },
    },
    mainline: [
      ["5.0", "mapped"],
      ["6.17", "attached"],
    ],
  },
  "panthor.objects": {
    question: "What are panthor's objects?",
    choices: {
      "shmem-helper": { doc: "the shmem helper's, without a shrinker" },
      own: { doc: "its own: pages come with the first use, and a shrinker evicts them" },
    },
    mainline: [
      ["6.10", "shmem-helper"],
      ["7.1", "own"],
    ],
  },
  "memory.swap": {
    question: "Is there swap on the machine that GPU drivers' shrinkers count on?",
    choices: {
      none: { doc: "no, as on every machine here: only what may be lost is given up" },
      present: { doc: "yes: objects give up their pages and keep their contents; the model writes none of them out" },
    },
    mainline: [["2.6", "none"]],
  },
  "virtio-vram.mmap": {
    question: "Which mappings of host memory does virtio-gpu make?",
    choices: {
      whole: { doc: "of a whole blob" },
      parts: { doc: "of any part" },
    },
    mainline: [
      ["5.11", "whole"],
      ["6.14", "parts"],
    ],
  },
  "i915.vmap": {
    question: "Does a kernel mapping of i915's dma-buf keep the object's pages from the shrinker?",
    choices: {
      unpinned: { doc: "no: the pages are only fetched" },
      pins: {
        doc: "yes: it pins them",
        proposed:
          "drm/i915: pin backing pages whilst exported through a dmabuf vmap (commit 993fc6ebaf4a, 2013), merged",
      },
    },
    mainline: [
      ["3.5", "unpinned"],
      ["3.12", "pins"],
    ],
  },
  "i915.cpu-offset": {
    question: "Which page of an object does i915's WC, WB or UC mapping begin with?",
    choices: {
      ignored: {
        doc: "the first, whatever the mapping's offset: a part, or what munmap leaves of a mapping, shows wrong pages",
      },
      heeded: { doc: "that of the mapping's offset" },
    },
    mainline: [
      ["5.5", "ignored"],
      ["6.12", "heeded"],
    ],
  },
  "qxl.dumb": {
    question: "Where does qxl keep dumb buffers?",
    choices: { surface: { doc: "in the video memory for surfaces" }, system: { doc: "in system memory" } },
    mainline: [
      ["3.10", "surface"],
      ["5.14", "system"],
    ],
  },
  "ttm.mmap": {
    question: "What kind of mapping does TTM make of an object?",
    choices: {
      mixedmap: {
        doc: "VM_MIXEDMAP filled by vmf_insert_mixed, private ones too: without special entries memory is mapped as pages",
      },
      pfnmap: {
        doc: "VM_PFNMAP filled by vmf_insert_pfn; private writable ones are refused",
        proposed: "drm/ttm: nuke VM_MIXEDMAP on BO mappings (Christian König, June 2021), merged",
      },
    },
    mainline: [
      ["3.3", "mixedmap"],
      ["5.14", "pfnmap"],
    ],
  },
  "ttm.pool": {
    question: "In which orders does TTM allocate the pages of an object?",
    choices: {
      "single-pages": { doc: "page by page" },
      "by-order": { doc: "the largest order that fits, never as a compound page; each order has a pool of its own" },
    },
    mainline: [
      ["3.3", "single-pages"],
      ["5.11", "by-order"],
    ],
  },
  "ttm.swap": {
    question: "What becomes of the pages of a TTM object that is swapped out?",
    choices: {
      swapout: { doc: "they are copied into a shmem file and given to the pool" },
      backup: { doc: "they are copied into a shmem file, made write-back and freed" },
    },
    mainline: [
      ["3.3", "swapout"],
      ["6.15", "backup"],
    ],
  },
  "vmf-insert-mixed.uncounted": {
    question: "Does vmf_insert_mixed, where entries have no special bit, insert a page that nobody has a reference on?",
    choices: {
      inserted: { doc: "yes: the entry's reference is the only one, and its end frees the page" },
      refused: { doc: "no: the fault ends in SIGBUS" },
    },
    mainline: [
      ["2.6", "inserted"],
      ["6.11", "refused"],
    ],
  },
  "drm-shmem.imported-methods": {
    question: "Which methods has a mapping of an imported GEM shmem object, when the exporter sets none?",
    choices: {
      kept: {
        doc: "the shmem helper's, as GEM had set them before: its end drops a reference that is not the mapping's",
      },
      reset: {
        doc: "none",
        proposed: "drm/shmem: add set mmap's methods to none before the exporter's (commit 07dd476f6116), merged",
      },
    },
    mainline: [
      ["5.0", "kept"],
      ["5.10", "reset"],
    ],
  },
  "drm.imported-offset": {
    question: "With which offset does a driver ask the exporter for a mapping of an object that it imported?",
    choices: {
      zero: { doc: "zero: a mapping is always of the whole object" },
      fake: {
        doc: "the fake offset by which its own device found the object: always past the buffer's end (out-of-tree xdna had it)",
      },
    },
    mainline: [["3.3", "zero"]],
  },
  "drm-shmem.shrinker-list": {
    question: "What does panfrost do with an object that is marked as not needed for a second time?",
    choices: {
      added: { doc: "adds it to the shrinker's list, on which it is already" },
      moved: {
        doc: "moves it to the list's end",
        proposed: "drm/panfrost: Fix shrinker list corruption by madvise IOCTL (Dmitry Osipenko, 2022), merged",
      },
    },
    mainline: [
      ["5.4", "added"],
      ["5.10", "moved"],
    ],
  },
  "drm.unmapped-area": {
    question: "Who chooses the address of a mapping of a DRM device?",
    choices: {
      mm: { doc: "memory management, as for most files" },
      own: { doc: "the device, so that huge pages may fit (drm_gem_get_unmapped_area)" },
    },
    mainline: [
      ["3.3", "mm"],
      ["7.0", "own"],
    ],
  },
  "drm.objects": {
    question: "What are the objects of vgem, virtio-gpu and TTM drivers made of?",
    choices: {
      "own-pages": {
        doc: "pages that vgem and virtio-gpu insert by fault handlers of their own, which is not modelled; TTM is as `ttm.mmap` says",
      },
      helpers: { doc: "the GEM shmem helper with vmf_insert_pfn, and TTM with VM_PFNMAP" },
    },
    mainline: [
      ["2.6", "own-pages"],
      ["5.16", "helpers"],
    ],
  },
  "drm.prime": {
    question: "Which DRM drivers have PRIME export, import and mmap of the dma-buf?",
    choices: {
      "opted-in": { doc: "those that set the driver's methods: not bochs; qxl without mmap" },
      always: { doc: "all, by default methods" },
    },
    mainline: [
      ["3.3", "opted-in"],
      ["6.6", "always"],
    ],
  },
  "drm.bochs": {
    question: "Where does the bochs driver keep its buffers?",
    choices: {
      "vram-helper": { doc: "in TTM objects, by the VRAM helper" },
      "gem-shmem": { doc: "in shmem files" },
    },
    mainline: [
      ["5.3", "vram-helper"],
      ["6.13", "gem-shmem"],
    ],
  },
  "gup.longterm-file": {
    question: "May a long-term pin write to a shared file mapping whose dirty pages are tracked?",
    choices: {
      allowed: { doc: "yes" },
      refused: { doc: "EFAULT by the slow walk, and the fast walk leaves it to the slow one" },
    },
    mainline: [
      ["2.6", "allowed"],
      ["6.5", "refused"],
    ],
  },
  "gup.hugetlb": {
    question: "By which walk does get_user_pages go through hugetlb mappings?",
    choices: {
      own: { doc: "by one of hugetlb's own (follow_hugetlb_page), whose faults are not counted" },
      common: { doc: "by that of every mapping" },
    },
    mainline: [
      ["2.6", "own"],
      ["6.5", "common"],
    ],
  },
  "gup.force-hugetlb": {
    question: "May a forced write break copy-on-write in a read-only private hugetlb mapping?",
    choices: { refused: { doc: "EFAULT" }, allowed: { doc: "as in any other private mapping" } },
    mainline: [
      ["2.6", "refused"],
      ["6.15", "allowed"],
    ],
  },
  "gup.unshare": {
    question: "What does a read-only pin of a page that others share do first?",
    choices: {
      nothing: { doc: "the pinned page may stop being the process's page" },
      anon: { doc: "an anonymous page is copied (FAULT_FLAG_UNSHARE)" },
      "anon-and-longterm-file": { doc: "long-term pins also break copy-on-write of file pages in private mappings" },
    },
    mainline: [
      ["2.6", "nothing"],
      ["5.19", "anon"],
      ["6.2", "anon-and-longterm-file"],
    ],
  },
  "gup-fast.null-mapping": {
    question: "May the fast walk take a small folio that belongs to no file and to no anonymous memory?",
    choices: {
      take: { doc: "yes: only secret memory is left out" },
      "leave-to-slow": { doc: "no: it cannot be told from truncated or secret memory" },
      "leave-longterm-writes": { doc: "only long-term writable pins are left to the slow walk" },
    },
    mainline: [
      ["2.6", "take"],
      ["6.5", "leave-to-slow"],
      ["7.3", "leave-longterm-writes"],
    ],
    configured: [
      [
        "!SECRETMEM",
        [
          ["2.6", "take"],
          ["6.5", "leave-longterm-writes"],
        ],
      ],
    ],
  },
  "direct-io.references": {
    question: "How does direct I/O hold the pages of its memory?",
    choices: { get: { doc: "by plain references" }, pin: { doc: "by pins (iov_iter_extract_pages)" } },
    mainline: [
      ["2.6", "get"],
      ["6.5", "pin"],
    ],
  },
  "direct-io.memory-alignment": {
    question: "When does direct I/O look at the alignment of its memory?",
    choices: {
      first: { doc: "before anything else: EINVAL" },
      never: { doc: "never, for a device that can read from any address" },
      "at-extraction": { doc: "before pages are referenced: EINVAL" },
    },
    mainline: [
      ["2.6", "first"],
      ["6.18", "never"],
      ["7.0", "at-extraction"],
    ],
  },
  "generic-write.chunk": {
    question: "How much does one turn of a buffered write announce to the file?",
    choices: {
      page: { doc: "to the end of a page" },
      "largest-folio": {
        doc: "as much as the file's largest folio could hold, also where folios are single pages: a seal against growing refuses it all",
      },
    },
    mainline: [
      ["2.6", "page"],
      ["6.11", "largest-folio"],
      ["6.14", "page"],
      ["7.0", "largest-folio"],
    ],
  },
  "generic-write.prefault": {
    question: "When does a buffered write fault its source in?",
    choices: {
      before: { doc: "before it looks at the file" },
      "after-failed-copy": { doc: "after a copy moved nothing, with the file's page allocated already" },
    },
    mainline: [
      ["2.6", "before"],
      ["6.15", "after-failed-copy"],
    ],
  },
  "pipe.insert": {
    question: "When does a write put its page into the pipe?",
    choices: {
      "before-copy": { doc: "before the copy: one that faults leaves an empty buffer" },
      "after-copy": { doc: "after the copy" },
    },
    mainline: [
      ["2.6", "before-copy"],
      ["6.15", "after-copy"],
    ],
  },
  "proc-mem.force": {
    question: "May /proc/PID/mem go past the protection of mappings?",
    choices: {
      always: { doc: "yes: FOLL_FORCE (CONFIG_PROC_MEM_ALWAYS_FORCE)" },
      ptrace: {
        doc: "only for who traces the process (CONFIG_PROC_MEM_FORCE_PTRACE; a matter of configuration, and what Debian's 7.x kernels have)",
      },
      never: { doc: "no (CONFIG_PROC_MEM_NO_FORCE)" },
    },
    mainline: [
      ["2.6", "always"],
      ["7.0", "ptrace"],
    ],
    configured: [
      ["PROC_MEM_ALWAYS_FORCE", [["2.6", "always"]]],
      ["PROC_MEM_FORCE_PTRACE", [["2.6", "ptrace"]]],
      ["PROC_MEM_NO_FORCE", [["2.6", "never"]]],
    ],
  },
  "io-uring.buffers": {
    question: "How does a ring pin the buffers that are registered with it?",
    choices: {
      "slow-no-files": {
        doc: "by the slow walk; file mappings that are neither shmem nor hugetlb are refused with EOPNOTSUPP",
      },
      slow: { doc: "by the slow walk" },
      fast: { doc: "by the fast walk first" },
    },
    mainline: [
      ["5.1", "slow-no-files"],
      ["6.5", "slow"],
      ["6.10", "fast"],
    ],
  },
  "io-uring.header": {
    question: "How does a ring's header lie in memory?",
    choices: {
      "cache-lines": { doc: "each head and tail in a cache line of its own" },
      packed: { doc: "heads and tails side by side" },
    },
    mainline: [
      ["5.1", "cache-lines"],
      ["6.3", "packed"],
    ],
  },
  "coredump.address-zero": {
    question: "Is a mapping at address 0 in a core file?",
    choices: { yes: { doc: "yes" }, skipped: { doc: "no: the search for mappings begins behind it" } },
    mainline: [
      ["2.6", "yes"],
      ["6.1", "skipped"],
      ["6.2", "yes"],
    ],
  },
  "io-uring.mmap": {
    question: "What does mmap of an io_uring put into the page table?",
    choices: {
      "remap-pfn": { doc: "frame numbers, by remap_pfn_range" },
      "insert-pages": { doc: "pages, by vm_insert_pages; mainline since 6.10, stable series from 6.1 on have it too" },
    },
    mainline: [
      ["5.1", "remap-pfn"],
      ["6.1", "insert-pages"],
    ],
  },
  "io-uring.address": {
    question: "Who chooses where a ring of an io_uring is mapped?",
    choices: {
      caller: { doc: "whoever calls mmap, as usual" },
      kernel: {
        doc: "the kernel: any address asked for gives EINVAL; mainline since 6.5, stable series from 6.1 on have it too",
      },
    },
    mainline: [
      ["5.1", "caller"],
      ["6.1", "kernel"],
    ],
  },
  "io-uring.offset": {
    question: "Which offsets stand for a part of an io_uring?",
    choices: {
      exact: { doc: "the three that are named" },
      masked: { doc: "all whose bits 27 to 31 are those of a named one" },
    },
    mainline: [
      ["5.1", "exact"],
      ["6.4", "masked"],
    ],
  },
  "io-uring.bad-offset": {
    question: "What does mmap of an io_uring say to an offset at which there is nothing?",
    choices: { ENOMEM: { doc: "ENOMEM" }, EINVAL: { doc: "EINVAL" } },
    mainline: [
      ["5.1", "ENOMEM"],
      ["6.19", "EINVAL"],
    ],
  },
  "anon-inode.mount": {
    question: "Does the file system of anonymous inodes (io_uring, KVM) allow execution?",
    choices: {
      exec: { doc: "yes: mappings may be executable" },
      noexec: { doc: "no: PROT_EXEC is refused and VM_MAYEXEC missing" },
    },
    mainline: [
      ["2.6", "exec"],
      ["6.16", "noexec"],
    ],
  },
  "pci-sysfs.llseek": {
    question: "Whose size does lseek on a BAR's file go by?",
    choices: {
      file: { doc: "the file's; positions go up to the file system's limit" },
      "device-memory": { doc: "that of the inode that stands for all device memory, which is empty and has no limit" },
      "fixed-size": { doc: "the file's, and no position may lie behind it" },
    },
    mainline: [
      ["2.6", "file"],
      ["5.12", "device-memory"],
      ["6.7", "fixed-size"],
    ],
  },
  "generic-access-phys.checks": {
    question:
      "How much of a mapping of IO memory does one call of its access method reach, and what of pages of RAM in it?",
    choices: {
      none: {
        doc: "what it is asked for, past the page that it looked up and past the mapping's end; RAM is left to ioremap, which warns",
      },
      "io-memory": { doc: "what lies in one page, the caller comes back for the next; RAM is EINVAL" },
    },
    mainline: [
      ["2.6", "none"],
      ["7.3", "io-memory"],
    ],
  },
  "kernfs.max-bytes": {
    question: "Up to which offset do files in sysfs go?",
    choices: {
      "2-GiB": { doc: "2 GiB - 1, the default of file systems" },
      "64-bit": { doc: "what a 64-bit offset can say" },
    },
    mainline: [
      ["3.14", "2-GiB"],
      ["6.19", "64-bit"],
    ],
  },
  "io-uring.vmpin": {
    question: "Does VmPin count the pages that a ring pinned for a process that may lock without limit?",
    choices: { yes: { doc: "yes" }, no: { doc: "only where RLIMIT_MEMLOCK applies" } },
    mainline: [
      ["5.1", "yes"],
      ["7.0", "no"],
    ],
  },
  "io-uring.buffer-limit": {
    question: "What does a ring say to a buffer that is too large to register?",
    choices: { "1G-EFAULT": { doc: "EFAULT past 1 GiB" }, "1T-EINVAL": { doc: "EINVAL past 1 TiB" } },
    mainline: [
      ["5.1", "1G-EFAULT"],
      ["7.0", "1T-EINVAL"],
    ],
  },
  "move-pages.walk": {
    question: "How does move_pages look for a page?",
    choices: {
      "follow-page": {
        doc: "as a core dump does: special entries, the zero page and holes of anonymous memory are EFAULT",
      },
      "follow-accessible": {
        doc: "so too, but what mprotect has made inaccessible is ENOENT (6.1 to 6.5, with NUMA balancing)",
      },
      "folio-walk": { doc: "by a walk of its own: what has no struct page is ENOENT, the zero page EFAULT" },
    },
    mainline: [
      ["2.6", "follow-page"],
      ["6.1", "follow-accessible"],
      ["6.6", "follow-page"],
      ["6.12", "folio-walk"],
    ],
    configured: [
      [
        "!NUMA_BALANCING",
        [
          ["2.6", "follow-page"],
          ["6.12", "folio-walk"],
        ],
      ],
    ],
  },
  "userfaultfd.minor": {
    question: "Can minor faults of shmem be handed to a userfaultfd?",
    choices: { no: { doc: "EINVAL" }, yes: { doc: "on shmem and hugetlb mappings" } },
    mainline: [
      ["4.3", "no"],
      ["5.14", "yes"],
    ],
  },
  "userfaultfd.wp": {
    question: "Which memory can a userfaultfd write-protect?",
    choices: {
      anon: { doc: "anonymous memory" },
      "anon-and-files": { doc: "shmem and hugetlb too (markers in the page table)" },
    },
    mainline: [
      ["5.7", "anon"],
      ["5.19", "anon-and-files"],
    ],
  },
  "userfaultfd.release": {
    question:
      "What happens to the entries of a mapping that was registered for write protection when the userfaultfd is closed?",
    choices: {
      "keeps-entries": { doc: "nothing" },
      "resets-entries": { doc: "they get the mapping's protection; shared ones fault again before a write" },
    },
    mainline: [
      ["4.3", "keeps-entries"],
      ["6.9", "resets-entries"],
    ],
  },
  "userfaultfd.wp-arm64": {
    question: "Can a userfaultfd write-protect memory on arm64?",
    choices: { no: { doc: "EINVAL" }, yes: { doc: "as on x86" } },
    mainline: [
      ["4.3", "no"],
      ["6.10", "yes"],
    ],
  },
  "oom.mlocked": {
    question: "Does the OOM reaper take locked memory?",
    choices: { no: { doc: "mappings with VM_LOCKED are left alone" }, yes: { doc: "yes" } },
    mainline: [
      ["4.6", "no"],
      ["5.15", "yes"],
    ],
  },
  "follow-pfn.call": {
    question: "By which call may a driver read a frame number from a page table?",
    choices: {
      "follow-pfn": { doc: "follow_pfn: no lock is held afterwards" },
      "follow-pfnmap": { doc: "follow_pfnmap_start: the page-table lock is held until follow_pfnmap_end" },
    },
    mainline: [
      ["2.6", "follow-pfn"],
      ["6.12", "follow-pfnmap"],
    ],
  },
  "pat.tracking": {
    question: "How does x86 remember which memory type remap_pfn_range reserved for a whole mapping?",
    choices: {
      "vm-pat": { doc: "a VMA flag, VM_PAT, that smaps shows as `ar`" },
      "track-ctx": {
        doc: "a counted context that split and forked mappings share; a second reservation of one mapping fails",
        proposed: "mm: rewrite pfnmap tracking and remove VM_PAT (David Hildenbrand, 2025), merged",
      },
    },
    mainline: [
      ["2.6", "vm-pat"],
      ["6.16", "track-ctx"],
    ],
  },
  "page-attributes.cache-flush": {
    question: "How do the caches let go of many pages that become uncached or write-combining?",
    choices: {
      "wbinvd-from-4-MiB": {
        doc: "below 4 MiB line by line, from there on by writing back everything on all processors",
      },
      clflush: { doc: "line by line, however many" },
    },
    mainline: [
      ["2.6", "wbinvd-from-4-MiB"],
      ["5.0", "clflush"],
    ],
  },
  "vmf-insert-mixed.unmixed": {
    question: "What does vmf_insert_mixed make of a mapping without VM_MIXEDMAP?",
    choices: { bug: { doc: "a BUG" }, sigbus: { doc: "the fault ends in SIGBUS" } },
    mainline: [
      ["2.6", "bug"],
      ["6.11", "sigbus"],
    ],
  },
  "vm-normal-page.mixed-zero": {
    question: "Is the zero page a normal page in VM_MIXEDMAP where entries have no special bit?",
    choices: { normal: { doc: "yes" }, bare: { doc: "no" } },
    mainline: [
      ["2.6", "normal"],
      ["6.11", "bare"],
    ],
  },
  "cow.reuse": {
    question: "When may a write reuse an anonymous page instead of copying it?",
    choices: {
      "page-count": { doc: "when its reference count is 1" },
      exclusive: { doc: "when it is marked as its mapping's alone (PageAnonExclusive), or its reference count is 1" },
    },
    mainline: [
      ["5.8", "page-count"],
      ["5.19", "exclusive"],
    ],
  },
  "vma-merge.close": {
    question: "When does vm_ops->close keep a mapping from merging?",
    choices: {
      never: { doc: "a mapping with close never merges" },
      "when-removed": { doc: "only where the merge would remove it" },
    },
    mainline: [
      ["2.6", "never"],
      ["6.5", "when-removed"],
    ],
  },
  "vma-merge.new-mapping": {
    question: "Between two neighbours that cannot be one mapping, which of them takes in a new mapping?",
    choices: {
      previous: { doc: "the one before it" },
      next: { doc: "the one behind it, which mmap_region asks first" },
    },
    mainline: [
      ["2.6", "previous"],
      ["6.1", "next"],
      ["6.12", "previous"],
    ],
  },
  "vma-merge.unfaulted-target": {
    question: "Does a mapping with anonymous pages merge into a neighbour that has none yet?",
    choices: {
      refused: { doc: "no: only into one that has the same anon_vma" },
      allowed: { doc: "yes, unless it came from a fork" },
    },
    mainline: [
      ["2.6", "refused"],
      ["6.16", "allowed"],
    ],
  },
  "mseal.check": {
    question: "When does munmap look for sealed mappings?",
    choices: {
      none: { doc: "nothing can be sealed" },
      "whole-range": { doc: "before it changes anything" },
      "per-vma": { doc: "mapping by mapping, after the splits" },
    },
    mainline: [
      ["2.6", "none"],
      ["6.10", "whole-range"],
      ["6.12", "per-vma"],
    ],
  },
  "memfd.sealed-readonly": {
    question:
      "Can a memfd that is sealed against writing be mapped shared and read-only through a writable descriptor?",
    choices: {
      refused: { doc: "no for F_SEAL_WRITE (EPERM): every VM_SHARED mapping counts as a writer" },
      "without-maywrite": {
        doc: "yes, and mprotect can never make it writable (6.7; stable releases of 5.10 and 6.1 have it too)",
      },
    },
    mainline: [
      ["3.17", "refused"],
      ["5.10", "without-maywrite"],
    ],
  },
  "memfd.seal-exec": {
    question: "Is F_SEAL_EXEC known?",
    choices: {
      unknown: { doc: "no: EINVAL" },
      known: { doc: "yes; of an executable memfd it brings the other seals with it" },
    },
    mainline: [
      ["3.17", "unknown"],
      ["6.3", "known"],
    ],
  },
  "memfd.seal-exec-checks": {
    question: "Are the seals that F_SEAL_EXEC brings checked as if they had been asked for?",
    choices: {
      no: { doc: "they are added after writable mappings and pins have been looked for" },
      yes: { doc: "a writable mapping or a pinned page refuses them" },
    },
    // The repair reached 6.12.y before it reached 6.18.15.
    mainline: [
      ["3.17", "no"],
      ["6.12", "yes"],
      ["6.18", "no"],
      ["7.2", "yes"],
    ],
  },
  "mprotect.upgrade": {
    question: "Which entries does mprotect make writable when a mapping becomes writable?",
    choices: {
      "dirty-shared": { doc: "dirty ones of shared mappings with write notification" },
      "exclusive-anon": { doc: "those, and exclusive anonymous pages of private mappings" },
    },
    mainline: [
      ["2.6", "dirty-shared"],
      ["6.0", "exclusive-anon"],
    ],
  },
  "mprotect.unaccount": {
    question: "Does anonymous memory stop to count against the commit limit when mprotect makes it read-only?",
    choices: { never: { doc: "no" }, untouched: { doc: "yes, while no page of it was written" } },
    mainline: [
      ["2.6", "never"],
      ["6.7", "untouched"],
    ],
  },
  "mincore.pfnmap": {
    question: "Does mincore look at the entries of VM_PFNMAP mappings?",
    choices: {
      skipped: { doc: "no: the page walk leaves such mappings out" },
      walked: { doc: "yes: it walks the one mapping" },
    },
    mainline: [
      ["2.6", "skipped"],
      ["7.3", "walked"],
    ],
  },
  "iovec.single": {
    question:
      "Of a range that a system call takes as its only iovec, what has to lie in the user's half of the address space?",
    choices: {
      whole: { doc: "all of it" },
      "what-moves": { doc: "the 2 GiB less a page that one call moves at most (import_ubuf)" },
    },
    mainline: [
      ["2.6", "whole"],
      ["6.4", "what-moves"],
    ],
  },
  "process-madvise.advice": {
    question: "Which advice does process_madvise take?",
    choices: {
      "cold-pageout": { doc: "cold and pageout" },
      willneed: { doc: "willneed too" },
      collapse: { doc: "collapse too" },
      "any-own": { doc: "these for another process, any for one's own" },
    },
    mainline: [
      ["5.10", "cold-pageout"],
      ["5.15", "willneed"],
      ["6.1", "collapse"],
      ["6.13", "any-own"],
    ],
  },
  "madvise.populate": {
    question: "How does MADV_POPULATE_READ and _WRITE go over a range?",
    choices: {
      unknown: { doc: "the advice is not known: EINVAL" },
      "per-vma": { doc: "mapping by mapping, over holes, with ENOMEM at the end" },
      "whole-range": { doc: "page by page: the first hole ends it" },
    },
    mainline: [
      ["2.6", "unknown"],
      ["5.14", "per-vma"],
      ["6.9", "whole-range"],
    ],
  },
  "madvise.dontneed-locked": {
    question: "Are MADV_DONTNEED_LOCKED, and MADV_DONTNEED of hugetlb mappings, known?",
    choices: { unknown: { doc: "no: EINVAL" }, known: { doc: "yes" } },
    mainline: [
      ["2.6", "unknown"],
      ["5.18", "known"],
    ],
  },
  "madvise.collapse": {
    question: "Is MADV_COLLAPSE known?",
    choices: { unknown: { doc: "no: EINVAL" }, known: { doc: "yes" } },
    mainline: [
      ["2.6", "unknown"],
      ["6.1", "known"],
    ],
  },
  "madvise.guard": {
    question: "Into which mappings can guard markers be put?",
    choices: {
      unknown: { doc: "none: the advice is not known" },
      anonymous: { doc: "private anonymous memory" },
      any: { doc: "all but special and hugetlb ones" },
    },
    mainline: [
      ["2.6", "unknown"],
      ["6.13", "anonymous"],
      ["6.15", "any"],
    ],
  },
  "madvise.dofork": {
    question: "Which mappings refuse MADV_DOFORK?",
    choices: { "not-io": { doc: "those with VM_IO" }, "not-special": { doc: "every special one" } },
    mainline: [
      ["2.6", "not-io"],
      ["7.0", "not-special"],
    ],
  },
  "madvise.remove-needs": {
    question: "What does MADV_REMOVE want of a shared mapping?",
    choices: {
      write: { doc: "VM_WRITE: it can be written now" },
      maywrite: { doc: "VM_MAYWRITE: mprotect could make it writable" },
    },
    // Stable 5.10 took the change; 5.10.223 still has the old one.
    mainline: [
      ["2.6", "write"],
      ["5.10", "maywrite"],
    ],
  },
  "madvise.pageout-young": {
    question: "Does MADV_PAGEOUT make entries old that it then does not take out?",
    choices: { "made-old": { doc: "yes" }, kept: { doc: "no" } },
    mainline: [
      ["5.4", "made-old"],
      ["6.8", "kept"],
    ],
  },
  "lru.activate": {
    question:
      "Does a faulted-in page lose its referenced flag when it comes from the per-CPU batch to the youngest generation?",
    choices: { kept: { doc: "no" }, reset: { doc: "yes: lru_gen_add_folio clears PG_referenced with the tier bits" } },
    mainline: [
      ["2.6", "kept"],
      ["6.12", "reset"],
      ["6.14", "kept"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["2.6", "kept"]]]],
    // 6.12.107 keeps it, 6.12.117 does not; none between was looked at.
    before: [["6.12.117", "kept"]],
  },
  "lru.deactivate": {
    question:
      "Does a page that MADV_COLD deactivates lose its referenced flag when the per-CPU batch takes effect, whatever set it meanwhile?",
    choices: {
      kept: { doc: "no: it is not queued" },
      reset: { doc: "yes, under the multi-generational LRU: lru_deactivate clears PG_referenced" },
    },
    mainline: [
      ["2.6", "kept"],
      ["6.12", "reset"],
      ["6.14", "kept"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["2.6", "kept"]]]],
  },
  "lru.lazyfree": {
    question: "Does a page lose its referenced flag when MADV_FREE takes effect?",
    choices: { cleared: { doc: "yes" }, kept: { doc: "no: lru_gen_clear_refs finds it on no list at that moment" } },
    mainline: [
      ["4.5", "cleared"],
      ["6.14", "kept"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["4.5", "cleared"]]]],
  },
  "lru.unmap": {
    question: "Does taking entries away drain the per-CPU LRU batches first?",
    choices: { drain: { doc: "yes: munmap, exit and zap_page_range_single call lru_add_drain" }, wait: { doc: "no" } },
    mainline: [
      ["2.6", "drain"],
      ["6.18", "wait"],
    ],
  },
  "lru.populate": {
    question: "Does faulting a range in, or locking it, drain the per-CPU LRU batches?",
    choices: {
      wait: { doc: "no" },
      drain: { doc: "yes: populate_vma_page_range and mlock_vma_pages_range call lru_add_drain" },
    },
    mainline: [
      ["2.6", "wait"],
      ["5.18", "drain"],
    ],
  },
  "lru.batch": {
    question: "How many pages wait in a per-CPU LRU batch before it takes effect?",
    choices: { "15": { doc: "15 (PAGEVEC_SIZE)" }, "31": { doc: "31 (PAGEVEC_SIZE)" } },
    mainline: [
      ["4.13", "15"],
      ["6.9", "31"],
    ],
  },
  "mremap.checks": {
    question: "In which order does mremap check?",
    choices: {
      "vma-first": {
        doc: "flags, then the mapping, then the target; the target is unmapped before the mapping's own checks",
      },
      "arguments-first": {
        doc: "all arguments, then the mapping, then the target is unmapped; a move may cover several mappings",
      },
    },
    mainline: [
      ["2.6", "vma-first"],
      ["6.17", "arguments-first"],
    ],
  },
  "mremap.lookup": {
    question: "When does mremap look for the mapping?",
    choices: {
      "to-resize": {
        doc: "only when it is to grow or to move: the same length, and shrinking, succeed anywhere; hugetlb mappings are refused there",
      },
      always: { doc: "at once; hugetlb mappings move and shrink in whole huge pages" },
    },
    mainline: [
      ["2.6", "to-resize"],
      ["5.16", "always"],
    ],
  },
  "fault.shared-dirty": {
    question: "How does a write fault end that makes a file's page dirty?",
    choices: {
      retried: { doc: "the mmap lock is dropped and the fault taken again, which then counts as a major one" },
      completed: { doc: "it is complete, and a minor one (VM_FAULT_COMPLETED)" },
    },
    mainline: [
      ["5.1", "retried"],
      ["6.0", "completed"],
    ],
  },
  "mremap.dontunmap": {
    question: "Which mappings does MREMAP_DONTUNMAP take?",
    choices: {
      "anonymous-only": { doc: "private anonymous memory" },
      "not-special": { doc: "all without VM_DONTEXPAND and VM_PFNMAP" },
    },
    mainline: [
      ["5.7", "anonymous-only"],
      ["5.13", "not-special"],
    ],
  },
  "mremap.dontunmap-locked": {
    question: "Does VmLck count locked memory twice that MREMAP_DONTUNMAP moved?",
    choices: {
      once: { doc: "no: the old mapping is no longer locked" },
      twice: { doc: "yes: the new mapping is counted before the old one stops being locked, and nothing is taken off" },
    },
    mainline: [
      ["5.7", "once"],
      ["6.15", "twice"],
      ["7.2", "once"],
    ],
  },
  "mremap.expand": {
    question: "How does mremap make a mapping longer in place?",
    choices: {
      plain: { doc: "it moves the end of the mapping" },
      merge: { doc: "it merges the new range into the mapping, which special mappings refuse" },
    },
    mainline: [
      ["2.6", "plain"],
      ["5.19", "merge"],
    ],
  },
  "smaps.pfnmap": {
    question: "Does smaps look at the entries of VM_PFNMAP mappings?",
    choices: {
      skipped: { doc: "no: the page walk leaves such mappings out" },
      walked: { doc: "yes: private copies in them are counted" },
    },
    mainline: [
      ["2.6", "skipped"],
      ["6.2", "walked"],
    ],
  },
  "smaps.pss-dirty": {
    question: "Does smaps have a Pss_Dirty line?",
    choices: { absent: { doc: "no" }, shown: { doc: "yes" } },
    mainline: [
      ["2.6", "absent"],
      ["6.0", "shown"],
    ],
  },
  "lru.fault": {
    question: "Does a page that a fault brings in count as referenced at once?",
    choices: {
      no: { doc: "no: its young entry says so" },
      referenced: { doc: "yes, under the multi-generational LRU: PG_referenced, which smaps shows as Referenced" },
    },
    mainline: [
      ["2.6", "no"],
      ["7.0", "referenced"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["2.6", "no"]]]],
  },
  "kvm.references": {
    question: "On which frames that a guest reaches does KVM take a reference, and when do they become dirty?",
    choices: {
      frames: {
        doc: "on every frame that has a struct page, also those of VM_PFNMAP mappings; pages are dirty once they are taken from the guest again",
      },
      pages: {
        doc: "on pages that get_user_pages gave, which are dirty when the guest gets them writable",
        proposed: "KVM: Stop grabbing references to PFNMAP'd pages (Sean Christopherson, October 2024)",
      },
    },
    mainline: [
      ["5.10", "frames"],
      ["6.13", "pages"],
    ],
  },
  "iommu.write-only": {
    question: "May a device behind an Intel IOMMU read what was mapped for it to write only?",
    choices: {
      readable: {
        doc: "yes: every entry has the bit that means present in the tables of the first level, and read in those of the second",
      },
      enforced: { doc: "no" },
    },
    mainline: [
      ["5.7", "readable"],
      ["6.18", "enforced"],
    ],
  },
  "pci-sysfs.claimed": {
    question: "What becomes of a mapping of a BAR through sysfs when a driver claims the device's regions?",
    choices: {
      stays: { doc: "nothing" },
      revoked: {
        doc: "it is zapped, and every further access gets SIGBUS",
        proposed: "PCI: Revoke mappings like devmem (Daniel Vetter, November 2020), merged",
      },
    },
    mainline: [
      ["2.6", "stays"],
      ["5.12", "revoked"],
    ],
  },
  "rdma.read-only-pin": {
    question: "How is memory pinned that an RDMA device only reads?",
    choices: {
      "forced-write": {
        doc: "for writing, by force: copy-on-write is broken in advance, so that the pin stays on the process's page",
      },
      longterm: { doc: "for reading, for long" },
    },
    mainline: [
      ["2.6", "forced-write"],
      ["6.2", "longterm"],
    ],
  },
  "memfd.pin-folios": {
    question: "Can the pages of a memfd be pinned by file offset, without a mapping?",
    choices: { absent: { doc: "no" }, present: { doc: "yes: memfd_pin_folios" } },
    mainline: [
      ["3.17", "absent"],
      ["6.11", "present"],
    ],
  },
  "mmu-notifier.retry": {
    question:
      "Does whoever has a page table of its own look again whether its range was invalidated while it faulted a page in?",
    choices: {
      checked: { doc: "yes: mmu_invalidate_retry, mmu_interval_read_retry" },
      unchecked: {
        doc: "no: a page that is already freed can be entered",
        proposed: "what «follow_pte is fundamentally broken» meant (Jason Gunthorpe, November 2022)",
      },
    },
    mainline: [["2.6", "checked"]],
  },
  "vfio.overflow": {
    question: "What does VFIO say to a range that wraps around?",
    choices: {
      einval: { doc: "EINVAL, after the check of the alignment" },
      eoverflow: { doc: "EOVERFLOW, for a mapping before that check; the 6.18 stable series has it" },
    },
    mainline: [
      ["3.6", "einval"],
      ["6.18", "eoverflow"],
    ],
  },
  "madvise.table-reclaim": {
    question: "Does MADV_DONTNEED free page tables that it has emptied?",
    choices: {
      no: { doc: "no: they stay until munmap" },
      x86: { doc: "yes, on x86_64 (CONFIG_PT_RECLAIM)" },
      yes: { doc: "yes" },
    },
    mainline: [
      ["2.6", "no"],
      ["6.14", "x86"],
      ["7.0", "yes"],
    ],
    configured: [["!PT_RECLAIM", [["2.6", "no"]]]],
  },
  "fork.hugetlb": {
    question: "Which hugetlb mappings have their entries copied at fork?",
    choices: { all: { doc: "all" }, anonymous: { doc: "those with private pages: the others fault in the child" } },
    mainline: [
      ["2.6", "all"],
      ["6.1", "anonymous"],
    ],
  },
  "smaps.lockonfault": {
    question: "Has VM_LOCKONFAULT a word in smaps?",
    choices: { "??": { doc: "no: it shows as `??`" }, lf: { doc: "`lf`" } },
    mainline: [
      ["4.4", "??"],
      ["6.8", "lf"],
    ],
  },
  "mmap.fixed-over": {
    question: "What does MAP_FIXED say when what lies there cannot be unmapped?",
    choices: { enomem: { doc: "ENOMEM" }, "munmap-error": { doc: "what munmap would say" } },
    mainline: [
      ["2.6", "enomem"],
      ["6.12", "munmap-error"],
    ],
  },
  "hugetlb.cache-index": {
    question: "In which unit does the page cache of a hugetlb file count?",
    choices: { "huge-pages": { doc: "in huge pages" }, pages: { doc: "in pages, as that of every file" } },
    mainline: [
      ["2.6", "huge-pages"],
      ["6.7", "pages"],
    ],
  },
  "guard.vma-flag": {
    question: "Does a mapping remember that it has guard markers?",
    choices: { none: { doc: "no" }, "maybe-guard": { doc: "VM_MAYBE_GUARD, which smaps shows as `gu`" } },
    mainline: [
      ["2.6", "none"],
      ["6.19", "maybe-guard"],
    ],
  },
  "arch.pte-special": {
    question: "Can a page-table entry be marked as having no struct page?",
    choices: { yes: { doc: "CONFIG_ARCH_HAS_PTE_SPECIAL" }, no: { doc: "the VMA alone tells" } },
    mainline: [["2.6", "yes"]],
  },
});

export type PointName = keyof typeof points;
export type Design = { readonly [P in PointName]: keyof (typeof points)[P]["choices"] & string };
