/**
 * Huge pages of hugetlb files (mm/hugetlb.c): a pool made at boot, reservations at mmap, one
 * PMD entry a page. Only 2 MiB pages, only through memfds.
 */
import { errnos } from "@litmap/litmus";
import { hugetlbRules as rule } from "../rules/hugetlb.js";
import { PG } from "./frames.js";
import { PTE } from "./page-table.js";
import { folioGet, folioPut } from "./rmap.js";
import { FAULT, VM } from "./vma.js";
import type { Inode } from "../fs/file.js";
import type { Kernel } from "../kernel.js";
import type { HugeEntry } from "./page-table.js";
import type { Vma } from "./vma.js";

/** Bytes of a huge page, and its order. */
export const HUGE_SIZE = 2 * 1024 * 1024;
export const HUGE_ORDER = 9;

/** Huge pages that the machine keeps (hugepages=32). */
const POOL = 32;

/** struct hstate. */
export class HugetlbPool {
  /** free_huge_pages, resv_huge_pages. */
  free = POOL;
  reserved = 0;

  /** A page for a fault; `reserved` says that mmap set one aside. -1 when there is none (dequeue_hugetlb_folio). */
  take(k: Kernel, reserved: boolean): number {
    if (reserved ? this.free === 0 : this.free - this.reserved <= 0) return -1;
    const pfn = k.frames.alloc(HUGE_ORDER, PG.hugetlb | PG.swapbacked);
    if (pfn < 0) return -1;
    this.free--;
    if (reserved) this.reserved--;
    return pfn;
  }

  giveBack(k: Kernel, head: number): void {
    k.frames.release(head, HUGE_ORDER);
    this.free++;
  }
}

/** What a hugetlb inode has set aside: huge page indices that are reserved and not yet there (resv_map). */
export interface Reservations {
  readonly pages: Set<number>;
}

export function reservationsOf(inode: Inode): Reservations {
  return ((inode as { reservations?: Reservations }).reservations ??= { pages: new Set() });
}

/** hugetlb_reserve_pages, mm/hugetlb.c: sets pages of a shared mapping aside. Huge page indices. 0 or -ENOMEM. */
export function hugetlbReservePages(k: Kernel, inode: Inode, from: number, to: number): number {
  const reservations = reservationsOf(inode);
  const fresh: number[] = [];
  for (let index = from; index < to; index++) {
    if (!reservations.pages.has(index) && !inode.mapping.pages.has(index)) fresh.push(index);
  }
  if (k.hugetlb.free - k.hugetlb.reserved < fresh.length) return k.refuse(rule["pool-empty"], errnos.ENOMEM, `inode ${inode.id}`);
  k.hugetlb.reserved += fresh.length;
  for (const index of fresh) reservations.pages.add(index);
  return 0;
}

/** The huge page of a file, with a reference taken: found, or made. Huge page index. -errno when the pool is empty. */
export function hugetlbGetPage(k: Kernel, inode: Inode, index: number): number {
  const found = inode.mapping.pages.get(index);
  if (found !== undefined) {
    folioGet(k, found);
    return found;
  }
  const reserved = reservationsOf(inode).pages.delete(index);
  const pfn = k.hugetlb.take(k, reserved);
  if (pfn < 0) return -errnos.ENOSPC;
  inode.mapping.pages.set(index, pfn);
  k.owners.set(inode.mapping.id, inode.mapping);
  for (let i = 0; i < 1 << HUGE_ORDER; i++) k.frames.setOwner(pfn + i, inode.mapping.id, (index << HUGE_ORDER) + i);
  folioGet(k, pfn);
  return pfn;
}

/** The entry of an address in a hugetlb mapping, if it is there. */
export function hugeEntry(vma: Vma, address: number): HugeEntry | undefined {
  return vma.mm.table.huge.get(Math.floor(address / HUGE_SIZE) * HUGE_SIZE);
}

/** hugetlb_fault, mm/hugetlb.c: FAULT bits. */
export function hugetlbFault(k: Kernel, vma: Vma, address: number, write: boolean): number {
  const entry = hugeEntry(vma, address);
  if (entry !== undefined) return hugetlbWp(k, vma, entry, write);
  const inode = vma.file!.inode;
  const start = Math.floor(address / HUGE_SIZE) * HUGE_SIZE;
  const index = (vma.pgoff * k.pageSize + (start - vma.start)) / HUGE_SIZE;
  if (index * HUGE_SIZE >= inode.size) {
    k.refuse(rule["beyond-eof"], 0, `inode ${inode.id}`);
    return FAULT.sigbus;
  }
  const pfn = hugetlbGetPage(k, inode, index);
  if (pfn < 0) {
    k.refuse(rule["pool-empty"], 0, `inode ${inode.id}`);
    return FAULT.sigbus;
  }
  vma.mm.table.upperAlloc(start);
  vma.mm.table.huge.set(start, { pfn, bits: vma.pageProt & ~PTE.write });
  k.frames.addMap(pfn, 1);
  k.counters.ptes++;
  return hugetlbWp(k, vma, hugeEntry(vma, start)!, write);
}

/** Makes an entry writable, by a copy in a private mapping (hugetlb_wp, mm/hugetlb.c). */
function hugetlbWp(k: Kernel, vma: Vma, entry: HugeEntry, write: boolean): number {
  entry.bits |= PTE.young;
  if (vma.has(VM.SHARED) && vma.has(VM.WRITE)) entry.bits |= PTE.write;
  if (!write) return FAULT.none;
  if (!vma.has(VM.SHARED) && (entry.bits & PTE.write) === 0) {
    const copy = k.hugetlb.take(k, false);
    if (copy < 0) return FAULT.sigbus;
    for (let i = 0; i < 1 << HUGE_ORDER; i++) {
      const bytes = k.frames.bytes(entry.pfn + i);
      if (bytes !== undefined) k.frames.writable(copy + i).set(bytes);
    }
    k.counters.pages_copied += 1 << HUGE_ORDER;
    k.frames.setFlags(copy, PG.anon | PG.exclusive);
    k.frames.addMap(copy, 1);
    k.frames.addMap(entry.pfn, -1);
    folioPut(k, entry.pfn);
    entry.pfn = copy;
  }
  entry.bits |= PTE.dirty | (vma.has(VM.WRITE) ? PTE.write : 0);
  return FAULT.none;
}

/** __unmap_hugepage_range, mm/hugetlb.c. Bytes, whole huge pages. */
export function unmapHugepageRange(k: Kernel, vma: Vma, start: number, end: number): void {
  const huge = vma.mm.table.huge;
  for (let address = Math.ceil(start / HUGE_SIZE) * HUGE_SIZE; address < end; address += HUGE_SIZE) {
    const entry = huge.get(address);
    if (entry === undefined) continue;
    huge.delete(address);
    k.frames.addMap(entry.pfn, -1);
    folioPut(k, entry.pfn);
    k.counters.ptes++;
  }
}

/** A page of a hugetlb mapping is not in the RSS of its process: it counts apart (hugetlb_count_add). */
export function countsInRss(k: Kernel, pfn: number): boolean {
  return (k.frames.flags(k.frames.head(pfn)) & PG.hugetlb) === 0;
}

