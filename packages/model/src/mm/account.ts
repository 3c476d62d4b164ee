/** What /proc/PID/smaps, maps, pagemap and status say (fs/proc/task_mmu.c). All sizes in bytes. */
import { pagesInBytes } from "@litmap/litmus";
import type { Integer } from "@litmap/litmus";
import { PG } from "./frames.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "./mm.js";
import type { HugeEntry } from "./page-table.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "account/pfnmap-skipped": {
    sentence:
      "Up to some release after 6.1 the smaps walk skips VM_PFNMAP VMAs: nothing in them counts, not even COW copies.",
    kernel: "walk_page_test, mm/pagewalk.c; walk_page_vma, mm/pagewalk.c",
  },
  "account/special": {
    sentence: "A special PTE counts in neither RSS nor PSS.",
    kernel: "smaps_pte_entry, fs/proc/task_mmu.c",
  },
  "account/pss": {
    sentence: "Pss divides each page by its mapcount.",
    kernel: "smaps_account, fs/proc/task_mmu.c",
  },
  "account/pagemap-skipped": {
    sentence: "pagemap shows nothing of a VM_PFNMAP VMA.",
    kernel: "pagemap_pte_hole, fs/proc/task_mmu.c",
  },
});

/** Pss is summed in units of 1/2^PSS_SHIFT bytes. */
const PSS_SCALE = 2 ** 12;

/** The lines of one smaps entry, bytes; VmFlags are words. */
export interface Smaps {
  readonly [field: string]: number | readonly string[];
}

interface Sums {
  rss: number;
  pss: number;
  pssDirty: number;
  pssLocked: number;
  sharedClean: number;
  sharedDirty: number;
  privateClean: number;
  privateDirty: number;
  referenced: number;
  anonymous: number;
  lazyFree: number;
  sharedHugetlb: number;
  privateHugetlb: number;
}

/** show_smap, fs/proc/task_mmu.c: one mapping's entry. */
export function showSmap(k: Kernel, vma: Vma): Smaps {
  const sums = gatherStats(k, vma);
  const huge = vma.has(VM.HUGETLB);
  const inKilobytes = (scaled: number): number => Math.floor(scaled / PSS_SCALE / 1024) * 1024;
  const pageSize = huge ? HUGE_SIZE : k.pageSize;
  return {
    Size: vma.end - vma.start,
    KernelPageSize: pageSize,
    MMUPageSize: pageSize,
    Rss: sums.rss,
    Pss: inKilobytes(sums.pss),
    ...(k.design["smaps.pss-dirty"] === "shown" ? { Pss_Dirty: inKilobytes(sums.pssDirty) } : {}),
    Shared_Clean: sums.sharedClean,
    Shared_Dirty: sums.sharedDirty,
    Private_Clean: sums.privateClean,
    Private_Dirty: sums.privateDirty,
    Referenced: sums.referenced,
    Anonymous: sums.anonymous,
    LazyFree: sums.lazyFree,
    AnonHugePages: 0,
    Shared_Hugetlb: sums.sharedHugetlb,
    Private_Hugetlb: sums.privateHugetlb,
    Swap: 0,
    Locked: inKilobytes(sums.pssLocked),
    VmFlags: vmFlagWords(k, vma.flags),
  };
}

/** smap_gather_stats: walks the entries, where the walk looks at the mapping at all. */
function gatherStats(k: Kernel, vma: Vma): Sums {
  const sums: Sums = {
    rss: 0,
    pss: 0,
    pssDirty: 0,
    pssLocked: 0,
    sharedClean: 0,
    sharedDirty: 0,
    privateClean: 0,
    privateDirty: 0,
    referenced: 0,
    anonymous: 0,
    lazyFree: 0,
    sharedHugetlb: 0,
    privateHugetlb: 0,
  };
  if (vma.has(VM.HUGETLB)) {
    for (const [address, entry] of vma.mm.table.huge)
      if (address >= vma.start && address < vma.end) countHuge(k, sums, entry);
    return sums;
  }
  if (vma.has(VM.PFNMAP) && k.design["smaps.pfnmap"] === "skipped") {
    k.note(rule["account/pfnmap-skipped"]);
    return sums;
  }
  const { table } = vma.mm;
  for (let address = vma.start; address < vma.end; ) {
    const from = table.slot(address);
    const n = Math.min(table.entries - from, (vma.end - address) / k.pageSize);
    const leaf = table.leaf(address);
    if (leaf !== undefined && leaf.used > 0) {
      for (let slot = from; slot < from + n; slot++) {
        if ((leaf.bits[slot] & PTE.present) !== 0)
          countEntry(k, vma, sums, address + (slot - from) * k.pageSize, leaf.pfn[slot], leaf.bits[slot]);
      }
    }
    address = leaf === undefined ? table.afterHole(address, vma.end) : address + n * k.pageSize;
  }
  return sums;
}

