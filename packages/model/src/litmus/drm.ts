import type { HandlerTable, Result } from "./handler.js";
import type { Path } from "../sched/path.js";

const absent = (): string => "the model has no such device yet";
// eslint-disable-next-line require-yield
function* none(): Path<Result> {
  throw new Error(absent());
}

export const drmHandlers: HandlerTable<"drm_open" | "dumb_create" | "dumb_map" | "prime_export" | "prime_import" | "gem_close"> = {
  run: {
    drm_open: none,
    dumb_create: none,
    dumb_map: none,
    prime_export: none,
    prime_import: none,
    gem_close: none,
  },
  unsupported: {
    drm_open: absent,
    dumb_create: absent,
    dumb_map: absent,
    prime_export: absent,
    prime_import: absent,
    gem_close: absent,
  },
};
