/**
 * Page frames: the kernel's struct page as columns, indexed by frame number.
 *
 * A section holds as many frames as the largest folio and appears on first use, so that a
 * kernel which uses few costs little:
 *
 *   ref    Int32   _refcount (a pin of a small folio adds GUP_PIN_COUNTING_BIAS)      4 bytes
 *   map    Int32   _mapcount, counted from 0                                          4
 *   flags  Uint16  PG_* below                                                         2
 *   order  Uint8   folio order; a folio is aligned, so its head is `pfn & -(1<<order)` 1
 *   owner  Int32   address space id the page belongs to, 0 for none                   4  only in sections
 *   index  Int32   page offset in that address space                                  4  that need them
 *   cache  Uint8   PAT's cache mode, and the linear map's (above it), on x86          1  only where not write-back
 *
 * Contents exist only once something writes to a page: one Uint8Array a page.
 */
const SECTION_SHIFT = 10;
const SECTION = 1 << SECTION_SHIFT;
/** PAGE_ALLOC_COSTLY_ORDER: larger blocks are refused rather than waited for. */
const COSTLY_ORDER = 3;
/** Single frames that are handed out one behind the other. */
const RUN = 8;
/** Below it lies what the kernel itself occupies. */
const FIRST_FRAME = 1 << 15;

export const GUP_PIN_COUNTING_BIAS = 1024;
/** Bits of the cache column. */
const MEMTYPE = 3;
const LINEAR_SHIFT = 2;

export const PG = {
  /** The frame has been handed out. */
  allocated: 1,
  /** Anonymous memory (folio_test_anon). */
  anon: 2,
  /** PageAnonExclusive. */
  exclusive: 4,
  lru: 8,
  dirty: 16,
  referenced: 32,
  reserved: 64,
  /** Backed by swap when reclaimed: anonymous and shmem memory. */
  swapbacked: 128,
  hugetlb: 256,
  unevictable: 512,
  /** A compound page's tail or head: its reference count is the head's. */
  compound: 1024,
  /** MIGRATE_CMA pageblock: not long-term pinnable. */
  cma: 2048,
  movable: 4096,
  /** Somebody reaches it without a page table (Custody): who frees it is asked. */
  watched: 8192,
  /** In the page cache by fallocate, and not yet used: reads as zeros, counts as absent. */
  notUptodate: 16384,
  /** Memory of a PCI device that has struct pages (MEMORY_DEVICE_PCI_P2PDMA). */
  p2pdma: 32768,
} as const;

interface Section {
  readonly ref: Int32Array;
  readonly map: Int32Array;
  readonly flags: Uint16Array;
  readonly order: Uint8Array;
  owner: Int32Array | undefined;
  index: Int32Array | undefined;
  cache: Uint8Array | undefined;
}

/** Registers of a device, as the processor reaches them. Bytes. */
export interface Registers {
  load(offset: number, width: number): number;
  store(offset: number, bytes: Uint8Array): void;
}

/** One allocation for all columns: each of its own would cost more than it holds. */
function newSection(): Section {
  const memory = new ArrayBuffer(SECTION * 11);
  return {
    ref: new Int32Array(memory, 0, SECTION),
    map: new Int32Array(memory, SECTION * 4, SECTION),
    flags: new Uint16Array(memory, SECTION * 8, SECTION),
    order: new Uint8Array(memory, SECTION * 10, SECTION),
    owner: undefined,
    index: undefined,
    cache: undefined,
  };
}

export class Frames {
  readonly pageSize: number;
  private readonly sections: (Section | undefined)[] = [];
  private readonly free: number[][] = [];
  private readonly contents = new Map<number, Uint8Array>();
  /** Memory for contents: how many pages of the newest piece are still free, and how many it had. */
  private slab = new ArrayBuffer(0);
  private blanks = 0;
  private slabPages = 1;
  /** `_pincount` of large folios, by head. */
  private readonly largePins = new Map<number, number>();
  private next: number;
  /** Frame numbers of IO memory: where no device answers reads give zeros, writes are lost. */
  private readonly ioStart: number;
  private readonly ioEnd: number;
  /** Past the last PFN ever reserved; reserved memory is above all memory with struct pages. */
  private reserved: number;
  /** Frames of IO memory that show a page of memory: what a GPU's aperture does. */
  private readonly aliases = new Map<number, number>();
  /** Frames of IO memory at which something answers: video memory keeps what is written to it. */
  private readonly answering: { readonly from: number; readonly to: number }[] = [];
  /** Registers of devices, by their frames. */
  private readonly registers: { readonly from: number; readonly to: number; readonly device: Registers }[] = [];
  /** Where single frames come from now, and how many of it are left. */
  private block = 0;
  private left = 0;
  /** Pages handed out and not yet freed. */
  used = 0;
  /** Pages of page tables. */
  tables = 0;
  /** Told when small blocks are out: it ends a process and does not come back. */
  outOfMemory: (() => never) | undefined;
  /** Told of frames with PG.watched when they are freed. */
  onFree: ((pfn: number) => void) | undefined;
  /** Whether a frame lies in an area that was set aside. */
  aside: ((pfn: number) => boolean) | undefined;

