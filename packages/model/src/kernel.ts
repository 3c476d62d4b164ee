/**
 * The kernel: memory, files, devices and time of one machine. Everything hangs off one
 * object, there is no global state.
 */
import { arches } from "./design/arch.js";
import { Device } from "./dma/device.js";
import { Caches } from "./dma/caches.js";
import { designOf, newestRelease } from "./design/release.js";
import { CmaArea } from "./mm/cma.js";
import { Frames, PG } from "./mm/frames.js";
import { Custody } from "./mm/custody.js";
import { Vmalloc } from "./mm/vmalloc.js";
import { HugetlbPool } from "./mm/hugetlb.js";
import { Pat } from "./mm/memtype.js";
import { Mm } from "./mm/mm.js";
import { LinearMap } from "./mm/page-attributes.js";
import { newCounters, Trace } from "./trace/trace.js";
import { outOfMemory } from "./mm/page-alloc.js";
import { KernelHang } from "./sched/path.js";
import { Files, Task } from "./task.js";
import type { Arch } from "@litmap/litmus";
import type { AddressSpace } from "./vfs/file.js";
import type { AnonVma } from "./mm/vma.js";
import type { DeviceOptions } from "./dma/device.js";
import type { DmaBuf } from "./dma-buf/buffer.js";
import type { ArchTraits } from "./design/arch.js";
import type { Design, PointName } from "./design/points.js";
import type { Rule } from "./rules/rule.js";

export interface KernelOptions {
  /** A version, `6.12.118`, or a series, which is its newest known update; default the newest that is modelled. */
  readonly release?: string;
  readonly arch?: Arch;
  /** Choices that differ from the release's. */
  readonly designs?: Partial<Design>;
  /** What the configuration of the kernel in question chose otherwise; the kernel is still its release. */
  readonly configured?: Partial<Design>;
  /** Bytes of memory that the machine has; default 1 GiB, as a virtual machine's. */
  readonly memory?: number;
  /** Pages that a test may reach before it counts as hung; default {@link PAGES_OF_A_TEST}. */
  readonly pages?: number;
  /** Decision points are put in as they are asked for. */
  readonly asked?: Set<PointName>;
}

/** As many pages as a kernel reaches within the time that it has for a test. */
export const PAGES_OF_A_TEST = 2 ** 23;

/** This part of memory the kernel itself and its init occupy. */
const KERNEL_SHARE = 8;

export class Kernel {
  readonly release: string;
  readonly arch: ArchTraits;
  readonly design: Design;
  readonly frames: Frames;
  readonly pageSize: number;
  /** What an unsigned long wraps at. */
  readonly wordLimit: number;
  readonly trace = new Trace();
  /** What the running step costs; whoever runs steps puts in new ones for each, and adds up. */
  counters = newCounters();
  /** Several tasks are driven step by step: paths yield. */
  concurrent = false;
  /** Who owns page frames, by id: page caches and anon_vmas. */
  readonly owners = new Map<number, AddressSpace | AnonVma>();
  /** The shared page of zeros (empty_zero_page). */
  readonly zeroPfn: number;
  /** Every dma-buf that there is, in the order of their export (dmabuf_list). */
  readonly dmaBufs = new Set<DmaBuf>();
  /** Kernel mappings (vmap). */
  readonly vmalloc: Vmalloc;
  /** Who reaches frames besides processes, and what was freed under them. */
  readonly custody: Custody;
  /** Cache modes of frames, and the kernel's own mapping of all memory. */
  readonly pat = new Pat(this);
  readonly linearMap = new LinearMap();
  /** The CPU's caches, where the machine has a device that does not snoop them. */
  caches: Caches | undefined;
  private contiguous: CmaArea | undefined;
  /** The kernel checks something when the processes of a test exit, so the exits are part of the test. */
  checkAtExit = false;
  /** Huge pages set aside at boot. */
  readonly hugetlb = new HugetlbPool();
  /** Pages: NR_FILE_MAPPED, NR_SHMEM, committed memory. */
  mappedPages = 0;
  /** Frames that MADV_FREE has queued (lru_lazyfree). */
  readonly lazyFree: number[] = [];
  /** Pages that faults brought in, in the per-CPU batch on their way to the LRU (lru_add). */
  readonly lruAdd: number[] = [];
  shmemPages = 0;
  committed = 0;
  /** Pages of memory that the machine has: more private writable memory than this is never granted at once. */
  readonly totalRam: number;
  /** The first warning that the kernel has printed. */
  warning: string | undefined;
  /**
   * Fault injection: how many more page-table pages can be allocated, and whether the last fault's VM_FAULT_OOM killed
   * nobody.
   */
  faultInjection: { tables?: number; oomLeaked: boolean } = { oomLeaked: false };
  /** dev_pagemap_ops of memory that a device hands out. */
  pagemap: { pageFree(pfn: number): void } | undefined;
  /** What single drivers keep ({@link slot}). */
  readonly slots = new Map<object, unknown>();
  private ids = 0;
  private pagesLeft: number;

