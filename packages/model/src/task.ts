/** task_struct, as far as memory needs it: a process or a thread of one. */
import { errnos } from "@litmap/litmus";
import { Memcg } from "./mm/memcg.js";
import { rules } from "./rules/rule.js";
import type { Timeline } from "./dma-buf/sync-file.js";
import type { File } from "./vfs/file.js";
import type { Kernel } from "./kernel.js";
import type { Mm } from "./mm/mm.js";

export const fdRules = rules({
  "fd/not-open": {
    sentence: "A closed descriptor gives EBADF.",
    kernel: [
      ["5.10", "__fdget, fs/file.c"],
      ["6.12", "fdget, fs/file.c"],
    ],
  },
});

/** files_struct: descriptors by number. */
export class Files {
  private readonly slots: (File | undefined)[] = [];
  /** Tasks that share the table. */
  users = 1;
  /** The number of the write end of each pipe that a test sees as one descriptor, by the number of its read end. */
  readonly writeEnds = new Map<number, number>();
  /** The timeline of sw_sync that was opened last; a fork inherits its descriptor, but opens its own. */
  timeline: Timeline | undefined;
  /**
   * Lowest free number from 3 on gets the file; the caller's reference passes to the table.
   * `taken` lower ones are in use for the moment: by the device through which the file is made.
   */
  install(file: File, taken = 0): number {
    let fd = 3;
    for (let left = taken; ; fd++) if (this.slots[fd] === undefined && left-- === 0) break;
    this.slots[fd] = file;
    return fd;
  }
  get(fd: number): File | undefined {
    return this.slots[fd];
  }
  /** Takes a descriptor out; its reference passes to the caller. */
  remove(fd: number): File | undefined {
    const file = this.slots[fd];
    this.slots[fd] = undefined;
    return file;
  }
  /** What fork gives the child: the same open files under the same numbers (dup_fd, fs/file.c). */
  duplicate(): Files {
    const copy = new Files();
    for (const [fd, file] of this) {
      file.refs++;
      copy.slots[fd] = file;
    }
    for (const [readEnd, writeEnd] of this.writeEnds) copy.writeEnds.set(readEnd, writeEnd);
    return copy;
  }
  *[Symbol.iterator](): Generator<[number, File]> {
    for (let fd = 0; fd < this.slots.length; fd++) {
      const file = this.slots[fd];
      if (file !== undefined) yield [fd, file];
    }
  }
}

/** fdget, fs/file.c: the open file behind a descriptor, or -EBADF. No reference is taken. */
export function fdget(k: Kernel, files: Files, fd: number): File | number {
  return files.get(fd) ?? k.refuse(fdRules["fd/not-open"], errnos.EBADF, `descriptor ${fd}`);
}

export class Task {
  /** ru_minflt. */
  minorFaults = 0;
  dead = false;
  /** What /proc/PID/status said when a thread began, bytes: its status shows gains. */
  baseline: Readonly<Record<string, number>> | undefined;
  /** Things that end with the process: rings, pipes of vmsplice, userfaultfds. Run at exit. */
  readonly atExit: (() => void)[] = [];
  constructor(
    readonly name: string,
    readonly mm: Mm,
    readonly files: Files,
    /** What it is charged for memory of buffers; a fork and a thread have their parent's. */
    readonly memcg: Memcg = new Memcg(name),
  ) {}
}
