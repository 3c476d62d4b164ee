/** PRIME: GEM objects as dma-bufs, and dma-bufs as GEM objects (drivers/gpu/drm/drm_prime.c). */
import { errnos } from "@litmap/litmus";
import {
  dmaBufDetach,
  dmaBufDynamicAttach,
  dmaBufMapAttachment,
  dmaBufUnmapAttachment,
} from "../dma-buf/attachment.js";
import { dmaBufExport, dmaBufFd, dmaBufGet, dmaBufPut } from "../dma-buf/buffer.js";
import { dmaMapSgtable, dmaUnmapSgtable } from "../dma/sg.js";
import { drmGemHandleCreate, drmGemMmapObj, drmGemObjectPut, GemObject, gemRules } from "./gem.js";
import { acquire, release } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { SgTable } from "../dma/sg.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Kernel } from "../kernel.js";
import type { Lock, Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { DrmDevice, DrmFile } from "./gem.js";

const rule = rules({
  "gem/mmap-offset": {
    sentence: "mmap of the dma-buf maps the DRM node: the object's fake offset is added to vm_pgoff.",
    kernel: "drm_gem_prime_mmap, drivers/gpu/drm/drm_prime.c",
  },
  "gem/no-prime": {
    sentence: "A driver without PRIME has neither export nor import: ENOSYS.",
    kernel: "drm_prime_handle_to_fd_ioctl, drivers/gpu/drm/drm_prime.c",
  },
  "gem/no-prime-mmap": {
    sentence: "The dma-buf of a driver without gem_prime_mmap cannot be mapped: ENOSYS.",
    kernel: "drm_gem_dmabuf_mmap, drivers/gpu/drm/drm_prime.c",
  },
  "gem/first-export": {
    sentence: "An object has one dma-buf at a time: the first export decides its access mode, later ones return it.",
    kernel: [
      ["5.10", "drm_gem_prime_handle_to_fd, drivers/gpu/drm/drm_prime.c"],
      ["6.10", "drm_gem_prime_handle_to_dmabuf, drivers/gpu/drm/drm_prime.c"],
    ],
  },
  "gem/import-own": {
    sentence: "Import of a device's own dma-buf returns the GEM object behind it.",
    kernel: "drm_gem_prime_import_dev, drivers/gpu/drm/drm_prime.c",
  },
  "gem/no-import": {
    sentence: "A driver without gem_prime_import_sg_table does not import foreign dma-bufs.",
    kernel: "drm_gem_prime_import_dev, drivers/gpu/drm/drm_prime.c",
  },
  "gem/import-unmapped": {
    sentence: "The shmem helper only attaches to a foreign dma-buf and does not map the attachment.",
    kernel: [["6.17", "drm_gem_shmem_prime_import_no_map, drivers/gpu/drm/drm_gem_shmem_helper.c"]],
  },
  "gem/attach-no-table": {
    sentence: "An exporter without get_sg_table refuses attachments: ENOSYS.",
    kernel: "drm_gem_map_attach, drivers/gpu/drm/drm_prime.c",
  },
});

/** drm_gem_prime_dmabuf_ops. The buffer holds a reference on the object. */
export class PrimeOps implements DmaBufOps {
  readonly cacheSgtMapping: boolean = true;
  constructor(
    protected readonly k: Kernel,
    readonly obj: GemObject,
  ) {}

  /** drm_gem_map_attach: the object is pinned for as long as somebody is attached. */
  *attach(): Path<number> {
    const backing = this.obj.backing!;
    if (backing.getSgTable === undefined)
      return this.k.refuse(rule["gem/attach-no-table"], errnos.ENOSYS, this.obj.dev.name);
    return yield* backing.pin();
  }

  *detach(): Path<void> {
    yield* this.obj.backing!.unpin();
  }

  private get syncs(): boolean {
    return this.k.design["dma-buf.map-sync"] === "sync";
  }

  /** drm_gem_map_dma_buf. */
  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable | number> {
    const sgt = this.obj.backing!.getSgTable!();
    if (typeof sgt === "number") return sgt;
    dmaMapSgtable(this.k, at.device, sgt, direction, this.syncs);
    return sgt;
  }

  *unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void> {
    dmaUnmapSgtable(this.k, at.device, sgt, direction, this.syncs);
  }

  *release(): Path<void> {
    yield* drmGemObjectPut(this.obj);
  }

  /** drm_gem_dmabuf_mmap and drm_gem_prime_mmap. */
  *mmap(vma: Vma): Path<number> {
    const { k, obj } = this;
    if (k.design["drm.prime"] === "opted-in" && obj.dev.driver.prime !== "all")
      return k.refuse(rule["gem/no-prime-mmap"], errnos.ENOSYS, obj.dev.name);
    k.note(rule["gem/mmap-offset"]);
    vma.pgoff += obj.offset;
    return yield* drmGemMmapObj(obj, vma);
  }

  get vmap(): DmaBufOps["vmap"] {
    const backing = this.obj.backing!;
    return backing.vmap === undefined ? undefined : () => this.mapKernel();
  }

  private *mapKernel(): Path<KernelMap | number> {
    const { k, ownLock, obj } = this;
    if (ownLock !== undefined) yield* acquire(k, ownLock, "write");
    const map = yield* obj.backing!.vmap!();
    if (ownLock !== undefined) yield* release(k, ownLock);
    return map;
  }

  *vunmap(map: KernelMap): Path<void> {
    const { k, ownLock, obj } = this;
    if (ownLock !== undefined) yield* acquire(k, ownLock, "write");
    yield* obj.backing!.vunmap!(map);
    if (ownLock !== undefined) yield* release(k, ownLock);
  }

  /** The lock that the driver takes itself, as long as dma-buf calls it without the reservation lock. */
  private get ownLock(): Lock | undefined {
    const { locksVmap, resv } = this.obj.backing!;
    return locksVmap === true && this.k.design["dma-buf.vmap-lock"] !== "reservation" ? resv.lock : undefined;
  }
}

/** Whether the driver has PRIME at all: 0 or -ENOSYS. */
function hasPrime(k: Kernel, dev: DrmDevice): number {
  return k.design["drm.prime"] === "opted-in" && dev.driver.prime === "none"
    ? k.refuse(rule["gem/no-prime"], errnos.ENOSYS, dev.name)
    : 0;
}

/** drm_gem_prime_handle_to_fd: a descriptor, -ENOSYS or -ENOENT. */
export function* drmGemPrimeHandleToFd(
  k: Kernel,
  task: Task,
  file: DrmFile,
  handle: number,
  writable: boolean,
): Path<number> {
  const absent = hasPrime(k, file.dev);
  if (absent !== 0) return absent;
  yield* acquire(k, file.primeLock, "write");
  const obj = file.handles.get(handle);
  const buf = obj === undefined ? undefined : yield* bufferOf(k, file, handle, obj, writable);
  yield* release(k, file.primeLock);
  if (buf === undefined) return k.refuse(gemRules["gem/no-handle"], errnos.ENOENT, `handle ${handle}`);
  return dmaBufFd(task, buf);
}

/** The dma-buf of an object, with a reference, which the open file remembers; under prime.lock. */
function* bufferOf(k: Kernel, file: DrmFile, handle: number, obj: GemObject, writable: boolean): Path<DmaBuf> {
  const { nameLock } = file.dev;
  let known = file.primes.get(handle);
  if (known === undefined) {
    yield* acquire(k, nameLock, "write");
    known = obj.imported?.at.buf ?? obj.dmaBuf;
    if (known === undefined) {
      const made = exportAndRegister(k, obj, writable);
      yield* release(k, nameLock);
      return remember(file, handle, made);
    }
    yield* release(k, nameLock);
  }
  k.note(rule["gem/first-export"], `handle ${handle}`);
  known.file.refs++;
  return remember(file, handle, known);
}

/** drm_prime_add_buf_handle. */
function remember(file: DrmFile, handle: number, buf: DmaBuf): DmaBuf {
  if (!file.primes.has(handle)) {
    file.primes.set(handle, buf);
    buf.file.refs++;
  }
  return buf;
}

/** drm_gem_prime_export: a dma-buf that holds a reference on the object. */
export function drmGemPrimeExport(k: Kernel, obj: GemObject, writable: boolean): DmaBuf {
  obj.refs++;
  const buf = dmaBufExport(k, {
    ops: obj.dev.driver.dmaBufOps?.(k, obj) ?? new PrimeOps(k, obj),
    size: obj.size,
    expName: obj.dev.driver.expName,
    readable: true,
    writable,
    resv: obj.backing!.resv,
  });
  // Who zaps the object's mappings finds those of the buffer, too (drm_gem_dmabuf_export).
  buf.file.mapping = obj.dev.inode.mapping;
  return buf;
}

/** export_and_register_object: the object keeps a reference on its buffer as long as there are handles. */
function exportAndRegister(k: Kernel, obj: GemObject, writable: boolean): DmaBuf {
  const buf = drmGemPrimeExport(k, obj, writable);
  obj.dmaBuf = buf;
  buf.file.refs++;
  return buf;
}

/** drm_gem_prime_fd_to_handle: a handle, -ENOSYS, -EBADF, -EINVAL, or what attaching and the driver say. */
export function* drmGemPrimeFdToHandle(k: Kernel, task: Task, file: DrmFile, fd: number): Path<number> {
  const absent = hasPrime(k, file.dev);
  if (absent !== 0) return absent;
  const buf = dmaBufGet(k, task, fd);
  if (typeof buf === "number") return buf;
  yield* acquire(k, file.primeLock, "write");
  const handle = yield* importInto(k, file, buf);
  yield* release(k, file.primeLock);
  yield* dmaBufPut(buf);
  return handle;
}

function* importInto(k: Kernel, file: DrmFile, buf: DmaBuf): Path<number> {
  const { nameLock } = file.dev;
  for (const [handle, known] of file.primes) if (known === buf) return handle;
  yield* acquire(k, nameLock, "write");
  const obj = yield* drmGemPrimeImport(k, file.dev, buf);
  if (typeof obj === "number") {
    yield* release(k, nameLock);
    return obj;
  }
  if (obj.dmaBuf === undefined) {
    obj.dmaBuf = buf;
    buf.file.refs++;
  }
  const handle = drmGemHandleCreate(file, obj);
  yield* release(k, nameLock);
  yield* drmGemObjectPut(obj);
  file.primes.set(handle, buf);
  buf.file.refs++;
  return handle;
}

/**
 * drm_gem_prime_import_dev: the device's own object, or a new one over an attachment; with a reference. Or a negative
 * errno.
 */
function* drmGemPrimeImport(k: Kernel, dev: DrmDevice, buf: DmaBuf): Path<GemObject | number> {
  const { ops } = buf;
  if (ops instanceof PrimeOps && ops.obj.dev === dev) {
    k.note(rule["gem/import-own"]);
    ops.obj.refs++;
    return ops.obj;
  }
  if (dev.driver.import === errnos.EINVAL) return k.refuse(rule["gem/no-import"], errnos.EINVAL, dev.name);
  const at = yield* dmaBufDynamicAttach(buf, dev.device, false);
  if (typeof at === "number") return at;
  buf.file.refs++;
  const object = (sgt: SgTable | undefined): GemObject =>
    new GemObject(dev, Math.ceil(buf.size / k.pageSize) * k.pageSize, undefined, { at, sgt });
  const { import: how } = dev.driver;
  if (typeof how !== "number" && how.attachesOnly(k)) {
    k.note(rule["gem/import-unmapped"], dev.name);
    return object(undefined);
  }
  const sgt = yield* dmaBufMapAttachment(at, "bidirectional");
  if (typeof sgt !== "number" && typeof how !== "number") return object(sgt);
  if (typeof sgt !== "number") yield* dmaBufUnmapAttachment({ at, sgt, direction: "bidirectional" });
  yield* dmaBufDetach(at);
  yield* dmaBufPut(buf);
  return typeof sgt === "number" ? sgt : k.refuse(rule["gem/no-import"], Number(how), dev.name);
}
