/**
 * Huge pages of hugetlb files (mm/hugetlb.c): a pool made at boot, reservations at mmap, one
 * PMD entry a page. Only 2 MiB pages, only through memfds.
 */
import { errnos } from "@litmap/litmus";
import { KernelHang } from "../sched/path.js";
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
  "hugetlb/owner-takes": {
    sentence:
      "When the pool is empty, a write of the process that reserved a private huge page unmaps it from its children.",
    kernel: "unmap_ref_private, mm/hugetlb.c",
  },
  "hugetlb/reserved-again": {
    sentence: "A private huge page that its owner unmaps is reserved again for the mapping.",
    kernel: [["6.9", "__unmap_hugepage_range, mm/hugetlb.c"]],
  },
  "hugetlb/taken-by-owner": {
    sentence: "A private mapping whose huge page the owner took gives SIGBUS at each later fault.",
    kernel: "hugetlb_no_page, mm/hugetlb.c",
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
  /** Pages that are reserved again when they are freed (folio_test_hugetlb_restore_reserve). */
  private readonly restored = new Set<number>();

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
    if (this.restored.delete(head)) this.reserved++;
  }

  restoreReserve(head: number): void {
    this.restored.add(head);
  }
}

/** What a hugetlb inode has set aside: huge page indices that are reserved and not yet there (resv_map). */
export interface Reservations {
  readonly pages: Set<number>;
  /** Whose private mapping it belongs to. */
  readonly mm?: Mm;
  /** HPAGE_RESV_UNMAPPED: the owner took a page from this mapping, which then faults nothing in. */
  readonly takenFrom?: Mm;
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
export function hugetlbFault(k: Kernel, vma: Vma, address: number, write: boolean, unshare: boolean): number {
  const start = Math.floor(address / HUGE_SIZE) * HUGE_SIZE;
  const entry = hugeEntry(vma, address);
  if (entry !== undefined) return hugetlbWp(k, vma, start, entry, write, unshare);
  const { inode } = vma.file!;
  const index = hugeIndex(k, vma, start);
  if ((vma.privateData as Reservations | undefined)?.takenFrom !== undefined) {
    k.refuse(hugetlbRules["hugetlb/taken-by-owner"], 0, `inode ${inode.id}`);
    return FAULT.sigbus;
  }
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
  return hugetlbWp(k, vma, start, fresh, write, false);
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

/**
 * Makes an entry writable, or with `unshare` its page exclusive: a private mapping copies, unless the page is its alone
 * (hugetlb_wp, mm/hugetlb.c).
 */
function hugetlbWp(k: Kernel, vma: Vma, start: number, entry: HugeEntry, write: boolean, unshare: boolean): number {
  entry.bits |= PTE.young;
  if (vma.has(VM.SHARED) && vma.has(VM.WRITE)) entry.bits |= PTE.write;
  if (!write && !unshare) return FAULT.none;
  if (!vma.has(VM.SHARED) && (entry.bits & PTE.write) === 0) {
    const anon = (k.frames.flags(entry.pfn) & PG.anon) !== 0;
    if (!anon || k.frames.mapcount(entry.pfn) !== 1) {
      const copied = copyForOwner(k, vma, start, entry, anon);
      if (copied !== FAULT.none) return copied;
    } else k.frames.setFlags(entry.pfn, PG.exclusive);
  }
  if (unshare) return FAULT.none;
  entry.bits |= PTE.dirty | (vma.has(VM.WRITE) ? PTE.write : 0);
  return FAULT.none;
}

/** The copying half of hugetlb_wp. Whoever has reserved the page takes it from the others when the pool is empty. */
function copyForOwner(k: Kernel, vma: Vma, start: number, entry: HugeEntry, anon: boolean): number {
  const own = vma.privateData as Reservations | undefined;
  const copy = takePrivate(k, vma, hugeIndex(k, vma, start), anon && own?.mm === vma.mm);
  if (copy < 0) {
    if (!anon || own?.mm !== vma.mm) return poolEmpty(k, vma.file!.inode);
    unmapRefPrivate(k, vma, start, entry.pfn);
    if (k.frames.mapcount(entry.pfn) === 1) {
      k.frames.setFlags(entry.pfn, PG.exclusive);
      return FAULT.none;
    }
    throw new KernelHang("a store to a huge page faults again and again: another process maps it at another address");
  }
  vma.mm.invalidate(start, start + HUGE_SIZE);
  copyHugePage(k, entry.pfn, copy);
  k.frames.addMap(entry.pfn, -1);
  folioPut(k, entry.pfn);
  entry.pfn = copy;
  return FAULT.none;
}

/** unmap_ref_private, mm/hugetlb.c: takes a page out of the private mappings that have reserved nothing. */
function unmapRefPrivate(k: Kernel, vma: Vma, address: number, pfn: number): void {
  const index = hugeIndex(k, vma, address);
  for (const other of vma.file!.inode.mapping.vmas) {
    if (other === vma || other.has(VM.MAYSHARE)) continue;
    if (index < hugeIndex(k, other, other.start) || index >= hugeIndex(k, other, other.end)) continue;
    if ((other.privateData as Reservations | undefined)?.mm === other.mm) continue;
    other.mm.invalidate(address, address + HUGE_SIZE);
    if (address < other.start || address >= other.end || hugeEntry(other, address)?.pfn !== pfn) continue;
    unmapHugepageRange(k, other, address, address + HUGE_SIZE);
    const taken: Reservations = { pages: new Set(), takenFrom: other.mm };
    other.privateData = taken;
    k.note(hugetlbRules["hugetlb/owner-takes"], `frame ${pfn}`);
  }
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
    if (k.frames.addMap(entry.pfn, -1) === 0) restoreReserve(k, vma, address, entry.pfn);
    folioPut(k, entry.pfn);
    k.counters.ptes++;
  }
}

/** Reserves an anonymous page that its owner has unmapped again (__unmap_hugepage_range, mm/hugetlb.c). */
function restoreReserve(k: Kernel, vma: Vma, address: number, pfn: number): void {
  const own = vma.privateData as Reservations | undefined;
  if (k.design["hugetlb.unmapped"] === "unreserved" || own?.mm !== vma.mm || vma.has(VM.MAYSHARE)) return;
  if ((k.frames.flags(pfn) & PG.anon) === 0) return;
  own.pages.add(hugeIndex(k, vma, address));
  k.hugetlb.restoreReserve(pfn);
  k.note(hugetlbRules["hugetlb/reserved-again"], `frame ${pfn}`);
}