/** smaps_pte_entry and smaps_account. */
function countEntry(k: Kernel, vma: Vma, sums: Sums, address: number, frame: number, bits: number): void {
  const pfn = vmNormalPage(k, vma, address, frame, bits);
  if (pfn < 0) {
    k.note(rule["account/special"]);
    return;
  }
  const size = k.pageSize;
  const head = k.frames.head(pfn);
  const flags = k.frames.flags(pfn) | (k.frames.flags(head) & (PG.dirty | PG.referenced));
  const dirty = (bits & PTE.dirty) !== 0 || (flags & PG.dirty) !== 0;
  sums.rss += size;
  if ((flags & PG.anon) !== 0) {
    sums.anonymous += size;
    if ((flags & PG.swapbacked) === 0 && !dirty) sums.lazyFree += size;
  }
  if ((bits & PTE.young) !== 0 || (flags & PG.referenced) !== 0) sums.referenced += size;
  const maps = k.frames.ref(head) === 1 ? 1 : k.frames.mapcount(pfn);
  const pss = maps >= 2 ? Math.floor((size * PSS_SCALE) / maps) : size * PSS_SCALE;
  if (maps >= 2) k.note(rule["account/pss"]);
  sums.pss += pss;
  if (dirty) sums.pssDirty += pss;
  if (vma.has(VM.LOCKED)) sums.pssLocked += pss;
  if (maps >= 2) sums[dirty ? "sharedDirty" : "sharedClean"] += size;
  else sums[dirty ? "privateDirty" : "privateClean"] += size;
}

/** smaps_hugetlb_range: huge pages count apart from Rss and Pss. */
function countHuge(k: Kernel, sums: Sums, entry: HugeEntry): void {
  if (k.frames.mapcount(entry.pfn) >= 2) sums.sharedHugetlb += HUGE_SIZE;
  else sums.privateHugetlb += HUGE_SIZE;
}

/** show_smap_vma_flags: a word for each bit. */
const words: readonly (readonly [bit: number, word: string])[] = [
  [VM.READ, "rd"],
  [VM.WRITE, "wr"],
  [VM.EXEC, "ex"],
  [VM.SHARED, "sh"],
  [VM.MAYREAD, "mr"],
  [VM.MAYWRITE, "mw"],
  [VM.MAYEXEC, "me"],
  [VM.MAYSHARE, "ms"],
  [VM.GROWSDOWN, "gd"],
  [VM.PFNMAP, "pf"],
  [VM.MAYBE_GUARD, "gu"],
  [VM.LOCKED, "lo"],
  [VM.IO, "io"],
  [VM.SEQ_READ, "sr"],
  [VM.RAND_READ, "rr"],
  [VM.DONTCOPY, "dc"],
  [VM.DONTEXPAND, "de"],
  [VM.LOCKONFAULT, "lf"],
  [VM.ACCOUNT, "ac"],
  [VM.NORESERVE, "nr"],
  [VM.HUGETLB, "ht"],
  [VM.SYNC, "sf"],
  [VM.ARCH_1, "ar"],
  [VM.WIPEONFORK, "wf"],
  [VM.DONTDUMP, "dd"],
  [VM.MIXEDMAP, "mm"],
  [VM.HUGEPAGE, "hg"],
  [VM.NOHUGEPAGE, "nh"],
  [VM.MERGEABLE, "mg"],
  [VM.UFFD_MISSING, "um"],
  [VM.UFFD_WP, "uw"],
  [VM.SEALED, "sl"],
];

/** The VmFlags words of a mapping, sorted; soft-dirty is left out. */
export function vmFlagWords(k: Kernel, flags: number): readonly string[] {
  return words
    .filter(([bit]) => (flags & bit) !== 0)
    .map(([bit, word]) => (bit === VM.LOCKONFAULT ? k.design["smaps.lockonfault"] : word))
    .sort();
}

