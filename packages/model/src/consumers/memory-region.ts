/**
 * Memory of a process that a device reaches for as long as it likes (ib_umem): pinned, only
 * referenced, mirrored with a notifier, or as bare frame numbers that nothing keeps.
 */
import { errnos } from "@litmap/litmus";
import {
  deviceRead,
  deviceWrite,
  dmaMapSgtable,
  dmaSyncForCpu,
  dmaSyncForDevice,
  dmaUnmapSgtable,
  sgFromPages,
  sgRules,
} from "../dma/sg.js";
import { mmput } from "../mm/exit.js";
import { FAULT_ERROR, FAULT_FLAG, handleMmFault } from "../mm/fault.js";
import { FOLL } from "../mm/foll.js";
import { followPfn } from "../mm/follow-pfn.js";
import { PG } from "../mm/frames.js";
import { getUserPagesFast, pinUserPagesFast } from "../mm/gup-fast.js";
import { memfdPinFolios } from "../mm/memfd-pin.js";
import { hmmRangeFault } from "../mm/hmm.js";
import { spannedPages } from "../mm/page-bytes.js";
import { gupPutFolio } from "../mm/pin.js";
import { VM } from "../mm/vma.js";
import { acquire, release, walkEntries } from "../sched/path.js";
import { kvmRules } from "./kvm.js";
import { rules } from "../rules/rule.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { Holder } from "../mm/custody.js";
import type { Inode } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm, Notifier } from "../mm/mm.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "mr/range": {
    sentence: "A memory region needs a length of at least 1 and some access, else EINVAL.",
    kernel: [
      ["5.10", "ib_umem_get, drivers/infiniband/core/umem.c"],
      ["7.2", "__ib_umem_get_va, drivers/infiniband/core/umem.c"],
    ],
  },
  "mr/pinned": {
    sentence: "The pages of a memory region have long-term pins and count in pinned_vm (VmPin), regardless of the VMA.",
    kernel: [
      ["5.10", "ib_umem_get, drivers/infiniband/core/umem.c"],
      ["7.2", "__ib_umem_get_va, drivers/infiniband/core/umem.c"],
    ],
  },
  "mr/forced-write": {
    sentence:
      "Up to 6.1 a read-only region is pinned with FOLL_WRITE and FOLL_FORCE, which COWs private pages; a shared " +
      "read-only mapping gives EFAULT.",
    kernel: "ib_umem_get, drivers/infiniband/core/umem.c (up to 6.1)",
  },
  "mr/not-had": {
    sentence: "A region with a page that cannot be pinned returns its errno, and all its pins are released.",
    kernel: [
      ["5.10", "ib_umem_get, drivers/infiniband/core/umem.c"],
      ["7.2", "__ib_umem_get_va, drivers/infiniband/core/umem.c"],
    ],
  },
  "mr/referenced": {
    sentence:
      "A plain reference keeps the page but not its mapping: COW, truncation or migration may replace it in the " +
      "process.",
    kernel: "get_user_pages_fast, mm/gup.c",
  },
  "mr/bare": {
    sentence:
      "PFNs without references and notifier outlive the mapping: the device still accesses them after the memory " +
      "is freed.",
    kernel: [
      ["5.10", "follow_pfn, mm/memory.c"],
      ["6.12", "follow_pfnmap_start, mm/memory.c"],
    ],
    unproven: "on a real kernel it would write to freed memory.",
  },
  "mr/faulted": {
    sentence: "A page of an ODP region is faulted in on the device's first access, without a reference.",
    kernel: "ib_umem_odp_map_dma_and_lock, drivers/infiniband/core/umem_odp.c",
  },
  "mr/invalidated": {
    sentence: "The MMU notifier unmaps the range from the device before the PTEs change.",
    kernel: "mlx5_ib_invalidate_range, drivers/infiniband/hw/mlx5/odp.c",
  },
  "mr/exited": {
    sentence: "After exit of the mm a page of an ODP region cannot be faulted in: EINVAL.",
    kernel: "ib_umem_odp_map_dma_and_lock, drivers/infiniband/core/umem_odp.c",
  },
  "mr/beyond": {
    sentence: "A transfer past the end of the region is refused by the device: EFAULT.",
    kernel: "mlx5_ib_post_send, drivers/infiniband/hw/mlx5/wr.c",
  },
  "mr/access": {
    sentence: "A transfer in a direction that the region does not permit is refused by the device: EFAULT.",
    kernel: "mlx5_ib_reg_user_mr, drivers/infiniband/hw/mlx5/mr.c",
  },
  "mr/gone": {
    sentence: "A sync of memory that is no longer mapped for the device gives EFAULT.",
    kernel: "dma_sync_sgtable_for_cpu, include/linux/dma-mapping.h",
  },
});

