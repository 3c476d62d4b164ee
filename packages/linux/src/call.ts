/**
 * One operation on its way to instructions. A compiler of an operation asks its
 * {@link Call} for arguments and emits instructions through it; the call chains them,
 * so that each runs only if the one before gave a result, and the first only if every
 * argument has one.
 */
import type { operations, Actor, Argument, Arch, Isa, CallStep, CallValue, Errno, OperationName } from "@litmap/litmus";
import { errnoName, errnos, isaOf, operation } from "@litmap/litmus";
import type { DataOffset, Instruction, Operand, ProgramBuilder, Ref, RoundResult } from "./program.js";
import { data, imm, pid, result } from "./program.js";
import type { SyscallName } from "./syscalls.js";
import { syscallNumbers } from "./syscalls.js";

/** The kernel that a test is compiled for. */
export interface KernelDescription {
  /** The version of Linux, `6.12.118`, or only its first two numbers. */
  readonly release: string;
  readonly arch: Arch;
  /** Bytes. */
  readonly pageSize: number;
  /** Where its executor runs. */
  readonly kind: "vm" | "host" | "ssh";
  /** A block device that tests may overwrite, of at least 16 MiB; none: such tests are unsupported. */
  readonly disk?: string;
  /** Names under /dev that there are, when known. */
  readonly devices?: ReadonlySet<string>;
  /** A folder on tmpfs. Default: /tmp in a VM, else /dev/shm. */
  readonly tmpfs?: string;
}

/**
 * System calls that an old kernel lacks, or one that was configured without them. Their ENOSYS says so; that of others,
 * such as ioctl and mmap, is a driver's answer.
 */
const mayBeAbsent: ReadonlySet<SyscallName> = new Set([
  "get_mempolicy",
  "io_destroy",
  "io_getevents",
  "io_setup",
  "io_submit",
  "io_uring_enter",
  "io_uring_register",
  "io_uring_setup",
  "madvise",
  "mbind",
  "memfd_create",
  "mlock2",
  "move_pages",
  "mseal",
  "pidfd_getfd",
  "pidfd_open",
  "process_madvise",
  "process_vm_readv",
  "process_vm_writev",
  "remap_file_pages",
  "userfaultfd",
]);

/** This test cannot run on this kernel; the message says why. */
export class UnsupportedHere extends Error {
  override readonly name = "UnsupportedHere";
}

/** What a name of the test stands for. */
export interface Bound {
  readonly value: Ref;
  /** It has a value only if this instruction gave a result. */
  readonly gate: Ref;
  /** A pipe's other end; the processor of a virtual machine; the group in a container. */
  readonly writeEnd?: Ref;
  /** The operation that made it. */
  readonly op?: OperationName;
}

/** A failure that says that the machine lacks something, not that the operation failed. */
interface Missing {
  readonly ref: Ref;
  readonly errnos: readonly Errno[];
  readonly reason: string;
}

/** How a call is read back. */
export interface Compiled {
  /** What its name stands for: by default what the last hard instruction gave. */
  readonly value?: Ref;
  readonly writeEnd?: Ref;
  /** Called when every hard instruction gave a result. Default: the value as a number. */
  readonly read?: (round: RoundResult) => CallValue;
}

/** What a Program is being made of, across calls. */
export interface Scene {
  readonly kernel: KernelDescription;
  readonly builder: ProgramBuilder;
  actorNumber(name: string): number;
  /** The process whose memory and descriptors the actor uses. */
  spaceOf(actor: string): string;
  bound(name: string): Bound | undefined;
  /** Whether two actors, by number, share memory and descriptors. */
  sameProcess(one: number, other: number): boolean;
  /** Other threads of an actor's process that are there by now, its leader among them. */
  otherThreads(actor: string): readonly number[];
  /** The actor whose process id stands for the process of an actor: that of its leader. */
  leaderOf(actor: number): number;
  /** The number of the actor that bound a name. */
  actorOfName(name: string): number | undefined;
  actorOf(name: string): Actor;
  /** The number of the process whose descriptors and memory the actor that bound a name uses. */
  ownerNumber(name: string): number | undefined;
  /** The open /dev/litmap of a driver, or of the kernel. */
  moduleOf(actor: string): Ref;
  /** Where an mmap without `at` goes. */
  hint(step: CallStep): number;
  /** Readings from the beginning, for what is reported as a change. */
  readonly baselines: { readonly status: Map<string, Ref>; meminfo?: Ref };
  /** The timeline that sw_sync_fence made last, by process. */
  readonly timelines: Map<string, Ref>;
  /** Private buffers that calls share: data read is discarded, data written is zeros. */
  readonly buffers: Map<string, DataOffset>;
  /** A device of the test frees pages only when its host has answered. */
  readonly hostHoldsPages: boolean;
  /** The step is within a `parallel` block. */
  readonly parallel: boolean;
  /** Makes room for what an actor reads. */
  makeRoom(actor: number, bytes: number): void;
}

