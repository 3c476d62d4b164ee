/**
 * x86 PAT: which cache mode frames have, and who reserved it (arch/x86/mm/pat/memtype.c). Memory
 * keeps its mode with its pages (see Frames.memtype); of everything else ranges are kept here. Each
 * question begins with a walk through the resource tree; the walks and what they visit are counted.
 */
import { errnos } from "@litmap/litmus";
import { highMemory, pagerangeIsRam, walkOfPage } from "./iomem.js";
import { PTE } from "./page-table.js";
import { isCowMapping, VM, vmaName } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { PageWalk } from "./iomem.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "pat/tracked-flag": {
    sentence: "On x86 remap_pfn_range over a whole VMA reserves its memtype; up to 6.15 the VMA has VM_PAT (`ar`).",
    kernel: "track_pfn_remap, arch/x86/mm/pat/memtype.c (up to 6.15)",
  },
  "pat/tracked-context": {
    sentence:
      "From 6.16 on the memtype reservation of remap_pfn_range over a whole VMA is refcounted and shared by split " +
      "and forked VMAs.",
    kernel: [["6.16", "remap_pfn_range_track, mm/memory.c"]],
  },
  "pat/not-reserved": {
    sentence: "remap_pfn_range over a whole VMA gives EINVAL if its memtype cannot be reserved.",
    kernel: [
      ["5.10", "track_pfn_remap, arch/x86/mm/pat/memtype.c"],
      ["6.16", "remap_pfn_range_track, mm/memory.c"],
    ],
  },
  "pat/copy-no-entry": {
    sentence: "Fork of a VM_PAT VMA whose first PTE is not a PFN mapping gives EINVAL.",
    kernel: "track_pfn_copy, arch/x86/mm/pat/memtype.c (up to 6.15)",
  },
  "pat/tracked-twice": {
    sentence: "A second remap_pfn_range over a whole VMA gives EINVAL.",
    kernel: [["6.16", "remap_pfn_range_track, mm/memory.c"]],
  },
  "pat/mixed-modes": {
    sentence: "remap_pfn_range over part of a VMA gives EINVAL if the PFNs differ in cache mode.",
    kernel: [
      ["5.10", "track_pfn_remap, arch/x86/mm/pat/memtype.c"],
      ["6.16", "pfnmap_setup_cachemode, arch/x86/mm/pat/memtype.c"],
    ],
    unproven: "from source: no system call shows the cache mode of a page.",
  },
  "pat/ram-and-io": {
    sentence: "A range that is partly RAM and partly not cannot be reserved: EINVAL.",
    kernel: "memtype_reserve, arch/x86/mm/pat/memtype.c",
    unproven: "from source: no system call shows the cache mode of a page.",
  },
  "pat/ram-not-write-back": {
    sentence: "RAM can get another cache mode only while it is write-back, else EBUSY.",
    kernel: "reserve_ram_pages_type, arch/x86/mm/pat/memtype.c",
    unproven: "from source: no system call shows the cache mode of a page.",
  },
  "pat/reserved-otherwise": {
    sentence:
      "I/O memory reserved in one cache mode cannot be reserved in another: EBUSY, which remap_pfn_range turns " +
      "into EINVAL.",
    kernel: "memtype_check_conflict, arch/x86/mm/pat/memtype_interval.c",
  },
  "pat/freed-in-part": {
    sentence:
      "Up to 6.15, unmapping the first half of a tracked VMA alone frees no memtype, which stays reserved for good.",
    kernel: "memtype_erase, arch/x86/mm/pat/memtype_interval.c",
  },
  "pat/memory-has-its-own": {
    sentence: "A mapping of RAM gets the cache mode that the pages have, not the one requested.",
    kernel: "reserve_pfn_range, arch/x86/mm/pat/memtype.c",
    unproven: "from source: no system call shows the cache mode of a page.",
  },
  "pat/type-not-allowed": {
    sentence:
      "I/O memory reserved as write-back cannot be mapped UC or WC: EINVAL for a mapping, EBUSY for an io_mapping.",
    kernel: "reserve_pfn_range, arch/x86/mm/pat/memtype.c; is_new_memtype_allowed, arch/x86/include/asm/pgtable.h",
  },
});

/** enum page_cache_mode; memory knows the first four. */
export const CACHE = { wb: 0, wc: 1, ucMinus: 2, wt: 3, uc: 4 } as const;
export type CacheMode = (typeof CACHE)[keyof typeof CACHE];

