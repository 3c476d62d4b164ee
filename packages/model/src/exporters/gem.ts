/**
 * GEM: objects of DRM devices, their handles in open files, and the fake offsets at which mmap finds them
 * (drivers/gpu/drm/drm_gem.c).
 */
import { definePoints } from "../design/points.js";
import { errnos } from "@litmap/litmus";
import { dmaBufDetach, dmaBufUnmapAttachment } from "../dma-buf/attachment.js";
import { dmaBufPut } from "../dma-buf/buffer.js";
import { File, Inode } from "../vfs/file.js";
import { unmapMappingPath } from "../mm/zap.js";
import { acquire, KernelBug, Lock, release } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { TtmObject } from "./ttm.js";
import type { Place } from "./ttm-device.js";
import type { Caching } from "./ttm-pool.js";
import type { Resv } from "../dma-buf/resv.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { Attachment } from "../dma-buf/attachment.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

export const points = definePoints({
  "drm.imported-offset": {
    question: "Which vm_pgoff does a driver pass to the exporter's mmap for an imported object?",
    choices: {
      zero: { doc: "0: mappings always cover the whole object" },
      fake: {
        doc: "the fake offset of its own device: always past the end of the buffer (out-of-tree xdna had it)",
      },
    },
    mainline: [["3.3", "zero"]],
  },
  "drm.unmapped-area": {
    question: "What chooses the address of a mapping of a DRM node?",
    choices: {
      mm: { doc: "the mm, as for most files" },
      own: { doc: "the device, to align for huge pages (drm_gem_get_unmapped_area)" },
    },
    mainline: [
      ["3.3", "mm"],
      ["7.0", "own", "drm/gem: Introduce drm_gem_get_unmapped_area() fop; source: not in 6.19.6, in 7.1.3"],
    ],
  },
  "drm.objects": {
    question: "Which objects do vgem, virtio-gpu and TTM drivers use?",
    choices: {
      "own-pages": {
        doc:
          "vgem and virtio-gpu insert pages in their own fault handlers, which is not modelled; TTM as in " +
          "`ttm.mmap`",
      },
      helpers: { doc: "the GEM shmem helper with vmf_insert_pfn, and TTM with VM_PFNMAP" },
    },
    mainline: [
      ["2.6", "own-pages"],
      ["5.16", "helpers", "source: not in 5.10.262, in 6.1.4"],
    ],
  },
  "drm.prime": {
    question: "Which DRM drivers have PRIME export, import and mmap of the dma-buf?",
    choices: {
      "opted-in": { doc: "those that set the methods: not bochs; qxl without mmap" },
      always: { doc: "all, by default methods" },
    },
    mainline: [
      ["3.3", "opted-in"],
      ["6.6", "always", "drm: Enable PRIME import/export for all drivers; source: not in 6.1.192, in 6.12.8"],
    ],
  },
  "drm.bochs": {
    question: "Where does the bochs driver keep its buffers?",
    choices: {
      "vram-helper": { doc: "in TTM objects of the VRAM helper" },
      "gem-shmem": { doc: "in GEM shmem objects" },
    },
    mainline: [
      ["5.3", "vram-helper"],
      ["6.13", "gem-shmem", "source: not in 6.12.118, in 6.17.8"],
    ],
  },
});

export const gemRules = rules({
  "gem/dumb-size": {
    sentence: "A dumb buffer with zero lines, or of 4 GiB and more, gives EINVAL.",
    kernel: "drm_mode_create_dumb, drivers/gpu/drm/drm_dumb_buffers.c",
  },
  "gem/no-handle": {
    sentence: "A handle that is not in the handle table of the open DRM file gives ENOENT.",
    kernel: "drm_gem_object_lookup, drivers/gpu/drm/drm_gem.c",
  },
  "gem/close-unknown": {
    sentence: "GEM_CLOSE of a handle that the DRM file does not have gives EINVAL.",
    kernel: "drm_gem_handle_delete, drivers/gpu/drm/drm_gem.c",
  },
  "gem/map-imported": {
    sentence: "An imported object has no fake offset: MAP_DUMB gives EINVAL.",
    kernel: "drm_gem_dumb_map_offset, drivers/gpu/drm/drm_gem.c",
  },
  "gem/no-such-offset": {
    sentence: "mmap of the DRM node takes exactly the object's fake offset and at most its size, else EINVAL.",
    kernel: "drm_vma_offset_exact_lookup_locked, include/drm/drm_vma_manager.h",
  },
  "gem/not-allowed": {
    sentence: "Only DRM files that have a handle for the object may mmap it, else EACCES.",
    kernel: "drm_vma_node_is_allowed, drivers/gpu/drm/drm_vma_manager.c",
  },
  "gem-driver/put-freed": {
    sentence: "Dropping a reference on a freed object is a use-after-free.",
    kernel: "drm_gem_object_put, include/drm/drm_gem.h",
    unproven: "only a broken design reaches it.",
  },
  "gem-driver/unplugged": {
    sentence: "drm_dev_unplug zaps all mappings of the device's objects.",
    kernel: "drm_dev_unplug, drivers/gpu/drm/drm_drv.c",
    unproven: "from source: the runner unplugs no device.",
  },
});

