/**
 * videobuf2's vmalloc allocator: single pages behind a kernel mapping
 * (drivers/media/common/videobuf2/videobuf2-vmalloc.c).
 */
import { ofQueue } from "./driver-buffer.js";
import { vmalloc } from "../mm/page-alloc.js";
import type { BufferDriver } from "./driver-buffer.js";
import { errnos } from "@litmap/litmus";
import { vb2CreateFramevec, vb2DestroyFramevec } from "./frame-vector.js";
import { countBufferPages, keepWords } from "../dma/bookkeeping.js";
import { dmaBufVmap, dmaBufVunmap } from "../dma-buf/cpu-access.js";
import { sgOfEachPage } from "../dma/sg.js";
import { PG } from "../mm/frames.js";
import { vmInsertPage } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { VM } from "../mm/vma.js";
import { PlaneDmaBuf } from "./vb2-dma.js";
import { Handler } from "./vb2-memops.js";
import { rules } from "../rules/rule.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { ImportedMemory, MemOps, OwnMemory, PlaneMemory } from "./vb2-memops.js";

const rule = rules({
  "vb2-vmalloc/insert-page": {
    sentence:
      "mmap inserts every page by vm_insert_page: VM_MIXEDMAP, refcount, RSS; no fault handler refills zapped PTEs.",
    kernel: "vb2_vmalloc_mmap, drivers/media/common/videobuf2/videobuf2-vmalloc.c",
  },
  "vb2-vmalloc/offset-ignored": {
    sentence:
      "The mapping ignores vm_pgoff and starts at the first page: a dma-buf mapping with an offset shows the wrong " +
      "pages.",
    kernel: "vb2_vmalloc_mmap, drivers/media/common/videobuf2/videobuf2-vmalloc.c",
  },
  "vb2-vmalloc/userptr": {
    sentence: "USERPTR memory gets a long-term pin and a kernel mapping.",
    kernel: "vb2_vmalloc_get_userptr, drivers/media/common/videobuf2/videobuf2-vmalloc.c",
  },
  "vb2-vmalloc/import-short": {
    sentence: "A dma-buf shorter than the queued length gives EFAULT.",
    kernel: "vb2_vmalloc_attach_dmabuf, drivers/media/common/videobuf2/videobuf2-vmalloc.c",
  },
  "vb2-vmalloc/import-vmap": {
    sentence: "A dma-buf is accessed through its exporter's vmap; every error of vmap becomes EFAULT.",
    kernel: "vb2_vmalloc_map_dmabuf, drivers/media/common/videobuf2/videobuf2-vmalloc.c",
  },
});

export const vb2VmallocMemops: MemOps = {
  expName: "videobuf2_vmalloc",
  alloc: vb2VmallocAlloc,
  getUserptr: vb2VmallocGetUserptr,
  attachDmabuf: vb2VmallocAttachDmabuf,
};

/** vb2_vmalloc_alloc: a buffer, or -ENOMEM. Bytes, whole pages. */
export function vb2VmallocAlloc(k: Kernel, size: number): OwnMemory | number {
  const error = vmalloc(k, size);
  return error === 0 ? new VmallocBuffer(k, size) : error;
}

/** struct vb2_vmalloc_buf of a queue's own memory: vmalloc_user. */
class VmallocBuffer implements OwnMemory {
  private readonly map: KernelMap;
  private readonly handler: Handler;

  constructor(
    private readonly k: Kernel,
    size: number,
  ) {
    const pfns = Int32Array.from({ length: size / k.pageSize }, () => k.frames.alloc(0));
    k.counters.pages_zeroed += pfns.length;
    countBufferPages(k, pfns.length);
    keepWords(k, pfns.length);
    this.map = k.vmalloc.map(pfns, "a vb2-vmalloc buffer");
    this.handler = new Handler(k, () => this.free());
  }

  /** vfree. */
  private free(): void {
    const { k, map } = this;
    k.vmalloc.unmap(map);
    for (let i = 0; i < map.pfns.length; i++) folioPut(k, map.pfns[i]);
  }

  *vaddr(): Path<KernelMap> {
    return this.map;
  }

  *put(): Path<void> {
    this.handler.put();
  }

  /** vb2_vmalloc_mmap: remap_vmalloc_range from the first page on. 0 or a negative errno. */
  mmap(vma: Vma): number {
    const { k } = this;
    k.note(rule["vb2-vmalloc/insert-page"]);
    if (vma.pgoff > 0) k.note(rule["vb2-vmalloc/offset-ignored"], `page ${vma.pgoff}`);
    for (let address = vma.start, i = 0; address < vma.end; address += k.pageSize, i++) {
      const error = vmInsertPage(k, vma, address, this.map.pfns[i]);
      if (error !== 0) return error;
    }
    vma.flags |= VM.DONTEXPAND | VM.DONTDUMP;
    this.handler.attach(vma);
    return 0;
  }

  getDmabuf(): DmaBufOps {
    this.handler.get();
    return new PlaneDmaBuf(this.k, this, this.handler, () => sgOfEachPage(this.map.pfns), true);
  }
}

/** vb2_vmalloc_get_userptr: pins the pages and maps them (vm_map_ram). */
function* vb2VmallocGetUserptr(k: Kernel, task: Task, address: number, length: number): Path<PlaneMemory | number> {
  const vec = yield* vb2CreateFramevec(k, task, address, length, true);
  if (typeof vec === "number") return vec;
  k.note(rule["vb2-vmalloc/userptr"]);
  const map = k.vmalloc.map(
    vec.pfns,
    "user memory that a camera writes to",
    "a pin of each page, which bare frame numbers have not",
  );
  return {
    offset: address % k.pageSize,
    *vaddr() {
      return map;
    },
    /** vb2_vmalloc_put_userptr. */
    *put() {
      k.vmalloc.unmap(map);
      for (const pfn of vec.pfns) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
      vb2DestroyFramevec(k, vec);
    },
  };
}

/** vb2_vmalloc_attach_dmabuf: only compares lengths; there is no attachment. */
function* vb2VmallocAttachDmabuf(k: Kernel, buf: DmaBuf, length: number): Path<ImportedMemory | number> {
  if (buf.size < length) return k.refuse(rule["vb2-vmalloc/import-short"], errnos.EFAULT, `${buf.size} of ${length}`);
  let map: KernelMap | undefined;
  return {
    *vaddr() {
      return map;
    },
    *map() {
      const mapped = yield* dmaBufVmap(buf);
      if (typeof mapped === "number") return k.refuse(rule["vb2-vmalloc/import-vmap"], errnos.EFAULT, buf.expName);
      map = mapped;
      return 0;
    },
    *put() {
      if (map !== undefined) yield* dmaBufVunmap(buf);
    },
  };
}

export function vb2VmallocBuffer({ k }: BufferDriver, size: number): Path<DmaBuf | number> {
  return ofQueue(k, "videobuf2_vmalloc", size, vb2VmallocAlloc(k, size));
}