type Field = readonly [offset: number, width: 1 | 2 | 4 | 8, value: Operand | number | bigint];

const anyOperand = (value: Operand | number | bigint): Operand => (typeof value === "object" ? value : imm(value));

/** Names of an operation's parameters. */
type ParamName<N extends OperationName> = keyof (typeof operations)[N]["params"] & string;

/** The words that a parameter takes, as the operation table has them. */
type WordOf<N extends OperationName, P> = (typeof operations)[N]["params"] extends {
  readonly [K in P & string]: { readonly type: { readonly words: infer W } };
}
  ? keyof W & string
  : never;

export class Call<N extends OperationName = OperationName> {
  readonly actor: number;
  readonly missing: Missing[] = [];
  /** Instructions that must give a result for the operation to have one, in order. */
  readonly hard: Ref[] = [];
  private readonly needs: Ref[];
  readonly scene: Scene;
  readonly step: CallStep;

  constructor(scene: Scene, step: CallStep) {
    this.scene = scene;
    this.step = step;
    this.actor = scene.actorNumber(step.actor);
    this.needs = namesIn(Object.values(step.args)).flatMap((name) => scene.bound(name)?.gate ?? []);
  }

  get kernel(): KernelDescription {
    return this.scene.kernel;
  }

  get builder(): ProgramBuilder {
    return this.scene.builder;
  }

  get isa(): Isa {
    return isaOf(this.kernel.arch);
  }

  /** Bytes of a pointer and of a C long. */
  get pointer(): 4 | 8 {
    return this.isa === "arm" ? 4 : 8;
  }

  // --- arguments

  /** The words of an argument. */
  words<P extends ParamName<N>>(param: P): readonly WordOf<N, P>[] {
    const argument = this.argument(param);
    return (argument.kind === "words" ? argument.words : []) as readonly WordOf<N, P>[];
  }

  /** The one word of an argument. */
  word<P extends ParamName<N>>(param: P): WordOf<N, P> {
    return this.words(param)[0];
  }

  text(param: ParamName<N>): string {
    const argument = this.argument(param);
    return argument.kind === "string" ? argument.value : argument.kind === "words" ? argument.words.join("|") : "";
  }

  /** An integer, size, address or descriptor. */
  number(param: ParamName<N>): Operand {
    return this.operand(this.argument(param));
  }

  /** A number that is known now. @throws UnsupportedHere when it is another step's result. */
  constant(param: ParamName<N>): number {
    const operand = this.number(param);
    if (operand.kind !== "imm")
      throw new UnsupportedHere(`${this.step.op}() takes '${param}' only as a number here, not as a result`);
    return Number(operand.value);
  }

  given(param: ParamName<N>): boolean {
    const argument = this.argument(param);
    return !(argument.kind === "words" && argument.words.length === 0);
  }

  /** The actor that an `of` names; the caller when it is left out. */
  other(param: ParamName<N>): number {
    const argument = this.argument(param);
    const name =
      argument.kind === "words"
        ? argument.words[0]
        : argument.kind === "ref"
          ? argument.name
          : argument.kind === "string"
            ? argument.value
            : undefined;
    return name === undefined ? this.actor : this.scene.actorNumber(name);
  }

  /** The name that an argument consists of, if it does. */
  boundAs(param: ParamName<N>): { readonly name: string; readonly bound: Bound } | undefined {
    const argument = this.argument(param);
    const bound = argument.kind === "ref" ? this.scene.bound(argument.name) : undefined;
    return argument.kind === "ref" && bound ? { name: argument.name, bound } : undefined;
  }

