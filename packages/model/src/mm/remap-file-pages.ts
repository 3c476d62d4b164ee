/** sys_remap_file_pages, mm/mmap.c: since 4.0 nothing but a mapping of the same file in place of a part of this one. */
import { errnos } from "@litmap/litmus";
import { fput } from "../vfs/file.js";
import { acquire, release } from "../sched/path.js";
import { MAP, mmapLocked } from "./mmap.js";
import { mmPopulate } from "./populate.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import { hex, narrow, pageStart, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "remap-file-pages/bad-range": {
    sentence: "A size of 0, or a range or offset that overflows, gives EINVAL.",
    kernel: "sys_remap_file_pages, mm/mmap.c",
  },
  "remap-file-pages/not-shared": {
    sentence: "remap_file_pages of a private mapping gives EINVAL.",
    kernel: "sys_remap_file_pages, mm/mmap.c",
  },
  "remap-file-pages/not-alike": {
    sentence: "The range may span only VMAs of the same file with the same flags and no hole, else EINVAL.",
    kernel: "sys_remap_file_pages, mm/mmap.c",
  },
});

/** Bytes, and `pgoff` in pages. 0, -EINVAL, or what mmap gives. */
export function* remapFilePages(k: Kernel, task: Task, address: bigint, size: bigint, page: bigint): Path<number> {
  const from = pageStart(k, address);
  const whole = pageStart(k, size);
  if (ulong(k, from + whole) <= from || ulong(k, page + whole / BigInt(k.pageSize)) < page)
    return k.refuse(rule["remap-file-pages/bad-range"], errnos.EINVAL, hex(from));
  const [start, length, pgoff] = [narrow(from), narrow(whole), narrow(page)];
  const { mm } = task;
  yield* acquire(k, mm.mmapLock, "write");
  const vma = mm.lookup(start);
  let ret =
    vma === undefined || !vma.has(VM.SHARED)
      ? k.refuse(rule["remap-file-pages/not-shared"], errnos.EINVAL, `0x${start.toString(16)}`)
      : alike(k, vma, start + length);
  if (ret === 0) ret = yield* mapAgain(k, vma!, start, length, pgoff);
  yield* release(k, mm.mmapLock);
  if (ret < 0) return ret;
  yield* mmPopulate(k, task, start, start + length, true);
  return 0;
}

/** The range must lie in mappings of the same file and flags that touch each other. */
function alike(k: Kernel, vma: Vma, end: number): number {
  for (let at: Vma = vma; at.end < end; ) {
    const next = vma.mm.lookup(at.end);
    if (next === undefined || next.file !== vma.file || next.flags !== vma.flags)
      return k.refuse(rule["remap-file-pages/not-alike"], errnos.EINVAL, `0x${at.end.toString(16)}`);
    at = next;
  }
  return 0;
}

function* mapAgain(k: Kernel, vma: Vma, start: number, length: number, pgoff: number): Path<number> {
  const file = vma.file!;
  file.refs++;
  const prot = vma.flags & (VM.READ | VM.WRITE | VM.EXEC);
  const flags = MAP.SHARED | MAP.FIXED | (vma.has(VM.LOCKED) ? MAP.LOCKED : 0);
  const ret = yield* mmapLocked(k, vma.mm, { file, address: start, length, prot, flags, pgoff });
  yield* fput(file);
  return ret;
}
