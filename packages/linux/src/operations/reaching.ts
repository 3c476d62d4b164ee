/** Every way in which the kernel reaches into a mapping on a process's behalf. */
import { overLimit } from "@litmap/litmus";
import type { KernelLimit } from "@litmap/litmus";
import type { DataOffset, Operand, Ref } from "../program.js";
import { data, imm, loadResult, pid, result } from "../program.js";
import type { Call, Compiled, CompilerTable } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const done: Compiled = {};
const { requests, structBytes, ioUring } = uapi;

/** Private buffers are at most this long, bytes; longer transfers name one several times, in at most 1024 vectors. */
const bufferLimit = 1 << 20;

type Vm = Call<"process_vm_readv"> | Call<"process_vm_writev">;
type Mem = Call<"mem_read"> | Call<"mem_write">;

export const reaching = {
  process_vm_readv: (call) => processVm(call, "process_vm_readv", "sink"),
  process_vm_writev: (call) => processVm(call, "process_vm_writev", "zeros"),
  mem_read: (call) => procMem(call, "pread64", uapi.open.r, "sink"),
  mem_write: (call) => procMem(call, "pwrite64", uapi.open.rw, "zeros"),
  ptrace_peek: (call) => {
    const tracee = pid(call.other("of"));
    const word = call.builder.reserve(8);
    const seized = stopped(call, tracee);
    call.sys("ptrace", uapi.ptrace.peekdata, tracee, call.number("address"), data(word));
    const value = call.load(data(word), 4);
    call.softSys([seized], "ptrace", uapi.ptrace.detach, tracee, 0, 0);
    return { value };
  },
  vmsplice: (call) => {
    const ends = call.builder.reserve(8);
    call.sys("pipe2", data(ends), uapi.open.nonblock);
    const write = call.load(data(ends, 4), 4);
    const vector = iovec(call, [[call.number("address"), call.number("length")]]);
    call.sys(
      "vmsplice",
      result(write),
      data(vector),
      1,
      uapi.spliceFlags.nonblock | uapi.bitsOf(uapi.spliceFlags, call.words("flags")),
    );
    return done;
  },
  io_uring_register_buffers: (call) => {
    const ring = setUpRing(call, call.builder.reserve(structBytes.ioUringParams));
    const vector = iovec(call, [[call.number("address"), call.number("length")]]);
    call.sys("io_uring_register", result(ring), ioUring.registerBuffers, data(vector), 1);
    return done;
  },
  io_uring_read: (call) => ringTransfer(call, ioUring.opRead, call.number("fd")),
  io_uring_write: (call) => {
    const pipe = call.boundAs("fd")?.bound.writeEnd;
    return ringTransfer(call, ioUring.opWrite, pipe ? result(pipe) : call.number("fd"));
  },
  futex_wait: (call) => {
    const value = call.load(call.number("address"), 4);
    const millisecond = call.struct(16, call.pointer === 8 ? [[8, 8, 1_000_000]] : [[4, 4, 1_000_000]]);
    const key = call.word("key");
    call.sys("futex", call.number("address"), uapi.futexOps.wait | keyBit(key), result(value), data(millisecond), 0, 0);
    return done;
  },
  futex_wake: (call) => {
    const key = call.word("key");
    call.sys("futex", call.number("address"), uapi.futexOps.wake | keyBit(key), 0x7fffffff, 0, 0, 0);
    return done;
  },
  userfaultfd_register: (call) => {
    const fd = call.sys("userfaultfd", uapi.open.cloexec | uapi.open.nonblock);
    call.lacks(fd, ["EPERM"], "this machine does not let us use userfaultfd");
    const api = call.struct(structBytes.uffdioApi, [[0, 8, uapi.uffdioApiVersion]]);
    call.sys("ioctl", result(fd), requests.uffdioApi, data(api));
    const range = call.struct(structBytes.uffdioRegister, [
      [0, 8, call.number("address")],
      [8, 8, call.number("length")],
      [16, 8, uapi.bitsOf(uapi.uffdModes, call.words("mode"))],
    ]);
    const registered = call.sys("ioctl", result(fd), requests.uffdioRegister, data(range));
    call.softSys([fd], "close", result(fd));
    return { value: registered };
  },
  move_pages: (call) => {
    const pages = call.struct(8, [[0, call.pointer, call.number("address")]]);
    const status = call.struct(8, [[0, 4, -22]]);
    const move = call.word("to") === "node0";
    const nodes = move ? data(call.struct(8, [[0, 4, 0]])) : imm(0);
    call.sys("move_pages", 0, 1, data(pages), nodes, data(status), move ? uapi.mempolicyFlags.move : 0);
    call.emit({ op: "load", imm: loadResult, args: [data(status)] });
    return done;
  },
  mbind: (call) => {
    const policy = call.word("policy");
    const nodes = policy === "default" ? imm(0) : data(call.struct(8, [[0, 8, 1]]));
    call.sys(
      "mbind",
      call.number("address"),
      call.number("length"),
      uapi.mempolicy[policy],
      nodes,
      policy === "default" ? 0 : 64,
      uapi.bitsOf(uapi.mempolicyFlags, call.words("flags")),
    );
    return done;
  },
  get_mempolicy: (call) => {
    const node = call.builder.reserve(8);
    call.sys("get_mempolicy", data(node), 0, 0, call.number("address"), uapi.nodeOfAddress);
    call.load(data(node), 4);
    return done;
  },
} satisfies Partial<
  CompilerTable<
    | "process_vm_readv"
    | "process_vm_writev"
    | "mem_read"
    | "mem_write"
    | "ptrace_peek"
    | "vmsplice"
    | "io_uring_register_buffers"
    | "io_uring_read"
    | "io_uring_write"
    | "futex_wait"
    | "futex_wake"
    | "userfaultfd_register"
    | "move_pages"
    | "mbind"
    | "get_mempolicy"
  >