  /**
   * @param memory frames that can be handed out at a time
   * @param limit frame numbers there are: more than `memory`, so that what is freed need not be used again at once
   */
  constructor(
    pageShift: number,
    readonly memory = Infinity,
    readonly limit: number = 2 ** (40 - pageShift),
    first: number = FIRST_FRAME,
  ) {
    this.pageSize = 2 ** pageShift;
    this.next = first;
    this.reserved = limit;
    this.ioStart = (3 * 2 ** 30) / this.pageSize;
    this.ioEnd = 2 ** 32 / this.pageSize;
  }

  private section(pfn: number): Section {
    const at = pfn >>> SECTION_SHIFT;
    return (this.sections[at] ??= newSection());
  }

  /** pfn_valid: the frame has a struct page. IO memory below 4 GiB and reserved memory have none. */
  valid(pfn: number): boolean {
    return pfn >= 0 && pfn < this.limit && !this.isIo(pfn);
  }

  /** The frame is IO memory: a window of a device. */
  isIo(pfn: number): boolean {
    return pfn >= this.ioStart && pfn < this.ioEnd;
  }

  /** Sets memory aside that no struct pages are made for (`no-map`): its first frame. */
  reserve(pages: number): number {
    const pfn = this.reserved;
    this.reserved += pages;
    return pfn;
  }

  /** Reserved memory is given back: it is handed out cleared. */
  forget(pfn: number): void {
    this.contents.delete(pfn);
  }

  /**
   * Hands out so many consecutive frames, each with a reference count of 1 of its own
   * (alloc_contig_range, mm/page_alloc.c). Gives the first frame number, or -1 when memory is out.
   */
  allocRange(pages: number, flags = 0): number {
    const align = 1 << Math.min(SECTION_SHIFT, Math.ceil(Math.log2(pages)));
    let pfn = Math.ceil(this.next / align) * align;
    if (pfn + pages > this.ioStart && pfn < this.ioEnd) pfn = this.ioEnd;
    if (pfn + pages > this.limit || pages > this.available) return -1;
    this.next = pfn + pages;
    this.used += pages;
    for (let i = pfn; i < pfn + pages; i++) {
      const section = this.section(i);
      section.flags[i & (SECTION - 1)] = PG.allocated | flags;
      section.ref[i & (SECTION - 1)] = 1;
    }
    return pfn;
  }

  /** split_page, mm/page_alloc.c: a non-compound allocation becomes single frames, each with its own reference. */
  split(pfn: number, order: number): void {
    for (let i = 1; i < 1 << order; i++) this.addRef(pfn + i, 1);
  }

  /** Pages that are still free. */
  get available(): number {
    return this.memory - this.used - this.tables;
  }

  /**
   * Hands out 2^order frames, aligned, reference count 1 on the head (alloc_pages, mm/page_alloc.c).
   * With `compound` the tails share the head's count; without it they have count 0, as the
   * tails of a non-compound allocation do. Gives the head's frame number. When memory is out a large block is -1;
   * for a small one the OOM killer runs.
   */
  alloc(order: number, flags = 0, compound = order > 0): number {
    const pfn = this.tryAlloc(order, flags, compound);
    if (pfn < 0 && order <= COSTLY_ORDER) this.outOfMemory?.();
    return pfn;
  }

  /** {@link alloc} with __GFP_NORETRY or __GFP_RETRY_MAYFAIL: -1 when memory is out, for a block of any size. */
  tryAlloc(order: number, flags = 0, compound = order > 0): number {
    const size = 1 << order;
    if (this.used + this.tables + size > this.memory) return -1;
    let pfn = this.free[order]?.pop() ?? (order === 0 ? this.single() : undefined);
    if (pfn === undefined) {
      pfn = Math.ceil(this.next / size) * size;
      if (pfn + size > this.ioStart && pfn < this.ioEnd) pfn = this.ioEnd;
      if (pfn + size > this.limit) return -1;
      this.next = pfn + size;
    }
    this.used += size;
    const bits = PG.allocated | flags | (compound && order > 0 ? PG.compound : 0);
    const section = this.section(pfn);
    const from = pfn & (SECTION - 1);
    section.flags.fill(bits, from, from + size);
    section.map.fill(0, from, from + size);
    section.ref.fill(0, from, from + size);
    section.order.fill(compound ? order : 0, from, from + size);
    section.ref[from] = 1;
    return pfn;
  }

