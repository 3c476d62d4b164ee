/** What the kernel does of its own accord: migration, compaction, reclaim, the OOM reaper. */
import { shrinkers } from "../exporters/index.js";
import { compactNode, migrateAt } from "../mm/migrate.js";
import { oomReapTaskMm } from "../mm/oom.js";
import { narrow } from "../word.js";
import type { HandlerTable } from "./handler.js";

type Name = "fail_page_table" | "migrate" | "compact" | "oom_reap" | "shrink";

export const kernelActorHandlers: HandlerTable<Name> = {
  run: {
    *migrate(ctx, { address }) {
      return yield* migrateAt(ctx.k, ctx.ownerOf("address").mm, narrow(address));
    },
    *fail_page_table({ k }, { after }) {
      k.faultInjection.tables = Math.max(0, after);
      return 0;
    },
    *compact({ k }) {
      return yield* compactNode(k);
    },
    *oom_reap(ctx) {
      return yield* oomReapTaskMm(ctx.k, ctx.ownerOf("address").mm);
    },
    *shrink({ k }, { what }) {
      return yield* shrinkers[what](k);
    },
  },
};
