/**
 * A page table: leaves of 2^tableShift entries, found through a sparse directory. The tables
 * above the leaves are not stored, only counted, for VmPTE.
 *
 * An entry is a frame number (Int32) and eight bits:
 *
 *   1 present   2 write   4 dirty   8 young   16 special   32 user (0: PROT_NONE)   64 swap   128 marker
 *
 * Five bytes an entry.
 */
export const PTE = { present: 1, write: 2, dirty: 4, young: 8, special: 16, user: 32, swap: 64, marker: 128 } as const;

export class Leaf {
  readonly pfn: Int32Array;
  readonly bits: Uint8Array;
  /** Entries that are not empty. */
  used = 0;
  constructor(entries: number) {
    this.pfn = new Int32Array(entries);
    this.bits = new Uint8Array(entries);
  }
}

export class PageTable {
  /** Leaves by `vpn >> tableShift`, 1024 to a directory. */
  private readonly directories = new Map<number, (Leaf | undefined)[]>();
  readonly entries: number;
  private readonly entriesMask: number;
  private readonly pageSize: number;
  /** Page-table pages by level: leaves first. Sizes mm_pgtables_bytes. */
  leaves = 0;

  constructor(
    pageShift: number,
    readonly tableShift: number,
  ) {
    this.entries = 1 << tableShift;
    this.entriesMask = this.entries - 1;
    this.pageSize = 2 ** pageShift;
  }

  /** The leaf that holds an address, if there is one. Addresses are doubles; no `>>` on them. */
  leaf(address: number): Leaf | undefined {
    const table = Math.floor(address / this.pageSize / this.entries);
    return this.directories.get(Math.floor(table / 1024))?.[table % 1024];
  }

  /** The leaf that holds an address, made when absent (pte_alloc). */
  leafAlloc(address: number): Leaf {
    const table = Math.floor(address / this.pageSize / this.entries);
    const at = Math.floor(table / 1024);
    let directory = this.directories.get(at);
    if (directory === undefined) this.directories.set(at, (directory = new Array<Leaf | undefined>(1024)));
    const leaf = directory[table % 1024];
    if (leaf !== undefined) return leaf;
    this.leaves++;
    return (directory[table % 1024] = new Leaf(this.entries));
  }

  /** Where in its leaf an address's entry is. */
  slot(address: number): number {
    return Math.floor(address / this.pageSize) & this.entriesMask;
  }

  /** Takes an empty leaf out (free_pgtables). */
  dropLeaf(address: number): void {
    const table = Math.floor(address / this.pageSize / this.entries);
    const directory = this.directories.get(Math.floor(table / 1024));
    if (directory?.[table % 1024] === undefined) return;
    directory[table % 1024] = undefined;
    this.leaves--;
  }
}
