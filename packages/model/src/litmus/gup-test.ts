/** The kernel's own test of page references, as a process sees it. */
import { gupTestIoctl } from "../consumers/gup-test.js";
import type { HandlerTable } from "./handler.js";

export const gupTestHandlers: HandlerTable<"gup_test"> = {
  run: {
    *gup_test({ k, task }, { address, length, how, flags }) {
      return yield* gupTestIoctl(k, task, how, address, length, flags.includes("write"));
    },
  },
};
