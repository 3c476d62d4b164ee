/** Making mappings: do_mmap and mmap_region, mm/mmap.c (mm/vma.c from 6.13). */
import { errnos } from "@litmap/litmus";
import { F_SEAL } from "../fs/seals.js";
import { fput } from "../fs/file.js";
import { mmapRules as rule } from "../rules/mmap.js";
import { acquire, release } from "../sched/path.js";
import { getUnmappedArea } from "./address-space.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { lruAddDrain } from "./lazyfree.js";
import { linkVma, sharedMaywrite, vmaMergeNewRange } from "./merge.js";
import { doMunmap } from "./munmap.js";
import { vmGetPageProt, vmaSetPageProt } from "./page-prot.js";
import { mmPopulate } from "./populate.js";
import { shmemZeroSetup } from "./shmem.js";
import { VM, VM_SPECIAL, Vma } from "./vma.js";
import { unmapSingleVma } from "./zap.js";
import type { File } from "../fs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";

/** MAP_*, as far as the model knows them: the sharing type has the kernel's own values. */
export const MAP = {
  SHARED: 1,
  PRIVATE: 2,
  SHARED_VALIDATE: 3,
  TYPE: 3,
  FIXED: 0x10,
  POPULATE: 0x8000,
  LOCKED: 0x2000,
  NORESERVE: 0x4000,
  SYNC: 0x80000,
  NOREPLACE: 0x100000,
} as const;

/** Lengths and offsets are unsigned 64-bit numbers there. */
const WRAP = 2 ** 64;

export interface MmapRequest {
  /** Undefined for MAP_ANONYMOUS. */
  readonly file: File | undefined;
  /** Hint, or the place itself with MAP.FIXED. Bytes. */
  readonly address: number;
  /** Bytes. */
  readonly length: number;
  /** VM.READ | VM.WRITE | VM.EXEC. */
  readonly prot: number;
  /** MAP bits. */
  readonly flags: number;
  /** Bytes into the file. */
  readonly offset: number;
}

/** sys_mmap, mm/mmap.c: takes the mmap lock, maps, and populates when asked. The address or -errno. */
export function* doMmap(k: Kernel, task: Task, request: MmapRequest): Path<number> {
  if (request.offset % k.pageSize !== 0) return k.refuse(rule["offset-unaligned"], errnos.EINVAL, `${request.offset}`);
  const mm = task.mm;
  yield* acquire(k, mm.mmapLock, "write");
  const locked = (flagBits(request.flags) | mm.defFlags) & VM.LOCKED;
  const length = roundedLength(k, request);
  const address = yield* mmapLocked(k, mm, { ...request, length });
  yield* release(k, mm.mmapLock);
  if (address >= 0 && (locked !== 0 || (request.flags & MAP.POPULATE) !== 0)) {
    yield* mmPopulate(k, task, address, address + length, true);
  }
  return address;
}

/** The length in whole pages; of a hugetlb file in whole huge ones (ksys_mmap_pgoff). Bytes. */
function roundedLength(k: Kernel, request: MmapRequest): number {
  const unit = request.file?.inode.kind === "hugetlb" ? HUGE_SIZE : k.pageSize;
  return Math.ceil(request.length / unit) * unit;
}

/** calc_vm_flag_bits, include/linux/mman.h. */
function flagBits(flags: number): number {
  return ((flags & MAP.LOCKED) !== 0 ? VM.LOCKED : 0) | ((flags & MAP.SYNC) !== 0 ? VM.SYNC : 0);
}

/** do_mmap, mm/mmap.c, with the mmap lock held for writing. The length is in whole pages. */
export function* mmapLocked(k: Kernel, mm: Mm, request: MmapRequest): Path<number> {
  const { file } = request;
  if (request.length === 0) return k.refuse(rule["length-zero"], errnos.EINVAL);
  const { length } = request;
  if (length >= k.wordLimit) return k.refuse(rule["length-wraps"], errnos.ENOMEM);
  const address = getUnmappedArea(
    k,
    mm,
    file,
    request.address,
    length,
    (request.flags & MAP.FIXED) !== 0,
    request.offset / k.pageSize,
  );
  if (address < 0) return address;
  if ((request.flags & MAP.NOREPLACE) !== 0 && !mm.isFree(address, address + length))
    return k.refuse(rule["no-replace"], errnos.EEXIST, `0x${address.toString(16)}`);
  const common = request.prot | flagBits(request.flags) | mm.defFlags | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC;
  const flags = file === undefined ? anonFlags(k, request, common) : fileFlags(k, request, file, length, common);
  if (typeof flags === "number") return flags;
  const noreserve = (request.flags & MAP.NORESERVE) !== 0 ? VM.NORESERVE : 0;
  const anonPgoff = (request.flags & MAP.TYPE) === MAP.PRIVATE ? address / k.pageSize : 0;
  return yield* mmapRegion(
    k,
    mm,
    file,
    address,
    length,
    flags.flags | noreserve,
    file === undefined ? anonPgoff : request.offset / k.pageSize,
  );
}

