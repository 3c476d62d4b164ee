/** The page cache of shmem files (mm/shmem.c): where a page of a file comes from. */
import { errnos } from "@litmap/litmus";
import { rules } from "../rules/rule.js";
import { PG } from "./frames.js";
import { HUGE_ORDER, HUGE_SIZE, hugetlbGetPage } from "./hugetlb.js";
import { noMemory } from "./page-alloc.js";
import { folioGet } from "./rmap.js";
import type { Kernel } from "../kernel.js";
import type { AddressSpace, Inode } from "../vfs/file.js";

const rule = rules({
  "memfd/beyond-eof": {
    sentence: "A page past the end of the file does not exist: a fault gives SIGBUS.",
    kernel: "shmem_get_folio_gfp, mm/shmem.c",
  },
  "memfd/allocated": {
    sentence: "The first access to a page of the file allocates it; it belongs to the page cache, not to the process.",
    kernel: "shmem_get_folio_gfp, mm/shmem.c",
  },
});

/** Puts a page into the cache of a file: the cache takes over a reference. Page index. */
export function addToPageCache(k: Kernel, mapping: AddressSpace, index: number, pfn: number): void {
  k.owners.set(mapping.id, mapping);
  mapping.pages.set(index, pfn);
  k.frames.setOwner(pfn, mapping.id, index);
}

/**
 * shmem_get_folio, mm/shmem.c: the frame of a page of the file, with a reference taken; made when it
 * is not there. A page past the end gives -EINVAL, except for fallocate. Page index.
 */
export function shmemGetPage(k: Kernel, inode: Inode, index: number, why: "cache" | "fallocate" = "cache"): number {
  if (inode.kind === "hugetlb") return hugetlbSubpage(k, inode, index);
  if (why === "cache" && index * k.pageSize >= inode.size)
    return k.refuse(rule["memfd/beyond-eof"], errnos.EINVAL, `page ${index} of inode ${inode.id}`);
  const found = inode.mapping.pages.get(index);
  if (found !== undefined) {
    if (why === "cache" && (k.frames.flags(found) & PG.notUptodate) !== 0) {
      k.counters.pages_zeroed++;
      k.frames.clearFlags(found, PG.notUptodate);
    }
    folioGet(k, found);
    return found;
  }
  const pfn = k.frames.alloc(0, PG.swapbacked | PG.lru | (why === "fallocate" ? PG.notUptodate : 0));
  if (pfn < 0) return noMemory(k, 1);
  addToPageCache(k, inode.mapping, index, pfn);
  k.shmemPages++;
  if (why === "cache") k.counters.pages_zeroed++;
  k.note(rule["memfd/allocated"]);
  folioGet(k, pfn);
  return pfn;
}

function hugetlbSubpage(k: Kernel, inode: Inode, index: number): number {
  const huge = index >>> HUGE_ORDER;
  if (huge * HUGE_SIZE >= inode.size)
    return k.refuse(rule["memfd/beyond-eof"], errnos.EINVAL, `page ${index} of inode ${inode.id}`);
  const head = hugetlbGetPage(k, inode, huge);
  return head < 0 ? head : head + (index % (1 << HUGE_ORDER));
}