  /**
   * A frame that was never handed out. Single frames come in runs of eight with a break behind
   * each: memory that was allocated page by page is never long in one piece.
   */
  private single(): number | undefined {
    if (this.left === 0) {
      const block = Math.ceil(this.next / (2 * RUN)) * 2 * RUN;
      if (block + 2 * RUN > this.limit || (block + 2 * RUN > this.ioStart && block < this.ioEnd)) return undefined;
      this.next = block + 2 * RUN;
      this.block = block;
      this.left = 2 * RUN;
    }
    return this.block + ((RUN + 2 * RUN - this.left--) & (2 * RUN - 1));
  }

  /**
   * Takes `size` consecutive frames aside for good, aligned to the largest folio: the first one. They have no owner
   * yet.
   */
  setAside(size: number): number {
    let pfn = Math.ceil(this.next / SECTION) * SECTION;
    if (pfn + size > this.ioStart && pfn < this.ioEnd) pfn = this.ioEnd;
    this.next = pfn + size;
    return pfn;
  }

  /** Hands out frames of an area that was set aside, each a page of its own with reference count 1. */
  take(first: number, count: number, flags: number): void {
    for (let pfn = first; pfn < first + count; ) {
      const section = this.section(pfn);
      const from = pfn & (SECTION - 1);
      const to = Math.min(SECTION, from + first + count - pfn);
      section.flags.fill(PG.allocated | flags, from, to);
      section.order.fill(0, from, to);
      section.map.fill(0, from, to);
      section.ref.fill(1, from, to);
      pfn += to - from;
    }
    this.used += count;
  }

  /** Frees 2^order pages regardless of their refcounts (free_pages_prepare checks are the caller's). */
  release(pfn: number, order: number): void {
    const size = 1 << order;
    const section = this.section(pfn);
    const from = pfn & (SECTION - 1);
    for (let i = 0; i < size; i++) if ((section.flags[from + i] & PG.watched) !== 0) this.onFree?.(pfn + i);
    section.flags.fill(0, from, from + size);
    section.ref.fill(0, from, from + size);
    section.map.fill(0, from, from + size);
    section.owner?.fill(0, from, from + size);
    // The page flags that hold PAT's mode go with the page; the linear map is left as it is.
    if (section.cache !== undefined) for (let i = from; i < from + size; i++) section.cache[i] &= ~MEMTYPE;
    if (this.contents.size > 0) for (let i = 0; i < size; i++) this.contents.delete(pfn + i);
    this.largePins.delete(pfn);
    this.used -= size;
    // An area that was set aside has an allocator of its own, which finds the frame by its count.
    if (this.aside?.(pfn)) return;
    (this.free[order] ??= []).push(pfn);
  }

