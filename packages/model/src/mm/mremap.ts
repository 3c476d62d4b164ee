/**
 * sys_mremap, mm/mremap.c. The order of the checks changed with the rewrite of 6.17: there all
 * that concerns the arguments comes before the mapping is looked at, and a move of equal
 * length may take in several mappings.
 */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { getUnmappedArea } from "./address-space.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { untrackClear } from "./memtype.js";
import { copyOf, linkVma, mergeRules, splitVma, vmaMergeNewRange } from "./merge.js";
import { movePageTables } from "./move-page-tables.js";
import { doMunmap, munmapRules } from "./munmap.js";
import { mmPopulate } from "./populate.js";
import { VM, vmaIsAnonymous, vmaName } from "./vma.js";
import { rules } from "../rules/rule.js";
import { narrow, pageAlign, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";
import type { Vma } from "./vma.js";

export const mremapRules = rules({
  "mmap/address-space": {
    sentence: "Accounted memory larger than RAM gives ENOMEM.",
    kernel: "__vm_enough_memory, mm/util.c",
  },
  "mremap/bad-flags": {
    sentence:
      "MREMAP_FIXED without MREMAP_MAYMOVE, or MREMAP_DONTUNMAP without it or with unequal lengths, gives EINVAL.",
    kernel: [
      ["5.10", "sys_mremap, mm/mremap.c"],
      ["6.17", "check_mremap_params, mm/mremap.c"],
    ],
  },
  "mremap/bad-range": {
    sentence: "An unaligned address, a new length of 0, or a target past TASK_SIZE gives EINVAL.",
    kernel: [
      ["5.10", "sys_mremap, mm/mremap.c"],
      ["6.17", "check_mremap_params, mm/mremap.c"],
    ],
  },
  "mremap/overlap": {
    sentence: "A move with overlapping source and target gives EINVAL.",
    kernel: [
      ["5.10", "mremap_to, mm/mremap.c"],
      ["6.17", "check_mremap_params, mm/mremap.c"],
    ],
  },
  "mremap/no-vma": {
    sentence: "mremap at an address without a VMA gives EFAULT.",
    kernel: [
      ["5.10", "sys_mremap, mm/mremap.c"],
      ["6.17", "check_prep_vma, mm/mremap.c"],
    ],
  },
  "mremap/hugetlb-range": {
    sentence: "A hugetlb VMA moves and shrinks in whole huge pages only and never grows, else EINVAL.",
    kernel: [
      ["5.10", "sys_mremap, mm/mremap.c"],
      ["6.17", "align_hugetlb, mm/mremap.c"],
    ],
  },
  "mremap/duplicate-private": {
    sentence: "Old length 0 duplicates a shared mapping; for a private one it gives EINVAL.",
    kernel: [
      ["5.10", "vma_to_resize, mm/mremap.c"],
      ["6.17", "check_prep_vma, mm/mremap.c"],
    ],
  },
  "mremap/dontunmap-special": {
    sentence: "MREMAP_DONTUNMAP of a VM_DONTEXPAND or VM_PFNMAP VMA gives EINVAL.",
    kernel: [
      ["5.10", "vma_to_resize, mm/mremap.c"],
      ["6.17", "check_prep_vma, mm/mremap.c"],
    ],
  },
  "mremap/across-vmas": {
    sentence: "A range past the end of its VMA gives EFAULT.",
    kernel: [
      ["5.10", "vma_to_resize, mm/mremap.c"],
      ["6.17", "check_prep_vma, mm/mremap.c"],
    ],
  },
  "mremap/only-alone": {
    sentence: "A VMA of a file with get_unmapped_area does not move together with others: EFAULT.",
    kernel: [["6.17", "vma_multi_allowed, mm/mremap.c"]],
  },
  "mremap/never-grows": {
    sentence: "A VM_DONTEXPAND or VM_PFNMAP VMA does not grow: EFAULT.",
    kernel: [
      ["5.10", "vma_to_resize, mm/mremap.c"],
      ["6.17", "check_prep_vma, mm/mremap.c"],
    ],
  },
  "mremap/cannot-merge": {
    sentence: "Growth in place merges the VMA with the new range, which special VMAs refuse: ENOMEM.",
    kernel: [
      ["5.10", "sys_mremap, mm/mremap.c"],
      ["6.6", "vma_merge_extend, mm/mmap.c"],
      ["6.12", "vma_merge_extend, mm/vma.c"],
    ],
  },
  "mremap/no-room": {
    sentence: "Growth without room behind the VMA and without MREMAP_MAYMOVE gives ENOMEM.",
    kernel: [
      ["5.10", "sys_mremap, mm/mremap.c"],
      ["6.17", "expand_vma, mm/mremap.c"],
    ],
  },
  "mremap/pgoff-wraps": {
    sentence: "Growth that overflows vm_pgoff gives EINVAL.",
    kernel: [
      ["5.10", "vma_to_resize, mm/mremap.c"],
      ["6.17", "check_prep_vma, mm/mremap.c"],
    ],
  },
});

export interface MremapFlags {
  readonly maymove: boolean;
  readonly fixed: boolean;
  readonly dontunmap: boolean;
}

/** What mremap was asked for; lengths in whole pages, bytes. */
interface Remap {
  readonly mm: Mm;
  address: number;
  oldLength: number;
  newLength: number;
  /** Where the old range ends: the sum may have wrapped. */
  readonly oldEnd: number;
  /** The caller gave two different lengths; the rounded ones may be equal. */
  readonly resized: boolean;
  /** The new place, where the caller named one. */
  to: number;
  readonly flags: MremapFlags;
}

/** Bytes. The address, or -EINVAL, -EFAULT, -ENOMEM, -EPERM. */
export function* mremap(
  k: Kernel,
  task: Task,
  address: bigint,
  oldLength: bigint,
  newLength: bigint,
  flags: MremapFlags,
  to: bigint,
): Path<number> {
  const old = pageAlign(k, oldLength);
  const remap: Remap = {
    mm: task.mm,
    address: narrow(address),
    oldLength: narrow(old),
    newLength: narrow(pageAlign(k, newLength)),
    oldEnd: narrow(ulong(k, address + old)),
    resized: oldLength !== newLength,
    to: narrow(to),
    flags,
  };
  const early = k.design["mremap.checks"] === "arguments-first" ? checkParams(k, remap) : checkFlags(k, remap);
  if (early < 0) return early;
  yield* acquire(k, task.mm.mmapLock, "write");
  const several = k.design["mremap.checks"] === "arguments-first" && flags.fixed && remap.oldLength === remap.newLength;
  const ret = several ? yield* moveSeveral(k, remap) : yield* remapOne(k, remap);
  const grown = ret >= 0 && remap.newLength > remap.oldLength && (task.mm.lookup(ret)?.has(VM.LOCKED) ?? false);
  yield* release(k, task.mm.mmapLock);
  if (grown) yield* mmPopulate(k, task, ret + remap.oldLength, ret + remap.newLength, true);
  return ret;
}

function about(remap: Remap): string {
  return `0x${remap.address.toString(16)}`;
}

/** The checks at the head of sys_mremap up to 6.16; those of the target come later, in mremap_to. */
function checkFlags(k: Kernel, remap: Remap): number {
  const { flags } = remap;
  const bad = (flags.fixed && !flags.maymove) || (flags.dontunmap && (!flags.maymove || remap.resized));
  if (bad) return k.refuse(mremapRules["mremap/bad-flags"], errnos.EINVAL, about(remap));
  if (remap.address % k.pageSize !== 0 || remap.newLength === 0)
    return k.refuse(mremapRules["mremap/bad-range"], errnos.EINVAL, about(remap));
  return 0;
}

/** check_mremap_params, from 6.17 on. */
function checkParams(k: Kernel, remap: Remap): number {
  const { flags, mm } = remap;
  if (remap.address % k.pageSize !== 0 || remap.newLength === 0 || remap.newLength > mm.arch.taskSize)
    return k.refuse(mremapRules["mremap/bad-range"], errnos.EINVAL, about(remap));
  if (!flags.fixed && !flags.dontunmap) return 0;
  const target = checkTarget(k, remap);
  if (target < 0) return target;
  const bad = !flags.maymove || (flags.dontunmap && remap.oldLength !== remap.newLength);
  return bad ? k.refuse(mremapRules["mremap/bad-flags"], errnos.EINVAL, about(remap)) : checkOverlap(k, remap);
}

function checkTarget(k: Kernel, remap: Remap): number {
  const past = remap.newLength > remap.mm.arch.taskSize || remap.to > remap.mm.arch.taskSize - remap.newLength;
  return past || remap.to % k.pageSize !== 0
    ? k.refuse(mremapRules["mremap/bad-range"], errnos.EINVAL, about(remap))
    : 0;
}

function checkOverlap(k: Kernel, remap: Remap): number {
  const overlaps = remap.oldEnd > remap.to && remap.to + remap.newLength > remap.address;
  return overlaps ? k.refuse(mremapRules["mremap/overlap"], errnos.EINVAL, about(remap)) : 0;
}

/** Everything about one mapping, with the mmap lock held. */
function* remapOne(k: Kernel, remap: Remap): Path<number> {
  const { mm, flags } = remap;
  const vma = mm.lookup(remap.address);
  if (k.design["mremap.lookup"] === "to-resize") return yield* remapUnseen(k, remap, vma);
  if (vma === undefined) return k.refuse(mremapRules["mremap/no-vma"], errnos.EFAULT, about(remap));
  if (vma.has(VM.SEALED)) return k.refuse(munmapRules["vma/sealed"], errnos.EPERM, about(remap));
  if (vma.has(VM.HUGETLB) && !alignHuge(remap))
    return k.refuse(mremapRules["mremap/hugetlb-range"], errnos.EINVAL, about(remap));
  const moves = flags.fixed || flags.dontunmap;
  if (k.design["mremap.checks"] === "arguments-first") {
    const refused =
      moves || remap.newLength > remap.oldLength
        ? checkResize(k, remap, vma, Math.min(remap.oldLength, remap.newLength))
        : 0;
    if (refused < 0) return refused;
  }
  if (moves) return yield* mremapTo(k, remap);
  if (remap.newLength < remap.oldLength) {
    const failed = yield* doMunmap(k, mm, remap.address + remap.newLength, remap.oldLength - remap.newLength);
    return failed < 0 ? failed : remap.address;
  }
  if (remap.newLength === remap.oldLength) return remap.address;
  return yield* grow(k, remap, vma);
}

/** sys_mremap up to 5.15: the mapping is looked at only where it is to grow or to move. */
function* remapUnseen(k: Kernel, remap: Remap, vma: Vma | undefined): Path<number> {
  if (remap.flags.fixed || remap.flags.dontunmap) return yield* mremapTo(k, remap);
  if (remap.newLength === remap.oldLength) return remap.address;
  if (remap.newLength < remap.oldLength) {
    const failed = yield* doMunmap(k, remap.mm, remap.address + remap.newLength, remap.oldLength - remap.newLength);
    return failed < 0 ? failed : remap.address;
  }
  return vma === undefined
    ? k.refuse(mremapRules["mremap/no-vma"], errnos.EFAULT, about(remap))
    : yield* grow(k, remap, vma);
}

function alignHuge(remap: Remap): boolean {
  const up = (bytes: number): number => Math.ceil(bytes / HUGE_SIZE) * HUGE_SIZE;
  remap.oldLength = up(remap.oldLength);
  remap.newLength = up(remap.newLength);
  return remap.address % HUGE_SIZE === 0 && remap.to % HUGE_SIZE === 0 && remap.newLength <= remap.oldLength;
}

/** vma_to_resize (check_prep_vma from 6.17): whether this mapping may move or grow. */
function checkResize(k: Kernel, remap: Remap, vma: Vma, oldLength: number): number {
  if (remap.oldLength === 0 && !vma.has(VM.SHARED | VM.MAYSHARE))
    return k.refuse(mremapRules["mremap/duplicate-private"], errnos.EINVAL, about(remap));
  if (remap.flags.dontunmap && cannotStay(k, vma))
    return k.refuse(mremapRules["mremap/dontunmap-special"], errnos.EINVAL, about(remap));
  if (vma.has(VM.HUGETLB) && k.design["mremap.lookup"] === "to-resize")
    return k.refuse(mremapRules["mremap/hugetlb-range"], errnos.EINVAL, about(remap));
  if (oldLength > vma.end - remap.address)
    return k.refuse(mremapRules["mremap/across-vmas"], errnos.EFAULT, about(remap));
  if (remap.newLength === oldLength) return 0;
  if (vma.pgoff + (remap.address - vma.start + remap.newLength) / k.pageSize >= k.wordLimit)
    return k.refuse(mremapRules["mremap/pgoff-wraps"], errnos.EINVAL, about(remap));
  if (vma.has(VM.DONTEXPAND | VM.PFNMAP))
    return k.refuse(mremapRules["mremap/never-grows"], errnos.EFAULT, about(remap));
  return 0;
}

/** What MREMAP_DONTUNMAP refuses. */
function cannotStay(k: Kernel, vma: Vma): boolean {
  if (k.design["mremap.dontunmap"] === "anonymous-only" && (!vmaIsAnonymous(vma) || vma.has(VM.SHARED))) return true;
  return vma.has(VM.DONTEXPAND | VM.PFNMAP);
}

/** mremap_to: a move to a place that the caller names, or with MREMAP_DONTUNMAP to any. */
function* mremapTo(k: Kernel, remap: Remap): Path<number> {
  const { mm, flags } = remap;
  if (k.design["mremap.checks"] === "vma-first") {
    const bad = checkTarget(k, remap);
    if (bad < 0) return bad;
    const overlap = checkOverlap(k, remap);
    if (overlap < 0) return overlap;
  }
  if (flags.fixed) {
    const failed = yield* doMunmap(k, mm, remap.to, remap.newLength);
    if (failed < 0) return failed;
  }
  if (remap.oldLength > remap.newLength) {
    const failed = yield* doMunmap(k, mm, remap.address + remap.newLength, remap.oldLength - remap.newLength);
    if (failed < 0) return failed;
    remap.oldLength = remap.newLength;
  }
  const vma = mm.lookup(remap.address);
  if (vma === undefined) return k.refuse(mremapRules["mremap/no-vma"], errnos.EFAULT, about(remap));
  if (k.design["mremap.checks"] === "vma-first") {
    const refused = checkResize(k, remap, vma, remap.oldLength);
    if (refused < 0) return refused;
  }
  const to = getUnmappedArea(
    k,
    mm,
    vma.file,
    remap.to,
    remap.newLength,
    flags.fixed,
    vma.pgoff + (remap.address - vma.start) / k.pageSize,
  );
  return to < 0 ? to : yield* moveVma(k, remap, vma, to);
}

/** remap_move: from 6.17 a move of equal length takes every mapping in its range along, with the gaps between them. */
function* moveSeveral(k: Kernel, remap: Remap): Path<number> {
  const { address: start, to: target } = remap;
  const end = start + remap.oldLength;
  let at = start;
  let result = target;
  let first = true;
  while (at < end) {
    const vma = remap.mm.findVma(at);
    if (vma === undefined || vma.start >= end) break;
    if (first && vma.start > start) return k.refuse(mremapRules["mremap/no-vma"], errnos.EFAULT, about(remap));
    // vma_multi_allowed: whoever chooses addresses itself might not obey the one that was asked for.
    const alone = vma.file?.ops.choosesAddresses === true;
    if (alone && (!first || vma.end < end))
      return k.refuse(mremapRules["mremap/only-alone"], errnos.EFAULT, about(remap));
    const from = Math.max(vma.start, start);
    const to = Math.min(vma.end, end);
    const moved = yield* remapOne(k, {
      ...remap,
      address: from,
      oldLength: to - from,
      oldEnd: to,
      newLength: to - from,
      to: target + from - start,
    });
    if (moved < 0) return moved;
    if (first) result = moved;
    first = false;
    at = to;
  }
  return first ? k.refuse(mremapRules["mremap/no-vma"], errnos.EFAULT, about(remap)) : result;
}

/** The growing half of sys_mremap: in place when there is room behind, else by moving. */
function* grow(k: Kernel, remap: Remap, vma: Vma): Path<number> {
  if (k.design["mremap.checks"] === "vma-first") {
    const refused = checkResize(k, remap, vma, remap.oldLength);
    if (refused < 0) return refused;
  }
  const end = vma.end + remap.newLength - remap.oldLength;
  const room =
    remap.oldLength === vma.end - remap.address && end <= remap.mm.arch.taskSize && remap.mm.isFree(vma.end, end);
  if (room) return expandInPlace(k, remap, vma, end);
  if (!remap.flags.maymove) return k.refuse(mremapRules["mremap/no-room"], errnos.ENOMEM, about(remap));
  const to = getUnmappedArea(
    k,
    remap.mm,
    vma.file,
    0,
    remap.newLength,
    false,
    vma.pgoff + (remap.address - vma.start) / k.pageSize,
  );
  return to < 0 ? to : yield* moveVma(k, remap, vma, to);
}

/** vma_merge_extend: the range behind the mapping merges into it, and perhaps into the next one. */
function expandInPlace(k: Kernel, remap: Remap, vma: Vma, end: number): number {
  const pages = (end - vma.end) / k.pageSize;
  if (vma.has(VM.ACCOUNT)) {
    if (pages > k.totalRam) return k.refuse(mremapRules["mmap/address-space"], errnos.ENOMEM, about(remap));
    k.committed += pages;
  }
  const plain =
    k.design["mremap.expand"] === "plain" || (k.design["vma-merge.close"] === "never" && vma.ops?.close !== undefined);
  const range = {
    mm: vma.mm,
    start: vma.end,
    end,
    flags: vma.flags,
    pgoff: vma.pgoff + (vma.end - vma.start) / k.pageSize,
    file: vma.file,
    anonVma: vma.anonVma,
    policy: vma.policy,
  };
  const locked = vma.has(VM.LOCKED);
  if (plain) vma.end = end;
  else if (vmaMergeNewRange(k, range) === undefined) {
    if (vma.has(VM.ACCOUNT)) k.committed -= pages;
    return k.refuse(mremapRules["mremap/cannot-merge"], errnos.ENOMEM, about(remap));
  }
  vma.mm.totalVm += pages;
  if (locked) vma.mm.lockedVm += pages;
  return remap.address;
}

/**
 * move_vma: a copy of the mapping at the new place takes the entries; the old range is unmapped, unless it is to stay.
 */
function* moveVma(k: Kernel, remap: Remap, vma: Vma, to: number): Path<number> {
  const { oldLength, newLength } = remap;
  const mm = remap.mm;
  const pages = newLength / k.pageSize;
  const stays = remap.flags.dontunmap;
  if (vma.has(VM.ACCOUNT)) {
    const charge = pages - (stays ? 0 : oldLength / k.pageSize);
    if (charge > k.totalRam) return k.refuse(mremapRules["mmap/address-space"], errnos.ENOMEM, about(remap));
    k.committed += charge;
  }
  const refused = maySplit(k, vma, remap.address, remap.address + oldLength);
  if (refused < 0) return refused;
  const apart = stays && k.design["mremap.source-stays"] === "apart";
  if (apart && vma.has(VM.LOCKED)) {
    const split = yield* splitAround(k, vma, remap.address, remap.address + oldLength);
    if (typeof split === "number") return split;
    vma = split;
  }
  const copy = yield* copyVma(k, vma, remap.address, to, newLength, apart);
  const source = mm.lookup(remap.address) ?? vma;
  movePageTables(k, source, remap.address, copy, to, oldLength);
  const error = vma.ops?.mremap?.(copy) ?? 0;
  if (error < 0) {
    movePageTables(k, copy, to, source, remap.address, oldLength);
    mm.totalVm += pages;
    yield* doMunmap(k, mm, to, newLength);
    return error;
  }
  mm.totalVm += pages;
  const locked = copy.has(VM.LOCKED);
  if (stays) {
    source.flags &= ~(VM.LOCKED | VM.LOCKONFAULT);
    if (locked && k.design["mremap.dontunmap-locked"] === "twice") mm.lockedVm += pages;
    unlinkAnon(k, source, copy, remap);
    return to;
  }
  if (source.has(VM.ARCH_1)) untrackClear(source);
  if (copy.has(VM.ACCOUNT)) k.committed += oldLength / k.pageSize;
  if (oldLength > 0) {
    const unmapped = yield* doMunmap(k, mm, remap.address, oldLength);
    if (unmapped < 0) return unmapped;
  }
  if (locked) mm.lockedVm += pages;
  return to;
}

/** may_split is asked before anything is moved. */
function maySplit(k: Kernel, vma: Vma, start: number, end: number): number {
  for (const at of [start, end]) {
    if (at === vma.start || at === vma.end) continue;
    if (vma.has(VM.HUGETLB) && at % HUGE_SIZE !== 0)
      return k.refuse(mergeRules["hugetlb/split-unaligned"], errnos.EINVAL, vmaName(vma));
    const refused = vma.ops?.maySplit?.(vma, at) ?? 0;
    if (refused < 0) return refused;
  }
  return 0;
}

/** Splits off the range of a locked VMA that stays behind: the rest of it remains locked. The VMA of the range. */
function* splitAround(k: Kernel, vma: Vma, start: number, end: number): Path<Vma | number> {
  if (start > vma.start) {
    const upper = yield* splitVma(k, vma, start);
    if (typeof upper === "number") return upper;
    vma = upper;
  }
  if (end < vma.end) {
    const upper = yield* splitVma(k, vma, end);
    if (typeof upper === "number") return upper;
  }
  return vma;
}

/**
 * copy_vma: an equal mapping elsewhere, merged into a neighbour where it can be. Untouched anonymous memory takes the
 * offset of its new place.
 */
function* copyVma(k: Kernel, vma: Vma, address: number, to: number, length: number, apart: boolean): Path<Vma> {
  const fresh = vmaIsAnonymous(vma) && vma.anonVma === undefined;
  const pgoff = fresh ? to / k.pageSize : vma.pgoff + (address - vma.start) / k.pageSize;
  const range = {
    mm: vma.mm,
    start: to,
    end: to + length,
    flags: vma.flags,
    pgoff,
    file: vma.file,
    anonVma: vma.anonVma,
    policy: vma.policy,
    copiedFrom: vma,
    selfMerge: !(fresh && apart),
  };
  const merged = vmaMergeNewRange(k, range);
  if (merged !== undefined) return merged;
  const copy = copyOf(vma, vma.mm, to, to + length);
  copy.pgoff = pgoff;
  if (copy.file !== undefined) copy.file.refs++;
  if (copy.ops?.open !== undefined) yield* copy.ops.open(copy);
  linkVma(copy);
  return copy;
}

/** unlink_anon_vmas of a source that stays behind empty. */
function unlinkAnon(k: Kernel, source: Vma, copy: Vma, remap: Remap): void {
  if (source === copy || source.start !== remap.address || source.end !== remap.address + remap.oldLength) return;
  source.anonVma?.root.vmas.delete(source);
  source.anonVma = undefined;
  source.anonChain = 0;
  if (k.design["mremap.source-stays"] === "apart" && vmaIsAnonymous(source)) source.pgoff = source.start / k.pageSize;
}
