/** Migration of one page, and compaction as a sweep over all of them. */
import { errnos } from "@litmap/litmus";
import { access } from "../sched/path.js";
import { AddressSpace } from "../vfs/file.js";
import { PG } from "./frames.js";
import { vmNormalPage } from "./normal-page.js";
import { PTE } from "./page-table.js";
import { folioPutRefs } from "./pin.js";
import { rmapWalk } from "./rmap.js";
import { VM } from "./vma.js";
import { noMemory } from "./page-alloc.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Mm } from "./mm.js";
import type { Leaf } from "./page-table.js";
import type { Vma } from "./vma.js";

export const migrateRules = rules({
  "migrate/no-vma": {
    sentence: "move_pages reports EFAULT for an address without a VMA.",
    kernel: [
      ["5.10", "add_page_for_migration, mm/migrate.c"],
      ["6.12", "add_folio_for_migration, mm/migrate.c"],
    ],
  },
  "migrate/vma-not-migratable": {
    sentence: "Pages of a VM_IO or VM_PFNMAP VMA do not migrate: status EFAULT.",
    kernel: [
      ["5.10", "add_page_for_migration, mm/migrate.c"],
      ["6.12", "add_folio_for_migration, mm/migrate.c"],
    ],
  },
  "migrate/no-page": {
    sentence: "An absent page has status ENOENT; up to 6.11 EFAULT where no file could fill the hole.",
    kernel: [
      ["5.10", "add_page_for_migration, mm/migrate.c"],
      ["6.12", "add_folio_for_migration, mm/migrate.c"],
    ],
  },
  "migrate/not-on-lru": {
    sentence: "A page that is not on an LRU list, such as a driver page, cannot be isolated: status EBUSY.",
    kernel: "folio_isolate_lru, mm/vmscan.c",
  },
  "migrate/extra-references": {
    sentence: "A page with an extra reference or pin does not migrate: EAGAIN.",
    kernel: "folio_migrate_mapping, mm/migrate.c",
  },
  "migrate/moved": {
    sentence: "A page held only by its mappings and the page cache is copied to a new PFN, and all PTEs are updated.",
    kernel: "migrate_folio_move, mm/migrate.c",
  },
  "migrate/query-special": {
    sentence: "A special PTE has the status of the page walk: EFAULT up to 6.11, ENOENT from 6.12 on.",
    kernel: [
      ["5.10", "do_pages_stat_array, mm/migrate.c"],
      ["6.12", "folio_walk_start, mm/pagewalk.c"],
    ],
  },
});

/** One entry that maps a page. */
interface Mapped {
  readonly vma: Vma;
  readonly address: number;
  readonly leaf: Leaf;
  readonly slot: number;
}

/** folio_isolate_lru, mm/vmscan.c: whether a page can be taken off a list to be moved. */
export function isolated(k: Kernel, pfn: number): boolean {
  return (k.frames.flags(k.frames.head(pfn)) & PG.lru) !== 0;
}

function mappedAt(k: Kernel, pfn: number): Mapped[] {
  const found: Mapped[] = [];
  rmapWalk(k, pfn, (vma, address, leaf, slot) => found.push({ vma, address, leaf, slot }));
  return found;
}

/**
 * Moves a page of order 0 to another frame: migrate_pages with one folio, mm/migrate.c.
 * 0, -EBUSY when it is on no list, -EAGAIN when it has an extra reference, -ENOMEM.
 */
