/** vivid: the virtual camera, one capture node for each allocator of buffers (drivers/media/test-drivers/vivid). */
import { definePoints } from "../design/points.js";
import { cameraRow, errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { NotModelled } from "../sched/path.js";
import { Vb2Queue } from "../exporters/vb2-core.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { CameraName } from "@litmap/litmus";
import type { MemOps } from "../exporters/vb2-memops.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";

export const points = definePoints({
  "vivid.capture": {
    question: "Does vivid deliver frames on a machine without a display?",
    choices: { stalls: { doc: "no: it hangs on 5.10; not modelled" }, delivers: { doc: "yes" } },
    mainline: [
      ["3.18", "stalls"],
      ["6.1", "delivers", "seen on 5.10.262 and on 6.1.192"],
    ],
  },
  "vivid.buffers": {
    question: "How many buffers can a capture queue of vivid have?",
    choices: { "32": { doc: "VB2_MAX_FRAME" }, "64": { doc: "MAX_VID_CAP_BUFFERS" } },
    mainline: [
      ["3.18", "32"],
      ["6.8", "64", "source: not in 6.1.192, in 6.12.8"],
    ],
  },
});

/** Capture nodes that are open or were, by name. */
const nodes = slot(() => new Map<CameraName, CaptureNode>());

const rule = rules({
  "vb2/read-write": {
    sentence: "write to a capture node without VB2_WRITE gives EINVAL; read with buffers allocated gives EBUSY.",
    kernel: "vb2_fop_write, drivers/media/common/videobuf2/videobuf2-v4l2.c",
  },
});

/** 320 x 180 pixels of a byte. */
const IMAGE_BYTES = 320 * 180;

/** Pixels of a line, and the bars that a line shows: shades of grey from white to black (tpg_colors). */
const LINE = 320;
const BARS = [190, 176, 149, 136, 54, 40, 13, 0] as const;

/** Every frame, without the text that vivid lays over it unless it is told not to (tpg_fill_plane_buffer). */
function colourBars(): Uint8Array {
  const image = new Uint8Array(IMAGE_BYTES);
  const width = LINE / BARS.length;
  for (let at = 0, bar = 0; at < IMAGE_BYTES; at += width, bar++) image.fill(BARS[bar % BARS.length], at, at + width);
  return image;
}

/** struct video_device of a capture node. */
export class CaptureNode {
  readonly queue: Vb2Queue;
  readonly inode: Inode;

  constructor(
    readonly k: Kernel,
    readonly path: string,
    memops: MemOps,
  ) {
    let image: Uint8Array | undefined;
    const maxBuffers = k.design["vivid.buffers"] === "32" ? 32 : 64;
    this.queue = new Vb2Queue(k, {
      name: path,
      memops,
      imageSize: IMAGE_BYTES,
      image: () => (image ??= colourBars()),
      minBuffers: 2,
      maxBuffers,
    });
    this.inode = new Inode(k.id(), "v4l2");
    this.inode.mode = 0o600;
  }
}

/** v4l2_open: a new open file of a node. */
export function v4l2Open(k: Kernel, name: CameraName, memops: (k: Kernel) => MemOps): File {
  let node = nodes(k).get(name);
  if (node === undefined) nodes(k).set(name, (node = new CaptureNode(k, `/dev/${cameraRow(name).path}`, memops(k))));
  return new File(node.inode, fileOps(node), true, true, false, node);
}

/** The queue behind a file, or `-ENOTTY` for what is no video device. */
export function queueOf(file: File): Vb2Queue | undefined {
  return file.data instanceof CaptureNode ? file.data.queue : undefined;
}

/** v4l2_fops over vivid_fops. */
function fileOps({ k, queue, path }: CaptureNode): FileOps {
  return {
    mmap: (_file, vma) => queue.mmap(vma),
    *read() {
      if (queue.busy) return k.refuse(rule["vb2/read-write"], errnos.EBUSY, path);
      throw new NotModelled("reading frames from a camera");
    },
    *write() {
      return k.refuse(rule["vb2/read-write"], errnos.EINVAL, path);
    },
    *poll(_file, events) {
      if (!events.includes("in")) return [];
      const ready = queue.pollIn();
      if (ready === undefined) throw new NotModelled("whether a frame has come already");
      return ready;
    },
    release: (file) => queue.release(file),
    path: () => path,
  };
}
