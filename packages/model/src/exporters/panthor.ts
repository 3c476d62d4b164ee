/**
 * panthor's own GEM objects: shmem whose pages come with the first use and go with the shrinker
 * (drivers/gpu/drm/panthor/panthor_gem.c).
 */
import { definePoints } from "../design/points.js";
import { shmemImport } from "./drm-shmem.js";
import { errnos } from "@litmap/litmus";
import { sgFromPages } from "../dma/sg.js";
import { Resv } from "../dma-buf/resv.js";
import { vmfInsertPfn } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { newShmemInode, shmemTruncateRange } from "../mm/shmem.js";
import { shmemGetPage } from "../mm/shmem-pages.js";
import { FAULT, isCowMapping, VM } from "../mm/vma.js";
import { acquire, release, tryAcquire } from "../sched/path.js";
import { drmGemShmemCreate } from "./drm-shmem.js";
import { drmVmaNodeUnmap } from "./gem.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { SgTable } from "../dma/sg.js";
import type { Inode } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { DrmDriver, GemBacking, GemObject } from "./gem.js";

export const points = definePoints({
  "panthor.objects": {
    question: "Which objects does panthor use?",
    choices: {
      "shmem-helper": { doc: "GEM shmem helper objects, without a shrinker" },
      own: { doc: "its own: pages are allocated on first use, and a shrinker evicts them" },
    },
    mainline: [
      ["6.10", "shmem-helper"],
      ["7.1", "own"],
    ],
  },
});

/** Objects that the shrinker looks at. */
const objects = slot(() => new Set<PanthorObject>());

const rule = rules({
  "panthor/mmap-private": {
    sentence: "A private writable mapping of an object gives EINVAL.",
    kernel: [["6.10", "panthor_gem_mmap, drivers/gpu/drm/panthor/panthor_gem.c"]],
    unproven: "from source: QEMU has no Mali GPU.",
  },
  "panthor/mmap-lazy": {
    sentence: "mmap allocates no pages: the first fault gets the pages of the whole object.",
    kernel: [["7.1", "panthor_gem_any_fault, drivers/gpu/drm/panthor/panthor_gem.c"]],
    unproven: "from source: QEMU has no Mali GPU.",
  },
  "panthor/fault-beyond": {
    sentence:
      "A fault takes the object's page by its offset from vm_start; past the end of the object it gives SIGBUS.",
    kernel: [["7.1", "panthor_gem_any_fault, drivers/gpu/drm/panthor/panthor_gem.c"]],
    unproven: "from source: QEMU has no Mali GPU.",
  },
  "panthor/no-swap": {
    sentence: "Without swap nothing is evicted, because there is no DONTNEED state.",
    kernel: [["7.1", "panthor_gem_shrinker_scan, drivers/gpu/drm/panthor/panthor_gem.c"]],
    unproven: "from source: QEMU has no Mali GPU.",
  },
  "panthor/evicted": {
    sentence:
      "Eviction zaps all mappings, then drops the pages; their contents stay in the shmem file until the next use.",
    kernel: [["7.1", "panthor_gem_try_evict_no_resv_wait, drivers/gpu/drm/panthor/panthor_gem.c"]],
    unproven: "from source: QEMU has no Mali GPU.",
  },
  "panthor/evict-skips": {
    sentence: "Objects that are pinned, locked or without pages are not evicted.",
    kernel: [["7.1", "panthor_gem_update_reclaim_state_locked, drivers/gpu/drm/panthor/panthor_gem.c"]],
    unproven: "from source: QEMU has no Mali GPU.",
  },
});

/** struct panthor_gem_object. */
export class PanthorObject implements GemBacking {
  readonly resv: Resv;
  readonly name: string;
  gem?: GemObject;
  private readonly inode: Inode;
  /** backing.pages and backing.pin_count. */
  private pages: Int32Array | undefined;
  private pinCount = 0;
  private map: KernelMap | undefined;

  constructor(
    private readonly k: Kernel,
    /** Bytes, whole pages. */
    private readonly size: number,
  ) {
    this.name = `panthor object ${k.id()}`;
    this.resv = new Resv(this.name);
    this.inode = newShmemInode(k, size);
    objects(k).add(this);
  }

  /** panthor_gem_mmap: 0 or -EINVAL. */
  *mmap(vma: Vma): Path<number> {
    if (isCowMapping(vma.flags)) return this.k.refuse(rule["panthor/mmap-private"], errnos.EINVAL, this.name);
    vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
    return 0;
  }

