/** Core files. */
import { elfCoreDump } from "../consumers/coredump.js";
import { exit, fork } from "./processes.js";
import { narrow } from "../word.js";
import type { HandlerTable } from "./handler.js";

export const coredumpHandlers: HandlerTable<"core_dump"> = {
  run: {
    *core_dump({ k, task }, { address, length, filter }) {
      const child = yield* fork(k, task, `${task.name}'s child`);
      if (typeof child === "number") return child;
      const found = yield* elfCoreDump(k, child, filter, narrow(address), narrow(length));
      yield* exit(k, child);
      return { ...found };
    },
  },
};
