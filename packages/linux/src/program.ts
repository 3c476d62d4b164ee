/**
 * Programs: what an executor runs, and what it answers. A Program is a list of
 * instructions in one global order, each for one actor; `executor/executor.c`
 * interprets it and has the same layout at its top. Numbers are little endian.
 *
 *     header 64 bytes · actors, 4 bytes each, padded to 8 · instructions, 136 bytes
 *     each · initial data. Every actor has its own copy of the data at an address
 *     that only the executor knows: {@link data} points into it.
 */
import { kernelLimits, overLimit } from "@litmap/litmus";
import type { KernelLimit } from "@litmap/litmus";

/** What an instruction does. The order is the executor's. */
const opcodes = [
  "sys",
  "load",
  "store",
  "touch",
  "fill",
  "path",
  "read",
  "calc",
  "faults",
  "faults_since",
  "settle",
  "fork",
  "thread",
  "exit",
  "parallel",
  "show",
  "await",
] as const;
export type Opcode = (typeof opcodes)[number];

const operandKinds = { imm: 0, result: 1, data: 2, pid: 3 } as const;

/** An instruction already emitted: its result can be used, or needed, by later ones. */
export interface Ref {
  readonly index: number;
}

/** A place in the data, in bytes; `zero` data lies behind all initial data. */
export interface DataOffset {
  readonly offset: number;
  readonly zero: boolean;
}

/** An argument of an instruction; six of a system call. */
export type Operand =
  | { readonly kind: "imm"; readonly value: bigint }
  /** An earlier result plus a constant. */
  | { readonly kind: "result"; readonly of: Ref; readonly plus: bigint }
  /** Address of a place in the acting actor's data. */
  | { readonly kind: "data"; readonly at: DataOffset; readonly plus: number }
  /** An actor's process id. */
  | { readonly kind: "pid"; readonly actor: number };

export const imm = (value: number | bigint): Operand => ({ kind: "imm", value: BigInt(value) });
export const result = (of: Ref, plus: number | bigint = 0): Operand => ({ kind: "result", of, plus: BigInt(plus) });
export const data = (at: DataOffset, plus = 0): Operand => ({ kind: "data", at, plus });
export const pid = (actor: number): Operand => ({ kind: "pid", actor });

export interface Instruction {
  readonly op: Opcode;
  readonly actor: number;
  readonly args?: readonly Operand[];
  /**
   * sys: the call's number; load, store: width in bytes ({@link loadResult}: a call's result left in memory); touch: 1
   * to store; calc: 1 to subtract; fork, thread: the child; exit: the signal to die of, or 0.
   */
  readonly imm?: number;
  /** It is skipped unless all of these gave a result. At most {@link needLimit}. */
  readonly need?: readonly Ref[];
  /** The value differs from round to round by nature; it comes back as 0. */
  readonly volatile?: boolean;
}

export interface ProgramActor {
  readonly kind: "process" | "fork" | "thread";
  readonly parent: number;
}

export interface ProgramOptions {
  /** How often the whole test runs, with fresh processes. Default 1. */
  readonly rounds?: number;
  /** Limit of one round, milliseconds. Default 10,000. */
  readonly roundMs?: number;
  /** No further round begins after so many milliseconds. Default 60,000. */
  readonly budgetMs?: number;
  /**
   * Keep all actors on one CPU until they run in parallel: counters kept per CPU are exact, turns cost less. Default
   * true.
   */
  readonly pinned?: boolean;
  /** Of the delays strewn into parallel branches. */
  readonly seed?: number;
  /** Room for what files give, bytes an actor. Default 256 KiB. */
  readonly streamBytes?: number;
  /** The most that files and memory give in one round, of all actors together. Default: all of that room. */
  readonly textBytes?: number;
  /** Read the processor's counter around each instruction: {@link InstructionResult.count}. Default false. */
  readonly counted?: boolean;
  /** Bytes of a page of the machine: what zeroed data is aligned to. Default 4096. */
  readonly pageSize?: number;
}

