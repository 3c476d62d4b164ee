/** vivid: the virtual camera, one capture node for each allocator of buffers (drivers/media/test-drivers/vivid). */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../fs/file.js";
import { vb2Rules as rule } from "../rules/v4l2.js";
import { NotModelled } from "../sched/path.js";
import { vb2DmaContigMemops } from "./vb2-dma-contig.js";
import { Vb2Queue } from "./vb2-core.js";
import { vb2VmallocMemops } from "./vb2-vmalloc.js";
import type { FileOps } from "../fs/file.js";
import type { Kernel } from "../kernel.js";

export type VividNode = "vivid" | "vivid_contig";

/** 320 x 180 pixels of a byte. */
const IMAGE_BYTES = 320 * 180;

/** struct video_device of a capture node. */
export class CaptureNode {
  readonly queue: Vb2Queue;
  readonly inode: Inode;

  constructor(
    readonly k: Kernel,
    readonly path: string,
    contig: boolean,
  ) {
    const memops = contig ? vb2DmaContigMemops(k.device("vivid")) : vb2VmallocMemops;
    const maxBuffers = k.design["vivid.buffers"] === "32" ? 32 : 64;
    this.queue = new Vb2Queue(k, { name: path, memops, imageSize: IMAGE_BYTES, minBuffers: 2, maxBuffers });
    this.inode = new Inode(k.id(), "v4l2");
    this.inode.mode = 0o600;
  }
}

const paths: Readonly<Record<VividNode, string>> = { vivid: "/dev/video0", vivid_contig: "/dev/video1" };

/** v4l2_open: a new open file of a node. */
export function v4l2Open(k: Kernel, name: VividNode): File {
  let node = k.videoNodes.get(name);
  if (node === undefined) k.videoNodes.set(name, (node = new CaptureNode(k, paths[name], name === "vivid_contig")));
  return new File(node.inode, fileOps(node), true, true, false, node);
}

/** The queue behind a file, or `-ENOTTY` for what is no video device. */
export function queueOf(k: Kernel, file: File): Vb2Queue | number {
  return file.data instanceof CaptureNode ? file.data.queue : k.refuse(rule["not-a-queue"], errnos.ENOTTY, file.inode.kind);
}

/** v4l2_fops over vivid_fops. */
function fileOps({ k, queue, path }: CaptureNode): FileOps {
  return {
    mmap: (_file, vma) => queue.mmap(vma),
    *read() {
      if (queue.busy) return k.refuse(rule["read-write"], errnos.EBUSY, path);
      throw new NotModelled("reading frames from a camera");
    },
    *write() {
      return k.refuse(rule["read-write"], errnos.EINVAL, path);
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
