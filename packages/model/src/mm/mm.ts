/** mm_struct: an address space. */
import { Lock } from "../sched/path.js";
import { PageTable } from "./page-table.js";
import type { TableMemory } from "./page-table.js";
import type { Vma } from "./vma.js";
import type { ArchTraits } from "../design/arch.js";

/** A listener on invalidations (mmu_notifier). */
export interface Notifier {
  invalidate(start: number, end: number): void;
  /** The address space ends: nothing of it may be reached any more. */
  release(): void;
}

export class Mm {
  /** Sorted by address; they never overlap. */
  readonly vmas: Vma[] = [];
  readonly table: PageTable;
  /** Pages: MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES. */
  rssFile = 0;
  rssAnon = 0;
  rssShmem = 0;
  /** Pages: mm->locked_vm, mm->pinned_vm, mm->total_vm. */
  lockedVm = 0;
  pinnedVm = 0;
  /** MMF_HAS_PINNED: some page of it was pinned once; fork then looks for pinned pages. */
  hasPinned = false;
  totalVm = 0;
  /** def_flags: what mlockall(MCL_FUTURE) adds to new mappings. */
  defFlags = 0;
  readonly mmapLock: Lock;
  /** The page-table lock; one for the address space (the kernel has one a table). */
  readonly ptl: Lock;
  readonly notifiers: Notifier[] = [];
  /** What /proc/PID/status said when its first task began, bytes: status shows gains. */
  baseline: Readonly<Record<string, number>> | undefined;
  /** Tasks that use it; 0 once it was torn down. */
  users = 1;

  constructor(
    readonly name: string,
    readonly arch: ArchTraits,
    readonly memory: TableMemory,
  ) {
    this.table = new PageTable(arch, memory);
    this.mmapLock = new Lock("mmap_lock", `mmap_lock ${name}`);
    this.ptl = new Lock("ptl", `ptl ${name}`);
  }

  /** Tells every listener that a range is about to change (mmu_notifier_invalidate_range_start). Bytes. */
  invalidate(start: number, end: number): void {
    for (const notifier of this.notifiers) notifier.invalidate(start, end);
  }

  /** Tells every listener that the address space ends, and forgets them (mmu_notifier_release). */
  releaseNotifiers(): void {
    for (const notifier of this.notifiers.splice(0)) notifier.release();
  }

  /** First VMA that ends above an address (find_vma). */
  findVma(address: number): Vma | undefined {
    const at = this.findIndex(address);
    return this.vmas[at];
  }

  /** The VMA that holds an address (vma_lookup). */
  lookup(address: number): Vma | undefined {
    const vma = this.findVma(address);
    return vma !== undefined && vma.start <= address ? vma : undefined;
  }

  /** Whether no mapping lies in a range. Bytes. */
  isFree(start: number, end: number): boolean {
    const vma = this.findVma(start);
    return vma === undefined || vma.start >= end;
  }

  /** Place of the first VMA that ends above an address. */
  findIndex(address: number): number {
    let low = 0;
    let high = this.vmas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.vmas[middle].end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
