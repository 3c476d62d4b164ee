/** move_page_tables, mm/mremap.c: entries change their place; whole tables do where both places are aligned. */
import { pmdAlloc, pteAlloc } from "./insert.js";
import { VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "mremap/moved-entries": {
    sentence: "A move takes the PTEs along: nothing refaults at the new address.",
    kernel: "move_page_tables, mm/mremap.c",
  },
});

/** Moves the entries of `length` bytes from one mapping's address to another's; both are of one address space. */
export function movePageTables(k: Kernel, vma: Vma, from: number, target: Vma, to: number, length: number): void {
  if (length === 0) return;
  if (vma.has(VM.HUGETLB)) return moveHuge(k, vma, from, target, to, length);
  const { table } = vma.mm;
  vma.mm.invalidate(from, from + length);
  let moved = 0;
  for (let done = 0; done < length; ) {
    const old = from + done;
    const next = to + done;
    const leaf = table.leaf(old);
    const span = Math.min(
      table.leafBytes - (old % table.leafBytes),
      table.leafBytes - (next % table.leafBytes),
      length - done,
    );
    if (leaf !== undefined && span === table.leafBytes && table.leaf(next) === undefined) {
      table.dropLeaf(old);
      table.install(next, leaf);
      moved += leaf.used;
    } else if (leaf !== undefined) {
      const into = pteAlloc(k, target, next);
      const n = span / k.pageSize;
      for (let i = 0, a = table.slot(old), b = table.slot(next); i < n; i++, a++, b++) {
        if (leaf.bits[a] === 0) continue;
        into.set(b, leaf.pfn[a], leaf.bits[a]);
        into.setCacheMode(b, 1, leaf.cacheMode(a));
        leaf.clear(a);
        moved++;
      }
    }
    done = leaf === undefined ? Math.max(done + span, table.afterHole(old, from + length) - from) : done + span;
  }
  if (moved === 0) return;
  k.counters.ptes += moved;
  k.counters.tlb_flushes++;
  k.note(rule["mremap/moved-entries"]);
}

/** move_hugetlb_page_tables, mm/hugetlb.c. */
function moveHuge(k: Kernel, vma: Vma, from: number, target: Vma, to: number, length: number): void {
  vma.mm.invalidate(from, from + length);
  const { huge } = vma.mm.table;
  for (const [address, entry] of [...huge]) {
    const done = address - from;
    if (done < 0 || done >= length) continue;
    huge.delete(address);
    pmdAlloc(k, target.mm, to + done);
    target.mm.table.huge.set(to + done, entry);
  }
}
