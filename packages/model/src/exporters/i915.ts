/**
 * i915: objects in shmem that are mapped through the GPU's aperture (GTT) or page by page (WC, WB,
 * UC), and on discrete GPUs objects of TTM (FIXED); drivers/gpu/drm/i915/gem.
 */
import { definePoints } from "../design/points.js";
import { devPrivate } from "./gem.js";
import { ttmImport } from "./ttm.js";
import { errnos } from "@litmap/litmus";
import { File, fput, Inode } from "../vfs/file.js";
import { bug, pteAlloc, remapIoMapping, insertRules } from "../mm/insert.js";
import { CACHE, ioMappingInitWc } from "../mm/memtype.js";
import { readFrame, writeFrame } from "../mm/page-bytes.js";
import { PTE } from "../mm/page-table.js";
import { shmemFileOps } from "../mm/shmem.js";
import { FAULT, VM, vmaName } from "../mm/vma.js";
import { unmapMappingPath, zapPageRange } from "../mm/zap.js";
import { acquire, NotModelled, release, tryAcquire } from "../sched/path.js";
import { drmGemHandleCreate, drmGemObjectPut, GemObject, references } from "./gem.js";
import { PagesObject } from "./pages-object.js";
import { PrimeOps } from "./prime.js";
import { ttmBoCreate, TtmObject } from "./ttm.js";
import { RangeManager, TtmDevice } from "./ttm-device.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import { noMemory } from "../mm/page-alloc.js";
import { exact, pageAlign64 } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { CacheMode, IoMapping } from "../mm/memtype.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { DrmDevice, DrmDriver, DrmFile, GemBacking } from "./gem.js";
import type { Place } from "./ttm-device.js";

export const points = definePoints({
  "i915.vmap": {
    question: "Does vmap of i915's dma-buf keep the object's pages from the shrinker?",
    choices: {
      unpinned: { doc: "no: the pages are allocated but not pinned" },
      pins: {
        doc: "yes: they are pinned",
        proposed:
          "drm/i915: pin backing pages whilst exported through a dmabuf vmap (commit 993fc6ebaf4a, 2013), merged",
      },
    },
    mainline: [
      ["3.5", "unpinned"],
      ["3.12", "pins", "source: so in 5.10.13"],
    ],
  },
  "i915.cpu-offset": {
    question: "Does i915's WC, WB and UC mapping honour vm_pgoff?",
    choices: {
      ignored: {
        doc: "no: it starts at the first page, so a partial mapping shows the wrong pages",
      },
      heeded: { doc: "yes" },
    },
    mainline: [
      ["5.5", "ignored"],
      [
        "6.12",
        "heeded",
        "drm/i915/gem: Calculate object page offset for partial memory mapping; source: not in 6.1.192, in 6.12.8",
      ],
    ],
  },
});

const gpus = slot(() => new Set<I915>());

