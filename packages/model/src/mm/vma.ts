/** vm_area_struct, its flags and its operations. */
import type { Path } from "../sched/path.js";
import type { File } from "../vfs/file.js";
import type { CacheMode, PfnmapTrack } from "./memtype.js";
import type { Mm } from "./mm.js";

/** VM_* bits. Values are ours where the kernel's do not fit 31 bits. */
export const VM = {
  READ: 0x1,
  WRITE: 0x2,
  EXEC: 0x4,
  SHARED: 0x8,
  MAYREAD: 0x10,
  MAYWRITE: 0x20,
  MAYEXEC: 0x40,
  MAYSHARE: 0x80,
  GROWSDOWN: 0x100,
  UFFD_MISSING: 0x200,
  PFNMAP: 0x400,
  /** VM_MAYBE_GUARD: guard markers were installed (from 6.19). */
  MAYBE_GUARD: 0x800,
  UFFD_WP: 0x1000,
  LOCKED: 0x2000,
  IO: 0x4000,
  SEQ_READ: 0x8000,
  RAND_READ: 0x10000,
  DONTCOPY: 0x20000,
  DONTEXPAND: 0x40000,
  LOCKONFAULT: 0x80000,
  ACCOUNT: 0x100000,
  NORESERVE: 0x200000,
  HUGETLB: 0x400000,
  SYNC: 0x800000,
  /** VM_PAT on x86 up to 6.15. */
  ARCH_1: 0x1000000,
  WIPEONFORK: 0x2000000,
  DONTDUMP: 0x4000000,
  SEALED: 0x8000000,
  MIXEDMAP: 0x10000000,
  HUGEPAGE: 0x20000000,
  NOHUGEPAGE: 0x40000000,
  /** VM_MERGEABLE, the sign bit: compare with `!== 0`, never with `> 0`. */
  MERGEABLE: -0x80000000,
} as const;

export const VM_SPECIAL = VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP;

/** is_cow_mapping, include/linux/mm.h. */
export function isCowMapping(flags: number): boolean {
  return (flags & (VM.SHARED | VM.MAYWRITE)) === VM.MAYWRITE;
}

/** VM_FAULT_* bits of a fault handler's answer. */
export const FAULT = {
  none: 0,
  oom: 1,
  sigbus: 2,
  sigsegv: 4,
  nopage: 8,
  locked: 16,
  retry: 32,
  hwpoison: 64,
  major: 128,
} as const;

/** vm_fault: the arguments of a fault handler, and the page that it returns. */
export interface VmFault {
  readonly vma: Vma;
  /** Page-aligned. */
  readonly address: number;
  /** Page offset in the file: linear_page_index. */
  readonly pgoff: number;
  readonly write: boolean;
  /** Set by the handler when it returns a page with a reference taken; the caller maps it. */
  pfn: number;
}

/** vm_operations_struct. A method that is absent is a null pointer in the kernel's table. */
export interface VmOps {
  readonly name: string;
  open?(vma: Vma): Path<void>;
  close?(vma: Vma): Path<void>;
  fault?(vmf: VmFault): Path<number>;
  pageMkwrite?(vmf: VmFault): Path<number>;
  pfnMkwrite?(vmf: VmFault): Path<number>;
  /** vm_ops->access: bytes copied, or a negative errno. `buf` is filled or read. */
  access?(vma: Vma, address: number, buf: Uint8Array, write: boolean): Path<number>;
  /** 0, or the negative errno that refuses the move. */
  mremap?(vma: Vma): number;
  maySplit?(vma: Vma, address: number): number;
  /** vm_ops->map_pages is filemap_map_pages: a read fault also maps neighbours that are in the page cache. */
  readonly mapPages?: boolean;
}

export class Vma {
  /** vm_ops; undefined is the kernel's empty dummy table. */
  ops: VmOps | undefined;
  file: File | undefined;
  /** vm_private_data. */
  privateData: unknown;
  /** Set once an anonymous page may be in the mapping (vma->anon_vma). */
  anonVma: AnonVma | undefined;
  /** Links in anon_vma_chain: its own anon_vma, and one for each ancestor it was forked from. */
  anonChain = 0;
  /** vm_page_prot as page-table entry bits: what a new entry gets. */
  pageProt = 0;
  /** mempolicy that mbind set, if any; VMAs with different ones do not merge. */
  policy: string | undefined;
  /** Caching bits of vm_page_prot (CACHE in memtype.ts): what the mapping's owner asks for. */
  cacheMode: CacheMode = 0;
  /** x86 PAT reservation made by remap_pfn_range over the whole VMA; VM_PAT or pfnmap_track_ctx. */
  pat: PfnmapTrack | undefined;
  attached = true;

  constructor(
    readonly mm: Mm,
    public start: number,
    public end: number,
    public flags: number,
    /** Pages into the file; for anonymous memory start / page size; for private remap_pfn_range the frame number. */
    public pgoff: number,
  ) {}

  has(bits: number): boolean {
    return (this.flags & bits) !== 0;
  }
}

/** An anon_vma: what anonymous pages name as their owner. Forked ones share a root. */
export class AnonVma {
  readonly root: AnonVma;
  /** VMAs of the whole family, kept at the root. */
  readonly vmas = new Set<Vma>();
  constructor(
    readonly id: number,
    root?: AnonVma,
  ) {
    this.root = root ?? this;
  }
}

/** vma_is_anonymous: private anonymous memory; a file mapping without methods is not. */
export function vmaIsAnonymous(vma: Vma): boolean {
  return vma.file === undefined && vma.ops === undefined;
}

/** vma_has_recency, include/linux/mm_inline.h: accesses through it say that a page is in use. */
export function vmaHasRecency(vma: Vma): boolean {
  return !vma.has(VM.SEQ_READ | VM.RAND_READ);
}

/** For stories and reports: `vma 0x100000000 of A`. */
export function vmaName(vma: Vma): string {
  return `vma 0x${vma.start.toString(16)} of ${vma.mm.name}`;
}
