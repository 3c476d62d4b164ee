/** Heaps, udmabuf, the ioctls of a dma-buf, sync files, and what any descriptor can do that is no transfer. */
import { errnos, integer } from "@litmap/litmus";
import { dmaBufOf } from "../dma-buf/buffer.js";
import { dmaBufExportSyncFile, dmaBufImportSyncFile, dmaBufSetName, dmaBufSync, SYNC } from "../dma-buf/ioctl.js";
import { syncFileCreate, Timeline } from "../dma-buf/sync-file.js";
import { heaps } from "../exporters/index.js";
import { dmaHeapIoctlAllocate, O } from "../exporters/system-heap.js";
import { udmabufCreate, udmabufIoctlCreateList } from "../exporters/udmabuf.js";
import { File, fput } from "../vfs/file.js";
import { allocatedBytes, shownSize } from "../fs/stat.js";
import { foreignIoctl, vfsIoctl } from "./vfs-ioctl.js";
import { rules } from "../rules/rule.js";
import { fdget, fdRules } from "../task.js";
import { narrow } from "../word.js";
import type { FileKind } from "../vfs/file.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import type { Context, HandlerTable, RecordResult } from "./handler.js";

const rule = rules({
  "fd/no-proc-entry": {
    sentence: "A closed descriptor has no entry in /proc/PID/fd and /proc/PID/fdinfo: ENOENT.",
    kernel: "proc_lookupfd_common, fs/proc/fd.c",
  },
  "fd/reopen": {
    sentence: "An anonymous inode cannot be reopened through /proc/self/fd: ENXIO.",
    kernel: "no_open, fs/inode.c",
  },
  "fd/poll-negative": {
    sentence: "poll ignores a negative descriptor: revents is 0.",
    kernel: "do_pollfd, fs/select.c",
  },
  "fd/poll-default": {
    sentence: "A file without a poll method always polls as readable and writable.",
    kernel: "vfs_poll, include/linux/poll.h",
  },
  "fd/not-listed": {
    sentence: "fdinfo of another kind of file has no dma-buf lines.",
    kernel: "dma_buf_show_fdinfo, drivers/dma-buf/dma-buf.c",
  },
});

/** fd_flags by the words of the language. */
const HEAP_MODES = {
  r: O.rdonly,
  w: O.wronly,
  rw: O.rdwr,
  r_cloexec: O.rdonly | O.cloexec,
  rw_cloexec: O.rdwr | O.cloexec,
  rw_nonblock: O.rdwr | O.nonblock,
} as const;

const SYNC_BITS: Readonly<Record<string, number>> = {
  start: 0,
  end: SYNC.end,
  read: SYNC.read,
  write: SYNC.write,
  bit3: 8,
};

function syncBits(words: readonly string[]): number {
  return words.reduce((bits, word) => bits | SYNC_BITS[word], 0);
}

/** The buffer that an ioctl of dma-bufs is sent to: `-EBADF`, or `-ENOTTY` from any other file. */
function ioctlTarget(ctx: Context, fd: number): DmaBuf | number {
  const file = fdget(ctx.k, ctx.task.files, fd);
  if (typeof file === "number") return file;
  return dmaBufOf(file) ?? foreignIoctl(ctx.k, ctx.task, file);
}

/** Files that only their descriptor leads to: they have no open method. */
const unnamed: ReadonlySet<FileKind> = new Set(["dma-buf", "sync-file", "io-uring", "socket"]);

/** A descriptor's number as the structs of ioctls carry it: 32 bits. */
const u32 = (value: number): number => value >>> 0;

type Name =
  | "dma_heap_alloc"
  | "udmabuf_create"
  | "udmabuf_create_list"
  | "dma_buf_sync"
  | "dma_buf_set_name"
  | "dma_buf_export_sync_file"
  | "dma_buf_import_sync_file"
  | "poll"
  | "sw_sync_fence"
  | "sw_sync_inc"
  | "fstat"
  | "reopen"
  | "dup"
  | "close"
  | "ioctl"
  | "fdinfo"
  | "bufinfo"
  | "readlink";