export type Hold = "pin" | "get" | "notifier" | "pfn";
export type Access = "read" | "write";

/** What is to be registered. Bytes of the process. */
export interface Wanted {
  readonly address: number;
  readonly length: number;
  readonly access: readonly Access[];
  readonly hold: Hold;
}

/** A page that a device has through a notifier. */
interface Mirror {
  readonly sgt: SgTable;
  readonly pfn: number;
  readonly writable: boolean;
}

const keepers: Readonly<Record<Hold, string>> = {
  pin: "a pin of each page",
  get: "a reference on each page",
  notifier: "the notifier, which takes pages away before they are freed",
  pfn: "a reference on each page, or a notifier: bare frame numbers are neither",
};

export class MemoryRegion implements Notifier {
  readonly mm: Mm;
  readonly length: number;
  readonly write: boolean;
  readonly hold: Hold;
  /** Bytes: the first page, and where in it the region begins. */
  readonly first: number;
  readonly offset: number;
  pages: number[] = [];
  /** Of a file: the folios that are pinned, each once. */
  folios: readonly number[] | undefined;
  /** All of it at once, unless there is a notifier. */
  sgt: SgTable | undefined;
  /** With a notifier: what the device has, by page. */
  readonly mirrors = new Map<number, Mirror>();
  /** Invalidations so far (mmu_interval_read_begin). */
  sequence = 0;
  registered = true;
  /** With a notifier: who reaches the frames, also the one that is about to be entered. */
  readonly holder: Holder;
  private entering: { readonly page: number; readonly pfn: number } | undefined;

  constructor(
    readonly k: Kernel,
    readonly owner: Task,
    readonly device: Device,
    { address, length, access: wanted, hold }: Wanted,
  ) {
    this.mm = owner.mm;
    this.length = length;
    this.write = wanted.includes("write");
    this.readable = wanted.includes("read");
    this.hold = hold;
    this.offset = address % k.pageSize;
    this.first = address - this.offset;
    this.holder = k.custody.hold(`${device.name}'s page table of a region`, keepers[hold], (pfn) => this.pageOf(pfn));
  }

  /** The device is about to enter a frame. */
  finds(page: number, pfn: number): void {
    this.entering = { page, pfn };
    this.k.custody.finds(this.holder, pfn);
  }

  private pageOf(pfn: number): number {
    for (const [page, mirror] of this.mirrors) if (mirror.pfn === pfn) return page;
    return this.entering?.pfn === pfn ? this.entering.page : -1;
  }
  readonly readable: boolean;

  get nrPages(): number {
    return spannedPages(this.k, this.first + this.offset, this.length);
  }

  /** The interval notifier's part. Bytes of the process. */
  invalidate(start: number, end: number): void {
    const { k, first, nrPages } = this;
    if (end <= first || start >= first + nrPages * k.pageSize) return;
    this.sequence++;
    for (const page of [...this.mirrors.keys()]) {
      const at = first + page * k.pageSize;
      if (at >= end || at + k.pageSize <= start) continue;
      k.note(rule["mr/invalidated"], `page ${page}`);
      dropMirror(this, page);
    }
  }

  /** mn_itree_release, mm/mmu_notifier.c: an interval notifier is told that everything goes. */
  release(): void {
    this.invalidate(0, Infinity);
  }
}

/** What ib_umem_get asks first: 0 or -EINVAL. */
export function checkRegion(k: Kernel, { length, access }: Pick<Wanted, "length" | "access">): number {
  return length === 0 || access.length === 0 ? k.refuse(rule["mr/range"], errnos.EINVAL, `${length} bytes`) : 0;
}

/** ib_umem_get, ib_umem_odp_get: the region, or a negative errno. */
export function* regMr(k: Kernel, owner: Task, device: Device, wanted: Wanted): Path<MemoryRegion | number> {
  const region = new MemoryRegion(k, owner, device, wanted);
  if (wanted.hold === "notifier") {
    owner.mm.notifiers.push(region);
    return region;
  }
  const failed = yield* havePages(region);
  if (failed !== 0) {
    putPagesOf(region);
    return k.refuse(rule["mr/not-had"], -failed, `page ${region.pages.length} of ${region.nrPages}`);
  }
  region.sgt = sgFromPages(region.pages);
  dmaMapSgtable(k, device, region.sgt, "bidirectional", true, keepers[region.hold]);
  return region;
}

