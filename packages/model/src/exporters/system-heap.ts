/** The system heap: /dev/dma_heap/system (drivers/dma-buf/heaps/system_heap.c, drivers/dma-buf/dma-heap.c). */
import { definePoints } from "../design/points.js";
import { errnos } from "@litmap/litmus";
import { countBufferPages, keepSgEntries, keepWords } from "../dma/bookkeeping.js";
import { dmaBufExport, dmaBufFd } from "../dma-buf/buffer.js";
import { chargeAllocator } from "../dma-buf/charge.js";
import { SgTable } from "../dma/sg.js";
import { remapPfnRange, vmInsertPage } from "../mm/insert.js";
import { folioGet } from "../mm/rmap.js";
import { FAULT, VM } from "../mm/vma.js";
import { KernelBug } from "../sched/path.js";
import { HeapBuffer, withinBuffer } from "./heap-buffer.js";
import { rules } from "../rules/rule.js";
import { narrow, pageAlign, ulong } from "../word.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

export const points = definePoints({
  "system-heap.mmap": {
    question: "How does the system heap map its pages?",
    choices: {
      "fault-page": { doc: "the fault handler returns the page: a normal shared mapping; MAP_PRIVATE is refused" },
      "remap-pfn-range": { doc: "VM_IO and VM_PFNMAP, one remap_pfn_range per page" },
      "remap-pfn-range-per-chunk": { doc: "VM_IO and VM_PFNMAP, one remap_pfn_range per chunk of the allocation" },
      "insert-page": {
        doc: "vm_insert_page: VM_MIXEDMAP, refcount, RSS and PSS",
        proposed: "dma-buf: heaps: Map system heap pages as managed by linux vm (Suren Baghdasaryan, January 2021)",
      },
    },
    mainline: [
      ["5.6", "fault-page"],
      ["5.11", "remap-pfn-range", "dma-buf: system_heap: Rework system heap to use sgtables instead of pagelists"],
      ["6.19", "remap-pfn-range-per-chunk", "source: not in 6.18.15, in 6.19.6"],
    ],
  },
  "system-heap.private": {
    question: "Does the system heap refuse MAP_PRIVATE, regardless of how it maps?",
    choices: {
      accepted: { doc: "no: where remap_pfn_range accepts the VMA, stores go to COW copies" },
      refused: {
        doc: "yes: EINVAL, as the CMA heap and udmabuf do",
        proposed: "dma-buf: system_heap: reject private mappings (Chris Wiseman, October 2026)",
      },
    },
    mainline: [["5.6", "accepted"]],
  },
  "system-heap.pages": {
    question: "In which orders does the system heap allocate?",
    choices: {
      "order-0": { doc: "order 0 only" },
      "orders-8-4-0": { doc: "the largest of order 8, 4 and 0 that fits and is not above the previous one" },
    },
    mainline: [
      ["5.6", "order-0"],
      ["5.11", "orders-8-4-0", "dma-buf: system_heap: Allocate higher order pages if available"],
    ],
  },
});

const rule = rules({
  "system-heap/ioctl-fd": {
    sentence: "The fd field of the allocation request must be 0 on entry, else EINVAL.",
    kernel: "dma_heap_ioctl_allocate, drivers/dma-buf/dma-heap.c",
  },
  "system-heap/ioctl-fd-flags": {
    sentence: "fd_flags may hold only an access mode and O_CLOEXEC, else EINVAL.",
    kernel: "dma_heap_ioctl_allocate, drivers/dma-buf/dma-heap.c",
  },
  "system-heap/ioctl-heap-flags": {
    sentence: "No heap flags are defined: any flag gives EINVAL.",
    kernel: "dma_heap_ioctl_allocate, drivers/dma-buf/dma-heap.c",
  },
  "system-heap/length-zero": {
    sentence: "A length of 0 after PAGE_ALIGN(), also by overflow, gives EINVAL.",
    kernel: "dma_heap_ioctl_allocate, drivers/dma-buf/dma-heap.c",
  },
  "system-heap/no-cap": {
    sentence: "The heap has no size limit: a request larger than RAM allocates until the machine is out of memory.",
    kernel: "system_heap_allocate, drivers/dma-buf/heaps/system_heap.c",
  },
  "system-heap/orders": {
    sentence: "Pages are allocated in orders 8, 4 and 0: the largest that fits and is not above the previous one.",
    kernel: "alloc_largest_available, drivers/dma-buf/heaps/system_heap.c",
  },
  "system-heap/remap": {
    sentence:
      "mmap populates the page table by remap_pfn_range: VM_IO and VM_PFNMAP, no folio references, no later faults.",
    kernel: "system_heap_mmap, drivers/dma-buf/heaps/system_heap.c",
  },
  "system-heap/fault-page": {
    sentence: "The fault handler returns the page: a normal shared mapping with refcount, mapcount and RSS.",
    kernel: "dma_heap_vm_fault, drivers/dma-buf/heaps/heap-helpers.c (up to 5.10)",
    unproven: "no distribution kernel of that age builds the heap.",
  },
  "system-heap/private": {
    sentence: "The heap supports shared mappings only: MAP_PRIVATE gives EINVAL.",
    kernel: "dma_heap_mmap, drivers/dma-buf/heaps/heap-helpers.c (up to 5.10)",
    unproven: "no distribution kernel of that age builds the heap.",
  },
  "system-heap/insert-page": {
    sentence:
      "mmap inserts the pages by vm_insert_page: VM_MIXEDMAP, one refcount and one mapcount per PTE, RSS and PSS.",
    kernel: "system_heap_mmap, drivers/dma-buf/heaps/system_heap.c",
    unproven: "proposal; no mainline release maps the heap by vm_insert_page.",
  },
});

