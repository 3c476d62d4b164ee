/**
 * The operation table: everything that a test can do, declared once. Parser, checker,
 * completion, random programs, the model's dispatch and the kernel compiler's dispatch
 * all read it from here.
 */
import { aio } from "./aio.js";
import { charge } from "./charge.js";
import { chardev } from "./chardev.js";
import { coredump } from "./coredump.js";
import { deviceMemory } from "./device-memory.js";
import { dmaBuf, processes } from "./dma-buf.js";
import { drivers, kernel } from "./drivers.js";
import { drm } from "./drm.js";
import { exporting } from "./exporting.js";
import { gem } from "./gem.js";
import { i915 } from "./i915.js";
import { gupTest } from "./gup-test.js";
import { files, memory } from "./memory.js";
import { observers, reaching } from "./reaching.js";
import { remote } from "./remote.js";
import { rings } from "./rings.js";
import { registration } from "./registration.js";
import { v4l2 } from "./v4l2.js";
import { virtualisation } from "./virtualisation.js";
import { syncFile } from "./sync-file.js";
import type { ArgsOf, OperationShape } from "./types.js";

export const operations = {
  ...memory,
  ...files,
  ...dmaBuf,
  ...charge,
  ...syncFile,
  ...processes,
  ...reaching,
  ...remote,
  ...aio,
  ...coredump,
  ...gupTest,
  ...observers,
  ...drm,
  ...i915,
  ...v4l2,
  ...rings,
  ...deviceMemory,
  ...virtualisation,
  ...drivers,
  ...chardev,
  ...exporting,
  ...registration,
  ...gem,
  ...kernel,
} as const;

export type OperationName = keyof typeof operations;

/** The declaration by name, as the general shape. */
export function operation(name: OperationName): OperationShape {
  return operations[name];
}

/** What a handler gets: `D` is the host's idea of a descriptor, `H` of a driver's handle. */
export type OperationArgs<N extends OperationName, D = number, H = number> = ArgsOf<(typeof operations)[N], D, H>;

export * from "./types.js";
