/** VFIO's type 1 IOMMU (version 2) with one group: pages are pinned as long as the device may reach them. */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../fs/file.js";
import { FAULT_ERROR, FAULT_FLAG, handleMmFault } from "../mm/fault.js";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { gupLongterm } from "../mm/gup.js";
import { PTE } from "../mm/page-table.js";
import { unpinUserPages } from "../mm/pin.js";
import { VM } from "../mm/vma.js";
import { vfioRules as rule } from "../rules/vfio.js";
import { acquire, release } from "../sched/path.js";
import type { FileOps } from "../fs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const TWO_64 = 2 ** 64;
/** VFIO_BATCH_MAX_CAPACITY: pages that one pin asks for. */
const BATCH = 512;
/** What QEMU's intel-iommu translates, and what it keeps for interrupts. Bytes. */
const APERTURE_END = 2 ** 39;
const INTERRUPTS = { start: 0xfee0_0000, end: 0xfef0_0000 } as const;

/** struct vfio_dma: a range that the device reaches. Bytes. */
interface Dma {
  readonly iova: number;
  readonly size: number;
  readonly pages: readonly number[];
  readonly mm: Mm;
}

export class Container {
  readonly dmas: Dma[] = [];
}

/** Opens /dev/vfio/vfio: a container that has no group yet. */
export function openContainer(k: Kernel): File {
  const inode = new Inode(k.id(), "vfio");
  inode.mode = 0o666;
  return new File(inode, { path: () => "/dev/vfio/vfio" }, true, true, false, new Container());
}

/** Opens the group of the device and puts it into a container; -EBUSY when somebody has it. The group's end is the mappings' end. */
export function openGroup(k: Kernel, container: Container): File | number {
  if (k.vfioGroupOpen) return k.refuse(rule["group-taken"], errnos.EBUSY);
  k.vfioGroupOpen = true;
  const ops: FileOps = {
    // eslint-disable-next-line require-yield
    *release() {
      // vfio_iommu_unmap_unpin_all
      for (const dma of container.dmas.splice(0)) removeDma(k, dma);
      k.vfioGroupOpen = false;
    },
    path: () => "/dev/vfio/2",
  };
  return new File(new Inode(k.id(), "vfio"), ops, true, true);
}

/** vfio_dma_do_map for reading and writing. Bytes; 0 or a negative errno. */
export function* dmaDoMap(k: Kernel, task: Task, container: Container, address: number, length: number, iova: number): Path<number> {
  const refused = checkMap(k, container, address, length, iova);
  if (refused !== 0) return refused;
  const pages: number[] = [];
  const failed = yield* pinPages(k, task, address, length / k.pageSize, pages);
  if (failed !== 0) {
    unpin(k, pages);
    return failed;
  }
  task.mm.lockedVm += pages.length;
  if (pages.length > 0) k.note(rule.accounted, `${pages.length} pages`);
  container.dmas.push({ iova, size: length, pages, mm: task.mm });
  return 0;
}

function checkMap(k: Kernel, container: Container, address: number, length: number, iova: number): number {
  const about = `0x${address.toString(16)}, ${length} bytes, IOVA 0x${iova.toString(16)}`;
  const unaligned = (): number => k.refuse(rule.unaligned, errnos.EINVAL, about);
  const early = k.design["vfio.overflow"] === "eoverflow";
  const wraps = iova + length > TWO_64 || address + length > TWO_64;
  if (length === 0) return unaligned();
  if (early && wraps) return k.refuse(rule.wraps, errnos.EOVERFLOW, about);
  if (length % k.pageSize !== 0 || iova % k.pageSize !== 0 || address % k.pageSize !== 0) return unaligned();
  if (wraps) return k.refuse(rule.wraps, errnos.EINVAL, about);
  if (container.dmas.some((dma) => dma.iova < iova + length && iova < dma.iova + dma.size)) return k.refuse(rule.overlap, errnos.EEXIST, about);
  const inInterrupts = iova < INTERRUPTS.end && iova + length > INTERRUPTS.start;
  return inInterrupts || iova + length > APERTURE_END ? k.refuse(rule.iova, errnos.EINVAL, about) : 0;
}

