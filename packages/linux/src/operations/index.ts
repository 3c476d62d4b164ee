/** The compiler's dispatch: every operation, or why no real kernel can be asked for it. */
import type { OperationName } from "@litmap/litmus";
import type { CompilerTable } from "../call.js";
import { aio } from "./aio.js";
import { coredump } from "./coredump.js";
import { deviceMemory } from "./device-memory.js";
import { dmaBuf } from "./dma-buf.js";
import { drm } from "./drm.js";
import { files } from "./files.js";
import { gupTest } from "./gup-test.js";
import { memory } from "./memory.js";
import { observers } from "./observers.js";
import { processes } from "./processes.js";
import { reaching } from "./reaching.js";
import { remote } from "./remote.js";
import { rings } from "./rings.js";
import { syncFile } from "./sync-file.js";
import { v4l2 } from "./v4l2.js";
import { vfioCompilers } from "./vfio.js";
import { virtualisation } from "./virtualisation.js";

/** Steps of drivers and of the kernel itself run in the test module (`drivers.ts`), not in user space. */
export const needsModule = {
  unsupported: "needs litmap's test module, which this kernel does not have (litmap kernel module)",
} as const;

const noIntelGpu = { unsupported: "needs an Intel GPU, which QEMU does not have" } as const;

export const compilers = {
  ...memory,
  ...files,
  ...dmaBuf,
  ...syncFile,
  ...processes,
  ...reaching,
  ...remote,
  ...aio,
  ...coredump,
  ...gupTest,
  ...observers,
  ...drm,
  ...v4l2,
  ...rings,
  ...deviceMemory,
  ...virtualisation,
  ...vfioCompilers,
  i915_gem_create: noIntelGpu,
  i915_gem_mmap_offset: noIntelGpu,
  i915_gem_mmap: noIntelGpu,
  i915_gem_madvise: noIntelGpu,
  attach: needsModule,
  detach: needsModule,
  map_attachment: needsModule,
  unmap_attachment: needsModule,
  pin: needsModule,
  unpin: needsModule,
  dma_read: needsModule,
  dma_write: needsModule,
  begin_cpu_access: needsModule,
  end_cpu_access: needsModule,
  vmap: needsModule,
  vunmap: needsModule,
  get_user_pages: needsModule,
  pin_user_pages: needsModule,
  put_user_pages: needsModule,
  follow_pfn: needsModule,
  chardev: needsModule,
  reg_mr: needsModule,
  reg_memfd: needsModule,
  dereg_mr: needsModule,
  dma_sync: needsModule,
  gem_create: needsModule,
  gem_get_sg_table: needsModule,
  gem_madvise: needsModule,
  gem_put: needsModule,
  gem_export: needsModule,
  gem_import: needsModule,
  gem_mmap_offset: needsModule,
  gem_place: needsModule,
  drm_node: needsModule,
  drm_unplug: needsModule,
  ttm_move: needsModule,
  ttm_pin: needsModule,
  ttm_unpin: needsModule,
  move_notify_count: needsModule,
  notifier_register: needsModule,
  notifier_count: needsModule,
  shrink: needsModule,
  fail_page_table: { unsupported: "needs a kernel with fault injection" },
  migrate: needsModule,
  compact: needsModule,
  oom_reap: needsModule,
  revoke: needsModule,
  dma_buf_export: needsModule,
  dma_buf_put: needsModule,
  videobuf_user_get: needsModule,
} satisfies CompilerTable<OperationName>;
