/** Memfds, files, the test disk, pipes, and calls on descriptors. */
import { integer } from "@litmap/litmus";
import type { Operand, Ref } from "../program.js";
import { data, result } from "../program.js";
import type { Call, Compiled, CompilerTable, KernelDescription } from "../call.js";
import { UnsupportedHere } from "../call.js";
import * as uapi from "../uapi.js";

const done: Compiled = {};

/** As much of the disk as tests know. */
const diskBytes = 16 * 1024 * 1024;

/** A folder on tmpfs. */
export const tmpfsOf = ({ kind, tmpfs }: Pick<KernelDescription, "kind" | "tmpfs">): string =>
  tmpfs ?? (kind === "vm" ? "/tmp" : "/dev/shm");

export const files = {
  memfd_create: (call) => {
    const words = call.words("flags");
    const flags =
      (words.includes("no_sealing") ? 0 : uapi.memfdFlags.allowSealing) |
      (words.includes("hugetlb") ? uapi.memfdFlags.hugetlb2M : 0);
    const fd = call.sys("memfd_create", data(call.builder.string("litmap")), flags);
    call.sys("ftruncate", result(fd), ...call.pad, ...call.wide(call.number("size")));
    const seals = uapi.bitsOf(uapi.seals, call.words("seals"));
    if (seals !== 0) call.sys("fcntl", result(fd), uapi.addSeals, seals);
    return { value: fd };
  },
  open_file: (call) => {
    const folder = tmpfsOf(call.kernel);
    const fd = call.open(
      call.builder.string(folder),
      uapi.open.rw | uapi.openByIsa[call.isa].tmpfile | uapi.openByIsa[call.isa].largefile,
      `this machine has no tmpfs at ${folder}`,
    );
    call.sys("ftruncate", result(fd), ...call.pad, ...call.wide(call.number("size")));
    return { value: fd };
  },
  open_disk: (call) => {
    const { disk } = call.kernel;
    if (disk === undefined) throw new UnsupportedHere("this machine has no disk that tests may overwrite");
    const direct = call.word("mode") === "direct" ? uapi.openByIsa[call.isa].direct : 0;
    call.open(call.builder.string(disk), uapi.open.rw | direct, `this machine has no ${disk}`);
    return done;
  },
  pipe: (call) => {
    const ends = call.builder.reserve(8);
    call.sys("pipe2", data(ends), uapi.open.nonblock);
    const read = call.load(data(ends), 4);
    const write = call.load(data(ends, 4), 4);
    return { value: read, writeEnd: write };
  },
  read: (call) => (call.sys("read", call.number("fd"), call.number("address"), call.number("length")), done),
  write: (call) => (call.sys("write", writeEnd(call), call.number("address"), call.number("length")), done),
  pread: (call) => (
    call.sys(
      "pread64",
      call.number("fd"),
      call.number("address"),
      call.number("length"),
      ...call.pad,
      ...call.wide(call.number("offset")),
    ),
    done
  ),
  pwrite: (call) => (
    call.sys(
      "pwrite64",
      writeEnd(call),
      call.number("address"),
      call.number("length"),
      ...call.pad,
      ...call.wide(call.number("offset")),
    ),
    done
  ),
  lseek: (call) => {
    const whence = uapi.whence[call.word("whence")];
    if (call.pointer === 8) {
      call.sys("lseek", call.number("fd"), call.number("offset"), whence);
      return done;
    }
    const to = call.builder.reserve(8);
    const [low, high] = call.wide(call.number("offset"));
    call.sys("lseek", call.number("fd"), high, low, data(to), whence);
    call.load(data(to), 8);
    return done;
  },
  ftruncate: (call) => (
    call.sys("ftruncate", call.number("fd"), ...call.pad, ...call.wide(call.number("length"))), done
  ),
  fallocate: (call) => {
    call.sys(
      "fallocate",
      call.number("fd"),
      uapi.fallocate[call.word("mode")],
      ...call.wide(call.number("offset")),
      ...call.wide(call.number("length")),
    );
    return done;
  },
  add_seals: (call) => (
    call.sys("fcntl", call.number("fd"), uapi.addSeals, uapi.bitsOf(uapi.seals, call.words("seals"))), done
  ),
  get_seals: (call) => {
    const seals = call.sys("fcntl", call.number("fd"), uapi.getSeals, 0);
    return { read: (round) => uapi.wordsOf(uapi.seals, Number(round.results[seals.index].value)) };
  },
  fsync: (call) => (call.sys("fsync", call.number("fd")), done),
  fstat: (call) => {
    const { size, blocks, mode } = stat(call, call.number("fd"));
    const of = (round: Parameters<NonNullable<Compiled["read"]>>[0], ref: Ref): bigint =>
      round.results[ref.index].value;
    return {
      read: (round) => ({
        size: integer(of(round, size)),
        blocks: integer(of(round, blocks)),
        mode: Number(of(round, mode)) & 0o777,
      }),
    };
  },
  reopen: (call) => {
    const path = call.madePath("/proc/self/fd/", fdInPath(call));
    call.open(path, uapi.open[call.word("mode")]);
    return done;
  },
  dup: (call) => (call.sys("dup", call.number("fd")), done),
  close: (call) => {
    const pipe = call.boundAs("fd")?.bound.writeEnd;
    const closed = call.sys("close", call.number("fd"));
    if (pipe !== undefined) call.softSys([closed], "close", result(pipe));
    return done;
  },
  ioctl: (call) => (call.sys("ioctl", call.number("fd"), call.number("request"), 0), done),
} satisfies Partial<
  CompilerTable<
    | "memfd_create"
    | "open_file"
    | "open_disk"
    | "pipe"
    | "read"
    | "write"
    | "pread"
    | "pwrite"
    | "lseek"
    | "ftruncate"
    | "fallocate"
    | "add_seals"
    | "get_seals"
    | "fsync"
    | "fstat"
    | "reopen"
    | "dup"
    | "close"
    | "ioctl"
  >
