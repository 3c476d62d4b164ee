/** Pinning a memfd's folios by offset. */
import { rules } from "./rule.js";

export const memfdPinRules = rules("memfd-pin", {
  range: {
    sentence:
      "A range of a memfd to pin must begin at or after 0, not end before it begins, and leave room for one folio: else EINVAL.",
    kernel: "memfd_pin_folios, mm/gup.c",
  },
  kind: {
    sentence: "Only shmem and hugetlb files can be pinned by offset: else EINVAL.",
    kernel: "memfd_pin_folios, mm/gup.c",
  },
  "past-end": {
    sentence: "A range that reaches past the end of the memfd is refused with EINVAL.",
    kernel: "memfd_pin_folios, mm/gup.c",
  },
  "no-memory": {
    sentence: "When the pool has no huge page left for a hole of a hugetlb memfd, pinning gives ENOMEM.",
    kernel: "memfd_alloc_folio, mm/memfd.c",
  },
  pinned: {
    sentence:
      "Each folio of the range is pinned once, whatever number of its pages is meant; absent ones are allocated first.",
    kernel: "memfd_pin_folios, mm/gup.c",
  },
});