/** drm_gem_object_funcs: what holds an object's memory. Errors are negative errnos. */
export interface GemBacking {
  readonly resv: Resv;
  /** The object that it is the memory of. */
  gem?: GemObject;
  readonly vmOps: Pick<VmOps, "fault" | "pfnMkwrite" | "access" | "open" | "close">;
  /** Flags of a new mapping, and what it holds. */
  mmap(vma: Vma): Path<number>;
  pin(): Path<number>;
  unpin(): Path<void>;
  /** Absent where attaching is refused already. */
  getSgTable?(): SgTable | number;
  /** vmap and vunmap take the reservation lock themselves where their caller does not. */
  readonly locksVmap?: boolean;
  vmap?(): Path<KernelMap | number>;
  vunmap?(map?: KernelMap): Path<void>;
  /**
   * The driver's own mapping, with the locks that it needs; absent: `vmap` under the reservation lock (drm_gem_vmap).
   */
  vmapUnlocked?(): Path<KernelMap | number>;
  vunmapUnlocked?(): Path<void>;
  /** The object itself where it is TTM's: it has a placement and moves. */
  readonly ttm?: TtmObject;
  /** The shmem helper's: an sg table kept with the object, and its madv state. Errors are negative errnos. */
  getPagesSgt?(): Path<number>;
  madvise?(dontneed: boolean): Path<number>;
  free(): Path<void>;
}

/** How a driver has another's buffer as an object of its own (drm_driver.gem_prime_import). */
export interface GemImport {
  /** Attaches only: the attachment is not mapped at the import. */
  attachesOnly(k: Kernel): boolean;
  /** mmap of an imported object: 0 or a negative errno. */
  mmap(obj: GemObject, vma: Vma): Path<number>;
}

/** What differs between drivers. */
export interface DrmDriver {
  readonly card: number;
  /** Memory for an object of `size` bytes, a dumb buffer's for one, write-combining if wanted; or a negative errno. */
  create(dev: DrmDevice, size: number, wc?: boolean): Path<GemBacking | number>;
  /** The same where objects have a placement and more cache modes. Without it they have neither. */
  createPlaced?(dev: DrmDevice, size: number, home: Place, caching: Caching): Path<GemBacking | number>;
  /** Its objects are modelled on releases from before the shmem helper too (point `drm.objects`). */
  readonly everyRelease?: true;
  /** PRIME's methods, where drivers have to ask for them. */
  readonly prime: "none" | "no-mmap" | "all";
  /** What it does with another's buffer: takes it, or the errno by which it refuses. */
  readonly import: GemImport | number;
  /** Methods of its objects' dma-bufs, where they are not those of PRIME. */
  readonly dmaBufOps?: (k: Kernel, obj: GemObject) => DmaBufOps;
  /** The driver's own mmap of its files, where it is not GEM's. */
  readonly mmap?: (file: DrmFile, vma: Vma) => Path<number>;
  /** The driver's own DRM_IOCTL_MODE_MAP_DUMB: bytes or a negative errno. */
  readonly dumbMapOffset?: (k: Kernel, file: DrmFile, handle: number) => number;
  /** dma_buf's exp_name. */
  readonly expName: string;
}

/** First fake offset: past 4 GiB, on 32-bit machines past 256 MiB (DRM_FILE_PAGE_OFFSET_START). */
const fileOffsetStart = (k: Kernel): number => (k.arch.wordBits === 64 ? 2 ** 32 : 2 ** 28);

/** Pages that have fake offsets on one device (DRM_FILE_PAGE_OFFSET_SIZE). */
const fileOffsetPages = (k: Kernel): number =>
  k.arch.wordBits === 64 ? Math.floor((2 ** 32 - 1) / k.pageSize) * 256 : Math.floor((2 ** 28 - 1) / k.pageSize) * 16;

