/**
 * What the buffers of all heaps do alike: a table for each attachment, syncs of the mapped ones, one kernel mapping.
 */
import { keepSgTable } from "../dma/bookkeeping.js";
import { dmaMapSgtable, dmaSyncForCpu, dmaSyncForDevice, dmaUnmapSgtable } from "../dma/sg.js";
import { bug } from "../mm/insert.js";
import { access, acquire, Lock, release } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBufOps } from "../dma-buf/buffer.js";
import type { SgTable } from "../dma/sg.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmFault } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "cma/fault-end": {
    sentence: "A fault past the last page of the buffer, in a VMA that mremap has grown, gives SIGBUS.",
    kernel: "cma_heap_vm_fault, drivers/dma-buf/heaps/cma_heap.c",
  },
  "cma/fault-past-array": {
    sentence: "The bounds check uses > instead of >=: a fault one page past the end reads past the page array.",
    kernel: "dma_heap_vm_fault, drivers/dma-buf/heaps/heap-helpers.c (up to 5.10)",
    unproven: "fixed in mainline before 6.1's stable series; no recorded kernel has the heap without the fix.",
  },
});

export abstract class HeapBuffer implements DmaBufOps {
  private readonly attachments: Attachment[] = [];
  /** Attachments whose `mapped` is set: no lock of the heap is held then. */
  private readonly mapped = new Set<Attachment>();
  private readonly lock: Lock;

  constructor(
    protected readonly k: Kernel,
    lockClass: string,
    /** For stories: `a system-heap buffer`. */
    private readonly what: string,
  ) {
    this.lock = new Lock(lockClass, `lock of ${what}`);
  }

  /** A table of the buffer's memory, for one attachment. */
  protected abstract sgTable(): SgTable;
  /** Every frame, in the order of the buffer. */
  protected abstract frames(): Int32Array;
  abstract mmap(vma: Vma): Path<number>;
  abstract release(): Path<void>;

  *attach(at: Attachment): Path<number> {
    const sgt = this.sgTable();
    keepSgTable(this.k, sgt);
    at.priv = sgt;
    yield* acquire(this.k, this.lock, "write");
    this.attachments.push(at);
    yield* release(this.k, this.lock);
    return 0;
  }

  *detach(at: Attachment): Path<void> {
    yield* acquire(this.k, this.lock, "write");
    this.attachments.splice(this.attachments.indexOf(at), 1);
    yield* release(this.k, this.lock);
  }

  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable> {
    const sgt = at.priv as SgTable;
    dmaMapSgtable(this.k, at.device, sgt, direction);
    yield* access(this.k, mappedField(at), true);
    this.mapped.add(at);
    return sgt;
  }

  *unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void> {
    yield* access(this.k, mappedField(at), true);
    this.mapped.delete(at);
    dmaUnmapSgtable(this.k, at.device, sgt, direction);
  }

  /** system_heap_dma_buf_begin_cpu_access, cma_heap_dma_buf_begin_cpu_access: syncs every attachment that is mapped. */
  *beginCpuAccess(direction: Direction): Path<number> {
    yield* acquire(this.k, this.lock, "write");
    for (const at of this.attachments) {
      yield* access(this.k, mappedField(at), false);
      if (this.mapped.has(at)) dmaSyncForCpu(this.k, at.device, at.priv as SgTable, direction);
    }
    yield* release(this.k, this.lock);
    return 0;
  }

  *endCpuAccess(direction: Direction): Path<number> {
    yield* acquire(this.k, this.lock, "write");
    for (const at of this.attachments) {
      yield* access(this.k, mappedField(at), false);
      if (this.mapped.has(at)) dmaSyncForDevice(this.k, at.device, at.priv as SgTable, direction);
    }
    yield* release(this.k, this.lock);
    return 0;
  }

  *vmap(): Path<KernelMap> {
    return this.k.vmalloc.map(
      this.frames(),
      `vmap of ${this.what}`,
      "the reference on the buffer of whoever mapped it",
    );
  }

  *vunmap(map: KernelMap): Path<void> {
    this.k.vmalloc.unmap(map);
  }
}

/** `a->mapped` of an attachment, as the explorer names it. */
function mappedField(at: Attachment): string {
  return `a->mapped of ${at.device.name}'s attachment to buffer ${at.buf.id}`;
}

/** The bound of a fault handler that returns pages out of an array of `pages`: whether there is such a page. */
export function withinBuffer(k: Kernel, vmf: VmFault, pages: number): boolean {
  if (vmf.pgoff < pages) return true;
  const about = `page ${vmf.pgoff} of ${pages}`;
  if (vmf.pgoff === pages && k.design["cma-heap.fault-bound"] === "one-past")
    bug(k, rule["cma/fault-past-array"], about);
  k.trace.refuse(rule["cma/fault-end"], 0, about);
  return false;
}
