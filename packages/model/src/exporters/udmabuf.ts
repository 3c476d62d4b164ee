/** udmabuf: a dma-buf of the pages of memfds (drivers/dma-buf/udmabuf.c). */
import { definePoints } from "../design/points.js";
import { errnos } from "@litmap/litmus";
import { countBufferPages, keepWords } from "../dma/bookkeeping.js";
import { dmaBufExport, dmaBufFd } from "../dma-buf/buffer.js";
import {
  dmaMapSgtable,
  dmaSyncForCpu,
  dmaSyncForDevice,
  dmaUnmapSgtable,
  sgFromPages,
  sgOfEachPage,
} from "../dma/sg.js";
import { fput } from "../vfs/file.js";
import { remapPfnRange, vmfInsertPfn } from "../mm/insert.js";
import { folioGet } from "../mm/rmap.js";
import { FAULT, VM } from "../mm/vma.js";
import { access, acquire, NotModelled, release } from "../sched/path.js";
import { holdPages, letGo } from "./udmabuf-pages.js";
import { rules } from "../rules/rule.js";
import { kvmalloc, POINTER } from "../mm/page-alloc.js";
import type { Device } from "../dma/device.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { SgTable } from "../dma/sg.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Lock, Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { HeldPages } from "./udmabuf-pages.js";

