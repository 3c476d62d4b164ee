/**
 * Pipes (fs/pipe.c): a ring of 16 buffers. A buffer that a write filled is a page of the
 * pipe's own, kept here as bytes; one that vmsplice put in is a reference to a user page.
 * Both ends never block.
 */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { copyFromUser, copyToUser } from "../mm/user-access.js";
import { readFrame } from "../mm/page-bytes.js";
import { folioPut } from "../mm/rmap.js";
import { rules } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "pipe/full": {
    sentence: "A non-blocking pipe with all 16 buffers in use gives EAGAIN.",
    kernel: [
      ["5.10", "pipe_write, fs/pipe.c; add_to_pipe, fs/splice.c"],
      ["6.15", "anon_pipe_write, fs/pipe.c; add_to_pipe, fs/splice.c"],
    ],
  },
  "pipe/empty": {
    sentence: "An empty non-blocking pipe gives EAGAIN.",
    kernel: [
      ["5.10", "pipe_read, fs/pipe.c"],
      ["6.15", "anon_pipe_read, fs/pipe.c"],
    ],
  },
  "pipe/no-writers": {
    sentence: "read on an empty pipe without writers returns 0.",
    kernel: [
      ["5.10", "pipe_read, fs/pipe.c"],
      ["6.15", "anon_pipe_read, fs/pipe.c"],
    ],
  },
  "pipe/fault": {
    sentence: "write to a pipe drops the buffer in which the copy faulted; if it was the first: EFAULT.",
    kernel: [
      ["5.10", "pipe_write, fs/pipe.c"],
      ["6.15", "anon_pipe_write, fs/pipe.c"],
    ],
  },
});

/** PIPE_DEF_BUFFERS. */
export const PIPE_BUFFERS = 16;

/** pipe_buffer: bytes of its own, or a frame that a reference is held on. Offset and length in bytes. */
export interface PipeBuffer {
  readonly own: Uint8Array | undefined;
  readonly pfn: number;
  offset: number;
  length: number;
  readonly canMerge: boolean;
}

/** pipe_inode_info. */
export class Pipe {
  readonly buffers: PipeBuffer[] = [];
  /** Open files through which it can be read, and written. */
  readers = 0;
  writers = 0;
  get full(): boolean {
    return this.buffers.length >= PIPE_BUFFERS;
  }
}

/** Gives every page back that the pipe holds (free_pipe_info, fs/pipe.c). */
export function freePipe(k: Kernel, pipe: Pipe): void {
  for (const buffer of pipe.buffers) dropBuffer(k, buffer);
  pipe.buffers.length = 0;
}

function dropBuffer(k: Kernel, buffer: PipeBuffer): void {
  if (buffer.own === undefined) folioPut(k, buffer.pfn);
}

/** The open files of a new pipe. */
export interface PipeEnds {
  readonly readEnd: File;
  readonly writeEnd: File;
}

/** do_pipe2 with O_NONBLOCK, fs/pipe.c. */
export function newPipe(k: Kernel): PipeEnds {
  const inode = new Inode(k.id(), "pipe");
  inode.mode = 0o600;
  inode.noexec = k.design["dma-buf.mount"] === "noexec";
  const pipe = new Pipe();
  const ops = pipeOps(k);
  return { readEnd: openPipe(inode, ops, pipe, true, false), writeEnd: openPipe(inode, ops, pipe, false, true) };
}

/** Another open file of a pipe (fifo_open, fs/pipe.c), as of its name in /proc/PID/fd. */
function* reopenPipe(file: File, readable: boolean, writable: boolean): Path<File> {
  return openPipe(file.inode, file.ops, pipeOf(file)!, readable, writable);
}

function openPipe(inode: Inode, ops: FileOps, pipe: Pipe, readable: boolean, writable: boolean): File {
  if (readable) pipe.readers++;
  if (writable) pipe.writers++;
  return new File(inode, ops, readable, writable, false, pipe);
}

export function pipeOf(file: File): Pipe | undefined {
  return file.data instanceof Pipe ? file.data : undefined;
}

