/**
 * Decision points of the subsystem. A release is a choice at every point; a patch is a step
 * from one choice to another. Code asks `k.design["udmabuf.mmap"]` at the one place where the
 * decision is made, and never compares releases.
 */

import type { ExporterPoints } from "../exporters/index.js";

export interface Choice {
  readonly doc: string;
  /** Who proposed it and where, when it was never mainline or was argued about. */
  readonly proposed?: string;
}

export interface Point {
  readonly question: string;
  readonly choices: Readonly<Record<string, Choice>>;
  /** What has been chosen, from which mainline release on, and which stable updates took a change. */
  readonly mainline: History;
  /**
   * Where a kernel's configuration decides: the first condition that holds, `OPTION` (set) or
   * `!OPTION`, gives the choices; when none does, mainline's stand, which are those of Debian's kernels.
   */
  readonly configured?: readonly (readonly [condition: string, choices: History])[];
}

/** The update of each stable series that took a change: `{ "6.12": "6.12.118" }`. */
export type Stable = Readonly<Record<string, string>>;

/**
 * A choice from a mainline release on, ascending; the first one holds for everything older too. Every other is a
 * change: it says where it is known from, such as the title of the commit, and has the stable updates that took it.
 * A series that is listed has the change from that update on, be it older or newer than the mainline release.
 */
export type History = readonly (readonly [since: string, choice: string, source?: string, stable?: Stable])[];

const book: Record<string, Point> = {};
let read = false;

/** Declares decision points; those of one exporter are in its own file. */
export function definePoints<const T extends Record<string, Point>>(points: T): T {
  if (read) throw new Error(`declared after a kernel was made: ${Object.keys(points)[0]}`);
  Object.assign(book, points);
  return points;
}

/** Every point that is declared, by subject, in the order of declaration. Complete once the model's files are loaded. */
export function pointBook(): Points {
  read = true;
  const subject = (name: string): string => name.slice(0, name.indexOf("."));
  const entries = Object.entries(book).sort(([a], [b]) =>
    subject(a) < subject(b) ? -1 : subject(a) > subject(b) ? 1 : 0,
  );
  return Object.fromEntries(entries) as Points;
}

