/** The device of a test's own driver. */
import { newChardev } from "../devices/chardev.js";
import type { HandlerTable } from "./handler.js";

export const chardevHandlers: HandlerTable<"chardev"> = {
  run: {
    *chardev({ k, task }, options) {
      const file = newChardev(k, options);
      return typeof file === "number" ? file : task.files.install(file);
    },
  },
};
