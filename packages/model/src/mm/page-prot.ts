/** vm_page_prot: what a mapping's flags make of a new page-table entry (vm_get_page_prot, vma_set_page_prot). */
import { PTE } from "./page-table.js";
import { VM } from "./vma.js";
import type { ArchTraits } from "../design/arch.js";
import type { Vma } from "./vma.js";

/**
 * vm_get_page_prot: entry bits for protection flags. Private mappings never get a writable
 * entry this way. What may only be executed is not the user's to read, by a protection key on
 * x86 (execute_only_pkey) and by the entry itself on arm64.
 */
export function vmGetPageProt(flags: number, arch: ArchTraits): number {
  let bits = PTE.present | PTE.young;
  const allowed = flags & (VM.READ | VM.WRITE | VM.EXEC);
  if (allowed !== 0 && !(arch.executeOnly && allowed === VM.EXEC)) bits |= PTE.user;
  if ((flags & (VM.WRITE | VM.SHARED)) === (VM.WRITE | VM.SHARED)) bits |= PTE.write;
  return bits;
}

/** vma_set_page_prot, mm/mmap.c: with write notification shared entries start read-only. */
export function vmaSetPageProt(vma: Vma): void {
  vma.pageProt = vmGetPageProt(vma.flags, vma.mm.arch);
  if (vmaWantsWritenotify(vma)) vma.pageProt &= ~PTE.write;
}

/** vma_wants_writenotify: the first write to each page of a shared mapping is tracked. */
export function vmaWantsWritenotify(vma: Vma): boolean {
  if (!vma.has(VM.WRITE) || !vma.has(VM.SHARED)) return false;
  return vma.ops?.pageMkwrite !== undefined || vma.ops?.pfnMkwrite !== undefined;
}
