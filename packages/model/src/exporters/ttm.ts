/** Buffer objects of TTM, in system memory: that is where dumb buffers stay until somebody displays them (drivers/gpu/drm/ttm). */
import { errnos } from "@litmap/litmus";
import { Resv } from "../dma-buf/resv.js";
import { vmfInsertPfn } from "../mm/insert.js";
import { readFrame, writeFrame } from "../mm/page-bytes.js";
import { folioPut } from "../mm/rmap.js";
import { FAULT, isCowMapping, VM } from "../mm/vma.js";
import { ttmRules as rule } from "../rules/exporters.js";
import { acquire, release } from "../sched/path.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault } from "../mm/vma.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { GemBacking, GemObject } from "./gem.js";

/** TTM_BO_VM_NUM_PREFAULT: pages that one fault maps. */
const PREFAULT = 16;

/** struct ttm_buffer_object with its ttm_tt. */
export class TtmObject implements GemBacking {
  readonly resv: Resv;
  readonly name: string;
  private pages: Int32Array | undefined;
  private map: KernelMap | undefined;
  gem?: GemObject;

  constructor(
    private readonly k: Kernel,
    /** Bytes, whole pages. */
    private readonly size: number,
    /** The driver has a method that makes an sg table of it, and that method refuses. */
    refusesTables: boolean,
  ) {
    this.name = `TTM object ${k.id()}`;
    this.resv = new Resv(this.name);
    if (refusesTables) this.getSgTable = () => k.refuse(rule["no-table"], errnos.ENOSYS, this.name);
  }

  readonly getSgTable?: () => number;

  /** ttm_bo_mmap_obj: 0 or -EINVAL. */
  *mmap(vma: Vma): Path<number> {
    if (isCowMapping(vma.flags)) return this.k.refuse(rule["mmap-private"], errnos.EINVAL, this.name);
    vma.flags |= VM.PFNMAP | VM.IO | VM.DONTEXPAND | VM.DONTDUMP;
    return 0;
  }

  /** ttm_bo_vm_ops. */
  get vmOps(): GemBacking["vmOps"] {
    return { fault: (vmf) => this.fault(vmf), access: (vma, address, buf, write) => this.access(vma, address, buf, write) };
  }

  /** ttm_tt_populate: all pages at once, zeroed. 0 or -ENOMEM. */
  private populate(): number {
    if (this.pages !== undefined) return 0;
    const pages = new Int32Array(this.size / this.k.pageSize);
    for (let i = 0; i < pages.length; i++) {
      pages[i] = this.k.frames.alloc(0);
      if (pages[i] >= 0) continue;
      for (const pfn of pages.subarray(0, i)) folioPut(this.k, pfn);
      return -errnos.ENOMEM;
    }
    this.pages = pages;
    return 0;
  }

  /** The object's page at a place of a mapping: its fake offset is part of the mapping's page offset. */
  private pageAt(vma: Vma, address: number): number {
    return Math.floor((address - vma.start) / this.k.pageSize) + vma.pgoff - (this.gem?.offset ?? 0);
  }

  /** ttm_bo_vm_fault_reserved under the reservation lock: FAULT bits. */
  private *fault({ vma, address }: VmFault): Path<number> {
    const { k } = this;
    yield* acquire(k, this.resv.lock, "write");
    const ret = this.faultReserved(vma, address);
    yield* release(k, this.resv.lock);
    return ret;
  }

  private faultReserved(vma: Vma, address: number): number {
    const { k } = this;
    const first = this.pageAt(vma, address);
    const size = this.size / k.pageSize;
    if (first >= size || this.populate() !== 0) {
      k.trace.refuse(rule["fault-beyond"], 0, `page ${first} of ${this.name}`);
      return FAULT.sigbus;
    }
    k.note(rule.prefault, this.name);
    const last = Math.min(this.pageAt(vma, vma.end), size, first + PREFAULT);
    for (let page = first; page < last; page++) {
      const ret = vmfInsertPfn(k, vma, address + (page - first) * k.pageSize, this.pages![page]);
      if (ret !== FAULT.nopage) break;
    }
    return FAULT.nopage;
  }

  /** ttm_bo_vm_access: bytes, or -EIO past the object's end. */
  private *access(vma: Vma, address: number, buf: Uint8Array, write: boolean): Path<number> {
    const { k } = this;
    const offset = this.pageAt(vma, address) * k.pageSize + (address % k.pageSize);
    if (buf.length < 1 || offset + buf.length > this.size) return k.refuse(rule["access-beyond"], errnos.EIO, this.name);
    yield* acquire(k, this.resv.lock, "write");
    k.note(rule.access, this.name);
    const error = this.populate();
    for (let done = 0; error === 0 && done < buf.length; ) {
      const at = (offset + done) % k.pageSize;
      const part = buf.subarray(done, done + k.pageSize - at);
      const pfn = this.pages![Math.floor((offset + done) / k.pageSize)];
      if (write) writeFrame(k, pfn, at, part);
      else part.set(readFrame(k, pfn, at, part.length));
      done += part.length;
    }
    yield* release(k, this.resv.lock);
    return error === 0 ? buf.length : error;
  }

  /** ttm_bo_pin, with the pages that a device then gets. 0 or -ENOMEM. */
  *pin(): Path<number> {
    yield* acquire(this.k, this.resv.lock, "write");
    const error = this.populate();
    yield* release(this.k, this.resv.lock);
    return error;
  }

  *unpin(): Path<void> {}

  /** ttm_bo_vmap: the object's kernel mapping, or -ENOMEM. */
  vmap(): KernelMap | number {
    const error = this.populate();
    return error !== 0 ? error : (this.map ??= this.k.vmalloc.map(this.pages!, `the vmap of ${this.name}`));
  }

  vunmap(): void {
    if (this.map !== undefined) this.k.vmalloc.unmap(this.map);
    this.map = undefined;
  }

  free(): void {
    if (this.pages !== undefined) for (const pfn of this.pages) folioPut(this.k, pfn);
    this.pages = undefined;
  }
}
