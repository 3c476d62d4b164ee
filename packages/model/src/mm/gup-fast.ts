/**
 * get_user_pages_fast: the walk that looks at page-table entries alone, without the mmap
 * lock and without any VMA, and what falls back from it to the slow walk. Its checks are its
 * own; where they differ from the slow walk's, so does the answer.
 */
import { errnos } from "@litmap/litmus";
import { walkEntries } from "../sched/path.js";
import { FOLL } from "./foll.js";
import { PG } from "./frames.js";
import { checkGupArgs, gupMustUnshare, gupUnlocked } from "./gup.js";
import { folioIsLongtermPinnable } from "./longterm.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { PTE } from "./page-table.js";
import { gupPutFolio, tryGrabFolio } from "./pin.js";
import { AddressSpace } from "../vfs/file.js";
import { rules } from "../rules/rule.js";
import type { Rule } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Mm } from "./mm.js";

const rule = rules({
  "gup-fast/vma-blind": {
    sentence: "gup-fast reads the PTE only and never checks the VMA's flags.",
    kernel: [
      ["5.10", "gup_pte_range, mm/gup.c"],
      ["6.10", "gup_fast_pte_range, mm/gup.c"],
    ],
  },
  "gup-fast/absent": {
    sentence: "gup-fast gives up at a PTE that is absent or does not permit the access.",
    kernel: [
      ["5.10", "gup_pte_range, mm/gup.c"],
      ["6.10", "gup_fast_pte_range, mm/gup.c"],
    ],
  },
  "gup-fast/special": {
    sentence: "gup-fast gives up at a special PTE.",
    kernel: [
      ["5.10", "gup_pte_range, mm/gup.c"],
      ["6.10", "gup_fast_pte_range, mm/gup.c"],
    ],
  },
  "gup-fast/no-pte-special": {
    sentence: "Without pte_special, or on an architecture without gup-fast, gup-fast takes no page.",
    kernel: [
      ["5.10", "lockless_pages_from_mm, mm/gup.c"],
      ["6.10", "gup_fast, mm/gup.c"],
    ],
  },
  "gup-fast/folio-unknown": {
    sentence:
      "gup-fast leaves a small folio with a NULL mapping to the slow path, because it may be secretmem or file-backed.",
    kernel: [
      ["6.5", "folio_fast_pin_allowed, mm/gup.c"],
      ["6.10", "gup_fast_folio_allowed, mm/gup.c"],
    ],
  },
  "gup-fast/folio-file": {
    sentence:
      "gup-fast leaves a long-term writable pin of a file folio that is neither shmem nor hugetlb to the slow path.",
    kernel: [
      ["6.5", "folio_fast_pin_allowed, mm/gup.c"],
      ["6.10", "gup_fast_folio_allowed, mm/gup.c"],
    ],
  },
  "gup-fast/unshare": {
    sentence: "gup-fast gives up at a read-only PTE whose page a pin must unshare.",
    kernel: [
      ["5.10", "gup_pte_range, mm/gup.c"],
      ["6.10", "gup_fast_pte_range, mm/gup.c"],
    ],
  },
  "gup/past-task-size": {
    sentence: "gup-fast refuses a range that ends above TASK_SIZE before any lookup: EFAULT.",
    kernel: [
      ["5.10", "internal_get_user_pages_fast, mm/gup.c"],
      ["6.10", "gup_fast_fallback, mm/gup.c"],
    ],
  },
});

/** get_user_pages_fast, mm/gup.c: references on the caller's own memory. Pages, or a negative errno. */
export function getUserPagesFast(
  k: Kernel,
  task: Task,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  return gupFastFallback(k, task, start, nrPages, flags | FOLL.get, pages);
}

/** pin_user_pages_fast, mm/gup.c: pins on the caller's own memory. Pages, or a negative errno. */
export function pinUserPagesFast(
  k: Kernel,
  task: Task,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  return gupFastFallback(k, task, start, nrPages, flags | FOLL.pin, pages);
}

/**
 * get_user_page_fast_only, include/linux/mm.h: one page of the caller's by its entry alone, with a reference, or -1.
 */
export function getUserPageFastOnly(k: Kernel, mm: Mm, address: number, flags: number): number {
  const pages: number[] = [];
  return gupFast(k, mm, address - (address % k.pageSize), 1, flags | FOLL.get, pages) === 1 ? pages[0] : -1;
}

/** gup_fast_fallback, mm/gup.c (internal_get_user_pages_fast): what the fast walk left is the slow walk's. */
function* gupFastFallback(
  k: Kernel,
  task: Task,
  start: number,
  nrPages: number,
  flags: number,
  pages: number[],
): Path<number> {
  const invalid = checkGupArgs(k, flags);
  if (invalid < 0) return invalid;
  const first = start - (start % k.pageSize);
  if (first + nrPages * k.pageSize > k.arch.taskSize)
    return k.refuse(rule["gup/past-task-size"], errnos.EFAULT, `0x${first.toString(16)}`);
  if ((flags & FOLL.pin) !== 0) task.mm.hasPinned = true;
  yield* walkEntries(k, task.mm);
  const fast = gupFast(k, task.mm, first, nrPages, flags, pages);
  if (fast === nrPages) return fast;
  const slow = yield* gupUnlocked(
    k,
    task,
    task.mm,
    first + fast * k.pageSize,
    nrPages - fast,
    flags | FOLL.touch,
    pages,
  );
  if (slow < 0) return fast > 0 ? fast : slow;
  return fast + slow;
}