/** dev_private: what one driver keeps of a device, made when it is first asked for. */
export function devPrivate<T>(make: (dev: DrmDevice) => T): (dev: DrmDevice) => T {
  const kept = new WeakMap<DrmDevice, { readonly value: T }>();
  return (dev) => {
    let entry = kept.get(dev);
    if (entry === undefined) kept.set(dev, (entry = { value: make(dev) }));
    return entry.value;
  };
}

export class DrmDevice {
  readonly inode: Inode;
  /** object_name_lock: obj->dma_buf and the number of handles. */
  readonly nameLock: Lock;
  /** Objects that have a fake offset, by its first page. */
  readonly offsets = new Map<number, GemObject>();
  private readonly granted = new Set<GemObject>();
  /** drm_dev_unplug was called. */
  unplugged = false;

  constructor(
    readonly k: Kernel,
    readonly name: string,
    readonly driver: DrmDriver,
    readonly device: Device = k.device(name),
  ) {
    this.nameLock = new Lock("object_name", `object_name_lock of ${name}`);
    this.inode = new Inode(k.id(), "drm");
    this.inode.mode = 0o600;
  }

  private *reopen(readable: boolean, writable: boolean): Path<File> {
    return this.open(readable, writable);
  }

  /** drm_open: an open file, with handles of its own. */
  open(readable = true, writable = true): File {
    const drm = new DrmFile(this);
    return new File(
      this.inode,
      {
        mmap: (_file, vma) => this.driver.mmap?.(drm, vma) ?? drmGemMmap(this.k, drm, vma),
        read: () => drmRead(),
        llseek: () => noopLlseek(),
        poll: () => noEvents(),
        reopen: (_file, read, write) => this.reopen(read, write),
        release: () => drmRelease(drm),
        choosesAddresses: this.k.design["drm.unmapped-area"] === "own",
        path: () => `/dev/dri/card${this.driver.card}`,
      },
      readable,
      writable,
      false,
      drm,
    );
  }

  /** Every file of the device, now and later, may map the object: a driver's own ioctl gave it out. */
  grantAll(obj: GemObject): void {
    this.granted.add(obj);
  }

  allows(file: DrmFile, obj: GemObject): boolean {
    return obj.allowed.has(file) || this.granted.has(obj);
  }

  /** drm_vma_offset_add: the lowest range of fake pages that is free. */
  addOffset(obj: GemObject): number {
    const start = this.hole(obj.size / this.k.pageSize);
    this.offsets.set(start, obj);
    return start;
  }

  /** Whether drm_vma_offset_add finds fake offsets for an object of so many bytes. */
  hasOffsetsFor(bytes: number): boolean {
    const pages = bytes / this.k.pageSize;
    return this.hole(pages) + pages <= fileOffsetStart(this.k) / this.k.pageSize + fileOffsetPages(this.k);
  }

  /** The first page of the lowest hole. */
  private hole(pages: number): number {
    let start = fileOffsetStart(this.k) / this.k.pageSize;
    for (const [taken, other] of [...this.offsets].sort(([a], [b]) => a - b)) {
      if (taken - start >= pages) break;
      start = taken + other.size / this.k.pageSize;
    }
    return start;
  }
}

/** drm_read, drivers/gpu/drm/drm_file.c: waits for an event, and nothing here makes one. */
function* drmRead(): Path<number> {
  yield { kind: "wait", object: "events of a DRM file", ready: () => false };
  return 0;
}

function* noopLlseek(): Path<number> {
  return 0;
}

function* noEvents(): Path<readonly string[]> {
  return [];
}

/** struct drm_file: handles, and the buffers that PRIME knows by them. */
export class DrmFile {
  readonly handles = new Map<number, GemObject>();
  /** prime.dmabufs and prime.handles; every entry holds a reference on its buffer. */
  readonly primes = new Map<number, DmaBuf>();
  /** prime.lock: an import or export is looked up and entered under it. */
  readonly primeLock = new Lock("prime", "prime.lock of an open DRM file");
  constructor(readonly dev: DrmDevice) {}
}

/** struct drm_gem_object. */
export class GemObject {
  /** References of handles, mappings and a dma-buf. */
  refs = 1;
  handleCount = 0;
  /** The dma-buf that it was exported as or imported from, while there are handles; a reference on it. */
  dmaBuf: DmaBuf | undefined;
  /** First page of its fake offset, which every object has from its making on. */
  offset: number;
  /** Open files that have handles of it, and how many (vma_node's list). */
  readonly allowed = new Map<DrmFile, number>();