/** What iommufd does with a file (iopt_map_file_pages): the region, or a negative errno. Bytes of the file. */
export function* regMemfd(
  k: Kernel,
  owner: Task,
  device: Device,
  inode: Inode,
  wanted: Omit<Wanted, "hold">,
): Path<MemoryRegion | number> {
  const { address, length } = wanted;
  const region = new MemoryRegion(k, owner, device, { ...wanted, hold: "pin" });
  const pinned = yield* memfdPinFolios(k, inode, address, address + length - 1, region.nrPages);
  if (typeof pinned === "number") return pinned;
  region.folios = pinned.folios;
  const frames = pinned.folios.flatMap((head) =>
    Array.from({ length: 1 << k.frames.order(head) }, (_, page) => head + page),
  );
  const skip = Math.floor(pinned.offset / k.pageSize);
  region.pages = frames.slice(skip, skip + region.nrPages);
  region.sgt = sgFromPages(region.pages);
  dmaMapSgtable(k, device, region.sgt, "bidirectional", true, keepers.pin);
  return region;
}

function* havePages(region: MemoryRegion): Path<number> {
  const { k, owner, hold, write, nrPages, pages } = region;
  if (hold === "pfn") return yield* bareFrames(region);
  const flags = gupFlags(k, hold, write);
  const take = hold === "pin" ? pinUserPagesFast : getUserPagesFast;
  while (pages.length < nrPages) {
    const more: number[] = [];
    const got = yield* take(k, owner, region.first + pages.length * k.pageSize, nrPages - pages.length, flags, more);
    if (got <= 0) return got === 0 ? -errnos.EFAULT : got;
    pages.push(...more);
  }
  if (hold === "pin") owner.mm.pinnedVm += nrPages;
  k.note(hold === "pin" ? rule["mr/pinned"] : rule["mr/referenced"], `${nrPages} pages`);
  return 0;
}

function gupFlags(k: Kernel, hold: Hold, write: boolean): number {
  if (hold === "get") return write ? FOLL.write : 0;
  if (write) return FOLL.longterm | FOLL.write;
  if (k.design["rdma.read-only-pin"] === "longterm") return FOLL.longterm;
  k.note(rule["mr/forced-write"]);
  return FOLL.longterm | FOLL.write | FOLL.force;
}

/** What get_vaddr_frames did up to 6.0: faults a page in and reads its frame number. */
function* bareFrames(region: MemoryRegion): Path<number> {
  const { k, owner, write, nrPages, pages } = region;
  while (pages.length < nrPages) {
    const address = region.first + pages.length * k.pageSize;
    let pfn = yield* followPfn(k, owner.mm, address);
    if (pfn < 0) {
      if (!(yield* fixupUserFault(k, owner, address, write))) return pfn;
      pfn = yield* followPfn(k, owner.mm, address);
      if (pfn < 0) return pfn;
    }
    pages.push(pfn);
  }
  k.note(rule["mr/bare"], `${nrPages} pages`);
  return 0;
}

/** fixup_user_fault, mm/gup.c: whether the page may be there now. */
function* fixupUserFault(k: Kernel, owner: Task, address: number, write: boolean): Path<boolean> {
  const { mm } = owner;
  yield* acquire(k, mm.mmapLock, "read");
  const vma = mm.lookup(address);
  let brought = false;
  if (vma?.has(write ? VM.WRITE : VM.READ) === true) {
    const fault = yield* handleMmFault(
      k,
      mm,
      vma,
      address,
      (write ? FAULT_FLAG.write : FAULT_FLAG.read) | FAULT_FLAG.remote,
      owner,
    );
    brought = (fault & FAULT_ERROR) === 0;
  }
  yield* release(k, mm.mmapLock);
  return brought;
}

/** ib_umem_release: 0, or -EFAULT for a region that is gone already. */
export function deregMr(region: MemoryRegion): number {
  const { k, device, sgt, mm } = region;
  if (!region.registered) return k.refuse(rule["mr/gone"], errnos.EFAULT);
  region.registered = false;
  k.custody.letGo(region.holder);
  for (const page of [...region.mirrors.keys()]) dropMirror(region, page);
  const at = mm.notifiers.indexOf(region);
  if (at >= 0) mm.notifiers.splice(at, 1);
  if (sgt === undefined) return 0;
  dmaUnmapSgtable(k, device, sgt, "bidirectional");
  if (region.hold === "pin" && region.folios === undefined) mm.pinnedVm -= region.nrPages;
  putPagesOf(region);
  return 0;
}

function putPagesOf({ k, hold, write, pages, folios }: MemoryRegion): void {
  if (hold === "pfn") return;
  for (const pfn of folios ?? pages) {
    if (write) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
    gupPutFolio(k, pfn, 1, hold === "pin" ? FOLL.pin : FOLL.get);
  }
}

/** ib_umem_odp_unmap_dma_pages for one page: what the device wrote is dirty. */
function dropMirror({ k, device, mirrors }: MemoryRegion, page: number): void {
  const { sgt, pfn, writable } = mirrors.get(page)!;
  mirrors.delete(page);
  dmaUnmapSgtable(k, device, sgt, "bidirectional");
  if (writable) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
}