  get vmOps(): GemBacking["vmOps"] {
    return { fault: (vmf) => this.fault(vmf) };
  }

  /** panthor_gem_any_fault: FAULT bits. */
  private *fault({ vma, address }: VmFault): Path<number> {
    const { k } = this;
    const page = (address - vma.start) / k.pageSize;
    if (page >= this.size / k.pageSize) {
      k.trace.refuse(rule["panthor/fault-beyond"], 0, `page ${page} of ${this.name}`);
      return FAULT.sigbus;
    }
    yield* acquire(k, this.resv.lock, "write");
    if (this.pages === undefined) k.note(rule["panthor/mmap-lazy"], this.name);
    const ret = this.getPages() === 0 ? vmfInsertPfn(k, vma, address, this.pages![page]) : FAULT.sigbus;
    yield* release(k, this.resv.lock);
    return ret;
  }

  /** panthor_gem_backing_get_pages_locked: 0 or -ENOMEM. */
  private getPages(): number {
    const { k } = this;
    if (this.pages !== undefined) return 0;
    const pages = new Int32Array(this.size / k.pageSize);
    for (let i = 0; i < pages.length; i++) {
      pages[i] = shmemGetPage(k, this.inode, i);
      if (pages[i] >= 0) continue;
      for (let j = 0; j < i; j++) folioPut(k, pages[j]);
      return pages[i];
    }
    this.inode.mapping.unevictable = true;
    this.pages = pages;
    return 0;
  }

  /** panthor_gem_backing_cleanup_locked. */
  private dropPages(): void {
    this.inode.mapping.unevictable = false;
    for (const pfn of this.pages ?? []) folioPut(this.k, pfn);
    this.pages = undefined;
  }

  *pin(): Path<number> {
    yield* acquire(this.k, this.resv.lock, "write");
    const error = this.getPages();
    if (error === 0) this.pinCount++;
    yield* release(this.k, this.resv.lock);
    return error;
  }

  *unpin(): Path<void> {
    this.pinCount--;
  }

  getSgTable(): SgTable {
    return sgFromPages(this.pages!);
  }

  /** panthor_gem_vmap_get_locked: pins the pages. */
  *vmap(): Path<KernelMap | number> {
    const error = this.getPages();
    if (error !== 0) return error;
    if (this.map === undefined) {
      this.pinCount++;
      this.map = this.k.vmalloc.map(this.pages!, `the vmap of ${this.name}`);
    }
    return this.map;
  }

  *vunmap(): Path<void> {
    if (this.map === undefined) return;
    this.k.vmalloc.unmap(this.map);
    this.map = undefined;
    this.pinCount--;
  }

  /** panthor_gem_try_evict_no_resv_wait: pages that it gave up. */
  *evict(): Path<number> {
    const { k } = this;
    if (this.pages === undefined || this.pinCount > 0 || !(yield* tryAcquire(k, this.resv.lock))) {
      k.note(rule["panthor/evict-skips"], this.name);
      return 0;
    }
    let freed = 0;
    if (this.pages !== undefined && this.pinCount === 0) {
      k.note(rule["panthor/evicted"], this.name);
      k.custody.freeing = `the shrinker evicted ${this.name}`;
      yield* drmVmaNodeUnmap(this.gem!);
      this.dropPages();
      k.custody.freeing = "";
      freed = this.size / k.pageSize;
    }
    yield* release(k, this.resv.lock);
    return freed;
  }

  *free(): Path<void> {
    objects(this.k).delete(this);
    this.dropPages();
    shmemTruncateRange(this.k, this.inode, 0, Infinity);
  }
}

/** A panthor device; before its own objects it had those of the shmem helper. */
export const panthorGpu: DrmDriver = {
  card: 10,
  *create(dev, size, wc) {
    return size > 0 && dev.k.design["panthor.objects"] === "own"
      ? new PanthorObject(dev.k, size)
      : drmGemShmemCreate(dev.k, dev.device, size, wc);
  },
  prime: "all",
  import: shmemImport,
  expName: "panthor",
};

/** panthor_gem_shrinker_scan, asked for all: pages. */
export function* shrinkPanthor(k: Kernel): Path<number> {
  // Before it had objects of its own the driver had no shrinker.
  if (k.design["panthor.objects"] !== "own") return 0;
  if (k.design["memory.swap"] === "none") {
    k.note(rule["panthor/no-swap"]);
    return 0;
  }
  let freed = 0;
  for (const bo of [...objects(k)]) freed += yield* bo.evict();
  return freed;
}
