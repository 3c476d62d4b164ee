/** Taking entries out of page tables. */
import { rules } from "./rule.js";

export const zapRules = rules("zap", {
  special: {
    sentence: "Zapping a special entry clears it and flushes the TLB; the page behind it is not touched.",
    kernel: "zap_present_ptes, mm/memory.c",
  },
  normal: {
    sentence: "Zapping a normal entry drops its map count, its RSS and its page reference.",
    kernel: "zap_present_folio_ptes, mm/memory.c",
  },
  "keeps-cows": {
    sentence: "A zap for a hole in a file leaves private copies alone; one for a shorter file takes them too.",
    kernel: "should_zap_folio, mm/memory.c",
  },
});
