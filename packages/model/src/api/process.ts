/** A process of the library: memory, descriptors, and every operation of the language. */
import { fork } from "../litmus/processes.js";
import { runAlone } from "../sched/path.js";
import { Task } from "../task.js";
import { Buffer } from "./buffer.js";
import { FileHandle } from "./file-handle.js";
import { Mapping } from "./mapping.js";
import { Failure, failed } from "./result.js";
import { errnoName } from "@litmap/litmus";
import type { OperationName } from "@litmap/litmus";
import type { Context } from "../litmus/handler.js";
import type { CallArguments, Kernel } from "./kernel.js";
import type { Result } from "./result.js";

export interface MmapOptions {
  /** Default `rw`. */
  readonly prot?: "r" | "w" | "x" | "rw" | "rx" | "wx" | "rwx" | "none";
  /** Default `shared`. */
  readonly sharing?: "shared" | "private";
  /** Fault everything in at once (MAP_POPULATE). */
  readonly populate?: boolean;
  /** Bytes into the file. */
  readonly offset?: number;
}

export class Process extends Task {
  private readonly state = new Map<string, unknown>();

  constructor(
    readonly kernel: Kernel,
    task: Task,
  ) {
    super(task.name, task.mm, task.files);
  }

  /** Any operation of the litmus language, by name: `process.call("madvise", { address, length, advice: "cold" })`. */
  call<N extends OperationName>(op: N, args: CallArguments<N>) {
    const length = (args as { length?: number }).length ?? 0;
    return this.kernel.perform(op, this.context(op === "mmap" ? this.kernel.nextSlot(length) : 0), args);
  }

  /** A memfd of so many bytes, with seals. */
  memfd(
    bytes: number,
    ...seals: ("seal_shrink" | "seal_grow" | "seal_write" | "seal_future_write" | "seal_seal")[]
  ): Result<FileHandle> {
    const fd = this.call("memfd_create", { size: bytes, seals });
    return failed(fd) ? fd : new FileHandle(this, fd as number);
  }

  /** A dma-buf of a memfd's pages (UDMABUF_CREATE). Bytes. */
  udmabuf(memfd: FileHandle, offset: number, size: number): Result<Buffer> {
    const fd = this.call("udmabuf_create", { memfd: memfd.fd, offset, size });
    return failed(fd) ? fd : new Buffer(this, fd as number);
  }

  /** Takes a buffer that another process holds: the same open file under a descriptor of its own. */
  receive(buffer: Buffer): Result<Buffer> {
    const file = buffer.process.files.get(buffer.fd);
    if (file === undefined) return new Failure("EBADF", undefined);
    file.refs++;
    return new Buffer(this, this.files.install(file));
  }

  /** Maps a file, or anonymous memory, at a place of its own. Bytes. */
  mmap(object: FileHandle | "anon", bytes: number, options: MmapOptions = {}): Result<Mapping> {
    const { prot = "rw", sharing = "shared", populate = false, offset = 0 } = options;
    const address = this.call("mmap", {
      object: object === "anon" ? object : object.fd,
      length: bytes,
      prot: prot === "none" ? [] : [prot],
      sharing: populate ? [sharing, "populate"] : [sharing],
      offset,
    });
    return failed(address) ? address : new Mapping(this, address as number, bytes);
  }

  /** A child with a copy of the address space and the same descriptors. */
  fork(name: string): Result<Process> {
    const child = runAlone(fork(this.kernel, this, name));
    return typeof child === "number" ? new Failure(errnoName(-child), undefined) : new Process(this.kernel, child);
  }

  private context(hint: number): Context {
    return {
      k: this.kernel,
      actor: this.name,
      task: this,
      device: undefined,
      kernelMode: false,
      hint,
      state: this.state,
      taskOf: (name) => {
        throw new Error(`operations that name another process (${name}) need a litmus test`);
      },
      ownerOf: () => this,
    };
  }
}