  /** The actor that got what an argument names. */
  ownerOf(param: ParamName<N>): number | undefined {
    const [name] = namesIn([this.argument(param)]);
    return name === undefined ? undefined : this.scene.actorOfName(name);
  }

  argument(param: string): Argument {
    const argument = this.step.args[param];
    if (argument === undefined) throw new Error(`${this.step.op}() without '${param}'`);
    return argument;
  }

  operand(argument: Argument): Operand {
    switch (argument.kind) {
      case "int":
        return imm(BigInt(argument.value));
      case "pages":
        return imm(argument.count * this.kernel.pageSize);
      case "ref": {
        const bound = this.scene.bound(argument.name);
        if (argument.field !== undefined || bound === undefined)
          throw new UnsupportedHere(`'${argument.name}' is read from text and cannot be an argument on a real kernel`);
        return result(bound.value);
      }
      case "sum":
        return this.sum(argument.op, this.operand(argument.left), this.operand(argument.right));
      default:
        throw new Error(`${this.step.op}(): ${argument.kind} where a number belongs`);
    }
  }

  private sum(op: "+" | "-", left: Operand, right: Operand): Operand {
    if (right.kind === "imm") {
      const by = op === "+" ? right.value : -right.value;
      if (left.kind === "imm") return imm(left.value + by);
      if (left.kind === "result") return result(left.of, left.plus + by);
    }
    return result(this.calc(left, -1n, 0, right, op === "-"));
  }

  // --- instructions

  /** An instruction that the operation's result depends on. */
  emit(instruction: Omit<Instruction, "actor" | "need">): Ref {
    const last = this.hard.at(-1);
    const ref = this.builder.emit({ ...instruction, actor: this.actor, need: last ? [last] : this.needs });
    this.hard.push(ref);
    return ref;
  }

  /** One that may fail without consequence, run if `needs` gave results. */
  soft(instruction: Omit<Instruction, "actor" | "need">, needs: readonly Ref[]): Ref {
    return this.builder.emit({ ...instruction, actor: this.actor, need: needs });
  }

  sys(name: SyscallName, ...args: readonly (Operand | number | bigint)[]): Ref {
    const ref = this.emit({ op: "sys", imm: this.callNumber(name), args: args.map(anyOperand) });
    if (mayBeAbsent.has(name)) this.lacks(ref, ["ENOSYS"], `this kernel has no ${name}()`);
    return ref;
  }

  /**
   * As {@link Call.sys}, but its number differs from run to run and nothing depends on its value later in TypeScript.
   */
  sysVolatile(name: SyscallName, ...args: readonly (Operand | number | bigint)[]): Ref {
    const ref = this.emit({ op: "sys", imm: this.callNumber(name), args: args.map(anyOperand), volatile: true });
    if (mayBeAbsent.has(name)) this.lacks(ref, ["ENOSYS"], `this kernel has no ${name}()`);
    return ref;
  }

  softSys(needs: readonly Ref[], name: SyscallName, ...args: readonly (Operand | number | bigint)[]): Ref {
    return this.soft({ op: "sys", imm: this.callNumber(name), args: args.map(anyOperand) }, needs);
  }

  callNumber(name: SyscallName): number {
    return syscallNumbers[this.isa][name];
  }

  /** If `ref` fails with one of these, the machine lacks something and the test is unsupported. */
  lacks(ref: Ref, names: readonly Errno[], reason: string): void {
    this.missing.push({ ref, errnos: names, reason });
  }

  load(at: Operand, width: 1 | 2 | 4 | 8 = 4): Ref {
    return this.emit({ op: "load", imm: width, args: [at] });
  }

  store(at: Operand, width: 1 | 2 | 4 | 8, value: Operand | number | bigint): Ref {
    return this.emit({ op: "store", imm: width, args: [at, anyOperand(value)] });
  }

  /** `((value & mask) << shift) + plus`, or `- plus`. A negative shift goes right. */
  calc(value: Operand, mask: bigint, shift: number, plus: Operand | number = 0, minus = false): Ref {
    return this.emit({ op: "calc", imm: minus ? 1 : 0, args: [value, imm(mask), imm(shift), anyOperand(plus)] });
  }

