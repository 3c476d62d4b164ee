/** Every way in which the kernel reaches into a mapping on a process's behalf. */
import { futexWait, getFutexKey } from "../consumers/futex.js";
import { newRing, readOrWriteRequest, registerBuffer } from "../consumers/io-uring.js";
import { mbind, nodeOf } from "../consumers/mempolicy.js";
import { movePages } from "../consumers/move-pages.js";
import { processVmRw } from "../consumers/process-vm.js";
import { memRw, ptracePeek } from "../consumers/remote-access.js";
import { userfaultfdRegister } from "../consumers/userfaultfd.js";
import { vmspliceToPipe } from "../consumers/vmsplice.js";
import { newPipe, pipeOf } from "../fs/pipe.js";
import { userLoad } from "../mm/user-access.js";
import { narrow } from "../word.js";
import type { Context, HandlerTable } from "./handler.js";
import type { Task } from "../task.js";

type Name =
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
  | "get_mempolicy";

/** The process whose memory is meant: by default the caller. */
function target(ctx: Context, of: string | undefined): Task {
  return of === undefined ? ctx.task : ctx.taskOf(of);
}

export const reachingHandlers: HandlerTable<Name> = {
  run: {
    *process_vm_readv(ctx, { address, length, of }) {
      return yield* processVmRw(ctx.k, ctx.task, target(ctx, of), address, length, false);
    },
    *process_vm_writev(ctx, { address, length, of }) {
      return yield* processVmRw(ctx.k, ctx.task, target(ctx, of), address, length, true);
    },
    *mem_read(ctx, { address, length, of }) {
      return yield* memRw(ctx.k, ctx.task, target(ctx, of), address, length, false);
    },
    *mem_write(ctx, { address, length, of }) {
      return yield* memRw(ctx.k, ctx.task, target(ctx, of), address, length, true);
    },
    *ptrace_peek(ctx, { address, of }) {
      return yield* ptracePeek(ctx.k, ctx.task, ctx.taskOf(of), address);
    },
    *vmsplice({ k, task }, { address, length }) {
      const { readEnd, writeEnd } = newPipe(k);
      task.files.install(readEnd);
      task.files.install(writeEnd);
      return yield* vmspliceToPipe(k, task, pipeOf(writeEnd)!, address, length);
    },
    *io_uring_register_buffers({ k, task }, { address, length }) {
      const ring = newRing(k);
      task.files.install(ring);
      return yield* registerBuffer(k, task, ring, address, length);
    },
    *io_uring_read({ k, task }, { fd, address, length, offset }) {
      return yield* readOrWriteRequest(k, task, { fd, address, length, offset, write: false });
    },
    *io_uring_write({ k, task }, { fd, address, length, offset }) {
      return yield* readOrWriteRequest(k, task, {
        fd: task.files.writeEnds.get(fd) ?? fd,
        address,
        length,
        offset,
        write: true,
      });
    },
    *futex_wait({ k, task }, { address, key }) {
      const value = yield* userLoad(k, task, narrow(address), 4);
      return typeof value === "number" ? yield* futexWait(k, task, address, key === "shared") : value;
    },
    *futex_wake({ k, task }, { address, key }) {
      return yield* getFutexKey(k, task, address, key === "shared");
    },
    *userfaultfd_register({ k, task }, { address, length, mode }) {
      return yield* userfaultfdRegister(k, task, address, length, mode);
    },
    *move_pages({ k, task }, { address, to }) {
      return yield* movePages(k, task, address, to === "node0");
    },
    *mbind({ k, task }, { address, length, policy }) {
      return yield* mbind(k, task, address, length, policy);
    },
    *get_mempolicy({ k, task }, { address }) {
      return yield* nodeOf(k, task, address);
    },
  },
  unsupported: { move_pages: noNuma, mbind: noNuma, get_mempolicy: noNuma },
};

/** Their system calls are there with CONFIG_NUMA and CONFIG_MIGRATION alone (kernel/sys_ni.c). */
function noNuma(k: Context["k"]): string | undefined {
  return k.arch.numa ? undefined : `kernels for ${k.arch.name} have no NUMA: neither memory policies nor move_pages()`;
}
