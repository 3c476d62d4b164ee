/**
 * Splitting and merging of VMAs (mm/mmap.c up to 6.11, mm/vma.c since). A change of a range first
 * tries to merge it with a neighbour that already has the new flags, and splits only then.
 */
import { errnos } from "@litmap/litmus";
import { HUGE_SIZE } from "./hugetlb.js";
import { VM, VM_SPECIAL, Vma } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "./mm.js";
import type { AnonVma } from "./vma.js";
import type { Path } from "../sched/path.js";

export const mergeRules = rules({
  "hugetlb/split-unaligned": {
    sentence: "A hugetlb VMA can be split only at a huge page boundary, else EINVAL.",
    kernel: "hugetlb_vm_op_split, mm/hugetlb.c",
  },
  "vma/special-never-merges": {
    sentence:
      "VMAs with VM_IO, VM_PFNMAP, VM_MIXEDMAP or VM_DONTEXPAND never merge, not even the two halves of a split VMA.",
    kernel: [
      ["5.10", "vma_merge, mm/mmap.c"],
      ["6.12", "vma_merge_existing_range, mm/vma.c"],
    ],
  },
  "vma/merged": {
    sentence: "Adjacent VMAs with the same flags, file, contiguous pgoff, policy and compatible anon_vma are merged.",
    kernel: [
      ["5.10", "vma_merge, mm/mmap.c"],
      ["6.12", "vma_merge_existing_range, mm/vma.c"],
    ],
  },
  "vma/split": {
    sentence: "A change to part of a VMA splits it.",
    kernel: [
      ["5.10", "__split_vma, mm/mmap.c"],
      ["6.12", "split_vma, mm/vma.c"],
    ],
  },
  "vma/anon-apart": {
    sentence: "Adjacent VMAs with different anon_vmas, or with a forked one, are not merged.",
    kernel: [
      ["5.10", "is_mergeable_anon_vma, mm/mmap.c"],
      ["6.12", "is_mergeable_anon_vma, mm/vma.c"],
    ],
  },
  "vma/close-apart": {
    sentence: "A VMA with vm_ops->close is not removed by a merge.",
    kernel: [
      ["5.10", "is_mergeable_vma, mm/mmap.c"],
      ["6.12", "can_merge_remove_vma, mm/vma.c"],
    ],
  },
});

/** What a range would be after the change (struct vma_merge_struct). */
export interface MergeRange {
  readonly mm: Mm;
  /** Bytes. */
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly pgoff: number;
  readonly file: File | undefined;
  readonly anonVma: AnonVma | undefined;
  readonly policy: string | undefined;
  /** The mapping that is being changed, when there is one already. */
  readonly from?: Vma;
  /** The mapping of which the range becomes a copy (mremap). */
  readonly copiedFrom?: Vma;
  /** Whether the copy may merge with {@link copiedFrom} itself. */
  readonly selfMerge?: boolean;
  /** The neighbour behind is asked first, and takes the range where the two exclude each other. */
  readonly nextFirst?: boolean;
}

/** VM_STICKY: flags that neither keep mappings apart nor get lost when they merge. */
function stickyFlags(k: Kernel): number {
  return k.design["guard.vma-flag"] === "maybe-guard" ? VM.MAYBE_GUARD : 0;
}

/**
 * is_mergeable_vma with can_vma_merge_after or _before: whether a neighbour can take the range in. `distance` is in
 * pages.
 */
function mergesWith(k: Kernel, range: MergeRange, neighbour: Vma, after: boolean): boolean {
  if (neighbour.policy !== range.policy || neighbour.file !== range.file) return false;
  if (((neighbour.flags ^ range.flags) & ~stickyFlags(k)) !== 0) return false;
  if (k.design["vma-merge.close"] === "never" && neighbour.ops?.close !== undefined) {
    k.note(mergeRules["vma/close-apart"]);
    return false;
  }
  const pages = after ? (neighbour.end - neighbour.start) / k.pageSize : -(range.end - range.start) / k.pageSize;
  if (neighbour.pgoff + pages !== range.pgoff) return false;
  if (anonMergeable(k, range, neighbour)) return true;
  k.note(mergeRules["vma/anon-apart"]);
  return false;
}

/** is_mergeable_anon_vma, mm/vma.c. */
function anonMergeable(k: Kernel, range: MergeRange, target: Vma): boolean {
  if (target.anonVma === range.anonVma) return true;
  if (target.anonVma !== undefined && range.anonVma !== undefined) return false;
  if (target.anonVma !== undefined) return target.anonChain === 1;
  if (k.design["vma-merge.unfaulted-target"] === "refused") return false;
  return !isForkChild(range.from) && !isForkChild(range.copiedFrom);
}

/** vma_is_fork_child: its anon_vma, and the parent's above it. */
function isForkChild(vma: Vma | undefined): boolean {
  return vma?.anonVma !== undefined && vma.anonChain > 1;
}

