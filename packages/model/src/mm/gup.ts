/**
 * get_user_pages, the slow walk: VMA by VMA, page by page, faulting in what is not there.
 * gup-fast is in gup-fast.ts with its own checks, as in the kernel.
 */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { FAULT_FLAG, handleMmFault } from "./fault.js";
import { FOLL } from "./foll.js";
import { PG } from "./frames.js";
import { HUGE_SIZE, hugeIndex } from "./hugetlb.js";
import { checkAndMigrateMovablePages } from "./longterm.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import { tryGrabFolio } from "./pin.js";
import { FAULT, isCowMapping, VM, vmaIsAnonymous, vmaName } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "gup/dump-zero": {
    sentence: "With FOLL_DUMP the shared zero page gives EFAULT.",
    kernel: "follow_page_pte, mm/gup.c",
  },
  "gup/dump-absent": {
    sentence: "With FOLL_DUMP an absent page that no fault handler could supply gives EFAULT.",
    kernel: "no_page_table, mm/gup.c",
  },
  "gup/no-vma": {
    sentence: "GUP at an address without a VMA gives EFAULT.",
    kernel: "__get_user_pages, mm/gup.c",
  },
  "gup/vma-pfnmap": {
    sentence: "GUP in a VM_IO or VM_PFNMAP VMA gives EFAULT, regardless of its PTEs.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/vma-anon-only": {
    sentence: "GUP with FOLL_ANON in a VMA that is not anonymous gives EFAULT.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/longterm-file": {
    sentence:
      "A long-term writable pin in a shared writable mapping of a file with dirty tracking gives EFAULT; shmem has " +
      "none.",
    kernel: [["6.5", "writable_file_mapping_allowed, mm/gup.c"]],
  },
  "gup/not-writable": {
    sentence: "GUP for writing in a VMA without VM_WRITE gives EFAULT, except with FOLL_FORCE in a COW mapping.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/force-shared": {
    sentence:
      "FOLL_FORCE for writing in a read-only shared mapping gives EFAULT, because there is no private copy to " +
      "write to.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/force-hugetlb": {
    sentence: "Up to 6.14 FOLL_FORCE for writing in a read-only hugetlb VMA gives EFAULT.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/not-readable": {
    sentence:
      "GUP for reading in a VMA without VM_READ gives EFAULT, except with FOLL_FORCE if the VMA has VM_MAYREAD.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/force": {
    sentence: "FOLL_FORCE lets a debugger read and COW against the VMA's protection.",
    kernel: "check_vma_flags, mm/gup.c",
  },
  "gup/faulted-in": {
    sentence:
      "GUP faults in a PTE that is absent, or read-only for a write; it counts as a minor fault of the calling task.",
    kernel: "faultin_page, mm/gup.c",
  },
  "gup/fault-failed": {
    sentence: "GUP turns SIGBUS and SIGSEGV of a fault into EFAULT, and OOM into ENOMEM.",
    kernel: "faultin_page, mm/gup.c",
  },
  "gup/no-fault-allowed": {
    sentence: "GUP with FOLL_NOFAULT gives EFAULT for an absent PTE.",
    kernel: "faultin_page, mm/gup.c",
  },
  "gup/special-pte": {
    sentence: "A special PTE (no struct page) gives EEXIST to GUP.",
    kernel: "follow_pfn_pte, mm/gup.c",
  },
  "gup/normal-page": {
    sentence: "GUP takes a reference through a normal PTE, regardless of who inserted it.",
    kernel: "follow_page_pte, mm/gup.c",
  },
  "gup/unshare": {
    sentence:
      "A read-only pin of an anonymous page that may be shared unshares it first: the process gets its own copy.",
    kernel: [
      ["5.19", "gup_must_unshare, include/linux/mm.h"],
      ["6.5", "gup_must_unshare, mm/internal.h"],
    ],
  },
  "gup/unshare-file": {
    sentence:
      "A long-term read-only pin of a page cache page in a COW mapping unshares it first: the process gets its own " +
      "copy.",
    kernel: [
      ["5.19", "gup_must_unshare, include/linux/mm.h"],
      ["6.5", "gup_must_unshare, mm/internal.h"],
    ],
  },
  "gup/bad-flags": {
    sentence: "FOLL_LONGTERM without FOLL_PIN warns and gives EINVAL.",
    kernel: [
      ["5.10", "is_valid_gup_flags, mm/gup.c"],
      ["6.3", "is_valid_gup_args, mm/gup.c"],
    ],
  },
  "p2pdma/not-longterm": {
    sentence: "FOLL_LONGTERM with FOLL_PCI_P2PDMA warns and gives EINVAL, because the device may be unplugged.",
    kernel: [["6.3", "is_valid_gup_args, mm/gup.c"]],
  },
});

export { FOLL } from "./foll.js";

/** follow_page_pte's other answers, beside a frame number and a negative errno. */
const NOT_THERE = -1000;
const MUST_UNSHARE = -errnos.EMLINK;

/**
 * Whether a walk may look into a mapping at all: check_vma_flags, mm/gup.c. 0 or -EFAULT.
 */
export function checkVmaFlags(k: Kernel, vma: Vma, flags: number): number {
  if (vma.has(VM.IO | VM.PFNMAP)) return k.refuse(rule["gup/vma-pfnmap"], errnos.EFAULT, vmaName(vma));
  const anonymous = vmaIsAnonymous(vma);
  if ((flags & FOLL.anon) !== 0 && !anonymous) return k.refuse(rule["gup/vma-anon-only"], errnos.EFAULT, vmaName(vma));
  if ((flags & FOLL.write) === 0) return mayRead(k, vma, flags);
  if (!anonymous && !writableFileMappingAllowed(k, vma, flags))
    return k.refuse(rule["gup/longterm-file"], errnos.EFAULT, vmaName(vma));
  return mayWrite(k, vma, flags);
}

function mayWrite(k: Kernel, vma: Vma, flags: number): number {
  if (vma.has(VM.WRITE)) return 0;
  if ((flags & FOLL.force) === 0) return k.refuse(rule["gup/not-writable"], errnos.EFAULT, vmaName(vma));
  if (vma.has(VM.HUGETLB) && k.design["gup.force-hugetlb"] === "refused")
    return k.refuse(rule["gup/force-hugetlb"], errnos.EFAULT, vmaName(vma));
  if (!isCowMapping(vma.flags)) return k.refuse(rule["gup/force-shared"], errnos.EFAULT, vmaName(vma));
  k.note(rule["gup/force"], vmaName(vma));
  return 0;
}

function mayRead(k: Kernel, vma: Vma, flags: number): number {
  if (vma.has(VM.READ)) return 0;
  if ((flags & FOLL.force) === 0 || !vma.has(VM.MAYREAD))
    return k.refuse(rule["gup/not-readable"], errnos.EFAULT, vmaName(vma));
  k.note(rule["gup/force"], vmaName(vma));
  return 0;
}

/** writable_file_mapping_allowed, mm/gup.c. */
function writableFileMappingAllowed(k: Kernel, vma: Vma, flags: number): boolean {
  const longtermPin = FOLL.pin | FOLL.longterm;
  if (k.design["gup.longterm-file"] === "allowed" || (flags & longtermPin) !== longtermPin) return true;
  return !vmaNeedsDirtyTracking(vma);
}

/**
 * vma_needs_dirty_tracking, mm/mmap.c (mm/vma.c). Of the files here only a block device's page cache is written back.
 */
function vmaNeedsDirtyTracking(vma: Vma): boolean {
  if ((vma.flags & (VM.WRITE | VM.SHARED)) !== (VM.WRITE | VM.SHARED)) return false;
  if (vma.ops?.pageMkwrite !== undefined || vma.ops?.pfnMkwrite !== undefined) return true;
  return !vma.has(VM.PFNMAP) && vma.file?.inode.kind === "disk";
}

/**
 * __get_user_pages, mm/gup.c: pushes the frame number of each page from `start` on to `pages`
 * and takes what the flags say; with `pages` undefined it only faults in. `task` is who asks
 * (faults count there), `mm` whose memory it is; the caller holds its mmap lock for reading.
 * Gives the number of pages when there is at least one, else a negative errno.
 */
export function* getUserPages(
  k: Kernel,
  task: Task,
  mm: Mm,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[] | undefined,
): Path<number> {
  if ((flags & FOLL.pin) !== 0) mm.hasPinned = true;
  let vma: Vma | undefined;
  for (let i = 0; i < nrPages; i++) {
    k.spend(1);
    const address = start + i * k.pageSize;
    if (vma === undefined || address >= vma.end) {
      vma = mm.lookup(address);
      const refused =
        vma === undefined ? k.refuse(rule["gup/no-vma"], errnos.EFAULT, hex(address)) : checkVmaFlags(k, vma, flags);
      if (refused !== 0 || vma === undefined) return i > 0 ? i : refused;
    }
    const pfn = yield* onePage(k, task, vma, address, flags);
    if (pages === undefined ? pfn < 0 && pfn !== -errnos.EEXIST : pfn < 0) return i > 0 ? i : pfn;
    pages?.push(pfn);
  }
  return nrPages;
}

/** One page: looks, faults in, looks again. A frame number or a negative errno. */
function* onePage(k: Kernel, task: Task, vma: Vma, address: number, flags: number): Path<number> {
  for (;;) {
    const pfn = followPage(k, vma, address, flags);
    if (pfn !== NOT_THERE && pfn !== MUST_UNSHARE) return pfn;
    const failed = yield* faultinPage(k, task, vma, address, flags, pfn === MUST_UNSHARE);
    if (failed !== 0) return failed;
  }
}

/** follow_page_mask, mm/gup.c: the page that the PTE of an address maps now. */
function followPage(k: Kernel, vma: Vma, address: number, flags: number): number {
  const { table } = vma.mm;
  if (vma.has(VM.HUGETLB)) return followHuge(k, vma, address, flags);
  const leaf = table.leaf(address);
  if (leaf === undefined) return noPageTable(k, vma, address, flags);
  const slot = table.slot(address);
  const bits = leaf.bits[slot];
  if (bits === 0) return noPageTable(k, vma, address, flags);
  if ((bits & PTE.present) === 0) return NOT_THERE;
  const pfn = leaf.pfn[slot];
  if (pfn === k.zeroPfn && (flags & FOLL.dump) !== 0)
    return k.refuse(rule["gup/dump-zero"], errnos.EFAULT, hex(address));
  const normal = vmNormalPage(k, vma, address, pfn, bits);
  if ((flags & FOLL.write) !== 0 && !canFollowWritePte(k, vma, normal, bits, flags)) return NOT_THERE;
  if (normal < 0 && pfn !== k.zeroPfn) {
    if ((flags & FOLL.touch) !== 0) leaf.bits[slot] |= PTE.young | ((flags & FOLL.write) !== 0 ? PTE.dirty : 0);
    return k.refuse(rule["gup/special-pte"], errnos.EEXIST, `${hex(address)} frame ${pfn}`);
  }
  if ((bits & PTE.write) === 0 && gupMustUnshare(k, vma, pfn, flags)) return MUST_UNSHARE;
  return grab(k, pfn, bits, flags);
}

/** no_page_table, mm/gup.c: a core dump does not fault in anonymous holes. */
function noPageTable(k: Kernel, vma: Vma, address: number, flags: number): number {
  if ((flags & FOLL.dump) === 0) return NOT_THERE;
  const absent = vma.has(VM.HUGETLB)
    ? !hugeInCache(k, vma, address)
    : vmaIsAnonymous(vma) || vma.ops?.fault === undefined;
  return absent ? k.refuse(rule["gup/dump-absent"], errnos.EFAULT, hex(address)) : NOT_THERE;
}

/** hugetlbfs_pagecache_present. */
function hugeInCache(k: Kernel, vma: Vma, address: number): boolean {
  return vma.file?.inode.mapping.pages.has(hugeIndex(k, vma, address)) ?? false;
}

/** A hugetlb mapping's entry covers 2 MiB; the page inside it is what is asked for. */
function followHuge(k: Kernel, vma: Vma, address: number, flags: number): number {
  const { huge } = vma.mm.table;
  const base = Math.floor(address / HUGE_SIZE) * HUGE_SIZE;
  const entry = huge.get(base);
  if (entry === undefined || (entry.bits & PTE.present) === 0) return noPageTable(k, vma, address, flags);
  if ((flags & FOLL.write) !== 0 && !canFollowWritePte(k, vma, entry.pfn, entry.bits, flags)) return NOT_THERE;
  const pfn = entry.pfn + Math.floor((address - base) / k.pageSize);
  if ((entry.bits & PTE.write) === 0 && gupMustUnshare(k, vma, pfn, flags)) return MUST_UNSHARE;
  return grab(k, pfn, entry.bits, flags);
}

function grab(k: Kernel, pfn: number, bits: number, flags: number): number {
  const failed = tryGrabFolio(k, pfn, 1, flags);
  if (failed !== 0) return failed;
  const head = k.frames.head(pfn);
  k.note(rule["gup/normal-page"], `frame ${pfn}`);
  if ((flags & FOLL.touch) !== 0 && pfn !== k.zeroPfn) {
    if ((flags & FOLL.write) !== 0 && (bits & PTE.dirty) === 0) k.frames.setFlags(head, PG.dirty);
    k.frames.setFlags(head, PG.referenced);
  }
  return pfn;
}

/** can_follow_write_pte, mm/gup.c: a writable entry, or a forced write to an exclusive anonymous page. */
function canFollowWritePte(k: Kernel, vma: Vma, normal: number, bits: number, flags: number): boolean {
  if ((bits & PTE.write) !== 0) return true;
  if ((flags & FOLL.force) === 0 || vma.has(VM.MAYSHARE | VM.SHARED) || !vma.has(VM.MAYWRITE) || vma.has(VM.WRITE))
    return false;
  const own = PG.anon | PG.exclusive;
  return normal >= 0 && (k.frames.flags(normal) & own) === own;
}

/** gup_must_unshare, mm/internal.h; without a VMA, as from the fast walk, file pages are taken for shared. */
export function gupMustUnshare(k: Kernel, vma: Vma | undefined, pfn: number, flags: number): boolean {
  const unshare = k.design["gup.unshare"];
  if (unshare === "nothing" || (flags & (FOLL.write | FOLL.pin)) !== FOLL.pin) return false;
  const own = k.frames.flags(pfn);
  const pageFlags = (own & PG.hugetlb) !== 0 ? k.frames.flags(k.frames.head(pfn)) : own;
  if ((pageFlags & PG.anon) !== 0) {
    if ((pageFlags & PG.exclusive) !== 0) return false;
    k.note(rule["gup/unshare"], `frame ${pfn}`);
    return true;
  }
  if (unshare === "anon" || (flags & FOLL.longterm) === 0) return false;
  if (vma !== undefined && !isCowMapping(vma.flags)) return false;
  k.note(rule["gup/unshare-file"], `frame ${pfn}`);
  return true;
}

/** faultin_page, mm/gup.c: 0, -EFAULT or -ENOMEM. */
function* faultinPage(k: Kernel, task: Task, vma: Vma, address: number, flags: number, unshare: boolean): Path<number> {
  if ((flags & FOLL.nofault) !== 0) return k.refuse(rule["gup/no-fault-allowed"], errnos.EFAULT, hex(address));
  const how = unshare ? FAULT_FLAG.unshare : (flags & FOLL.write) !== 0 ? FAULT_FLAG.write : 0;
  const counted = !vma.has(VM.HUGETLB) || k.design["gup.hugetlb"] === "common";
  const fault = yield* handleMmFault(k, vma.mm, vma, address, how, counted ? task : undefined);
  if ((fault & FAULT.oom) !== 0) return k.refuse(rule["gup/fault-failed"], errnos.ENOMEM, hex(address));
  if ((fault & (FAULT.sigbus | FAULT.sigsegv | FAULT.hwpoison)) !== 0)
    return k.refuse(rule["gup/fault-failed"], errnos.EFAULT, hex(address));
  k.note(rule["gup/faulted-in"], hex(address));
  return 0;
}

/**
 * __gup_longterm_locked, mm/gup.c: as {@link getUserPages}, and for FOLL_LONGTERM again and
 * again until every page may be pinned for long.
 */
export function* gupLongterm(
  k: Kernel,
  task: Task,
  mm: Mm,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  if ((flags & FOLL.longterm) === 0) return yield* getUserPages(k, task, mm, start, nrPages, flags, pages);
  const before = pages.length;
  for (;;) {
    const got = yield* getUserPages(k, task, mm, start, nrPages, flags, pages);
    if (got <= 0) return got;
    const taken = pages.slice(before);
    const again = yield* checkAndMigrateMovablePages(k, taken);
    if (again === 0) return got;
    pages.length = before;
    if (again !== "again") return again;
  }
}

/**
 * get_user_pages_remote and pin_user_pages_remote, mm/gup.c (`flags` says which): takes the
 * mmap lock itself. Gives pages, or a negative errno.
 */
export function* getUserPagesRemote(
  k: Kernel,
  task: Task,
  mm: Mm,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  const all = flags | FOLL.touch | FOLL.remote;
  const refused = checkGupArgs(k, all);
  if (refused < 0) return refused;
  return yield* gupUnlocked(k, task, mm, start, nrPages, all, pages);
}

/** is_valid_gup_args, mm/gup.c (is_valid_gup_flags up to 6.2): 0 or -EINVAL. */
export function checkGupArgs(k: Kernel, flags: number): number {
  if ((flags & FOLL.longterm) === 0) return 0;
  if ((flags & FOLL.pin) === 0) return k.warnAndRefuse(rule["gup/bad-flags"], errnos.EINVAL, "FOLL_LONGTERM");
  // Without P2PDMA for user space there is no FOLL_PCI_P2PDMA.
  return (flags & FOLL.p2pdma) === 0 || k.design["p2pdma.user-space"] === "no"
    ? 0
    : k.warnAndRefuse(rule["p2pdma/not-longterm"], errnos.EINVAL, "FOLL_LONGTERM|FOLL_PCI_P2PDMA");
}

/** pin_user_pages, mm/gup.c, with the mmap lock taken around it: the caller's own memory, never the fast walk. */
export function* pinUserPages(
  k: Kernel,
  task: Task,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  return yield* gupUnlocked(k, task, task.mm, start, nrPages, flags | FOLL.pin, pages);
}

/** The slow walk under the mmap lock. */
export function* gupUnlocked(
  k: Kernel,
  task: Task,
  mm: Mm,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  yield* acquire(k, mm.mmapLock, "read");
  const got = yield* gupLongterm(k, task, mm, start, nrPages, flags, pages);
  yield* release(k, mm.mmapLock);
  return got;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
