/** The compiler's dispatch: every operation, or why no real kernel can be asked for it. */
import type { OperationName, operations } from "@litmap/litmus";
import type { CompilerTable } from "../call.js";
import { noModule } from "../module.js";
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
  unsupported: noModule,
} as const;

const noIntelGpu = { unsupported: "needs an Intel GPU, which QEMU does not have" } as const;

/** What a process may call; the rest runs in the test module. */
type ProcessOperation = {
  [N in OperationName]: "process" extends (typeof operations)[N]["by"][number] ? N : never;
}[OperationName];

const compilers = {
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
} satisfies CompilerTable<ProcessOperation>;

/** The compiler of a process's operation; the checker lets a process call no other. */
export const compilerOf = (op: OperationName): object => compilers[op as ProcessOperation];
