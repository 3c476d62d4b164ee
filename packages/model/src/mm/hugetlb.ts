/**
 * Huge pages of hugetlb files (mm/hugetlb.c): a pool made at boot, reservations at mmap, one
 * PMD entry a page. Only 2 MiB pages, only through memfds.
 */
import { errnos } from "@litmap/litmus";
import { PG } from "./frames.js";
import { PTE } from "./page-table.js";
import { folioGet, folioPut } from "./rmap.js";
import { FAULT, VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Inode } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "./mm.js";
import type { HugeEntry } from "./page-table.js";
import type { Vma } from "./vma.js";

export const hugetlbRules = rules({
  "hugetlb/pool-empty": {
    sentence: "mmap of a hugetlb file reserves its folios: ENOMEM when the pool has too few.",
    kernel: "hugetlb_reserve_pages, mm/hugetlb.c",
  },
  "hugetlb/fault-no-page": {
    sentence: "A fault that needs a huge page gives SIGBUS when the pool is empty.",
    kernel: "hugetlb_no_page, mm/hugetlb.c",
  },
  "hugetlb/no-free-page": {
    sentence: "An unreserved huge page gives ENOSPC when the pool is empty.",
    kernel: [
      ["5.10", "alloc_huge_page, mm/hugetlb.c"],
      ["6.3", "alloc_hugetlb_folio, mm/hugetlb.c"],
    ],
  },
  "hugetlb/beyond-eof": {
    sentence: "A fault past the end of a hugetlb file gives SIGBUS.",
    kernel: "hugetlb_no_page, mm/hugetlb.c",
  },
});

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
  /** Whose private mapping it belongs to. */
  readonly mm?: Mm;
}

export function reservationsOf(inode: Inode): Reservations {
  return ((inode as { reservations?: Reservations }).reservations ??= { pages: new Set() });
}

/** hugetlb_reserve_pages, mm/hugetlb.c: sets pages of a shared mapping aside. Huge page indices. 0 or -ENOMEM. */
export function hugetlbReservePages(k: Kernel, inode: Inode, from: number, to: number): number {
  const reservations = reservationsOf(inode);
  const fresh: number[] = [];
  const most = k.hugetlb.free - k.hugetlb.reserved;
  for (let index = from; index < to && fresh.length <= most; index++) {
    if (!reservations.pages.has(index) && !inode.mapping.pages.has(index)) fresh.push(index);
  }
  if (fresh.length > most) return k.refuse(hugetlbRules["hugetlb/pool-empty"], errnos.ENOMEM, `inode ${inode.id}`);
  k.hugetlb.reserved += fresh.length;
  for (const index of fresh) reservations.pages.add(index);
  return 0;
}

/** Sets pages of a private mapping aside for their owner: its copies can then never fail. Huge pages. 0 or -ENOMEM. */
export function hugetlbReservePrivate(k: Kernel, vma: Vma): number {
  const first = hugeIndex(k, vma, vma.start);
  const count = (vma.end - vma.start) / HUGE_SIZE;
  if (k.hugetlb.free - k.hugetlb.reserved < count)
    return k.refuse(hugetlbRules["hugetlb/pool-empty"], errnos.ENOMEM, `inode ${vma.file!.inode.id}`);
  k.hugetlb.reserved += count;
  const own: Reservations = { pages: new Set(), mm: vma.mm };
  for (let i = 0; i < count; i++) own.pages.add(first + i);
  vma.privateData = own;
  return 0;
}

/** hugetlb_vm_op_close: what a private mapping has set aside and not used goes back. */
export function hugetlbUnreserve(k: Kernel, vma: Vma): void {
  const own = vma.privateData as Reservations | undefined;
  if (own === undefined) return;
  const first = hugeIndex(k, vma, vma.start);
  const last = first + (vma.end - vma.start) / HUGE_SIZE;
  for (const index of own.pages) {
    if (index < first || index >= last) continue;
    own.pages.delete(index);
    k.hugetlb.reserved--;
  }
}

/** Which huge page of the file an address is. */
export function hugeIndex(k: Kernel, vma: Vma, address: number): number {
  return Math.floor((vma.pgoff * k.pageSize + (address - vma.start)) / HUGE_SIZE);
}