  /** A struct in the actor's data: constants are there from the start, results are stored when they are known. */
  struct(bytes: number, fields: readonly Field[]): DataOffset {
    const content = Buffer.alloc(bytes);
    const later: Field[] = [];
    for (const [offset, width, given] of fields) {
      const value = anyOperand(given);
      if (value.kind === "imm") writeInteger(content, offset, width, value.value);
      else later.push([offset, width, value]);
    }
    const at = this.builder.bytes(content);
    for (const [offset, width, value] of later) this.store(data(at, offset), width, value);
    return at;
  }

  /** Opens a path; the machine lacks the file's device when there is none. */
  open(path: DataOffset, flags: number, lacking?: string): Ref {
    const ref = this.sys("openat", -100, data(path), flags, 0o600);
    if (lacking !== undefined) this.lacks(ref, ["ENOENT", "ENXIO", "ENODEV"], lacking);
    return ref;
  }

  /** A path that is made when the instruction runs. */
  madePath(...parts: readonly (string | Operand)[]): DataOffset {
    const to = this.builder.reserve(208);
    this.emit({ op: "path", args: [data(to), data(this.builder.path(...parts))] });
    return to;
  }

  /**
   * A file's text, at most so many bytes of it, only lines that begin with one of `keep`, of mappings only that at
   * `address`.
   */
  readText(path: DataOffset, most: number, keep: readonly string[] = [], address: Operand = imm(0)): Ref {
    this.scene.makeRoom(this.actor, most);
    const lines = keep.length > 0 ? data(this.builder.string(keep.join("\n"))) : imm(0);
    const ref = this.emit({ op: "read", args: [data(path), imm(most), address, lines] });
    this.lacks(ref, ["EMSGSIZE"], `limit: ${this.step.op}() reads a text of at most ${most} bytes`);
    return ref;
  }

  /** A private buffer of at least so many bytes: `sink` to read into, `zeros` to write from. */
  buffer(kind: "sink" | "zeros", bytes: number): DataOffset {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, this.kernel.pageSize)));
    const key = `${kind} ${size}`;
    const known = this.scene.buffers.get(key);
    const at = known ?? this.builder.reserve(size, this.kernel.pageSize);
    this.scene.buffers.set(key, at);
    return at;
  }

  /** A 64-bit offset as a call takes it: one register, or two on 32-bit machines. */
  wide(value: Operand): Operand[] {
    if (this.pointer === 8) return [value];
    return value.kind === "imm"
      ? [imm(BigInt.asUintN(32, value.value)), imm(BigInt.asUintN(64, value.value) >> 32n)]
      : [value, value.kind === "result" ? result(this.calc(value, -1n, -32)) : imm(0)];
  }

  /** Fills up to an even register, where 32-bit calls take their 64-bit arguments. */
  get pad(): Operand[] {
    return this.pointer === 8 ? [] : [imm(0)];
  }

  self(): Operand {
    return pid(this.actor);
  }
}

/** What a failed instruction of a call means. */
export function failureOf(call: Call, ref: Ref, code: bigint): string {
  const number = Number(-code);
  for (const { ref: of, errnos: names, reason } of call.missing) {
    if (of.index === ref.index && names.some((name) => errnos[name] === number)) throw new UnsupportedHere(reason);
  }
  return errnoName(number);
}

/** Names of results that arguments use, in order. */
export function namesIn(args: readonly Argument[]): string[] {
  return args.flatMap((argument) => {
    switch (argument.kind) {
      case "ref":
        return [argument.name];
      case "sum":
        return namesIn([argument.left, argument.right]);
      case "list":
        return namesIn(argument.items);
      default:
        return [];
    }
  });
}

/** Arguments in the order of the operation's parameters: the first that has no value decides. */
export function argumentsInOrder(step: CallStep): Argument[] {
  return Object.keys(operation(step.op).params).flatMap((name) => step.args[name] ?? []);
}

function writeInteger(into: Buffer, at: number, width: 1 | 2 | 4 | 8, value: bigint): void {
  const bits = BigInt.asUintN(width * 8, value);
  if (width === 8) into.writeBigUInt64LE(bits, at);
  else into.writeUIntLE(Number(bits), at, width);
}

export type OperationCompiler<N extends OperationName> = (call: Call<N>) => Compiled;

/** An operation that no real kernel can be asked for, and why. */
export interface Unsupported {
  readonly unsupported: string;
}

export type CompilerTable<N extends OperationName> = { readonly [K in N]: OperationCompiler<K> | Unsupported };
