import { address, flags, size, word } from "./types.js";
import type { OperationShape } from "./types.js";

/** The kernel's own test of page references, where it is built (CONFIG_GUP_TEST). */
export const gupTest = {
  gup_test: {
    subject: "reaching into a mapping",
    seldomUseful: true,
    doc:
      "Takes and drops references or pins on the pages of a range one by one (debugfs gup_test; built kernels have " +
      "it): whole pages up to the first that GUP refuses. An errno is not reported: 0 pages. A pin of the shared " +
      "zero page triggers a warning, and the test is an oops.",
    kernel: "__gup_test_ioctl, mm/gup_test.c",
    by: ["process"],
    params: {
      address: { type: address, doc: "where" },
      length: { type: size, doc: "bytes; a part of a page at the end is left out" },
      how: {
        type: word({
          fast: "get_user_pages_fast",
          pin_fast: "pin_user_pages_fast",
          get: "get_user_pages",
          pin: "pin_user_pages",
          longterm: "pin_user_pages with FOLL_LONGTERM",
        }),
        doc: "which function",
      },
      flags: { type: flags({ write: "FOLL_WRITE" }), default: "none", doc: "what for" },
    },
    result: { kind: "number", unit: "pages" },
  },
} as const satisfies Record<string, OperationShape>;