/** A page for a private mapping: its own reservation, or a free one. -1 when there is none. */
function takePrivate(k: Kernel, vma: Vma, index: number, avoidReserve: boolean): number {
  const own = vma.privateData as Reservations | undefined;
  const reserved = !avoidReserve && own !== undefined && own.pages.delete(index);
  return k.hugetlb.take(k, reserved);
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
  if (pfn < 0) return k.refuse(hugetlbRules["hugetlb/no-free-page"], errnos.ENOSPC, `inode ${inode.id}`);
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
  const start = Math.floor(address / HUGE_SIZE) * HUGE_SIZE;
  const entry = hugeEntry(vma, address);
  if (entry !== undefined) return hugetlbWp(k, vma, start, entry, write);
  const { inode } = vma.file!;
  const index = hugeIndex(k, vma, start);
  if (index * HUGE_SIZE >= inode.size) {
    k.refuse(hugetlbRules["hugetlb/beyond-eof"], 0, `inode ${inode.id}`);
    return FAULT.sigbus;
  }
  const pfn = noPage(k, vma, inode, index);
  if (pfn < 0) return poolEmpty(k, inode);
  const fresh = { pfn, bits: vma.pageProt & ~PTE.write };
  vma.mm.table.huge.set(start, fresh);
  k.frames.addMap(pfn, 1);
  k.counters.ptes++;
  return hugetlbWp(k, vma, start, fresh, write);
}

function poolEmpty(k: Kernel, inode: Inode): number {
  k.refuse(hugetlbRules["hugetlb/fault-no-page"], 0, `inode ${inode.id}`);
  return FAULT.sigbus;
}

/**
 * hugetlb_no_page: the file's page, made when absent; a private mapping then makes one of its own instead. The entry
 * keeps the reference.
 */
function noPage(k: Kernel, vma: Vma, inode: Inode, index: number): number {
  if (vma.has(VM.MAYSHARE) || inode.mapping.pages.has(index)) return hugetlbGetPage(k, inode, index);
  const pfn = takePrivate(k, vma, index, false);
  if (pfn >= 0) k.frames.setFlags(pfn, PG.anon | PG.exclusive);
  return pfn;
}

/** Makes an entry writable: a private mapping copies, unless the page is its alone (hugetlb_wp, mm/hugetlb.c). */
function hugetlbWp(k: Kernel, vma: Vma, start: number, entry: HugeEntry, write: boolean): number {
  entry.bits |= PTE.young;
  if (vma.has(VM.SHARED) && vma.has(VM.WRITE)) entry.bits |= PTE.write;
  if (!write) return FAULT.none;
  if (!vma.has(VM.SHARED) && (entry.bits & PTE.write) === 0) {
    const anon = (k.frames.flags(entry.pfn) & PG.anon) !== 0;
    if (!anon || k.frames.mapcount(entry.pfn) !== 1) {
      const copy = takePrivate(k, vma, hugeIndex(k, vma, start), anon);
      if (copy < 0) return poolEmpty(k, vma.file!.inode);
      copyHugePage(k, entry.pfn, copy);
      k.frames.addMap(entry.pfn, -1);
      folioPut(k, entry.pfn);
      entry.pfn = copy;
    }
  }
  entry.bits |= PTE.dirty | (vma.has(VM.WRITE) ? PTE.write : 0);
  return FAULT.none;
}

/** An anonymous copy of a huge page, for one entry. */
export function copyHugePage(k: Kernel, from: number, to: number): void {
  for (let i = 0; i < 1 << HUGE_ORDER; i++) {
    const bytes = k.frames.bytes(from + i);
    if (bytes !== undefined) k.frames.writable(to + i).set(bytes);
  }
  k.counters.pages_copied += 1 << HUGE_ORDER;
  k.frames.setFlags(to, PG.anon | PG.exclusive);
  k.frames.addMap(to, 1);
}

/** __unmap_hugepage_range, mm/hugetlb.c. Bytes, whole huge pages. */
export function unmapHugepageRange(k: Kernel, vma: Vma, start: number, end: number): void {
  const huge = vma.mm.table.huge;
  const inside = [...huge].filter(([address]) => address >= start && address < end).sort(([a], [b]) => a - b);
  for (const [address, entry] of inside) {
    huge.delete(address);
    k.frames.addMap(entry.pfn, -1);
    folioPut(k, entry.pfn);
    k.counters.ptes++;
  }
}