  constructor(
    readonly dev: DrmDevice,
    /** Bytes, whole pages. */
    readonly size: number,
    /** Absent in an imported object. */
    readonly backing: GemBacking | undefined,
    readonly imported?: { readonly at: Attachment; readonly sgt: SgTable | undefined },
  ) {
    this.offset = dev.addOffset(this);
    if (backing !== undefined) backing.gem = this;
  }

  /** drm_gem_create_mmap_offset: the first page of its fake offset, a new one when it was given up. */
  createMmapOffset(): number {
    if (this.dev.offsets.get(this.offset) !== this) this.offset = this.dev.addOffset(this);
    return this.offset;
  }

  /** drm_gem_free_mmap_offset: nothing finds the object by it any more. */
  freeMmapOffset(): void {
    if (this.dev.offsets.get(this.offset) === this) this.dev.offsets.delete(this.offset);
  }

  /** The methods of a mapping: those of its memory, each mapping with a reference on the object. */
  readonly vmOps = (): VmOps => {
    const { vmOps } = this.backing!;
    return {
      ...vmOps,
      name: "drm_gem_vm_ops",
      open: (vma) => this.openMapping(vmOps, vma),
      close: (vma) => this.closeMapping(vmOps, vma),
    };
  };

  /** drm_gem_vm_open, after what the memory does itself. */
  private *openMapping(own: GemBacking["vmOps"], vma: Vma): Path<void> {
    if (own.open !== undefined) yield* own.open(vma);
    this.refs++;
  }

  /** drm_gem_vm_close, after what the memory does itself. */
  private *closeMapping(own: GemBacking["vmOps"], vma: Vma): Path<void> {
    if (own.close !== undefined) yield* own.close(vma);
    yield* drmGemObjectPut(this);
  }
}

/** drm_gem_vm_open, drm_gem_vm_close: each mapping has a reference on its object. */
export function references(obj: GemObject): Required<Pick<VmOps, "open" | "close">> {
  return {
    *open() {
      obj.refs++;
    },
    close: () => drmGemObjectPut(obj),
  };
}

/** drm_vma_node_unmap: empties every mapping of an object, those of its dma-buf included. */
export function* drmVmaNodeUnmap(obj: GemObject): Path<void> {
  const { k, inode } = obj.dev;
  yield* unmapMappingPath(k, inode.mapping, obj.offset, obj.size / k.pageSize, true);
}

/** drm_gem_object_put: the last reference frees the object, with its fake offset and what it was imported through. */
export function* drmGemObjectPut(obj: GemObject): Path<void> {
  if (obj.refs === 0) {
    obj.dev.k.trace.refuse(gemRules["gem-driver/put-freed"], 0, obj.dev.name);
    throw new KernelBug(`a reference on an object of ${obj.dev.name} was dropped after it was freed`, "use-after-free");
  }
  if (--obj.refs > 0) return;
  obj.freeMmapOffset();
  if (obj.backing !== undefined) yield* obj.backing.free();
  if (obj.imported === undefined) return;
  const { at, sgt } = obj.imported;
  if (sgt !== undefined) yield* dmaBufUnmapAttachment({ at, sgt, direction: "bidirectional" });
  yield* dmaBufDetach(at);
  yield* dmaBufPut(at.buf);
}

/** drm_gem_handle_create: the lowest free number from 1 on; it takes a reference. */
export function drmGemHandleCreate(file: DrmFile, obj: GemObject): number {
  let handle = 1;
  while (file.handles.has(handle)) handle++;
  file.handles.set(handle, obj);
  obj.refs++;
  obj.handleCount++;
  obj.allowed.set(file, (obj.allowed.get(file) ?? 0) + 1);
  return handle;
}

/** drm_gem_object_release_handle: the handle's part in PRIME, in permissions and in the object ends. */
export function* drmGemObjectReleaseHandle(file: DrmFile, handle: number, obj: GemObject): Path<void> {
  const { k, nameLock } = file.dev;
  file.handles.delete(handle);
  yield* acquire(k, file.primeLock, "write");
  const prime = file.primes.get(handle);
  file.primes.delete(handle);
  yield* release(k, file.primeLock);
  const left = (obj.allowed.get(file) ?? 1) - 1;
  if (left > 0) obj.allowed.set(file, left);
  else obj.allowed.delete(file);
  yield* acquire(k, nameLock, "write");
  const last = --obj.handleCount === 0 ? obj.dmaBuf : undefined;
  if (last !== undefined) obj.dmaBuf = undefined;
  yield* release(k, nameLock);
  // The last reference on a file goes when the locks are dropped: its release is work of the task.
  if (prime !== undefined) yield* dmaBufPut(prime);
  if (last !== undefined) yield* dmaBufPut(last);
  yield* drmGemObjectPut(obj);
}