export const needLimit = 4;
/** Width for `load`: a signed 32-bit word that is a result or a negative errno. */
export const loadResult = 0x84;
const headerBytes = 64;
const instructionBytes = 136;
/** Of a Program's and a result's flags. */
const countedFlag = 2;
const magic = 0x31504d4c;
const version = 1;

/** A test asks for more than the executor holds; the message names the limit. */
export class ProgramTooLarge extends Error {
  override readonly name = "ProgramTooLarge";
}

const within = (limit: KernelLimit, count: number): void => {
  const reason = overLimit(limit, count);
  if (reason !== undefined) throw new ProgramTooLarge(reason);
};

/** Collects a Program; {@link ProgramBuilder.encode} gives its bytes. */
export class ProgramBuilder {
  private readonly actors: ProgramActor[] = [];
  private readonly instructions: (Instruction & { branches?: readonly (readonly [number, number, number])[] })[] = [];
  private initial: Uint8Array[] = [];
  private initialBytes = 0;
  private zeroBytes = 0;

  /** Number of instructions so far. */
  get length(): number {
    return this.instructions.length;
  }

  /** Adds an actor; gives its number. */
  actor(kind: ProgramActor["kind"], parent = 0): number {
    return this.actors.push({ kind, parent }) - 1;
  }

  /** Initial data, 8-byte aligned. */
  bytes(content: Uint8Array): DataOffset {
    const offset = this.initialBytes;
    const padded = new Uint8Array((content.length + 7) & ~7);
    padded.set(content);
    this.initial.push(padded);
    this.initialBytes += padded.length;
    return { offset, zero: false };
  }

  /** A string with its terminating zero. */
  string(text: string): DataOffset {
    return this.bytes(new TextEncoder().encode(`${text}\0`));
  }

  /**
   * A path for `read` and `path` instructions: text, process ids of actors, and
   * results in decimal, e.g. `path("/proc/", pid(1), "/fd/", result(opened))`.
   */
  path(...parts: readonly (string | Operand)[]): DataOffset {
    const bytes = parts.map((part) => {
      if (typeof part === "string") return Buffer.from(part);
      if (part.kind === "pid") return Buffer.of(1, part.actor);
      if (part.kind === "result") return Buffer.of(2, part.of.index & 0xff, (part.of.index >> 8) + 1);
      throw new TypeError(`a path has no place for ${part.kind}`);
    });
    return this.bytes(Buffer.concat([...bytes, Buffer.of(0)]));
  }

  /** `length` bytes of zeros, aligned to `align` bytes. */
  reserve(length: number, align = 64): DataOffset {
    const offset = Math.ceil(this.zeroBytes / align) * align;
    this.zeroBytes = offset + length;
    return { offset, zero: true };
  }

  emit(instruction: Instruction): Ref {
    const need = [...new Map((instruction.need ?? []).map((ref) => [ref.index, ref])).values()];
    while (need.length > needLimit) {
      const joined = this.emit({
        op: "calc",
        actor: instruction.actor,
        args: [imm(0), imm(0), imm(0), imm(0)],
        need: need.splice(0, needLimit),
      });
      need.push(joined);
    }
    this.instructions.push({ ...instruction, need });
    return { index: this.instructions.length - 1 };
  }

  /** Branches that run free of each other; each emits its actor's instructions. */
  parallel(branches: readonly { readonly actor: number; readonly body: () => void }[]): Ref {
    const at = this.instructions.length;
    this.instructions.push({ op: "parallel", actor: branches[0]?.actor ?? 0 });
    const ranges = branches.map(({ actor, body }) => {
      const from = this.instructions.length;
      body();
      return [actor, from, this.instructions.length] as const;
    });
    within("branches", ranges.length);
    this.instructions[at] = {
      op: "parallel",
      actor: ranges[0]?.[0] ?? 0,
      imm: this.instructions.length,
      branches: ranges,
    };
    return { index: at };
  }