/** Whether two neighbours may end up in one mapping: theirs must not be two different sets. */
function bothMergeable(prev: Vma, next: Vma): boolean {
  return prev.anonVma === undefined || next.anonVma === undefined || prev.anonVma === next.anonVma;
}

interface Neighbours {
  prev: Vma | undefined;
  next: Vma | undefined;
}

/** The neighbours that touch a range and can take it in. */
function candidates(k: Kernel, range: MergeRange): Neighbours {
  const out: Neighbours = { prev: undefined, next: undefined };
  if ((range.flags & VM_SPECIAL) !== 0) {
    k.note(mergeRules["vma/special-never-merges"]);
    return out;
  }
  const { vmas } = range.mm;
  const excluded = range.selfMerge === false ? range.copiedFrom : range.from;
  const after = vmas[range.mm.findIndex(range.end)];
  if (after !== undefined && after !== excluded && after.start === range.end && mergesWith(k, range, after, false))
    out.next = after;
  // mmap_region of 6.1 asks the previous one with the anon_vma that the range has got from the next one.
  const grown = range.nextFirst && out.next?.anonVma !== undefined ? { ...range, anonVma: out.next.anonVma } : range;
  const before = vmas[range.mm.findIndex(range.start - 1)];
  if (before !== undefined && before !== excluded && before.end === range.start && mergesWith(k, grown, before, true))
    out.prev = before;
  if (out.prev !== undefined && out.next !== undefined && !bothMergeable(out.prev, out.next)) {
    if (range.nextFirst === true) out.prev = undefined;
    else out.next = undefined;
  }
  if (out.prev !== undefined && out.next?.ops?.close !== undefined) out.next = undefined;
  return out;
}

/** dup_anon_vma: the mapping that stays takes over the anonymous set of the one that goes. */
function adoptAnonVma(target: Vma, anonVma: AnonVma | undefined, chain: number): void {
  if (target.anonVma !== undefined || anonVma === undefined) return;
  target.anonVma = anonVma;
  target.anonChain = chain;
  anonVma.root.vmas.add(target);
}

/** Puts a VMA into its address space and into the tree of its file (vma_link). */
export function linkVma(vma: Vma): void {
  vma.mm.vmas.splice(vma.mm.findIndex(vma.start), 0, vma);
  linkFile(vma);
}

/** __vma_link_file: the file learns who maps it, and whether it can be written through that. */
export function linkFile(vma: Vma): void {
  if (vma.file === undefined) return;
  vma.file.mapping.vmas.add(vma);
  if (sharedMaywrite(vma.flags)) vma.file.inode.writableMappings++;
}

export function unlinkFile(vma: Vma): void {
  if (vma.file === undefined) return;
  vma.file.mapping.vmas.delete(vma);
  if (sharedMaywrite(vma.flags)) vma.file.inode.writableMappings--;
}

/** is_shared_maywrite: through such a mapping a file can be written, now or after mprotect. */
export function sharedMaywrite(flags: number): boolean {
  return (flags & (VM.SHARED | VM.MAYWRITE)) === (VM.SHARED | VM.MAYWRITE);
}

/**
 * Takes a VMA out of its address space without touching its pages: a merge swallowed it. Drops its reference on the
 * file.
 */
function swallow(vma: Vma): void {
  vma.mm.vmas.splice(vma.mm.vmas.indexOf(vma), 1);
  unlinkFile(vma);
  vma.anonVma?.root.vmas.delete(vma);
  if (vma.file !== undefined) vma.file.refs--;
  vma.attached = false;
}

/**
 * vma_merge_new_range, mm/vma.c: lets neighbours grow over a new range. The mapping that now holds it, or undefined.
 */
export function vmaMergeNewRange(k: Kernel, range: MergeRange): Vma | undefined {
  const { prev, next } = candidates(k, range);
  if (prev === undefined && next === undefined) return undefined;
  k.note(mergeRules["vma/merged"]);
  const sticky = range.flags & stickyFlags(k);
  if (prev !== undefined) {
    prev.end = next?.end ?? range.end;
    adoptAnonVma(
      prev,
      range.anonVma ?? next?.anonVma,
      next?.anonVma !== undefined ? next.anonChain : (range.copiedFrom?.anonChain ?? 1),
    );
    prev.flags |= sticky | ((next?.flags ?? 0) & stickyFlags(k));
    if (next !== undefined) swallow(next);
    return prev;
  }
  next!.pgoff -= (next!.start - range.start) / k.pageSize;
  next!.start = range.start;
  next!.flags |= sticky;
  adoptAnonVma(next!, range.anonVma, range.copiedFrom?.anonChain ?? 1);
  return next;
}

/**
 * vma_modify, mm/vma.c: gives a part of a mapping other flags or another policy, by merging it into
 * a neighbour that has them or by splitting; a `policy` of null is none. The mapping that now holds the range exactly
 * or
 * as a part; -EINVAL where the mapping cannot be split. The caller sets the flags and the policy (null: the default
 * one).
 */