const corePoints = definePoints({
  "p2pdma.user-space": {
    question: "Can user space allocate and map P2PDMA memory?",
    choices: {
      no: { doc: "no: drivers only" },
      allocate: {
        doc: "yes, through sysfs p2pmem/allocate: refcounted pages, which GUP returns only with FOLL_PCI_P2PDMA",
      },
    },
    mainline: [
      ["4.20", "no"],
      ["6.2", "allocate", "PCI/P2PDMA: Allow userspace VMA allocations through sysfs"],
    ],
  },
  "dma.iommu-memory": {
    question: "Of which pages does coherent memory behind an IOMMU consist?",
    choices: {
      contiguous: { doc: "one block, as without an IOMMU: the DMA ops of x86's Intel IOMMU driver" },
      pages: { doc: "single pages that the IOMMU makes contiguous (dma-iommu); arm and arm64 have always had them" },
    },
    mainline: [
      ["2.6", "contiguous"],
      ["5.11", "pages", "iommu/vt-d: Convert intel iommu driver to the iommu ops"],
    ],
  },
  "dma.noncontiguous": {
    question: "Does the DMA API have dma_alloc_noncontiguous and dma_mmap_pages?",
    choices: {
      absent: { doc: "no; what drivers did before is not modelled" },
      present: { doc: "yes" },
    },
    mainline: [
      ["2.6", "absent"],
      ["5.13", "present", "dma-mapping: add a dma_alloc_noncontiguous API"],
    ],
  },
  "dma-heap.charge": {
    question: "Which memory cgroup is charged for a heap buffer, and can the charge move?",
    choices: {
      nobody: { doc: "none (dma_heap.mem_accounting is off by default)" },
      allocator: {
        doc: "the allocating task's, for good (dma_heap.mem_accounting=1, from 7.0)",
        proposed: "dma-buf: heaps: mem_accounting (Eric Chanudet, January 2026)",
      },
      "transfer-exchanged": {
        doc: "as allocator; DMA_BUF_IOCTL_XFER_CHARGE moves it by cmpxchg of the owner",
        proposed: "dma-buf: charge_fd and DMA_BUF_IOCTL_XFER_CHARGE (Albert Esteve, October 2026)",
      },
      "transfer-plain": {
        doc:
          "as allocator; a transfer reads the owner, charges, writes the owner, uncharges: two in parallel " +
          "uncharge twice",
      },
    },
    mainline: [["5.6", "nobody"]],
  },
  "dma-buf.mount": {
    question: "Do the pseudo file systems of dma-bufs, pipes and sync files (init_pseudo) allow execution?",
    choices: {
      exec: { doc: "yes: PROT_EXEC is accepted" },
      noexec: { doc: "no: PROT_EXEC is refused and VM_MAYEXEC cleared" },
    },
    mainline: [
      ["3.3", "exec"],
      ["7.2", "noexec", "source: not in 7.1.3, in 7.1.13 and 7.2.13, fs/libfs.c", { "7.1": "7.1.13" }],
    ],
  },
  "dma-buf.sync-file-ioctls": {
    question: "Does the core have the sync_file ioctls?",
    choices: {
      absent: { doc: "no: ENOTTY" },
      present: { doc: "yes: DMA_BUF_IOCTL_EXPORT_SYNC_FILE and _IMPORT_SYNC_FILE" },
    },
    mainline: [
      ["3.3", "absent"],
      ["6.0", "present", "dma-buf: Add an API for exporting sync files"],
    ],
  },
  "dma-buf.set-name": {
    question: "Can a dma-buf be renamed while devices are attached?",
    choices: { "refused-while-attached": { doc: "no: EBUSY" }, always: { doc: "yes" } },
    mainline: [
      ["5.3", "refused-while-attached"],
      ["6.0", "always", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "dma-buf.sgt-cache": {
    question: "Does the core cache the sg tables of attachments?",
    choices: {
      cached: {
        doc: "yes, if the exporter asks for it, and from attach on if importer and exporter differ in being dynamic",
      },
      none: {
        doc: "no: every map call goes to the exporter, and pins it for a static importer",
        proposed: "dma-buf: drop caching of sg_tables (Christian König, February 2025)",
      },
    },
    mainline: [
      ["3.3", "cached"],
      ["6.15", "none", "dma-buf: drop caching of sg_tables"],
    ],
  },
  "dma-buf.map-lock": {
    question: "When is an attachment mapped under the resv?",
    choices: {
      "dynamic-only": { doc: "for dynamic importers" },
      always: {
        doc: "always",
        proposed: "dma-buf: Move all dma-bufs to dynamic locking specification (Dmitry Osipenko, 2022)",
      },
    },
    mainline: [
      ["5.5", "dynamic-only"],
      ["6.2", "always", "dma-buf: Move dma_buf_map_attachment() to dynamic locking specification"],
    ],
  },
  "dma-buf.vmap-lock": {
    question: "Which lock protects the vmap of a dma-buf?",
    choices: { "buffer-mutex": { doc: "a mutex of the dma-buf" }, reservation: { doc: "the resv" } },
    mainline: [
      ["3.3", "buffer-mutex"],
      ["6.2", "reservation", "dma-buf: Move dma_buf_vmap() to dynamic locking specification"],
    ],
  },
  "dma-buf.debug": {
    question: "Does the core hide page links from importers (CONFIG_DMABUF_DEBUG)?",
    choices: {
      off: { doc: "no" },
      mangle: { doc: "the page links of the exporter's own sg table are mangled while it is mapped" },
      wrap: { doc: "importers get a copy of the sg table with DMA addresses only" },
    },
    mainline: [
      ["3.3", "off"],
      ["7.3", "wrap", "Debian's configuration: DMABUF_DEBUG, set in 7.3.4"],
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
    question: "Do devices snoop the CPU's caches?",
    choices: {
      coherent: { doc: "yes: syncs are no-ops" },
      "non-coherent": { doc: "no: each side sees the other's writes only after a sync" },
      "nothing-snoops": { doc: "no, and neither do those that a test has on a coherent bus (`pci`)" },
    },
    mainline: [["2.6", "coherent"]],
  },
  "dma.from-device": {
    question: "What does a sync for a non-coherent device do to lines of memory that the device is to write, on arm64?",
    choices: {
      invalidates: { doc: "drops them: stale memory shows through where the device writes nothing" },
      cleans: {
        doc: "writes them to memory, as for other directions; 5.10's stable series has it too; arm invalidates",
        proposed:
          "arm64: mm: Don't invalidate FROM_DEVICE buffers at start of DMA transfer (Will Deacon, 2022), merged",
      },
    },
    mainline: [
      ["2.6", "invalidates"],
      [
        "5.19",
        "cleans",
        "arm64: mm: Don't invalidate FROM_DEVICE buffers at start of DMA transfer",
        { "5.10": "5.10.125" },
      ],
    ],
  },
  "dma-buf.map-sync": {
    question:
      "Which exporters leave the CPU's caches alone when they map an attachment that syncs could be made for " +
      "(DMA_ATTR_SKIP_CPU_SYNC)?",
    choices: {
      sync: { doc: "none: mapping cleans, unmapping invalidates" },
      "skip-drm": { doc: "DRM's PRIME helper" },
      skip: {
        doc: "DRM's PRIME helper and udmabuf; stable series from 5.15 on have it too",
        proposed:
          "dma-buf/udmabuf: skip redundant cpu sync to fix cacheline EEXIST warning (Mikhail Gavrilov, March 2026), " +
          "merged",
      },
    },
    mainline: [
      ["3.3", "sync"],
      ["4.19", "skip-drm", "drm/prime: skip CPU sync in map/unmap dma_buf"],
      [
        "7.2",
        "skip",
        "dma-buf/udmabuf: skip redundant cpu sync to fix cacheline EEXIST warning",
        { "6.1": "6.1.184", "6.12": "6.12.96" },
      ],
    ],
  },
  "dma.mapping": {
    question: "Is there an IOMMU between devices and memory?",
    choices: {
      direct: { doc: "no: DMA addresses are physical" },
      iommu: { doc: "yes: any pages become contiguous, and DMA directions are enforced" },
    },
    mainline: [["2.6", "direct"]],
  },
  "dma-buf.mmap-guard": {
    question: "What does the core require of a mapping made by an exporter?",
    choices: {
      none: { doc: "nothing" },
      "warn-pfnmap": {
        doc: "VM_PFNMAP, else it warns once",
        proposed: "dma-buf: Require VM_PFNMAP vma for mmap (Daniel Vetter, re-sent November 2022)",
      },
      "require-pfnmap": {
        doc: "VM_PFNMAP, else EINVAL",
        proposed: "dma-buf: Require VM_PFNMAP vma for mmap (Daniel Vetter, February 2021)",
      },
      "require-pfnmap-or-mixedmap": {
        doc: "VM_PFNMAP or VM_MIXEDMAP, else EINVAL",
        proposed: "Christian König's answer in the same thread",
      },
    },
    mainline: [["3.3", "none"]],
  },
  "memory.swap": {
    question: "Is there swap space for GPU drivers' shrinkers?",
    choices: {
      none: { doc: "no, as on every recorded machine: only DONTNEED objects are freed" },
      present: { doc: "yes: objects give up their pages and keep their contents; the model writes nothing to swap" },
    },
    mainline: [["2.6", "none"]],
  },
  "vmf-insert-mixed.uncounted": {
    question: "Does vmf_insert_mixed without pte_special insert a page with refcount 0?",
    choices: {
      inserted: { doc: "yes: the PTE's reference is the only one, and the unmap frees the page" },
      refused: { doc: "no: SIGBUS" },
    },
    mainline: [
      ["2.6", "inserted"],
      ["6.11", "refused", "mm/memory: move page_count() check into validate_page_before_insert()"],
    ],
  },
  "gup.longterm-file": {
    question: "May a long-term pin write to a shared mapping of a file with dirty tracking?",
    choices: {
      allowed: { doc: "yes" },
      refused: { doc: "no: EFAULT by GUP, and gup-fast falls back to it" },
    },
    mainline: [
      ["2.6", "allowed"],
      ["6.5", "refused", "mm/gup: disallow FOLL_LONGTERM GUP-nonfast writing to file-backed mappings"],
    ],
  },
  "gup.hugetlb": {
    question: "How does GUP walk hugetlb VMAs?",
    choices: {
      own: { doc: "by follow_hugetlb_page, whose faults are not counted" },
      common: { doc: "by the walk for all VMAs" },
    },
    mainline: [
      ["2.6", "own"],
      ["6.5", "common", "mm/gup: retire follow_hugetlb_page()"],
    ],
  },
  "gup.force-hugetlb": {
    question: "May FOLL_FORCE break COW in a read-only private hugetlb VMA?",
    choices: { refused: { doc: "no: EFAULT" }, allowed: { doc: "yes, as in other private VMAs" } },
    mainline: [
      ["2.6", "refused"],
      ["6.15", "allowed", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "gup.unshare": {
    question: "What does a read-only pin of a shared page do first?",
    choices: {
      nothing: { doc: "nothing: a later COW separates the pinned page from the process" },
      anon: { doc: "it unshares an anonymous page (FAULT_FLAG_UNSHARE)" },
      "anon-and-longterm-file": { doc: "as anon; long-term pins also break COW of file pages in private mappings" },
    },
    mainline: [
      ["2.6", "nothing"],
      ["5.19", "anon", "mm/gup: trigger FAULT_FLAG_UNSHARE when R/O-pinning a possibly shared anonymous page"],
      ["6.2", "anon-and-longterm-file", "mm/gup: reliable R/O long-term pinning in COW mappings"],
    ],
  },
  "gup-fast.null-mapping": {
    question: "May gup-fast take a small folio with a NULL mapping?",
    choices: {
      take: { doc: "yes: only secretmem is refused" },
      "leave-to-slow": { doc: "no: it cannot be told from a truncated or secretmem folio" },
      "leave-longterm-writes": { doc: "yes, except for long-term writable pins" },
    },
    mainline: [
      ["2.6", "take"],
      ["6.5", "leave-to-slow", "mm/gup: disallow FOLL_LONGTERM GUP-fast writing to file-backed mappings"],
      ["7.3", "leave-longterm-writes", "source: not in 7.2.13, in 7.3.4"],
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
    question: "How does direct I/O hold the user's pages?",
    choices: { get: { doc: "by plain references" }, pin: { doc: "by pins (iov_iter_extract_pages)" } },
    mainline: [
      ["2.6", "get"],
      ["6.5", "pin", "block: Convert bio_iov_iter_get_pages to use iov_iter_extract_pages"],
    ],
  },
  "direct-io.memory-alignment": {
    question: "When does direct I/O check the alignment of memory?",
    choices: {
      first: { doc: "before all else: EINVAL" },
      never: { doc: "never, if the device can read from any address" },
      "at-extraction": { doc: "before pages are pinned: EINVAL" },
    },
    mainline: [
      ["2.6", "first"],
      ["6.18", "never", "source: not in 6.17.8, in 6.18.5"],
      ["7.2", "at-extraction", "source: not in 7.1.13, in 7.2.13"],
    ],
  },
  "generic-write.chunk": {
    question: "How much does one iteration of a buffered write ask the file for?",
    choices: {
      page: { doc: "up to the end of the page" },
      "largest-folio": {
        doc: "up to the largest folio of the file, even if its folios are single pages: F_SEAL_GROW refuses it all",
      },
    },
    mainline: [
      ["2.6", "page"],
      ["6.11", "largest-folio", "filemap: Convert generic_perform_write() to support large folios"],
      ["6.14", "page", "mm: shmem: add large folio support for tmpfs"],
      ["7.2", "largest-folio", "source: not in 7.1.13, in 7.2.13, mm/shmem.c"],
    ],
  },
  "generic-write.prefault": {
    question: "When does a buffered write fault in its source?",
    choices: {
      before: { doc: "before write_begin" },
      "after-failed-copy": { doc: "after a copy of 0 bytes, with the file's page already allocated" },
    },
    mainline: [
      ["2.6", "before"],
      [
        "6.15",
        "after-failed-copy",
        "filemap: Move prefaulting out of hot write path; source: not in 6.12.118, in 6.17.8",
      ],
    ],
  },
  "pipe.insert": {
    question: "When does a write add its page to the pipe?",
    choices: {
      "before-copy": { doc: "before the copy: a copy that faults leaves an empty buffer" },
      "after-copy": { doc: "after the copy" },
    },
    mainline: [
      ["2.6", "before-copy"],
      ["6.15", "after-copy", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "proc-mem.force": {
    question: "Does /proc/PID/mem use FOLL_FORCE?",
    choices: {
      always: { doc: "yes (CONFIG_PROC_MEM_ALWAYS_FORCE)" },
      ptrace: {
        doc: "only for the tracer (CONFIG_PROC_MEM_FORCE_PTRACE, set in Debian's 7.x kernels)",
      },
      never: { doc: "no (CONFIG_PROC_MEM_NO_FORCE)" },
    },
    mainline: [
      ["2.6", "always"],
      ["7.0", "ptrace", "Debian's configuration: PROC_MEM_FORCE_PTRACE, set in 7.2.13 and not in 6.18.15"],
    ],
    configured: [
      ["PROC_MEM_ALWAYS_FORCE", [["2.6", "always"]]],
      ["PROC_MEM_FORCE_PTRACE", [["2.6", "ptrace"]]],
      ["PROC_MEM_NO_FORCE", [["2.6", "never"]]],
    ],
  },
  "io-uring.buffers": {
    question: "How does io_uring pin registered buffers?",
    choices: {
      "slow-hugetlb": {
        doc: "by GUP without gup-fast; file mappings other than hugetlb give EOPNOTSUPP",
      },
      "slow-memory": {
        doc: "by GUP without gup-fast; file mappings other than shmem and hugetlb give EOPNOTSUPP",
      },
      "slow-no-files": {
        doc: "as slow-memory; pages of mappings of different files give EINVAL",
      },
      slow: { doc: "by GUP without gup-fast" },
      fast: { doc: "by gup-fast first" },
    },
    mainline: [
      ["5.1", "slow-hugetlb"],
      ["5.14", "slow-memory", "source: not in 5.10.13, in 5.10.262 with the io_uring of 5.15", { "5.10": "5.10.162" }],
      [
        "6.3",
        "slow-no-files",
        "io_uring/rsrc: disallow multi-source reg buffers",
        { "5.10": "5.10.173", "6.1": "6.1.16" },
      ],
      ["6.5", "slow", "io_uring: rsrc: delegate VMA file-backed check to GUP"],
      ["6.10", "fast", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "io-uring.header": {
    question: "How is the header of an io_uring laid out?",
    choices: {
      "cache-lines": { doc: "each head and tail in its own cache line" },
      packed: { doc: "heads and tails adjacent" },
    },
    mainline: [
      ["5.1", "cache-lines"],
      ["6.3", "packed", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "coredump.address-zero": {
    question: "Is a VMA at address 0 in a core file?",
    choices: { yes: { doc: "yes" }, skipped: { doc: "no: the VMA iteration starts past it" } },
    mainline: [
      ["2.6", "yes"],
      ["6.1", "skipped", "coredump: remove vma linked list walk"],
      ["6.2", "yes", "source: skipped in 6.1.4 and 6.1.192, not in 6.12.8"],
    ],
  },
  "io-uring.mmap": {
    question: "What does mmap of an io_uring put into the page table?",
    choices: {
      "remap-pfn": { doc: "PFNs, by remap_pfn_range" },
      "insert-pages": { doc: "pages, by vm_insert_pages" },
    },
    mainline: [
      ["5.1", "remap-pfn"],
      ["6.10", "insert-pages", "io_uring: get rid of remap_pfn_range() for mapping rings/sqes", { "6.1": "6.1.132" }],
    ],
  },
  "io-uring.address": {
    question: "What chooses the address of an io_uring mapping?",
    choices: {
      caller: { doc: "the caller of mmap, as usual" },
      kernel: {
        doc: "the kernel: an address hint gives EINVAL",
      },
    },
    mainline: [
      ["5.1", "caller"],
      [
        "6.5",
        "kernel",
        "source: not in 6.1.4, in 6.1.192; which update of 6.1 took it is not known",
        { "6.1": "6.1.132" },
      ],
    ],
  },
  "io-uring.offset": {
    question: "Which mmap offsets select a region of an io_uring?",
    choices: {
      exact: { doc: "the three defined ones" },
      masked: { doc: "all that match a defined one in bits 27 to 31" },
    },
    mainline: [
      ["5.1", "exact"],
      ["6.4", "masked", "io_uring: add support for user mapped provided buffer ring"],
    ],
  },
  "io-uring.bad-offset": {
    question: "Which errno does mmap of an io_uring give for an undefined offset?",
    choices: { ENOMEM: { doc: "ENOMEM" }, EINVAL: { doc: "EINVAL" } },
    mainline: [
      ["5.1", "ENOMEM"],
      ["6.19", "EINVAL", "source: not in 6.18.15, in 6.19.6"],
    ],
  },
  "anon-inode.mount": {
    question: "Does the file system of anonymous inodes (io_uring, KVM) allow execution?",
    choices: {
      exec: { doc: "yes: PROT_EXEC is accepted" },
      noexec: { doc: "no: PROT_EXEC is refused and VM_MAYEXEC cleared" },
    },
    mainline: [
      ["2.6", "exec"],
      ["6.16", "noexec", "anon_inode: raise SB_I_NODEV and SB_I_NOEXEC"],
    ],
  },
  "pci-sysfs.llseek": {
    question: "Which size bounds lseek on a BAR's sysfs file?",
    choices: {
      file: { doc: "the file's; positions go up to s_maxbytes" },
      "device-memory": { doc: "that of the iomem inode, which is empty and unlimited" },
      "fixed-size": { doc: "the file's; no position may be past it" },
    },
    mainline: [
      ["2.6", "file"],
      ["5.12", "device-memory", "PCI: Revoke mappings like devmem"],
      ["6.7", "fixed-size", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "generic-access-phys.checks": {
    question: "How far does one generic_access_phys call reach, and what does it do with RAM pages?",
    choices: {
      none: {
        doc: "the whole request, past the page looked up and past the VMA; RAM goes to ioremap, which warns",
      },
      "io-memory": { doc: "one page, and the caller continues with the next; RAM gives EINVAL" },
    },
    mainline: [
      ["2.6", "none"],
      [
        "7.4",
        "io-memory",
        "mm/memory: constrain generic_access_phys() to page boundary",
        { "6.12": "6.12.118", "7.3": "7.3.4" },
      ],
    ],
  },
  "kernfs.max-bytes": {
    question: "What is s_maxbytes of sysfs?",
    choices: {
      "2-GiB": { doc: "2 GiB - 1, the default of file systems" },
      "64-bit": { doc: "the largest 64-bit offset" },
    },
    mainline: [
      ["3.14", "2-GiB"],
      ["6.19", "64-bit", "source: not in 6.18.15, in 6.19.6"],
    ],
  },
  "io-uring.vmpin": {
    question: "Does VmPin count pages pinned by io_uring for a process with CAP_IPC_LOCK?",
    choices: { yes: { doc: "yes" }, no: { doc: "no: only where RLIMIT_MEMLOCK applies" } },
    mainline: [
      ["5.1", "yes"],
      ["7.0", "no", "seen on 7.2.13, not on 6.18.15; which release between is not known"],
    ],
  },
  "io-uring.iovec": {
    question: "How does registration of a buffer take over its iovec?",
    choices: {
      copied: { doc: "a length is not looked at" },
      signed: { doc: "a length that is negative as an ssize_t gives EINVAL" },
    },
    mainline: [
      ["5.1", "copied"],
      ["6.11", "signed", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "io-uring.buffer-limit": {
    question: "Which errno does registration of a too large buffer give?",
    choices: { "1G-EFAULT": { doc: "EFAULT above 1 GiB" }, "1T-EINVAL": { doc: "EINVAL above 1 TiB" } },
    mainline: [
      ["5.1", "1G-EFAULT"],
      ["7.2", "1T-EINVAL", "source: not in 7.1.13, in 7.2.13"],
    ],
  },
  "move-pages.walk": {
    question: "How does move_pages look up a page?",
    choices: {
      "follow-page": {
        doc: "by follow_page with FOLL_DUMP: special PTEs, the zero page and anonymous holes give EFAULT",
      },
      "follow-accessible": {
        doc: "as follow-page, but a PROT_NONE page gives ENOENT (6.1 to 6.4, with NUMA balancing)",
      },
      "folio-walk": { doc: "by folio_walk: a special PTE gives ENOENT, the zero page EFAULT" },
    },
    mainline: [
      ["2.6", "follow-page"],
      ["6.1", "follow-accessible", "source: not in 5.10.262, in 6.1.4"],
      ["6.5", "follow-page", "mm/gup: reintroduce FOLL_NUMA as FOLL_HONOR_NUMA_FAULT", { "6.4": "6.4.13" }],
      ["6.12", "folio-walk", "mm/migrate: convert add_page_for_migration() from follow_page() to folio_walk"],
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
    question: "Does userfaultfd support minor faults of shmem?",
    choices: { no: { doc: "no: EINVAL" }, yes: { doc: "yes, on shmem and hugetlb VMAs" } },
    mainline: [
      ["4.3", "no"],
      ["5.14", "yes", "userfaultfd/shmem: support minor fault registration for shmem"],
    ],
  },
  "userfaultfd.wp": {
    question: "Which memory can userfaultfd write-protect?",
    choices: {
      anon: { doc: "anonymous memory" },
      "anon-and-files": { doc: "also shmem and hugetlb (PTE markers)" },
    },
    mainline: [
      ["5.7", "anon"],
      ["5.19", "anon-and-files", "mm/shmem: handle uffd-wp special pte in page fault handler"],
    ],
  },
  "userfaultfd.release": {
    question: "What happens to the PTEs of a write-protect VMA when the userfaultfd is closed?",
    choices: {
      "keeps-entries": { doc: "nothing" },
      "resets-entries": { doc: "they get the VMA's protection; shared ones fault once more before a write" },
    },
    mainline: [
      ["4.3", "keeps-entries"],
      ["6.9", "resets-entries", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "userfaultfd.wp-arm64": {
    question: "Can userfaultfd write-protect memory on arm64?",
    choices: { no: { doc: "no: EINVAL" }, yes: { doc: "yes, as on x86" } },
    mainline: [
      ["4.3", "no"],
      ["6.10", "yes", "arm64/mm: Add uffd write-protect support"],
    ],
  },
  "oom.mlocked": {
    question: "Does the OOM reaper reap mlocked memory?",
    choices: { no: { doc: "no: VM_LOCKED VMAs are skipped" }, yes: { doc: "yes" } },
    mainline: [
      ["4.6", "no"],
      ["5.15", "yes", "mm: introduce process_mrelease system call"],
    ],
  },
  "kvmalloc.oversized": {
    question: "Does kvmalloc of more than INT_MAX bytes warn?",
    choices: { silent: { doc: "no: vmalloc refuses it" }, warns: { doc: "yes, without __GFP_NOWARN" } },
    mainline: [
      ["4.12", "silent"],
      ["5.14", "warns", "mm: don't allow oversized kvmalloc() calls", { "5.10": "5.10.71" }],
    ],
  },
  "follow-pfn.call": {
    question: "Which call do drivers use to read a PFN from a page table?",
    choices: {
      "follow-pfn": { doc: "follow_pfn: no lock is held afterwards" },
      "follow-pfnmap": { doc: "follow_pfnmap_start: the page table lock is held until follow_pfnmap_end" },
    },
    mainline: [
      ["2.6", "follow-pfn"],
      ["6.12", "follow-pfnmap", "mm: new follow_pfnmap API"],
    ],
  },
  "pat.tracking": {
    question: "How does x86 track the memtype that remap_pfn_range reserved for a whole VMA?",
    choices: {
      "vm-pat": { doc: "by a VMA flag, VM_PAT, which smaps shows as `ar`" },
      "track-ctx": {
        doc: "by a refcounted context that split and forked VMAs share; a second reservation of one VMA fails",
        proposed: "mm: rewrite pfnmap tracking and remove VM_PAT (David Hildenbrand, 2025), merged",
      },
    },
    mainline: [
      ["2.6", "vm-pat"],
      ["6.16", "track-ctx", "series mm: rewrite pfnmap tracking and remove VM_PAT; source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "page-attributes.cache-flush": {
    question: "How are caches flushed when many pages become uncached or write-combining?",
    choices: {
      "wbinvd-from-4-MiB": {
        doc: "below 4 MiB by clflush, from there on by wbinvd on all CPUs",
      },
      clflush: { doc: "by clflush, for any number of pages" },
    },
    mainline: [
      ["2.6", "wbinvd-from-4-MiB"],
      ["5.0", "clflush", "source: so in 5.10.13"],
    ],
  },
  "vmf-insert-mixed.unmixed": {
    question: "What does vmf_insert_mixed in a VMA without VM_MIXEDMAP give?",
    choices: { bug: { doc: "BUG" }, sigbus: { doc: "SIGBUS" } },
    mainline: [
      ["2.6", "bug"],
      [
        "6.11",
        "sigbus",
        "mm/memory: cleanly support zeropage in vm_insert_page*(), vm_map_pages*() and vmf_insert_mixed()",
      ],
    ],
  },
  "vm-normal-page.mixed-zero": {
    question: "Is the zero page a normal page in a VM_MIXEDMAP VMA without pte_special?",
    choices: { normal: { doc: "yes" }, bare: { doc: "no" } },
    mainline: [
      ["2.6", "normal"],
      [
        "6.11",
        "bare",
        "mm/memory: cleanly support zeropage in vm_insert_page*(), vm_map_pages*() and vmf_insert_mixed()",
      ],
    ],
  },
  "cow.reuse": {
    question: "When can a write fault reuse an anonymous page instead of copying it?",
    choices: {
      "page-count": { doc: "if its refcount is 1" },
      exclusive: { doc: "if it is PageAnonExclusive, or its refcount is 1" },
    },
    mainline: [
      ["5.8", "page-count"],
      ["5.19", "exclusive", "mm: remember exclusively mapped anonymous pages with PG_anon_exclusive"],
    ],
  },
  "vma-merge.close": {
    question: "When does vm_ops->close keep a VMA from being merged?",
    choices: {
      never: { doc: "always: a VMA with close never merges" },
      "when-removed": { doc: "only if the merge would remove it" },
    },
    mainline: [
      ["2.6", "never"],
      ["6.5", "when-removed", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "vma-merge.new-mapping": {
    question: "With which of two neighbours that cannot all merge does a new VMA merge?",
    choices: {
      previous: { doc: "the previous one" },
      next: { doc: "the next one, which mmap_region tries first" },
    },
    mainline: [
      ["2.6", "previous"],
      ["6.1", "next", "source: so in 6.1.4"],
      ["6.12", "previous", "mm: avoid using vma_merge() for new VMAs; source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "vma-merge.after-mmap": {
    question: "Does mmap try to merge again when the file's mmap method has changed the flags?",
    choices: {
      again: { doc: "yes, with the new flags" },
      once: { doc: "no" },
    },
    mainline: [
      ["2.6", "once"],
      ["5.10", "again", "source: so in 5.10.13"],
      ["6.14", "once", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "vma-merge.unfaulted-target": {
    question: "Does a VMA with an anon_vma merge into a neighbour without one?",
    choices: {
      refused: { doc: "no: only into one with the same anon_vma" },
      allowed: { doc: "yes, unless its anon_vma was forked" },
    },
    mainline: [
      ["2.6", "refused"],
      ["6.16", "allowed", "mm/vma: fix incorrectly disallowed anonymous VMA merges"],
    ],
  },
  "mseal.check": {
    question: "When does munmap check for sealed VMAs?",
    choices: {
      none: { doc: "never: VMAs cannot be sealed" },
      "whole-range": { doc: "before any change" },
      "per-vma": { doc: "per VMA, after the splits" },
    },
    mainline: [
      ["2.6", "none"],
      ["6.10", "whole-range", "mseal: add mseal syscall"],
      ["6.12", "per-vma", "source: in 6.12.8"],
    ],
  },
  "memfd.sealed-readonly": {
    question: "Can a write-sealed memfd be mapped shared and read-only through a writable descriptor?",
    choices: {
      refused: { doc: "not with F_SEAL_WRITE (EPERM): every VM_SHARED VMA counts as writable" },
      "without-maywrite": {
        doc: "yes, without VM_MAYWRITE",
      },
    },
    mainline: [
      ["3.17", "refused"],
      [
        "6.7",
        "without-maywrite",
        "mm: drop the assumption that VM_SHARED always implies writable",
        { "5.10": "5.10.241", "6.1": "6.1.149" },
      ],
      ["6.12", "refused", "mm: resolve faulty mmap_region() error path behaviour"],
      [
        "6.13",
        "without-maywrite",
        "mm: reinstate ability to map write-sealed memfd mappings read-only",
        { "5.10": "5.10.241", "6.1": "6.1.149", "6.12": "6.12.9" },
      ],
    ],
  },
  "memfd.seal-exec": {
    question: "Is F_SEAL_EXEC supported?",
    choices: {
      unknown: { doc: "no: EINVAL" },
      known: { doc: "yes; on an executable memfd it implies the other seals" },
    },
    mainline: [
      ["3.17", "unknown"],
      ["6.3", "known", "mm/memfd: add F_SEAL_EXEC"],
    ],
  },
  "memfd.seal-exec-checks": {
    question: "Are the seals that F_SEAL_EXEC implies checked like explicit ones?",
    choices: {
      no: { doc: "no: they are added after the checks for writable mappings and pins" },
      yes: { doc: "yes: a writable mapping or a pinned page refuses them" },
    },
    mainline: [
      ["3.17", "no"],
      [
        "7.1",
        "yes",
        "memfd: deny writeable mappings when implying SEAL_WRITE; source: not in 6.19.6, in 7.1.3",
        { "6.12": "6.12.93" },
      ],
    ],
  },
  "mprotect.upgrade": {
    question: "Which PTEs does mprotect make writable when a VMA becomes writable?",
    choices: {
      "dirty-shared": { doc: "dirty PTEs of shared VMAs with write notification" },
      "exclusive-anon": { doc: "as dirty-shared, and exclusive anonymous pages of private VMAs" },
    },
    mainline: [
      ["2.6", "dirty-shared"],
      [
        "6.0",
        "exclusive-anon",
        "mm/mprotect: try avoiding write faults for exclusive anonymous pages when changing protection",
      ],
    ],
  },
  "mprotect.unaccount": {
    question: "Does mprotect to read-only uncharge anonymous memory from the commit limit?",
    choices: { never: { doc: "no" }, untouched: { doc: "yes, if no page of it was written" } },
    mainline: [
      ["2.6", "never"],
      ["6.7", "untouched", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "mincore.pfnmap": {
    question: "Does mincore walk the PTEs of VM_PFNMAP VMAs?",
    choices: {
      skipped: { doc: "no: the page walk skips such VMAs" },
      walked: { doc: "yes: it walks the single VMA" },
    },
    mainline: [
      ["2.6", "skipped"],
      ["7.3", "walked", "source: not in 7.2.13, in 7.3.4"],
    ],
  },
  "iovec.single": {
    question: "Which part of a single-iovec range must be in user space?",
    choices: {
      whole: { doc: "all of it" },
      "what-moves": { doc: "the part that one call transfers at most, 2 GiB minus a page (import_ubuf)" },
    },
    mainline: [
      ["2.6", "whole"],
      ["6.4", "what-moves", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "process-madvise.advice": {
    question: "Which advice does process_madvise accept?",
    choices: {
      "cold-pageout": { doc: "cold and pageout" },
      willneed: { doc: "also willneed" },
      collapse: { doc: "also collapse" },
      "any-own": { doc: "as collapse for another process, any for the caller" },
    },
    mainline: [
      ["5.10", "cold-pageout"],
      ["5.15", "willneed", "mm/madvise: add MADV_WILLNEED to process_madvise()"],
      ["6.1", "collapse", "mm/madvise: add MADV_COLLAPSE to process_madvise()"],
      ["6.13", "any-own", "mm/madvise: unrestrict process_madvise() for current process"],
    ],
  },
  "madvise.populate": {
    question: "How do MADV_POPULATE_READ and _WRITE walk a range?",
    choices: {
      unknown: { doc: "not at all: unknown advice, EINVAL" },
      "per-vma": { doc: "per VMA, over holes, with ENOMEM at the end" },
      "whole-range": { doc: "per page: the first hole stops it" },
    },
    mainline: [
      ["2.6", "unknown"],
      ["5.14", "per-vma", "mm/madvise: introduce MADV_POPULATE_(READ|WRITE) to prefault page tables"],
      ["6.9", "whole-range", "mm/madvise: make MADV_POPULATE_(READ|WRITE) handle VM_FAULT_RETRY properly"],
    ],
  },
  "madvise.dontneed-locked": {
    question: "Are MADV_DONTNEED_LOCKED, and MADV_DONTNEED of hugetlb VMAs, supported?",
    choices: { unknown: { doc: "no: EINVAL" }, known: { doc: "yes" } },
    mainline: [
      ["2.6", "unknown"],
      ["5.18", "known", "mm: madvise: MADV_DONTNEED_LOCKED; mm: enable MADV_DONTNEED for hugetlb mappings"],
    ],
  },
  "madvise.collapse": {
    question: "Is MADV_COLLAPSE supported?",
    choices: { unknown: { doc: "no: EINVAL" }, known: { doc: "yes" } },
    mainline: [
      ["2.6", "unknown"],
      ["6.1", "known", "mm/madvise: introduce MADV_COLLAPSE sync hugepage collapse"],
    ],
  },
  "madvise.guard": {
    question: "Which VMAs support guard markers?",
    choices: {
      unknown: { doc: "none: unknown advice" },
      anonymous: { doc: "private anonymous ones" },
      any: { doc: "all but special and hugetlb ones" },
    },
    mainline: [
      ["2.6", "unknown"],
      ["6.13", "anonymous", "mm: madvise: implement lightweight guard page mechanism"],
      ["6.15", "any", "mm: allow guard regions in file-backed and read-only mappings"],
    ],
  },
  "madvise.dofork": {
    question: "Which VMAs refuse MADV_DOFORK?",
    choices: { "not-io": { doc: "VM_IO ones" }, "not-special": { doc: "all special ones" } },
    mainline: [
      ["2.6", "not-io"],
      ["7.0", "not-special", "source: not in 6.19.6, in 7.1.3"],
    ],
  },
  "madvise.remove-needs": {
    question: "What does MADV_REMOVE require of a shared mapping?",
    choices: {
      write: { doc: "VM_WRITE" },
      maywrite: { doc: "VM_MAYWRITE" },
    },
    mainline: [
      ["2.6", "write"],
      [
        "6.7",
        "maywrite",
        "mm: drop the assumption that VM_SHARED always implies writable",
        { "5.10": "5.10.241", "6.1": "6.1.149" },
      ],
    ],
  },
  "madvise.pageout-young": {
    question: "Does MADV_PAGEOUT make PTEs old that it then keeps?",
    choices: { "made-old": { doc: "yes" }, kept: { doc: "no" } },
    mainline: [
      ["5.4", "made-old"],
      ["6.8", "kept", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "lru.activate": {
    question:
      "Does a faulted-in page lose its referenced flag when it moves from the per-CPU batch to the youngest " +
      "generation?",
    choices: { kept: { doc: "no" }, reset: { doc: "yes: lru_gen_add_folio clears PG_referenced with the tier bits" } },
    mainline: [
      ["2.6", "kept"],
      ["6.13", "reset", "mm/mglru: reset page lru tier bits when activating", { "6.12": "6.12.114" }],
      ["6.14", "kept", "mm/mglru: rework refault detection"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["2.6", "kept"]]]],
  },
  "lru.deactivate": {
    question:
      "Does a page deactivated by MADV_COLD lose its referenced flag when the per-CPU batch is drained, even if " +
      "set in between?",
    choices: {
      kept: { doc: "no: it is not queued" },
      reset: { doc: "yes, with the multi-generational LRU: lru_deactivate clears PG_referenced" },
    },
    mainline: [
      ["2.6", "kept"],
      ["6.12", "reset", "Debian's configuration: LRU_GEN_ENABLED, which its 6.1 has not set"],
      ["6.14", "kept", "mm/mglru: rework refault detection; source: not in 6.12.118, in 6.17.8"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["2.6", "kept"]]]],
  },
  "lru.lazyfree": {
    question: "Does a page lose its referenced flag when MADV_FREE takes effect?",
    choices: { cleared: { doc: "yes" }, kept: { doc: "no: the page is not on a list when lru_gen_clear_refs runs" } },
    mainline: [
      ["4.5", "cleared"],
      ["6.14", "kept", "mm/mglru: rework refault detection; source: not in 6.12.118, in 6.17.8"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["4.5", "cleared"]]]],
  },
  "lru.unmap": {
    question: "Does unmapping drain the per-CPU LRU batches first?",
    choices: { drain: { doc: "yes: munmap, exit and zap_page_range_single call lru_add_drain" }, wait: { doc: "no" } },
    mainline: [
      ["2.6", "drain"],
      ["6.14", "wait", "mm: remove unnecessary calls to lru_add_drain; source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "lru.populate": {
    question: "Do populate and mlock drain the per-CPU LRU batches?",
    choices: {
      wait: { doc: "no" },
      drain: { doc: "yes: populate_vma_page_range and mlock_vma_pages_range call lru_add_drain" },
    },
    mainline: [
      ["2.6", "wait"],
      ["5.18", "drain", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "lru.batch": {
    question: "How many pages does a per-CPU LRU batch hold before it is drained?",
    choices: { "15": { doc: "15 (PAGEVEC_SIZE)" }, "31": { doc: "31 (PAGEVEC_SIZE)" } },
    mainline: [
      ["4.13", "15"],
      ["6.9", "31", "mm: increase folio batch size; source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "mremap.checks": {
    question: "In which order does mremap check?",
    choices: {
      "vma-first": {
        doc: "flags, then the VMA, then the target; the target is unmapped before the VMA's own checks",
      },
      "arguments-first": {
        doc: "all arguments, then the VMA, then the target is unmapped; a move may span several VMAs",
      },
    },
    mainline: [
      ["2.6", "vma-first"],
      ["6.17", "arguments-first", "mm/mremap: permit mremap() move of multiple VMAs"],
    ],
  },
  "mremap.lookup": {
    question: "When does mremap look up the VMA?",
    choices: {
      "to-resize": {
        doc: "only to grow or move: the same length, and shrinking, succeed anywhere; hugetlb VMAs are refused there",
      },
      always: { doc: "always; hugetlb VMAs move and shrink in whole huge pages" },
    },
    mainline: [
      ["2.6", "to-resize"],
      ["5.16", "always", "mm, hugepages: add mremap() support for hugepage backed vma"],
    ],
  },
  "fault.shared-dirty": {
    question: "How does a write fault that dirties a file page end?",
    choices: {
      retried: { doc: "it drops mmap_lock and is retried, which counts as a major fault" },
      completed: { doc: "it is complete and counts as a minor fault (VM_FAULT_COMPLETED)" },
    },
    mainline: [
      ["5.1", "retried"],
      ["6.0", "completed", "mm: avoid unnecessary page fault retires on shared memory types"],
    ],
  },
  "mremap.dontunmap": {
    question: "Which VMAs does MREMAP_DONTUNMAP accept?",
    choices: {
      "anonymous-only": { doc: "private anonymous ones" },
      "not-special": { doc: "all without VM_DONTEXPAND and VM_PFNMAP" },
    },
    mainline: [
      ["5.7", "anonymous-only"],
      ["5.13", "not-special", "mm: extend MREMAP_DONTUNMAP to non-anonymous mappings"],
    ],
  },
  "mremap.dontunmap-locked": {
    question: "Does VmLck count locked memory moved by MREMAP_DONTUNMAP twice?",
    choices: {
      once: { doc: "no: the old VMA is no longer locked" },
      twice: { doc: "yes: the new VMA is added, the old one is unlocked without being subtracted" },
    },
    mainline: [
      ["5.7", "once"],
      ["6.15", "twice", "source: not in 6.12.118, in 6.17.8"],
      ["7.3", "once", "mm/mremap: account mm->locked_vm correctly for MREMAP_DONTUNMAP", { "7.2": "7.2.8" }],
    ],
  },
  "hugetlb.unmapped": {
    question: "Is a private huge page reserved again for its mapping when its owner unmaps it?",
    choices: {
      unreserved: { doc: "no: the next fault needs a free one" },
      reserved: { doc: "yes" },
    },
    mainline: [
      ["2.6", "unreserved"],
      ["6.9", "reserved", "mm/hugetlb: restore the reservation if needed"],
    ],
  },
  "fork.hugetlb-pinned": {
    question: "What does fork do with a private huge page that may be pinned?",
    choices: {
      shared: { doc: "it shares it with the child, as any other" },
      copied: { doc: "it copies it for the child" },
    },
    mainline: [
      ["2.6", "shared"],
      ["5.13", "copied", "hugetlb: do early cow when page pinned on src mm"],
    ],
  },
  "mprotect.notifies": {
    question: "When does mprotect call MMU notifiers?",
    choices: {
      "per-pud": { doc: "once for each PUD entry under which a PTE table exists" },
      once: { doc: "once for all, if a PMD table exists" },
    },
    mainline: [
      ["2.6", "per-pud"],
      ["6.12", "once", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "mremap.source-stays": {
    question: "What does MREMAP_DONTUNMAP do with the VMA that stays?",
    choices: {
      together: {
        doc: "the copy may merge with it, all of a locked VMA is unlocked, and it keeps vm_pgoff",
      },
      apart: {
        doc: "the copy never merges with it, a locked VMA is split first, and an anonymous one gets a new vm_pgoff",
      },
    },
    mainline: [
      ["5.7", "together"],
      [
        "7.3",
        "apart",
        "mm/mremap: fix locked_vm leak by splitting VMA for MREMAP_DONTUNMAP",
        { "6.1": "6.1.191", "6.12": "6.12.114", "7.2": "7.2.11" },
      ],
    ],
  },
  "mremap.expand": {
    question: "How does mremap grow a VMA in place?",
    choices: {
      plain: { doc: "it moves the end of the VMA" },
      merge: { doc: "it merges the new range into the VMA, which special VMAs refuse" },
    },
    mainline: [
      ["2.6", "plain"],
      ["5.19", "merge", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "smaps.pfnmap": {
    question: "Does smaps walk the PTEs of VM_PFNMAP VMAs?",
    choices: {
      skipped: { doc: "no: the page walk skips such VMAs" },
      walked: { doc: "yes: COW copies in them are counted" },
    },
    mainline: [
      ["2.6", "skipped"],
      ["6.2", "walked", "mm/pagewalk: don't trigger test_walk() in walk_page_vma()"],
    ],
  },
  "smaps.pss-dirty": {
    question: "Does smaps walk the PTEs of VM_PFNMAP VMAs?",
    choices: { absent: { doc: "no" }, shown: { doc: "yes" } },
    mainline: [
      ["2.6", "absent"],
      ["6.0", "shown", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "lru.fault": {
    question: "Does a faulted-in page count as referenced at once?",
    choices: {
      no: { doc: "no: its young PTE tells" },
      referenced: { doc: "yes, with the multi-generational LRU: PG_referenced, which smaps shows as Referenced" },
    },
    mainline: [
      ["2.6", "no"],
      ["7.2", "referenced", "source: not in 7.1.13, in 7.2.13"],
    ],
    configured: [["!LRU_GEN_ENABLED", [["2.6", "no"]]]],
  },
  "vfs.fileattr": {
    question: "Who answers FS_IOC_GETFLAGS and FS_IOC_FSGETXATTR, and their counterparts that set?",
    choices: {
      file: { doc: "the file's own ioctl" },
      vfs: { doc: "do_vfs_ioctl, by the inode's fileattr operations" },
    },
    mainline: [
      ["5.10", "file"],
      ["5.13", "vfs", "vfs: add fileattr ops; source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "vfs.fs-uuid": {
    question: "Does the VFS know FS_IOC_GETFSUUID?",
    choices: { absent: { doc: "no" }, present: { doc: "yes, where the superblock has a UUID" } },
    mainline: [
      ["5.10", "absent"],
      ["6.9", "present", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "sync-file.deadline": {
    question: "Does a sync file know SYNC_IOC_SET_DEADLINE?",
    choices: {
      absent: { doc: "no: ENOTTY" },
      present: { doc: "yes", proposed: "dma-buf/sync_file: Add SET_DEADLINE ioctl (Rob Clark, 2023)" },
    },
    mainline: [
      ["5.10", "absent"],
      ["6.4", "present", "dma-buf/sync_file: Add SET_DEADLINE ioctl"],
    ],
  },
  "kvm.log-dirties": {
    question: "Does KVM_GET_DIRTY_LOG dirty the pages that it write-protects?",
    choices: {
      no: { doc: "no: they are dirtied when the SPTE is zapped, or were when it was made" },
      yes: { doc: "yes: kvm_set_pfn_dirty for each writable SPTE that it write-protects" },
    },
    mainline: [
      ["5.10", "no"],
      ["6.4", "yes", "source: not in 6.1.192, in 6.12.8"],
      ["6.13", "no", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "kvm.huge-log": {
    question: "What becomes of a 2 MiB SPTE whose memslot gets a dirty log?",
    choices: {
      drop: { doc: "it is write-protected, and dropped for the one page that is stored to" },
      split: { doc: "it is split into 512 write-protected SPTEs at once (eager_page_split)" },
    },
    mainline: [
      ["5.10", "drop"],
      ["5.18", "split", "KVM: x86/mmu: Split huge pages mapped by the TDP MMU when dirty logging is enabled"],
    ],
  },
  "kvm.log-end": {
    question: "What becomes of the small SPTEs of a huge page when the dirty log ends?",
    choices: {
      zap: { doc: "they are zapped, and the next access makes a huge one" },
      recover: {
        doc: "a huge SPTE takes their place at once",
        proposed: "KVM: x86/mmu: Recover TDP MMU huge page mappings in-place (David Matlack, August 2024)",
      },
    },
    mainline: [
      ["5.10", "zap"],
      [
        "6.13",
        "recover",
        "KVM: x86/mmu: Recover TDP MMU huge page mappings in-place instead of zapping; source: not in 6.12.118, " +
          "in 6.17.8",
      ],
    ],
  },
  "kvm.guest-range": {
    question: "Is a memslot past the guest's physical address limit refused?",
    choices: { unchecked: { doc: "no" }, checked: { doc: "yes: EINVAL" } },
    mainline: [
      ["5.10", "unchecked"],
      ["5.19", "checked", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "kvm.references": {
    question: "On which guest pages does KVM take a reference, and when are they dirtied?",
    choices: {
      frames: {
        doc: "on every PFN with a struct page, also in VM_PFNMAP VMAs; dirtied when the SPTE is zapped",
      },
      pages: {
        doc: "on pages from GUP, dirtied when the guest gets a writable SPTE",
        proposed: "KVM: Stop grabbing references to PFNMAP'd pages (Sean Christopherson, October 2024)",
      },
    },
    mainline: [
      ["5.10", "frames"],
      ["6.13", "pages", "series KVM: Stop grabbing references to PFNMAP'd pages; source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "iommu.write-only": {
    question: "Can a device behind an Intel IOMMU read a write-only mapping?",
    choices: {
      readable: {
        doc: "yes: every PTE has the bit that is Present in first-level and Read in second-level tables",
      },
      enforced: { doc: "no" },
    },
    mainline: [
      ["5.7", "readable"],
      [
        "6.17",
        "enforced",
        "iommu/vt-d: Restore WO permissions on second-level paging entries; source: not in 6.12.118, in 6.17.8",
      ],
    ],
  },
  "pci-sysfs.claimed": {
    question: "What happens to a sysfs mapping of a BAR when a driver claims the regions?",
    choices: {
      stays: { doc: "nothing" },
      revoked: {
        doc: "it is zapped, and later access gives SIGBUS",
        proposed: "PCI: Revoke mappings like devmem (Daniel Vetter, November 2020), merged",
      },
    },
    mainline: [
      ["2.6", "stays"],
      ["5.12", "revoked", "PCI: Revoke mappings like devmem"],
    ],
  },
  "rdma.read-only-pin": {
    question: "How is memory pinned that an RDMA device only reads?",
    choices: {
      "forced-write": {
        doc: "with FOLL_WRITE and FOLL_FORCE: COW is broken early, so that the pin stays on the process's page",
      },
      longterm: { doc: "for reading, with FOLL_LONGTERM" },
    },
    mainline: [
      ["2.6", "forced-write"],
      ["6.2", "longterm", "RDMA/umem: remove FOLL_FORCE usage"],
    ],
  },
  "memfd.pin-folios": {
    question: "Can the folios of a memfd be pinned by file offset?",
    choices: { absent: { doc: "no" }, present: { doc: "yes: memfd_pin_folios" } },
    mainline: [
      ["3.17", "absent"],
      ["6.11", "present", "mm/gup: introduce memfd_pin_folios() for pinning memfd folios"],
    ],
  },
  "mmu-notifier.retry": {
    question: "Does a secondary MMU check for an invalidation during its fault?",
    choices: {
      checked: { doc: "yes: mmu_invalidate_retry, mmu_interval_read_retry" },
      unchecked: {
        doc: "no: a freed page can be mapped",
        proposed: "what «follow_pte is fundamentally broken» meant (Jason Gunthorpe, November 2022)",
      },
    },
    mainline: [["2.6", "checked"]],
  },
  "vfio.overflow": {
    question: "Which errno does VFIO give for a range that overflows?",
    choices: {
      einval: { doc: "EINVAL, after the alignment check" },
      eoverflow: { doc: "EOVERFLOW, when mapping before the alignment check" },
    },
    mainline: [
      ["3.6", "einval"],
      ["6.18", "eoverflow", "vfio/type1: sanitize for overflow using check_*_overflow()"],
    ],
  },
  "madvise.table-reclaim": {
    question: "Does MADV_DONTNEED free empty page tables?",
    choices: {
      no: { doc: "no: they stay until munmap" },
      x86: { doc: "yes, on x86_64 (CONFIG_PT_RECLAIM)" },
      yes: { doc: "yes" },
    },
    mainline: [
      ["2.6", "no"],
      ["6.14", "x86", "mm: pgtable: reclaim empty PTE page in madvise(MADV_DONTNEED)"],
      ["7.0", "yes", "mm: make PT_RECLAIM depends on MMU_GATHER_RCU_TABLE_FREE; source: not in 6.19.6, in 7.1.3"],
    ],
    configured: [["!PT_RECLAIM", [["2.6", "no"]]]],
  },
  "fork.hugetlb": {
    question: "Of which hugetlb VMAs does fork copy the PTEs?",
    choices: { all: { doc: "all" }, anonymous: { doc: "those with private pages: the others fault in the child" } },
    mainline: [
      ["2.6", "all"],
      ["6.1", "anonymous", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "smaps.lockonfault": {
    question: "How does smaps show VM_LOCKONFAULT?",
    choices: { "??": { doc: "as `??`" }, lf: { doc: "as `lf`" } },
    mainline: [
      ["4.4", "??"],
      ["6.8", "lf", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "mmap.fixed-over": {
    question: "Which errno does MAP_FIXED give over a VMA that cannot be unmapped?",
    choices: { enomem: { doc: "ENOMEM" }, "munmap-error": { doc: "that of munmap" } },
    mainline: [
      ["2.6", "enomem"],
      ["6.12", "munmap-error", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "hugetlb.cache-index": {
    question: "In which unit is the page cache of a hugetlb file indexed?",
    choices: { "huge-pages": { doc: "in huge pages" }, pages: { doc: "in base pages, as for all files" } },
    mainline: [
      ["2.6", "huge-pages"],
      ["6.7", "pages", "mm/filemap: remove hugetlb special casing in filemap.c"],
    ],
  },
  "guard.vma-flag": {
    question: "Does a VMA record that it has guard markers?",
    choices: { none: { doc: "no" }, "maybe-guard": { doc: "yes: VM_MAYBE_GUARD, which smaps shows as `gu`" } },
    mainline: [
      ["2.6", "none"],
      ["6.19", "maybe-guard", "mm: introduce VM_MAYBE_GUARD and make visible in /proc/$PID/smaps"],
    ],
  },
  "arch.pte-special": {
    question: "Does the architecture have special PTEs?",
    choices: { yes: { doc: "yes: CONFIG_ARCH_HAS_PTE_SPECIAL" }, no: { doc: "no: the VMA alone tells" } },
    mainline: [["2.6", "yes"]],
  },
});

/** Types may name files of layers above; their values come by {@link definePoints} as the files are loaded. */
type Points = typeof corePoints & typeof import("../devices/vivid.js").points & ExporterPoints;

export type PointName = keyof Points;
export type Design = { readonly [P in PointName]: keyof Points[P]["choices"] & string };
