/** struct dma_buf: the buffer that devices and processes share, and its file. */
import { errnos } from "@litmap/litmus";
import { File, fput, Inode } from "../vfs/file.js";
import { VM } from "../mm/vma.js";
import { bug } from "../mm/insert.js";
import { acquire, Lock, release } from "../sched/path.js";
import { unchargeOwner } from "./charge.js";
import { Resv, usageRw } from "./resv.js";
import { rules } from "../rules/rule.js";
import type { Memcg } from "../mm/memcg.js";
import type { Attachment, Direction } from "./attachment.js";
import type { Fence } from "./resv.js";
import type { SgTable } from "../dma/sg.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

export const bufferRules = rules({
  "dma-buf/bad-descriptor": {
    sentence: "A closed descriptor gives EBADF.",
    kernel: "dma_buf_get, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/not-a-dma-buf": {
    sentence: "Import of a file that is not a dma-buf gives EINVAL.",
    kernel: "dma_buf_get, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/mmap-unsupported": {
    sentence: "A dma-buf whose exporter has no mmap cannot be mapped: EINVAL.",
    kernel: "dma_buf_mmap_internal, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/mmap-beyond": {
    sentence: "A mapping past the last page of the buffer gives EINVAL.",
    kernel: "dma_buf_mmap_internal, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/mmap-guard": {
    sentence: "The core refuses a mapping that the exporter made without the VM flags it demands: EINVAL.",
    kernel: "dma_buf_mmap_internal, drivers/dma-buf/dma-buf.c",
    unproven: "proposal; no mainline release checks VM flags here.",
  },
  "dma-buf/mmap-guard-warns": {
    sentence: "The core warns about a mapping without VM_PFNMAP and allows it.",
    kernel: "dma_buf_mmap_internal, drivers/dma-buf/dma-buf.c",
    unproven: "proposal; no mainline release checks VM flags here.",
  },
  "dma-buf/mmap-unchecked": {
    sentence: "The core checks only offset and length of a mapping; flags and sharing are left to the exporter.",
    kernel: "dma_buf_mmap_internal, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/llseek": {
    sentence: "lseek supports only offset 0 with SEEK_SET or SEEK_END, else EINVAL.",
    kernel: "dma_buf_llseek, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/poll-idle": {
    sentence: "A dma-buf without unsignalled fences polls as readable and writable.",
    kernel: "dma_buf_poll, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/poll-busy": {
    sentence:
      "A dma-buf polls as readable once write fences have signalled, and as writable once all but bookkeeping " +
      "fences have.",
    kernel: "dma_buf_poll, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/poll-armed": {
    sentence:
      "While one poller's callback waits for a fence, the next poller of that direction sees the dma-buf as not ready.",
    kernel: "dma_buf_poll, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/release-vmapped": {
    sentence: "Release of a dma-buf that still has a vmap is a BUG.",
    kernel: "dma_buf_release, drivers/dma-buf/dma-buf.c",
  },
  "gem-driver/redirect-beyond": {
    sentence:
      "A redirected mapping past the end of the dma-buf gives EINVAL, as one with the fake offset left in always does.",
    kernel: "dma_buf_mmap, drivers/dma-buf/dma-buf.c",
  },
  "gem-driver/redirect-unsupported": {
    sentence: "A dma-buf without mmap cannot be mapped through an importer either: EINVAL.",
    kernel: "dma_buf_mmap, drivers/dma-buf/dma-buf.c",
  },
});

/** dma_buf_ops: what an exporter does for its buffer. Errors are negative errnos. */
export interface DmaBufOps {
  attach?(at: Attachment): Path<number>;
  detach?(at: Attachment): Path<void>;
  /** Present in exporters that can move their buffers: they are dynamic. */
  pin?(at: Attachment): Path<number>;
  unpin?(at: Attachment): Path<void>;
  /** Exporters whose sg tables the core may keep, where the core does that (cache_sgt_mapping). */
  readonly cacheSgtMapping?: boolean;
  mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable | number>;
  unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void>;
  release(): Path<void>;
  mmap?(vma: Vma): Path<number>;
  vmap?(): Path<KernelMap | number>;
  vunmap?(map: KernelMap): Path<void>;
  beginCpuAccess?(direction: Direction): Path<number>;
  endCpuAccess?(direction: Direction): Path<number>;
}

export interface ExportInfo {
  readonly ops: DmaBufOps;
  /** Bytes. */
  readonly size: number;
  readonly expName: string;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The exporter's own reservation object (a GEM object's), else the buffer gets one. */
  readonly resv?: Resv;
}

export class DmaBuf {
  readonly file: File;
  readonly resv: Resv;
  readonly ops: DmaBufOps;
  /** Bytes. */
  readonly size: number;
  readonly expName: string;
  name: string | undefined;
  readonly attachments: Attachment[] = [];
  vmappingCounter = 0;
  vmapPtr: KernelMap | undefined;
  /** dmabuf->lock, where kernel mappings are not under the reservation lock. */
  readonly vmapLock: Lock;
  /** The cgroup charged for its memory, if any. */
  memcg: Memcg | undefined;
  /** Poll callbacks that wait on a fence, by direction. */
  readonly armed = { in: false, out: false };

  constructor(
    readonly k: Kernel,
    readonly id: number,
    info: ExportInfo,
  ) {
    this.ops = info.ops;
    this.size = info.size;
    this.expName = info.expName;
    this.resv = info.resv ?? new Resv(`buffer ${id}`);
    this.vmapLock = new Lock("dmabuf", `lock of buffer ${id}`);
    const inode = new Inode(id, "dma-buf");
    inode.size = info.size;
    inode.mode = 0o600;
    inode.noexec = k.design["dma-buf.mount"] === "noexec";
    this.file = new File(inode, fileOps(this), info.readable, info.writable, false, this);
  }
}

/** Makes a buffer and puts it on the list of all (dma_buf_export). Its file has one reference, the caller's. */
export function dmaBufExport(k: Kernel, info: ExportInfo): DmaBuf {
  const buf = new DmaBuf(k, k.id(), info);
  k.dmaBufs.add(buf);
  return buf;
}

/**
 * Gives a task a descriptor, beside that of the device that makes the buffer; the caller's reference passes to it
 * (dma_buf_fd).
 */
export function dmaBufFd(task: Task, buf: DmaBuf): number {
  return task.files.install(buf.file, 1);
}

/** The buffer behind a descriptor, with a reference taken, or `-EBADF`, `-EINVAL` (dma_buf_get). */
export function dmaBufGet(k: Kernel, task: Task, fd: number): DmaBuf | number {
  const file = task.files.get(fd);
  if (file === undefined) return k.refuse(bufferRules["dma-buf/bad-descriptor"], errnos.EBADF, `descriptor ${fd}`);
  const buf = dmaBufOf(file);
  if (buf === undefined) return k.refuse(bufferRules["dma-buf/not-a-dma-buf"], errnos.EINVAL, `descriptor ${fd}`);
  file.refs++;
  return buf;
}

/** Drops a reference taken by {@link dmaBufGet} (dma_buf_put). */
export function* dmaBufPut(buf: DmaBuf): Path<void> {
  yield* fput(buf.file);
}

/** The buffer that a file is, or undefined (is_dma_buf_file). */
export function dmaBufOf(file: File | undefined): DmaBuf | undefined {
  return file?.data instanceof DmaBuf ? file.data : undefined;
}

/** dma_buf_fops. There is no read, write, fallocate, fsync: the VFS refuses those itself. */
function fileOps(buf: DmaBuf): FileOps {
  return {
    mmap: (_file, vma) => dmaBufMmapInternal(buf, vma),
    llseek: (_file, offset, whence) => dmaBufLlseek(buf, offset, whence),
    poll: (_file, events) => dmaBufPoll(buf, events),
    release: () => dmaBufRelease(buf),
    path: () => `/dmabuf:${buf.name ?? ""}`,
  };
}

/** dma_buf_mmap_internal: what the core checks of a mapping before and after the exporter makes it. */
function* dmaBufMmapInternal(buf: DmaBuf, vma: Vma): Path<number> {
  const { k } = buf;
  if (buf.ops.mmap === undefined) return k.refuse(bufferRules["dma-buf/mmap-unsupported"], errnos.EINVAL, buf.expName);
  const pages = (vma.end - vma.start) / k.pageSize;
  if (vma.pgoff + pages > Math.floor(buf.size / k.pageSize)) {
    return k.refuse(
      bufferRules["dma-buf/mmap-beyond"],
      errnos.EINVAL,
      `page ${vma.pgoff} + ${pages} of ${buf.size / k.pageSize}`,
    );
  }
  k.note(bufferRules["dma-buf/mmap-unchecked"]);
  const error = yield* buf.ops.mmap(vma);
  return error !== 0 ? error : mmapGuard(k, vma);
}

/**
 * dma_buf_mmap: a mapping of another driver's file becomes one of the buffer's. Page offset into the buffer; 0 or
 * -EINVAL, or what the exporter says.
 */
export function* dmaBufMmap(buf: DmaBuf, vma: Vma, pgoff: number): Path<number> {
  const { k } = buf;
  if (buf.ops.mmap === undefined)
    return k.refuse(bufferRules["gem-driver/redirect-unsupported"], errnos.EINVAL, buf.expName);
  const pages = (vma.end - vma.start) / k.pageSize;
  if (pgoff + pages > Math.floor(buf.size / k.pageSize))
    return k.refuse(
      bufferRules["gem-driver/redirect-beyond"],
      errnos.EINVAL,
      `page ${pgoff} + ${pages} of ${buf.size / k.pageSize}`,
    );
  const before = vma.file!;
  buf.file.refs++;
  vma.file = buf.file;
  yield* fput(before);
  vma.pgoff = pgoff;
  const error = yield* buf.ops.mmap(vma);
  return error !== 0 ? error : mmapGuard(k, vma);
}

/** What a design demands of the finished mapping; mainline demands nothing. */
function mmapGuard(k: Kernel, vma: Vma): number {
  const pfnmap = vma.has(VM.PFNMAP);
  switch (k.design["dma-buf.mmap-guard"]) {
    case "none":
      return 0;
    case "warn-pfnmap":
      if (!pfnmap) k.note(bufferRules["dma-buf/mmap-guard-warns"]);
      return 0;
    case "require-pfnmap":
      return pfnmap ? 0 : k.refuse(bufferRules["dma-buf/mmap-guard"], errnos.EINVAL, "VM_PFNMAP is missing");
    case "require-pfnmap-or-mixedmap":
      return pfnmap || vma.has(VM.MIXEDMAP)
        ? 0
        : k.refuse(bufferRules["dma-buf/mmap-guard"], errnos.EINVAL, "neither VM_PFNMAP nor VM_MIXEDMAP");
  }
}

/** dma_buf_llseek: the size by SEEK_END 0, and SEEK_SET 0; nothing else. Bytes, or `-EINVAL`. */
function* dmaBufLlseek(buf: DmaBuf, offset: bigint, whence: "set" | "cur" | "end"): Path<number> {
  if (whence === "cur" || offset !== 0n)
    return buf.k.refuse(bufferRules["dma-buf/llseek"], errnos.EINVAL, `${whence} ${offset}`);
  return whence === "end" ? buf.size : 0;
}

/** dma_buf_poll: which of `in` and `out` are ready; a callback is armed for each that is not. */
function* dmaBufPoll(buf: DmaBuf, events: readonly string[]): Path<readonly string[]> {
  const { k, resv } = buf;
  const wanted = (["out", "in"] as const).filter((event) => events.includes(event));
  if (wanted.length === 0) return [];
  yield* acquire(k, resv.lock, "write");
  const ready: string[] = [];
  for (const event of wanted) {
    if (buf.armed[event]) {
      k.note(bufferRules["dma-buf/poll-armed"], event);
      continue;
    }
    const fences = resv.pending(usageRw(event === "out"));
    if (fences.length === 0) {
      k.note(bufferRules["dma-buf/poll-idle"], event);
      ready.push(event);
    } else {
      k.note(bufferRules["dma-buf/poll-busy"], event);
      arm(buf, event, fences[0]);
    }
  }
  yield* release(k, resv.lock);
  return ready;
}

/** A callback on a fence: it holds a reference on the file until the fence signals (dma_buf_poll_add_cb). */
function arm(buf: DmaBuf, event: "in" | "out", fence: Fence): void {
  buf.armed[event] = true;
  buf.file.refs++;
  fence.onSignal(function* () {
    buf.armed[event] = false;
    yield* fput(buf.file);
  });
}

/** The last reference is gone: off the list, and freed (dma_buf_file_release, dma_buf_release). */
function* dmaBufRelease(buf: DmaBuf): Path<void> {
  buf.k.dmaBufs.delete(buf);
  if (buf.vmappingCounter !== 0) bug(buf.k, bufferRules["dma-buf/release-vmapped"], `buffer ${buf.id}`);
  yield* buf.ops.release();
  unchargeOwner(buf);
}
