/**
 * Buffer objects of TTM: they live in system memory, in video memory or swapped out, and move (drivers/gpu/drm/ttm).
 */
import { definePoints } from "../design/points.js";
import { references } from "./gem.js";
import { kvmalloc, POINTER } from "../mm/page-alloc.js";
import type { GemImport } from "./gem.js";
import { ttmDevices } from "./ttm-device.js";
import { ttmPool } from "./ttm-pool.js";
import { errnos } from "@litmap/litmus";
import { sgFromPages } from "../dma/sg.js";
import { countBufferPages, keepWords } from "../dma/bookkeeping.js";
import { Resv } from "../dma-buf/resv.js";
import { vmfInsertMixed, vmfInsertPfn } from "../mm/insert.js";
import { CACHE } from "../mm/memtype.js";
import { readFrame, writeFrame } from "../mm/page-bytes.js";
import { folioPut } from "../mm/rmap.js";
import { newShmemInode, shmemTruncateRange } from "../mm/shmem.js";
import { shmemGetPage } from "../mm/shmem-pages.js";
import { FAULT, isCowMapping, VM } from "../mm/vma.js";
import { acquire, KernelHang, release, tryAcquire } from "../sched/path.js";
import { drmVmaNodeUnmap } from "./gem.js";
import { allFrames } from "./ttm-pool.js";
import { rules } from "../rules/rule.js";
import type { Rule } from "../rules/rule.js";
import type { SgTable } from "../dma/sg.js";
import type { Inode } from "../vfs/file.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault } from "../mm/vma.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { GemBacking, GemObject } from "./gem.js";
import type { Place, TtmDevice } from "./ttm-device.js";
import type { Block, Caching } from "./ttm-pool.js";

