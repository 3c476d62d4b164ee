/** The dispatch: every operation of the language has a handler; a missing one is a type error. */
import { aioHandlers } from "./aio.js";
import { chargeHandlers } from "./charge.js";
import { chardevHandlers } from "./chardev.js";
import { coredumpHandlers } from "./coredump.js";
import { deviceMemoryHandlers } from "./device-memory.js";
import { dmaBufHandlers } from "./dma-buf.js";
import { driverGupHandlers } from "./driver-gup.js";
import { driverHandlers } from "./drivers.js";
import { drmHandlers } from "./drm.js";
import { exportingHandlers } from "./exporting.js";
import { fileHandlers } from "./files.js";
import { gemDriverHandlers } from "./gem-driver.js";
import { i915Handlers } from "./i915.js";
import { gupTestHandlers } from "./gup-test.js";
import { kernelActorHandlers } from "./kernel-actor.js";
import { memfdHandlers, memoryHandlers, observerHandlers } from "./memory.js";
import { processHandlers } from "./processes.js";
import { reachingHandlers } from "./reaching.js";
import { registrationHandlers } from "./registration.js";
import { remoteHandlers } from "./remote.js";
import { ringsHandlers } from "./rings.js";
import { syncFileHandlers } from "./sync-file.js";
import { v4l2Handlers } from "./v4l2.js";
import { virtualisationHandlers } from "./virtualisation.js";
import type { CallStep, OperationName } from "@litmap/litmus";
import type { Context, HandlerTable, Result } from "./handler.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

/** Every table of handlers, by subject. */
const tables = [
  memoryHandlers,
  memfdHandlers,
  fileHandlers,
  dmaBufHandlers,
  processHandlers,
  reachingHandlers,
  remoteHandlers,
  aioHandlers,
  coredumpHandlers,
  observerHandlers,
  driverHandlers,
  gemDriverHandlers,
  chardevHandlers,
  chargeHandlers,
  driverGupHandlers,
  exportingHandlers,
  registrationHandlers,
  drmHandlers,
  i915Handlers,
  v4l2Handlers,
  ringsHandlers,
  syncFileHandlers,
  deviceMemoryHandlers,
  gupTestHandlers,
  virtualisationHandlers,
  kernelActorHandlers,
] as const;

type Handled = KeysOfUnion<(typeof tables)[number]["run"]>;
type KeysOfUnion<T> = T extends unknown ? keyof T : never;

/** Operations of the language without a handler: a type error names them. */
type Missing = Exclude<OperationName, Handled>;
const complete: [Missing] extends [never] ? true : { readonly missing: Missing } = true;
void complete;

const run: Readonly<Record<string, unknown>> = Object.assign({}, ...tables.map((table) => table.run));
const unsupported: NonNullable<HandlerTable<OperationName>["unsupported"]> = Object.assign(
  {},
  ...tables.map((table) => ("unsupported" in table ? table.unsupported : undefined)),
);

/** The handler of an operation; its arguments have the types of the operation table. */
export function handlerOf(op: OperationName): (ctx: Context, args: Record<string, unknown>) => Path<Result> {
  return run[op] as (ctx: Context, args: unknown) => Path<Result>;
}

/** Why this kernel cannot do an operation, or undefined. */
export function unsupportedHere(k: Kernel, call: CallStep): string | undefined {
  return unsupported[call.op]?.(k, call.args);
}
