/** A process's memory through /proc/PID/mem and ptrace: a page at a time, forced past protections. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { getUserPages } from "../mm/gup.js";
import { readFrame, writeFrame } from "../mm/page-bytes.js";
import { putPages } from "../mm/pin.js";
import { rules } from "../rules/rule.js";
import { hex, loff, long, narrow, ulong } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "proc-mem/no-process": {
    sentence: "An exited process has no /proc/PID/mem: ENOENT.",
    kernel: "proc_pid_lookup, fs/proc/base.c",
  },
  "proc-mem/negative-offset": {
    sentence: "An address in the upper half of the address space is a negative offset: EINVAL.",
    kernel: "ksys_pread64, ksys_pwrite64, fs/read_write.c",
  },
  "proc-mem/short": {
    sentence: "/proc/PID/mem returns the bytes copied, or EIO if there are none.",
    kernel: "mem_rw, fs/proc/base.c",
  },
  "proc-mem/access-method": {
    sentence: "Memory that GUP refuses is accessed through vm_ops->access, if the VMA has it.",
    kernel: "__access_remote_vm, mm/memory.c",
  },
  "proc-mem/no-access-method": {
    sentence: "Memory that GUP refuses is inaccessible in a VMA without vm_ops->access.",
    kernel: "__access_remote_vm, mm/memory.c",
  },
  "ptrace/self": {
    sentence: "A process cannot trace itself or its own threads: EPERM.",
    kernel: "ptrace_attach, kernel/ptrace.c",
  },
  "ptrace/no-process": {
    sentence: "PTRACE_ATTACH to an exited process gives ESRCH.",
    kernel: "sys_ptrace, kernel/ptrace.c",
  },
  "ptrace/short": {
    sentence: "PTRACE_PEEKDATA of a word that is not entirely readable gives EIO.",
    kernel: "generic_ptrace_peekdata, kernel/ptrace.c",
  },
});

/**
 * __access_remote_vm, mm/memory.c: fills `buffer` from an address space or writes it there;
 * gives the bytes that could be reached, from the start on.
 */
export function* accessRemoteVm(
  k: Kernel,
  task: Task,
  mm: Mm,
  address: number,
  buffer: Uint8Array,
  flags: number,
): Path<number> {
  const write = (flags & FOLL.write) !== 0;
  yield* acquire(k, mm.mmapLock, "read");
  let done = 0;
  while (done < buffer.length && mm.lookup(address + done) !== undefined) {
    const moved = yield* accessPage(k, task, mm, address + done, buffer.subarray(done), flags, write);
    if (moved <= 0) break;
    done += moved;
  }
  yield* release(k, mm.mmapLock);
  return done;
}

/** What lies in one page, by a reference or by the mapping's access method. Bytes, or 0 and less when neither does. */
function* accessPage(
  k: Kernel,
  task: Task,
  mm: Mm,
  address: number,
  buffer: Uint8Array,
  flags: number,
  write: boolean,
): Path<number> {
  const pages: number[] = [];
  const got = yield* getUserPages(
    k,
    task,
    mm,
    address - (address % k.pageSize),
    1,
    flags | FOLL.get | FOLL.touch | FOLL.remote,
    pages,
  );
  if (got <= 0) {
    const vma = mm.lookup(address);
    if (!k.arch.ioremapProt || vma?.ops?.access === undefined) {
      k.note(rule["proc-mem/no-access-method"], `0x${address.toString(16)}`);
      return 0;
    }
    k.note(rule["proc-mem/access-method"], vma.ops.name);
    return yield* vma.ops.access(vma, address, buffer, write);
  }
  const offset = address % k.pageSize;
  const bytes = Math.min(buffer.length, k.pageSize - offset);
  if (write) {
    writeFrame(k, pages[0], offset, buffer.subarray(0, bytes));
    k.frames.setFlags(k.frames.head(pages[0]), PG.dirty);
  } else buffer.set(readFrame(k, pages[0], offset, bytes));
  putPages(k, pages);
  return bytes;
}

/** mem_rw, fs/proc/base.c: bytes moved, -EIO when none could be. A write stores zeros. Bytes. */
export function* memRw(k: Kernel, task: Task, target: Task, word: bigint, bytes: bigint, write: boolean): Path<number> {
  if (target.dead) return k.refuse(rule["proc-mem/no-process"], errnos.ENOENT, target.name);
  if (loff(word) < 0 || loff(word + bytes) < 0 || long(k, bytes) < 0)
    return k.refuse(rule["proc-mem/negative-offset"], errnos.EINVAL, hex(word));
  const [address, length] = [narrow(ulong(k, word)), narrow(bytes)];
  const flags = (write ? FOLL.write : 0) | (k.design["proc-mem.force"] === "always" ? FOLL.force : 0);
  let done = 0;
  while (done < length) {
    const page = new Uint8Array(Math.min(k.pageSize, length - done));
    const moved = yield* accessRemoteVm(k, task, target.mm, address + done, page, flags);
    if (moved === 0) {
      if (done === 0) return k.refuse(rule["proc-mem/short"], errnos.EIO, `0x${address.toString(16)}`);
      k.note(rule["proc-mem/short"], `${done} bytes`);
      return done;
    }
    done += moved;
  }
  return done;
}

/** PTRACE_PEEKDATA, kernel/ptrace.c: reads a machine word and gives its lower 32 bits; -EIO, -EPERM, -ESRCH. */
export function* ptracePeek(k: Kernel, task: Task, target: Task, at: bigint): Path<number> {
  const address = narrow(at);
  if (target.mm === task.mm) return k.refuse(rule["ptrace/self"], errnos.EPERM, target.name);
  if (target.dead) return k.refuse(rule["ptrace/no-process"], errnos.ESRCH, target.name);
  const word = new Uint8Array(k.arch.wordBits / 8);
  const moved = yield* accessRemoteVm(k, task, target.mm, address, word, FOLL.force);
  if (moved < word.length) return k.refuse(rule["ptrace/short"], errnos.EIO, `0x${address.toString(16)}`);
  return word[0] + word[1] * 2 ** 8 + word[2] * 2 ** 16 + word[3] * 2 ** 24;
}

/** PTRACE_POKEDATA, kernel/ptrace.c: stores a machine word whose lower 32 bits are `value`; -EIO, -EPERM, -ESRCH. */
export function* ptracePoke(k: Kernel, task: Task, target: Task, at: bigint, value: number): Path<number> {
  const address = narrow(at);
  if (target.mm === task.mm) return k.refuse(rule["ptrace/self"], errnos.EPERM, target.name);
  if (target.dead) return k.refuse(rule["ptrace/no-process"], errnos.ESRCH, target.name);
  const word = new Uint8Array(k.arch.wordBits / 8);
  new DataView(word.buffer).setUint32(0, ((value % 2 ** 32) + 2 ** 32) % 2 ** 32, true);
  const moved = yield* accessRemoteVm(k, task, target.mm, address, word, FOLL.force | FOLL.write);
  return moved < word.length ? k.refuse(rule["ptrace/short"], errnos.EIO, `0x${address.toString(16)}`) : 0;
}