/** O_* bits of fd_flags that the heap looks at. */
export const O = { rdonly: 0, wronly: 1, rdwr: 2, accmode: 3, nonblock: 0o4000, cloexec: 0o2000000 } as const;

export interface HeapRequest {
  /** Bytes. */
  readonly length: bigint;
  readonly fdFlags: number;
  readonly heapFlags: bigint;
  /** The struct's fd field on entry. */
  readonly fd: number;
}

/** What a heap makes of a length in bytes, whole pages: a buffer or a negative errno. */
export type HeapAllocate = (k: Kernel, length: number, readable: boolean, writable: boolean) => DmaBuf | number;

/** dma_heap_ioctl_allocate: a descriptor, or a negative errno. */
export function* dmaHeapIoctlAllocate(
  k: Kernel,
  task: Task,
  allocate: HeapAllocate,
  request: HeapRequest,
): Path<number> {
  if (request.fd !== 0) return k.refuse(rule["system-heap/ioctl-fd"], errnos.EINVAL, `fd ${request.fd}`);
  if ((request.fdFlags & ~(O.cloexec | O.accmode)) !== 0)
    return k.refuse(rule["system-heap/ioctl-fd-flags"], errnos.EINVAL, `fd_flags 0${request.fdFlags.toString(8)}`);
  if (request.heapFlags !== 0n)
    return k.refuse(rule["system-heap/ioctl-heap-flags"], errnos.EINVAL, `heap_flags ${request.heapFlags}`);
  const length = narrow(pageAlign(k, ulong(k, request.length)));
  if (length === 0) return k.refuse(rule["system-heap/length-zero"], errnos.EINVAL, `length ${request.length}`);
  const access = request.fdFlags & O.accmode;
  const buf = allocate(k, length, access !== O.wronly, access === O.wronly || access === O.rdwr);
  if (typeof buf === "number") return buf;
  chargeAllocator(k, task, buf);
  return dmaBufFd(task, buf);
}

/** system_heap_allocate: a buffer of `length` bytes, a multiple of the page size. */
export function systemHeapAllocate(k: Kernel, length: number, readable: boolean, writable: boolean): DmaBuf {
  const heap = new SystemHeapBuffer(k, length);
  return dmaBufExport(k, {
    ops: heap,
    size: length,
    expName: k.design["system-heap.pages"] === "order-0" ? "heap_helpers" : "system",
    readable,
    writable,
  });
}

/** Orders of the chunks, largest first: 1 MiB, 64 KiB, 4 KiB with pages of 4 KiB. */
const ORDERS = [8, 4, 0] as const;

/** struct system_heap_buffer. */
class SystemHeapBuffer extends HeapBuffer {
  /** First frame and order of each chunk. */
  private readonly chunks: { readonly pfn: number; readonly order: number }[] = [];
  private readonly pages: number;

  constructor(k: Kernel, length: number) {
    super(k, "system_heap_buffer", "a system-heap buffer");
    this.pages = length / k.pageSize;
    this.allocate();
  }

  /** Chunk by chunk, never larger than the one before (alloc_largest_available). */
  private allocate(): void {
    const { k } = this;
    const single = k.design["system-heap.pages"] === "order-0";
    let maxOrder: number = single ? 0 : ORDERS[0];
    if (!single) k.note(rule["system-heap/orders"]);
    if (this.pages > k.frames.available) this.outOfMemory();
    for (let left = this.pages; left > 0; ) {
      const chunk = this.largestAvailable(left, maxOrder);
      this.chunks.push(chunk);
      left -= 1 << chunk.order;
      maxOrder = chunk.order;
    }
    k.counters.pages_zeroed += this.pages;
    countBufferPages(k, this.pages);
    if (single) keepWords(k, this.pages);
    else keepSgEntries(k, this.chunks.length);
  }

