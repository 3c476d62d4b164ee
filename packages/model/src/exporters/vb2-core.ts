/**
 * videobuf2: a capture queue and its buffers (drivers/media/common/videobuf2/videobuf2-core.c, videobuf2-v4l2.c). Every
 * buffer has one plane.
 */
import { definePoints } from "../design/points.js";
import { errnos } from "@litmap/litmus";
import { dmaBufExport, dmaBufGet, dmaBufPut } from "../dma-buf/buffer.js";
import { VM } from "../mm/vma.js";
import { acquire, Lock, release } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import type { File } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { MemOps, OwnMemory, PlaneMemory } from "./vb2-memops.js";

export const points = definePoints({
  "vb2.offsets": {
    question: "Which mmap offsets do the buffers of a video queue have?",
    choices: {
      bytes: { doc: "the sum of the sizes of the buffers before it" },
      index: { doc: "the buffer index times eight pages" },
    },
    mainline: [
      ["2.6.39", "bytes"],
      ["6.8", "index", "media: videobuf2: Rework offset 'cookie' encoding pattern"],
    ],
  },
  "vb2.attach-failure": {
    question: "What happens to a dma-buf that videobuf2's allocator refuses to attach?",
    choices: {
      put: { doc: "its reference is dropped" },
      leaks: { doc: "its reference is leaked: the buffer is never freed" },
    },
    mainline: [
      ["3.8", "put"],
      ["6.11", "leaks", "media: videobuf2-core: attach once if multiple planes share the same dbuf"],
    ],
  },
});