  constructor(options: KernelOptions = {}) {
    this.release = options.release ?? newestRelease;
    this.arch = arches[options.arch ?? "x86_64"];
    const base = designOf(this.release);
    const byArch = {
      ...(this.arch.pteSpecial ? {} : { "arch.pte-special": "no" }),
      ...(this.arch.iommuPages ? { "dma.iommu-memory": "pages" } : {}),
      ...(this.arch.dmaCoherent ? {} : { "dma.coherence": "non-coherent" }),
    };
    const own = { ...byArch, ...options.configured, ...options.designs };
    const design = Object.keys(own).length === 0 ? base : ({ ...base, ...own } as Design);
    this.design = options.asked === undefined ? design : noting(design, options.asked);
    this.totalRam = (options.memory ?? 2 ** 30) / 2 ** this.arch.pageShift;
    this.frames = new Frames(this.arch.pageShift, this.totalRam - this.totalRam / KERNEL_SHARE);
    this.frames.outOfMemory = () => outOfMemory(this);
    this.pageSize = this.frames.pageSize;
    this.wordLimit = 2 ** this.arch.wordBits;
    this.pagesLeft = options.pages ?? PAGES_OF_A_TEST;
    this.vmalloc = new Vmalloc(this);
    this.custody = new Custody(this);
    this.zeroPfn = this.frames.alloc(0, PG.reserved);
    const coherence = { ...options.configured, ...options.designs }["dma.coherence"];
    if (coherence !== undefined && coherence !== "coherent") this.hasCaches();
  }

  /** The machine has a device that does not snoop the CPU's caches. */
  hasCaches(): void {
    this.caches ??= new Caches(this);
  }

  /** The machine's contiguous memory, laid out when it is first used. */
  get cma(): CmaArea {
    this.checkAtExit = true;
    return (this.contiguous ??= new CmaArea(this));
  }

  /** A number that nothing else has. */
  id(): number {
    return ++this.ids;
  }

  /** Refuses through a rule: gives `-errno`. */
  refuse(rule: Rule, errno: number, about = ""): number {
    this.trace.refuse(rule, errno, about);
    return -errno;
  }

  /** A WARN: the kernel goes on, and whoever watches its console reports the test. */
  warn(rule: Rule, about = ""): void {
    this.trace.note(rule, about);
    this.warning ??= `${rule.id}: ${about}`;
  }

  /** A WARN at which the kernel refuses as well: gives `-errno`. */
  warnAndRefuse(rule: Rule, errno: number, about = ""): number {
    this.warning ??= `${rule.id}: ${about}`;
    return this.refuse(rule, errno, about);
  }

  /** Says by which rule something was let through. */
  note(rule: Rule, about = ""): void {
    this.trace.note(rule, about);
  }

  /** Counts pages, or page tables, that a loop reaches. A kernel that goes on for too long is one that hangs. */
  spend(pages: number): void {
    if ((this.pagesLeft -= pages) < 0) throw new KernelHang("it goes through more pages than there is time for");
  }

  /** Whether a device sees the CPU's caches. */
  snoops({ coherent }: DeviceOptions): boolean {
    const coherence = this.design["dma.coherence"];
    return coherence === "nothing-snoops" ? false : (coherent ?? coherence === "coherent");
  }

  /** A device that does DMA. Without options it is as the design says: coherent or not, behind an IOMMU or not. */
  device(name: string, options: DeviceOptions = {}): Device {
    return new Device(name, {
      ...options,
      iommu: options.iommu ?? this.design["dma.mapping"] === "iommu",
      coherent: this.snoops(options),
    });
  }

  /**
   * A device that no firmware describes (a misc device): whether it snoops is the architecture's default, and no
   * device does on a machine where one does not.
   */
  miscDevice(name: string): Device {
    return this.device(name, { coherent: this.arch.dmaDefaultCoherent && this.caches === undefined });
  }

  /** A process with an empty address space and no descriptors. */
  process(name: string): Task {
    return new Task(name, new Mm(name, this.arch, this.frames), new Files());
  }
}

/** A design that remembers which of its points were asked for. */
function noting(design: Design, asked: Set<PointName>): Design {
  return new Proxy(design, {
    get(target, point) {
      asked.add(point as PointName);
      return target[point as PointName];
    },
  });
}
