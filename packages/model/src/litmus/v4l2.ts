/** Camera buffers, as a process asks for them. */
import { cameraMemops } from "../exporters/index.js";
import { queueOf, v4l2Open } from "../devices/vivid.js";
import { fdget } from "../task.js";
import { rules } from "../rules/rule.js";
import { foreignIoctl } from "./vfs-ioctl.js";
import { narrow } from "../word.js";
import type { Context, HandlerTable } from "./handler.js";
import type { File } from "../vfs/file.js";
import type { Path } from "../sched/path.js";
import type { Vb2Queue } from "../exporters/vb2-core.js";

const rule = rules({
  "vb2/not-a-queue": {
    sentence: "Only a video node answers V4L2 ioctls; other files give ENOTTY.",
    kernel: "vfs_ioctl, fs/ioctl.c",
  },
});

/** Numbers in V4L2's structs have 32 bits. */
const u32 = (value: number | bigint): number => Number(BigInt.asUintN(32, BigInt(value)));

/** Runs an ioctl on the queue behind a descriptor: `-EBADF`, or `-ENOTTY` where there is none. */
function* ioctl(ctx: Context, fd: number, run: (queue: Vb2Queue, file: File) => Path<number>): Path<number> {
  const file = fdget(ctx.k, ctx.task.files, fd);
  if (typeof file === "number") return file;
  const queue = queueOf(file);
  return queue === undefined ? foreignIoctl(ctx.k, ctx.task, file, rule["vb2/not-a-queue"]) : yield* run(queue, file);
}

export const v4l2Handlers: HandlerTable<
  "v4l2_open" | "reqbufs" | "querybuf" | "image_size" | "expbuf" | "qbuf" | "dqbuf" | "streamon" | "streamoff"
> = {
  run: {
    *v4l2_open({ k, task }, { device }) {
      return task.files.install(v4l2Open(k, device, cameraMemops[device]));
    },
    *reqbufs(ctx, { queue: fd, memory, count }) {
      return yield* ioctl(ctx, fd, (queue, file) => queue.reqbufs(file, memory, u32(count)));
    },
    *querybuf(ctx, { queue: fd, index }) {
      return yield* ioctl(ctx, fd, (queue) => queue.querybuf(u32(index)));
    },
    *image_size(ctx, { queue: fd }) {
      return yield* ioctl(ctx, fd, function* (queue) {
        return Math.ceil(queue.setup.imageSize / ctx.k.pageSize) * ctx.k.pageSize;
      });
    },
    *expbuf(ctx, { queue: fd, index, mode }) {
      return yield* ioctl(ctx, fd, (queue, file) => queue.expbuf(file, ctx.task, u32(index), mode === "rw"));
    },
    *qbuf(ctx, { queue: fd, index, address, buf, length }) {
      return yield* ioctl(ctx, fd, (queue, file) => {
        const bytes = u32(length ?? 0n);
        if (address !== undefined) {
          return queue.qbuf(file, ctx.task, {
            index: u32(index),
            memory: "userptr",
            m: narrow(address),
            length: length === undefined ? queue.setup.imageSize : bytes,
          });
        }
        return queue.qbuf(file, ctx.task, {
          index: u32(index),
          memory: buf === undefined ? "mmap" : "dmabuf",
          m: buf ?? 0,
          length: bytes,
        });
      });
    },
    *dqbuf(ctx, { queue: fd }) {
      return yield* ioctl(ctx, fd, (queue, file) => queue.dqbuf(file));
    },
    *streamon(ctx, { queue: fd }) {
      return yield* ioctl(ctx, fd, (queue, file) => queue.streamon(file));
    },
    *streamoff(ctx, { queue: fd }) {
      return yield* ioctl(ctx, fd, (queue, file) => queue.streamoff(file));
    },
  },
  unsupported: {
    v4l2_open: (k) =>
      k.design["vivid.capture"] === "stalls"
        ? "vivid of this release stalls in a machine without a display; not modelled"
        : undefined,
  },
};
