/** move_pages on a machine with one node: where a page is, or that it is there already (mm/migrate.c). */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { hugeEntry } from "../mm/hugetlb.js";
import { PG } from "../mm/frames.js";
import { vmNormalPage } from "../mm/normal-page.js";
import { PTE } from "../mm/page-table.js";
import { VM, vmaIsAnonymous } from "../mm/vma.js";
import { migrateRules } from "../mm/migrate.js";
import { rules } from "../rules/rule.js";
import { narrow } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "../mm/vma.js";

const rule = rules({
  "migrate/query-inaccessible": {
    sentence: "From 6.1 to 6.5 a page in a PROT_NONE VMA has status ENOENT, as a NUMA hinting PTE has.",
    kernel: "follow_page_pte, mm/gup.c; gup_can_follow_protnone, include/linux/mm.h",
  },
  "migrate/zero-page": {
    sentence: "The shared zero page has status EFAULT.",
    kernel: [
      ["5.10", "do_pages_stat_array and add_page_for_migration, mm/migrate.c"],
      ["6.12", "do_pages_stat_array and add_folio_for_migration, mm/migrate.c"],
    ],
  },
  "migrate/already-there": {
    sentence: "A page that is on the requested node stays: its status is the node.",
    kernel: [
      ["5.10", "add_page_for_migration, mm/migrate.c"],
      ["6.12", "add_folio_for_migration, mm/migrate.c"],
    ],
  },
  "p2pdma/no-node": {
    sentence: "move_pages reports P2PDMA pages as absent: ENOENT.",
    kernel: "do_pages_stat_array, mm/migrate.c",
  },
});

/** do_pages_stat_array and add_folio_for_migration, mm/migrate.c: the page's status, a node or a negative errno. */
export function* movePages(k: Kernel, task: Task, word: bigint, move: boolean): Path<number> {
  const address = narrow(word);
  yield* acquire(k, task.mm.mmapLock, "read");
  const vma = task.mm.lookup(address);
  const status =
    vma === undefined
      ? k.refuse(migrateRules["migrate/no-vma"], errnos.EFAULT, `0x${address.toString(16)}`)
      : statusIn(k, vma, address, move);
  yield* release(k, task.mm.mmapLock);
  return status;
}

function statusIn(k: Kernel, vma: Vma, address: number, move: boolean): number {
  if (move && vma.has(VM.IO | VM.PFNMAP))
    return k.refuse(migrateRules["migrate/vma-not-migratable"], errnos.EFAULT, `0x${vma.start.toString(16)}`);
  const status =
    k.design["move-pages.walk"] === "folio-walk" ? folioWalk(k, vma, address) : followPage(k, vma, address);
  if (status === 0 && move) k.note(rule["migrate/already-there"], `0x${address.toString(16)}`);
  return status;
}

/** folio_walk_start with FW_ZEROPAGE, mm/pagewalk.c: what has no struct page is not there. */
function folioWalk(k: Kernel, vma: Vma, address: number): number {
  const entry = entryAt(vma, address);
  if (entry === undefined) return k.refuse(migrateRules["migrate/no-page"], errnos.ENOENT, `0x${address.toString(16)}`);
  if (entry.pfn === k.zeroPfn) return k.refuse(rule["migrate/zero-page"], errnos.EFAULT, `0x${address.toString(16)}`);
  const normal = vmNormalPage(k, vma, address, entry.pfn, entry.bits);
  if (normal < 0) return k.refuse(migrateRules["migrate/query-special"], errnos.ENOENT, `0x${address.toString(16)}`);
  return (k.frames.flags(normal) & PG.p2pdma) === 0
    ? 0
    : k.refuse(rule["p2pdma/no-node"], errnos.ENOENT, `0x${address.toString(16)}`);
}

/** follow_page with FOLL_DUMP, mm/gup.c: special entries are EFAULT, and so are holes where no file could fill them. */
function followPage(k: Kernel, vma: Vma, address: number): number {
  const entry = entryAt(vma, address);
  if (entry === undefined) {
    const unfillable = vmaIsAnonymous(vma) || vma.ops?.fault === undefined;
    return k.refuse(
      migrateRules["migrate/no-page"],
      unfillable ? errnos.EFAULT : errnos.ENOENT,
      `0x${address.toString(16)}`,
    );
  }
  const inaccessible = !vma.has(VM.READ | VM.WRITE | VM.EXEC | VM.HUGETLB);
  if (inaccessible && k.design["move-pages.walk"] === "follow-accessible")
    return k.refuse(rule["migrate/query-inaccessible"], errnos.ENOENT, `0x${address.toString(16)}`);
  const normal = vmNormalPage(k, vma, address, entry.pfn, entry.bits);
  return normal < 0 ? k.refuse(migrateRules["migrate/query-special"], errnos.EFAULT, `0x${address.toString(16)}`) : 0;
}

function entryAt(vma: Vma, address: number): { pfn: number; bits: number } | undefined {
  if (vma.has(VM.HUGETLB)) return hugeEntry(vma, address);
  const { table } = vma.mm;
  const leaf = table.leaf(address);
  if (leaf === undefined) return undefined;
  const slot = table.slot(address);
  return (leaf.bits[slot] & PTE.present) === 0 ? undefined : { pfn: leaf.pfn[slot], bits: leaf.bits[slot] };
}