const names = ["write-back", "write-combining", "uncached-minus", "write-through", "uncached"] as const;
export const cacheModeName = (mode: number): string => names[mode];

/** struct memtype: a reservation of frames `start` up to `end` that are no memory. */
interface Memtype {
  readonly start: number;
  readonly end: number;
  readonly mode: CacheMode;
}

/** struct pfnmap_track_ctx: a reservation that the VMAs share which a tracked mapping was split into. */
export interface PfnmapTrack {
  readonly pfn: number;
  readonly pages: number;
  users: number;
}

/** What PAT keeps for one kernel. */
export class Pat {
  /** memtype_rbroot. */
  readonly memtypes: Memtype[] = [];
  private last: PageWalk = walkOfPage(0);

  constructor(private readonly k: Kernel) {}

  /** pat_pagerange_is_ram of a range of frames: 1, 0, or -1 for a mixture. */
  rangeIsRam(pfn: number, pages: number): number {
    const { counters, pageSize } = this.k;
    const { ram, nodes } = pages === 1 ? this.pageWalk(pfn) : pagerangeIsRam(pfn * pageSize, (pfn + pages) * pageSize);
    counters.pat_lookups++;
    counters.resource_nodes += nodes;
    return ram;
  }

  private pageWalk(pfn: number): PageWalk {
    if (pfn < this.last.from || pfn >= this.last.to) this.last = walkOfPage(pfn);
    return this.last;
  }

  /** lookup_memtype of one frame. */
  lookup(pfn: number): CacheMode {
    if (isIsa(pfn)) return CACHE.wb;
    if (this.rangeIsRam(pfn, 1) !== 0) return this.k.frames.memtype(pfn) as CacheMode;
    return this.memtypes.find((entry) => entry.start <= pfn && pfn < entry.end)?.mode ?? CACHE.ucMinus;
  }

  /**
   * lookup_memtype of each frame of a range (pfnmap_setup_cachemode, track_pfn_remap): the mode
   * that they share, or -EINVAL where two differ; the frames after that are not asked for.
   */
  lookupEach(pfn: number, pages: number): CacheMode | number {
    const first = this.lookup(pfn);
    for (let at = pfn + 1; at < pfn + pages; at++) {
      if (this.lookup(at) !== first) return this.k.refuse(rule["pat/mixed-modes"], errnos.EINVAL, `frame ${at}`);
    }
    return first;
  }

  /**
   * memtype_reserve: -EBUSY for memory that is not write-back, or for a range reserved in
   * another mode; -EINVAL for a mixture. `strict` (no new_type) refuses every other mode; without
   * it the mode that is there already is given.
   */
  reserve(pfn: number, pages: number, wanted: CacheMode, strict: boolean): CacheMode | number {
    const { k } = this;
    if (isIsa(pfn)) return CACHE.wb;
    const ram = this.rangeIsRam(pfn, pages);
    if (ram < 0) return k.refuse(rule["pat/ram-and-io"], errnos.EINVAL, `frame ${pfn}`);
    if (ram === 1) return this.reserveRam(pfn, pages, wanted);
    const asked = wanted === CACHE.wb ? mtrrHint(pfn) : wanted;
    const overlap = this.memtypes.filter((entry) => entry.start < pfn + pages && pfn < entry.end);
    const found = overlap[0]?.mode ?? asked;
    if ((strict && found !== asked) || overlap.some((entry) => entry.mode !== found)) {
      return k.refuse(rule["pat/reserved-otherwise"], errnos.EBUSY, `frame ${pfn} is ${cacheModeName(found)}`);
    }
    this.memtypes.push({ start: pfn, end: pfn + pages, mode: found });
    return found;
  }

  /** reserve_ram_pages_type. */
  private reserveRam(pfn: number, pages: number, wanted: CacheMode): CacheMode | number {
    const { k } = this;
    const mode = wanted === CACHE.uc ? CACHE.ucMinus : wanted;
    for (let at = pfn; at < pfn + pages; at++) {
      if (k.frames.memtype(at) !== CACHE.wb)
        return k.refuse(
          rule["pat/ram-not-write-back"],
          errnos.EBUSY,
          `frame ${at} is ${cacheModeName(k.frames.memtype(at))}`,
        );
    }
    for (let at = pfn; at < pfn + pages; at++) k.frames.setMemtype(at, mode);
    return mode;
  }