>;

/** Stops another process as its tracer. */
export function stopped(call: Pick<Call, "sys" | "sysVolatile" | "builder">, tracee: Operand): Ref {
  const seized = call.sys("ptrace", uapi.ptrace.seize, tracee, 0, 0);
  call.sys("ptrace", uapi.ptrace.interrupt, tracee, 0, 0);
  call.sysVolatile("wait4", tracee, data(call.builder.reserve(8)), uapi.waitAll, 0);
  return seized;
}

const keyBit = (key: "shared" | "private"): number => (key === "private" ? uapi.futexOps.private : 0);

export function iovec(
  call: Pick<Call, "struct" | "pointer">,
  parts: readonly (readonly [Operand, Operand])[],
): DataOffset {
  const { pointer } = call;
  return call.struct(
    parts.length * 2 * pointer,
    parts.flatMap(([base, length], i) => [
      [i * 2 * pointer, pointer, base] as const,
      [(i * 2 + 1) * pointer, pointer, length] as const,
    ]),
  );
}

function refuseOver(limit: KernelLimit, bytes: number): void {
  const over = bytes < 0 ? `a length of ${bytes} bytes` : overLimit(limit, bytes);
  if (over !== undefined) throw new UnsupportedHere(over);
}

function processVm(call: Vm, name: "process_vm_readv" | "process_vm_writev", kind: "sink" | "zeros"): Compiled {
  const vm = call as Call<"process_vm_readv">;
  const length = vm.constant("length");
  refuseOver("remoteBytes", length);
  const buffer = vm.buffer(kind, Math.min(length, bufferLimit));
  const local: [Operand, Operand][] = [];
  for (let left = length; left > 0 || local.length === 0; left -= bufferLimit)
    local.push([data(buffer), imm(Math.min(left, bufferLimit))]);
  const remote = iovec(vm, [[vm.number("address"), imm(length)]]);
  vm.sys(name, pid(vm.other("of")), data(iovec(vm, local)), local.length, data(remote), 1, 0);
  return done;
}

function procMem(call: Mem, name: "pread64" | "pwrite64", flags: number, kind: "sink" | "zeros"): Compiled {
  const mem = call as Call<"mem_read">;
  const length = mem.constant("length");
  refuseOver("memBytes", length);
  const buffer = mem.buffer(kind, length);
  const file = mem.open(mem.madePath("/proc/", pid(mem.other("of")), "/mem"), flags | uapi.open.cloexec);
  const moved = mem.sys(name, result(file), data(buffer), length, ...mem.pad, ...mem.wide(mem.number("address")));
  mem.softSys([file], "close", result(file));
  return { value: moved };
}

/** A new io_uring; where its queues lie stands in `params` afterwards. */
export function setUpRing(call: Pick<Call, "sys" | "lacks">, params: DataOffset, entries = 1): Ref {
  const ring = call.sys("io_uring_setup", entries, data(params));
  call.lacks(ring, ["EPERM"], "this machine does not let us use io_uring");
  return ring;
}

/**
 * One read or write on a ring of its own; the ring is gone again afterwards. Where it is
 * mapped is the kernel's choice: it takes no address from us.
 */
function ringTransfer(call: Call<"io_uring_read"> | Call<"io_uring_write">, opcode: number, fd: Operand): Compiled {
  const io = call as Call<"io_uring_read">;
  const params = io.builder.reserve(structBytes.ioUringParams);
  const ring = setUpRing(io, params);
  const map = (offset: number): Ref =>
    io.sysVolatile(
      "mmap",
      0,
      4096,
      uapi.prot.rw,
      uapi.mapFlags.shared | uapi.mapFlags.populate,
      result(ring),
      io.pointer === 8 ? offset : offset >> 12,
    );
  const queues = map(0);
  const sqes = map(ioUring.offsetOfSqes);
  const sqe: readonly (readonly [number, 1 | 4 | 8, Operand])[] = [
    [0, 1, imm(opcode)],
    [4, 4, fd],
    [8, 8, io.number("offset")],
    [16, 8, io.number("address")],
    [24, 4, io.number("length")],
  ];
  for (const [offset, width, value] of sqe) io.store(result(sqes, offset), width, value);
  /** Address of something whose offset in the queues the kernel has told. */
  const within = (param: number): Ref =>
    io.emit({
      op: "calc",
      args: [result(io.load(data(params, param), 4)), imm(-1), imm(0), result(queues)],
      volatile: true,
    });
  const tail = within(ioUring.paramSqTail);
  const array = within(ioUring.paramSqArray);
  const completions = within(ioUring.paramCqes);
  io.store(result(array), 4, 0);
  io.store(result(tail), 4, 1);
  io.sys("io_uring_enter", result(ring), 1, 1, ioUring.enterGetevents, 0, 8);
  const moved = io.emit({ op: "load", imm: loadResult, args: [result(completions, 8)] });
  io.softSys([queues], "munmap", result(queues), 4096);
  io.softSys([sqes], "munmap", result(sqes), 4096);
  io.softSys([ring], "close", result(ring));
  return { value: moved };
}