export function* vmaModify(
  k: Kernel,
  vma: Vma,
  start: number,
  end: number,
  flags: number,
  policy: string | null = vma.policy ?? null,
): Path<Vma | number> {
  const pgoff = vma.pgoff + (start - vma.start) / k.pageSize;
  const merged = mergeExisting(k, {
    mm: vma.mm,
    start,
    end,
    flags,
    pgoff,
    file: vma.file,
    anonVma: vma.anonVma,
    policy: policy ?? undefined,
    from: vma,
  });
  if (merged !== undefined) return merged;
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

/** vma_merge_existing_range, mm/vma.c: the range leaves its mapping for a neighbour. */
function mergeExisting(k: Kernel, range: MergeRange): Vma | undefined {
  const vma = range.from!;
  const left = range.start === vma.start;
  const right = range.end === vma.end;
  if (!left && !right) return undefined;
  let { prev, next } = candidates(k, range);
  if (!left) prev = undefined;
  if (!right) next = undefined;
  if (prev === undefined && next === undefined) return undefined;
  if (left && right && vma.ops?.close !== undefined) return undefined;
  k.note(mergeRules["vma/merged"]);
  const sticky = (range.flags | (prev?.flags ?? 0) | (next?.flags ?? 0)) & stickyFlags(k);
  const target = prev ?? next!;
  adoptAnonVma(
    target,
    next?.anonVma !== undefined && target !== next ? next.anonVma : vma.anonVma,
    next?.anonVma !== undefined && target !== next ? next.anonChain : vma.anonChain,
  );
  if (left && right) {
    swallow(vma);
    if (prev !== undefined && next !== undefined) swallow(next);
  } else if (left) {
    vma.pgoff += (range.end - vma.start) / k.pageSize;
    vma.start = range.end;
  } else vma.end = range.start;
  grow(k, target, Math.min(target.start, range.start), prev !== undefined ? (next?.end ?? range.end) : target.end);
  target.flags |= sticky;
  return target;
}

/** Moves the borders of a mapping outwards; its offset follows the start. */
function grow(k: Kernel, vma: Vma, start: number, end: number): void {
  vma.pgoff -= (vma.start - start) / k.pageSize;
  vma.start = start;
  vma.end = end;
}

/** split_vma, mm/vma.c: cuts a mapping in two; gives the upper one. -EINVAL inside a huge page. */
export function* splitVma(k: Kernel, vma: Vma, address: number): Path<Vma | number> {
  if (vma.has(VM.HUGETLB) && address % HUGE_SIZE !== 0)
    return k.refuse(mergeRules["hugetlb/split-unaligned"], errnos.EINVAL, `0x${address.toString(16)}`);
  const refused = vma.ops?.maySplit?.(vma, address) ?? 0;
  if (refused < 0) return refused;
  const upper = copyOf(vma, vma.mm, address, vma.end);
  upper.pgoff = vma.pgoff + (address - vma.start) / k.pageSize;
  vma.end = address;
  linkVma(upper);
  if (upper.file !== undefined) upper.file.refs++;
  if (upper.ops?.open !== undefined) yield* upper.ops.open(upper);
  k.note(mergeRules["vma/split"]);
  return upper;
}

/**
 * vm_area_dup: a VMA like another, in an address space, not yet linked. The new one's anon_vma links are copied too.
 */
export function copyOf(vma: Vma, mm: Mm, start: number, end: number): Vma {
  const copy = new Vma(mm, start, end, vma.flags, vma.pgoff);
  copy.ops = vma.ops;
  copy.file = vma.file;
  copy.privateData = vma.privateData;
  copy.pageProt = vma.pageProt;
  copy.policy = vma.policy;
  copy.cacheMode = vma.cacheMode;
  copy.pat = vma.pat;
  if (copy.pat !== undefined) copy.pat.users++;
  copy.anonVma = vma.anonVma;
  copy.anonChain = vma.anonChain;
  copy.anonVma?.root.vmas.add(copy);
  return copy;
}

/** find_mergeable_anon_vma, mm/vma.c: the set of a touching neighbour that may merge later. */
export function reusableAnonVma(k: Kernel): (vma: Vma) => AnonVma | undefined {
  return (vma) => {
    const { vmas } = vma.mm;
    const at = vma.mm.findIndex(vma.start);
    return reusable(k, vmas[at + 1], vma, vmas[at + 1]) ?? reusable(k, vmas[at - 1], vmas[at - 1], vma);
  };
}

function reusable(k: Kernel, old: Vma | undefined, a: Vma | undefined, b: Vma | undefined): AnonVma | undefined {
  if (old?.anonVma === undefined || old.anonChain !== 1 || a === undefined || b === undefined) return undefined;
  const access = VM.READ | VM.WRITE | VM.EXEC;
  const fits = a.end === b.start && a.policy === b.policy && a.file === b.file && ((a.flags ^ b.flags) & ~access) === 0;
  return fits && b.pgoff === a.pgoff + (b.start - a.start) / k.pageSize ? old.anonVma : undefined;
}
