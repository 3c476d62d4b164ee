/** The kernel's own test of page references. */
import { rules } from "./rule.js";

export const gupTestRules = rules("gup-test", {
  "no-memory": {
    sentence: "An array of page pointers for more pages than vmalloc can hold gives ENOMEM.",
    kernel: "__gup_test_ioctl, mm/gup_test.c",
  },
  "too-many": {
    sentence: "An array of page pointers of more than 2 GiB is warned about and gives ENOMEM.",
    kernel: "__kvmalloc_node_noprof, mm/util.c (mm/slub.c)",
  },
  "stopped": {
    sentence: "The test ends at the first page that could not be had, and does not say why.",
    kernel: "__gup_test_ioctl, mm/gup_test.c",
  },
  "not-pinned": {
    sentence:
      "A page that was pinned and does not count as pinned is warned about: the shared zero page, whose pins are not counted.",
    kernel: "verify_dma_pinned, mm/gup_test.c",
  },
});
