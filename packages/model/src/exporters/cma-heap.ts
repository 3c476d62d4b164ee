/** The CMA heap: consecutive pages out of the machine's contiguous memory (drivers/dma-buf/heaps/cma_heap.c). */
import { definePoints } from "../design/points.js";
import { errnos } from "@litmap/litmus";
import { countBufferPages, keepWords } from "../dma/bookkeeping.js";
import { dmaBufExport } from "../dma-buf/buffer.js";
import { sgOfOnePiece } from "../dma/sg.js";
import { vmfInsertPfn } from "../mm/insert.js";
import { folioGet } from "../mm/rmap.js";
import { FAULT, VM } from "../mm/vma.js";
import { HeapBuffer, withinBuffer } from "./heap-buffer.js";
import { rules } from "../rules/rule.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

export const points = definePoints({
  "cma-heap.mmap": {
    question: "What does the CMA heap put into the page table?",
    choices: {
      "fault-page": {
        doc: "the fault handler returns the page: a normal mapping, counted in RssFile, that GUP accepts",
      },
      "pfn-per-fault": {
        doc:
          "VM_IO and VM_PFNMAP; each fault inserts one PFN (dma-buf: heaps: Don't track CMA dma-buf pages under " +
          "RssFile, T.J. Mercier, January 2024)",
      },
    },
    mainline: [
      ["5.6", "fault-page"],
      ["6.9", "pfn-per-fault", "dma-buf: heaps: Don't track CMA dma-buf pages under RssFile"],
    ],
  },
  "cma-heap.fault-bound": {
    question: "What is the first page past a buffer that the CMA heap's fault handler refuses?",
    choices: {
      "one-past": { doc: "the second: the check is pgoff > pagecount, so one pointer past the array is read" },
      end: {
        doc: "the first",
      },
    },
    mainline: [
      ["5.6", "one-past"],
      [
        "6.11",
        "end",
        "dma-buf: heaps: Fix off-by-one in CMA heap fault handler",
        { "5.10": "5.10.227", "6.1": "6.1.111", "6.10": "6.10.11" },
      ],
    ],
  },
  "cma-heap.name": {
    question: "What is the name of the heap on the default CMA area?",
    choices: {
      helpers: { doc: "its dma-bufs have exp_name heap_helpers" },
      area: { doc: "the name of the area: reserved" },
      fixed: { doc: "default_cma_region" },
    },
    mainline: [
      ["5.6", "helpers"],
      ["5.11", "area", "source: not in 5.10.13, in 6.1.4"],
      ["6.17", "fixed", "dma-buf: heaps: Give default CMA heap a fixed name"],
    ],
  },
});

const rule = rules({
  "cma/no-memory": {
    sentence: "An allocation without a free, aligned run of pages in the CMA area gives ENOMEM.",
    kernel: "cma_alloc, mm/cma.c",
  },
  "cma/aligned": {
    sentence:
      "A buffer is physically contiguous and aligned to its page count rounded up to a power of two, at most 256 " +
      "pages.",
    kernel: "cma_heap_allocate, drivers/dma-buf/heaps/cma_heap.c",
  },
  "cma/private": {
    sentence: "The CMA heap supports shared mappings only: MAP_PRIVATE gives EINVAL.",
    kernel: "cma_heap_mmap, drivers/dma-buf/heaps/cma_heap.c",
  },
  "cma/fault-page": {
    sentence:
      "The fault handler returns the page: a normal shared mapping with refcount, mapcount and RSS that GUP accepts.",
    kernel: "cma_heap_vm_fault, drivers/dma-buf/heaps/cma_heap.c",
  },
  "cma/fault-pfn": {
    sentence: "The mapping is VM_IO and VM_PFNMAP, and each fault inserts one PFN: no refcount, no RSS.",
    kernel: "cma_heap_vm_fault, drivers/dma-buf/heaps/cma_heap.c",
  },
});

/** exp_name of its buffers. */
const NAMES = { helpers: "heap_helpers", area: "reserved", fixed: "default_cma_region" } as const;

/** cma_heap_allocate: a buffer of `length` bytes, whole pages, or -ENOMEM. */
export function cmaHeapAllocate(k: Kernel, length: number, readable: boolean, writable: boolean): DmaBuf | number {
  const pages = length / k.pageSize;
  const first = k.cma.alloc(pages);
  if (first < 0) return k.refuse(rule["cma/no-memory"], errnos.ENOMEM, `${pages} pages`);
  k.note(rule["cma/aligned"], `frame ${first}`);
  return dmaBufExport(k, {
    ops: new CmaHeapBuffer(k, first, pages),
    size: length,
    expName: NAMES[k.design["cma-heap.name"]],
    readable,
    writable,
  });
}

/** struct cma_heap_buffer. */
class CmaHeapBuffer extends HeapBuffer {
  constructor(
    k: Kernel,
    private readonly first: number,
    private readonly pages: number,
  ) {
    super(k, "cma_heap_buffer", "a CMA-heap buffer");
    countBufferPages(k, pages);
    // Its array of page pointers.
    keepWords(k, pages);
  }

  protected override sgTable(): SgTable {
    return sgOfOnePiece(this.frames());
  }

  protected override frames(): Int32Array {
    return Int32Array.from({ length: this.pages }, (_, i) => this.first + i);
  }

  /** cma_heap_mmap: 0 or -EINVAL. */
  *mmap(vma: Vma): Path<number> {
    if (!vma.has(VM.SHARED | VM.MAYSHARE)) return this.k.refuse(rule["cma/private"], errnos.EINVAL);
    if (this.k.design["cma-heap.mmap"] === "pfn-per-fault")
      vma.flags |= VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
    vma.ops = this.vmOps;
    return 0;
  }

  private readonly vmOps: VmOps = { name: "dma_heap_vm_ops", fault: (vmf) => this.fault(vmf) };

  /** cma_heap_vm_fault. FAULT bits. */
  private *fault(vmf: VmFault): Path<number> {
    const { k } = this;
    if (!withinBuffer(k, vmf, this.pages)) return FAULT.sigbus;
    const pfn = this.first + vmf.pgoff;
    if (k.design["cma-heap.mmap"] === "pfn-per-fault") {
      k.note(rule["cma/fault-pfn"], `frame ${pfn}`);
      return vmfInsertPfn(k, vmf.vma, vmf.address, pfn);
    }
    k.note(rule["cma/fault-page"], `frame ${pfn}`);
    vmf.pfn = pfn;
    folioGet(k, pfn);
    return FAULT.none;
  }

  /** cma_heap_dma_buf_release. */
  *release(): Path<void> {
    this.k.cma.release(this.first, this.pages);
  }
}