export function* migratePage(k: Kernel, pfn: number): Path<number> {
  if (!isolated(k, pfn) || k.frames.order(pfn) > 0)
    return k.refuse(migrateRules["migrate/not-on-lru"], errnos.EBUSY, `frame ${pfn}`);
  yield* access(k, `frame ${pfn}`, true);
  const mapped = mappedAt(k, pfn);
  const owner = k.owners.get(k.frames.owner(pfn));
  const cached = owner instanceof AddressSpace ? 1 : 0;
  if (k.frames.ref(pfn) !== mapped.length + cached)
    return k.refuse(
      migrateRules["migrate/extra-references"],
      errnos.EAGAIN,
      `frame ${pfn}: ${k.frames.ref(pfn)} references`,
    );
  const to = k.frames.alloc(0, k.frames.flags(pfn) & ~(PG.cma | PG.movable));
  if (to < 0) return noMemory(k, 1);
  move(k, pfn, to, mapped);
  if (owner instanceof AddressSpace) owner.pages.set(k.frames.index(to), to);
  k.frames.addRef(to, mapped.length + cached - 1);
  folioPutRefs(k, pfn, mapped.length + cached);
  k.note(migrateRules["migrate/moved"], `frame ${pfn} to ${to}`);
  return 0;
}

function move(k: Kernel, pfn: number, to: number, mapped: readonly Mapped[]): void {
  const bytes = k.frames.bytes(pfn);
  if (bytes !== undefined) k.frames.writable(to).set(bytes);
  k.counters.pages_copied++;
  k.frames.setOwner(to, k.frames.owner(pfn), k.frames.index(pfn));
  for (const { vma, address, leaf, slot } of mapped) {
    vma.mm.invalidate(address, address + k.pageSize);
    leaf.set(slot, to, leaf.bits[slot]);
    k.frames.addMap(pfn, -1);
    k.frames.addMap(to, 1);
    k.counters.ptes += 2;
    k.counters.tlb_flushes++;
  }
}

/** The page at an address: migrate_pages of what add_folio_for_migration finds, mm/migrate.c. 0 or a negative errno. */
export function* migrateAt(k: Kernel, mm: Mm, address: number): Path<number> {
  const about = `0x${address.toString(16)}`;
  const vma = mm.lookup(address);
  if (vma === undefined) return k.refuse(migrateRules["migrate/no-vma"], errnos.EFAULT, about);
  if (vma.has(VM.IO | VM.PFNMAP)) return k.refuse(migrateRules["migrate/vma-not-migratable"], errnos.EFAULT, about);
  const leaf = mm.table.leaf(address);
  const slot = mm.table.slot(address);
  if (leaf === undefined || (leaf.bits[slot] & PTE.present) === 0)
    return k.refuse(migrateRules["migrate/no-page"], errnos.ENOENT, about);
  const pfn = vmNormalPage(k, vma, address, leaf.pfn[slot], leaf.bits[slot]);
  return pfn < 0 ? k.refuse(migrateRules["migrate/query-special"], errnos.ENOENT, about) : yield* migratePage(k, pfn);
}

/** compact_node, mm/compaction.c: tries to move every page that is on a list; gives how many moved. */
export function* compactNode(k: Kernel): Path<number> {
  let moved = 0;
  for (const pfn of movablePages(k)) if ((yield* migratePage(k, pfn)) === 0) moved++;
  return moved;
}

/** Pages of page caches and of anonymous memory; each once. */
function movablePages(k: Kernel): Set<number> {
  const pages = new Set<number>();
  for (const owner of k.owners.values()) {
    if (owner instanceof AddressSpace) for (const pfn of owner.pages.values()) pages.add(pfn);
    for (const vma of owner instanceof AddressSpace ? owner.vmas : owner.root.vmas)
      for (const pfn of mappedPages(vma, k.pageSize)) if (k.frames.owner(pfn) !== 0) pages.add(pfn);
  }
  return pages;
}

/** Frames that a mapping's entries hold, special ones left out. */
export function* mappedPages(vma: Vma, pageSize: number): Generator<number> {
  for (let address = vma.start; address < vma.end; address += pageSize) {
    const leaf = vma.mm.table.leaf(address);
    if (leaf === undefined) {
      address = vma.mm.table.afterHole(address, vma.end) - pageSize;
      continue;
    }
    const slot = vma.mm.table.slot(address);
    if ((leaf.bits[slot] & (PTE.present | PTE.special)) === PTE.present) yield leaf.pfn[slot];
  }
}
