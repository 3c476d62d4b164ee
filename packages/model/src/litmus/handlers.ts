/** The dispatch: every operation of the language has a handler, or says why this kernel cannot do it. */
import { dmaBufHandlers } from "./dma-buf.js";
import { driverGupHandlers } from "./driver-gup.js";
import { driverHandlers } from "./drivers.js";
import { fileHandlers } from "./files.js";
import { kernelActorHandlers } from "./kernel-actor.js";
import { memfdHandlers, memoryHandlers, observerHandlers } from "./memory.js";
import { processHandlers } from "./processes.js";
import { reachingHandlers } from "./reaching.js";
import type { OperationName } from "@litmap/litmus";
import type { Context, HandlerTable, Result } from "./handler.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";

const tables = [dmaBufHandlers, driverGupHandlers, driverHandlers, fileHandlers, kernelActorHandlers, memfdHandlers, memoryHandlers, observerHandlers, processHandlers, reachingHandlers];

const run = {
  ...dmaBufHandlers.run,
  ...driverGupHandlers.run,
  ...driverHandlers.run,
  ...fileHandlers.run,
  ...kernelActorHandlers.run,
  ...memfdHandlers.run,
  ...memoryHandlers.run,
  ...observerHandlers.run,
  ...processHandlers.run,
  ...reachingHandlers.run,
};

const unsupported: HandlerTable<OperationName>["unsupported"] = Object.assign({}, ...tables.map((table) => table.unsupported));

/** The handler of an operation; its arguments have the types of the operation table. */
export function handlerOf(op: OperationName): (ctx: Context, args: Record<string, unknown>) => Path<Result> {
  const handler = (run as Partial<Record<OperationName, unknown>>)[op];
  if (handler === undefined) throw new Error(`nothing handles ${op}`);
  return handler as (ctx: Context, args: Record<string, unknown>) => Path<Result>;
}

/** Why this kernel cannot do an operation, or undefined. */
export function unsupportedHere(k: Kernel, op: OperationName): string | undefined {
  if (!(op in run)) return `the model does not have ${op} yet`;
  return unsupported?.[op]?.(k);
}