/** The anonymous half of do_mmap's checks: only plain MAP_SHARED and MAP_PRIVATE. */
function anonFlags(k: Kernel, request: MmapRequest, flags: number): { flags: number } | number {
  switch (request.flags & MAP.TYPE) {
    case MAP.SHARED:
      return { flags: flags | VM.SHARED | VM.MAYSHARE };
    case MAP.PRIVATE:
      return { flags };
    default:
      return k.refuse(rule["no-sharing"], errnos.EINVAL);
  }
}

/**
 * file_mmap_size_max, mm/mmap.c: the end of what can be mapped of a file. Regular files reach as far as file positions do,
 * DRM's as far as page numbers, others as far as a long: on 32-bit machines to 4 GiB.
 */
function offsetLimit(k: Kernel, { inode }: File): number {
  const word = 2 ** k.arch.wordBits;
  if (["memfd", "file", "hugetlb", "disk", "sysfs", "socket"].includes(inode.kind))
    return k.arch.wordBits === 64 ? word / 2 : (word - 1) * k.pageSize;
  return inode.kind === "drm" ? Math.min(word * k.pageSize, WRAP) : word;
}

/** The file half of do_mmap's checks, in its order. */
function fileFlags(
  k: Kernel,
  request: MmapRequest,
  file: File,
  length: number,
  flags: number,
): { flags: number } | number {
  const about = `inode ${file.inode.id}`;
  if (request.offset >= offsetLimit(k, file) - length)
    return k.refuse(rule["offset-overflow"], errnos.EOVERFLOW, about);
  const type = request.flags & MAP.TYPE;
  if (type === MAP.SHARED_VALIDATE && (request.flags & (MAP.SYNC | MAP.NOREPLACE)) !== 0)
    return k.refuse(rule["unknown-flags"], errnos.EOPNOTSUPP, about);
  switch (type) {
    case MAP.SHARED_VALIDATE:
    case MAP.SHARED:
      if ((request.prot & VM.WRITE) !== 0 && !file.writable)
        return k.refuse(rule["write-needs-rdwr"], errnos.EACCES, about);
      flags |= VM.SHARED | VM.MAYSHARE;
      if (!file.writable) flags &= ~(VM.MAYWRITE | VM.SHARED);
      break;
    case MAP.PRIVATE:
      break;
    default:
      return k.refuse(rule["no-sharing"], errnos.EINVAL, about);
  }
  if (!file.readable) return k.refuse(rule["read-needed"], errnos.EACCES, about);
  if (file.inode.noexec) {
    if ((flags & VM.EXEC) !== 0) return k.refuse(rule.noexec, errnos.EPERM, about);
    flags &= ~VM.MAYEXEC;
    k.note(rule.noexec, about);
  }
  if (file.ops.mmap === undefined) return k.refuse(rule["no-mmap"], errnos.ENODEV, about);
  return checkSeals(k, file, flags);
}

/** memfd_check_seals_mmap, mm/memfd.c (seal_check_write, include/linux/mm.h): seals against writing and shared mappings. */
function checkSeals(k: Kernel, file: File, flags: number): { flags: number } | number {
  const { seals } = file.inode;
  if ((seals & (F_SEAL.write | F_SEAL.futureWrite)) === 0 || (flags & VM.SHARED) === 0) return { flags };
  const about = `inode ${file.inode.id}`;
  const refused = k.design["memfd.sealed-readonly"] === "refused" && (seals & F_SEAL.write) !== 0;
  if ((flags & VM.WRITE) !== 0 || refused) return k.refuse(rule["sealed-write"], errnos.EPERM, about);
  k.note(rule["sealed-readonly"], about);
  return { flags: flags & ~VM.MAYWRITE };
}

