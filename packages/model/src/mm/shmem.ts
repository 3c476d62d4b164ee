/**
 * shmem files: memfds and shared anonymous memory (mm/shmem.c, mm/memfd.c). Folios are single
 * pages: the machine keeps transparent huge pages off. Hugetlb memfds live here too, with
 * their pages in mm/hugetlb.ts.
 */
import { errnos } from "@litmap/litmus";
import { mremapRules } from "./mremap.js";
import { rules } from "../rules/rule.js";
import { File, Inode } from "../vfs/file.js";
import { ftruncate } from "../vfs/allocate.js";
import { F_SEAL } from "../vfs/seals.js";
import { hugetlbfsRead, shmemReadWrite } from "./shmem-io.js";
import { shmemGetPage } from "./shmem-pages.js";
import { access, acquire, release } from "../sched/path.js";
import { lruAddInFault } from "./fault.js";
import { PG } from "./frames.js";
import {
  HUGE_SIZE,
  hugetlbGetPage,
  hugetlbReservePages,
  hugetlbReservePrivate,
  hugetlbUnreserve,
  reservationsOf,
} from "./hugetlb.js";
import { maxLfsFilesize, withinPage } from "../word.js";
import type { Reservations } from "./hugetlb.js";
import { folioPut } from "./rmap.js";
import { FAULT, VM } from "./vma.js";
import { unmapMappingPath, unmapMappingRange } from "./zap.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Vma, VmOps } from "./vma.js";

