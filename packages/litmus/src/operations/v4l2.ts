import { cameras, wordsOf } from "../catalogue.js";
import { address, descriptor, number, optional, size, status, word, int32 } from "./types.js";
import type { OperationShape } from "./types.js";

const process = ["process"] as const;
const queue = { type: descriptor("v4l2"), doc: "the capture node" } as const;
const index = { type: int32, doc: "which buffer, from 0" } as const;

/** Camera buffers, as a process sees them: one capture queue of vivid. */
export const v4l2 = {
  v4l2_open: {
    subject: "V4L2",
    doc:
      "Opens a capture node of vivid and sets a small format: 320x180 pixels of a byte, 57600 bytes. Every frame " +
      "is the same: lines of eight bars, 40 pixels each of 190, 176, 149, 136, 54, 40, 13 and 0.",
    kernel: "v4l2_open, drivers/media/v4l2-core/v4l2-dev.c",
    by: process,
    params: {
      device: {
        type: word(wordsOf(cameras)),
        doc: "which device",
      },
    },
    result: { kind: "descriptor", of: "v4l2" },
  },
  reqbufs: {
    subject: "V4L2",
    doc: "Allocates buffers (VIDIOC_REQBUFS); gives their number.",
    kernel: "vb2_core_reqbufs, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: {
      queue,
      memory: {
        type: word({ mmap: "V4L2_MEMORY_MMAP", userptr: "V4L2_MEMORY_USERPTR", dmabuf: "V4L2_MEMORY_DMABUF" }),
        doc: "whose memory",
      },
      count: { type: int32, default: "2", doc: "how many, at least 2; 0 frees them" },
    },
    result: number("buffers"),
  },
  querybuf: {
    subject: "V4L2",
    doc:
      "A buffer's offset for mmap (VIDIOC_QUERYBUF); the low 32 bits of the address or the descriptor of one that " +
      "is not MMAP.",
    kernel: "vb2_core_querybuf, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: { queue, index },
    result: { kind: "number", unit: "bytes", opaque: true },
  },
  image_size: {
    subject: "V4L2",
    doc: "Bytes of an image in the queue's format, rounded up to pages: what a buffer holds (VIDIOC_G_FMT). 60 KiB.",
    kernel: "vidioc_g_fmt_vid_cap, drivers/media/test-drivers/vivid/vivid-vid-cap.c",
    by: process,
    params: { queue },
    result: { kind: "number", unit: "bytes" },
  },
  expbuf: {
    subject: "V4L2",
    doc: "A dma-buf of a buffer (VIDIOC_EXPBUF).",
    kernel: "vb2_core_expbuf, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: {
      queue,
      index,
      mode: { type: word({ r: "O_RDONLY", rw: "O_RDWR" }), default: "rw", doc: "access mode of the descriptor" },
    },
    result: { kind: "descriptor", of: "dma-buf" },
  },
  qbuf: {
    subject: "V4L2",
    registers: ["address", "length"],
    doc: "Queues a buffer (VIDIOC_QBUF): of its own memory, of an address, or of a dma-buf, as reqbufs asked.",
    kernel: "vb2_core_qbuf, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: {
      queue,
      index,
      address: { type: optional(address), default: "none", doc: "userptr: where the buffer is" },
      buf: { type: optional(descriptor("dma-buf")), default: "none", doc: "dmabuf: which buffer" },
      length: {
        type: optional(size),
        default: "none",
        doc: "bytes of it; left out: an image's at an address, all of a dma-buf",
      },
    },
    result: status,
  },
  dqbuf: {
    subject: "V4L2",
    doc: "Dequeues a filled buffer (VIDIOC_DQBUF), waiting for a frame without timeout; gives its index.",
    kernel: "vb2_core_dqbuf, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: { queue },
    result: number("index"),
  },
  streamon: {
    subject: "V4L2",
    doc: "Starts the stream (VIDIOC_STREAMON).",
    kernel: "vb2_core_streamon, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: { queue },
    result: status,
  },
  streamoff: {
    subject: "V4L2",
    doc: "Stops the stream (VIDIOC_STREAMOFF); queued buffers come back.",
    kernel: "vb2_core_streamoff, drivers/media/common/videobuf2/videobuf2-core.c",
    by: process,
    params: { queue },
    result: status,
  },
} as const satisfies Record<string, OperationShape>;