export const dmaBufHandlers: HandlerTable<Name> = {
  run: {
    *dma_heap_alloc({ k, task }, { heap, length, mode, heap_flags, fd }) {
      return yield* dmaHeapIoctlAllocate(k, task, heaps[heap], {
        length,
        fdFlags: HEAP_MODES[mode],
        heapFlags: heap_flags,
        fd: u32(fd),
      });
    },
    *udmabuf_create({ k, task }, { memfd, offset, size }) {
      return yield* udmabufCreate(k, task, [{ memfd: u32(memfd), offset: narrow(offset), size: narrow(size) }]);
    },
    *udmabuf_create_list({ k, task }, { items, repeat }) {
      const once = items.map(([memfd, offset, size]) => ({
        memfd: u32(Number(memfd)),
        offset: narrow(BigInt(offset)),
        size: narrow(BigInt(size)),
      }));
      return yield* udmabufIoctlCreateList(k, task, once, repeat);
    },
    *dma_buf_sync(ctx, { fd, flags }) {
      const buf = ioctlTarget(ctx, fd);
      return typeof buf === "number" ? buf : yield* dmaBufSync(buf, syncBits(flags));
    },
    *dma_buf_set_name(ctx, { fd, name }) {
      const buf = ioctlTarget(ctx, fd);
      return typeof buf === "number" ? buf : yield* dmaBufSetName(buf, name);
    },
    *dma_buf_export_sync_file(ctx, { fd, flags }) {
      const buf = ioctlTarget(ctx, fd);
      return typeof buf === "number" ? buf : yield* dmaBufExportSyncFile(buf, ctx.task, syncBits(flags));
    },
    *dma_buf_import_sync_file(ctx, { fd, sync_file, flags }) {
      const buf = ioctlTarget(ctx, fd);
      return typeof buf === "number"
        ? buf
        : yield* dmaBufImportSyncFile(buf, ctx.task.files.get(sync_file), syncBits(flags));
    },
    *poll({ k, task }, { fd, events }) {
      if (fd < 0) {
        k.note(rule["fd/poll-negative"]);
        return [];
      }
      const file = task.files.get(fd);
      if (file === undefined) return ["nval"];
      if (file.ops.poll === undefined) {
        k.note(rule["fd/poll-default"], file.inode.kind);
        return events.filter((event) => event !== "pri");
      }
      const ready = yield* file.ops.poll(file, events);
      return ready.filter((event) => event === "err" || event === "hup" || events.some((wanted) => wanted === event));
    },
    *sw_sync_fence({ k, task }, { value }) {
      const timeline = Timeline.open(k, task.files);
      return task.files.install(syncFileCreate(k, [timeline.fence(u32(value))]));
    },
    *sw_sync_inc({ k, task }, { by }) {
      const { timeline } = task.files;
      if (timeline === undefined) return k.refuse(fdRules["fd/not-open"], errnos.EBADF, "no timeline");
      yield* timeline.advance(u32(by));
      return 0;
    },
    *fstat(ctx, { fd }) {
      const file = fdget(ctx.k, ctx.task.files, fd);
      if (typeof file === "number") return file;
      const { inode } = file;
      return { size: integer(shownSize(inode)), blocks: allocatedBytes(ctx.k, inode) / 512, mode: inode.mode };
    },
    *reopen(ctx, { fd, mode }) {
      const file = ctx.task.files.get(fd);
      if (file === undefined) return ctx.k.refuse(rule["fd/no-proc-entry"], errnos.ENOENT, `descriptor ${fd}`);
      if (unnamed.has(file.inode.kind)) return ctx.k.refuse(rule["fd/reopen"], errnos.ENXIO, file.inode.kind);
      const [readable, writable] = [mode !== "w", mode !== "r"];
      const opened = file.ops.reopen
        ? yield* file.ops.reopen(file, readable, writable)
        : new File(file.inode, file.ops, readable, writable, false, file.data);
      return typeof opened === "number" ? opened : ctx.task.files.install(opened);
    },
    *dup(ctx, { fd }) {
      const file = fdget(ctx.k, ctx.task.files, fd);
      if (typeof file === "number") return file;
      file.refs++;
      return ctx.task.files.install(file);
    },
    *close(ctx, { fd }) {
      const file = fdget(ctx.k, ctx.task.files, fd);
      if (typeof file === "number") return file;
      const { files } = ctx.task;
      yield* fput(files.remove(fd)!);
      const writeEnd = files.writeEnds.get(fd);
      if (writeEnd !== undefined) {
        files.writeEnds.delete(fd);
        yield* fput(files.remove(writeEnd)!);
      }
      return 0;
    },
    *ioctl(ctx, { fd, request }) {
      const file = fdget(ctx.k, ctx.task.files, fd);
      return typeof file === "number" ? file : vfsIoctl(ctx.k, ctx.task, file, Number(BigInt.asUintN(32, request)));
    },
    *fdinfo({ k, task }, { fd }) {
      const file = task.files.get(fd);
      if (file === undefined) return k.refuse(rule["fd/no-proc-entry"], errnos.ENOENT, `descriptor ${fd}`);
      const buf = dmaBufOf(file);
      const none: RecordResult = {};
      if (buf === undefined) return none;
      return { size: buf.size, count: buf.file.refs, exp_name: buf.expName, name: buf.name ?? "" };
    },
    *bufinfo(ctx, { fd }) {
      const file = fdget(ctx.k, ctx.task.files, fd);
      if (typeof file === "number") return file;
      const buf = dmaBufOf(file);
      if (buf === undefined) return ctx.k.refuse(rule["fd/not-listed"], errnos.ENOENT, file.inode.kind);
      return {
        size: buf.size,
        count: buf.file.refs,
        exp_name: buf.expName,
        // What is printed where there is no name; a name of these letters is read the same.
        name: buf.name === "<none>" ? "" : (buf.name ?? ""),
        attachments: buf.attachments.length,
      };
    },
    *readlink({ k, task }, { fd }) {
      const file = task.files.get(fd);
      if (file === undefined) return k.refuse(rule["fd/no-proc-entry"], errnos.ENOENT, `descriptor ${fd}`);
      return { path: file.ops.path(file) };
    },
  },
};