/** gup_fast, mm/gup.c: how many pages from `start` on could be taken. */
function gupFast(k: Kernel, mm: Mm, start: number, nrPages: number, flags: number, pages: number[]): number {
  if (!k.arch.gupFast || k.design["arch.pte-special"] === "no") {
    k.note(rule["gup-fast/no-pte-special"], k.arch.name);
    return 0;
  }
  for (let i = 0; i < nrPages; i++) {
    k.spend(1);
    const pfn = fastPage(k, mm, start + i * k.pageSize, flags);
    if (pfn < 0) return i;
    pages.push(pfn);
  }
  return nrPages;
}

/** The entry of an address, in a table or as a huge one: its frame number with what the flags ask for taken, or -1. */
function fastPage(k: Kernel, mm: Mm, address: number, flags: number): number {
  const { table } = mm;
  const leaf = table.leaf(address);
  if (leaf !== undefined)
    return fastEntry(k, address, leaf.pfn[table.slot(address)], leaf.bits[table.slot(address)], flags);
  const base = Math.floor(address / HUGE_SIZE) * HUGE_SIZE;
  const huge = table.huge.size === 0 ? undefined : table.huge.get(base);
  if (huge === undefined) return leave(k, rule["gup-fast/absent"], address);
  return fastEntry(k, address, huge.pfn + Math.floor((address - base) / k.pageSize), huge.bits, flags);
}

/** One turn of gup_fast_pte_range, mm/gup.c. */
function fastEntry(k: Kernel, address: number, pfn: number, bits: number, flags: number): number {
  const wanted = PTE.present | PTE.user | ((flags & FOLL.write) !== 0 ? PTE.write : 0);
  if ((bits & wanted) !== wanted) return leave(k, rule["gup-fast/absent"], address);
  if ((bits & PTE.special) !== 0) return leave(k, rule["gup-fast/special"], address);
  if (k.frames.ref(k.frames.head(pfn)) <= 0) return leave(k, rule["gup-fast/absent"], address);
  if ((flags & FOLL.longterm) !== 0 && !folioIsLongtermPinnable(k, pfn))
    return leave(k, rule["gup-fast/absent"], address);
  if (tryGrabFolio(k, pfn, 1, flags) !== 0) return leave(k, rule["gup-fast/absent"], address);
  const refused =
    folioRefusal(k, pfn, flags) ??
    ((bits & PTE.write) === 0 && gupMustUnshare(k, undefined, pfn, flags) ? rule["gup-fast/unshare"] : undefined);
  if (refused !== undefined) {
    gupPutFolio(k, pfn, 1, flags);
    return leave(k, refused, address);
  }
  k.frames.setFlags(k.frames.head(pfn), PG.referenced);
  k.note(rule["gup-fast/vma-blind"], `0x${address.toString(16)} frame ${pfn}`);
  return pfn;
}

function leave(k: Kernel, rule: Rule, address: number): -1 {
  k.note(rule, `0x${address.toString(16)}`);
  return -1;
}

/** gup_fast_folio_allowed, mm/gup.c: why the slow walk has to decide, or undefined. Secret memory is not modelled. */
function folioRefusal(k: Kernel, pfn: number, flags: number): Rule | undefined {
  const longtermWrite = FOLL.pin | FOLL.longterm | FOLL.write;
  const rejectFiles = k.design["gup.longterm-file"] === "refused" && (flags & longtermWrite) === longtermWrite;
  const pageFlags = k.frames.flags(pfn);
  if ((pageFlags & (PG.hugetlb | PG.anon)) !== 0) return undefined;
  const small = k.frames.order(pfn) === 0;
  const owner = k.owners.get(k.frames.owner(k.frames.head(pfn)));
  if (owner === undefined) return nullMapping(k, small, rejectFiles) ? rule["gup-fast/folio-unknown"] : undefined;
  return rejectFiles && !(owner instanceof AddressSpace && isShmem(owner)) ? rule["gup-fast/folio-file"] : undefined;
}

/** Whether a folio without a mapping is left to the slow walk. */
function nullMapping(k: Kernel, small: boolean, rejectFiles: boolean): boolean {
  switch (k.design["gup-fast.null-mapping"]) {
    case "take":
      return false;
    case "leave-to-slow":
      return small || rejectFiles;
    case "leave-longterm-writes":
      return rejectFiles;
  }
}

function isShmem(mapping: AddressSpace): boolean {
  return mapping.host?.kind === "memfd" || mapping.host?.kind === "file";
}