  /**
   * memtype_free: memory becomes write-back; of IO memory a reservation of exactly these frames goes,
   * or one that ends with them is cut short (memtype_erase). Where there is neither it stays for good.
   */
  free(pfn: number, pages: number): void {
    if (isIsa(pfn)) return;
    const ram = this.rangeIsRam(pfn, pages);
    if (ram === 1) for (let at = pfn; at < pfn + pages; at++) this.k.frames.setMemtype(at, CACHE.wb);
    if (ram !== 0) return;
    const end = pfn + pages;
    const exact = this.memtypes.findIndex((entry) => entry.start === pfn && entry.end === end);
    const ending = this.memtypes.findIndex((entry) => entry.start < pfn && entry.end === end);
    if (exact >= 0) this.memtypes.splice(exact, 1);
    else if (ending >= 0) this.memtypes[ending] = { ...this.memtypes[ending], end: pfn };
    else this.k.note(rule["pat/freed-in-part"], `frame ${pfn}`);
  }

  /**
   * reserve_pfn_range: what a mapping of these frames gets that wants a mode; -EINVAL or -EBUSY. Memory is only looked
   * up.
   */
  reservePfnRange(pfn: number, pages: number, wanted: CacheMode, strict = false): CacheMode | number {
    const { k } = this;
    if (this.rangeIsRam(pfn, pages) !== 0) {
      const mode = this.lookup(pfn);
      if (mode !== wanted)
        k.note(rule["pat/memory-has-its-own"], `${cacheModeName(mode)}, not ${cacheModeName(wanted)}`);
      return mode;
    }
    const mode = this.reserve(pfn, pages, wanted, false);
    if (mode < 0) return mode;
    if (mode !== wanted && (strict || !isNewMemtypeAllowed(wanted, mode as CacheMode))) {
      this.free(pfn, pages);
      return k.refuse(
        rule["pat/type-not-allowed"],
        errnos.EINVAL,
        `${cacheModeName(wanted)}, but it is ${cacheModeName(mode)}`,
      );
    }
    this.kernelMapSync(pfn);
    return mode;
  }

  /** free_pfn_range. */
  freePfnRange(pfn: number, pages: number): void {
    if (this.rangeIsRam(pfn, pages) === 0) this.free(pfn, pages);
  }

  /** memtype_kernel_map_sync: IO memory below the end of memory is looked up once more, and is in no linear map. */
  private kernelMapSync(pfn: number): void {
    if (pfn * this.k.pageSize < highMemory) this.rangeIsRam(pfn, 1);
  }

  /** memtype_reserve_io, for an io_mapping: the mode granted, -EINVAL or -EBUSY. */
  reserveIo(pfn: number, pages: number, wanted: CacheMode): CacheMode | number {
    const mode = this.reserve(pfn, pages, wanted, false);
    if (mode < 0) return mode;
    if (!isNewMemtypeAllowed(wanted, mode as CacheMode)) {
      this.free(pfn, pages);
      return this.k.refuse(
        rule["pat/type-not-allowed"],
        errnos.EBUSY,
        `${cacheModeName(wanted)}, but it is ${cacheModeName(mode)}`,
      );
    }
    this.kernelMapSync(pfn);
    return mode;
  }
}

/** pat_x_mtrr_type: the MTRRs make the hole below 4 GiB uncached; windows above all memory are left write-back. */
const mtrrHint = (pfn: number): CacheMode => (pfn < 2 ** 20 ? CACHE.ucMinus : CACHE.wb);

/** The low ISA region is not tracked. */
const isIsa = (pfn: number): boolean => pfn < 256;

/** is_new_memtype_allowed, arch/x86/include/asm/pgtable.h. */
function isNewMemtypeAllowed(wanted: CacheMode, granted: CacheMode): boolean {
  if (granted === CACHE.wb) return wanted === CACHE.wb || wanted === CACHE.uc;
  return !(wanted === CACHE.wt && granted === CACHE.wc);
}

/**
 * The mode that remap_pfn_range gives its entries, or a negative errno: a call over the whole
 * mapping reserves it (track_pfn_remap; remap_pfn_range_track), any other looks it up page by page.
 */