function pipeOps(k: Kernel): FileOps {
  return {
    reopen: reopenPipe,
    read: (task, file, address, length) => pipeRead(k, task, pipeOf(file)!, address, length),
    write: (task, file, address, length) => pipeWrite(k, task, pipeOf(file)!, address, length),
    *poll(file) {
      return pipePoll(file);
    },
    *release(file) {
      const pipe = pipeOf(file)!;
      if (file.readable) pipe.readers--;
      if (file.writable) pipe.writers--;
      if (pipe.readers + pipe.writers === 0) freePipe(k, pipe);
    },
    path: () => "pipe:[N]",
  };
}

/** pipe_poll, fs/pipe.c. */
function pipePoll(file: File): string[] {
  const pipe = pipeOf(file)!;
  const ready: string[] = [];
  if (file.readable && pipe.buffers.length > 0) ready.push("in");
  if (file.readable && pipe.writers === 0) ready.push("hup");
  if (file.writable && !pipe.full) ready.push("out");
  if (file.writable && pipe.readers === 0) ready.push("err");
  return ready;
}

/** pipe_read (anon_pipe_read), fs/pipe.c: bytes, 0 when empty and nobody can write, -EAGAIN when empty, -EFAULT. */
function* pipeRead(k: Kernel, task: Task, pipe: Pipe, address: number, length: number): Path<number> {
  if (length === 0) return 0;
  let done = 0;
  while (pipe.buffers.length > 0 && done < length) {
    const buffer = pipe.buffers[0];
    const chars = Math.min(buffer.length, length - done);
    const copied = yield* copyToUser(k, task, address + done, contents(k, buffer, chars));
    if (copied < chars)
      return done > 0 ? done : k.refuse(rule["pipe/fault"], errnos.EFAULT, `0x${address.toString(16)}`);
    done += chars;
    buffer.offset += chars;
    buffer.length -= chars;
    if (buffer.length === 0) dropBuffer(k, pipe.buffers.shift()!);
  }
  if (done === 0 && pipe.writers === 0) k.note(rule["pipe/no-writers"]);
  return done > 0 || pipe.writers === 0 ? done : k.refuse(rule["pipe/empty"], errnos.EAGAIN);
}

function contents(k: Kernel, buffer: PipeBuffer, length: number): Uint8Array {
  if (buffer.own !== undefined) return buffer.own.slice(buffer.offset, buffer.offset + length);
  return readFrame(k, buffer.pfn, buffer.offset, length);
}

/** pipe_write (anon_pipe_write), fs/pipe.c: bytes, -EAGAIN when full, -EFAULT. */
function* pipeWrite(k: Kernel, task: Task, pipe: Pipe, address: number, length: number): Path<number> {
  if (length === 0) return 0;
  const merged = yield* mergeIntoLast(k, task, pipe, address, length);
  if (merged < 0 || merged === length) return merged;
  let done = merged;
  while (done < length) {
    if (pipe.full) return done > 0 ? done : k.refuse(rule["pipe/full"], errnos.EAGAIN, "16 buffers");
    const wanted = Math.min(k.pageSize, length - done);
    const page = new Uint8Array(k.pageSize);
    const buffer: PipeBuffer = { own: page, pfn: -1, offset: 0, length: 0, canMerge: true };
    if (k.design["pipe.insert"] === "before-copy") pipe.buffers.push(buffer);
    const { copied, bytes } = yield* copyFromUser(k, task, address + done, wanted);
    if (copied < wanted)
      return done > 0 ? done : k.refuse(rule["pipe/fault"], errnos.EFAULT, `0x${address.toString(16)}`);
    page.set(bytes);
    buffer.length = copied;
    if (k.design["pipe.insert"] === "after-copy") pipe.buffers.push(buffer);
    done += copied;
  }
  return done;
}

/** The part of a write that is no whole page goes into the last buffer when it fits there. */
function* mergeIntoLast(k: Kernel, task: Task, pipe: Pipe, address: number, length: number): Path<number> {
  const chars = length % k.pageSize;
  const last = pipe.buffers.at(-1);
  if (chars === 0 || last === undefined || !last.canMerge || last.offset + last.length + chars > k.pageSize) return 0;
  const { copied, bytes } = yield* copyFromUser(k, task, address, chars);
  if (copied < chars) return k.refuse(rule["pipe/fault"], errnos.EFAULT, `0x${address.toString(16)}`);
  last.own!.set(bytes, last.offset + last.length);
  last.length += chars;
  return chars;
}
