/** What the kernel does of its own accord: migration, compaction, reclaim, the OOM reaper. */
import { shrinkDrmShmem } from "../exporters/drm-shmem.js";
import { shrinkI915 } from "../exporters/i915.js";
import { shrinkPanthor } from "../exporters/panthor.js";
import { shrinkTtm } from "../exporters/ttm.js";
import { compactNode, migrateAt } from "../mm/migrate.js";
import { oomReapTaskMm, shrinkShmem } from "../mm/oom.js";
import type { HandlerTable } from "./handler.js";

type Name = "fail_page_table" | "migrate" | "compact" | "oom_reap" | "shrink";

export const kernelActorHandlers: HandlerTable<Name> = {
  run: {
    *migrate(ctx, { address }) {
      return yield* migrateAt(ctx.k, ctx.ownerOf("address").mm, address);
    },
    *fail_page_table({ k }, { after }) {
      k.tablesLeft = Math.max(0, after);
      return 0;
    },
    *compact({ k }) {
      return yield* compactNode(k);
    },
    *oom_reap(ctx) {
      return yield* oomReapTaskMm(ctx.k, ctx.ownerOf("address").mm);
    },
    *shrink({ k }, { what }) {
      switch (what) {
        case "drm-shmem":
          return yield* shrinkDrmShmem(k);
        case "ttm":
          return yield* shrinkTtm(k);
        case "ttm-pool":
          return k.ttmPool.shrink();
        case "panthor":
          return yield* shrinkPanthor(k);
        case "i915":
          return yield* shrinkI915(k);
        case "shmem":
          return shrinkShmem(k);
      }
    },
  },
};
