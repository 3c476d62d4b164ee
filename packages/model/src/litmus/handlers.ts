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
import type { Context, Handler, HandlerTable, Result } from "./handler.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const run = {
  ...memoryHandlers.run,
  ...memfdHandlers.run,
  ...fileHandlers.run,
  ...dmaBufHandlers.run,
  ...processHandlers.run,
  ...reachingHandlers.run,
  ...remoteHandlers.run,
  ...aioHandlers.run,
  ...coredumpHandlers.run,
  ...observerHandlers.run,
  ...driverHandlers.run,
  ...gemDriverHandlers.run,
  ...chardevHandlers.run,
  ...chargeHandlers.run,
  ...driverGupHandlers.run,
  ...exportingHandlers.run,
  ...registrationHandlers.run,
  ...drmHandlers.run,
  ...i915Handlers.run,
  ...v4l2Handlers.run,
  ...ringsHandlers.run,
  ...syncFileHandlers.run,
  ...deviceMemoryHandlers.run,
  ...gupTestHandlers.run,
  ...virtualisationHandlers.run,
  ...kernelActorHandlers.run,
} satisfies { readonly [N in OperationName]: Handler<N> };

const unsupported: NonNullable<HandlerTable<OperationName>["unsupported"]> = {
  ...memoryHandlers.unsupported,
  ...memfdHandlers.unsupported,
  ...fileHandlers.unsupported,
  ...dmaBufHandlers.unsupported,
  ...processHandlers.unsupported,
  ...reachingHandlers.unsupported,
  ...observerHandlers.unsupported,
  ...driverHandlers.unsupported,
  ...gemDriverHandlers.unsupported,
  ...driverGupHandlers.unsupported,
  ...exportingHandlers.unsupported,
  ...registrationHandlers.unsupported,
  ...drmHandlers.unsupported,
  ...i915Handlers.unsupported,
  ...v4l2Handlers.unsupported,
  ...ringsHandlers.unsupported,
  ...syncFileHandlers.unsupported,
  ...deviceMemoryHandlers.unsupported,
  ...gupTestHandlers.unsupported,
  ...virtualisationHandlers.unsupported,
  ...kernelActorHandlers.unsupported,
};

/** The handler of an operation; its arguments have the types of the operation table. */
export function handlerOf(op: OperationName): (ctx: Context, args: Record<string, unknown>) => Path<Result> {
  return run[op] as (ctx: Context, args: unknown) => Path<Result>;
}

/** Why this kernel cannot do an operation, or undefined. */
export function unsupportedHere(k: Kernel, call: CallStep): string | undefined {
  return unsupported[call.op]?.(k, call.args);
}