/** drm_gem_close_ioctl: 0 or -EINVAL. */
export function* drmGemClose(k: Kernel, file: DrmFile, handle: number): Path<number> {
  const obj = file.handles.get(handle);
  if (obj === undefined) return k.refuse(gemRules["gem/close-unknown"], errnos.EINVAL, `handle ${handle}`);
  yield* drmGemObjectReleaseHandle(file, handle, obj);
  return 0;
}

/** drm_release: every handle goes. */
function* drmRelease(file: DrmFile): Path<void> {
  for (const [handle, obj] of [...file.handles]) yield* drmGemObjectReleaseHandle(file, handle, obj);
}

/** Bytes of a line of a dumb buffer here: 1024 pixels of 32 bits. */
const LINE = 4096;

/** DRM_IOCTL_MODE_CREATE_DUMB: a handle, -EINVAL or -ENOMEM. Bytes. */
export function* drmModeCreateDumb(k: Kernel, file: DrmFile, size: bigint): Path<number> {
  // The height is a u32.
  const height = Number(BigInt.asUintN(32, size / BigInt(LINE)));
  if (height === 0 || height > Math.floor((2 ** 32 - 1) / LINE))
    return k.refuse(gemRules["gem/dumb-size"], errnos.EINVAL, `${size} bytes`);
  const bytes = Math.ceil((height * LINE) / k.pageSize) * k.pageSize;
  const { dev } = file;
  const backing = yield* dev.driver.create(dev, bytes);
  if (typeof backing === "number") return backing;
  const obj = new GemObject(dev, bytes, backing);
  const handle = drmGemHandleCreate(file, obj);
  yield* drmGemObjectPut(obj);
  return handle;
}

/** DRM_IOCTL_MODE_MAP_DUMB, drm_gem_dumb_map_offset: the fake offset in bytes, -ENOENT or -EINVAL. */
export function drmGemDumbMapOffset(k: Kernel, file: DrmFile, handle: number): number {
  if (file.dev.driver.dumbMapOffset !== undefined) return file.dev.driver.dumbMapOffset(k, file, handle);
  const obj = file.handles.get(handle);
  if (obj === undefined) return k.refuse(gemRules["gem/no-handle"], errnos.ENOENT, `handle ${handle}`);
  if (obj.imported !== undefined) return k.refuse(gemRules["gem/map-imported"], errnos.EINVAL, `handle ${handle}`);
  return obj.createMmapOffset() * k.pageSize;
}

/** drm_gem_mmap: 0, -EINVAL where no object begins or it is too small, -EACCES without a handle of it. */
function* drmGemMmap(k: Kernel, file: DrmFile, vma: Vma): Path<number> {
  const obj = file.dev.offsets.get(vma.pgoff);
  const bytes = vma.end - vma.start;
  if (obj === undefined || obj.size < bytes)
    return k.refuse(gemRules["gem/no-such-offset"], errnos.EINVAL, `page ${vma.pgoff}, ${bytes} bytes`);
  if (!file.dev.allows(file, obj)) return k.refuse(gemRules["gem/not-allowed"], errnos.EACCES, `page ${vma.pgoff}`);
  return yield* drmGemMmapObj(obj, vma);
}

/** drm_gem_mmap_obj: the mapping takes a reference on the object. 0 or a negative errno. */
export function* drmGemMmapObj(obj: GemObject, vma: Vma): Path<number> {
  const { import: how } = obj.dev.driver;
  if (obj.imported !== undefined && typeof how !== "number") return yield* how.mmap(obj, vma);
  const error = yield* obj.backing!.mmap(vma);
  if (error !== 0) return error;
  vma.ops = obj.vmOps();
  obj.refs++;
  return 0;
}

/** drm_dev_unplug: every mapping of every object is emptied; what a fault finds then is the driver's matter. */
export function* drmDevUnplug(dev: DrmDevice): Path<void> {
  const { k } = dev;
  k.note(gemRules["gem-driver/unplugged"], dev.name);
  dev.unplugged = true;
  yield* unmapMappingPath(k, dev.inode.mapping, 0, 0, true);
}