  /**
   * The bytes for a `run` frame.
   * @throws ProgramTooLarge beyond the executor's limits.
   */
  encode(options: ProgramOptions = {}): Buffer {
    const zeroAlign = options.pageSize ?? 4096;
    const zeroBase = Math.ceil(this.initialBytes / zeroAlign) * zeroAlign;
    const dataBytes = Math.ceil((zeroBase + this.zeroBytes) / zeroAlign) * zeroAlign;
    const streamBytes = options.streamBytes ?? 1 << 18;
    const resultBytes = options.counted ? 24 : 16;
    within("actors", this.actors.length);
    within("instructions", this.length);
    within("bufferBytes", dataBytes);
    within("textBytes", streamBytes);
    within(
      "answerBytes",
      summaryBytes + roundBytes + this.length * resultBytes + (options.textBytes ?? this.actors.length * streamBytes),
    );
    const rounds = options.rounds ?? 1;
    const actorBytes = (this.actors.length * 4 + 7) & ~7;
    const out = Buffer.alloc(headerBytes + actorBytes + this.length * instructionBytes + this.initialBytes);
    const words = [
      magic,
      version | (this.actors.length << 16),
      this.length,
      this.initialBytes,
      dataBytes,
      streamBytes,
      rounds,
      options.roundMs ?? 10_000,
      options.budgetMs ?? 60_000,
      ((options.pinned ?? true) ? 1 : 0) | (options.counted ? countedFlag : 0),
      (options.seed ?? 1) >>> 0,
    ];
    words.forEach((word, i) => out.writeUInt32LE(word >>> 0, i * 4));
    let at = headerBytes;
    this.actors.forEach((actor, i) => {
      out[at + i * 4] = { process: 0, fork: 1, thread: 2 }[actor.kind];
      out[at + i * 4 + 1] = actor.parent;
    });
    at += actorBytes;
    for (const one of this.instructions) {
      const args = one.args ?? [];
      out[at] = opcodes.indexOf(one.op);
      out[at + 1] = one.actor;
      out[at + 2] = one.branches?.length ?? args.length;
      out[at + 3] = one.volatile ? 1 : 0;
      out.writeUInt32LE((one.imm ?? 0) >>> 0, at + 4);
      one.need?.forEach((ref, i) => out.writeUInt32LE(ref.index + 1, at + 8 + i * 4));
      one.branches?.forEach(([actor, from, to], i) => writeOperand(out, at + 24 + i * 16, actor, from, BigInt(to)));
      args.forEach((operand, i) => encodeOperand(out, at + 24 + i * 16, operand, zeroBase));
      at += instructionBytes;
    }
    for (const part of this.initial) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

function writeOperand(out: Buffer, at: number, kind: number, index: number, value: bigint): void {
  out.writeUInt32LE(kind, at);
  out.writeUInt32LE(index, at + 4);
  out.writeBigInt64LE(BigInt.asIntN(64, value), at + 8);
}

function encodeOperand(out: Buffer, at: number, operand: Operand, zeroBase: number): void {
  const kind = operandKinds[operand.kind];
  switch (operand.kind) {
    case "imm":
      return writeOperand(out, at, kind, 0, operand.value);
    case "result":
      return writeOperand(out, at, kind, operand.of.index, operand.plus);
    case "data":
      return writeOperand(
        out,
        at,
        kind,
        0,
        BigInt(operand.at.offset + (operand.at.zero ? zeroBase : 0) + operand.plus),
      );
    case "pid":
      return writeOperand(out, at, kind, operand.actor, 0n);
  }
}

/** How an instruction ended. */
export type State = "not_run" | "ok" | "errno" | "signal" | "skipped";
const states: readonly State[] = ["not_run", "ok", "errno", "signal", "skipped"];

export interface InstructionResult {
  readonly state: State;
  /** What it gave; negative errno when `errno`, the signal's number when `signal`. */
  readonly value: bigint;
  /** touch, fill: pages or bytes done before a signal; read: where its bytes lie. */
  readonly aux: number;
  /** Of a counted Program: what the processor's counter gained meanwhile. */
  readonly count?: number;
}

export interface RoundResult {
  /** In how many rounds exactly this came out. */
  readonly count: number;
  readonly outcome: "done" | "timeout" | "died";
  /** `died`: as wait4 gave it. */
  readonly waitStatus: number;
  /** `timeout`, `died`: the instruction whose turn it was. */
  readonly pc: number;
  /** `timeout`, `died`: for each actor the instruction that it began last, if any. */
  readonly at: readonly (number | undefined)[];
  readonly results: readonly InstructionResult[];
  /** What a `read` instruction gave. */
  bytes(of: Ref): Uint8Array;
  text(of: Ref): string;
}

export interface ProgramResult {
  /** Rounds that ran; fewer than asked after a failure, when time is up, or when too much differs. */
  readonly rounds: number;
  readonly distinct: readonly RoundResult[];
  /** /proc/sys/kernel/tainted before and after. */
  readonly taint: { readonly before: bigint; readonly after: bigint };
  /** A process of the test could not be killed: the machine needs a reboot. */
  readonly unkillable: boolean;
  readonly ms: number;
}

/** A `result` frame's payload is not what an executor sends. */
export class MalformedResult extends Error {
  override readonly name = "MalformedResult";
}

const summaryBytes = 40;
const roundBytes = 72;

/** @throws MalformedResult on a payload that is cut off or contradicts itself. */
export function decodeResult(payload: Uint8Array): ProgramResult {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length < summaryBytes) throw new MalformedResult(`${bytes.length} bytes are no result`);
  if (bytes.readUInt32LE(0) !== version)
    throw new MalformedResult(`version ${bytes.readUInt32LE(0)} instead of ${version}`);
  const count = bytes.readUInt32LE(4);
  const counted = (bytes.readUInt32LE(32) & countedFlag) !== 0;
  const distinct: RoundResult[] = [];
  let at = summaryBytes;
  for (let n = bytes.readUInt32LE(12); n > 0; n--) {
    const stream = at + roundBytes + count * (counted ? 24 : 16);
    if (stream > bytes.length) throw new MalformedResult("a round is cut off");
    const end = stream + bytes.readUInt32LE(at + 16);
    if (end > bytes.length) throw new MalformedResult("a round's text is cut off");
    distinct.push(decodeRound(bytes, at, count, counted, stream, end));
    at = (end + 7) & ~7;
  }
  return {
    rounds: bytes.readUInt32LE(8),
    distinct,
    taint: { before: bytes.readBigUInt64LE(16), after: bytes.readBigUInt64LE(24) },
    unkillable: leftUnkillable(payload),
    ms: bytes.readUInt32LE(36),
  };
}

/** Of a `result` frame's payload only whether a process could not be killed. */
export function leftUnkillable(payload: Uint8Array): boolean {
  return payload.length >= summaryBytes && (payload[32] & 1) !== 0;
}

function decodeRound(
  bytes: Buffer,
  at: number,
  count: number,
  counted: boolean,
  stream: number,
  end: number,
): RoundResult {
  const results: InstructionResult[] = [];
  for (let i = 0, from = at + roundBytes; i < count; i++, from += 16) {
    const gained = counted ? { count: Number(bytes.readBigUInt64LE(at + roundBytes + count * 16 + i * 8)) } : {};
    results.push({
      state: states[bytes[from]] ?? "not_run",
      aux: bytes.readUInt32LE(from + 4),
      value: bytes.readBigInt64LE(from + 8),
      ...gained,
    });
  }
  const slice = (ref: Ref): Uint8Array => {
    const { aux, value } = results[ref.index];
    return bytes.subarray(stream + aux, Math.min(stream + aux + Number(value), end));
  };
  return {
    count: bytes.readUInt32LE(at),
    outcome: (["done", "timeout", "died"] as const)[bytes.readUInt32LE(at + 4)] ?? "died",
    waitStatus: bytes.readUInt32LE(at + 8),
    pc: bytes.readUInt32LE(at + 12),
    at: Array.from({ length: kernelLimits.actors.most }, (_, i) => {
      const index = bytes.readUInt32LE(at + 20 + i * 4);
      return index === 0 ? undefined : index - 1;
    }),
    results,
    bytes: slice,
    text: (ref) => Buffer.from(slice(ref)).toString("utf8"),
  };
}
