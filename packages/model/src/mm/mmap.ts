/** Making mappings: do_mmap and mmap_region, mm/mmap.c (mm/vma.c from 6.13). */
import { errnos } from "@litmap/litmus";
import { F_SEAL } from "../vfs/seals.js";
import { fput } from "../vfs/file.js";
import { acquire, release } from "../sched/path.js";
import { getUnmappedArea } from "./address-space.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { lruAddDrain } from "./lazyfree.js";
import { linkVma, sharedMaywrite, vmaMergeNewRange } from "./merge.js";
import { doMunmap } from "./munmap.js";
import { vmGetPageProt, vmaSetPageProt } from "./page-prot.js";
import { mmPopulate } from "./populate.js";
import { shmemZeroSetup } from "./shmem.js";
import { VM, VM_SPECIAL, Vma, vmaName } from "./vma.js";
import { unmapSingleVma } from "./zap.js";
import { mremapRules } from "./mremap.js";
import { rules } from "../rules/rule.js";
import { align, LLONG_MAX, maxLfsFilesize, narrow, offsetInPage, ulong } from "../word.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";

export const mmapRules = rules({
  "mmap/offset-unaligned": {
    sentence: "An offset that is not page aligned gives EINVAL.",
    kernel: "sys_mmap, arch/x86/kernel/sys_x86_64.c",
  },
  "mmap/length-zero": {
    sentence: "A length of 0 gives EINVAL.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/length-wraps": {
    sentence: "A length that overflows to 0 in PAGE_ALIGN() gives ENOMEM.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/offset-overflow": {
    sentence: "An offset plus length that overflows gives EOVERFLOW.",
    kernel: "do_mmap, mm/mmap.c; file_mmap_ok, mm/mmap.c",
  },
  "mmap/unknown-flags": {
    sentence: "MAP_SHARED_VALIDATE with a flag that the file does not support, such as MAP_SYNC, gives EOPNOTSUPP.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/no-replace": {
    sentence: "MAP_FIXED_NOREPLACE over an existing VMA gives EEXIST.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/write-needs-rdwr": {
    sentence: "A shared writable mapping needs a descriptor open for reading and writing, else EACCES.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/read-needed": {
    sentence: "A file mapping needs a descriptor open for reading, else EACCES.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/noexec": {
    sentence: "PROT_EXEC of a file on a noexec mount gives EPERM; without PROT_EXEC the VMA loses VM_MAYEXEC.",
    kernel: "do_mmap, mm/mmap.c; path_noexec, fs/exec.c",
  },
  "mmap/merged-after-mmap": {
    sentence: "Up to 6.12 a VMA whose flags the mmap method changed is merged by its new flags.",
    kernel: [
      ["5.10", "mmap_region, mm/mmap.c"],
      ["6.13", "__mmap_region, mm/vma.c"],
    ],
  },
  "mmap/no-mmap": {
    sentence: "A file without an mmap method gives ENODEV.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/no-sharing": {
    sentence: "Neither MAP_SHARED nor MAP_PRIVATE gives EINVAL.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "mmap/sealed-write": {
    sentence: "A shared writable mapping of a write-sealed memfd gives EPERM.",
    kernel: [
      ["5.10", "seal_check_write, include/linux/mm.h; mapping_map_writable, include/linux/fs.h"],
      ["6.12", "check_write_seal, mm/memfd.c; mapping_map_writable, include/linux/fs.h"],
    ],
  },
  "mmap/sealed-readonly": {
    sentence: "A shared read-only mapping of a write-sealed memfd loses VM_MAYWRITE.",
    kernel: [
      ["5.10", "seal_check_write, include/linux/mm.h"],
      ["6.12", "check_write_seal, mm/memfd.c"],
    ],
  },
  "mmap/cannot-replace": {
    sentence: "Up to 6.11 MAP_FIXED over a VMA that cannot be unmapped or split gives ENOMEM for every cause.",
    kernel: "mmap_region, mm/mmap.c (up to 6.11)",
  },
  "mmap/special-not-locked": {
    sentence: "A special VMA is not locked: VM_LOCKED is cleared and locked_vm is unchanged.",
    kernel: [
      ["5.10", "mmap_region, mm/mmap.c; mlock_fixup, mm/mlock.c"],
      ["6.13", "__mmap_complete, mm/vma.c; mlock_fixup, mm/mlock.c"],
    ],
  },
});

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
  /** Pages into the file. */
  readonly pgoff: number;
}

/** What sys_mmap is asked for, as it comes. */
export interface MmapCall extends Pick<MmapRequest, "file" | "prot" | "flags"> {
  readonly address: bigint;
  readonly length: bigint;
  /** Bytes into the file. */
  readonly offset: bigint;
}

/** sys_mmap, mm/mmap.c: takes the mmap lock, maps, and populates when asked. The address or -errno. */
export function* doMmap(k: Kernel, task: Task, call: MmapCall): Path<number> {
  if (offsetInPage(k, call.offset) !== 0)
    return k.refuse(mmapRules["mmap/offset-unaligned"], errnos.EINVAL, `${call.offset}`);
  const whole = roundedLength(k, call);
  const wraps = call.length !== 0n && whole === 0n && call.file?.inode.kind !== "hugetlb";
  if (wraps) return k.refuse(mmapRules["mmap/length-wraps"], errnos.ENOMEM);
  const length = narrow(whole);
  const request: MmapRequest = {
    file: call.file,
    address: narrow(call.address),
    length,
    prot: call.prot,
    flags: call.flags,
    pgoff: Number(call.offset / BigInt(k.pageSize)),
  };
  const mm = task.mm;
  yield* acquire(k, mm.mmapLock, "write");
  const locked = (flagBits(request.flags) | mm.defFlags) & VM.LOCKED;
  const address = yield* mmapLocked(k, mm, request);
  yield* release(k, mm.mmapLock);
  if (address >= 0 && (locked !== 0 || (request.flags & MAP.POPULATE) !== 0)) {
    yield* mmPopulate(k, task, address, address + length, true);
  }
  return address;
}

/** The length in whole pages; of a hugetlb file in whole huge ones (ksys_mmap_pgoff). Bytes. */
function roundedLength(k: Kernel, { file, length }: MmapCall): bigint {
  return align(k, length, file?.inode.kind === "hugetlb" ? HUGE_SIZE : k.pageSize);
}

/** calc_vm_flag_bits, include/linux/mman.h. */
function flagBits(flags: number): number {
  return ((flags & MAP.LOCKED) !== 0 ? VM.LOCKED : 0) | ((flags & MAP.SYNC) !== 0 ? VM.SYNC : 0);
}

/** do_mmap, mm/mmap.c, with the mmap lock held for writing. The length is in whole pages. */
export function* mmapLocked(k: Kernel, mm: Mm, request: MmapRequest): Path<number> {
  const { file } = request;
  if (request.length === 0) return k.refuse(mmapRules["mmap/length-zero"], errnos.EINVAL);
  const { length } = request;
  if (request.pgoff + length / k.pageSize >= k.wordLimit)
    return k.refuse(mmapRules["mmap/offset-overflow"], errnos.EOVERFLOW);
  const address = getUnmappedArea(
    k,
    mm,
    file,
    request.address,
    length,
    (request.flags & MAP.FIXED) !== 0,
    request.pgoff,
  );
  if (address < 0) return address;
  if ((request.flags & MAP.NOREPLACE) !== 0 && !mm.isFree(address, address + length))
    return k.refuse(mmapRules["mmap/no-replace"], errnos.EEXIST, `0x${address.toString(16)}`);
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
    file === undefined ? anonPgoff : request.pgoff,
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
      return k.refuse(mmapRules["mmap/no-sharing"], errnos.EINVAL);
  }
}

/**
 * file_mmap_size_max, mm/mmap.c: how many bytes of a file can be mapped. Regular files reach as far as file positions
 * do, DRM's as far as page numbers, others as far as a long: on 32-bit machines to 4 GiB.
 */
function fileMmapSizeMax(k: Kernel, { inode }: File): bigint {
  if (["memfd", "file", "hugetlb", "disk", "sysfs", "socket"].includes(inode.kind)) {
    return inode.maxBytes === LLONG_MAX ? maxLfsFilesize(k) : inode.maxBytes;
  }
  return inode.kind === "drm" ? 2n ** 64n : ulong(k, -1n);
}

/** file_mmap_ok, mm/mmap.c. */
function fileMmapOk(k: Kernel, file: File, pgoff: number, length: number): boolean {
  const room = fileMmapSizeMax(k, file) - BigInt(length);
  return room >= 0n && BigInt(pgoff) <= room / BigInt(k.pageSize);
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
  if (!fileMmapOk(k, file, request.pgoff, length))
    return k.refuse(mmapRules["mmap/offset-overflow"], errnos.EOVERFLOW, about);
  const type = request.flags & MAP.TYPE;
  if (type === MAP.SHARED_VALIDATE && (request.flags & (MAP.SYNC | MAP.NOREPLACE)) !== 0)
    return k.refuse(mmapRules["mmap/unknown-flags"], errnos.EOPNOTSUPP, about);
  switch (type) {
    case MAP.SHARED_VALIDATE:
    case MAP.SHARED:
      if ((request.prot & VM.WRITE) !== 0 && !file.writable)
        return k.refuse(mmapRules["mmap/write-needs-rdwr"], errnos.EACCES, about);
      flags |= VM.SHARED | VM.MAYSHARE;
      if (!file.writable) flags &= ~(VM.MAYWRITE | VM.SHARED);
      break;
    case MAP.PRIVATE:
      break;
    default:
      return k.refuse(mmapRules["mmap/no-sharing"], errnos.EINVAL, about);
  }
  if (!file.readable) return k.refuse(mmapRules["mmap/read-needed"], errnos.EACCES, about);
  if (file.inode.noexec) {
    if ((flags & VM.EXEC) !== 0) return k.refuse(mmapRules["mmap/noexec"], errnos.EPERM, about);
    flags &= ~VM.MAYEXEC;
  }
  if (file.ops.mmap === undefined) return k.refuse(mmapRules["mmap/no-mmap"], errnos.ENODEV, about);
  return checkSeals(k, file, flags);
}

/**
 * memfd_check_seals_mmap, mm/memfd.c (seal_check_write, include/linux/mm.h): seals against writing and shared mappings.
 */
function checkSeals(k: Kernel, file: File, flags: number): { flags: number } | number {
  const { seals } = file.inode;
  if ((seals & (F_SEAL.write | F_SEAL.futureWrite)) === 0 || (flags & VM.SHARED) === 0) return { flags };
  const about = `inode ${file.inode.id}`;
  const refused = k.design["memfd.sealed-readonly"] === "refused" && (seals & F_SEAL.write) !== 0;
  if ((flags & VM.WRITE) !== 0 || refused) return k.refuse(mmapRules["mmap/sealed-write"], errnos.EPERM, about);
  k.note(mmapRules["mmap/sealed-readonly"], about);
  return { flags: flags & ~VM.MAYWRITE };
}

/** accountable_mapping, mm/mmap.c: private writable memory counts against what the machine has. */
function accountable(file: File | undefined, flags: number): boolean {
  return file?.inode.kind !== "hugetlb" && (flags & (VM.NORESERVE | VM.SHARED | VM.WRITE)) === VM.WRITE;
}

/**
 * mmap_region, mm/mmap.c (mm/vma.c): makes room, merges with a neighbour, or makes a new mapping and lets the file fill
 * it.
 */
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
    return k.refuse(mmapRules["mmap/sealed-write"], errnos.EPERM, `inode ${file.inode.id}`);
  }
  const tooMuch = accountable(file, flags) && pages > k.totalRam;
  // From 6.12 on what was there stays where the new mapping is refused.
  if (tooMuch && k.design["mmap.fixed-over"] !== "enomem")
    return k.refuse(mremapRules["mmap/address-space"], errnos.ENOMEM, `${length} bytes`);
  if (!mm.isFree(address, end)) {
    const failed = yield* doMunmap(k, mm, address, length);
    if (failed < 0)
      return k.design["mmap.fixed-over"] === "enomem"
        ? k.refuse(mmapRules["mmap/cannot-replace"], errnos.ENOMEM, `0x${address.toString(16)}`)
        : failed;
  }
  if (accountable(file, flags)) {
    if (tooMuch) return k.refuse(mremapRules["mmap/address-space"], errnos.ENOMEM, `${length} bytes`);
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
      k.note(mmapRules["mmap/special-not-locked"]);
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
    if (vma.flags !== flags) {
      const merged = mergeAfterMmap(k, vma);
      if (merged !== undefined) return merged;
    }
  } else if ((flags & VM.SHARED) !== 0) {
    const failed = shmemZeroSetup(k, vma);
    if (failed < 0) return failed;
  }
  linkVma(vma);
  return vma;
}

/**
 * The merge that mmap_region tries again, up to 6.12, when the mmap method has changed the flags and there is some
 * mapping below. Nobody calls close for the VMA that is then dropped. The mapping that holds the range, or undefined.
 */
function mergeAfterMmap(k: Kernel, vma: Vma): Vma | undefined {
  const { mm, start, end, flags, pgoff, file } = vma;
  if (k.design["vma-merge.after-mmap"] === "once" || vma.has(VM_SPECIAL)) return undefined;
  const merged = vmaMergeNewRange(k, { mm, start, end, flags, pgoff, file, anonVma: undefined, policy: undefined });
  if (merged === undefined) return undefined;
  k.note(mmapRules["mmap/merged-after-mmap"], vmaName(merged));
  file!.refs--;
  vma.attached = false;
  return merged;
}

/**
 * unmap_and_free_file_vma in mmap_region: empties what a failed mmap method filled, frees its tables, drops the file.
 */
function* abandon(k: Kernel, vma: Vma): Path<void> {
  if (k.design["lru.unmap"] === "drain") lruAddDrain(k);
  vma.mm.invalidate(vma.start, vma.end);
  unmapSingleVma(k, vma, vma.start, vma.end, { dropMarkers: true });
  const { vmas } = vma.mm;
  const at = vma.mm.findIndex(vma.start);
  vma.mm.table.free(vma.start, vma.end, vmas[at - 1]?.end ?? 0, vmas[at]?.start ?? Infinity);
  vma.attached = false;
  yield* fput(vma.file!);
}
