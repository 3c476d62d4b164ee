import { heaps, wordsOf } from "../catalogue.js";
import { descriptor, flags, integer, size, status, string, word, int32, range } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;

const mode = {
  r: "O_RDONLY",
  w: "O_WRONLY",
  rw: "O_RDWR",
  r_cloexec: "O_RDONLY|O_CLOEXEC",
  rw_cloexec: "O_RDWR|O_CLOEXEC",
  rw_nonblock: "O_RDWR|O_NONBLOCK: refused",
} as const;

export const dmaBuf = {
  dma_heap_alloc: {
    subject: "dma-buf",
    doc: "Allocates a buffer from a heap (open /dev/dma_heap/NAME, DMA_HEAP_IOCTL_ALLOC, close).",
    kernel: "dma_heap_ioctl_allocate, drivers/dma-buf/dma-heap.c",
    by: process,
    params: {
      heap: {
        type: word(wordsOf(heaps)),
        doc: "which heap",
      },
      length: {
        type: size,
        doc: "bytes; the heap rounds up to pages; the CMA heap has ENOMEM for what it has no free run of pages for",
      },
      mode: { type: word(mode), default: "rw", doc: "fd_flags: access mode of the descriptor" },
      heap_flags: { type: integer, default: "0", doc: "heap_flags; anything but 0 is refused" },
      fd: { type: int32, default: "0", doc: "the struct's fd field on entry; anything but 0 is refused" },
    },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  udmabuf_create: {
    subject: "dma-buf",
    doc: "Makes a dma-buf of a range of a memfd (UDMABUF_CREATE).",
    kernel: "udmabuf_create, drivers/dma-buf/udmabuf.c",
    by: process,
    params: {
      memfd: { type: descriptor("memfd"), doc: "whose pages" },
      offset: { type: size, doc: "bytes into the memfd" },
      size: { type: size, doc: "bytes" },
      flags: { type: int32, default: "0", doc: "1 is UDMABUF_FLAGS_CLOEXEC; other bits are ignored" },
    },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  udmabuf_create_list: {
    subject: "dma-buf",
    doc: "Makes a dma-buf of several ranges of memfds (UDMABUF_CREATE_LIST).",
    kernel: "udmabuf_ioctl_create_list, drivers/dma-buf/udmabuf.c",
    by: process,
    params: {
      items: {
        type: {
          kind: "tuples",
          of: [
            { name: "memfd", type: descriptor("memfd") },
            { name: "offset", type: size },
            { name: "size", type: size },
          ],
        },
        doc: "[[memfd, offset, size], ...]",
      },
      repeat: { type: range(0, 2 ** 32 - 1), default: "1", doc: "how often the list is repeated" },
      flags: { type: int32, default: "0", doc: "1 is UDMABUF_FLAGS_CLOEXEC" },
    },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  dma_buf_sync: {
    subject: "dma-buf",
    doc: "Begins or ends CPU access (DMA_BUF_IOCTL_SYNC). Without `end` it is a start.",
    kernel: "dma_buf_ioctl, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf"), doc: "which buffer" },
      flags: {
        type: flags({
          start: "DMA_BUF_SYNC_START (0)",
          end: "DMA_BUF_SYNC_END",
          read: "DMA_BUF_SYNC_READ",
          write: "DMA_BUF_SYNC_WRITE",
          bit3: "an undefined bit (8): refused",
        }),
        doc: "direction, and which end",
      },
    },
    result: status,
  },
  dma_buf_set_name: {
    subject: "dma-buf",
    doc: "Names a buffer (DMA_BUF_SET_NAME_B).",
    kernel: "dma_buf_set_name, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf"), doc: "which buffer" },
      name: { type: string, doc: "at most 31 bytes" },
    },
    result: status,
  },
  dma_buf_export_sync_file: {
    subject: "dma-buf",
    doc: "The buffer's fences as a sync file (DMA_BUF_IOCTL_EXPORT_SYNC_FILE, from 5.20/6.0).",
    kernel: "dma_buf_export_sync_file, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf"), doc: "which buffer" },
      flags: {
        type: flags({ read: "DMA_BUF_SYNC_READ", write: "DMA_BUF_SYNC_WRITE", end: "DMA_BUF_SYNC_END: refused" }),
        doc: "direction",
      },
    },
    result: { kind: "descriptor", of: "sync-file" },
  },
  dma_buf_import_sync_file: {
    subject: "dma-buf",
    doc: "Adds a sync file's fences to the buffer (DMA_BUF_IOCTL_IMPORT_SYNC_FILE, from 5.20/6.0).",
    kernel: "dma_buf_import_sync_file, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf"), doc: "which buffer" },
      sync_file: { type: descriptor("sync-file"), doc: "whose fences" },
      flags: {
        type: flags({ read: "DMA_BUF_SYNC_READ", write: "DMA_BUF_SYNC_WRITE", end: "DMA_BUF_SYNC_END: refused" }),
        doc: "direction",
      },
    },
    result: status,
  },
  poll: {
    subject: "dma-buf",
    doc: "The events that are ready now (timeout 0), as a set of in, out, pri, err, hup, nval.",
    kernel: "dma_buf_poll, drivers/dma-buf/dma-buf.c",
    by: process,
    params: {
      fd: { type: descriptor("dma-buf", "sync-file"), doc: "which" },
      events: { type: flags({ in: "POLLIN", out: "POLLOUT", pri: "POLLPRI" }), doc: "what is asked for" },
    },
    result: { kind: "flags" },
  },
  sw_sync_fence: {
    subject: "dma-buf",
    seldomUseful: true,
    doc:
      "A fence as a sync file, from a new timeline that begins at 0 and ends with the processes that have it open " +
      "(debugfs sw_sync; built kernels have it).",
    kernel: "sw_sync_ioctl_create_fence, drivers/dma-buf/sw_sync.c",
    by: process,
    params: {
      value: {
        type: int32,
        default: "1",
        doc: "the timeline value that signals it, 32 bits; 0 and values past 2^31 - 1 have signalled",
      },
    },
    result: { kind: "descriptor", of: "sync-file" },
  },
  sw_sync_inc: {
    subject: "dma-buf",
    seldomUseful: true,
    doc: "Advances the timeline that sw_sync_fence made last in this process.",
    kernel: "sw_sync_ioctl_inc, drivers/dma-buf/sw_sync.c",
    by: process,
    params: { by: { type: int32, default: "1", doc: "how far, modulo 2^32" } },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;

export const processes = {
  receive: {
    subject: "processes",
    doc: "Takes a descriptor that another process holds: a new descriptor of the same open file.",
    kernel: "pidfd_getfd, kernel/pid.c",
    by: process,
    params: { fd: { type: descriptor("dma-buf", "memfd"), doc: "the other process's descriptor" } },
    result: { kind: "descriptor", of: "same" },
  },
  exit: {
    subject: "processes",
    seldomUseful: true,
    doc: "Exits the process, with its mappings and descriptors. It takes no further steps in this test.",
    kernel: "do_exit, kernel/exit.c",
    by: process,
    params: {},
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