export function trackPfnRemap(k: Kernel, vma: Vma, address: number, pfn: number, end: number): CacheMode | number {
  if (!k.arch.pat) return vma.cacheMode;
  const pages = (end - address) / k.pageSize;
  if (address !== vma.start || end !== vma.end) return k.pat.lookupEach(pfn, pages);
  const contexts = k.design["pat.tracking"] === "track-ctx";
  if (contexts && vma.pat !== undefined)
    return k.refuse(rule["pat/tracked-twice"], errnos.EINVAL, `vma 0x${vma.start.toString(16)} of ${vma.mm.name}`);
  const mode = k.pat.reservePfnRange(pfn, pages, vma.cacheMode);
  if (mode < 0) return k.refuse(rule["pat/not-reserved"], errnos.EINVAL, vmaName(vma));
  vma.pat = { pfn, pages, users: 1 };
  if (!contexts) vma.flags |= VM.ARCH_1;
  k.note(
    contexts ? rule["pat/tracked-context"] : rule["pat/tracked-flag"],
    `vma 0x${vma.start.toString(16)} of ${vma.mm.name}`,
  );
  return mode;
}

/**
 * untrack_pfn, up to 6.15: as a mapping with VM_PAT is emptied its reservation goes, of the frames
 * from its first entry's on, or from its page offset where that entry was copied.
 */
export function untrackPfn(k: Kernel, vma: Vma): void {
  if (vma.pat === undefined || !vma.has(VM.ARCH_1)) return;
  const leaf = vma.mm.table.leaf(vma.start);
  const slot = vma.mm.table.slot(vma.start);
  const special = leaf !== undefined && (leaf.bits[slot] & PTE.special) !== 0;
  const pfn = special ? leaf.pfn[slot] : isCowMapping(vma.flags) ? vma.pgoff : -1;
  if (pfn >= 0) k.pat.freePfnRange(pfn, (vma.end - vma.start) / k.pageSize);
  untrackClear(vma);
}

/** untrack_pfn_clear: a mapping that was moved forgets its reservation; the copy has it. */
export function untrackClear(vma: Vma): void {
  vma.pat = undefined;
  vma.flags &= ~VM.ARCH_1;
}

/** vma_pfnmap_track_ctx_release, from 6.16: a mapping goes, and with the last of them the reservation. */
export function putPfnmapTrack(k: Kernel, vma: Vma): void {
  const track = vma.pat;
  if (track === undefined || vma.has(VM.ARCH_1)) return;
  vma.pat = undefined;
  if (--track.users === 0) k.pat.freePfnRange(track.pfn, track.pages);
}

/**
 * track_pfn_copy, up to 6.15: a child's mapping reserves for itself; a shared context needs nothing. 0 or a negative
 * errno.
 */
export function trackPfnCopy(k: Kernel, vma: Vma, copy: Vma): number {
  if (vma.pat === undefined || !vma.has(VM.ARCH_1)) return 0;
  const leaf = vma.mm.table.leaf(vma.start);
  const slot = vma.mm.table.slot(vma.start);
  if (leaf === undefined || (leaf.bits[slot] & PTE.special) === 0)
    return k.refuse(rule["pat/copy-no-entry"], errnos.EINVAL, vmaName(vma));
  copy.pat = { ...vma.pat, users: 1 };
  const mode = k.pat.reservePfnRange(
    leaf.pfn[slot],
    (vma.end - vma.start) / k.pageSize,
    leaf.cacheMode(slot) as CacheMode,
    true,
  );
  return Math.min(mode, 0);
}

/** struct io_mapping: IO memory whose mode was reserved once, for all mappings of parts of it. */
export interface IoMapping {
  readonly pfn: number;
  readonly pages: number;
  readonly mode: CacheMode;
}

/**
 * io_mapping_init_wc, include/linux/io-mapping.h (ioremap_wc with 64 bits): frames as write-combining, or a negative
 * errno.
 */
export function ioMappingInitWc(k: Kernel, pfn: number, pages: number): IoMapping | number {
  const mode = k.arch.pat ? k.pat.reserveIo(pfn, pages, CACHE.wc) : CACHE.wc;
  return mode < 0 ? mode : { pfn, pages, mode: mode as CacheMode };
}

/** io_mapping_fini. */
export function ioMappingFini(k: Kernel, mapping: IoMapping): void {
  if (k.arch.pat) k.pat.free(mapping.pfn, mapping.pages);
}
