/** mprotect, mlock, msync, mincore. */
import { rules } from "./rule.js";

export const mprotectRules = rules("mprotect", {
  unaligned: {
    sentence: "mprotect of an unaligned address is refused with EINVAL.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "range-wraps": {
    sentence: "mprotect of a range that wraps is refused with ENOMEM.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  hole: {
    sentence: "mprotect of a range with a hole gives ENOMEM; what lies before the hole has been changed.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "beyond-may": {
    sentence: "A mapping gets no permission that its VM_MAY flags do not allow: EACCES.",
    kernel: "do_mprotect_pkey, mm/mprotect.c",
  },
  "kept-entries": {
    sentence:
      "mprotect changes the entries that are there: nothing is unmapped, and nothing has to be faulted in again.",
    kernel: "change_pte_range, mm/mprotect.c",
  },
  upgraded: {
    sentence: "An exclusive anonymous page of a mapping that becomes writable becomes writable at once.",
    kernel: "can_change_pte_writable, mm/mprotect.c",
  },
});

export const mlockRules = rules("mlock", {
  hole: {
    sentence: "mlock and munlock of a range with a hole give ENOMEM; what lies before the hole has been changed.",
    kernel: "apply_vma_lock_flags, mm/mlock.c",
  },
  "range-wraps": { sentence: "A range that wraps is refused with EINVAL.", kernel: "apply_vma_lock_flags, mm/mlock.c" },
  special: {
    sentence: "mlock of special and hugetlb mappings succeeds, sets no VM_LOCKED and counts nothing.",
    kernel: "mlock_fixup, mm/mlock.c",
  },
  "not-faulted": {
    sentence: "mlock gives ENOMEM when a page cannot be faulted in; the mapping stays locked.",
    kernel: "__mlock_posix_error_return, mm/mlock.c",
  },
  "bad-flags": {
    sentence: "mlockall wants one of MCL_CURRENT and MCL_FUTURE: EINVAL otherwise.",
    kernel: "sys_mlockall, mm/mlock.c",
  },
});

export const msyncRules = rules("msync", {
  "bad-flags": {
    sentence: "msync of an unaligned address, or with both MS_SYNC and MS_ASYNC, is refused with EINVAL.",
    kernel: "sys_msync, mm/msync.c",
  },
  hole: { sentence: "msync of a range with a hole does its work and gives ENOMEM.", kernel: "sys_msync, mm/msync.c" },
  locked: { sentence: "MS_INVALIDATE of a locked mapping is refused with EBUSY.", kernel: "sys_msync, mm/msync.c" },
  "no-fsync": {
    sentence: "MS_SYNC of a shared mapping whose file has no fsync method gives EINVAL.",
    kernel: "vfs_fsync_range, fs/sync.c",
  },
});

export const mincoreRules = rules("mincore", {
  unaligned: {
    sentence: "mincore of an unaligned address is refused with EINVAL.",
    kernel: "sys_mincore, mm/mincore.c",
  },
  hole: { sentence: "mincore of a range with a hole gives ENOMEM.", kernel: "do_mincore, mm/mincore.c" },
  "page-cache": {
    sentence: "A page without an entry counts as resident when the file's page cache holds it.",
    kernel: "mincore_page, mm/mincore.c",
  },
  "pfnmap-skipped": {
    sentence: "The walk does not look into the entries of VM_PFNMAP mappings: their pages are not resident.",
    kernel: "walk_page_test, mm/pagewalk.c",
  },
});
