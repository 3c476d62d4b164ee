/** VFIO's type 1 IOMMU (version 2) with one group: pages are pinned as long as the device may reach them. */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { FAULT_ERROR, FAULT_FLAG, handleMmFault } from "../mm/fault.js";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { gupLongterm } from "../mm/gup.js";
import { presentEntry, PTE } from "../mm/page-table.js";
import { unpinUserPages } from "../mm/pin.js";
import { VM } from "../mm/vma.js";
import { acquire, Lock, release } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import { exact, narrow, offsetInPage } from "../word.js";
import type { Rule } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

/** The IOMMU group of the device that user space may drive. */
const group = slot(() => ({ open: false }));

export const vfioRules = rules({
  "vfio/no-group": {
    sentence:
      "The container loses its IOMMU driver when the last reference on its group's file is gone: DMA mappings are " +
      "unmapped, and mapping and unmapping give EINVAL.",
    kernel: [
      ["5.10", "__vfio_group_unset_container, drivers/vfio/vfio.c"],
      ["6.1", "vfio_group_detach_container, drivers/vfio/container.c"],
    ],
  },
  "vfio/unmap-to-the-end": {
    sentence:
      "Up to 6.17 the end of a range that ends with the address space wraps to 0: the unmap finds no DMA mapping " +
      "and returns 0. From 6.18 on it unmaps them.",
    kernel: [
      ["5.10", "vfio_find_dma, drivers/vfio/vfio_iommu_type1.c"],
      ["6.1", "vfio_find_dma_first_node, drivers/vfio/vfio_iommu_type1.c"],
    ],
  },
  "vfio/group-taken": {
    sentence: "A second open of an IOMMU group gives EBUSY.",
    kernel: [
      ["5.10", "vfio_group_fops_open, drivers/vfio/vfio.c"],
      ["6.1", "vfio_group_fops_open, drivers/vfio/vfio_main.c"],
      ["6.2", "vfio_group_fops_open, drivers/vfio/group.c"],
    ],
  },
  "vfio/unaligned": {
    sentence: "Address, IOVA and length of a DMA mapping must be page aligned and the length not 0, else EINVAL.",
    kernel: "vfio_dma_do_map, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/wraps": {
    sentence: "A range that overflows gives EINVAL up to 6.17 and EOVERFLOW from 6.18 on.",
    kernel: "vfio_dma_do_map, vfio_dma_do_unmap, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/overlap": {
    sentence: "A DMA mapping that overlaps another in IOVA space gives EEXIST.",
    kernel: "vfio_dma_do_map, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/iova": {
    sentence: "An IOVA outside the IOMMU's aperture, or in the reserved MSI range, gives EINVAL.",
    kernel: "vfio_iommu_iova_dma_valid, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/pinned": {
    sentence:
      "Every page of the range gets a long-term writable pin that outlives changes of the VMA: there is no MMU " +
      "notifier.",
    kernel: "vaddr_get_pfns, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/accounted": {
    sentence:
      "Pinned pages count in locked_vm (VmLck) of the mapping process, with CAP_IPC_LOCK too; the capability only " +
      "lifts the limit.",
    kernel: "vfio_lock_acct, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/not-pinnable": {
    sentence: "A range with a page that cannot be pinned is unmapped whole and returns the errno of the pin.",
    kernel: "vfio_pin_pages_remote, vfio_pin_map_dma, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/raw-io": {
    sentence:
      "In a VM_PFNMAP VMA a PFN without a struct page, or with a reserved one, is read from the PTE: no pin, no " +
      "accounting.",
    kernel: "follow_fault_pfn, is_invalid_reserved_pfn, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/raw-memory": {
    sentence: "A PFN of normal RAM in a VM_PFNMAP VMA gives EFAULT.",
    kernel: "vaddr_get_pfns, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/no-access": {
    sentence: "A DMA mapping with neither READ nor WRITE gives EINVAL.",
    kernel: "vfio_dma_do_map, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/unmap-range": {
    sentence: "An unmap range must be page aligned and not empty, else EINVAL.",
    kernel: "vfio_dma_do_unmap, drivers/vfio/vfio_iommu_type1.c",
  },
  "vfio/unmap-bisects": {
    sentence:
      "Unmapping part of a DMA mapping gives EINVAL; whole ones, also several, are unmapped and their size returned.",
    kernel: "vfio_dma_do_unmap, drivers/vfio/vfio_iommu_type1.c",
  },
});

const TWO_64 = 2n ** 64n;
/** VFIO_BATCH_MAX_CAPACITY: pages that one pin asks for. */
const BATCH = 512;
/** What QEMU's intel-iommu translates, and what it keeps for interrupts. Bytes. */
const APERTURE_END = 2n ** 39n;
const INTERRUPTS = { start: 0xfee0_0000n, end: 0xfef0_0000n } as const;

/** What a device may do with a mapping: VFIO_DMA_MAP_FLAG_READ, _WRITE. */
export type DmaAccess = "read" | "write";

/** struct vfio_dma: a range that the device reaches. Bytes. */
export interface Dma {
  readonly iova: number;
  readonly size: number;
  readonly access: readonly DmaAccess[];
  /** What the IOMMU translates each page to. */
  readonly frames: readonly number[];
  readonly mm: Mm;
}

export class Container {
  readonly dmas: Dma[] = [];
  /** iommu->lock: mappings are looked up, made and removed under it. */
  readonly lock = new Lock("vfio_iommu", "the lock of VFIO's IOMMU");
  /** It has a group, and with it an IOMMU driver. */
  attached = false;
}

/** Opens /dev/vfio/vfio: a container that has no group yet. */
export function openContainer(k: Kernel): File {
  const inode = new Inode(k.id(), "vfio");
  inode.mode = 0o666;
  return new File(inode, { path: () => "/dev/vfio/vfio" }, true, true, false, new Container());
}

/**
 * Opens the group of the device and puts it into a container; -EBUSY when it is open. Its release takes the container's
 * IOMMU driver away and with it all DMA mappings, also where the container is still open.
 */
export function openGroup(k: Kernel, container: Container): File | number {
  if (group(k).open) return k.refuse(vfioRules["vfio/group-taken"], errnos.EBUSY);
  group(k).open = true;
  container.attached = true;
  const ops: FileOps = {
    *release() {
      // vfio_group_detach_container
      container.attached = false;
      for (const dma of container.dmas.splice(0)) removeDma(k, dma);
      group(k).open = false;
    },
    path: () => "/dev/vfio/2",
  };
  return new File(new Inode(k.id(), "vfio"), ops, true, true);
}

/** A range that a device is to reach. Bytes. */
interface Wanted {
  readonly address: bigint;
  readonly length: bigint;
  readonly iova: bigint;
  readonly access: readonly DmaAccess[];
}

/** vfio_dma_do_map: 0 or a negative errno. */
export function* dmaDoMap(k: Kernel, task: Task, container: Container, wanted: Wanted): Path<number> {
  yield* acquire(k, container.lock, "write");
  const error = yield* mapLocked(k, task, container, wanted);
  yield* release(k, container.lock);
  return error;
}

function* mapLocked(k: Kernel, task: Task, container: Container, wanted: Wanted): Path<number> {
  const refused = checkMap(k, container, wanted);
  if (refused !== 0) return refused;
  const { access } = wanted;
  const [address, length, iova] = [narrow(wanted.address), exact(wanted.length), exact(wanted.iova)];
  const frames: number[] = [];
  const failed = yield* pinPages(k, task, address, length / k.pageSize, frames, access.includes("write"));
  const dma = { iova, size: length, access, frames, mm: task.mm };
  if (failed !== 0) {
    unpin(k, dma);
    return failed;
  }
  const accounted = pinnedOf(k, dma).length;
  task.mm.lockedVm += accounted;
  if (accounted > 0) k.note(vfioRules["vfio/accounted"], `${accounted} pages`);
  container.dmas.push(dma);
  return 0;
}

function checkMap(k: Kernel, container: Container, { address, length, iova, access }: Wanted): number {
  const about = `0x${address.toString(16)}, ${length} bytes, IOVA 0x${iova.toString(16)}`;
  const unaligned = (): number => k.refuse(vfioRules["vfio/unaligned"], errnos.EINVAL, about);
  const early = k.design["vfio.overflow"] === "eoverflow";
  const wraps = iova + length > TWO_64 || address + length > TWO_64;
  if (!container.attached) return k.refuse(vfioRules["vfio/no-group"], errnos.EINVAL, about);
  if (access.length === 0) return k.refuse(vfioRules["vfio/no-access"], errnos.EINVAL, about);
  if (length === 0n) return unaligned();
  if (early && wraps) return k.refuse(vfioRules["vfio/wraps"], errnos.EOVERFLOW, about);
  if ([length, iova, address].some((word) => offsetInPage(k, word) !== 0)) return unaligned();
  if (wraps) return k.refuse(vfioRules["vfio/wraps"], errnos.EINVAL, about);
  if ((early || iova + length < TWO_64) && inside(container, iova, iova + length).length > 0)
    return k.refuse(vfioRules["vfio/overlap"], errnos.EEXIST, about);
  const inInterrupts = iova < INTERRUPTS.end && iova + length > INTERRUPTS.start;
  return inInterrupts || iova + length > APERTURE_END ? k.refuse(vfioRules["vfio/iova"], errnos.EINVAL, about) : 0;
}

/** vfio_pin_map_dma: 0 or a negative errno; `frames` are those that were had until then. */
function* pinPages(
  k: Kernel,
  task: Task,
  start: number,
  nrPages: number,
  frames: number[],
  write: boolean,
): Path<number> {
  while (frames.length < nrPages) {
    const got = yield* vaddrGetPfns(
      k,
      task,
      start + frames.length * k.pageSize,
      Math.min(nrPages - frames.length, BATCH),
      frames,
      write,
    );
    if (got < 0) return got;
  }
  k.note(vfioRules["vfio/pinned"], `${frames.length} pages`);
  return 0;
}

/** vaddr_get_pfns: so many pages, or a negative errno. */
function* vaddrGetPfns(
  k: Kernel,
  task: Task,
  address: number,
  nrPages: number,
  frames: number[],
  write: boolean,
): Path<number> {
  const { mm } = task;
  yield* acquire(k, mm.mmapLock, "read");
  let got = yield* gupLongterm(
    k,
    task,
    mm,
    address,
    nrPages,
    (write ? FOLL.write : 0) | FOLL.longterm | FOLL.pin | FOLL.touch | FOLL.remote,
    frames,
  );
  if (got <= 0) {
    const vma = mm.lookup(address);
    got =
      vma?.has(VM.PFNMAP) === true
        ? yield* rawFrame(k, task, vma, address, frames, write)
        : k.refuse(vfioRules["vfio/not-pinnable"], -got, `0x${address.toString(16)}`);
  }
  yield* release(k, mm.mmapLock);
  return got;
}

/** follow_fault_pfn and what is made of its answer: 1 page, or -EFAULT. */
function* rawFrame(k: Kernel, task: Task, vma: Vma, address: number, frames: number[], write: boolean): Path<number> {
  const about = `0x${address.toString(16)}`;
  const refuse = (why: Rule): number => k.refuse(why, errnos.EFAULT, about);
  let entry = presentEntry(vma.mm.table, address);
  if (entry === undefined) {
    // fixup_user_fault, mm/gup.c
    if (!vma.has(write ? VM.WRITE : VM.READ)) return refuse(vfioRules["vfio/not-pinnable"]);
    const fault = yield* handleMmFault(
      k,
      vma.mm,
      vma,
      address,
      (write ? FAULT_FLAG.write : FAULT_FLAG.read) | FAULT_FLAG.remote,
      task,
    );
    if ((fault & FAULT_ERROR) !== 0) return refuse(vfioRules["vfio/not-pinnable"]);
    entry = presentEntry(vma.mm.table, address);
  }
  if (entry === undefined || (write && (entry.bits & PTE.write) === 0)) return refuse(vfioRules["vfio/not-pinnable"]);
  if (!isInvalidReservedPfn(k, entry.pfn)) return refuse(vfioRules["vfio/raw-memory"]);
  k.note(vfioRules["vfio/raw-io"], about);
  frames.push(entry.pfn);
  return 1;
}

/** is_invalid_reserved_pfn: it is neither pinned nor accounted. */
function isInvalidReservedPfn(k: Kernel, pfn: number): boolean {
  const flags = k.frames.flags(pfn);
  return (flags & PG.allocated) === 0 || (flags & PG.reserved) !== 0;
}

/** Frames of a mapping that hold a pin. */
function pinnedOf(k: Kernel, dma: Dma): number[] {
  return dma.frames.filter((pfn) => !isInvalidReservedPfn(k, pfn));
}

/** DMA mappings that have a part in a range. Bytes. */
function inside(container: Container, start: bigint, end: bigint): Dma[] {
  return container.dmas.filter((dma) => dma.iova < end && start < dma.iova + dma.size);
}

/** vfio_dma_do_unmap: bytes unmapped, or a negative errno. */
export function* dmaDoUnmap(k: Kernel, container: Container, iova: bigint, length: bigint): Path<number> {
  yield* acquire(k, container.lock, "write");
  const unmapped = unmapLocked(k, container, iova, length);
  yield* release(k, container.lock);
  return unmapped;
}

function unmapLocked(k: Kernel, container: Container, iova: bigint, length: bigint): number {
  const about = `IOVA 0x${iova.toString(16)}, ${length} bytes`;
  if (!container.attached) return k.refuse(vfioRules["vfio/no-group"], errnos.EINVAL, about);
  if (offsetInPage(k, iova) !== 0 || length === 0n || offsetInPage(k, length) !== 0)
    return k.refuse(vfioRules["vfio/unmap-range"], errnos.EINVAL, about);
  const end = iova + length;
  if (end > TWO_64)
    return k.refuse(
      vfioRules["vfio/wraps"],
      k.design["vfio.overflow"] === "eoverflow" ? errnos.EOVERFLOW : errnos.EINVAL,
      about,
    );
  const found = inside(container, iova, end);
  if (found.some((dma) => dma.iova < iova || BigInt(dma.iova + dma.size) > end))
    return k.refuse(vfioRules["vfio/unmap-bisects"], errnos.EINVAL, about);
  if (end === TWO_64 && found.length > 0) {
    k.note(vfioRules["vfio/unmap-to-the-end"], about);
    if (k.design["vfio.overflow"] === "einval") return 0;
  }
  let unmapped = 0;
  for (const dma of found) {
    container.dmas.splice(container.dmas.indexOf(dma), 1);
    removeDma(k, dma);
    unmapped += dma.size;
  }
  return unmapped;
}

/** vfio_remove_dma. */
function removeDma(k: Kernel, dma: Dma): void {
  dma.mm.lockedVm -= unpin(k, dma);
}

/** put_pfn: the device may have written every page that it could write. Gives the pages that were pinned. */
function unpin(k: Kernel, dma: Dma): number {
  const pages = pinnedOf(k, dma);
  if (dma.access.includes("write")) for (const pfn of pages) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
  unpinUserPages(k, pages);
  return pages.length;
}
