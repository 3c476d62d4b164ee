/**
 * What a litmus operation is on the model: a path that gives a result. Handlers stand by
 * subject in this folder and do nothing but unpack arguments and call the kernel's code.
 */
import type { CallStep, OperationArgs, OperationName, Signal } from "@litmap/litmus";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

/** Died of a signal, taken by the instruction itself. */
export interface Signalled {
  readonly signal: Signal;
}

export type RecordResult = Readonly<Record<string, number | string | readonly string[]>>;

/**
 * A number as a system call returns it: negative is `-errno`, an address or a descriptor or a
 * count otherwise; a file position, which may be beyond 2^53, is a bigint. Or a signal, a set of flag words (an
 * array), or the fields of a record. Driver handles are objects of the handler's own; they come back as `H` arguments.
 */
export type Result = number | bigint | Signalled | RecordResult | readonly string[] | { readonly handle: unknown };

/** Who runs the operation, and who else there is. */
export interface Context {
  readonly k: Kernel;
  /** The actor's name. */
  readonly actor: string;
  /** The calling process or thread; for drivers and the kernel a task with an empty address space. */
  readonly task: Task;
  /** The driver's device name, for driver actors. */
  readonly device: string | undefined;
  /** The task of another actor, by name. */
  taskOf(actor: string): Task;
  /** The task whose name was bound for this argument: whose table a descriptor, whose memory an address belongs to. */
  ownerOf(argument: string): Task;
  /** The caller is the kernel itself (a driver, reclaim): addresses may be kernel mappings. */
  readonly kernelMode: boolean;
  /** Where an mmap without `at` is asked to go: the slot that the test's text gives it. */
  readonly hint: number;
  /** State that handlers of one subject keep for one actor (timelines, references held, ...), by key. */
  readonly state: Map<string, unknown>;
}

export interface Unsupported {
  readonly unsupported: string;
}

/** Descriptors are numbers in the owner's table; handles are what a handler returned as `handle`. */
export type Handler<N extends OperationName> = (ctx: Context, args: OperationArgs<N, number, unknown>) => Path<Result>;

/**
 * The handlers of a set of operations; a missing entry is a type error. An operation that this
 * release, architecture or design cannot do has an entry in `unsupported`, asked first.
 */
export interface HandlerTable<N extends OperationName> {
  readonly run: { readonly [K in N]: Handler<K> };
  /** Why an operation cannot be done on this kernel, or not with these arguments; or undefined. */
  readonly unsupported?: { readonly [K in N]?: (k: Kernel, args: CallStep["args"]) => string | undefined };
}
