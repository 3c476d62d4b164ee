/** What videobuf2's core asks of an allocator (struct vb2_mem_ops), and what allocators share (videobuf2-memops.c). */
import { rules } from "../rules/rule.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "vb2/counted": {
    sentence: "Every mapping holds a reference on its buffer, also those made by fork and split.",
    kernel: "vb2_common_vm_open, drivers/media/common/videobuf2/videobuf2-memops.c",
  },
});

/** Memory of a plane, whosever it is: what a frame is written to, and how it is let go. */
export interface PlaneMemory {
  /** Where the kernel reaches it, made when it is asked for first; undefined: nowhere (the memop vaddr). */
  vaddr(): Path<KernelMap | undefined>;
  /** Bytes into the mapping at which it begins: of user memory that does not begin at a page. */
  readonly offset?: number;
  /** The memops put, put_userptr and detach_dmabuf. */
  put(): Path<void>;
}

/** Memory that the queue itself has allocated: it can be mapped and exported. */
export interface OwnMemory extends PlaneMemory {
  /** The memop mmap: 0 or a negative errno. */
  mmap(vma: Vma): number;
  /** The memop get_dmabuf takes a reference that the dma-buf's release drops. */
  getDmabuf(): DmaBufOps;
}

/** struct vb2_mem_ops. */
export interface MemOps {
  /** The name that exported buffers carry. */
  readonly expName: string;
  /** Bytes, whole pages; or -ENOMEM. */
  alloc(k: Kernel, size: number): OwnMemory | number;
  /** Absent where the driver does not allow USERPTR. */
  getUserptr?(k: Kernel, task: Task, address: number, length: number): Path<PlaneMemory | number>;
  /** attach_dmabuf: refuses what is too short; negative errno. */
  attachDmabuf(k: Kernel, buf: DmaBuf, length: number): Path<ImportedMemory | number>;
}

/** A dma-buf that is attached; `map` is the memop map_dmabuf. */
export interface ImportedMemory extends PlaneMemory {
  map(): Path<number>;
}

/** vb2_vmarea_handler: the references that mappings and dma-bufs hold on memory of a queue. */
export class Handler {
  private refs = 1;
  constructor(
    private readonly k: Kernel,
    /** Called with the last reference gone. */
    private readonly free: () => void,
  ) {}

  get(): void {
    this.refs++;
  }

  put(): void {
    if (--this.refs === 0) this.free();
  }

  /** vb2_common_vm_ops. There is no fault handler. */
  readonly vmOps: VmOps = {
    name: "vb2_common_vm_ops",
    open: () => this.open(),
    close: () => this.close(),
  };

  /** vb2_common_vm_open. */
  private *open(): Path<void> {
    this.counted();
  }

  /** vb2_common_vm_close. */
  private *close(): Path<void> {
    this.put();
  }

  private counted(): void {
    this.k.note(rule["vb2/counted"]);
    this.get();
  }

  /** The end of an allocator's mmap: the mapping's own reference. */
  attach(vma: Vma): void {
    vma.privateData = this;
    vma.ops = this.vmOps;
    this.counted();
  }
}
