/**
 * GEM objects whose memory is a shmem file, as drivers get them from the shmem helper
 * (drivers/gpu/drm/drm_gem_shmem_helper.c), and the shrinker that purges them.
 */
import { definePoints } from "../design/points.js";
import { dmaBufMmap } from "../dma-buf/buffer.js";
import { references } from "./gem.js";
import { PagesObject } from "./pages-object.js";
import type { GemImport } from "./gem.js";
import { errnos } from "@litmap/litmus";
import { dmaMapSgtable, dmaUnmapSgtable, sgFromPages } from "../dma/sg.js";
import { countBufferPages, keepWords } from "../dma/bookkeeping.js";
import { CACHE } from "../mm/memtype.js";
import { setPagesArrayWb, setPagesArrayWc } from "../mm/page-attributes.js";
import { shmemTruncateRange } from "../mm/shmem.js";
import { bug, vmfInsertPfn } from "../mm/insert.js";
import { FAULT, isCowMapping, VM, vmaName } from "../mm/vma.js";
import { access, acquire, Lock, release, tryAcquire } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import { drmVmaNodeUnmap } from "./gem.js";
import type { GemObject } from "./gem.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

export const points = definePoints({
  "drm-shmem.sgt-lock": {
    question: "Is a lock held while drm_gem_shmem_get_pages_sgt looks at shmem->sgt and builds the table?",
    choices: {
      none: { doc: "no: two first callers at once build two tables, and one is lost" },
      held: { doc: "yes: pages_lock, later the reservation lock" },
    },
    mainline: [
      ["5.1", "none"],
      ["6.3", "held", "drm/shmem-helper: Fix locking for drm_gem_shmem_get_pages_sgt()", { "6.1": "6.1.16" }],
    ],
  },
  "drm-shmem.vmap": {
    question: "What keeps the pages of a GEM shmem object while it has a vmap?",
    choices: {
      "use-count": { doc: "pages_use_count; the vmap count keeps the object from being purged" },
      "pin-count": {
        doc: "pages_pin_count, which also keeps the object from being purged",
        proposed: "drm/shmem-helper: Add and use pages_pin_count (Dmitry Osipenko, 2025), merged",
      },
      "hold-reservation": {
        doc: "the resv, which the caller holds while it uses the vmap",
        proposed: "Thomas Zimmermann in the same thread",
      },
      uncounted: { doc: "nothing: no count is taken, and the shrinker ignores vmaps" },
    },
    mainline: [
      ["5.0", "use-count"],
      ["6.14", "pin-count", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
  "drm-shmem.locks": {
    question: "Which locks protect the pages and the vmap of a GEM shmem object?",
    choices: {
      mutexes: {
        doc: "a mutex for each; the shrinker checks whether the object is purgeable before it has one",
      },
      reservation: {
        doc: "the resv",
        proposed: "drm/shmem-helper: Switch to reservation lock (Dmitry Osipenko, 2023), merged",
      },
    },
    mainline: [
      ["5.0", "mutexes"],
      ["6.8", "reservation", "drm/shmem-helper: Switch to reservation lock; source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "drm-shmem.write-notify": {
    question: "Does a GEM shmem object track the first write to each page?",
    choices: {
      none: { doc: "no: PTEs are writable at once" },
      "pfn-mkwrite": { doc: "yes: PTEs start read-only, and the first write marks the folio dirty" },
    },
    mainline: [
      ["5.0", "none"],
      ["7.1", "pfn-mkwrite", "source: not in 6.19.6, in 7.1.3"],
    ],
  },
  "drm-shmem.import": {
    question: "Does a driver with GEM shmem objects map an imported dma-buf for its device?",
    choices: {
      mapped: { doc: "yes, at import and for the object's lifetime" },
      attached: { doc: "no, it only attaches: an exporter without sg tables suffices" },
    },
    mainline: [
      ["5.0", "mapped"],
      ["6.17", "attached", "drm/shmem-helper: Import dmabuf without mapping its sg_table"],
    ],
  },
  "drm-shmem.imported-methods": {
    question: "Which vm_ops does a mapping of an imported GEM shmem object have if the exporter sets none?",
    choices: {
      kept: {
        doc: "those of the shmem helper, set before: close drops a reference that the mapping does not hold",
      },
      reset: {
        doc: "none",
        proposed: "drm/shmem: add set mmap's methods to none before the exporter's (commit 07dd476f6116), merged",
      },
    },
    mainline: [
      ["5.0", "kept"],
      [
        "6.5",
        "reset",
        "drm/shmem-helper: Reset vma->vm_ops before calling dma_buf_mmap()",
        { "5.10": "5.10.191", "6.1": "6.1.46" },
      ],
    ],
  },
  "drm-shmem.shrinker-list": {
    question: "What does panfrost do with an object that is marked DONTNEED twice?",
    choices: {
      added: { doc: "adds it to the shrinker list again" },
      moved: {
        doc: "moves it to the end of the shrinker list",
        proposed: "drm/panfrost: Fix shrinker list corruption by madvise IOCTL (Dmitry Osipenko, 2022), merged",
      },
    },
    mainline: [
      ["5.4", "added"],
      [
        "5.19",
        "moved",
        "drm/panfrost: Fix shrinker list corruption by madvise IOCTL",
        { "5.10": "5.10.132", "5.18": "5.18.13" },
      ],
    ],
  },
});

/** Objects that a driver has marked as not needed, the longest ago first. */
const purgeable = slot(() => new Set<GemShmemObject>());

const rule = rules({
  "drm-shmem/sgt-twice": {
    sentence:
      "Before 6.3 no lock is held over the test of shmem->sgt: two first callers both build a table, and one is lost.",
    kernel: "drm_gem_shmem_get_pages_sgt, drivers/gpu/drm/drm_gem_shmem_helper.c",
    unproven: "a kernel does not count lost sg tables.",
  },
  "gem-driver/redirected": {
    sentence: "mmap of an imported object is redirected to the dma-buf: its file, vm_ops and vm_pgoff.",
    kernel: "drm_gem_shmem_mmap, drivers/gpu/drm/drm_gem_shmem_helper.c; dma_buf_mmap, drivers/dma-buf/dma-buf.c",
  },
  "gem-driver/fault-imported": {
    sentence: "A fault in drm_gem_shmem_fault on an imported object finds no pages array: SIGBUS.",
    kernel: "drm_gem_shmem_fault, drivers/gpu/drm/drm_gem_shmem_helper.c",
  },
  "gem-driver/methods-kept": {
    sentence:
      "An exporter that sets no vm_ops leaves the importer's in the VMA: its close drops an object reference that " +
      "was never taken.",
    kernel: "drm_gem_shmem_mmap, drivers/gpu/drm/drm_gem_shmem_helper.c",
    unproven: "a bug of 5.9 and older; no recorded kernel has it.",
  },
  "gem-driver/may-grow": {
    sentence: "A GEM mapping without VM_DONTEXPAND triggers a warning.",
    kernel: "drm_gem_mmap_obj, drivers/gpu/drm/drm_gem.c",
  },
  "drm-shmem/size": {
    sentence: "The size of a GEM object is rounded up to pages; size 0 gives EINVAL.",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
  },
  "drm-shmem/mmap-private": {
    sentence: "A private writable mapping of a GEM shmem object gives EINVAL.",
    kernel: "drm_gem_shmem_mmap, drivers/gpu/drm/drm_gem_shmem_helper.c",
  },
  "drm-shmem/fault-index": {
    sentence:
      "The fault handler indexes pages by the offset from vm_start and ignores vm_pgoff: the upper half of a split " +
      "VMA shows the wrong pages.",
    kernel: "drm_gem_shmem_fault, drivers/gpu/drm/drm_gem_shmem_helper.c",
  },
  "drm-shmem/fault-beyond": {
    sentence: "A fault past the end of the object, or in a purged object, gives SIGBUS.",
    kernel: "drm_gem_shmem_fault, drivers/gpu/drm/drm_gem_shmem_helper.c",
  },
  "drm-shmem/write-notify": {
    sentence:
      "The first write to each page through a shared mapping faults in pfn_mkwrite, which marks the folio dirty.",
    kernel: [["7.1", "drm_gem_shmem_pfn_mkwrite, drivers/gpu/drm/drm_gem_shmem_helper.c"]],
  },
  "drm-shmem/pages-counted": {
    sentence: "pages_use_count: the first user gets the pages, the last one puts them.",
    kernel: [
      ["5.10", "drm_gem_shmem_get_pages, drivers/gpu/drm/drm_gem_shmem_helper.c"],
      ["6.15", "drm_gem_shmem_get_pages_locked, drivers/gpu/drm/drm_gem_shmem_helper.c"],
    ],
  },
  "drm-shmem/purged": {
    sentence: "A purged object stays purged: every later madvise reports retained = 0.",
    kernel: [
      ["5.10", "drm_gem_shmem_madvise, drivers/gpu/drm/drm_gem_shmem_helper.c"],
      ["6.15", "drm_gem_shmem_madvise_locked, drivers/gpu/drm/drm_gem_shmem_helper.c"],
    ],
  },
  "drm-shmem/not-purgeable": {
    sentence:
      "An object is purgeable only if it is marked DONTNEED, has an sg table and has no other user (pin, vmap, " +
      "dma-buf).",
    kernel: "drm_gem_shmem_is_purgeable, include/drm/drm_gem_shmem_helper.h",
  },
  "drm-shmem/purge": {
    sentence: "Purge unmaps the object from its device, puts its pages, zaps user PTEs and truncates the shmem file.",
    kernel: [
      ["5.10", "drm_gem_shmem_purge, drivers/gpu/drm/drm_gem_shmem_helper.c"],
      ["6.15", "drm_gem_shmem_purge_locked, drivers/gpu/drm/drm_gem_shmem_helper.c"],
    ],
  },
  "drm-shmem/shrinker-trylock": {
    sentence: "The shrinker only trylocks the resv: an object whose resv is held is skipped.",
    kernel: "drm_gem_lru_scan, drivers/gpu/drm/drm_gem.c",
  },
  "drm-shmem/vmap-counted": {
    sentence: "vmap takes a pages_use_count, which keeps the pages until vunmap.",
    kernel: [
      ["5.10", "drm_gem_shmem_vmap, drivers/gpu/drm/drm_gem_shmem_helper.c"],
      ["6.15", "drm_gem_shmem_vmap_locked, drivers/gpu/drm/drm_gem_shmem_helper.c"],
    ],
  },
  "drm-shmem/vunmap-unmapped": {
    sentence: "vunmap without a vmap warns and returns.",
    kernel: [
      ["5.10", "drm_gem_shmem_vunmap, drivers/gpu/drm/drm_gem_shmem_helper.c"],
      ["6.15", "drm_gem_shmem_vunmap_locked, drivers/gpu/drm/drm_gem_shmem_helper.c"],
    ],
  },
  "drm-shmem/vmap-uncounted": {
    sentence: "vmap takes no pages_use_count and does not keep the object from being purged.",
    kernel: [
      ["5.10", "drm_gem_shmem_vmap, drivers/gpu/drm/drm_gem_shmem_helper.c"],
      ["6.15", "drm_gem_shmem_vmap_locked, drivers/gpu/drm/drm_gem_shmem_helper.c"],
    ],
    unproven: "design for comparison; no release does so.",
  },
  "drm-shmem/vmap-reserved": {
    sentence: "A vmap is valid only while its user holds the resv, from vmap to vunmap.",
    kernel: "drm_gem_shmem_vmap_locked, drivers/gpu/drm/drm_gem_shmem_helper.c (proposed)",
    unproven: "proposal; no release does so.",
  },
  "gem-driver/madvise-listed": {
    sentence: "madvise adds an object to the shrinker list even if it is on it already: the list is corrupted.",
    kernel: "panfrost_ioctl_madvise, drivers/gpu/drm/panfrost/panfrost_drv.c",
    unproven: "a bug up to 5.19; QEMU has no Mali GPU.",
  },
});

/** struct drm_gem_shmem_object. */
export class GemShmemObject extends PagesObject {
  /** What guards the pages, and what the kernel mapping: the reservation lock, or a mutex each. */
  readonly lock: Lock;
  readonly vmapLock: Lock;
  pagesUseCount = 0;
  vmapUseCount = 0;
  sgt: SgTable | undefined;
  /** Who built it. */
  sgtMadeBy = "";
  /** 0 needed, 1 not needed, -1 purged for good. */
  madv = 0;

  constructor(
    readonly id: number,
    readonly device: Device,
    k: Kernel,
    size: number,
    /** map_wc: the CPU sees it write-combining. */
    readonly mapWc = false,
  ) {
    super(k, size, `GEM object ${id}`);
    const mutexes = k.design["drm-shmem.locks"] === "mutexes";
    this.lock = mutexes ? new Lock("pages_lock", `pages_lock of ${this.name}`) : this.resv.lock;
    this.vmapLock = mutexes ? new Lock("vmap_lock", `vmap_lock of ${this.name}`) : this.resv.lock;
  }

  /** drm_gem_shmem_mmap: 0 or a negative errno. The mapping holds one use of the pages. */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    if (isCowMapping(vma.flags)) return k.refuse(rule["drm-shmem/mmap-private"], errnos.EINVAL, this.name);
    yield* acquire(k, this.lock, "write");
    const error = this.getPages();
    yield* release(k, this.lock);
    if (error !== 0) return error;
    vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
    if (this.mapWc) vma.cacheMode = CACHE.wc;
    return 0;
  }

  /** drm_gem_shmem_vm_ops. */
  get vmOps(): Pick<VmOps, "fault" | "pfnMkwrite" | "open" | "close"> {
    const ops = {
      fault: (vmf: VmFault) => drmGemShmemFault(this.k, this, vmf),
      open: () => this.openMapping(),
      close: () => this.closeMapping(),
    };
    return this.k.design["drm-shmem.write-notify"] === "none"
      ? ops
      : { ...ops, pfnMkwrite: () => drmGemShmemPfnMkwrite(this.k, this) };
  }

  /** drm_gem_shmem_vm_open. */
  private *openMapping(): Path<void> {
    yield* acquire(this.k, this.lock, "write");
    this.pagesUseCount++;
    yield* release(this.k, this.lock);
  }

  /** drm_gem_shmem_vm_close. */
  private *closeMapping(): Path<void> {
    yield* acquire(this.k, this.lock, "write");
    this.putPages();
    yield* release(this.k, this.lock);
  }

  vmapUnlocked(): Path<KernelMap | number> {
    return drmGemShmemVmap(this.k, this);
  }

  vunmapUnlocked(): Path<void> {
    return drmGemShmemVunmap(this.k, this);
  }

  getPagesSgt(): Path<number> {
    return drmGemShmemGetPagesSgt(this.k, this);
  }

  madvise(dontneed: boolean): Path<number> {
    return drmGemShmemMadvise(this.k, this, dontneed);
  }

  /** drm_gem_shmem_get_pages_locked: one user of the pages more. 0 or a negative errno. */
  getPages(): number {
    const { k } = this;
    k.note(rule["drm-shmem/pages-counted"]);
    if (this.pagesUseCount > 0) {
      this.pagesUseCount++;
      return 0;
    }
    const error = this.takePages();
    if (error !== 0) return error;
    this.pagesUseCount = 1;
    countBufferPages(k, this.nrPages);
    keepWords(k, this.nrPages);
    if (this.mapWc) setPagesArrayWc(k, this.pages!);
    return 0;
  }

  /** drm_gem_shmem_put_pages_locked: the last user gives the references back. */
  putPages(): void {
    if (this.pages === undefined || --this.pagesUseCount > 0) return;
    if (this.mapWc) setPagesArrayWb(this.k, this.pages);
    this.dropPages();
  }

  /** drm_gem_shmem_pin: what an attachment needs. 0 or a negative errno. */
  override *pin(): Path<number> {
    yield* acquire(this.k, this.lock, "write");
    const error = this.getPages();
    if (error === 0 && this.k.design["drm-shmem.vmap"] === "pin-count") this.pagesPinCount++;
    yield* release(this.k, this.lock);
    return error;
  }

  /** drm_gem_shmem_unpin. */
  override *unpin(): Path<void> {
    yield* acquire(this.k, this.lock, "write");
    if (this.k.design["drm-shmem.vmap"] === "pin-count") this.pagesPinCount--;
    this.putPages();
    yield* release(this.k, this.lock);
  }

  /** drm_gem_shmem_vmap, with the reservation lock held by dma-buf's core. */
  override *vmap(): Path<KernelMap | number> {
    const error = this.vmapUseCount === 0 ? mapFirst(this.k, this) : 0;
    if (error !== 0) return error;
    this.vmapUseCount++;
    return this.vaddr!;
  }

  override *vunmap(): Path<void> {
    if (--this.vmapUseCount === 0) unmapLast(this.k, this);
  }

  /** drm_gem_shmem_free: the table's use of the pages goes, and the file with them. */
  *free(): Path<void> {
    const { k } = this;
    purgeable(k).delete(this);
    if (this.sgt !== undefined) {
      dmaUnmapSgtable(k, this.device, this.sgt, "bidirectional");
      this.sgt = undefined;
      this.putPages();
    }
    this.truncateFile();
  }
}

/** drm_gem_shmem_fault: FAULT bits. The page is counted from the beginning of the mapping, not of the object. */
function* drmGemShmemFault(k: Kernel, bo: GemShmemObject, vmf: VmFault): Path<number> {
  const page = (vmf.address - vmf.vma.start) / k.pageSize;
  yield* acquire(k, bo.lock, "write");
  let ret: number = FAULT.sigbus;
  if (page >= bo.size / k.pageSize || bo.pages === undefined || bo.madv < 0) {
    k.trace.refuse(rule["drm-shmem/fault-beyond"], 0, `page ${page} of ${bo.name}`);
  } else {
    k.note(rule["drm-shmem/fault-index"], `page ${page} of ${bo.name}`);
    ret = vmfInsertPfn(k, vmf.vma, vmf.address, bo.pages[page]);
  }
  yield* release(k, bo.lock);
  return ret;
}

/** drm_gem_shmem_pfn_mkwrite: the folio becomes dirty. FAULT bits. */
function* drmGemShmemPfnMkwrite(k: Kernel, bo: GemShmemObject): Path<number> {
  k.note(rule["drm-shmem/write-notify"], bo.name);
  return FAULT.none;
}

/** drm_gem_shmem_create: an object of at least `size` bytes, without pages yet, or `-EINVAL`. */
export function drmGemShmemCreate(k: Kernel, device: Device, size: number, mapWc = false): GemShmemObject | number {
  const aligned = Math.ceil(size / k.pageSize) * k.pageSize;
  if (aligned === 0) return k.refuse(rule["drm-shmem/size"], errnos.EINVAL, `${size}`);
  return new GemShmemObject(k.id(), device, k, aligned, mapWc);
}

/** drm_gem_shmem_get_pages_sgt: populates the object and maps it for its device, once. 0 or a negative errno. */
export function* drmGemShmemGetPagesSgt(k: Kernel, bo: GemShmemObject): Path<number> {
  const locked = k.design["drm-shmem.sgt-lock"] === "held";
  if (locked) yield* acquire(k, bo.lock, "write");
  const field = `shmem->sgt of ${bo.name}`;
  yield* access(k, field, false);
  const error = bo.sgt === undefined ? yield* buildSgt(k, bo, field, locked) : 0;
  if (locked) yield* release(k, bo.lock);
  return error;
}

/** The table is built after the field was found empty, and overwrites what is there by then. */
function* buildSgt(k: Kernel, bo: GemShmemObject, field: string, locked: boolean): Path<number> {
  if (!locked) yield* acquire(k, bo.lock, "write");
  const error = bo.getPages();
  if (!locked) yield* release(k, bo.lock);
  if (error !== 0) return error;
  const sgt = sgFromPages(bo.pages!);
  dmaMapSgtable(k, bo.device, sgt, "bidirectional");
  const sgtMadeBy = k.custody.doing;
  yield* access(k, field, true);
  if (bo.sgt !== undefined) {
    k.note(rule["drm-shmem/sgt-twice"], field);
    k.custody.loses(
      "an sg table of a shmem object, its mapping and a use of the pages",
      bo.sgtMadeBy,
      "drm_gem_shmem_free, by shmem->sgt",
    );
  }
  bo.sgt = sgt;
  bo.sgtMadeBy = sgtMadeBy;
  return 0;
}

/** drm_gem_shmem_vmap_locked, with the lock that its caller takes around it. The mapping or a negative errno. */
export function* drmGemShmemVmap(k: Kernel, bo: GemShmemObject): Path<KernelMap | number> {
  yield* acquire(k, bo.vmapLock, "write");
  const error = bo.vmapUseCount === 0 ? yield* mapFirstLocked(k, bo) : 0;
  if (error === 0) bo.vmapUseCount++;
  // In that design the lock is what protects the mapping: its user keeps it until vunmap.
  const keeps = k.design["drm-shmem.vmap"] === "hold-reservation" && error === 0;
  if (!keeps) yield* release(k, bo.vmapLock);
  return error === 0 ? bo.vaddr! : error;
}

/** The first kernel mapping, under the lock that guards the pages. */
function* mapFirstLocked(k: Kernel, bo: GemShmemObject): Path<number> {
  if (bo.lock === bo.vmapLock) return mapFirst(k, bo);
  yield* acquire(k, bo.lock, "write");
  const error = mapFirst(k, bo);
  yield* release(k, bo.lock);
  return error;
}

/** The first kernel mapping: takes what the design says it has to. */
function mapFirst(k: Kernel, bo: GemShmemObject): number {
  const choice = k.design["drm-shmem.vmap"];
  const counts = choice === "use-count" || choice === "pin-count" || bo.pages === undefined;
  if (counts) {
    const error = bo.getPages();
    if (error !== 0) return error;
  }
  if (choice === "pin-count") bo.pagesPinCount++;
  if (choice === "uncounted") k.note(rule["drm-shmem/vmap-uncounted"]);
  else k.note(choice === "hold-reservation" ? rule["drm-shmem/vmap-reserved"] : rule["drm-shmem/vmap-counted"]);
  bo.vaddr = k.vmalloc.map(bo.pages!, `the vmap of ${bo.name}`, "a count that keeps the object from being purged");
  return 0;
}

/** drm_gem_shmem_vunmap_locked. */
export function* drmGemShmemVunmap(k: Kernel, bo: GemShmemObject): Path<void> {
  const choice = k.design["drm-shmem.vmap"];
  if (bo.vaddr === undefined) {
    k.warn(rule["drm-shmem/vunmap-unmapped"], bo.name);
    return;
  }
  if (choice !== "hold-reservation") yield* acquire(k, bo.vmapLock, "write");
  if (--bo.vmapUseCount === 0) yield* unmapLastLocked(k, bo);
  yield* release(k, bo.vmapLock);
}

function* unmapLastLocked(k: Kernel, bo: GemShmemObject): Path<void> {
  if (bo.lock === bo.vmapLock) return unmapLast(k, bo);
  yield* acquire(k, bo.lock, "write");
  unmapLast(k, bo);
  yield* release(k, bo.lock);
}

/** The last kernel mapping goes, and with it what the first one took. */
function unmapLast(k: Kernel, bo: GemShmemObject): void {
  const choice = k.design["drm-shmem.vmap"];
  k.vmalloc.unmap(bo.vaddr!);
  bo.vaddr = undefined;
  if (choice === "pin-count") bo.pagesPinCount--;
  if (choice === "use-count" || choice === "pin-count") bo.putPages();
}

/** drm_gem_shmem_madvise: 1 while the pages are there, 0 once they were purged. */
export function* drmGemShmemMadvise(k: Kernel, bo: GemShmemObject, notNeeded: boolean): Path<number> {
  yield* acquire(k, bo.lock, "write");
  if (bo.madv >= 0) {
    bo.madv = notNeeded ? 1 : 0;
    if (notNeeded) addToShrinker(k, bo);
    else purgeable(k).delete(bo);
  } else {
    k.note(rule["drm-shmem/purged"]);
  }
  yield* release(k, bo.lock);
  return bo.madv >= 0 ? 1 : 0;
}

/** panfrost_ioctl_madvise's part: the shrinker's list has the longest marked object first. */
function addToShrinker(k: Kernel, bo: GemShmemObject): void {
  if (!purgeable(k).delete(bo) || k.design["drm-shmem.shrinker-list"] === "moved") {
    purgeable(k).add(bo);
    return;
  }
  bug(k, rule["gem-driver/madvise-listed"], `list_add double add of ${bo.name}`);
}

/** drm_gem_shmem_is_purgeable. */
function isPurgeable(k: Kernel, bo: GemShmemObject): boolean {
  if (bo.madv <= 0 || bo.sgt === undefined || bo.gem?.dmaBuf !== undefined) return false;
  switch (k.design["drm-shmem.vmap"]) {
    case "use-count":
      return bo.vmapUseCount === 0;
    case "pin-count":
      return bo.pagesPinCount === 0;
    default:
      return true;
  }
}

/** A driver's shrinker over objects that are marked as not needed: pages freed (panfrost_gem_shrinker_scan). */
export function* shrinkDrmShmem(k: Kernel): Path<number> {
  let freed = 0;
  for (const bo of [...purgeable(k)]) {
    // With a mutex for the pages alone the question comes before the lock, and its answer may be old by then.
    const asked = bo.lock === bo.resv.lock || isPurgeable(k, bo);
    if (!(yield* tryAcquire(k, bo.lock))) {
      k.note(rule["drm-shmem/shrinker-trylock"], bo.name);
      continue;
    }
    if (bo.lock === bo.resv.lock ? isPurgeable(k, bo) : asked && bo.sgt !== undefined) {
      yield* purge(k, bo);
      freed += bo.size / k.pageSize;
    } else {
      k.note(rule["drm-shmem/not-purgeable"], bo.name);
    }
    yield* release(k, bo.lock);
  }
  return freed;
}

/** drm_gem_shmem_purge_locked: the memory goes back at once, and for good. */
function* purge(k: Kernel, bo: GemShmemObject): Path<void> {
  k.note(rule["drm-shmem/purge"], bo.name);
  k.custody.freeing = `the shrinker purged ${bo.name}`;
  if (bo.sgt !== undefined) dmaUnmapSgtable(k, bo.device, bo.sgt, "bidirectional");
  bo.sgt = undefined;
  bo.putPages();
  bo.madv = -1;
  purgeable(k).delete(bo);
  if (bo.gem !== undefined) {
    yield* drmVmaNodeUnmap(bo.gem);
    bo.gem.freeMmapOffset();
  }
  shmemTruncateRange(k, bo.inode, 0, bo.size);
  k.custody.freeing = "";
}

/** drm_gem_shmem_mmap of an imported object: the mapping becomes one of the exporter's. 0 or a negative errno. */
function* mmapImported(obj: GemObject, vma: Vma): Path<number> {
  const { k } = obj.dev;
  const zero = k.design["drm.imported-offset"] === "zero";
  const error = yield* dmaBufMmap(obj.imported!.at.buf, vma, zero ? 0 : vma.pgoff);
  if (error !== 0) return error;
  k.note(rule["gem-driver/redirected"], obj.dev.name);
  if (!vma.has(VM.DONTEXPAND)) k.warn(rule["gem-driver/may-grow"], obj.dev.name);
  if (vma.ops === undefined && k.design["drm-shmem.imported-methods"] === "kept") vma.ops = leakedOps(obj);
  return 0;
}

/** The helper's methods on a mapping that took no reference on the object. */
function leakedOps(obj: GemObject): VmOps {
  obj.dev.k.note(rule["gem-driver/methods-kept"], obj.dev.name);
  return {
    name: "drm_gem_shmem_vm_ops",
    *fault({ vma }) {
      obj.dev.k.refuse(rule["gem-driver/fault-imported"], 0, vmaName(vma));
      return FAULT.sigbus;
    },
    ...references(obj),
  };
}

/** The shmem helper's way with another's buffer: the exporter maps it. */
export const shmemImport: GemImport = {
  attachesOnly: (k) => k.design["drm-shmem.import"] === "attached",
  mmap: mmapImported,
};
