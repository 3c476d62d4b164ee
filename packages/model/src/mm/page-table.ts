/**
 * A page table: leaves of 2^tableShift entries, found through a sparse directory. The tables
 * above the leaves are not stored, only counted, for VmPTE.
 *
 * An entry is a frame number (Int32) and eight bits:
 *
 *   1 present   2 write   4 dirty   8 young   16 special   32 user (0: PROT_NONE)   64 swap   128 marker
 *
 * Five bytes an entry. An entry without bits is pte_none. A marker is a guard (PTE_MARKER_GUARD).
 * Huge pages of hugetlb mappings stand in {@link PageTable.huge}, one entry for 2 MiB.
 */
import type { ArchTraits } from "../design/arch.js";

export const PTE = { present: 1, write: 2, dirty: 4, young: 8, special: 16, user: 32, swap: 64, marker: 128 } as const;

export class Leaf {
  readonly pfn: Int32Array;
  readonly bits: Uint8Array;
  /** Entries that are not empty. */
  used = 0;
  /** Cache modes (CACHE in memtype.ts) once an entry has another than write-back. */
  private cache: Uint8Array | undefined;
  constructor(pfn: Int32Array, bits: Uint8Array) {
    this.pfn = pfn;
    this.bits = bits;
  }

  /** Writes a PTE over any old one (set_pte_at). */
  set(slot: number, pfn: number, bits: number): void {
    if (this.bits[slot] === 0) this.used++;
    this.pfn[slot] = pfn;
    this.bits[slot] = bits;
    if (this.cache !== undefined) this.cache[slot] = 0;
  }

  /** Cache mode of an entry: what its PWT, PCD and PAT bits say. */
  cacheMode(slot: number): number {
    return this.cache?.[slot] ?? 0;
  }

  /** Gives `n` entries a cache mode; after they were written. */
  setCacheMode(slot: number, n: number, mode: number): void {
    if (mode === 0 && this.cache === undefined) return;
    (this.cache ??= new Uint8Array(this.bits.length)).fill(mode, slot, slot + n);
  }

  /** Takes over the cache modes of the same entries of another table. */
  copyCacheModes(from: Leaf, slot: number, n: number): void {
    if (from.cache !== undefined)
      (this.cache ??= new Uint8Array(this.bits.length)).set(from.cache.subarray(slot, slot + n), slot);
  }

  /** Empties an entry (pte_clear). */
  clear(slot: number): void {
    if (this.bits[slot] === 0) return;
    this.used--;
    this.bits[slot] = 0;
  }
}

/** A PMD entry that maps a huge page. */
export interface HugeEntry {
  pfn: number;
  bits: number;
}

/** Where the memory of page tables comes from. */
export interface TableMemory {
  /** Pages that tables occupy. */
  tables: number;
}

/** Few, since most tests map little: an empty directory is paid for by every process. */
const DIRECTORY = 64;

export class PageTable {
  /** Leaves by `vpn >> tableShift`, so many to a directory. */
  private readonly directories = new Map<number, (Leaf | undefined)[]>();
  readonly entries: number;
  private readonly entriesMask: number;
  private readonly pageSize: number;
  /** Bytes that one leaf maps (PMD_SIZE). */
  readonly leafBytes: number;
  /** Page-table pages that are leaves. */
  leaves = 0;
  /** Page-table pages of any level that were ever made. */
  made = 0;
  /** Page-table pages above the leaves, by level and index; without those that the program itself needs. */
  private readonly uppers: Set<number>[] = [];
  /** Upper tables that are there before any test maps something: those of the program text and of the stack. */
  private readonly programs: Set<number>[] = [];
  /** PMD entries of hugetlb mappings, by address. */
  readonly huge = new Map<number, HugeEntry>();
  /** Memory for leaves, several at a time: how many fit in all, and how many have been taken. */
  private pfns = new Int32Array(0);
  private bits = new Uint8Array(0);
  private room = 0;
  private taken = 0;
  /** The leaf that was asked for last. */
  private lastTable = -1;
  private lastLeaf: Leaf | undefined;

  readonly tableShift: number;
  readonly levels: number;
  private readonly tableBytes: number;

  constructor(
    { pageShift, tableShift, levels, taskSize, tableBytes }: ArchTraits,
    private readonly memory: TableMemory,
  ) {
    this.tableShift = tableShift;
    this.levels = levels;
    this.tableBytes = tableBytes;
    this.entries = 1 << tableShift;
    this.entriesMask = this.entries - 1;
    this.pageSize = 2 ** pageShift;
    this.leafBytes = this.pageSize * this.entries;
    for (let level = 1; level < levels - 1; level++) {
      const span = this.leafBytes * this.entries ** level;
      this.uppers.push(new Set());
      this.programs.push(new Set([0, Math.floor((taskSize - 1) / span)]));
    }
  }

