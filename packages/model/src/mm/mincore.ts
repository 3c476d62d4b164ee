/**
 * sys_mincore, mm/mincore.c. The caller may write to every file here, so that the permission rule never hides anything.
 */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { PG } from "./frames.js";
import { HUGE_ORDER, HUGE_SIZE, hugeEntry } from "./hugetlb.js";
import { PTE } from "./page-table.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import { exact, hex, offsetInPage } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path, Touch } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "mincore/unaligned": {
    sentence: "mincore of an unaligned address gives EINVAL.",
    kernel: "sys_mincore, mm/mincore.c",
  },
  "mincore/hole": {
    sentence: "mincore over a hole gives ENOMEM.",
    kernel: "do_mincore, mm/mincore.c",
  },
  "mincore/page-cache": {
    sentence: "A page without a PTE is resident if it is in the file's page cache.",
    kernel: "mincore_page, mm/mincore.c",
  },
  "mincore/pfnmap-skipped": {
    sentence: "The page walk skips VM_PFNMAP VMAs: their pages are not resident.",
    kernel: "walk_page_test, mm/pagewalk.c",
  },
});

/** Bytes. Pages that are resident, -EINVAL for an unaligned address, -ENOMEM for a hole or past user space. */
export function* mincore(k: Kernel, task: Task, word: bigint, bytes: bigint): Path<number> {
  if (offsetInPage(k, word) !== 0) return k.refuse(rule["mincore/unaligned"], errnos.EINVAL, hex(word));
  if (word + bytes > BigInt(task.mm.arch.taskSize)) return k.refuse(rule["mincore/hole"], errnos.ENOMEM, hex(word));
  const [address, length] = [exact(word), exact(bytes)];
  const end = address + Math.ceil(length / k.pageSize) * k.pageSize;
  yield* acquire(k, task.mm.mmapLock, "read");
  const ret = yield* countResident(k, task, address, end);
  yield* release(k, task.mm.mmapLock);
  return ret;
}

function* countResident(k: Kernel, task: Task, address: number, end: number): Path<number> {
  let resident = 0;
  for (let at = address; at < end; ) {
    const vma = task.mm.lookup(at);
    if (vma === undefined) return k.refuse(rule["mincore/hole"], errnos.ENOMEM, `0x${at.toString(16)}`);
    const to = Math.min(vma.end, end);
    for (const from = at; at < to; at += k.pageSize) {
      k.spend(1);
      if (k.concurrent) yield looksAt(vma);
      if (isResident(k, vma, at, from)) resident++;
    }
  }
  return resident;
}

/** The entry, and the page cache behind it, without a lock that keeps both still. */
function looksAt(vma: Vma): Touch {
  const object = vma.file === undefined ? `entries ${vma.mm.name}` : `pages of inode ${vma.file.inode.id}`;
  return { kind: "access", object, write: false, guards: [vma.mm.ptl, vma.mm.mmapLock] };
}

/** do_mincore for one page; `from` is where the walk of this mapping began. */
function isResident(k: Kernel, vma: Vma, address: number, from: number): boolean {
  if (vma.has(VM.HUGETLB))
    return vma.mm.table.hasUpper(address) ? hugeEntry(vma, address) !== undefined : hugeInCache(k, vma, address, from);
  if (vma.has(VM.PFNMAP) && k.design["mincore.pfnmap"] === "skipped") {
    k.note(rule["mincore/pfnmap-skipped"]);
    return inPageCache(k, vma, address);
  }
  const bits = vma.mm.table.leaf(address)?.bits[vma.mm.table.slot(address)] ?? 0;
  return (bits & PTE.present) !== 0 || inPageCache(k, vma, address);
}

/**
 * Where not even the table of huge entries is there, mincore asks the page cache, page by page.
 * Up to 6.6 that counts in huge pages, and mincore goes on from the first one's index in steps
 * of one for every small page, so that it asks for other huge pages than it should.
 */
function hugeInCache(k: Kernel, vma: Vma, address: number, from: number): boolean {
  const hugeIndex = (vma.pgoff + (address - vma.start) / k.pageSize) >>> HUGE_ORDER;
  const begun = Math.max(from, Math.floor(address / HUGE_SIZE) * HUGE_SIZE);
  const steps = k.design["hugetlb.cache-index"] === "huge-pages" ? (address - begun) / k.pageSize : 0;
  return vma.file!.inode.mapping.pages.has(hugeIndex + steps);
}

/** mincore_page, mm/mincore.c: fallocated pages are not uptodate until their first use. */
function inPageCache(k: Kernel, vma: Vma, address: number): boolean {
  const index = vma.pgoff + (address - vma.start) / k.pageSize;
  const pfn = vma.file?.inode.mapping.pages.get(index);
  if (pfn === undefined || (k.frames.flags(pfn) & PG.notUptodate) !== 0) return false;
  k.note(rule["mincore/page-cache"]);
  return true;
}
