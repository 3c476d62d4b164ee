import type { CompilerTable } from "../call.js";

const absent = { unsupported: "is not compiled for kernels yet" } as const;

export const drm = {
  drm_open: absent,
  dumb_create: absent,
  dumb_map: absent,
  prime_export: absent,
  prime_import: absent,
  gem_close: absent,
} satisfies CompilerTable<"drm_open" | "dumb_create" | "dumb_map" | "prime_export" | "prime_import" | "gem_close">;
