/** Mappings of every kind to reach into: anonymous, memfd, and what drivers make by each primitive. */
import { runAlone } from "../src/sched/path.js";
import { File, Inode } from "../src/vfs/file.js";
import { Kernel } from "../src/kernel.js";
import { remapPfnRange, vmfInsertMixed, vmInsertPage } from "../src/mm/insert.js";
import { PG } from "../src/mm/frames.js";
import { doMmap, MAP } from "../src/mm/mmap.js";
import { newMemfd } from "../src/mm/shmem.js";
import { userLoad, userStore, userTouch } from "../src/mm/user-access.js";
import { VM } from "../src/mm/vma.js";
import { StepTrace } from "../src/trace/trace.js";
import type { Path } from "../src/sched/path.js";
import type { KernelOptions } from "../src/kernel.js";
import type { Task } from "../src/task.js";
import type { Vma } from "../src/mm/vma.js";

export const PAGE = 4096;
export const RW = VM.READ | VM.WRITE;

/** How a driver's mmap fills its mapping with memory of its own. */
export type DriverKind = "insert-page" | "insert-page-io" | "mixed" | "pfnmap" | "fault-page" | "cma";

export class Scene {
  readonly k: Kernel;
  readonly task: Task;
  private next = 0x1_0000_0000;

  constructor(options: KernelOptions = {}) {
    this.k = new Kernel(options);
    this.task = this.k.process("A");
    if (this.k.arch.name === "arm") this.next = 0x4000_0000;
  }

  run<T>(path: Path<T>): T {
    return runAlone(path);
  }

  /** A mapping at an address of its own; fails the test when mmap does. */
  map(
    file: File | undefined,
    pages: number,
    prot = RW,
    flags: number = MAP.SHARED,
    offset = 0,
    task = this.task,
  ): number {
    const address = this.run(
      doMmap(this.k, task, {
        file,
        address: BigInt(this.next),
        length: BigInt(pages * PAGE),
        prot,
        flags,
        offset: BigInt(offset),
      }),
    );
    if (address < 0) throw new Error(`mmap gave ${address}`);
    this.next += Math.max(0x40_0000, 2 * pages * PAGE);
    return address;
  }

  anon(pages: number, prot = RW, flags: number = MAP.PRIVATE): number {
    return this.map(undefined, pages, prot, flags);
  }

  memfd(pages: number): File {
    const file = this.run(newMemfd(this.k, { size: BigInt(pages * PAGE) }));
    if (typeof file === "number") throw new Error(`memfd gave ${file}`);
    return file;
  }

  /** A driver's file whose mmap maps order-0 pages of its own; the frames are in `frames`. */
  driverFile(kind: DriverKind, pages: number): { file: File; frames: number[] } {
    const { k } = this;
    const frames = Array.from({ length: pages }, () => k.frames.alloc(0, kind === "cma" ? PG.cma : 0));
    const inode = new Inode(k.id(), "drm");
    inode.size = pages * PAGE;
    const file = new File(
      inode,
      { mmap: (_file, vma) => fill(k, vma, kind, frames), path: () => "/dev/scene" },
      true,
      true,
    );
    return { file, frames };
  }

  driver(kind: DriverKind, pages: number): { address: number; frames: number[] } {
    const { file, frames } = this.driverFile(kind, pages);
    return { address: this.map(file, pages), frames };
  }

  touch(address: number, pages: number, write: boolean): void {
    const result = this.run(userTouch(this.k, this.task, address, pages * PAGE, write));
    if (result !== 0) throw new Error(`touch died`);
  }
  load(address: number): number | { signal: string } {
    return this.run(userLoad(this.k, this.task, address, 4));
  }
  store(address: number, value: number): number | { signal: string } {
    return this.run(userStore(this.k, this.task, address, 4, value));
  }

  /** The frame behind an address of the first process, or -1. */
  frame(address: number, task = this.task): number {
    const { table } = task.mm;
    const leaf = table.leaf(address);
    return leaf === undefined || leaf.bits[table.slot(address)] === 0 ? -1 : leaf.pfn[table.slot(address)];
  }
  ref(address: number, task = this.task): number {
    return this.k.frames.ref(this.frame(address, task));
  }
  /** Rules that were used since the last call. */
  rules(): string[] {
    return this.k.trace.switchTo(new StepTrace()).events.map((event) => event.rule.id);
  }
}

function* fill(k: Kernel, vma: Vma, kind: DriverKind, frames: readonly number[]): Path<number> {
  const at = (i: number): number => vma.start + i * PAGE;
  switch (kind) {
    case "insert-page":
    case "cma":
      frames.forEach((pfn, i) => vmInsertPage(k, vma, at(i), pfn));
      return 0;
    case "insert-page-io":
      frames.forEach((pfn, i) => vmInsertPage(k, vma, at(i), pfn));
      vma.flags |= VM.IO;
      return 0;
    case "mixed":
      vma.flags |= VM.MIXEDMAP;
      frames.forEach((pfn, i) => vmfInsertMixed(k, vma, at(i), pfn));
      return 0;
    case "pfnmap":
      frames.forEach((pfn, i) => remapPfnRange(k, vma, at(i), pfn, PAGE));
      return 0;
    case "fault-page":
      vma.ops = {
        name: "scene",
        *fault(vmf) {
          vmf.pfn = frames[vmf.pgoff];
          k.frames.addRef(vmf.pfn, 1);
          return 16;
        },
      };
      return 0;
  }
}