  private largestAvailable(left: number, maxOrder: number): { pfn: number; order: number } {
    for (const order of ORDERS) {
      if (left < 1 << order || maxOrder < order) continue;
      const pfn = this.k.frames.alloc(order);
      if (pfn >= 0) return { pfn, order };
    }
    return this.outOfMemory();
  }

  private outOfMemory(): never {
    this.k.trace.refuse(rule["system-heap/no-cap"], 0, `${this.pages} pages`);
    throw new KernelBug(`out of memory: the system heap was asked for ${this.pages} pages`);
  }

  /** Each attachment has a table of its own: the heap's own is never handed out (dup_sg_table). */
  protected override sgTable(): SgTable {
    return new SgTable(this.chunks.map(({ pfn, order }) => ({ pfn, pages: 1 << order })));
  }

  /** system_heap_mmap, by the primitive that the design uses. 0 or a negative errno. */
  *mmap(vma: Vma): Path<number> {
    const refused = this.k.design["system-heap.private"] === "refused" && !vma.has(VM.SHARED | VM.MAYSHARE);
    if (refused) return this.k.refuse(rule["system-heap/private"], errnos.EINVAL);
    switch (this.k.design["system-heap.mmap"]) {
      case "fault-page":
        return this.mmapByFault(vma);
      case "remap-pfn-range":
        this.k.note(rule["system-heap/remap"]);
        return this.eachRun(vma, true, (address, pfn) => remapPfnRange(this.k, vma, address, pfn, this.k.pageSize));
      case "remap-pfn-range-per-chunk":
        this.k.note(rule["system-heap/remap"]);
        return this.eachRun(vma, false, (address, pfn, pages) =>
          remapPfnRange(this.k, vma, address, pfn, pages * this.k.pageSize),
        );
      case "insert-page":
        this.k.note(rule["system-heap/insert-page"]);
        return this.eachRun(vma, true, (address, pfn) => vmInsertPage(this.k, vma, address, pfn));
    }
  }

  /**
   * Calls `map` for each page, or for each part of a chunk, that the mapping covers, in order; stops at the first
   * error.
   */
  private eachRun(vma: Vma, single: boolean, map: (address: number, pfn: number, pages: number) => number): number {
    const { pageSize } = this.k;
    let skip = vma.pgoff;
    let address = vma.start;
    for (const { pfn, order } of this.chunks) {
      const size = 1 << order;
      if (skip >= size) {
        skip -= size;
        continue;
      }
      const pages = Math.min(size - skip, (vma.end - address) / pageSize);
      for (let i = 0; i < pages; i += single ? 1 : pages) {
        const error = map(address, pfn + skip + i, single ? 1 : pages);
        if (error !== 0) return error;
        address += (single ? 1 : pages) * pageSize;
      }
      if (address >= vma.end) break;
      skip = 0;
    }
    return 0;
  }

  private mmapByFault(vma: Vma): number {
    if (!vma.has(VM.SHARED | VM.MAYSHARE)) return this.k.refuse(rule["system-heap/private"], errnos.EINVAL);
    vma.ops = this.faultOps;
    return 0;
  }

  private readonly faultOps: VmOps = { name: "dma_heap_vm_ops", fault: (vmf) => this.fault(vmf) };

  /** dma_heap_vm_fault, with the same bound as the CMA heap: both are the helpers' then. */
  private *fault(vmf: VmFault): Path<number> {
    if (!withinBuffer(this.k, vmf, this.pages)) return FAULT.sigbus;
    this.k.note(rule["system-heap/fault-page"]);
    vmf.pfn = this.frames()[vmf.pgoff];
    folioGet(this.k, vmf.pfn);
    return FAULT.none;
  }

  /** Every frame, in the order of the buffer. */
  protected override frames(): Int32Array {
    const frames = new Int32Array(this.pages);
    let at = 0;
    for (const { pfn, order } of this.chunks) for (let i = 0; i < 1 << order; i++) frames[at++] = pfn + i;
    return frames;
  }

  /** system_heap_dma_buf_release: __free_pages drops the heap's reference; who else holds one keeps the chunk. */
  *release(): Path<void> {
    for (const { pfn, order } of this.chunks) {
      if (this.k.frames.addRef(pfn, -1) === 0) this.k.frames.release(pfn, order);
    }
  }
}
