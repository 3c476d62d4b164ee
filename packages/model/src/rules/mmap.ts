/** What mmap checks, in the order in which it does. */
import { rules } from "./rule.js";

export const mmapRules = rules("mmap", {
  "bad-descriptor": {
    sentence: "A descriptor that is not open is refused with EBADF before anything else.",
    kernel: "ksys_mmap_pgoff, mm/mmap.c",
  },
  "offset-unaligned": {
    sentence: "An offset that is no multiple of the page size is refused with EINVAL.",
    kernel: "sys_mmap, arch/x86/kernel/sys_x86_64.c",
  },
  "length-zero": {
    sentence: "A mapping of no bytes is refused with EINVAL.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "length-wraps": {
    sentence: "A length that becomes 0 when it is rounded up to pages is refused with ENOMEM.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "offset-overflow": {
    sentence: "Offset and length that together wrap are refused with EOVERFLOW.",
    kernel: "do_mmap, mm/mmap.c; file_mmap_ok, mm/mmap.c",
  },
  "fixed-unaligned": {
    sentence: "MAP_FIXED at an address that is not page-aligned is refused with EINVAL.",
    kernel: "get_unmapped_area, mm/mmap.c",
  },
  "below-user-space": {
    sentence:
      "On 32-bit arm nothing can be mapped at a fixed address in the first two pages, where vectors may lie: EINVAL.",
    kernel: "arch_mmap_check, arch/arm/include/asm/mman.h; FIRST_USER_ADDRESS, arch/arm/include/asm/pgtable.h",
  },
  "too-long": {
    sentence: "A mapping longer than user space, or one fixed past its end, is refused with ENOMEM.",
    kernel: "get_unmapped_area, mm/mmap.c",
  },
  "no-room": {
    sentence: "There is no hole long enough.",
    kernel: "vm_unmapped_area, mm/mmap.c (mm/vma.c)",
  },
  "unknown-flags": {
    sentence: "MAP_SHARED_VALIDATE with a flag that the file does not know, as MAP_SYNC, is refused with EOPNOTSUPP.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "no-replace": {
    sentence: "MAP_FIXED_NOREPLACE is refused with EEXIST where the range is not free.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "write-needs-rdwr": {
    sentence: "A shared writable mapping needs a descriptor open for writing: EACCES.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "read-needed": {
    sentence: "Every mapping of a file needs a descriptor open for reading: EACCES.",
    kernel: "do_mmap, mm/mmap.c",
  },
  noexec: {
    sentence:
      "PROT_EXEC of a file on a noexec mount is refused with EPERM; without it the mapping can never become executable.",
    kernel: "do_mmap, mm/mmap.c; path_noexec, fs/exec.c",
  },
  "no-mmap": {
    sentence: "A file without an mmap method is refused with ENODEV.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "no-sharing": {
    sentence: "Neither MAP_SHARED nor MAP_PRIVATE: EINVAL.",
    kernel: "do_mmap, mm/mmap.c",
  },
  "sealed-write": {
    sentence: "A shared writable mapping of a memfd sealed against writing is refused with EPERM.",
    kernel:
      "seal_check_write, include/linux/mm.h (check_write_seal, mm/memfd.c); mapping_map_writable, include/linux/fs.h",
  },
  "sealed-readonly": {
    sentence: "A shared read-only mapping of a memfd sealed against writing can never become writable.",
    kernel: "seal_check_write, include/linux/mm.h (check_write_seal, mm/memfd.c)",
  },
  "address-space": {
    sentence: "More private writable memory than the machine has is refused with ENOMEM.",
    kernel: "__vm_enough_memory, mm/util.c",
  },
  "cannot-replace": {
    sentence: "Up to 6.11 MAP_FIXED over a mapping that cannot be unmapped or split gives ENOMEM, whatever the reason.",
    kernel: "mmap_region, mm/mmap.c",
  },
  "special-not-locked": {
    sentence: "Special mappings are not locked: VM_LOCKED is taken out and nothing is accounted.",
    kernel: "mmap_region, mm/mmap.c; mlock_fixup, mm/mlock.c",
  },
  "populate-skips": {
    sentence: "MAP_POPULATE and mlock skip mappings with VM_IO or VM_PFNMAP.",
    kernel: "__mm_populate, mm/gup.c; populate_vma_page_range, mm/gup.c",
  },
});

export const munmapRules = rules("munmap", {
  "bad-range": {
    sentence: "munmap of an unaligned address, of no bytes, or past user space is refused with EINVAL.",
    kernel: "do_vmi_munmap, mm/mmap.c (mm/vma.c)",
  },
  hole: {
    sentence: "munmap of a range without a mapping succeeds.",
    kernel: "do_vmi_munmap, mm/mmap.c (mm/vma.c)",
  },
});
