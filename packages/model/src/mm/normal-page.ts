/** Which page-table entries have a struct page that the rest of the kernel may touch (vm_normal_page, mm/memory.c). */
import { PTE } from "./page-table.js";
import { VM, isCowMapping } from "./vma.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "./vma.js";

/**
 * vm_normal_page: the PFN whose struct page a PTE maps, or -1 for a PTE that is
 * a bare frame number. With a special bit the entry itself tells; without one the mapping
 * does: in VM_PFNMAP what lies where the linear rule puts it is bare, and in a private one
 * everything else is a copy.
 */
export function vmNormalPage(k: Kernel, vma: Vma, address: number, pfn: number, bits: number): number {
  if (k.design["arch.pte-special"] === "yes") return (bits & PTE.special) !== 0 ? -1 : pfn;
  if ((vma.flags & VM.MIXEDMAP) !== 0) {
    if (!k.frames.valid(pfn)) return -1;
    return pfn === k.zeroPfn && k.design["vm-normal-page.mixed-zero"] === "bare" ? -1 : pfn;
  }
  if ((vma.flags & VM.PFNMAP) !== 0) {
    if (pfn === vma.pgoff + (address - vma.start) / k.pageSize) return -1;
    if (!isCowMapping(vma.flags)) return -1;
  }
  return pfn === k.zeroPfn ? -1 : pfn;
}