  /** The folio's first frame: compound_head. */
  head(pfn: number): number {
    const order = this.section(pfn).order[pfn & (SECTION - 1)];
    return order === 0 ? pfn : pfn & -(1 << order);
  }
  order(pfn: number): number {
    return this.section(pfn).order[pfn & (SECTION - 1)];
  }
  ref(pfn: number): number {
    return this.section(pfn).ref[pfn & (SECTION - 1)];
  }
  /** Adds to the count of that very frame; callers resolve the head. Gives the new count. */
  addRef(pfn: number, n: number): number {
    return (this.section(pfn).ref[pfn & (SECTION - 1)] += n);
  }
  mapcount(pfn: number): number {
    return this.section(pfn).map[pfn & (SECTION - 1)];
  }
  addMap(pfn: number, n: number): number {
    return (this.section(pfn).map[pfn & (SECTION - 1)] += n);
  }
  flags(pfn: number): number {
    return this.section(pfn).flags[pfn & (SECTION - 1)];
  }
  setFlags(pfn: number, bits: number): void {
    this.section(pfn).flags[pfn & (SECTION - 1)] |= bits;
  }
  clearFlags(pfn: number, bits: number): void {
    this.section(pfn).flags[pfn & (SECTION - 1)] &= ~bits;
  }
  /** Address space id (see AddressSpace), 0 for folio->mapping == NULL. */
  owner(pfn: number): number {
    return this.section(pfn).owner?.[pfn & (SECTION - 1)] ?? 0;
  }
  index(pfn: number): number {
    return this.section(pfn).index?.[pfn & (SECTION - 1)] ?? 0;
  }
  setOwner(pfn: number, owner: number, index: number): void {
    const section = this.section(pfn);
    (section.owner ??= new Int32Array(SECTION))[pfn & (SECTION - 1)] = owner;
    (section.index ??= new Int32Array(SECTION))[pfn & (SECTION - 1)] = index;
  }
  /** get_page_memtype, arch/x86/mm/pat/memtype.c: CACHE in memtype.ts. */
  memtype(pfn: number): number {
    return (this.section(pfn).cache?.[pfn & (SECTION - 1)] ?? 0) & MEMTYPE;
  }
  setMemtype(pfn: number, mode: number): void {
    const section = this.section(pfn);
    const at = pfn & (SECTION - 1);
    if (mode === 0 && section.cache === undefined) return;
    const column = (section.cache ??= new Uint8Array(SECTION));
    column[at] = (column[at] & ~MEMTYPE) | mode;
  }
  /** The cache mode of the kernel's linear map of a page. */
  linearMode(pfn: number): number {
    return (this.section(pfn).cache?.[pfn & (SECTION - 1)] ?? 0) >> LINEAR_SHIFT;
  }
  setLinearMode(pfn: number, mode: number): void {
    const section = this.section(pfn);
    const at = pfn & (SECTION - 1);
    const column = (section.cache ??= new Uint8Array(SECTION));
    column[at] = (column[at] & MEMTYPE) | (mode << LINEAR_SHIFT);
  }
  largePin(head: number): number {
    return this.largePins.get(head) ?? 0;
  }
  addLargePin(head: number, n: number): void {
    const pins = this.largePin(head) + n;
    if (pins === 0) this.largePins.delete(head);
    else this.largePins.set(head, pins);
  }
  /** folio_maybe_dma_pinned. */
  maybePinned(pfn: number): boolean {
    const head = this.head(pfn);
    return this.order(pfn) > 0 ? this.largePin(head) > 0 : this.ref(head) >= GUP_PIN_COUNTING_BIAS;
  }

  /** The page's bytes to read, or undefined while they are all zero. */
  bytes(pfn: number): Uint8Array | undefined {
    const bytes = this.contents.get(pfn);
    if (bytes !== undefined || this.aliases.size === 0) return bytes;
    const to = this.aliases.get(pfn);
    return to === undefined ? undefined : this.contents.get(to);
  }
  /** The page's bytes to write. */
  writable(pfn: number): Uint8Array {
    let bytes = this.contents.get(pfn);
    if (bytes === undefined) {
      const to = this.aliases.size === 0 ? undefined : this.aliases.get(pfn);
      if (to !== undefined) return this.writable(to);
      bytes = this.blank();
      if (this.valid(pfn) || (pfn >= this.limit && pfn < this.reserved) || this.answers(pfn))
        this.contents.set(pfn, bytes);
    }
    return bytes;
  }
  /** Makes a page zero. */
  clear(pfn: number): void {
    this.contents.delete(pfn);
  }

  /** From here on a frame of IO memory shows a page of memory, or nothing. */
  alias(pfn: number, to: number | undefined): void {
    if (to === undefined) this.aliases.delete(pfn);
    else this.aliases.set(pfn, to);
  }

  /** A device has memory of its own at these frames. */
  addDeviceMemory(pfn: number, pages: number): void {
    this.answering.push({ from: pfn, to: pfn + pages });
  }
  /** A device has registers at these frames. */
  addRegisters(pfn: number, pages: number, device: Registers): void {
    this.registers.push({ from: pfn, to: pfn + pages, device });
  }
  /** The registers behind a frame, and the place of the frame among them in pages. */
  registersAt(pfn: number): { readonly device: Registers; readonly page: number } | undefined {
    if (this.registers.length === 0) return undefined;
    const found = this.registers.find(({ from, to }) => from <= pfn && pfn < to);
    return found && { device: found.device, page: pfn - found.from };
  }
  private answers(pfn: number): boolean {
    return this.answering.some(({ from, to }) => from <= pfn && pfn < to);
  }

  /** A page of zeros, cut from memory for several. */
  private blank(): Uint8Array {
    if (this.blanks === 0) {
      this.slabPages = Math.min(this.slabPages * 2, 64);
      this.slab = new ArrayBuffer(this.slabPages * this.pageSize);
      this.blanks = this.slabPages;
    }
    return new Uint8Array(this.slab, --this.blanks * this.pageSize, this.pageSize);
  }
}