/** show_map_vma: one line of /proc/PID/maps. */
export function showMap(k: Kernel, vma: Vma): { length: number; perms: string; offset: Integer; path: string } {
  const perms =
    (vma.has(VM.READ) ? "r" : "-") +
    (vma.has(VM.WRITE) ? "w" : "-") +
    (vma.has(VM.EXEC) ? "x" : "-") +
    (vma.has(VM.MAYSHARE) ? "s" : "p");
  return {
    length: vma.end - vma.start,
    perms,
    offset: vma.file === undefined ? 0 : pagesInBytes(vma.pgoff, k.pageSize),
    // seq_path escapes a newline, which would end the line.
    path: vma.file === undefined ? "" : vma.file.ops.path(vma.file).replaceAll("\n", "\\012"),
  };
}

/** One entry of /proc/PID/pagemap with /proc/kpagecount of its frame. */
export interface PagemapEntry {
  readonly present: number;
  readonly swap: number;
  readonly file: number;
  readonly exclusive: number;
  readonly mapcount: number;
}

const nothing: PagemapEntry = { present: 0, swap: 0, file: 0, exclusive: 0, mapcount: 0 };

/** pagemap_pte_range, with kpagecount_read, fs/proc/page.c. An address without a mapping shows nothing. */
export function showPagemap(k: Kernel, mm: Mm, address: number): PagemapEntry {
  const vma = mm.lookup(address);
  if (vma === undefined) return nothing;
  if (vma.has(VM.HUGETLB)) return pagemapHuge(k, vma, address);
  if (vma.has(VM.PFNMAP)) {
    k.note(rule["account/pagemap-skipped"]);
    return nothing;
  }
  const leaf = mm.table.leaf(address);
  const slot = mm.table.slot(address);
  const bits = leaf?.bits[slot] ?? 0;
  if (leaf === undefined || bits === 0) return nothing;
  if ((bits & PTE.present) === 0) return { ...nothing, swap: 1 };
  const frame = leaf.pfn[slot];
  const pfn = vmNormalPage(k, vma, address, frame, bits);
  const mapcount = kpagecount(k, frame);
  if (pfn < 0) return { ...nothing, present: 1, mapcount };
  const maps = k.frames.mapcount(pfn);
  return {
    present: 1,
    swap: 0,
    file: (k.frames.flags(pfn) & PG.anon) === 0 ? 1 : 0,
    exclusive: maps === 1 ? 1 : 0,
    mapcount,
  };
}

function pagemapHuge(k: Kernel, vma: Vma, address: number): PagemapEntry {
  const entry = vma.mm.table.huge.get(Math.floor(address / HUGE_SIZE) * HUGE_SIZE);
  if (entry === undefined) return nothing;
  const maps = k.frames.mapcount(entry.pfn);
  return {
    present: 1,
    swap: 0,
    file: (k.frames.flags(entry.pfn) & PG.anon) === 0 ? 1 : 0,
    exclusive: maps === 1 ? 1 : 0,
    mapcount: maps,
  };
}

/** kpagecount_read: the map count of a frame; huge pages count their PMD for every page. */
function kpagecount(k: Kernel, pfn: number): number {
  return k.frames.valid(pfn) ? k.frames.mapcount(pfn) : 0;
}

/** task_mem: the memory lines of /proc/PID/status, bytes. */
export function statusOf(
  mm: Mm,
): Record<"VmSize" | "VmRSS" | "RssAnon" | "RssFile" | "RssShmem" | "VmLck" | "VmPin" | "VmPTE", number> {
  const pages = (n: number): number => n * 2 ** mm.arch.pageShift;
  return {
    VmSize: pages(mm.totalVm),
    VmRSS: pages(mm.rssAnon + mm.rssFile + mm.rssShmem),
    RssAnon: pages(mm.rssAnon),
    RssFile: pages(mm.rssFile),
    RssShmem: pages(mm.rssShmem),
    VmLck: pages(mm.lockedVm),
    VmPin: pages(mm.pinnedVm),
    VmPTE: mm.table.bytes,
  };
}

/** meminfo_proc_show: the lines that a test here can move, bytes, and huge pages as a count. */
export function meminfoOf(
  k: Kernel,
): Record<"Shmem" | "Mapped" | "Unevictable" | "Mlocked" | "HugePages_Free", number> {
  return {
    Shmem: k.shmemPages * k.pageSize,
    Mapped: k.mappedPages * k.pageSize,
    Unevictable: 0,
    Mlocked: 0,
    HugePages_Free: k.hugetlb.free,
  };
}
