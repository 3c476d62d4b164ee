/**
 * panthor's own GEM objects: shmem whose pages come with the first use and go with the shrinker
 * (drivers/gpu/drm/panthor/panthor_gem.c).
 */
import { definePoints } from "../design/points.js";
import { shmemImport } from "./drm-shmem.js";
import { errnos } from "@litmap/litmus";
import { vmfInsertPfn } from "../mm/insert.js";
import { FAULT, isCowMapping, VM } from "../mm/vma.js";
import { acquire, release, tryAcquire } from "../sched/path.js";
import { drmGemShmemCreate } from "./drm-shmem.js";
import { drmVmaNodeUnmap } from "./gem.js";
import { PagesObject } from "./pages-object.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmFault } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { DrmDriver, GemBacking } from "./gem.js";

export const points = definePoints({
  "panthor.objects": {
    question: "Which objects does panthor use?",
    choices: {
      "shmem-helper": { doc: "GEM shmem helper objects, without a shrinker" },
      own: { doc: "its own: pages are allocated on first use, and a shrinker evicts them" },
    },
    mainline: [
      ["6.10", "shmem-helper"],
      ["7.2", "own", "source: not in 7.1.13, in 7.2.13"],
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
export class PanthorObject extends PagesObject {
  constructor(k: Kernel, size: number) {
    super(k, size, `panthor object ${k.id()}`);
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
    if (page >= this.nrPages) {
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
  getPages(): number {
    return this.pages === undefined ? this.takePages() : 0;
  }

  /** panthor_gem_try_evict_no_resv_wait: pages that it gave up. */
  *evict(): Path<number> {
    const { k } = this;
    if (this.pages === undefined || this.pagesPinCount > 0 || !(yield* tryAcquire(k, this.resv.lock))) {
      k.note(rule["panthor/evict-skips"], this.name);
      return 0;
    }
    let freed = 0;
    if (this.pages !== undefined && this.pagesPinCount === 0) {
      k.note(rule["panthor/evicted"], this.name);
      k.custody.freeing = `the shrinker evicted ${this.name}`;
      yield* drmVmaNodeUnmap(this.gem!);
      this.dropPages();
      k.custody.freeing = "";
      freed = this.nrPages;
    }
    yield* release(k, this.resv.lock);
    return freed;
  }

  *free(): Path<void> {
    objects(this.k).delete(this);
    this.dropPages();
    this.truncateFile();
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
