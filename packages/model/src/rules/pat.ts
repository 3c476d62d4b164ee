/** Cache modes on x86: PAT and the linear map. */
import { rules } from "./rule.js";

const memtype = "arch/x86/mm/pat/memtype.c";
const setMemory = "arch/x86/mm/pat/set_memory.c";
const unseen = "the source; no system call shows the cache mode of a page";

export const patRules = rules("pat", {
  "tracked-flag": {
    sentence:
      "On x86 a remap_pfn_range that covers the whole mapping reserves its memory type; up to 6.15 that shows as VM_PAT (`ar`).",
    kernel: `track_pfn_remap, ${memtype}`,
  },
  "tracked-context": {
    sentence:
      "From 6.16 on the reservation of a remap_pfn_range over a whole mapping is a counted context that split and forked mappings share.",
    kernel: "remap_pfn_range_track, mm/memory.c",
  },
  "tracked-twice": {
    sentence: "A second remap_pfn_range over the whole of one mapping gives EINVAL.",
    kernel: "remap_pfn_range_track, mm/memory.c",
  },
  "mixed-modes": {
    sentence: "remap_pfn_range of a part of a mapping gives EINVAL when its frames have different cache modes.",
    kernel: `track_pfn_remap, ${memtype}; pfnmap_setup_cachemode, ${memtype}`,
    unproven: unseen,
  },
  "ram-and-io": {
    sentence: "A range that is memory in part only cannot be given a cache mode: EINVAL.",
    kernel: `memtype_reserve, ${memtype}`,
    unproven: unseen,
  },
  "ram-not-write-back": {
    sentence: "Memory can be given another cache mode only while it is write-back: EBUSY.",
    kernel: `reserve_ram_pages_type, ${memtype}`,
    unproven: unseen,
  },
  "reserved-otherwise": {
    sentence:
      "IO memory that somebody has reserved in one cache mode cannot be reserved in another: EBUSY, which remap_pfn_range turns into EINVAL.",
    kernel: "memtype_check_conflict, arch/x86/mm/pat/memtype_interval.c",
  },
  "freed-in-part": {
    sentence:
      "Up to 6.15 the first half of a tracked mapping that is unmapped by itself frees nothing, and its memory type stays reserved for good.",
    kernel: "memtype_erase, arch/x86/mm/pat/memtype_interval.c",
    unproven: "the source; a machine on which it happened would spoil the tests after it",
  },
  "memory-has-its-own": {
    sentence: "A mapping of memory gets the cache mode that its pages have, whatever it asked for.",
    kernel: `reserve_pfn_range, ${memtype}`,
    unproven: unseen,
  },
  "type-not-allowed": {
    sentence:
      "Who wants IO memory uncached or write-combining while it is reserved as write-back is refused: EINVAL for a mapping, EBUSY for an io_mapping.",
    kernel: `reserve_pfn_range, ${memtype}; is_new_memtype_allowed, arch/x86/include/asm/pgtable.h`,
  },
  "array-refused": {
    sentence: "set_pages_array_wc and _uc give EINVAL when one page is not write-back, and leave all as they were.",
    kernel: `_set_pages_array, ${setMemory}`,
    unproven: unseen,
  },
  "linear-map-split": {
    sentence:
      "A page whose cache mode changes needs an entry of its own in the linear map: 1 GiB and 2 MiB pages around it are split for good, each with a TLB flush on all processors.",
    kernel: `__split_large_page, ${setMemory}`,
    unproven: unseen,
  },
  "flush-each-page": {
    sentence: "After a change of cache modes all processors flush the TLB, up to 33 pages one by one.",
    kernel: `cpa_flush, ${setMemory}`,
    unproven: unseen,
  },
  "flush-everything": {
    sentence: "After a change of the cache modes of more than 33 pages all processors flush their whole TLB.",
    kernel: `cpa_flush, ${setMemory}`,
    unproven: unseen,
  },
  clflush: {
    sentence:
      "Pages that cease to be write-back are flushed from the caches line by line; write-combining goes by way of uncached and flushes them twice.",
    kernel: `cpa_flush, ${setMemory}; _set_pages_array, ${setMemory}`,
    unproven: unseen,
  },
  wbinvd: {
    sentence: "Up to 4.20 an array of 4 MiB or more has every processor write back and empty all its caches (wbinvd).",
    kernel: `cpa_flush_array, ${setMemory}`,
    unproven: "the source of 4.20; no older kernel than 5.10 is run here",
  },
});
