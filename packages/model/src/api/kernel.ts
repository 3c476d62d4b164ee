/** The library's kernel: processes, heaps, devices and buffers without a litmus file. */
import { operation, isaOf, slotBase } from "@litmap/litmus";
import { Kernel as Core } from "../kernel.js";
import { handlerOf } from "../litmus/handlers.js";
import { runAlone } from "../sched/path.js";
import { StepTrace } from "../trace/trace.js";
import { Buffer } from "./buffer.js";
import { BusDevice } from "./device.js";
import { Process } from "./process.js";
import { failed, failureOf } from "./result.js";
import type { OperationArgs, OperationName, operations, ParamType } from "@litmap/litmus";
import type { DeviceOptions } from "../dma/device.js";
import type { Context, Result as HandlerResult } from "../litmus/handler.js";
import type { Rule } from "../rules/rule.js";
import type { TraceEvent } from "../trace/trace.js";
import type { Failure, Result } from "./result.js";

type Params<N extends OperationName> = (typeof operations)[N]["params"];
type Defaulted<N extends OperationName> = {
  [P in keyof Params<N>]: Params<N>[P] extends { readonly default: string } ? P : never;
}[keyof Params<N>];
/** Words of 64 bits may be given as numbers. */
type Lenient<T> = T extends bigint ? number | bigint : T;
type Args<N extends OperationName> = OperationArgs<N, number, unknown>;
type All<N extends OperationName> = { readonly [P in keyof Args<N>]: Lenient<Args<N>[P]> };

/** Arguments of an operation by name; those with a default may be left out. */
export type CallArguments<N extends OperationName> = Omit<All<N>, Defaulted<N> & keyof All<N>> &
  Partial<Pick<All<N>, Defaulted<N> & keyof All<N>>>;

/**
 * A machine's kernel. `new Kernel({ release: "6.12" })` is mainline 6.12 on x86_64;
 * `designs` takes another choice at single decision points.
 *
 * Every call gives its result or a {@link Failure} that names the rule which decided.
 */
export class Kernel extends Core {
  /** What decided the last call: rules that refused, and rules that explain why it passed. */
  last: readonly TraceEvent[] = [];
  private slot = slotBase[isaOf(this.arch.name)];

  /** A process with an empty address space. */
  override process(name: string): Process {
    return new Process(this, super.process(name));
  }

  /** A device that imports buffers; `iommu` and `coherent` default to the design's choice. */
  override device(name: string, options: DeviceOptions = {}): BusDevice {
    const device = super.device(name, options);
    if (!device.coherent) this.hasCaches();
    return new BusDevice(this, device);
  }

  /** A dma-buf heap. */
  heap(name: "system"): { alloc(process: Process, bytes: number, mode?: "r" | "w" | "rw"): Result<Buffer> } {
    return {
      alloc: (process, bytes, mode = "rw") => {
        const fd = process.call("dma_heap_alloc", { heap: name, length: bytes, mode });
        return failed(fd) ? fd : new Buffer(process, fd as number);
      },
    };
  }

  /** Runs an operation of the language for a context. Used by {@link Process.call}; not for programs. */
  perform<N extends OperationName>(
    op: N,
    context: Context,
    args: CallArguments<N>,
  ): Exclude<HandlerResult, { signal: unknown }> | Failure {
    const trace = new StepTrace();
    const outer = this.trace.switchTo(trace);
    try {
      const result = runAlone(handlerOf(op)(context, withDefaults(op, args)));
      return (
        failureOf(result, decided(trace.events, result), this.release) ??
        (result as Exclude<HandlerResult, { signal: unknown }>)
      );
    } finally {
      this.trace.switchTo(outer);
      this.last = trace.events;
    }
  }

  /** An address for a mapping of so many bytes, with room around it. */
  nextSlot(bytes: number): number {
    const address = this.slot;
    const align = 2 * 1024 * 1024;
    this.slot += (Math.ceil(Math.max(bytes, 1) / align) + 1) * align;
    return address;
  }
}

/** The rule behind a failure: the first that refused with the errno that came out, else the last that refused. */
function decided(events: readonly TraceEvent[], result: HandlerResult): Rule | undefined {
  const refusals = events.filter((event) => event.kind === "refuse");
  const first = refusals.find((event) => typeof result === "number" && event.errno === -result);
  return (first ?? refusals.at(-1))?.rule;
}

/** A number as a handler wants it: exact where the parameter is a word. */
function asWord(type: ParamType, value: unknown): unknown {
  switch (type.kind) {
    case "optional":
      return value === undefined ? undefined : asWord(type.of, value);
    case "address":
    case "size":
    case "integer":
      return typeof value === "number" ? BigInt.asUintN(64, BigInt(value)) : value;
    case "tuples":
      return (value as readonly (readonly unknown[])[]).map((row) =>
        row.map((cell, i) => asWord(type.of[i].type, cell)),
      );
    default:
      return value;
  }
}

/** Fills in what was left out, from the operation table. */
function withDefaults(op: OperationName, args: object): Record<string, unknown> {
  const full: Record<string, unknown> = { ...args };
  for (const [name, { type, default: standard }] of Object.entries(operation(op).params)) {
    if (standard === undefined || full[name] !== undefined) continue;
    full[name] =
      type.kind === "optional"
        ? undefined
        : type.kind === "flags"
          ? standard === "none"
            ? []
            : standard.split("|")
          : type.kind === "word"
            ? standard
            : Number(standard);
  }
  for (const [name, { type }] of Object.entries(operation(op).params)) full[name] = asWord(type, full[name]);
  return full;
}