export const points = definePoints({
  "ttm.mmap": {
    question: "How does TTM map an object?",
    choices: {
      mixedmap: {
        doc: "VM_MIXEDMAP by vmf_insert_mixed, private too: without pte_special RAM is mapped as normal pages",
      },
      pfnmap: {
        doc: "VM_PFNMAP by vmf_insert_pfn; private writable mappings are refused",
        proposed: "drm/ttm: nuke VM_MIXEDMAP on BO mappings (Christian König, June 2021), merged",
      },
    },
    mainline: [
      ["3.3", "mixedmap"],
      ["5.14", "pfnmap", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "ttm.pool": {
    question: "In which orders does TTM allocate the pages of an object?",
    choices: {
      "single-pages": { doc: "order 0 only" },
      "by-order": { doc: "the largest order that fits, never compound; one pool per order" },
    },
    mainline: [
      ["3.3", "single-pages"],
      ["5.11", "by-order", "drm/ttm: new TT backend allocation pool v3"],
    ],
  },
  "ttm.dma-buf-vmap": {
    question: "Does a vmap of amdgpu's dma-buf pin the object?",
    choices: {
      unpinned: { doc: "no: ttm_bo_vmap alone; a move leaves the vmap with the old pages" },
      pinned: { doc: "yes: amdgpu_dma_buf_vmap pins it where it is, until vunmap" },
    },
    mainline: [
      ["3.3", "unpinned"],
      ["6.17", "pinned", "drm/amdgpu: Pin buffers while vmap'ing exported dma-buf objects"],
    ],
  },
  "ttm.swap": {
    question: "What happens to the pages of a swapped-out TTM object?",
    choices: {
      swapout: { doc: "they are copied into a shmem file and returned to the pool" },
      backup: { doc: "they are copied into a shmem file, made write-back and freed" },
    },
    mainline: [
      ["3.3", "swapout"],
      ["6.15", "backup", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
});

const rule = rules({
  "ttm/mmap-private": {
    sentence: "A private writable mapping of a TTM object gives EINVAL.",
    kernel: "ttm_bo_mmap_obj, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/fault-imported": {
    sentence: "A fault on an imported object gives SIGBUS, because its pages belong to another driver.",
    kernel: "ttm_bo_vm_reserve, drivers/gpu/drm/ttm/ttm_bo_vm.c",
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/mmap-mixedmap": {
    sentence: "A mapping of a TTM object is VM_MIXEDMAP and VM_IO, also if private.",
    kernel: "ttm_bo_mmap_vma_setup, drivers/gpu/drm/ttm/ttm_bo_vm.c (up to 5.13)",
  },
  "ttm/prefault": {
    sentence: "A fault maps the faulting page and up to 15 pages after it, within the VMA.",
    kernel: "ttm_bo_vm_fault_reserved, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/fault-vram": {
    sentence: "A fault on an object in VRAM inserts PFNs of the device, which have no struct page.",
    kernel: "ttm_bo_vm_fault_reserved, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/fault-beyond": {
    sentence: "A fault past the end of the object gives SIGBUS.",
    kernel: "ttm_bo_vm_fault_reserved, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/fault-no-memory": {
    sentence: "A fault that cannot allocate the object's pages gives SIGBUS.",
    kernel: "ttm_bo_vm_fault_reserved, drivers/gpu/drm/ttm/ttm_bo_vm.c",
    unproven: "no test runs a machine out of memory.",
  },
  "ttm/insert-failed": {
    sentence: "A fault whose PTE cannot be inserted is not reported: it is retried for ever.",
    kernel: "ttm_bo_vm_fault_reserved, drivers/gpu/drm/ttm/ttm_bo_vm.c",
    unproven: "no mainline release reaches it: vmf_insert_pfn takes every page.",
  },
  "ttm/dummy-page": {
    sentence: "After device unplug a fault fills the whole VMA with one zeroed page.",
    kernel: "ttm_bo_vm_dummy_page, drivers/gpu/drm/ttm/ttm_bo_vm.c",
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/no-table": {
    sentence: "qxl has no sg tables: other devices can attach to its dma-bufs, but mapping gives ENOSYS.",
    kernel: "qxl_gem_prime_get_sg_table, drivers/gpu/drm/qxl/qxl_prime.c",
  },
  "ttm/access": {
    sentence: "ptrace and /proc/PID/mem access a TTM object through vm_ops->access, page by page.",
    kernel: "ttm_bo_vm_access, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/access-beyond": {
    sentence: "vm_ops->access past the end of the object gives EIO.",
    kernel: "ttm_bo_vm_access, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/access-vram": {
    sentence: "vm_ops->access reaches VRAM only if the driver has access_memory, else EIO.",
    kernel: "ttm_bo_vm_access, drivers/gpu/drm/ttm/ttm_bo_vm.c",
  },
  "ttm/moved": {
    sentence: "A move unmaps the object everywhere and copies it; the next access faults in the new place.",
    kernel: "ttm_bo_handle_move_mem, drivers/gpu/drm/ttm/ttm_bo.c",
  },
  "ttm/move-pinned": {
    sentence: "A pinned object does not move: EINVAL.",
    kernel: "ttm_bo_validate, drivers/gpu/drm/ttm/ttm_bo.c",
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/evicts": {
    sentence: "When VRAM is full, the least recently used objects are evicted to system memory until there is room.",
    kernel: [
      ["5.10", "ttm_bo_mem_force_space, drivers/gpu/drm/ttm/ttm_bo.c"],
      ["6.12", "ttm_bo_evict_alloc, drivers/gpu/drm/ttm/ttm_bo.c"],
    ],
  },
  "ttm/evict-pinned": {
    sentence: "Eviction skips pinned objects.",
    kernel: [
      ["5.10", "ttm_bo_evict_swapout_allowable, drivers/gpu/drm/ttm/ttm_bo.c"],
      ["6.12", "ttm_lru_walk_trylock, drivers/gpu/drm/ttm/ttm_bo_util.c"],
    ],
  },
  "ttm/vram-full": {
    sentence: "An object that does not fit into VRAM even after all evictions gives ENOMEM.",
    kernel: "ttm_bo_validate, drivers/gpu/drm/ttm/ttm_bo.c",
  },
  "ttm/unpin-unpinned": {
    sentence: "Unpin of an unpinned object warns and returns.",
    kernel: "ttm_bo_unpin, drivers/gpu/drm/ttm/ttm_bo.c",
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/vmap-unpinned": {
    sentence: "ttm_bo_vmap maps the pages where they are and pins nothing: a move leaves the vmap with the old pages.",
    kernel: [
      ["5.10", "ttm_bo_kmap, drivers/gpu/drm/ttm/ttm_bo_util.c"],
      ["5.11", "ttm_bo_vmap, drivers/gpu/drm/ttm/ttm_bo_util.c"],
    ],
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/swapped-out": {
    sentence: "Swap-out unmaps the object and copies its pages into a shmem file; the pages go to the pool.",
    kernel: "ttm_tt_swapout, drivers/gpu/drm/ttm/ttm_tt.c",
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/backed-up": {
    sentence:
      "Backup unmaps the object and copies its pages into a shmem file; the pages become write-back and are freed, " +
      "not pooled.",
    kernel: [["6.15", "ttm_pool_backup, drivers/gpu/drm/ttm/ttm_pool.c"]],
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/swapped-in": {
    sentence: "The next use of a swapped-out object allocates pages and restores their contents.",
    kernel: "ttm_tt_populate, drivers/gpu/drm/ttm/ttm_tt.c",
    unproven: "from source: the test module makes no TTM objects.",
  },
  "ttm/swap-skips": {
    sentence: "Only a populated, unpinned, unlocked object in system memory is swapped out.",
    kernel: [
      ["5.10", "ttm_bo_evict_swapout_allowable, drivers/gpu/drm/ttm/ttm_bo.c"],
      ["6.12", "ttm_bo_swapout_cb, drivers/gpu/drm/ttm/ttm_bo.c"],
    ],
    unproven: "from source: the test module makes no TTM objects.",
  },
});

/** TTM_BO_VM_NUM_PREFAULT: pages that one fault maps. */
const PREFAULT = 16;

export interface TtmOptions {
  /** Where the driver wants it: pinning brings it there. */
  readonly home: Place;
  readonly caching: Caching;
  /** Whether the driver has a method that makes an sg table of it; qxl has one that refuses. */
  readonly tables: "none" | "refused" | "made";
  /** The driver's vmap pins the object and maps it once; else each vmap is one of its own, and nothing is pinned. */
  readonly vmapPins: boolean;
  /** Importers are told before it moves. */
  readonly moveNotify?: (gem: GemObject) => void;
}

/** struct ttm_buffer_object with its ttm_tt. */
export class TtmObject implements GemBacking {
  readonly ttm = this;
  readonly resv: Resv;
  readonly name: string;
  place: Place = "system";
  pinCount = 0;
  /** First frame in video memory. */
  private vram = -1;
  /** ttm->pages, and the blocks that they are parts of. */
  private pages: Int32Array | undefined;
  private blocks: readonly Block[] = [];
  private hasDirectory = false;
  /** ttm->swap_storage: the shmem file that has its contents. */
  private swap: Inode | undefined;
  private map: KernelMap | undefined;
  /** Those that pin nothing. */
  private readonly looseMaps: KernelMap[] = [];
  gem?: GemObject;
  readonly getSgTable?: () => SgTable | number;

  constructor(
    private readonly dev: TtmDevice,
    /** Bytes, whole pages. */
    private readonly size: number,
    private readonly options: TtmOptions,
  ) {
    const { k } = dev;
    this.name = `TTM object ${k.id()}`;
    this.resv = new Resv(this.name);
    if (options.tables === "refused") this.getSgTable = () => k.refuse(rule["ttm/no-table"], errnos.ENOSYS, this.name);
    if (options.tables === "made") this.getSgTable = () => sgFromPages(this.frames());
    dev.moveToTail(this);
  }

  private get k(): Kernel {
    return this.dev.k;
  }

  private get nrPages(): number {
    return this.size / this.k.pageSize;
  }

  /** Where it is, as a test asks. */
  get where(): Place | "swapped" | "nowhere" {
    if (this.place === "vram") return "vram";
    return this.swap !== undefined ? "swapped" : this.pages !== undefined ? "system" : "nowhere";
  }

  /** The frames that it occupies now. */
  private frames(): Int32Array {
    return this.place === "vram"
      ? Int32Array.from({ length: this.nrPages }, (_, page) => this.vram + page)
      : this.pages!;
  }

  /** The table of an object in system memory, with its pages there; or -ENOMEM. */
  systemTable(): SgTable | number {
    const error = this.populate();
    return error !== 0 ? error : sgFromPages(this.pages!);
  }

  private frame(page: number): number {
    return this.place === "vram" ? this.vram + page : this.pages![page];
  }

  /** ttm_bo_mmap_obj: 0 or -EINVAL. */
  *mmap(vma: Vma): Path<number> {
    if (this.k.design["ttm.mmap"] === "mixedmap") {
      this.k.note(rule["ttm/mmap-mixedmap"], this.name);
      vma.flags |= VM.MIXEDMAP | VM.IO | VM.DONTEXPAND | VM.DONTDUMP;
      return 0;
    }
    if (isCowMapping(vma.flags)) return this.k.refuse(rule["ttm/mmap-private"], errnos.EINVAL, this.name);
    vma.flags |= VM.PFNMAP | VM.IO | VM.DONTEXPAND | VM.DONTDUMP;
    return 0;
  }

  /** ttm_bo_vm_ops. */
  get vmOps(): GemBacking["vmOps"] {
    return {
      fault: (vmf) => this.fault(vmf),
      access: (vma, address, buf, write) => this.access(vma, address, buf, write),
    };
  }

  /** ttm_tt_populate: all pages at once, zeroed or with what was swapped out. 0 or -ENOMEM. */
  private populate(): number {
    if (this.pages !== undefined) return 0;
    const error = this.allocPageDirectory();
    if (error !== 0) return error;
    const blocks = ttmPool(this.k).alloc(this.nrPages, this.options.caching);
    if (typeof blocks === "number") return blocks;
    this.blocks = blocks;
    this.pages = allFrames(blocks);
    if (this.swap !== undefined) this.swapIn(this.swap);
    return 0;
  }

  /** ttm_tt_alloc_page_directory: the array of pages, which stays through moves and swapping. 0 or -ENOMEM. */
  private allocPageDirectory(): number {
    if (this.hasDirectory) return 0;
    const error = kvmalloc(this.k, this.nrPages * POINTER);
    if (error !== 0) return error;
    this.hasDirectory = true;
    countBufferPages(this.k, this.nrPages);
    keepWords(this.k, this.nrPages);
    return 0;
  }

  /** ttm_tt_unpopulate: the pages go to the pool. */
  private unpopulate(): void {
    if (this.pages !== undefined) ttmPool(this.k).free(this.blocks, this.options.caching);
    this.pages = undefined;
    this.blocks = [];
  }

  /** ttm_tt_swapin. */
  private swapIn(from: Inode): void {
    this.k.note(rule["ttm/swapped-in"], this.name);
    for (let page = 0; page < this.nrPages; page++) {
      const cached = shmemGetPage(this.k, from, page);
      if (cached < 0) continue;
      copyPage(this.k, cached, this.pages![page]);
      folioPut(this.k, cached);
    }
    this.dropSwap();
  }

  private dropSwap(): void {
    if (this.swap !== undefined) shmemTruncateRange(this.k, this.swap, 0, Infinity);
    this.swap = undefined;
  }

  /** The object's page at a place of a mapping: its fake offset is part of the mapping's page offset. */
  private pageAt(vma: Vma, address: number): number {
    return Math.floor((address - vma.start) / this.k.pageSize) + vma.pgoff - (this.gem?.offset ?? 0);
  }

  /** ttm_bo_vm_fault under the reservation lock: FAULT bits. */
  private *fault({ vma, address }: VmFault): Path<number> {
    const { k } = this;
    yield* acquire(k, this.resv.lock, "write");
    const ret = this.gem?.dev.unplugged === true ? this.dummyPage(vma) : this.faultReserved(vma, address);
    yield* release(k, this.resv.lock);
    return ret;
  }

  /** ttm_bo_vm_fault_reserved. */
  private faultReserved(vma: Vma, address: number): number {
    const { k } = this;
    const first = this.pageAt(vma, address);
    if (first >= this.nrPages) return sigbus(k, rule["ttm/fault-beyond"], `page ${first} of ${this.name}`);
    if (this.place === "system" && this.populate() !== 0) return sigbus(k, rule["ttm/fault-no-memory"], this.name);
    k.note(rule["ttm/prefault"], this.name);
    if (this.place === "vram") k.note(rule["ttm/fault-vram"], this.name);
    this.setCacheMode(vma);
    const last = Math.min(this.pageAt(vma, vma.end), this.nrPages, first + PREFAULT);
    for (let page = first; page < last; page++) {
      if (insert(k, vma, address + (page - first) * k.pageSize, this.frame(page)) === FAULT.nopage) continue;
      if (page === first) faultsForEver(k, this.name);
      break;
    }
    return FAULT.nopage;
  }

  /** ttm_io_prot: what new entries want to be; on x86 PAT has the last word. */
  private setCacheMode(vma: Vma): void {
    const { caching } = this.options;
    vma.cacheMode = this.place === "vram" || caching === "wc" ? CACHE.wc : caching === "uc" ? CACHE.ucMinus : CACHE.wb;
  }

  /** ttm_bo_vm_dummy_page: one page of zeros, freed with the device. */
  private dummyPage(vma: Vma): number {
    const { k } = this;
    const pfn = k.frames.alloc(0);
    if (pfn < 0) return FAULT.oom;
    k.note(rule["ttm/dummy-page"], this.name);
    for (let address = vma.start; address < vma.end; address += k.pageSize) insert(k, vma, address, pfn);
    return FAULT.nopage;
  }

  /** ttm_bo_vm_access: bytes, or -EIO past the object's end or where the driver cannot copy. */
  private *access(vma: Vma, address: number, buf: Uint8Array, write: boolean): Path<number> {
    const { k } = this;
    const offset = this.pageAt(vma, address) * k.pageSize + (address % k.pageSize);
    if (buf.length < 1 || offset + buf.length > this.size)
      return k.refuse(rule["ttm/access-beyond"], errnos.EIO, this.name);
    yield* acquire(k, this.resv.lock, "write");
    const done = this.accessReserved(offset, buf, write);
    this.dev.moveToTail(this);
    yield* release(k, this.resv.lock);
    return done;
  }

  private accessReserved(offset: number, buf: Uint8Array, write: boolean): number {
    const { k } = this;
    if (this.place === "vram" && !this.dev.accessesVram)
      return k.refuse(rule["ttm/access-vram"], errnos.EIO, this.name);
    const error = this.place === "vram" ? 0 : this.populate();
    if (error !== 0) return error;
    k.note(rule["ttm/access"], this.name);
    for (let done = 0; done < buf.length; ) {
      const at = (offset + done) % k.pageSize;
      const part = buf.subarray(done, done + k.pageSize - at);
      const pfn = this.frame(Math.floor((offset + done) / k.pageSize));
      if (write) writeFrame(k, pfn, at, part);
      else part.set(readFrame(k, pfn, at, part.length));
      done += part.length;
    }
    return buf.length;
  }

  /**
   * ttm_bo_validate under the reservation lock: brings it to a place. 0, -EINVAL while pinned, -ENOMEM where there is
   * no room.
   */
  *validate(to: Place): Path<number> {
    const { k } = this;
    if (this.place === to) return 0;
    if (this.pinCount > 0) return k.refuse(rule["ttm/move-pinned"], errnos.EINVAL, this.name);
    if (to === "system") return yield* this.moveToSystem();
    const vram = yield* this.memSpace();
    return vram < 0 ? vram : yield* this.moveToVram(vram);
  }

  /** ttm_bo_mem_space: room in video memory, made by evicting others where there is none. First frame, or -ENOMEM. */
  private *memSpace(): Path<number> {
    const { k, dev } = this;
    for (;;) {
      const vram = dev.allocVram(this.nrPages);
      if (vram >= 0) return vram;
      if (!(yield* this.evictFirst())) return k.refuse(rule["ttm/vram-full"], errnos.ENOMEM, `${this.nrPages} pages`);
    }
  }

  /** ttm_bo_evict_alloc: the first object of the list that may go goes to system memory; whether there was one. */
  private *evictFirst(): Path<boolean> {
    const { k, dev } = this;
    for (const other of [...dev.lru.vram]) {
      if (other.pinCount > 0) {
        k.note(rule["ttm/evict-pinned"], other.name);
        continue;
      }
      if (!(yield* tryAcquire(k, other.resv.lock))) continue;
      k.note(rule["ttm/evicts"], other.name);
      const error = yield* other.moveToSystem();
      yield* release(k, other.resv.lock);
      if (error === 0) return true;
    }
    return false;
  }

  private *moveToSystem(): Path<number> {
    yield* this.beforeMove();
    const error = this.populate();
    if (error !== 0) return error;
    for (let page = 0; page < this.nrPages; page++) copyPage(this.k, this.vram + page, this.pages![page]);
    this.dev.freeVram(this.vram);
    this.place = "system";
    this.dev.moveToTail(this);
    return 0;
  }

  private *moveToVram(vram: number): Path<number> {
    yield* this.beforeMove();
    if (this.swap !== undefined) {
      const error = this.populate();
      if (error !== 0) {
        this.dev.freeVram(vram);
        return error;
      }
    }
    for (let page = 0; page < this.nrPages; page++) {
      if (this.pages !== undefined) copyPage(this.k, this.pages[page], vram + page);
      else this.k.frames.clear(vram + page);
    }
    this.unpopulate();
    this.vram = vram;
    this.place = "vram";
    this.dev.moveToTail(this);
    return 0;
  }

  /** ttm_bo_handle_move_mem begins: importers are told, and every mapping goes (ttm_bo_unmap_virtual). */
  private *beforeMove(): Path<void> {
    if (this.gem === undefined) return;
    this.k.note(rule["ttm/moved"], this.name);
    this.options.moveNotify?.(this.gem);
    yield* drmVmaNodeUnmap(this.gem);
  }

  /** The driver's pin: to where it wants the object, and no further move. 0, -ENOMEM. */
  *pin(): Path<number> {
    yield* acquire(this.k, this.resv.lock, "write");
    const error = yield* this.pinLocked(this.options.home);
    yield* release(this.k, this.resv.lock);
    return error;
  }

  /** With the reservation lock held. */
  *pinLocked(to: Place): Path<number> {
    let error = this.pinCount > 0 ? 0 : yield* this.validate(to);
    if (error === 0 && this.place === "system") error = this.populate();
    if (error === 0) this.pinCount++;
    return error;
  }

  *unpin(): Path<void> {
    yield* acquire(this.k, this.resv.lock, "write");
    this.unpinLocked();
    yield* release(this.k, this.resv.lock);
  }

  /** ttm_bo_unpin, with the reservation lock held. */
  unpinLocked(): void {
    if (this.pinCount === 0) this.k.warn(rule["ttm/unpin-unpinned"], this.name);
    else this.pinCount--;
  }

  /** ttm_bo_vmap: its kernel mapping, or -ENOMEM. */
  *vmap(): Path<KernelMap | number> {
    const error = this.place === "system" ? this.populate() : 0;
    if (error !== 0) return error;
    if (!this.options.vmapPins) {
      this.k.note(rule["ttm/vmap-unpinned"], this.name);
      const map = this.k.vmalloc.map(this.frames(), `the vmap of ${this.name}`, "a pin of the object");
      this.looseMaps.push(map);
      return map;
    }
    if (this.map === undefined) {
      this.pinCount++;
      this.map = this.k.vmalloc.map(this.frames(), `the vmap of ${this.name}`);
    }
    return this.map;
  }

  *vunmap(map?: KernelMap): Path<void> {
    if (map !== undefined && this.looseMaps.includes(map)) {
      this.k.vmalloc.unmap(map);
      this.looseMaps.splice(this.looseMaps.indexOf(map), 1);
    }
    if (this.map === undefined) return;
    this.k.vmalloc.unmap(this.map);
    this.map = undefined;
    this.unpinLocked();
  }

  /** ttm_bo_swapout of one object, if it can be had: pages that became free. */
  *swapOut(): Path<number> {
    const { k } = this;
    if (!(yield* tryAcquire(k, this.resv.lock))) {
      k.note(rule["ttm/swap-skips"], this.name);
      return 0;
    }
    let freed = 0;
    if (this.pinCount === 0 && this.place === "system" && this.pages !== undefined)
      freed = yield* this.swapOutReserved();
    else k.note(rule["ttm/swap-skips"], this.name);
    yield* release(k, this.resv.lock);
    return freed;
  }

  private *swapOutReserved(): Path<number> {
    const { k } = this;
    if (this.gem !== undefined) yield* drmVmaNodeUnmap(this.gem);
    const swap = newShmemInode(k, this.size);
    for (let page = 0; page < this.nrPages; page++) {
      const cached = shmemGetPage(k, swap, page);
      if (cached < 0) {
        shmemTruncateRange(k, swap, 0, Infinity);
        return 0;
      }
      copyPage(k, this.pages![page], cached);
      folioPut(k, cached);
    }
    if (k.design["ttm.swap"] === "swapout") {
      k.note(rule["ttm/swapped-out"], this.name);
      this.unpopulate();
    } else {
      k.note(rule["ttm/backed-up"], this.name);
      ttmPool(k).dispose(this.blocks, this.options.caching);
      this.pages = undefined;
      this.blocks = [];
    }
    this.swap = swap;
    return this.nrPages;
  }

  /** ttm_bo_release. */
  *free(): Path<void> {
    this.dev.forget(this);
    if (this.place === "vram") this.dev.freeVram(this.vram);
    this.unpopulate();
    this.dropSwap();
  }
}

/** By the primitive that fits the mapping. */
function insert(k: Kernel, vma: Vma, address: number, pfn: number): number {
  return vma.has(VM.MIXEDMAP) ? vmfInsertMixed(k, vma, address, pfn) : vmfInsertPfn(k, vma, address, pfn);
}

/** The handler never fails on what it could not insert: the instruction faults again, and again. */
function faultsForEver(k: Kernel, about: string): never {
  k.trace.refuse(rule["ttm/insert-failed"], 0, about);
  throw new KernelHang(`faults on ${about} for ever`);
}

function sigbus(k: Kernel, why: Rule, about: string): number {
  k.trace.refuse(why, 0, about);
  return FAULT.sigbus;
}

/** The contents of one frame become those of another. Zeros need no copy. */
function copyPage(k: Kernel, from: number, to: number): void {
  const bytes = k.frames.bytes(from);
  if (bytes === undefined) k.frames.clear(to);
  else k.frames.writable(to).set(bytes);
}

/** Reclaim asks TTM for all it has in system memory: pages freed. */
export function* shrinkTtm(k: Kernel): Path<number> {
  let freed = 0;
  for (const dev of ttmDevices(k)) for (const bo of [...dev.lru.system]) freed += yield* bo.swapOut();
  return freed;
}

/** An object in the place that its driver wants it in (ttm_bo_init_validate): or -ENOMEM. */
export function* ttmBoCreate(dev: TtmDevice, size: number, options: TtmOptions): Path<TtmObject | number> {
  const bo = new TtmObject(dev, size, options);
  const error = yield* bo.validate(options.home);
  if (error === 0) return bo;
  dev.forget(bo);
  return error;
}

/** ttm_bo_mmap_obj of an imported object: any fault on it is refused. 0 or -EINVAL. */
function* mmapImported(obj: GemObject, vma: Vma): Path<number> {
  const { k } = obj.dev;
  if (isCowMapping(vma.flags)) return k.refuse(rule["ttm/mmap-private"], errnos.EINVAL, obj.dev.name);
  vma.flags |= VM.PFNMAP | VM.IO | VM.DONTEXPAND | VM.DONTDUMP;
  obj.refs++;
  vma.ops = {
    name: "ttm_bo_vm_ops",
    *fault() {
      k.trace.refuse(rule["ttm/fault-imported"], 0, obj.dev.name);
      return FAULT.sigbus;
    },
    ...references(obj),
  };
  return 0;
}

/** TTM's way with another's buffer: its table is mapped at once, and the CPU reaches it through no mapping of TTM's. */
export const ttmImport: GemImport = { attachesOnly: () => false, mmap: mmapImported };