const rule = rules({
  "hugetlb/size-unaligned": {
    sentence: "The size of a hugetlb file must be a multiple of its page size, else EINVAL.",
    kernel: "hugetlbfs_setattr, fs/hugetlbfs/inode.c",
  },
  "hugetlb/offset-unaligned": {
    sentence: "The file offset of a hugetlb mapping must be a multiple of its page size, else EINVAL.",
    kernel: "hugetlbfs_file_mmap, fs/hugetlbfs/inode.c; hugetlb_get_unmapped_area, fs/hugetlbfs/inode.c",
  },
  "memfd/removed-mapped": {
    sentence: "A folio removed from the page cache while still mapped is reported as bad page cache.",
    kernel: "filemap_unaccount_folio, mm/filemap.c",
  },
  "memfd/sealed-size": {
    sentence: "F_SEAL_SHRINK refuses a smaller size and F_SEAL_GROW a larger one: EPERM.",
    kernel: "shmem_setattr, mm/shmem.c",
  },
  "memfd/sealed-punch": {
    sentence: "F_SEAL_WRITE and F_SEAL_FUTURE_WRITE refuse a hole punch: EPERM.",
    kernel: "shmem_fallocate, mm/shmem.c",
  },
  "memfd/truncate-unmaps": {
    sentence:
      "Truncation zaps the pages past the new size from all mappings, COW copies included, before and after it " +
      "empties the page cache.",
    kernel: "shmem_setattr, mm/shmem.c; unmap_mapping_range, mm/memory.c",
  },
  "memfd/hole-unmaps": {
    sentence: "A hole punch zaps whole pages from all mappings but keeps COW copies.",
    kernel: "shmem_fallocate, mm/shmem.c",
  },
  "memfd/hole-in-first-page": {
    sentence:
      "A hole that ends within the first page of the file zaps all later pages of all mappings, and the first too " +
      "if it starts at 0; they fault in again.",
    kernel: "shmem_fallocate, mm/shmem.c",
  },
  "memfd/too-big": {
    sentence: "A size past s_maxbytes gives EFBIG.",
    kernel: "inode_newsize_ok, fs/attr.c",
  },
  "memfd/seal-needs-write": {
    sentence: "F_ADD_SEALS needs a descriptor open for writing, else EPERM.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
  "memfd/seal-unknown": {
    sentence: "An unknown seal gives EINVAL.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
  "memfd/seal-sealed": {
    sentence: "F_SEAL_SEAL refuses further seals with EPERM; a memfd without MFD_ALLOW_SEALING has it from the start.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
  "memfd/seal-no-memfd": {
    sentence: "Only shmem and hugetlb files have seals, else EINVAL.",
    kernel: "memfd_file_seals_ptr, mm/memfd.c",
  },
  "memfd/seal-write-mapped": {
    sentence: "F_SEAL_WRITE with a shared writable mapping of the file gives EBUSY.",
    kernel: "mapping_deny_writable, include/linux/fs.h",
  },
  "memfd/seal-write-pinned": {
    sentence: "F_SEAL_WRITE gives EBUSY while a folio has references beyond its page cache and mappings.",
    kernel: "memfd_wait_for_pins, mm/memfd.c",
  },
  "memfd/seal-exec-implies": {
    sentence:
      "F_SEAL_EXEC of an executable memfd also adds F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE and F_SEAL_FUTURE_WRITE.",
    kernel: "memfd_add_seals, mm/memfd.c",
  },
});

export { F_SEAL } from "../vfs/seals.js";

const shmemVmOps = (k: Kernel): VmOps => ({
  name: "shmem",
  mapPages: true,
  *fault(vmf) {
    const { inode } = vmf.vma.file!;
    if (k.concurrent) yield* access(k, `pages of inode ${inode.id}`, true);
    const fresh = !inode.mapping.pages.has(vmf.pgoff);
    const pfn = shmemGetPage(k, inode, vmf.pgoff);
    if (fresh && pfn >= 0) lruAddInFault(k, vmf.vma, pfn);
    if (pfn < 0) return pfn === -errnos.ENOMEM ? FAULT.oom : FAULT.sigbus;
    vmf.pfn = pfn;
    return FAULT.locked;
  },
});

const hugetlbVmOps = (k: Kernel): VmOps => ({
  name: "hugetlb",
  /** A child's copy has set nothing aside (hugetlb_vm_op_open, hugetlb_dup_vma_private). */
  *open(vma) {
    const own = vma.privateData as Reservations | undefined;
    if (own !== undefined && vma.mm !== (own.takenFrom ?? own.mm)) vma.privateData = undefined;
  },
  *close(vma) {
    hugetlbUnreserve(k, vma);
  },
});

/** shmem_file_operations, mm/shmem.c. `path` is what /proc shows. */
export function shmemFileOps(k: Kernel, path: string): FileOps {
  const ops = shmemVmOps(k);
  return {
    ...shmemReadWrite(k),
    *mmap(_file, vma) {
      vma.ops = ops;
      return 0;
    },
    fallocate: (file, mode, offset, length) => shmemFallocate(k, file, mode, offset, length),
    truncate: (file, length) => shmemTruncate(k, file.inode, length),
    *release(file) {
      evict(k, file.inode);
    },
    path: () => path,
  };
}

function hugetlbFileOps(k: Kernel, path: string): FileOps {
  return {
    ...hugetlbfsRead(k),
    mmap: (file, vma) => hugetlbFileMmap(k, file, vma),
    fallocate: (file, mode, offset, length) => hugetlbFallocate(k, file.inode, mode, offset, length),
    truncate: (file, length) => hugetlbTruncate(k, file.inode, length),
    *release(file) {
      evict(k, file.inode);
    },
    path: () => path,
  };
}

export interface MemfdOptions {
  /** Bytes. */
  readonly size: bigint;
  /** F_SEAL bits, added after the size is set. */
  readonly seals?: number;
  readonly noSealing?: boolean;
  readonly hugetlb?: boolean;
}

/**
 * memfd_create, ftruncate, and F_ADD_SEALS when there are seals (mm/memfd.c). The open file, or -errno of the call that
 * failed.
 */
export function* newMemfd(k: Kernel, options: MemfdOptions): Path<File | number> {
  const inode = new Inode(k.id(), options.hugetlb ? "hugetlb" : "memfd");
  inode.maxBytes = maxLfsFilesize(k);
  if (options.noSealing) inode.seals = F_SEAL.seal;
  const path = "/memfd:litmap (deleted)";
  const file = new File(inode, options.hugetlb ? hugetlbFileOps(k, path) : shmemFileOps(k, path), true, true);
  const sized = yield* ftruncate(k, file, options.size);
  if (sized < 0) return sized;
  const sealed = options.seals ? yield* addSeals(k, file, options.seals) : 0;
  return sealed < 0 ? sealed : file;
}

/**
 * An unnamed file on tmpfs (O_TMPFILE) with its size: it cannot be sealed. The open file, or -errno of ftruncate.
 * Bytes.
 */
export function* newTmpfsFile(k: Kernel, size: bigint): Path<File | number> {
  const inode = new Inode(k.id(), "file");
  inode.maxBytes = maxLfsFilesize(k);
  inode.seals = F_SEAL.seal;
  inode.mode = 0o600;
  const file = new File(inode, shmemFileOps(k, "/tmp/#N (deleted)"), true, true);
  const sized = yield* ftruncate(k, file, size);
  return sized < 0 ? sized : file;
}

/** shmem_zero_setup, mm/shmem.c: shared anonymous memory is a file without a name. 0 or -ENOMEM. */
export function shmemZeroSetup(k: Kernel, vma: Vma): number {
  const size = vma.end - vma.start;
  if (!vma.has(VM.NORESERVE) && size / k.pageSize > k.totalRam)
    return k.refuse(mremapRules["mmap/address-space"], errnos.ENOMEM, `${size} bytes`);
  const inode = new Inode(k.id(), "memfd");
  inode.seals = F_SEAL.seal;
  inode.size = size;
  vma.file = new File(inode, shmemFileOps(k, "/dev/zero (deleted)"), true, true);
  vma.ops = shmemVmOps(k);
  return 0;
}

/** shmem_evict_inode, mm/shmem.c: the last reference on the file is gone. Another open file of the inode keeps it. */
function evict(k: Kernel, inode: Inode): void {
  if (--inode.files > 0) return;
  if (inode.kind === "hugetlb") removeHugePages(k, inode, 0, Infinity);
  else removePages(k, inode, 0, Infinity);
}

/** truncate_inode_folio for a range: pages leave the cache and every mapping. Page indices, `end` exclusive. */
function removePages(k: Kernel, inode: Inode, start: number, end: number): void {
  for (const [index, pfn] of inode.mapping.pages) {
    if (index < start || index >= end) continue;
    if (k.frames.mapcount(pfn) > 0) {
      unmapMappingRange(k, inode.mapping, index, 1, false, true);
      // A mapping of another file's, which the page's own file does not know of.
      if (k.frames.mapcount(pfn) > 0) k.warn(rule["memfd/removed-mapped"], `page ${index} of inode ${inode.id}`);
    }
    inode.mapping.pages.delete(index);
    k.shmemPages--;
    k.frames.setOwner(pfn, 0, 0);
    folioPut(k, pfn);
  }
}

/**
 * truncate_inode_partial_folio: zeroes a part of one page that is there, and makes it dirty. Bytes, `end` exclusive.
 */
function zeroPartial(k: Kernel, inode: Inode, start: number, end: number): void {
  const index = Math.floor(start / k.pageSize);
  const pfn = inode.mapping.pages.get(index);
  if (pfn === undefined || start >= end) return;
  k.frames.setFlags(pfn, PG.dirty);
  k.frames.writable(pfn).fill(0, start - index * k.pageSize, Math.min(end - index * k.pageSize, k.pageSize));
}

/** A shmem inode without a descriptor, as drivers have them (shmem_file_setup). Bytes. */
export function newShmemInode(k: Kernel, size: number): Inode {
  const inode = new Inode(k.id(), "memfd");
  inode.size = size;
  return inode;
}

/** shmem_truncate_range, mm/shmem.c: whole pages go, parts at both ends are zeroed. Bytes, `end` exclusive. */
export function shmemTruncateRange(k: Kernel, inode: Inode, start: number, end: number): void {
  const size = k.pageSize;
  const first = Math.ceil(start / size);
  const last = Math.floor(end / size);
  removePages(k, inode, first, last);
  if (start % size !== 0) zeroPartial(k, inode, start, Math.min(end, first * size));
  if (Number.isFinite(end) && end % size !== 0 && last >= first) zeroPartial(k, inode, last * size, end);
}

/** do_ftruncate's shmem half: shmem_setattr, mm/shmem.c, under the inode lock. 0, -EPERM, -EFBIG. */
export function* shmemTruncate(k: Kernel, inode: Inode, length: bigint): Path<number> {
  if (length > inode.maxBytes) return k.refuse(rule["memfd/too-big"], errnos.EFBIG, `${length} bytes`);
  yield* acquire(k, inode.lock, "write");
  const ret = yield* setSize(k, inode, length);
  yield* release(k, inode.lock);
  return ret;
}

function* setSize(k: Kernel, inode: Inode, bytes: bigint): Path<number> {
  const [before, old, length] = [inode.exactSize, inode.size, withinPage(bytes)];
  if (
    (bytes < before && (inode.seals & F_SEAL.shrink) !== 0) ||
    (bytes > before && (inode.seals & F_SEAL.grow) !== 0)
  ) {
    return k.refuse(rule["memfd/sealed-size"], errnos.EPERM, `inode ${inode.id}`);
  }
  yield* access(k, `pages of inode ${inode.id}`, true);
  inode.exactSize = bytes;
  if (bytes > before) return 0;
  const hole = Math.ceil(length / k.pageSize);
  if (old > hole * k.pageSize) {
    k.note(rule["memfd/truncate-unmaps"]);
    yield* unmapMappingPath(k, inode.mapping, hole, 0, true);
  }
  yield* access(k, `pages of inode ${inode.id}`, true);
  yield* touchEnds(k, inode, length, length);
  shmemTruncateRange(k, inode, length, Infinity);
  // Private copies that faults made meanwhile.
  if (old > hole * k.pageSize) yield* unmapMappingPath(k, inode.mapping, hole, 0, true);
  return 0;
}

/** shmem_fallocate, mm/shmem.c, under the inode lock. Bytes. 0, -EPERM, -EFBIG, -ENOSPC. */
export function* shmemFallocate(
  k: Kernel,
  file: File,
  mode: "allocate" | "keep_size" | "punch_hole",
  offset: bigint,
  length: bigint,
): Path<number> {
  const { inode } = file;
  yield* acquire(k, inode.lock, "write");
  const ret =
    mode === "punch_hole"
      ? yield* punchHole(k, inode, withinPage(offset), withinPage(offset + length))
      : allocateRange(k, inode, mode, offset, offset + length);
  yield* release(k, inode.lock);
  return ret;
}

function* punchHole(k: Kernel, inode: Inode, offset: number, end: number): Path<number> {
  if ((inode.seals & (F_SEAL.write | F_SEAL.futureWrite)) !== 0)
    return k.refuse(rule["memfd/sealed-punch"], errnos.EPERM, `inode ${inode.id}`);
  const first = Math.ceil(offset / k.pageSize);
  const last = Math.floor(end / k.pageSize);
  if (last > first) {
    k.note(rule["memfd/hole-unmaps"]);
    yield* unmapMappingPath(k, inode.mapping, first, last - first, false);
  } else if (last === 0) {
    // The last byte to unmap is then -1, and that is compared as if it were unsigned.
    k.note(rule["memfd/hole-in-first-page"]);
    yield* unmapMappingPath(k, inode.mapping, first, 0, false);
  }
  yield* access(k, `pages of inode ${inode.id}`, true);
  yield* touchEnds(k, inode, offset, end);
  shmemTruncateRange(k, inode, offset, end);
  return 0;
}

/** The pages of which a part is about to be zeroed: others may store to them meanwhile. Bytes, `end` exclusive. */
function* touchEnds(k: Kernel, inode: Inode, start: number, end: number): Path<void> {
  for (const at of [start, end]) {
    const pfn = at % k.pageSize === 0 ? undefined : inode.mapping.pages.get(Math.floor(at / k.pageSize));
    if (pfn !== undefined) yield* access(k, `page ${pfn}`, true);
  }
}

function allocateRange(k: Kernel, inode: Inode, mode: "allocate" | "keep_size", start: bigint, end: bigint): number {
  if ((inode.seals & F_SEAL.grow) !== 0 && end > inode.exactSize)
    return k.refuse(rule["memfd/sealed-size"], errnos.EPERM, `inode ${inode.id}`);
  const last = Math.ceil(withinPage(end) / k.pageSize);
  for (let index = Math.floor(withinPage(start) / k.pageSize); index < last; index++) {
    const pfn = shmemGetPage(k, inode, index, "fallocate");
    if (pfn < 0) return pfn;
    k.frames.setFlags(pfn, PG.dirty);
    folioPut(k, pfn);
  }
  if (mode === "allocate" && end > inode.exactSize) inode.exactSize = end;
  return 0;
}

/**
 * hugetlbfs_file_mmap, fs/hugetlbfs/inode.c: sets the pages aside; a writable mapping past the end makes the file
 * longer. 0, -EINVAL, -ENOMEM.
 */
function* hugetlbFileMmap(k: Kernel, file: File, vma: Vma): Path<number> {
  const { inode } = file;
  vma.flags |= VM.HUGETLB | VM.DONTEXPAND;
  vma.ops = hugetlbVmOps(k);
  const offset = vma.pgoff * k.pageSize;
  if (offset % HUGE_SIZE !== 0) return k.refuse(rule["hugetlb/offset-unaligned"], errnos.EINVAL, `${offset}`);
  const end = offset + vma.end - vma.start;
  yield* acquire(k, inode.lock, "write");
  const failed = vma.has(VM.NORESERVE)
    ? 0
    : vma.has(VM.MAYSHARE)
      ? hugetlbReservePages(k, inode, offset / HUGE_SIZE, end / HUGE_SIZE)
      : hugetlbReservePrivate(k, vma);
  if (failed === 0 && vma.has(VM.WRITE) && inode.size < end) inode.size = end;
  yield* release(k, inode.lock);
  return failed;
}

/** hugetlbfs_setattr, fs/hugetlbfs/inode.c. 0, -EINVAL, -EPERM. */
function* hugetlbTruncate(k: Kernel, inode: Inode, bytes: bigint): Path<number> {
  const length = withinPage(bytes);
  if (bytes > inode.maxBytes) return k.refuse(rule["memfd/too-big"], errnos.EFBIG, `${length} bytes`);
  if (length % HUGE_SIZE !== 0) return k.refuse(rule["hugetlb/size-unaligned"], errnos.EINVAL, `${length} bytes`);
  const old = inode.size;
  if ((length < old && (inode.seals & F_SEAL.shrink) !== 0) || (length > old && (inode.seals & F_SEAL.grow) !== 0)) {
    return k.refuse(rule["memfd/sealed-size"], errnos.EPERM, `inode ${inode.id}`);
  }
  yield* acquire(k, inode.lock, "write");
  inode.size = length;
  unmapMappingRange(k, inode.mapping, length / k.pageSize, 0, true);
  removeHugePages(k, inode, length / HUGE_SIZE, Infinity);
  yield* release(k, inode.lock);
  return 0;
}

/** remove_inode_hugepages with hugetlb_unreserve_pages. Huge page indices, `end` exclusive. */
function removeHugePages(k: Kernel, inode: Inode, start: number, end: number): void {
  for (const [index, pfn] of inode.mapping.pages) {
    if (index < start || index >= end) continue;
    inode.mapping.pages.delete(index);
    folioPut(k, pfn);
  }
  if (Number.isFinite(end)) return;
  const { pages } = reservationsOf(inode);
  for (const index of pages) {
    if (index < start) continue;
    pages.delete(index);
    k.hugetlb.reserved--;
  }
}

/**
 * hugetlbfs_fallocate, fs/hugetlbfs/inode.c: whole huge pages that touch the range are made; those inside a hole go.
 */
function* hugetlbFallocate(
  k: Kernel,
  inode: Inode,
  mode: "allocate" | "keep_size" | "punch_hole",
  offset: bigint,
  length: bigint,
): Path<number> {
  const [start, end] = [withinPage(offset), withinPage(offset + length)];
  yield* acquire(k, inode.lock, "write");
  const ret = mode === "punch_hole" ? hugetlbPunch(k, inode, start, end) : hugetlbAllocate(k, inode, mode, start, end);
  yield* release(k, inode.lock);
  return ret;
}

function hugetlbPunch(k: Kernel, inode: Inode, start: number, end: number): number {
  if ((inode.seals & (F_SEAL.write | F_SEAL.futureWrite)) !== 0)
    return k.refuse(rule["memfd/sealed-punch"], errnos.EPERM, `inode ${inode.id}`);
  const first = Math.ceil(start / HUGE_SIZE);
  const last = Math.floor(end / HUGE_SIZE);
  const pages = HUGE_SIZE / k.pageSize;
  zeroHuge(k, inode, start, Math.min(end, first * HUGE_SIZE));
  if (last > first) unmapMappingRange(k, inode.mapping, first * pages, (last - first) * pages, true);
  if (last >= first) zeroHuge(k, inode, last * HUGE_SIZE, end);
  if (last > first) removeHugePages(k, inode, first, last);
  return 0;
}

/** hugetlbfs_zero_partial_page. Bytes within one huge page. */
function zeroHuge(k: Kernel, inode: Inode, start: number, end: number): void {
  const head = inode.mapping.pages.get(Math.floor(start / HUGE_SIZE));
  if (head === undefined) return;
  for (let at = start; at < end; ) {
    const offset = at % HUGE_SIZE;
    const within = offset % k.pageSize;
    const n = Math.min(k.pageSize - within, end - at);
    k.frames.writable(head + Math.floor(offset / k.pageSize)).fill(0, within, within + n);
    at += n;
  }
}

function hugetlbAllocate(k: Kernel, inode: Inode, mode: "allocate" | "keep_size", start: number, end: number): number {
  if ((inode.seals & F_SEAL.grow) !== 0 && end > inode.size)
    return k.refuse(rule["memfd/sealed-size"], errnos.EPERM, `inode ${inode.id}`);
  for (let index = Math.floor(start / HUGE_SIZE); index < Math.ceil(end / HUGE_SIZE); index++) {
    const pfn = hugetlbGetPage(k, inode, index);
    if (pfn < 0) return pfn;
    folioPut(k, pfn);
  }
  if (mode === "allocate" && end > inode.size) inode.size = end;
  return 0;
}

/** memfd_add_seals, mm/memfd.c: F_ADD_SEALS. 0, -EPERM, -EINVAL, -EBUSY. */
export function* addSeals(k: Kernel, file: File, seals: number): Path<number> {
  const { inode } = file;
  const about = `inode ${inode.id}`;
  if (!file.writable) return k.refuse(rule["memfd/seal-needs-write"], errnos.EPERM, about);
  if ((seals & F_SEAL.exec) !== 0 && k.design["memfd.seal-exec"] === "unknown")
    return k.refuse(rule["memfd/seal-unknown"], errnos.EINVAL, about);
  yield* acquire(k, inode.lock, "write");
  const ret = yield* sealLocked(k, inode, seals, about);
  yield* release(k, inode.lock);
  return ret;
}

function* sealLocked(k: Kernel, inode: Inode, seals: number, about: string): Path<number> {
  if (!hasSeals(inode)) return k.refuse(rule["memfd/seal-no-memfd"], errnos.EINVAL, about);
  if ((inode.seals & F_SEAL.seal) !== 0) return k.refuse(rule["memfd/seal-sealed"], errnos.EPERM, about);
  let implied = 0;
  if ((seals & F_SEAL.exec) !== 0 && (inode.mode & 0o111) !== 0) {
    k.note(rule["memfd/seal-exec-implies"], about);
    implied = F_SEAL.shrink | F_SEAL.grow | F_SEAL.write | F_SEAL.futureWrite;
  }
  if (k.design["memfd.seal-exec-checks"] === "yes") seals |= implied;
  if ((seals & F_SEAL.write) !== 0 && (inode.seals & F_SEAL.write) === 0) {
    if (inode.writableMappings > 0) return k.refuse(rule["memfd/seal-write-mapped"], errnos.EBUSY, about);
    inode.writableMappings--;
    yield* access(k, `pages of inode ${inode.id}`, false);
    if (hasPins(k, inode)) {
      inode.writableMappings++;
      return k.refuse(rule["memfd/seal-write-pinned"], errnos.EBUSY, about);
    }
  }
  yield* access(k, `seals of inode ${inode.id}`, true);
  inode.seals |= seals | implied;
  return 0;
}

/** memfd_file_seals_ptr: shmem (also a file on tmpfs) and hugetlb files have seals. */
export function hasSeals(inode: Inode): boolean {
  return inode.kind === "memfd" || inode.kind === "hugetlb" || inode.kind === "file";
}

/**
 * memfd_wait_for_pins, mm/memfd.c: after its waits a folio still has a reference beyond its page cache and mappings.
 */
function hasPins(k: Kernel, inode: Inode): boolean {
  for (const pfn of inode.mapping.pages.values()) {
    if (k.frames.ref(pfn) - k.frames.mapcount(pfn) !== 1) return true;
  }
  return false;
}

/** memfd_get_seals, mm/memfd.c: F_GET_SEALS. Bits or -EINVAL. */
export function getSeals(k: Kernel, file: File): number {
  if (!hasSeals(file.inode)) return k.refuse(rule["memfd/seal-no-memfd"], errnos.EINVAL, `inode ${file.inode.id}`);
  return file.inode.seals;
}