/** ib_umem_odp_map_dma_and_lock for one page: the device's page, or a negative errno. */
function* mirrored(region: MemoryRegion, page: number, write: boolean): Path<Mirror | number> {
  const { k, mm, mirrors } = region;
  const known = mirrors.get(page);
  if (known !== undefined && (known.writable || !write)) return known;
  if (mm.users === 0) return k.refuse(rule["mr/exited"], errnos.EINVAL);
  mm.users++;
  const mirror = yield* faultIn(region, page, write);
  yield* mmput(k, mm);
  return mirror;
}

/** The page of a mirrored region by hmm_range_fault, again as long as the notifier is called meanwhile. */
function* faultIn(region: MemoryRegion, page: number, write: boolean): Path<Mirror | number> {
  const { k, mm, owner, mirrors } = region;
  for (;;) {
    const { sequence } = region;
    const found = yield* hmmRangeFault(k, owner, mm, region.first + page * k.pageSize, write, (pfn) =>
      region.finds(page, pfn),
    );
    if (typeof found === "number") return found;
    yield* walkEntries(k, mm);
    if (sequence !== region.sequence && k.design["mmu-notifier.retry"] === "checked") {
      k.note(kvmRules["secondary-mmu/retry"], `page ${page}`);
      continue;
    }
    if (mirrors.has(page)) dropMirror(region, page);
    k.note(rule["mr/faulted"], `page ${page}`);
    const sgt = sgFromPages([found.pfn]);
    dmaMapSgtable(k, region.device, sgt, "bidirectional", true, keepers.notifier);
    const mirror = { sgt, pfn: found.pfn, writable: found.writable };
    mirrors.set(page, mirror);
    return mirror;
  }
}

/** The device reads bytes of a region: the bytes, or a negative errno. Offset in bytes. */
export function* regionRead(region: MemoryRegion, offset: number, length: number): Path<Uint8Array | number> {
  const out = new Uint8Array(length);
  const failed = yield* transfer(region, offset, length, "read", (sgt, at, done, bytes) => {
    const read = deviceRead(region.k, sgt, at, bytes);
    if (typeof read === "number") return read;
    out.set(read, done);
    return 0;
  });
  return failed === 0 ? out : failed;
}

/** The device writes bytes of a region: 0 or a negative errno. Offset in bytes. */
export function regionWrite(region: MemoryRegion, offset: number, bytes: Uint8Array): Path<number> {
  return transfer(region, offset, bytes.length, "write", (sgt, at, done, n) =>
    deviceWrite(region.k, sgt, at, bytes.subarray(done, done + n)),
  );
}

/** Stretch by stretch within a page: the table, the place in it, how much is done, how much this is. */
type Step = (sgt: SgTable, at: number, done: number, bytes: number) => number;

function* transfer(region: MemoryRegion, offset: number, length: number, way: Access, step: Step): Path<number> {
  const { k } = region;
  if (offset < 0 || offset + length > region.length)
    return k.refuse(rule["mr/beyond"], errnos.EFAULT, `${offset} of ${region.length}`);
  if (!(way === "write" ? region.write : region.readable)) return k.refuse(rule["mr/access"], errnos.EFAULT, way);
  if (!region.registered) return k.refuse(rule["mr/gone"], errnos.EFAULT);
  for (let done = 0, bytes: number; done < length; done += bytes) {
    const at = region.offset + offset + done;
    bytes = Math.min(length - done, k.pageSize - (at % k.pageSize));
    let failed: number;
    if (region.hold === "notifier") {
      const mirror = yield* mirrored(region, Math.floor(at / k.pageSize), way === "write");
      if (typeof mirror !== "number") k.custody.uses(region.holder, mirror.pfn, sgRules["dma/use-after-free"]);
      failed = typeof mirror === "number" ? mirror : step(mirror.sgt, at % k.pageSize, done, bytes);
    } else {
      failed = step(region.sgt!, at, done, bytes);
    }
    if (failed !== 0) return failed;
  }
  return 0;
}

/** dma_sync_sgtable_for_cpu, _for_device: 0, or -EFAULT when it is not mapped. */
export function dmaSync(k: Kernel, tables: readonly SgTable[], side: "cpu" | "device"): number {
  for (const sgt of tables) {
    if (sgt.mapped === undefined) return k.refuse(rule["mr/gone"], errnos.EFAULT);
    const { device, direction } = sgt.mapped;
    if (side === "cpu") dmaSyncForCpu(k, device, sgt, direction);
    else dmaSyncForDevice(k, device, sgt, direction);
  }
  return 0;
}

/** What is mapped of a region. */
export function tablesOf(region: MemoryRegion): SgTable[] {
  return region.sgt !== undefined ? [region.sgt] : [...region.mirrors.values()].map(({ sgt }) => sgt);
}