export const points = definePoints({
  "udmabuf.mmap": {
    question: "What does udmabuf put into the page table, and when?",
    choices: {
      "normal-page": { doc: "the fault handler returns the page: a normal mapping with refcount and RSS" },
      "pfn-per-fault": { doc: "VM_PFNMAP; each fault inserts one PFN" },
      "pfn-all-on-first-fault": { doc: "VM_PFNMAP; the first fault inserts its PFN and then the rest of the VMA" },
      "pfn-at-mmap": {
        doc: "VM_PFNMAP; mmap populates the whole VMA",
        proposed: "udmabuf: cancel mmap page fault, direct map it (Huan Yang, August 2024)",
      },
    },
    mainline: [
      ["4.20", "normal-page"],
      ["6.11", "pfn-per-fault", "udmabuf: Use vmf_insert_pfn and VM_PFNMAP for handling mmap"],
      ["6.13", "pfn-all-on-first-fault", "udmabuf: pre-fault when first page fault"],
    ],
  },
  "udmabuf.prefault-error": {
    question: "What does udmabuf do with an error while the first fault prefaults the rest of the buffer?",
    choices: {
      hidden: { doc: "ignores it: the faulting page is mapped" },
      reported: { doc: "returns it as the error of the fault" },
    },
    mainline: [["4.20", "hidden"]],
  },
  "udmabuf.backing": {
    question: "How does udmabuf hold the memfd's pages?",
    choices: {
      "page-references": { doc: "a plain reference on each page" },
      "pinned-folios": {
        doc: "memfd_pin_folios: a long-term pin on each folio, migrated out of CMA and ZONE_MOVABLE first",
      },
    },
    mainline: [
      ["4.20", "page-references"],
      ["6.11", "pinned-folios", "udmabuf: Pin the pages using memfd_pin_folios() API"],
    ],
  },
  "udmabuf.arrays": {
    question: "Which arrays does udmabuf allocate for its pages?",
    choices: {
      pages: { doc: "one page pointer per page" },
      "folios-offsets-nodes": { doc: "a folio and an offset per page, and a list node of three words per pin" },
      "folios-offsets-pinned": {
        doc: "a folio and an offset per page, and an array of pins as long as the pages",
        proposed:
          "udmabuf: change folios array from kmalloc to kvmalloc, and codestyle cleanups (Huan Yang, September " +
          "2024), merged",
      },
      "pages-and-pinned": {
        doc: "one page pointer per page, and an array of pins as long as the pages",
        proposed: "udmabuf: fix vmap missed offset page (Huan Yang, April 2025), merged",
      },
    },
    mainline: [
      ["4.20", "pages"],
      ["6.11", "folios-offsets-nodes", "udmabuf: Convert udmabuf driver to use folios"],
      ["6.13", "folios-offsets-pinned", "udmabuf: remove udmabuf_folio; source: not in 6.12.118, in 6.17.8"],
      ["7.2", "pages-and-pinned", "source: not in 7.1.13, in 7.2.13"],
    ],
  },
  "udmabuf.hugetlb": {
    question: "Does udmabuf accept a hugetlb memfd?",
    choices: {
      refused: { doc: "no: EBADFD, shmem only" },
      "present-pages": { doc: "yes, if its huge pages are allocated; a hole gives EINVAL" },
      "allocates": { doc: "yes; absent huge pages are allocated" },
    },
    mainline: [
      ["4.20", "refused"],
      ["5.14", "present-pages", "udmabuf: Add support for mapping hugepages (v4)"],
      ["6.5", "refused", "udmabuf: revert 'Add support for mapping hugepages (v4)'"],
      ["6.11", "allocates", "udmabuf: Pin the pages using memfd_pin_folios() API"],
    ],
  },
  "udmabuf.seals-denied": {
    question: "Which seals of the memfd does udmabuf refuse?",
    choices: {
      write: { doc: "F_SEAL_WRITE" },
      "write-and-future-write": {
        doc: "F_SEAL_WRITE and F_SEAL_FUTURE_WRITE",
        proposed: "udmabuf: also check for F_SEAL_FUTURE_WRITE (Jann Horn, December 2024)",
      },
    },
    mainline: [
      ["4.20", "write"],
      [
        "6.13",
        "write-and-future-write",
        "udmabuf: also check for F_SEAL_FUTURE_WRITE; of 5.10 and 6.1 by the date of 6.12.7, and in 5.10.262 and " +
          "6.1.192",
        { "5.10": "5.10.232", "6.1": "6.1.122", "6.12": "6.12.7" },
      ],
    ],
  },
  "udmabuf.seal-check": {
    question: "Can a seal be added between the seal check and the pinning of the folios?",
    choices: {
      racy: { doc: "yes: the inode lock is not held" },
      "inode-lock": {
        doc: "no: both run under the inode lock",
        proposed: "udmabuf: fix racy memfd sealing check (Jann Horn, December 2024)",
      },
    },
    mainline: [
      ["4.20", "racy"],
      ["6.13", "inode-lock", "udmabuf: fix racy memfd sealing check", { "6.12": "6.12.7" }],
    ],
  },
  "udmabuf.size-limit": {
    question: "What is the default size limit of a udmabuf?",
    choices: { "64-MiB": { doc: "size_limit_mb is 64" }, "int-max": { doc: "size_limit_mb is INT_MAX" } },
    mainline: [
      ["4.20", "64-MiB"],
      ["7.3", "int-max", "source: not in 7.2.13, in 7.3.4"],
    ],
  },
  "udmabuf.vmap": {
    question: "Which pages does vmap of a udmabuf map?",
    choices: {
      none: { doc: "vmap is not supported: EINVAL" },
      pages: { doc: "the pages of the buffer" },
      "folio-heads": { doc: "the head page of each page's folio: wrong data for large folios" },
      refused: { doc: "none: vmap_pfn warns of PFNs that have a struct page, EINVAL" },
    },
    mainline: [
      ["4.20", "none"],
      ["6.2", "pages", "udmabuf: add vmap and vunmap methods to udmabuf_ops"],
      ["6.11", "folio-heads", "udmabuf: Convert udmabuf driver to use folios"],
      [
        "6.13",
        "refused",
        "udmabuf: fix vmap_udmabuf error page set; in 6.12.8 and in no list from 6.12.4 on",
        { "6.12": "6.12.2" },
      ],
      ["6.16", "folio-heads", 'Revert "udmabuf: fix vmap_udmabuf error page set"', { "6.12": "6.12.48" }],
      ["6.16", "pages", "udmabuf: fix vmap missed offset page"],
    ],
  },
  "udmabuf.sync-lock": {
    question: "Which lock is held while CPU access looks at udmabuf's own sg table and builds it?",
    choices: {
      none: { doc: "none: two first begins at once build two tables, and one is lost" },
      reservation: {
        doc: "the reservation lock, in begin and end",
        proposed: "udmabuf: serialize the sg_table cache under the reservation lock (Bryam Vargas, June 2026)",
      },
    },
    mainline: [["4.20", "none"]],
  },
  "udmabuf.first-begin": {
    question: "What does the first begin of CPU access do to the caches, beside building udmabuf's own sg table?",
    choices: {
      maps: { doc: "maps the table only: with DMA_ATTR_SKIP_CPU_SYNC the caches are left alone" },
      "maps-and-syncs": {
        doc: "maps the table and syncs for the CPU, as later ones do; stable series from 5.15 on have it too",
        proposed:
          "udmabuf: Ensure to perform cache synchronisation in begin_cpu_udmabuf() (Robert Mader, June 2026), merged",
      },
    },
    mainline: [
      ["4.20", "maps"],
      [
        "7.2",
        "maps-and-syncs",
        "udmabuf: Ensure to perform cache synchronisation in begin_cpu_udmabuf()",
        { "6.1": "6.1.184", "6.12": "6.12.101" },
      ],
    ],
  },
  "udmabuf.release-direction": {
    question: "With which direction is udmabuf's own sg table unmapped when the buffer is released?",
    choices: {
      bidirectional: { doc: "DMA_BIDIRECTIONAL, no matter how it was mapped" },
      "as-mapped": {
        doc: "the direction of the first begin; stable series from 5.10 on have it too",
        proposed: "udmabuf: fix DMA direction mismatch in release_udmabuf() (Mikhail Gavrilov, March 2026), merged",
      },
    },
    mainline: [
      ["4.20", "bidirectional"],
      [
        "7.2",
        "as-mapped",
        "udmabuf: fix DMA direction mismatch in release_udmabuf()",
        { "5.10": "5.10.261", "6.1": "6.1.178", "6.12": "6.12.96" },
      ],
    ],
  },
  "udmabuf.sg-table": {
    question: "Does udmabuf's sg table merge adjacent pages?",
    choices: { merged: { doc: "yes: sg_alloc_table_from_pages" }, "entry-per-page": { doc: "no: one entry per page" } },
    mainline: [
      ["4.20", "merged"],
      ["6.11", "entry-per-page", "udmabuf: Convert udmabuf driver to use folios"],
      ["7.2", "merged", "udmabuf: Do not create malformed scatterlists; source: not in 7.1.13, in 7.2.13"],
    ],
  },
});

