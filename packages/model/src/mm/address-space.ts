/** Where a mapping goes: hints, fixed addresses, and the search from the top (mm/mmap.c, mm/vma.c). */
import { errnos } from "@litmap/litmus";
import { HUGE_SIZE } from "./hugetlb.js";
import { rules } from "../rules/rule.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "./mm.js";

const rule = rules({
  "hugetlb/length-unaligned": {
    sentence:
      "The length of a hugetlb mapping must be a multiple of its page size, else EINVAL; mmap rounds it up first.",
    kernel: "hugetlb_get_unmapped_area, fs/hugetlbfs/inode.c",
  },
  "mmap/fixed-unaligned": {
    sentence: "MAP_FIXED at an address that is not page aligned gives EINVAL.",
    kernel: [
      ["5.10", "get_unmapped_area, mm/mmap.c"],
      ["6.10", "__get_unmapped_area, mm/mmap.c"],
    ],
  },
  "mmap/below-user-space": {
    sentence: "On 32-bit arm MAP_FIXED below FIRST_USER_ADDRESS (the first two pages) gives EINVAL.",
    kernel: "arch_mmap_check, arch/arm/include/uapi/asm/mman.h; FIRST_USER_ADDRESS, arch/arm/include/asm/pgtable.h",
  },
  "mmap/too-long": {
    sentence: "A mapping longer than TASK_SIZE, or MAP_FIXED past it, gives ENOMEM.",
    kernel: [
      ["5.10", "get_unmapped_area, mm/mmap.c"],
      ["6.10", "__get_unmapped_area, mm/mmap.c"],
    ],
  },
  "mmap/no-room": {
    sentence: "No hole in the address space is long enough: ENOMEM.",
    kernel: "vm_unmapped_area, mm/mmap.c",
  },
});

/** Below the stack's gap: 128 MiB, as the stack's limit is 8 MiB and nothing is random. */
const STACK_GAP = 128 * 1024 * 1024;

/** vm.mmap_min_addr. */
const MIN_ADDRESS = 65536;

/**
 * __get_unmapped_area, mm/mmap.c: the address for `length` bytes. A fixed one is taken as it is, a
 * hint is honoured when the range is free. -EINVAL, -ENOMEM.
 */
export function getUnmappedArea(
  k: Kernel,
  mm: Mm,
  file: File | undefined,
  address: number,
  length: number,
  fixed: boolean,
  pgoff = 0,
): number {
  const limit = mm.arch.taskSize;
  if (file?.inode.kind === "hugetlb" && length % HUGE_SIZE !== 0)
    return k.refuse(rule["hugetlb/length-unaligned"], errnos.EINVAL, `${length} bytes`);
  if (fixed && address < mm.arch.firstAddress)
    return k.refuse(rule["mmap/below-user-space"], errnos.EINVAL, `0x${address.toString(16)}`);
  if (length > limit) return k.refuse(rule["mmap/too-long"], errnos.ENOMEM, `${length} bytes`);
  const refused = file?.ops.unmappedArea?.(address, pgoff) ?? 0;
  if (refused < 0) return refused;
  const align = file?.inode.kind === "hugetlb" ? HUGE_SIZE : k.pageSize;
  if (fixed) {
    if (align > k.pageSize && address % align !== 0)
      return k.refuse(rule["mmap/fixed-unaligned"], errnos.EINVAL, `0x${address.toString(16)}`);
    if (address > limit - length) return k.refuse(rule["mmap/too-long"], errnos.ENOMEM, `0x${address.toString(16)}`);
    if (address % k.pageSize !== 0)
      return k.refuse(rule["mmap/fixed-unaligned"], errnos.EINVAL, `0x${address.toString(16)}`);
    return address;
  }
  const hint = Math.ceil(address / align) * align;
  if (hint >= MIN_ADDRESS && hint <= limit - length && mm.isFree(hint, hint + length)) return hint;
  return searchDown(k, mm, length, align);
}

/** vm_unmapped_area, top-down: the highest hole that is long enough. */
function searchDown(k: Kernel, mm: Mm, length: number, align: number): number {
  let top = Math.floor((mm.arch.taskSize - STACK_GAP) / k.pageSize) * k.pageSize;
  for (let at = mm.vmas.length - 1; at >= 0; at--) {
    const vma = mm.vmas[at];
    const address = Math.floor((top - length) / align) * align;
    if (address >= vma.end && address >= MIN_ADDRESS) return address;
    top = Math.min(top, vma.start);
  }
  const address = Math.floor((top - length) / align) * align;
  return address >= MIN_ADDRESS ? address : k.refuse(rule["mmap/no-room"], errnos.ENOMEM, `${length} bytes`);
}