>;

/** What is on the disk matters only to tests that read. */
export const diskReaders = ["read", "pread", "io_uring_read"] as const;

/** Zeros on the whole of the disk and nothing in its page cache: what tests before this one wrote is gone. */
export function clearDisk(call: Pick<Call, "kernel" | "builder" | "struct" | "soft" | "softSys">): void {
  const { disk } = call.kernel;
  if (disk === undefined) return;
  const range = call.struct(16, [
    [0, 8, 0],
    [8, 8, diskBytes],
  ]);
  const fd = call.softSys([], "openat", -100, data(call.builder.string(disk)), uapi.open.rw, 0);
  call.softSys([fd], "ioctl", result(fd), uapi.blkZeroOut, data(range));
  call.softSys([fd], "close", result(fd));
}

/** What a descriptor argument writes to: of a pipe the other end. */
export function writeEnd(call: Call<"write"> | Call<"pwrite"> | Call<"io_uring_write">): Operand {
  const fd = call as Call<"write">;
  const end = fd.boundAs("fd")?.bound.writeEnd;
  return end === undefined ? fd.number("fd") : result(end);
}

/** A descriptor as part of a path. */
export function fdInPath(call: Call<"reopen"> | Call<"fdinfo"> | Call<"readlink">): Operand | string {
  const fd = (call as Call<"reopen">).number("fd");
  if (fd.kind === "imm") return String(fd.value);
  if (fd.kind === "result" && fd.plus !== 0n) throw new UnsupportedHere("a sum as a descriptor in a path");
  return fd;
}

/** statx, whose struct is the same everywhere. */
export function stat(
  call: Pick<Call, "builder" | "sys" | "load">,
  fd: Operand,
): { mode: Ref; inode: Ref; size: Ref; blocks: Ref } {
  const to = call.builder.reserve(uapi.structBytes.statx);
  call.sys("statx", fd, data(call.builder.string("")), uapi.atEmptyPath, 0x7ff, data(to));
  return {
    mode: call.load(data(to, 28), 2),
    inode: call.load(data(to, 32), 8),
    size: call.load(data(to, 40), 8),
    blocks: call.load(data(to, 48), 8),
  };
}
