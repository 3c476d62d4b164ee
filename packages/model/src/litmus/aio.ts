/** Asynchronous I/O. */
import { aioRequest } from "../consumers/aio.js";
import type { HandlerTable } from "./handler.js";

export const aioHandlers: HandlerTable<"aio_read" | "aio_write"> = {
  run: {
    *aio_read({ k, task }, request) {
      return yield* aioRequest(k, task, { ...request, write: false });
    },
    *aio_write({ k, task }, request) {
      return yield* aioRequest(k, task, {
        ...request,
        fd: task.files.writeEnds.get(request.fd) ?? request.fd,
        write: true,
      });
    },
  },
};