/** vfio_pin_map_dma: 0 or a negative errno; `pages` are those that hold a pin. */
function* pinPages(k: Kernel, task: Task, start: number, nrPages: number, pages: number[]): Path<number> {
  for (let done = 0; done < nrPages; ) {
    const got = yield* vaddrGetPfns(k, task, start + done * k.pageSize, Math.min(nrPages - done, BATCH), pages);
    if (got < 0) return got;
    done += got;
  }
  k.note(rule.pinned, `${pages.length} of ${nrPages} pages`);
  return 0;
}

/** vaddr_get_pfns: so many pages, or a negative errno. */
function* vaddrGetPfns(k: Kernel, task: Task, address: number, nrPages: number, pages: number[]): Path<number> {
  const { mm } = task;
  yield* acquire(k, mm.mmapLock, "read");
  let got = yield* gupLongterm(k, task, mm, address, nrPages, FOLL.write | FOLL.longterm | FOLL.pin | FOLL.touch | FOLL.remote, pages);
  if (got <= 0) {
    const vma = mm.lookup(address);
    got = vma?.has(VM.PFNMAP) === true ? yield* rawFrame(k, task, vma, address) : k.refuse(rule["not-pinnable"], -got, `0x${address.toString(16)}`);
  }
  yield* release(k, mm.mmapLock);
  return got;
}

/** follow_fault_pfn and what is made of its answer: 1 page, or -EFAULT. */
function* rawFrame(k: Kernel, task: Task, vma: Vma, address: number): Path<number> {
  const about = `0x${address.toString(16)}`;
  const refuse = (which: "not-pinnable" | "raw-memory"): number => k.refuse(rule[which], errnos.EFAULT, about);
  let entry = entryOf(vma, address);
  if ((entry.bits & PTE.present) === 0) {
    // fixup_user_fault, mm/gup.c
    if (!vma.has(VM.WRITE)) return refuse("not-pinnable");
    const fault = yield* handleMmFault(k, vma.mm, vma, address, FAULT_FLAG.write | FAULT_FLAG.remote, task);
    if ((fault & FAULT_ERROR) !== 0) return refuse("not-pinnable");
    entry = entryOf(vma, address);
  }
  if ((entry.bits & PTE.write) === 0) return refuse("not-pinnable");
  const flags = k.frames.flags(entry.pfn);
  if ((flags & PG.allocated) !== 0 && (flags & PG.reserved) === 0) return refuse("raw-memory");
  k.note(rule["raw-io"], about);
  return 1;
}

function entryOf(vma: Vma, address: number): { readonly pfn: number; readonly bits: number } {
  const { table } = vma.mm;
  const leaf = table.leaf(address);
  const slot = table.slot(address);
  return leaf === undefined ? { pfn: -1, bits: 0 } : { pfn: leaf.pfn[slot], bits: leaf.bits[slot] };
}

/** vfio_dma_do_unmap: bytes unmapped, or a negative errno. */
export function dmaDoUnmap(k: Kernel, container: Container, iova: number, length: number): number {
  const about = `IOVA 0x${iova.toString(16)}, ${length} bytes`;
  if (iova % k.pageSize !== 0 || length === 0 || length % k.pageSize !== 0) return k.refuse(rule["unmap-range"], errnos.EINVAL, about);
  const end = iova + length;
  if (end > TWO_64) return k.refuse(rule.wraps, k.design["vfio.overflow"] === "eoverflow" ? errnos.EOVERFLOW : errnos.EINVAL, about);
  const inside = container.dmas.filter((dma) => dma.iova < end && iova < dma.iova + dma.size);
  if (inside.some((dma) => dma.iova < iova || dma.iova + dma.size > end)) return k.refuse(rule["unmap-bisects"], errnos.EINVAL, about);
  let unmapped = 0;
  for (const dma of inside) {
    container.dmas.splice(container.dmas.indexOf(dma), 1);
    removeDma(k, dma);
    unmapped += dma.size;
  }
  return unmapped;
}

/** vfio_remove_dma. */
function removeDma(k: Kernel, dma: Dma): void {
  unpin(k, dma.pages);
  dma.mm.lockedVm -= dma.pages.length;
}

/** put_pfn: the device may have written every page. */
function unpin(k: Kernel, pages: readonly number[]): void {
  for (const pfn of pages) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
  unpinUserPages(k, pages);
}