const rule = rules({
  "i915/not-i915": {
    sentence: "i915 ioctls on another driver give EINVAL.",
    kernel: "drm_ioctl, drivers/gpu/drm/drm_ioctl.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/no-room": {
    sentence: "An object larger than the room for fake offsets (about 1 TiB) gets none: ENOSPC.",
    kernel: "mmap_offset_attach, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/too-big": {
    sentence: "An object of more than INT_MAX pages gives E2BIG.",
    kernel: "i915_gem_object_size_2big, drivers/gpu/drm/i915/gem/i915_gem_object.h",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/no-size": {
    sentence: "An object of size 0 gives EINVAL.",
    kernel: "i915_gem_create_ioctl, drivers/gpu/drm/i915/gem/i915_gem_create.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/no-region": {
    sentence: "An integrated GPU has no local memory to place objects in: EINVAL.",
    kernel: "set_placements, drivers/gpu/drm/i915/gem/i915_gem_create.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/no-handle": {
    sentence: "A handle that the DRM file does not have gives ENOENT.",
    kernel: "__assign_mmap_offset_handle, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/no-aperture": {
    sentence: "A GPU without an aperture has no GTT offsets: ENODEV.",
    kernel: "i915_gem_mmap_offset_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/fixed-only": {
    sentence:
      "A discrete GPU supports only FIXED offsets, where the driver chooses the cache mode, and other GPUs all but " +
      "FIXED, else ENODEV.",
    kernel: "__assign_mmap_offset, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/imported-type": {
    sentence:
      "An imported object has neither struct pages nor I/O memory of its own: WC, WB and UC offsets give ENODEV.",
    kernel: "__assign_mmap_offset, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/legacy-absent": {
    sentence: "GEM_MMAP on a discrete GPU gives EOPNOTSUPP.",
    kernel: "i915_gem_mmap_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/legacy-imported": {
    sentence: "GEM_MMAP maps the object's shmem file, which an imported object lacks: ENXIO.",
    kernel: "i915_gem_mmap_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/legacy-beyond": {
    sentence: "GEM_MMAP past the end of the object gives EINVAL.",
    kernel: "i915_gem_mmap_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/legacy": {
    sentence: "GEM_MMAP makes a normal shared mapping of the object's shmem file: refcount, RSS, GUP works.",
    kernel: "i915_gem_mmap_ioctl, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/no-offset": {
    sentence:
      "mmap of the DRM node must lie within an object's fake offset range, else EINVAL; it may start in the middle.",
    kernel: "i915_gem_mmap, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/not-allowed": {
    sentence: "A DRM file that did not request the offset cannot map the object: EACCES.",
    kernel: "i915_gem_mmap, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/read-only": {
    sentence: "A writable mapping of a read-only object gives EINVAL; a read-only one loses VM_MAYWRITE.",
    kernel: "i915_gem_object_mmap, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/dmabuf-mmap": {
    sentence: "mmap of the dma-buf of an object in system memory maps its shmem file: normal pages, no VM_PFNMAP.",
    kernel: "i915_gem_dmabuf_mmap, drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/dmabuf-beyond": {
    sentence: "mmap of the dma-buf past the end of the object gives EINVAL, of an object without a shmem file ENODEV.",
    kernel: "i915_gem_dmabuf_mmap, drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/fault-cpu": {
    sentence:
      "The first fault maps the whole VMA, page by page, with the cache mode of the offset's type and no memtype " +
      "lookup.",
    kernel: "vm_fault_cpu, drivers/gpu/drm/i915/gem/i915_gem_mman.c; remap_io_sg, drivers/gpu/drm/i915/i915_mm.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/fault-cpu-offset": {
    sentence: "A mapping that starts in the middle of an object, or was split, shows the object from its first page.",
    kernel: "vm_fault_cpu, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/fault-gtt": {
    sentence:
      "A fault through the aperture pins the object into the mappable GGTT and maps the part that is there, " +
      "without a memtype lookup.",
    kernel: "vm_fault_gtt, drivers/gpu/drm/i915/gem/i915_gem_mman.c; remap_io_mapping, drivers/gpu/drm/i915/i915_mm.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/fault-partial": {
    sentence: "Without room for the whole object a fault maps the 1 MiB around the address and evicts others for it.",
    kernel: "compute_partial_view, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/fault-purged": {
    sentence: "A fault on a DONTNEED object without pages gives SIGBUS.",
    kernel: "____i915_gem_object_get_pages, drivers/gpu/drm/i915/gem/i915_gem_pages.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/access": {
    sentence:
      "ptrace and /proc/PID/mem access an object through a kernel mapping of all of it, bounded by its size from " +
      "vm_start, not vm_pgoff.",
    kernel: "vm_access, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/access-beyond": {
    sentence: "vm_ops->access past the end of the object gives EINVAL, a write to a read-only object EACCES.",
    kernel: "vm_access, drivers/gpu/drm/i915/gem/i915_gem_mman.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/evicted": {
    sentence:
      "An object that loses its place in the aperture is unmapped from all processes; the next access faults it in " +
      "again.",
    kernel: "i915_vma_revoke_mmap, drivers/gpu/drm/i915/i915_vma.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/shrunk": {
    sentence: "The shrinker unmaps an object everywhere before it frees its pages.",
    kernel: "i915_gem_shrink, drivers/gpu/drm/i915/gem/i915_gem_shrinker.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/shrink-needed": {
    sentence: "Without swap the shrinker takes only DONTNEED objects.",
    kernel: "can_release_pages, drivers/gpu/drm/i915/gem/i915_gem_shrinker.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/shrink-pinned": {
    sentence: "The shrinker skips objects that are pinned or locked.",
    kernel: "i915_gem_shrink, drivers/gpu/drm/i915/gem/i915_gem_shrinker.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
  "i915/vmap-unpinned": {
    sentence: "vmap of the dma-buf does not pin the object's pages: the shrinker may free them.",
    kernel: "i915_gem_dmabuf_vmap, drivers/gpu/drm/i915/i915_gem_dmabuf.c (up to 3.11)",
    unproven: "a bug of 3.5 to 3.11; no recorded kernel has it.",
  },
  "i915/purged": {
    sentence: "A purged object stays purged: every later madvise reports retained = 0.",
    kernel: "i915_gem_madvise_ioctl, drivers/gpu/drm/i915/i915_gem.c",
    unproven: "from source: QEMU has no Intel graphics.",
  },
});

/** enum i915_mmap_type, as the uapi names them. */
export type MmapType = "gtt" | "wc" | "wb" | "uc" | "fixed";

const MIB = 2 ** 20;
/** The aperture: gmadr of the GGTT. Bytes. */
const APERTURE = 0xc000_0000;
const APERTURE_SIZE = 64 * MIB;
/** Pages of the smallest part of an object that is mapped through the aperture. */
const CHUNK = MIB / 4096;
/** Local memory of the discrete one. */
const LMEM = { address: 0xc800_0000, size: 64 * MIB } as const;
/** First page of the fake offsets that belong to a mapping type; GEM's own lie below. */
const NODES_START = 2 ** 30;

/** struct i915_mmap_offset: a range of fake offsets that stands for one object in one mapping type. Pages. */
interface MmapOffset {
  readonly start: number;
  readonly obj: I915Object;
  readonly type: Exclude<MmapType, "fixed">;
  readonly allowed: Set<DrmFile>;
}

/** struct i915_vma of the GGTT: pages of an object in the aperture. */
interface View {
  readonly obj: I915Object;
  /** First frame of the aperture. */
  readonly pfn: number;
  /** First page of the object, and how many. */
  readonly offset: number;
  readonly pages: number;
}

/** The mappable part of the global GTT. */
class Aperture {
  private readonly manager: RangeManager;
  private readonly io: IoMapping;
  /** What is bound, the longest unused first. */
  readonly views = new Set<View>();

  constructor(private readonly k: Kernel) {
    const pages = APERTURE_SIZE / k.pageSize;
    this.manager = new RangeManager(pages);
    this.io = ioMappingInitWc(k, APERTURE / k.pageSize, pages) as IoMapping;
  }

  /** i915_gem_object_ggtt_pin: the object, or the mebibyte around a page of it, at a place in the aperture. */
  *pin(obj: I915Object, page: number): Path<View> {
    for (const view of this.views) {
      if (view.obj !== obj || page < view.offset || page >= view.offset + view.pages) continue;
      this.views.delete(view);
      this.views.add(view);
      return view;
    }
    const whole = this.bind(obj, 0, obj.nrPages);
    if (whole !== undefined) return whole;
    const offset = page - (page % CHUNK);
    const pages = CHUNK >= obj.nrPages ? obj.nrPages : Math.min(CHUNK, obj.nrPages - offset);
    this.k.note(rule["i915/fault-partial"], `${obj.name}, page ${page}`);
    for (;;) {
      const part = this.bind(obj, CHUNK >= obj.nrPages ? 0 : offset, pages);
      if (part !== undefined) return part;
      yield* this.unbind(this.views.values().next().value!);
    }
  }

  private bind(obj: I915Object, offset: number, pages: number): View | undefined {
    const start = this.manager.insert(pages);
    if (start < 0) return undefined;
    const view = { obj, pfn: this.io.pfn + start, offset, pages };
    for (let i = 0; i < pages; i++) this.k.frames.alias(view.pfn + i, obj.pages![offset + i]);
    this.views.add(view);
    return view;
  }

  /** i915_vma_unbind: with the mappings of that part (i915_vma_revoke_mmap). */
  *unbind(view: View): Path<void> {
    this.k.note(rule["i915/evicted"], view.obj.name);
    this.views.delete(view);
    yield* view.obj.releaseMmapGtt(view.offset, view.pages);
    for (let i = 0; i < view.pages; i++) this.k.frames.alias(view.pfn + i, undefined);
    this.manager.remove(view.pfn - this.io.pfn);
  }

  *unbindAll(obj: I915Object): Path<void> {
    for (const view of [...this.views]) if (view.obj === obj) yield* this.unbind(view);
  }

  /** remap_io_mapping of what the mapping and the view have in common. */
  remap(vma: Vma, firstPage: number, view: View): void {
    const { k } = this;
    const from = Math.max(firstPage, view.offset);
    const to = Math.min(firstPage + (vma.end - vma.start) / k.pageSize, view.offset + view.pages);
    const address = vma.start + (from - firstPage) * k.pageSize;
    const bytes = (to - from) * k.pageSize;
    zapPageRange(k, vma, address, address + bytes);
    remapIoMapping(k, this.io, vma, address, view.pfn + from - view.offset, bytes);
  }
}

/** What a device with i915 has beside what every DRM device has. */
export class I915 {
  readonly aperture: Aperture;
  readonly nodes: MmapOffset[] = [];
  readonly objects = new Set<I915Object>();
  private nextNode = NODES_START;

  constructor(readonly dev: DrmDevice) {
    this.aperture = new Aperture(dev.k);
    gpus(dev.k).add(this);
  }

  /** mmap_offset_attach. */
  node(obj: I915Object, type: Exclude<MmapType, "fixed">, file: DrmFile): MmapOffset {
    let node = this.nodes.find((other) => other.obj === obj && other.type === type);
    if (node === undefined) {
      node = { start: this.nextNode, obj, type, allowed: new Set() };
      this.nextNode += obj.nrPages;
      this.nodes.push(node);
    }
    node.allowed.add(file);
    return node;
  }

  /** drm_vma_offset_lookup_locked: the range that holds all of a mapping. Pages. */
  lookUp(pgoff: number, pages: number): MmapOffset | undefined {
    return this.nodes.find((node) => node.start <= pgoff && pgoff + pages <= node.start + node.obj.nrPages);
  }

  forget(obj: I915Object): void {
    this.objects.delete(obj);
    for (let i = this.nodes.length - 1; i >= 0; i--) if (this.nodes[i].obj === obj) this.nodes.splice(i, 1);
  }
}

/** struct drm_i915_gem_object over a shmem file. */
export class I915Object extends PagesObject {
  readonly locksVmap = true;
  /** obj->base.filp. */
  readonly filp: File;
  /** 0 needed, 1 not needed, -1 purged. */
  madv = 0;

  constructor(
    readonly i915: I915,
    size: number,
    readonly readonly: boolean,
  ) {
    const { k } = i915.dev;
    super(k, size, `i915 object ${k.id()}`);
    this.filp = new File(this.inode, shmemFileOps(k, "/i915 (deleted)"), true, true);
    i915.objects.add(this);
  }

  /** The methods that GEM asks for where it makes a mapping itself: i915 makes its own. */
  get vmOps(): GemBacking["vmOps"] {
    return {};
  }

  /** i915_gem_dmabuf_mmap: the mapping is of the shmem file. 0, -EINVAL. */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    if (this.size < vma.end - vma.start) return k.refuse(rule["i915/dmabuf-beyond"], errnos.EINVAL, this.name);
    k.note(rule["i915/dmabuf-mmap"], this.name);
    const before = vma.file!;
    const error = yield* this.filp.ops.mmap!(this.filp, vma);
    if (error !== 0) return error;
    this.filp.refs++;
    vma.file = this.filp;
    yield* fput(before);
    return 0;
  }

  /**
   * i915_gem_object_pin_pages, with the reservation lock held: 0, -ENOMEM, or -EFAULT of what is not needed any more.
   */
  getPages(): number {
    const { k } = this;
    if (this.pages !== undefined) return 0;
    if (this.madv !== 0) return k.refuse(rule["i915/fault-purged"], errnos.EFAULT, this.name);
    // Without the OOM killer (__GFP_RETRY_MAYFAIL).
    const missing = this.nrPages - this.inode.mapping.pages.size;
    return missing > k.frames.available ? noMemory(k, missing) : this.takePages();
  }

  /** __i915_gem_object_put_pages: unbinds it, revokes every mapping, and gives the pages' references back. */
  *putPages(): Path<void> {
    const { k } = this;
    yield* this.i915.aperture.unbindAll(this);
    for (const node of this.i915.nodes)
      if (node.obj === this) yield* unmapMappingPath(k, this.i915.dev.inode.mapping, node.start, this.nrPages, true);
    this.dropPages();
  }

  /** i915_gem_object_truncate: the memory goes back for good. */
  truncate(): void {
    this.truncateFile();
    this.madv = -1;
  }

  /** i915_vma_revoke_mmap of a part: mappings of the type GTT. */
  *releaseMmapGtt(offset: number, pages: number): Path<void> {
    const node = this.i915.nodes.find((other) => other.obj === this && other.type === "gtt");
    if (node !== undefined)
      yield* unmapMappingPath(this.k, this.i915.dev.inode.mapping, node.start + offset, pages, true);
  }

  /** i915_gem_dmabuf_vmap: whether it pins the pages depends on the release. */
  protected override vmapPins(): boolean {
    return this.k.design["i915.vmap"] === "pins";
  }

  override *vmap(): Path<KernelMap | number> {
    if (!this.vmapPins() && this.vaddr === undefined) this.k.note(rule["i915/vmap-unpinned"], this.name);
    return yield* super.vmap();
  }

  *free(): Path<void> {
    if (this.pages !== undefined) yield* this.putPages();
    this.i915.forget(this);
    yield* fput(this.filp);
  }
}

/** The methods of a mapping of the device's: vm_ops_gtt and vm_ops_cpu. */
function vmOpsOf(node: MmapOffset): VmOps {
  const { obj } = node;
  const gem = obj.gem!;
  return {
    name: node.type === "gtt" ? "vm_ops_gtt" : "vm_ops_cpu",
    fault: (vmf) => (node.type === "gtt" ? vmFaultGtt(node, vmf) : vmFaultCpu(node, vmf)),
    access: (vma, address, buf, write) => vmAccess(obj, vma, address, buf, write),
    ...references(gem),
  };
}

/** i915_gem_mmap: 0, -EINVAL where no object's offsets are, -EACCES, or -EINVAL of a read-only object. */
function* i915GemMmap(i915: I915, file: DrmFile, vma: Vma): Path<number> {
  const { k } = i915.dev;
  const node = i915.lookUp(vma.pgoff, (vma.end - vma.start) / k.pageSize);
  if (node === undefined) return k.refuse(rule["i915/no-offset"], errnos.EINVAL, `page ${vma.pgoff}`);
  if (!node.allowed.has(file)) return k.refuse(rule["i915/not-allowed"], errnos.EACCES, node.obj.name);
  if (node.obj.readonly) {
    if (vma.has(VM.WRITE)) return k.refuse(rule["i915/read-only"], errnos.EINVAL, node.obj.name);
    vma.flags &= ~VM.MAYWRITE;
  }
  vma.flags |= VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP | VM.IO;
  vma.cacheMode = cacheModes[node.type];
  vma.ops = vmOpsOf(node);
  node.obj.gem!.refs++;
  const before = vma.file!;
  vma.file = mmapSingleton(i915);
  yield* fput(before);
  return 0;
}

const cacheModes: Readonly<Record<Exclude<MmapType, "fixed">, CacheMode>> = {
  gtt: CACHE.wc,
  wc: CACHE.wc,
  wb: CACHE.wb,
  uc: CACHE.ucMinus,
};

/** mmap_singleton: mappings hold an anonymous file, not the one that they were made through. */
function mmapSingleton(i915: I915): File {
  const file = new File(new Inode(i915.dev.k.id(), "drm"), { path: () => "anon_inode:i915.gem" }, true, true);
  file.mapping = i915.dev.inode.mapping;
  return file;
}

/** The object's page at the beginning of a mapping. */
const firstPage = (node: MmapOffset, vma: Vma): number => vma.pgoff - node.start;

/** i915_error_to_vmf_fault. */
const faultOf = (error: number): number =>
  error === -errnos.ENOMEM ? FAULT.oom : error === 0 ? FAULT.nopage : FAULT.sigbus;

/** vm_fault_cpu: FAULT bits. */
function* vmFaultCpu(node: MmapOffset, { vma }: VmFault): Path<number> {
  const { obj } = node;
  const { k } = obj.i915.dev;
  yield* acquire(k, obj.resv.lock, "write");
  const error = obj.getPages();
  if (error === 0) {
    const heeded = k.design["i915.cpu-offset"] === "heeded";
    if (!heeded && firstPage(node, vma) > 0) k.note(rule["i915/fault-cpu-offset"], obj.name);
    k.note(rule["i915/fault-cpu"], obj.name);
    remapIoSg(k, vma, obj.pages!, heeded ? firstPage(node, vma) : 0);
  }
  yield* release(k, obj.resv.lock);
  return faultOf(error);
}

/** remap_io_sg over the whole mapping: special entries, whatever stood there, in the mapping's own mode. */
function remapIoSg(k: Kernel, vma: Vma, pfns: Int32Array, from: number): void {
  const expected = VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
  if ((vma.flags & expected) !== expected) bug(k, insertRules["insert/io-mapping-flags"], vmaName(vma));
  for (let address = vma.start, page = from; address < vma.end; address += k.pageSize, page++) {
    const leaf = pteAlloc(k, vma, address);
    const slot = vma.mm.table.slot(address);
    leaf.set(slot, pfns[page], vma.pageProt | PTE.special);
    leaf.setCacheMode(slot, 1, vma.cacheMode);
    k.counters.ptes++;
  }
}

/** vm_fault_gtt: FAULT bits. */
function* vmFaultGtt(node: MmapOffset, { vma, address }: VmFault): Path<number> {
  const { obj } = node;
  const { aperture, dev } = obj.i915;
  const { k } = dev;
  const first = firstPage(node, vma);
  yield* acquire(k, obj.resv.lock, "write");
  const error = obj.getPages();
  if (error === 0) {
    const view = yield* aperture.pin(obj, first + (address - vma.start) / k.pageSize);
    k.note(rule["i915/fault-gtt"], obj.name);
    aperture.remap(vma, first, view);
  }
  yield* release(k, obj.resv.lock);
  return faultOf(error);
}

/**
 * vm_access: bytes, -EACCES, -EINVAL, or the errno that there are no pages by. The offset of the mapping is not looked
 * at.
 */
function* vmAccess(obj: I915Object, vma: Vma, address: number, buf: Uint8Array, write: boolean): Path<number> {
  const { k } = obj.i915.dev;
  const offset = address - vma.start;
  if (obj.readonly && write) return k.refuse(rule["i915/access-beyond"], errnos.EACCES, obj.name);
  if (offset + buf.length > obj.size) return k.refuse(rule["i915/access-beyond"], errnos.EINVAL, obj.name);
  yield* acquire(k, obj.resv.lock, "write");
  const error = obj.getPages();
  for (let done = 0; error === 0 && done < buf.length; ) {
    const at = (offset + done) % k.pageSize;
    const part = buf.subarray(done, done + k.pageSize - at);
    const pfn = obj.pages![Math.floor((offset + done) / k.pageSize)];
    if (write) writeFrame(k, pfn, at, part);
    else part.set(readFrame(k, pfn, at, part.length));
    done += part.length;
  }
  if (error === 0) k.note(rule["i915/access"], obj.name);
  yield* release(k, obj.resv.lock);
  return error === 0 ? buf.length : error;
}

/**
 * i915_gem_shrink over all objects: pages that were given back. Without swap only what is not needed goes; with it the
 * rest keeps its contents.
 */
export function* shrinkI915(k: Kernel): Path<number> {
  let freed = 0;
  for (const { objects } of gpus(k)) {
    for (const obj of [...objects]) {
      if (obj.pages === undefined) continue;
      if (obj.madv === 0 && k.design["memory.swap"] === "none") {
        k.note(rule["i915/shrink-needed"], obj.name);
        continue;
      }
      if (obj.pagesPinCount > 0 || !(yield* tryAcquire(k, obj.resv.lock))) {
        k.note(rule["i915/shrink-pinned"], obj.name);
        continue;
      }
      // Another may have come between.
      if (obj.pagesPinCount === 0 && obj.pages !== undefined) freed += yield* shrinkOne(k, obj);
      yield* release(k, obj.resv.lock);
    }
  }
  return freed;
}

function* shrinkOne(k: Kernel, obj: I915Object): Path<number> {
  k.note(rule["i915/shrunk"], obj.name);
  k.custody.freeing = `the shrinker purged ${obj.name}`;
  yield* obj.putPages();
  if (obj.madv > 0) obj.truncate();
  k.custody.freeing = "";
  return obj.nrPages;
}

/** i915's own side of a DRM device, made when it is first asked for. */
const i915Of = devPrivate((dev) => new I915(dev));

/** i915_gem_dmabuf_ops: what they share with PRIME's, but for the mmap of an object in system memory. */
class I915DmaBufOps extends PrimeOps {
  override *mmap(vma: Vma): Path<number> {
    const { backing } = this.obj;
    return backing instanceof I915Object ? yield* backing.mmap(vma) : yield* super.mmap(vma);
  }
}

/** An integrated GPU with an aperture. */
export const i915Driver: DrmDriver = {
  card: 7,
  *create(dev, size) {
    return new I915Object(i915Of(dev), size, false);
  },
  prime: "all",
  import: ttmImport,
  expName: "i915",
  dmaBufOps: (k, obj) => new I915DmaBufOps(k, obj),
  mmap: (file, vma) => i915GemMmap(i915Of(file.dev), file, vma),
  dumbMapOffset: (k, file, handle) => i915GemMmapOffset(k, file, handle, k.arch.pat ? "wc" : "gtt"),
};

/** A discrete GPU: everything is TTM's, and there is no aperture. */
export const i915Discrete: DrmDriver = {
  card: 8,
  *create(dev, size) {
    return yield* ttmBoCreate(lmemOf(dev), size, lmemOptions("vram"));
  },
  prime: "all",
  import: ttmImport,
  expName: "i915",
  dumbMapOffset: (k, file, handle) => i915GemMmapOffset(k, file, handle, "fixed"),
};

const lmemOf = devPrivate(({ k }) => new TtmDevice(k, LMEM, true));
const lmemOptions = (home: Place) => ({ home, caching: "cached", tables: "made", vmapPins: true }) as const;

/** Pages of the largest object. */
const INT_MAX = 2n ** 31n - 1n;

/** i915_gem_create_ext_ioctl: a handle, -EINVAL, -E2BIG, -ENOMEM. Bytes. */
export function* i915GemCreate(
  k: Kernel,
  file: DrmFile,
  size: bigint,
  region: "smem" | "lmem",
  readonly: boolean,
): Path<number> {
  const { dev } = file;
  const discrete = dev.driver === i915Discrete;
  if (!discrete && dev.driver !== i915Driver) return k.refuse(rule["i915/not-i915"], errnos.EINVAL, dev.name);
  const rounded = pageAlign64(k, size);
  if (rounded === 0n) return k.refuse(rule["i915/no-size"], errnos.EINVAL);
  if (region === "lmem" && !discrete) return k.refuse(rule["i915/no-region"], errnos.EINVAL, dev.name);
  if (rounded / BigInt(k.pageSize) > INT_MAX) return k.refuse(rule["i915/too-big"], errnos.E2BIG, `${size} bytes`);
  const bytes = exact(rounded);
  const backing = discrete
    ? yield* ttmBoCreate(lmemOf(dev), bytes, lmemOptions(region === "lmem" ? "vram" : "system"))
    : new I915Object(i915Of(dev), bytes, readonly);
  if (typeof backing === "number") return backing;
  const obj = new GemObject(dev, bytes, backing);
  const handle = drmGemHandleCreate(file, obj);
  yield* drmGemObjectPut(obj);
  return handle;
}

/** The object behind a handle of an i915 device: -EINVAL from any other, -ENOENT without one. */
function lookUp(k: Kernel, file: DrmFile, handle: number): GemObject | number {
  if (file.dev.driver !== i915Driver && file.dev.driver !== i915Discrete)
    return k.refuse(rule["i915/not-i915"], errnos.EINVAL, file.dev.name);
  return file.handles.get(handle) ?? k.refuse(rule["i915/no-handle"], errnos.ENOENT, `handle ${handle}`);
}

/** i915_gem_mmap_offset_ioctl: the fake offset in bytes, -ENODEV, -ENOENT. */
export function i915GemMmapOffset(k: Kernel, file: DrmFile, handle: number, type: MmapType): number {
  const discrete = file.dev.driver === i915Discrete;
  if (discrete && type === "gtt") return k.refuse(rule["i915/no-aperture"], errnos.ENODEV, file.dev.name);
  const obj = lookUp(k, file, handle);
  if (typeof obj === "number") return obj;
  if (discrete !== (type === "fixed")) return k.refuse(rule["i915/fixed-only"], errnos.ENODEV, type);
  if (type === "fixed") return obj.createMmapOffset() * k.pageSize;
  if (!(obj.backing instanceof I915Object)) {
    if (type !== "gtt") return k.refuse(rule["i915/imported-type"], errnos.ENODEV, type);
    throw new NotModelled("an imported object in the aperture of i915");
  }
  if (!file.dev.hasOffsetsFor(obj.size)) return k.refuse(rule["i915/no-room"], errnos.ENOSPC, `${obj.size} bytes`);
  return i915Of(file.dev).node(obj.backing, type, file).start * k.pageSize;
}

/** The file that i915_gem_mmap_ioctl maps, and the mode; or -EOPNOTSUPP, -ENOENT, -ENXIO, -EINVAL. Bytes. */
export function i915GemMmapFile(
  k: Kernel,
  file: DrmFile,
  handle: number,
  offset: bigint,
  length: bigint,
): File | number {
  if (file.dev.driver === i915Discrete) return k.refuse(rule["i915/legacy-absent"], errnos.EOPNOTSUPP, file.dev.name);
  const obj = lookUp(k, file, handle);
  if (typeof obj === "number") return obj;
  if (!(obj.backing instanceof I915Object))
    return k.refuse(rule["i915/legacy-imported"], errnos.ENXIO, `handle ${handle}`);
  const size = BigInt(obj.size);
  if (offset > size || length > size - offset)
    return k.refuse(rule["i915/legacy-beyond"], errnos.EINVAL, `${offset} + ${length} of ${obj.size}`);
  k.note(rule["i915/legacy"], obj.backing.name);
  return obj.backing.filp;
}

/** i915_gem_madvise_ioctl: 1 while the contents are there, 0 once they were purged, -ENOENT. */
export function* i915GemMadvise(k: Kernel, file: DrmFile, handle: number, notNeeded: boolean): Path<number> {
  const found = lookUp(k, file, handle);
  if (typeof found === "number") return found;
  const obj = found.backing;
  if (!(obj instanceof I915Object)) {
    if (obj instanceof TtmObject) throw new NotModelled("marks on objects of a discrete GPU");
    return 1;
  }
  yield* acquire(k, obj.resv.lock, "write");
  if (obj.madv >= 0) obj.madv = notNeeded ? 1 : 0;
  else k.note(rule["i915/purged"], obj.name);
  if (obj.madv === 1 && obj.pages === undefined) obj.truncate();
  const retained = obj.madv >= 0 ? 1 : 0;
  yield* release(k, obj.resv.lock);
  return retained;
}