const rule = rules({
  "vb2/io-modes": {
    sentence: "A queue supports only its driver's memory types: vivid on vb2-dma-contig has no USERPTR, EINVAL.",
    kernel: "vb2_verify_memory_type, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/owned": {
    sentence: "The open file that called REQBUFS owns the queue; all others get EBUSY.",
    kernel: "vb2_ioctl_reqbufs, drivers/media/common/videobuf2/videobuf2-v4l2.c",
  },
  "vb2/streaming": {
    sentence: "REQBUFS while streaming gives EBUSY.",
    kernel: "vb2_core_reqbufs, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/orphans": {
    sentence:
      "REQBUFS(0) orphans buffers that are mapped or exported: they live until the last mapping and dma-buf are gone.",
    kernel: "vb2_core_reqbufs, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/no-buffer-memory": {
    sentence: "REQBUFS gives ENOMEM if not one buffer can be allocated.",
    kernel: "vb2_core_reqbufs, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/count": {
    sentence: "REQBUFS raises the count to the driver's minimum and caps it at its maximum.",
    kernel: "vb2_core_reqbufs, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/no-buffer": {
    sentence: "A buffer index out of range gives EINVAL.",
    kernel: "vb2_qbuf, drivers/media/common/videobuf2/videobuf2-v4l2.c",
  },
  "vb2/memory-type": {
    sentence: "QBUF with another memory type than REQBUFS gives EINVAL.",
    kernel: "vb2_queue_or_prepare_buf, drivers/media/common/videobuf2/videobuf2-v4l2.c",
  },
  "vb2/not-dequeued": {
    sentence: "QBUF of a queued buffer gives EINVAL.",
    kernel: "vb2_core_qbuf, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/too-short": {
    sentence: "USERPTR memory or a dma-buf shorter than an image gives EINVAL.",
    kernel: "__prepare_userptr, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/not-a-dma-buf": {
    sentence: "QBUF of a DMABUF descriptor that is closed or not a dma-buf gives EINVAL.",
    kernel: "__prepare_dmabuf, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/kept": {
    sentence:
      "USERPTR memory at the same address, or the same dma-buf, with the same length is not reacquired: the pages " +
      "of the first QBUF stay.",
    kernel: "__prepare_userptr, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/attach-leaks": {
    sentence: "A dma-buf that the allocator refuses at attach keeps its reference: the buffer leaks.",
    kernel: "__prepare_dmabuf, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/expbuf-memory": {
    sentence: "Only MMAP buffers can be exported, else EINVAL.",
    kernel: "vb2_core_expbuf, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/exported": {
    sentence:
      "mmap of an exported buffer goes straight to the allocator: vb2_mmap's checks of sharing, protection and " +
      "offset do not run.",
    kernel: "vb2_core_expbuf, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/stream-empty": {
    sentence: "STREAMON of a queue without buffers gives EINVAL.",
    kernel: "vb2_core_streamon, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/stream-off": {
    sentence: "DQBUF of a queue that is not streaming gives EINVAL.",
    kernel: "__vb2_wait_for_done_vb, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/waits": {
    sentence: "DQBUF waits for a frame, for ever if nothing is queued.",
    kernel: "__vb2_wait_for_done_vb, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/mmap-shared": {
    sentence: "mmap of a queue must be shared and through a descriptor open for writing, else EINVAL.",
    kernel: "vb2_mmap, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/mmap-read": {
    sentence: "mmap of a capture queue needs PROT_READ, else EINVAL.",
    kernel: "vb2_mmap, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/mmap-memory": {
    sentence: "Only a queue with MMAP buffers can be mapped, else EINVAL.",
    kernel: "__find_plane_by_offset, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/mmap-offset": {
    sentence: "The mmap offset must be one that QUERYBUF returned for a buffer, else EINVAL.",
    kernel: "__find_plane_by_offset, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/mmap-cookie": {
    sentence: "The mmap offset only selects the buffer: the mapping starts at its first page with vm_pgoff 0.",
    kernel: "vb2_mmap, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/mmap-long": {
    sentence: "A mapping longer than the buffer gives EINVAL.",
    kernel: "vb2_mmap, drivers/media/common/videobuf2/videobuf2-core.c",
  },
  "vb2/poll-error": {
    sentence: "poll of a queue that is not streaming, or has nothing queued, gives POLLERR.",
    kernel: "vb2_core_poll, drivers/media/common/videobuf2/videobuf2-core.c",
  },
});

export type Vb2Memory = "mmap" | "userptr" | "dmabuf";

/** What QBUF is told of a buffer. */
export interface QbufRequest {
  readonly index: number;
  readonly memory: Vb2Memory;
  /** The address, or the descriptor. */
  readonly m: number;
  /** Bytes; 0 for all of a dma-buf. */
  readonly length: number;
}

export interface QueueSetup {
  readonly name: string;
  readonly memops: MemOps;
  /** Bytes of an image. */
  readonly imageSize: number;
  /** What a frame shows. */
  image(): Uint8Array;
  /** The fewest and the most buffers that the driver has. */
  readonly minBuffers: number;
  readonly maxBuffers: number;
}

/** struct vb2_buffer with its plane. */
class Vb2Buffer {
  state: "dequeued" | "queued" | "active" | "done" = "dequeued";
  prepared = false;
  /** The plane's memory, by what it is. */
  own: OwnMemory | undefined;
  given: PlaneMemory | undefined;
  dbuf: DmaBuf | undefined;
  /** plane.m: offset, address or descriptor. */
  m = 0;
  /** Bytes. */
  length: number;

  constructor(
    readonly index: number,
    readonly minLength: number,
  ) {
    this.length = minLength;
  }
}

/** Pages between the cookies of two buffers, one for each plane that one may have. */
const PLANES = 8;

export class Vb2Queue {
  /** Ioctls (the driver's mutex), and buffers against mmap. */
  private readonly lock: Lock;
  private readonly mmapLock: Lock;
  private owner: File | undefined;
  private memory: Vb2Memory | undefined;
  private buffers: Vb2Buffer[] = [];
  /** Queued and not yet given to the driver; then the driver's; in order. */
  private queued: Vb2Buffer[] = [];
  private streaming = false;
  /** Nothing was queued since the buffers were asked for or the stream stopped. */
  private waitingForBuffers = true;

  constructor(
    private readonly k: Kernel,
    readonly setup: QueueSetup,
  ) {
    this.lock = new Lock("v4l2", `lock of ${setup.name}`);
    this.mmapLock = new Lock("vb2_mmap", `mmap_lock of ${setup.name}`);
  }

  /** Runs an ioctl with the driver's lock, after the check of who owns the queue. */
  private *locked(file: File, run: () => Path<number>): Path<number> {
    yield* acquire(this.k, this.lock, "write");
    const result =
      this.owner !== undefined && this.owner !== file
        ? this.k.refuse(rule["vb2/owned"], errnos.EBUSY, this.setup.name)
        : yield* run();
    yield* release(this.k, this.lock);
    return result;
  }

  /** vb2_ioctl_reqbufs: how many buffers there are then, or a negative errno. */
  *reqbufs(file: File, memory: Vb2Memory, count: number): Path<number> {
    if (memory === "userptr" && this.setup.memops.getUserptr === undefined)
      return this.k.refuse(rule["vb2/io-modes"], errnos.EINVAL, this.setup.name);
    return yield* this.locked(file, () => this.coreReqbufs(file, memory, count));
  }

  /** vb2_core_reqbufs. */
  private *coreReqbufs(file: File, memory: Vb2Memory, count: number): Path<number> {
    const { k, setup } = this;
    if (this.streaming) return k.refuse(rule["vb2/streaming"], errnos.EBUSY, setup.name);
    if (count === 0 || this.buffers.length > 0 || (this.memory !== undefined && this.memory !== memory)) {
      yield* acquire(k, this.mmapLock, "write");
      this.cancel();
      yield* this.queueFree();
      yield* release(k, this.mmapLock);
    }
    this.owner = undefined;
    if (count === 0) return 0;
    k.note(rule["vb2/count"]);
    const number = Math.min(Math.max(count, setup.minBuffers), setup.maxBuffers);
    yield* acquire(k, this.mmapLock, "write");
    this.memory = memory;
    const allocated = this.queueAlloc(number);
    if (allocated === 0) yield* this.queueFree();
    yield* release(k, this.mmapLock);
    if (allocated === 0) return k.refuse(rule["vb2/no-buffer-memory"], errnos.ENOMEM, `${number} buffers`);
    this.waitingForBuffers = true;
    this.owner = file;
    return allocated;
  }

  /** __vb2_queue_alloc: how many buffers there is memory for. */
  private queueAlloc(number: number): number {
    const { k, setup } = this;
    const bytes = this.planeBytes;
    for (let index = 0; index < number; index++) {
      const buffer = new Vb2Buffer(index, setup.imageSize);
      if (this.memory === "mmap") {
        const memory = setup.memops.alloc(k, bytes);
        if (typeof memory === "number") return index;
        buffer.own = memory;
        buffer.m = k.design["vb2.offsets"] === "bytes" ? index * bytes : index * PLANES * k.pageSize;
      }
      this.buffers.push(buffer);
    }
    return number;
  }

  /** Bytes of a plane's memory. */
  private get planeBytes(): number {
    return Math.ceil(this.setup.imageSize / this.k.pageSize) * this.k.pageSize;
  }

  /** __vb2_queue_free. */
  private *queueFree(): Path<void> {
    if (this.memory === "mmap") this.k.note(rule["vb2/orphans"]);
    for (const buffer of this.buffers) yield* this.freeMemory(buffer);
    this.buffers = [];
    this.memory = undefined;
  }

  private *freeMemory(buffer: Vb2Buffer): Path<void> {
    if (buffer.own !== undefined) yield* buffer.own.put();
    yield* this.releaseGiven(buffer);
  }

  /** put_userptr, or __vb2_plane_dmabuf_put. */
  private *releaseGiven(buffer: Vb2Buffer): Path<void> {
    if (buffer.given === undefined) return;
    yield* buffer.given.put();
    buffer.given = undefined;
    buffer.m = 0;
    buffer.length = 0;
    if (buffer.dbuf !== undefined) yield* dmaBufPut(buffer.dbuf);
    buffer.dbuf = undefined;
  }

  /** __vb2_queue_cancel: everything comes back. */
  private cancel(): void {
    this.streaming = false;
    this.queued = [];
    for (const buffer of this.buffers) {
      buffer.state = "dequeued";
      buffer.prepared = false;
    }
  }

  /** vb2_get_buffer; the index is 32 bits. */
  private find(index: number): Vb2Buffer | number {
    return this.buffers[index] ?? this.k.refuse(rule["vb2/no-buffer"], errnos.EINVAL, `buffer ${index}`);
  }

  /** vb2_ioctl_querybuf: the low 32 bits of the buffer's offset, address or descriptor. Anybody may ask. */
  *querybuf(index: number): Path<number> {
    yield* acquire(this.k, this.lock, "write");
    const buffer = this.find(index);
    yield* release(this.k, this.lock);
    return typeof buffer === "number" ? buffer : buffer.m % 2 ** 32;
  }

  /** vb2_ioctl_expbuf: a descriptor, or a negative errno. */
  *expbuf(file: File, task: Task, index: number, writable: boolean): Path<number> {
    return yield* this.locked(file, () => this.coreExpbuf(task, index, writable));
  }

  /** vb2_core_expbuf. */
  private *coreExpbuf(task: Task, index: number, writable: boolean): Path<number> {
    const { k } = this;
    const buffer = this.find(index);
    if (typeof buffer === "number") return buffer;
    if (buffer.own === undefined) return k.refuse(rule["vb2/expbuf-memory"], errnos.EINVAL, this.memory);
    k.note(rule["vb2/exported"]);
    const dbuf = dmaBufExport(k, {
      ops: buffer.own.getDmabuf(),
      size: this.planeBytes,
      expName: this.setup.memops.expName,
      readable: true,
      writable,
    });
    return task.files.install(dbuf.file);
  }

  /** vb2_ioctl_qbuf: 0 or a negative errno. */
  *qbuf(file: File, task: Task, request: QbufRequest): Path<number> {
    return yield* this.locked(file, () => this.coreQbuf(task, request));
  }

  /** vb2_qbuf, vb2_core_qbuf. */
  private *coreQbuf(task: Task, request: QbufRequest): Path<number> {
    const { k } = this;
    const buffer = this.find(request.index);
    if (typeof buffer === "number") return buffer;
    if (request.memory !== this.memory)
      return k.refuse(rule["vb2/memory-type"], errnos.EINVAL, `${request.memory}, not ${this.memory}`);
    if (buffer.state !== "dequeued")
      return k.refuse(rule["vb2/not-dequeued"], errnos.EINVAL, `buffer ${buffer.index} is ${buffer.state}`);
    if (!buffer.prepared) {
      const error = yield* this.prepare(task, buffer, request);
      if (error !== 0) return error;
      buffer.prepared = true;
    }
    this.waitingForBuffers = false;
    this.queued.push(buffer);
    buffer.state = this.streaming ? "active" : "queued";
    return 0;
  }

  /** __buf_prepare. */
  private *prepare(task: Task, buffer: Vb2Buffer, request: QbufRequest): Path<number> {
    if (request.memory === "mmap") return 0;
    return request.memory === "userptr"
      ? yield* this.prepareUserptr(task, buffer, request)
      : yield* this.prepareDmabuf(task, buffer, request);
  }

  /** __prepare_userptr: 0 or a negative errno. */
  private *prepareUserptr(task: Task, buffer: Vb2Buffer, { m, length }: QbufRequest): Path<number> {
    const { k } = this;
    if (buffer.m !== 0 && buffer.m === m && buffer.length === length) {
      k.note(rule["vb2/kept"], `buffer ${buffer.index}`);
      return 0;
    }
    const memory =
      length < buffer.minLength
        ? k.refuse(rule["vb2/too-short"], errnos.EINVAL, `${length} of ${buffer.minLength}`)
        : yield* this.acquireUserptr(task, buffer, m, length);
    if (typeof memory === "number") {
      yield* this.releaseGiven(buffer);
      buffer.m = 0;
      buffer.length = 0;
      return memory;
    }
    buffer.given = memory;
    buffer.m = m;
    buffer.length = length;
    return 0;
  }

  private *acquireUserptr(task: Task, buffer: Vb2Buffer, address: number, length: number): Path<PlaneMemory | number> {
    yield* this.releaseGiven(buffer);
    return yield* this.setup.memops.getUserptr!(this.k, task, address, length);
  }

  /** __prepare_dmabuf: 0 or a negative errno. */
  private *prepareDmabuf(task: Task, buffer: Vb2Buffer, { m, length: asked }: QbufRequest): Path<number> {
    const { k } = this;
    const dbuf = dmaBufGet(k, task, m);
    if (typeof dbuf === "number") {
      yield* this.releaseGiven(buffer);
      return k.refuse(rule["vb2/not-a-dma-buf"], errnos.EINVAL, `descriptor ${m}`);
    }
    const length = asked === 0 ? dbuf.size % 2 ** 32 : asked;
    if (length < buffer.minLength) {
      yield* dmaBufPut(dbuf);
      yield* this.releaseGiven(buffer);
      return k.refuse(rule["vb2/too-short"], errnos.EINVAL, `${length} of ${buffer.minLength}`);
    }
    if (dbuf === buffer.dbuf && length === buffer.length) {
      k.note(rule["vb2/kept"], `buffer ${buffer.index}`);
      yield* dmaBufPut(dbuf);
    } else {
      const error = yield* this.attach(buffer, dbuf, length);
      if (error !== 0) return error;
    }
    buffer.m = m;
    return 0;
  }

  /** Lets the dma-buf of before go and takes the new one, whose reference passes to the buffer. */
  private *attach(buffer: Vb2Buffer, dbuf: DmaBuf, length: number): Path<number> {
    const { k } = this;
    yield* this.releaseGiven(buffer);
    const memory = yield* this.setup.memops.attachDmabuf(k, dbuf, length);
    if (typeof memory === "number") {
      if (k.design["vb2.attach-failure"] === "leaks") k.note(rule["vb2/attach-leaks"], dbuf.expName);
      else yield* dmaBufPut(dbuf);
      return memory;
    }
    buffer.given = memory;
    buffer.dbuf = dbuf;
    const error = yield* memory.map();
    if (error !== 0) {
      yield* this.releaseGiven(buffer);
      return error;
    }
    buffer.length = length;
    return 0;
  }

  /** vb2_ioctl_streamon: 0 or a negative errno. */
  *streamon(file: File): Path<number> {
    return yield* this.locked(file, () => this.coreStreamon());
  }

  /** vb2_core_streamon: what is queued becomes the driver's; it needs none to begin. */
  private *coreStreamon(): Path<number> {
    if (this.streaming) return 0;
    if (this.buffers.length === 0) return this.k.refuse(rule["vb2/stream-empty"], errnos.EINVAL, this.setup.name);
    this.streaming = true;
    for (const buffer of this.queued) buffer.state = "active";
    return 0;
  }

  /** vb2_ioctl_streamoff: 0 or a negative errno. */
  *streamoff(file: File): Path<number> {
    return yield* this.locked(file, () => this.coreStreamoff());
  }

  private *coreStreamoff(): Path<number> {
    this.cancel();
    this.waitingForBuffers = true;
    return 0;
  }

  /** vb2_ioctl_dqbuf: the index of the buffer whose frame came first, or a negative errno. */
  *dqbuf(file: File): Path<number> {
    return yield* this.locked(file, () => this.coreDqbuf());
  }

  /** vb2_core_dqbuf. The wait drops the lock, so that others can queue buffers. */
  private *coreDqbuf(): Path<number> {
    const { k } = this;
    const ready = (): boolean => this.queued.length > 0 || !this.streaming;
    if (this.streaming && !ready()) {
      k.note(rule["vb2/waits"]);
      yield* release(k, this.lock);
      yield { kind: "wait", object: `frames of ${this.setup.name}`, ready };
      yield* acquire(k, this.lock, "write");
    }
    if (!this.streaming) return k.refuse(rule["vb2/stream-off"], errnos.EINVAL, this.setup.name);
    const buffer = this.queued.shift()!;
    yield* this.capture(buffer);
    buffer.state = "dequeued";
    buffer.prepared = false;
    return buffer.index;
  }

  /** A frame: the driver writes the image through the buffer's kernel mapping. */
  private *capture(buffer: Vb2Buffer): Path<void> {
    const { k, setup } = this;
    const memory: PlaneMemory = buffer.own ?? buffer.given!;
    const map = yield* memory.vaddr();
    if (map === undefined) return;
    const image = setup.image();
    for (let at = 0; at < image.length; ) {
      const { pfn, offset } = k.vmalloc.frameAt(map.address + (memory.offset ?? 0) + at);
      const part = image.subarray(at, at + k.pageSize - offset);
      k.frames.writable(pfn).set(part, offset);
      at += part.length;
    }
  }

  /** vb2_mmap: 0 or a negative errno. */
  *mmap(vma: Vma): Path<number> {
    const { k } = this;
    if (!vma.has(VM.SHARED)) return k.refuse(rule["vb2/mmap-shared"], errnos.EINVAL);
    if (!vma.has(VM.READ)) return k.refuse(rule["vb2/mmap-read"], errnos.EINVAL);
    yield* acquire(k, this.mmapLock, "write");
    const result = this.mmapLocked(vma);
    yield* release(k, this.mmapLock);
    return result;
  }

  private mmapLocked(vma: Vma): number {
    const { k } = this;
    const memory = this.memoryAt(vma.pgoff);
    if (typeof memory === "number") return memory;
    if (vma.end - vma.start > this.planeBytes)
      return k.refuse(rule["vb2/mmap-long"], errnos.EINVAL, `${vma.end - vma.start} of ${this.planeBytes}`);
    k.note(rule["vb2/mmap-cookie"]);
    vma.pgoff = 0;
    return memory.mmap(vma);
  }

  /** __find_plane_by_offset: the memory that an offset in pages names, or a negative errno. */
  private memoryAt(pgoff: number): OwnMemory | number {
    const { k } = this;
    if (this.memory !== "mmap") return k.refuse(rule["vb2/mmap-memory"], errnos.EINVAL, this.memory);
    const buffer =
      k.design["vb2.offsets"] === "bytes"
        ? this.buffers.find(({ m }) => m === pgoff * k.pageSize)
        : this.ofCookie(pgoff);
    return buffer?.own ?? k.refuse(rule["vb2/mmap-offset"], errnos.EINVAL, `page ${pgoff}`);
  }

  /** Bits 12 to 14 name the plane, those up to 29 the buffer; the rest is not looked at. */
  private ofCookie(pgoff: number): Vb2Buffer | undefined {
    if (pgoff % PLANES !== 0) return undefined;
    const indexes = 2 ** 30 / (this.k.pageSize * PLANES);
    return this.buffers[Math.floor(pgoff / PLANES) % indexes];
  }

  /**
   * vb2_fop_poll for `in`: undefined when it depends on whether a frame has come in the meantime, or would start
   * reading by itself.
   */
  pollIn(): readonly string[] | undefined {
    if (this.buffers.length === 0) return undefined;
    if (!this.streaming || this.waitingForBuffers) {
      this.k.note(rule["vb2/poll-error"], this.setup.name);
      return ["err"];
    }
    return this.queued.length === 0 ? [] : undefined;
  }

  /** Whether read is refused: buffers were asked for, by this file or another. */
  get busy(): boolean {
    return this.buffers.length > 0;
  }

  /** _vb2_fop_release: whoever owns the queue takes its buffers along. */
  *release(file: File): Path<void> {
    const { k } = this;
    yield* acquire(k, this.lock, "write");
    if (this.owner === file) {
      yield* acquire(k, this.mmapLock, "write");
      this.cancel();
      yield* this.queueFree();
      yield* release(k, this.mmapLock);
      this.owner = undefined;
    }
    yield* release(k, this.lock);
  }
}