/** accountable_mapping, mm/mmap.c: private writable memory counts against what the machine has. */
function accountable(file: File | undefined, flags: number): boolean {
  return file?.inode.kind !== "hugetlb" && (flags & (VM.NORESERVE | VM.SHARED | VM.WRITE)) === VM.WRITE;
}

/** mmap_region, mm/mmap.c (mm/vma.c): makes room, merges with a neighbour, or makes a new mapping and lets the file fill it. */
export function* mmapRegion(
  k: Kernel,
  mm: Mm,
  file: File | undefined,
  address: number,
  length: number,
  flags: number,
  pgoff: number,
): Path<number> {
  const end = address + length;
  const pages = length / k.pageSize;
  if (file !== undefined && sharedMaywrite(flags) && file.inode.writableMappings < 0) {
    return k.refuse(rule["sealed-write"], errnos.EPERM, `inode ${file.inode.id}`);
  }
  if (!mm.isFree(address, end)) {
    const failed = yield* doMunmap(k, mm, address, length);
    if (failed < 0)
      return k.design["mmap.fixed-over"] === "enomem"
        ? k.refuse(rule["cannot-replace"], errnos.ENOMEM, `0x${address.toString(16)}`)
        : failed;
  }
  if (accountable(file, flags)) {
    if (pages > k.totalRam) return k.refuse(rule["address-space"], errnos.ENOMEM, `${length} bytes`);
    k.committed += pages;
    flags |= VM.ACCOUNT;
  }
  const shared = file === undefined && (flags & VM.SHARED) !== 0;
  const merged = shared
    ? undefined
    : vmaMergeNewRange(k, {
        mm,
        start: address,
        end,
        flags,
        pgoff,
        file,
        anonVma: undefined,
        policy: undefined,
        nextFirst: k.design["vma-merge.new-mapping"] === "next",
      });
  const vma = merged ?? (yield* newVma(k, mm, file, address, end, flags, pgoff));
  if (typeof vma === "number") {
    if ((flags & VM.ACCOUNT) !== 0) k.committed -= pages;
    return vma;
  }
  mm.totalVm += pages;
  if ((flags & VM.LOCKED) !== 0) {
    if (vmaSupportsMlock(vma)) mm.lockedVm += pages;
    else {
      k.note(rule["special-not-locked"]);
      vma.flags &= ~(VM.LOCKED | VM.LOCKONFAULT);
    }
  }
  vmaSetPageProt(vma);
  return address;
}

/** vma_supports_mlock: neither special nor hugetlb. */
export function vmaSupportsMlock(vma: Vma): boolean {
  return (vma.flags & (VM_SPECIAL | VM.HUGETLB)) === 0;
}

/** A new mapping, filled by the file's mmap method; what that mapped is taken back when it fails. */
function* newVma(
  k: Kernel,
  mm: Mm,
  file: File | undefined,
  start: number,
  end: number,
  flags: number,
  pgoff: number,
): Path<Vma | number> {
  const vma = new Vma(mm, start, end, flags, pgoff);
  vma.pageProt = vmGetPageProt(flags, k.arch);
  if (file !== undefined) {
    vma.file = file;
    file.refs++;
    const failed = yield* file.ops.mmap!(file, vma);
    if (failed < 0) {
      yield* abandon(k, vma);
      return failed;
    }
  } else if ((flags & VM.SHARED) !== 0) {
    const failed = shmemZeroSetup(k, vma);
    if (failed < 0) return failed;
  }
  linkVma(vma);
  return vma;
}

/** unmap_and_free_file_vma in mmap_region: empties what a failed mmap method filled, frees its tables, drops the file. */
function* abandon(k: Kernel, vma: Vma): Path<void> {
  if (k.design["lru.unmap"] === "drain") lruAddDrain(k);
  unmapSingleVma(k, vma, vma.start, vma.end);
  const { vmas } = vma.mm;
  const at = vma.mm.findIndex(vma.start);
  vma.mm.table.free(vma.start, vma.end, vmas[at - 1]?.end ?? 0, vmas[at]?.start ?? Infinity);
  vma.attached = false;
  yield* fput(vma.file!);
}