  /** The leaf that holds an address, if there is one. Addresses are doubles; no `>>` on them. */
  leaf(address: number): Leaf | undefined {
    const table = Math.floor(address / this.leafBytes);
    if (table === this.lastTable) return this.lastLeaf;
    const leaf = this.directories.get(Math.floor(table / DIRECTORY))?.[table % DIRECTORY];
    this.lastTable = table;
    this.lastLeaf = leaf;
    return leaf;
  }

  /** The leaf that holds an address, made when absent (pte_alloc). */
  leafAlloc(address: number): Leaf {
    return this.leaf(address) ?? this.install(address, this.newLeaf());
  }

  /** An empty leaf, cut from a slab: a pair of small arrays each would cost more than what they hold. */
  private newLeaf(): Leaf {
    if (this.taken === this.room) {
      this.room = Math.min(Math.max(this.room * 2, 2), 256);
      this.taken = 0;
      this.pfns = new Int32Array(this.room * this.entries);
      this.bits = new Uint8Array(this.room * this.entries);
    }
    const from = this.taken++ * this.entries;
    return new Leaf(this.pfns.subarray(from, from + this.entries), this.bits.subarray(from, from + this.entries));
  }

  /** Puts a leaf where none is (pmd_install), with the tables above it. */
  install(address: number, leaf: Leaf): Leaf {
    const table = Math.floor(address / this.leafBytes);
    const at = Math.floor(table / DIRECTORY);
    let directory = this.directories.get(at);
    if (directory === undefined) this.directories.set(at, (directory = new Array<Leaf | undefined>(DIRECTORY)));
    directory[table % DIRECTORY] = leaf;
    this.leaves++;
    this.memory.tables++;
    this.made++;
    this.lastTable = table;
    this.lastLeaf = leaf;
    this.upperAlloc(address);
    return leaf;
  }

  /** Makes the tables above the leaf of an address (pmd_alloc, pud_alloc). */
  upperAlloc(address: number): void {
    let index = Math.floor(address / this.leafBytes);
    for (let level = 0; level < this.uppers.length; level++) {
      index = Math.floor(index / this.entries);
      if (this.programs[level].has(index) || this.uppers[level].has(index)) continue;
      this.uppers[level].add(index);
      this.memory.tables++;
      this.made++;
    }
  }

  /** Whether there is a table above the leaf of an address: a PMD table. */
  hasUpper(address: number): boolean {
    const index = Math.floor(address / this.leafBytes / this.entries);
    return this.uppers.length > 0 && (this.programs[0].has(index) || this.uppers[0].has(index));
  }

  /** Where a walk goes on behind an address without a leaf: past all the memory around it that has none. */
  afterHole(address: number, end: number): number {
    const table = Math.floor(address / this.leafBytes);
    const at = Math.floor(table / DIRECTORY);
    return Math.min(end, (this.directories.has(at) ? table + 1 : (at + 1) * DIRECTORY) * this.leafBytes);
  }

  /** Where in its leaf an address's entry is. */
  slot(address: number): number {
    return Math.floor(address / this.pageSize) & this.entriesMask;
  }

  /** Takes a leaf out: its entries are gone or move elsewhere. */
  dropLeaf(address: number): void {
    const table = Math.floor(address / this.leafBytes);
    const directory = this.directories.get(Math.floor(table / DIRECTORY));
    if (directory?.[table % DIRECTORY] === undefined) return;
    directory[table % DIRECTORY] = undefined;
    this.leaves--;
    this.memory.tables--;
    this.lastTable = -1;
  }

  /**
   * Frees the tables of an unmapped range that lie wholly in the hole around it, floor to
   * ceiling, both bytes (free_pgd_range, mm/memory.c).
   */
  free(start: number, end: number, floor: number, ceiling: number): void {
    const size = this.leafBytes;
    const last = Math.min(Math.ceil(end / size), Math.floor(ceiling / size));
    for (let at = Math.max(Math.floor(start / size), Math.ceil(floor / size)) * size; at < last * size; ) {
      if (this.leaf(at) === undefined) at = this.afterHole(at, last * size);
      else {
        this.dropLeaf(at);
        at += size;
      }
    }
    let span = size;
    for (const level of this.uppers) {
      span *= this.entries;
      const upTo = Math.min(Math.ceil(end / span), Math.floor(ceiling / span));
      for (let at = Math.max(Math.floor(start / span), Math.ceil(floor / span)); at < upTo; at++)
        if (level.delete(at)) this.memory.tables--;
    }
  }

  /** mm_pgtables_bytes, less what the program itself has. */
  get bytes(): number {
    let tables = this.leaves;
    for (const level of this.uppers) tables += level.size;
    return tables * this.tableBytes;
  }
}

/** The entry at an address, if a page is there (follow_pte, follow_pfnmap_start). */
export function presentEntry(
  table: PageTable,
  address: number,
): { readonly pfn: number; readonly bits: number } | undefined {
  const leaf = table.leaf(address);
  const slot = table.slot(address);
  return leaf === undefined || (leaf.bits[slot] & PTE.present) === 0
    ? undefined
    : { pfn: leaf.pfn[slot], bits: leaf.bits[slot] };
}
