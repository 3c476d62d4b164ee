/**
 * GEM objects over a shmem file whose pages are held in one array: what the shmem helper, panthor and i915 have in
 * common.
 */
import { Resv } from "../dma-buf/resv.js";
import { sgFromPages } from "../dma/sg.js";
import { folioPut } from "../mm/rmap.js";
import { newShmemInode, shmemTruncateRange } from "../mm/shmem.js";
import { shmemGetPage } from "../mm/shmem-pages.js";
import { acquire, KernelBug, release } from "../sched/path.js";
import { kvmalloc, POINTER } from "../mm/page-alloc.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "../mm/vma.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Path } from "../sched/path.js";
import type { Inode } from "../vfs/file.js";
import type { GemBacking, GemObject } from "./gem.js";

export abstract class PagesObject implements GemBacking {
  readonly resv: Resv;
  abstract readonly vmOps: GemBacking["vmOps"];
  gem?: GemObject;
  /** The shmem file that holds its memory. */
  readonly inode: Inode;
  /** A PFN a page; undefined while the object has no pages. */
  pages: Int32Array | undefined;
  /** Users that need the pages to stay where they are. */
  pagesPinCount = 0;
  /** The object's one kernel mapping. */
  vaddr: KernelMap | undefined;

  constructor(
    protected readonly k: Kernel,
    /** Bytes, whole pages. */
    readonly size: number,
    readonly name: string,
  ) {
    this.resv = new Resv(name);
    this.inode = newShmemInode(k, size);
  }

  get nrPages(): number {
    return this.size / this.k.pageSize;
  }

  abstract mmap(vma: Vma): Path<number>;

  /** Makes the pages present, with the lock that guards them held: 0 or a negative errno. */
  abstract getPages(): number;

  /** Whether a kernel mapping pins the pages. */
  protected vmapPins(): boolean {
    return true;
  }

  /**
   * drm_gem_get_pages, drivers/gpu/drm/drm_gem.c (i915: shmem_sg_alloc_table): takes a reference on each page of the
   * file and makes them unevictable. 0 or -ENOMEM, with no reference taken.
   */
  protected takePages(): number {
    const error = kvmalloc(this.k, this.nrPages * POINTER);
    if (error !== 0) return error;
    const pages = new Int32Array(this.nrPages);
    for (let i = 0; i < pages.length; i++) {
      pages[i] = shmemGetPage(this.k, this.inode, i);
      if (pages[i] >= 0) continue;
      for (let j = 0; j < i; j++) folioPut(this.k, pages[j]);
      return pages[i];
    }
    this.inode.mapping.unevictable = true;
    this.pages = pages;
    return 0;
  }

  /** drm_gem_put_pages (i915: shmem_sg_free_table). Their contents stay in the file. */
  protected dropPages(): void {
    this.inode.mapping.unevictable = false;
    for (const pfn of this.pages ?? []) folioPut(this.k, pfn);
    this.pages = undefined;
  }

  /** The file gives its memory back. */
  protected truncateFile(): void {
    shmemTruncateRange(this.k, this.inode, 0, Infinity);
  }

  *pin(): Path<number> {
    yield* acquire(this.k, this.resv.lock, "write");
    const error = this.getPages();
    if (error === 0) this.pagesPinCount++;
    yield* release(this.k, this.resv.lock);
    return error;
  }

  *unpin(): Path<void> {
    this.pagesPinCount--;
  }

  getSgTable(): SgTable {
    // Whoever maps an attachment that is gone has pinned nothing.
    if (this.pages === undefined)
      throw new KernelBug(`sg_alloc_table_from_pages: a null pointer where the pages of ${this.name} should be`);
    return sgFromPages(this.pages);
  }

  /** Under the reservation lock. */
  *vmap(): Path<KernelMap | number> {
    const error = this.getPages();
    if (error !== 0) return error;
    if (this.vaddr === undefined) {
      if (this.vmapPins()) this.pagesPinCount++;
      this.vaddr = this.k.vmalloc.map(this.pages!, `the vmap of ${this.name}`);
    }
    return this.vaddr;
  }

  *vunmap(): Path<void> {
    if (this.vaddr === undefined) return;
    this.k.vmalloc.unmap(this.vaddr);
    this.vaddr = undefined;
    if (this.vmapPins()) this.pagesPinCount--;
  }

  abstract free(): Path<void>;
}