const rule = rules({
  "udmabuf/list-too-long": {
    sentence: "A list of more than 1024 items gives EINVAL.",
    kernel: "udmabuf_ioctl_create_list, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/unaligned": {
    sentence: "Offset and size of every item must be page aligned, else EINVAL.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/too-large": {
    sentence: "A buffer larger than size_limit_mb gives EINVAL.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/empty": {
    sentence: "A buffer of zero pages gives EINVAL.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/not-a-memfd": {
    sentence: "A closed descriptor, or a file that is neither shmem nor hugetlb, gives EBADFD.",
    kernel: [
      ["5.10", "udmabuf_create, drivers/dma-buf/udmabuf.c"],
      ["6.11", "check_memfd_seals, drivers/dma-buf/udmabuf.c"],
    ],
  },
  "udmabuf/no-shrink-seal": {
    sentence: "A memfd without F_SEAL_SHRINK gives EINVAL.",
    kernel: [
      ["5.10", "udmabuf_create, drivers/dma-buf/udmabuf.c"],
      ["6.11", "check_memfd_seals, drivers/dma-buf/udmabuf.c"],
    ],
  },
  "udmabuf/write-sealed": {
    sentence: "A memfd with F_SEAL_WRITE gives EINVAL, because the dma-buf would be writable.",
    kernel: [
      ["5.10", "udmabuf_create, drivers/dma-buf/udmabuf.c"],
      ["6.11", "check_memfd_seals, drivers/dma-buf/udmabuf.c"],
    ],
  },
  "udmabuf/seal-race": {
    sentence: "Seals are checked without the inode lock: a seal added before the folios are pinned is missed.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/seal-locked": {
    sentence: "Seals are checked and folios pinned under the inode lock, which F_ADD_SEALS takes too.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/mode-ignored": {
    sentence: "The memfd's access mode is not checked: the dma-buf is readable and writable.",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/private": {
    sentence: "udmabuf supports shared mappings only: MAP_PRIVATE gives EINVAL.",
    kernel: "mmap_udmabuf, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/fault-page": {
    sentence: "The fault handler returns the page: a normal mapping with refcount, mapcount, RSS and PSS.",
    kernel: "udmabuf_vm_fault, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/fault-pfn": {
    sentence: "Each fault inserts the PFN of the faulting page into a VM_PFNMAP mapping.",
    kernel: "udmabuf_vm_fault, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/prefault-error": {
    sentence:
      "An error while prefaulting the rest of the VMA stops the prefault and is ignored; the faulting page stays " +
      "mapped.",
    kernel: "udmabuf_vm_fault, drivers/dma-buf/udmabuf.c",
    unproven: "only fault injection shows it, and no recorded kernel has that configured.",
  },
  "udmabuf/fault-all": {
    sentence: "The first fault inserts the faulting page and then the rest of the VMA.",
    kernel: "udmabuf_vm_fault, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/map-at-mmap": {
    sentence: "mmap populates the whole page table by remap_pfn_range: no later faults.",
    kernel: "mmap_udmabuf, drivers/dma-buf/udmabuf.c",
    unproven: "proposal; no mainline release populates the mapping at mmap.",
  },
  "udmabuf/fault-beyond": {
    sentence: "A fault past the last page of the buffer gives SIGBUS.",
    kernel: "udmabuf_vm_fault, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/end-before-begin": {
    sentence: "DMA_BUF_SYNC_END before any DMA_BUF_SYNC_START finds no sg table and gives EINVAL.",
    kernel: "end_cpu_udmabuf, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/begin-maps": {
    sentence: "The first begin_cpu_access builds the buffer's own sg table and keeps it.",
    kernel: "begin_cpu_udmabuf, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/begin-twice": {
    sentence:
      "Two first begins that both find no sg table build one each; the later store loses the earlier table and its " +
      "mapping.",
    kernel: "begin_cpu_udmabuf, drivers/dma-buf/udmabuf.c",
  },
  "udmabuf/vmap-pfn": {
    sentence: "vmap_pfn warns of a PFN that has a struct page, and vmap of a udmabuf gives EINVAL.",
    kernel: [["6.2", "vmap_udmabuf, drivers/dma-buf/udmabuf.c; vmap_pfn_apply, mm/vmalloc.c"]],
    unproven: "from source: 6.13 to 6.15, and updates of 6.12 before 6.12.48; no recorded kernel is one of them.",
  },
  "udmabuf/vmap-heads": {
    sentence: "vmap maps the head page of each page's folio: wrong data for large folios.",
    kernel: [["6.11", "vmap_udmabuf, drivers/dma-buf/udmabuf.c"]],
  },
});

/** One range of a memfd: descriptor, bytes, bytes. */
export interface UdmabufItem {
  readonly memfd: number;
  readonly offset: number;
  readonly size: number;
}

/** list_limit: items of one buffer. */
const LIST_LIMIT = 1024;

/** F_SEAL_* bits that the exporter looks at. */
const SEAL = { shrink: 0x2, write: 0x8, futureWrite: 0x10 } as const;

/** UDMABUF_CREATE_LIST: a descriptor, or a negative errno. */
export function* udmabufIoctlCreateList(
  k: Kernel,
  task: Task,
  once: readonly UdmabufItem[],
  repeat: number,
): Path<number> {
  const count = once.length * repeat;
  if (count > LIST_LIMIT) return k.refuse(rule["udmabuf/list-too-long"], errnos.EINVAL, `${count} items`);
  return yield* udmabufCreate(k, task, Array.from({ length: repeat }, () => once).flat());
}

/** udmabuf_create: a descriptor, or a negative errno. */
export function* udmabufCreate(k: Kernel, task: Task, items: readonly UdmabufItem[]): Path<number> {
  const pages = countPages(k, items);
  if (pages < 0) return pages;
  const held: HeldPages = { pfns: new Int32Array(pages), count: 0, pinned: [] };
  for (const item of items) {
    const error = yield* addItem(k, task, item, held);
    if (error !== 0) {
      letGo(k, held);
      return error;
    }
  }
  countBookkeeping(k, held);
  const buffer = new Udmabuf(k, held);
  return dmaBufFd(task, buffer.export());
}

/** The arrays of struct udmabuf, in their generations: by page, and by pin. */
function countBookkeeping(k: Kernel, { count, pinned }: HeldPages): void {
  countBufferPages(k, count);
  switch (k.design["udmabuf.arrays"]) {
    case "pages":
      return keepWords(k, count);
    case "folios-offsets-nodes":
      // A node is a folio and the two pointers of a list.
      return keepWords(k, 2 * count + 3 * pinned.length);
    case "folios-offsets-pinned":
      return keepWords(k, 3 * count);
    case "pages-and-pinned":
      return keepWords(k, 2 * count);
  }
}

/** The checks on alignment and size, item by item: pages in all, or a negative errno. */
function countPages(k: Kernel, items: readonly UdmabufItem[]): number {
  const limit =
    k.design["udmabuf.size-limit"] === "64-MiB"
      ? (64 * 1024 * 1024) / k.pageSize
      : (0x7fffffff * 1024 * 1024) / k.pageSize;
  let pages = 0;
  for (const { offset, size } of items) {
    if (offset % k.pageSize !== 0) return k.refuse(rule["udmabuf/unaligned"], errnos.EINVAL, `offset ${offset}`);
    if (size % k.pageSize !== 0) return k.refuse(rule["udmabuf/unaligned"], errnos.EINVAL, `size ${size}`);
    pages += size / k.pageSize;
    if (pages > limit) return k.refuse(rule["udmabuf/too-large"], errnos.EINVAL, `${pages} pages`);
  }
  if (pages === 0) return k.refuse(rule["udmabuf/empty"], errnos.EINVAL);
  const error = kvmalloc(k, pages * POINTER);
  return error === 0 ? pages : error;
}

/** Checks one memfd and takes hold of its pages, under the inode lock where the design has it. */
function* addItem(k: Kernel, task: Task, item: UdmabufItem, held: HeldPages): Path<number> {
  const file = task.files.get(item.memfd);
  if (file === undefined) return k.refuse(rule["udmabuf/not-a-memfd"], errnos.EBADFD, `descriptor ${item.memfd}`);
  file.refs++;
  const locked = k.design["udmabuf.seal-check"] === "inode-lock";
  if (locked) yield* acquire(k, file.inode.lock, "read");
  else k.note(rule["udmabuf/seal-race"]);
  let error = yield* checkMemfdSeals(k, file);
  if (error === 0) error = yield* holdPages(k, file.inode, item.offset, item.size, held);
  if (locked) {
    k.note(rule["udmabuf/seal-locked"]);
    yield* release(k, file.inode.lock);
  }
  yield* fput(file);
  return error;
}

/** check_memfd_seals: 0, `-EBADFD` for a file without pages of its own, `-EINVAL` for the wrong seals. */
function* checkMemfdSeals(k: Kernel, file: File): Path<number> {
  const { inode } = file;
  const hugetlb = inode.kind === "hugetlb";
  const shmem = inode.kind === "memfd" || inode.kind === "file";
  if (!shmem && !(hugetlb && k.design["udmabuf.hugetlb"] !== "refused")) {
    return k.refuse(rule["udmabuf/not-a-memfd"], errnos.EBADFD, inode.kind);
  }
  yield* access(k, `seals of inode ${inode.id}`, false);
  if ((inode.seals & SEAL.shrink) === 0) return k.refuse(rule["udmabuf/no-shrink-seal"], errnos.EINVAL);
  const denied = k.design["udmabuf.seals-denied"] === "write" ? SEAL.write : SEAL.write | SEAL.futureWrite;
  if ((inode.seals & denied) !== 0) return k.refuse(rule["udmabuf/write-sealed"], errnos.EINVAL);
  if (!file.writable) k.note(rule["udmabuf/mode-ignored"]);
  return 0;
}

/** struct udmabuf. */
class Udmabuf implements DmaBufOps {
  readonly cacheSgtMapping = true;
  /** The table of CPU access, made at the first begin and kept. */
  private sg: SgTable | undefined;
  private sgDirection: Direction = "bidirectional";
  /** Who built the table. */
  private madeBy = "";
  private misc: Device | undefined;
  private buf: DmaBuf | undefined;

  constructor(
    private readonly k: Kernel,
    private readonly held: HeldPages,
  ) {}

  /** The misc device that CPU access syncs for. */
  private get device(): Device {
    return (this.misc ??= this.k.miscDevice("udmabuf"));
  }

  /** export_udmabuf. */
  export(): DmaBuf {
    const { k, held } = this;
    const size = held.count * k.pageSize;
    return (this.buf = dmaBufExport(k, { ops: this, size, expName: "udmabuf", readable: true, writable: true }));
  }

  /** mmap_udmabuf: 0 or a negative errno. */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    if (!vma.has(VM.SHARED | VM.MAYSHARE)) return k.refuse(rule["udmabuf/private"], errnos.EINVAL);
    vma.ops = this.vmOps;
    const choice = k.design["udmabuf.mmap"];
    if (choice === "normal-page") return 0;
    vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
    return choice === "pfn-at-mmap" ? this.mapAll(vma) : 0;
  }

  /** The design that fills the mapping at once, run by run of neighbouring frames. */
  private mapAll(vma: Vma): number {
    const { k } = this;
    const { pfns } = this.held;
    k.note(rule["udmabuf/map-at-mmap"]);
    const end = vma.pgoff + (vma.end - vma.start) / k.pageSize;
    for (let page = vma.pgoff; page < end; ) {
      let run = 1;
      while (page + run < end && pfns[page + run] === pfns[page] + run) run++;
      const error = remapPfnRange(k, vma, vma.start + (page - vma.pgoff) * k.pageSize, pfns[page], run * k.pageSize);
      if (error !== 0) return error;
      page += run;
    }
    return 0;
  }

  private readonly vmOps: VmOps = { name: "udmabuf_vm_ops", fault: (vmf) => this.fault(vmf) };

  /** udmabuf_vm_fault, in its three generations. VM_FAULT bits. */
  private *fault(vmf: VmFault): Path<number> {
    const { k, held } = this;
    if (vmf.pgoff >= held.count) {
      k.trace.refuse(rule["udmabuf/fault-beyond"], 0, `page ${vmf.pgoff} of ${held.count}`);
      return FAULT.sigbus;
    }
    const pfn = held.pfns[vmf.pgoff];
    if (k.design["udmabuf.mmap"] === "normal-page") {
      if (mapsHugePage(k, vmf, pfn)) throw new NotModelled("a huge page that one entry of a udmabuf's mapping covers");
      k.note(rule["udmabuf/fault-page"]);
      k.checkAtExit = true;
      vmf.pfn = pfn;
      folioGet(k, pfn);
      return FAULT.none;
    }
    const result = vmfInsertPfn(k, vmf.vma, vmf.address, pfn);
    if (k.design["udmabuf.mmap"] !== "pfn-all-on-first-fault") {
      k.note(rule["udmabuf/fault-pfn"]);
      return result;
    }
    k.note(rule["udmabuf/fault-all"]);
    return result === FAULT.nopage ? this.prefault(vmf) : result;
  }

  /** The rest of the mapping; an error ends it, and is the fault's where the design reports it. FAULT bits. */
  private prefault({ vma, address }: VmFault): number {
    const { pfns, count } = this.held;
    let page = vma.pgoff;
    for (let at = vma.start; at < vma.end && page < count; at += this.k.pageSize, page++) {
      const result = at === address ? FAULT.nopage : vmfInsertPfn(this.k, vma, at, pfns[page]);
      if (result === FAULT.nopage) continue;
      this.k.note(rule["udmabuf/prefault-error"]);
      return this.k.design["udmabuf.prefault-error"] === "reported" ? result : FAULT.nopage;
    }
    return FAULT.nopage;
  }

  private sgTable(): SgTable {
    return this.k.design["udmabuf.sg-table"] === "merged" ? sgFromPages(this.held.pfns) : sgOfEachPage(this.held.pfns);
  }

  private get syncsOnMap(): boolean {
    return this.k.design["dma-buf.map-sync"] !== "skip";
  }

  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable> {
    const sgt = this.sgTable();
    dmaMapSgtable(this.k, at.device, sgt, direction, this.syncsOnMap);
    return sgt;
  }

  *unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void> {
    dmaUnmapSgtable(this.k, at.device, sgt, direction, this.syncsOnMap);
  }

  /** The lock of the table of CPU access, where the design has one. */
  private get syncLock(): Lock | undefined {
    return this.k.design["udmabuf.sync-lock"] === "reservation" ? this.buf!.resv.lock : undefined;
  }

  /** begin_cpu_udmabuf. */
  *beginCpuAccess(direction: Direction): Path<number> {
    const { k, syncLock } = this;
    if (syncLock !== undefined) yield* acquire(k, syncLock, "write");
    yield* access(k, this.field("sg"), false);
    if (this.sg === undefined) {
      yield* this.buildTable(direction);
      if (k.design["udmabuf.first-begin"] === "maps-and-syncs") dmaSyncForCpu(k, this.device, this.sg!, direction);
    } else dmaSyncForCpu(k, this.device, this.sg, direction);
    if (syncLock !== undefined) yield* release(k, syncLock);
    return 0;
  }

  /** The first begin: the table is built after the field was found empty, and overwrites what is there by then. */
  private *buildTable(direction: Direction): Path<void> {
    const { k } = this;
    k.note(rule["udmabuf/begin-maps"]);
    const sg = this.sgTable();
    dmaMapSgtable(k, this.device, sg, direction, this.syncsOnMap);
    const madeBy = k.custody.doing;
    yield* access(k, this.field("sg"), true);
    if (this.sg !== undefined) {
      k.note(rule["udmabuf/begin-twice"], this.field("sg"));
      k.custody.loses("an sg table of a udmabuf and its DMA mapping", this.madeBy, "release_udmabuf, by ubuf->sg");
    }
    this.sg = sg;
    this.madeBy = madeBy;
    yield* access(k, this.field("sg_dir"), true);
    this.sgDirection = direction;
  }

  /** A field of struct udmabuf that no lock keeps, as the explorer names it. */
  private field(name: "sg" | "sg_dir"): string {
    return `ubuf->${name} of buffer ${this.buf!.id}`;
  }

  /** end_cpu_udmabuf: `-EINVAL` before the first begin. */
  *endCpuAccess(direction: Direction): Path<number> {
    const { k, syncLock } = this;
    if (syncLock !== undefined) yield* acquire(k, syncLock, "write");
    yield* access(k, this.field("sg"), false);
    let error = 0;
    if (this.sg === undefined) error = k.refuse(rule["udmabuf/end-before-begin"], errnos.EINVAL);
    else dmaSyncForDevice(k, this.device, this.sg, direction);
    if (syncLock !== undefined) yield* release(k, syncLock);
    return error;
  }

  /** vmap_udmabuf. Without the operation the core says EINVAL. */
  get vmap(): DmaBufOps["vmap"] {
    return this.k.design["udmabuf.vmap"] === "none" ? undefined : () => this.mapKernel();
  }

  private *mapKernel(): Path<KernelMap | number> {
    const { k } = this;
    if (k.design["udmabuf.vmap"] === "refused") {
      k.warn(rule["udmabuf/vmap-pfn"]);
      return k.refuse(rule["udmabuf/vmap-pfn"], errnos.EINVAL);
    }
    const heads = k.design["udmabuf.vmap"] === "folio-heads";
    if (heads) k.note(rule["udmabuf/vmap-heads"]);
    return k.vmalloc.map(
      heads ? this.held.pfns.map((pfn) => k.frames.head(pfn)) : this.held.pfns,
      "vmap of a udmabuf",
      "the reference on the buffer of whoever mapped it",
    );
  }

  *vunmap(map: KernelMap): Path<void> {
    this.k.vmalloc.unmap(map);
  }

  /** release_udmabuf. */
  *release(): Path<void> {
    const direction = this.k.design["udmabuf.release-direction"] === "as-mapped" ? this.sgDirection : "bidirectional";
    if (this.sg !== undefined) dmaUnmapSgtable(this.k, this.device, this.sg, direction, this.syncsOnMap);
    letGo(this.k, this.held);
  }
}

/** do_set_pmd, mm/memory.c: a page of a huge folio, in a mapping that has room for the whole and nothing there yet. */
function mapsHugePage(k: Kernel, vmf: VmFault, pfn: number): boolean {
  const { vma, address } = vmf;
  const { leafBytes } = vma.mm.table;
  const pages = leafBytes / k.pageSize;
  const start = Math.floor(address / leafBytes) * leafBytes;
  if (!k.arch.thp || 1 << k.frames.order(k.frames.head(pfn)) !== pages) return false;
  if ((vma.start / k.pageSize - vma.pgoff) % pages !== 0 || start < vma.start || start + leafBytes > vma.end)
    return false;
  return vma.mm.table.leaf(address) === undefined;
}
