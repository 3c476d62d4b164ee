/** Advice to, words into another process, and zero-copy sends. */
import { processMadvise } from "../consumers/process-madvise.js";
import { ptracePoke } from "../consumers/remote-access.js";
import { sendZerocopy } from "../consumers/zerocopy.js";
import type { HandlerTable } from "./handler.js";

export const remoteHandlers: HandlerTable<"ptrace_poke" | "process_madvise" | "send_zerocopy"> = {
  run: {
    *ptrace_poke(ctx, { address, value, of }) {
      return yield* ptracePoke(ctx.k, ctx.task, ctx.taskOf(of), address, value);
    },
    *process_madvise(ctx, { address, length, advice, of }) {
      return yield* processMadvise(
        ctx.k,
        ctx.task,
        of === undefined ? ctx.task : ctx.taskOf(of),
        address,
        length,
        advice,
      );
    },
    *send_zerocopy({ k, task }, { address, length }) {
      return yield* sendZerocopy(k, task, address, length);
    },
  },
};
