/** DRM devices as a process sees them: dumb buffers and PRIME. */
import { qxlAlloc } from "../exporters/drm-drivers.js";
import { drmDevice, drmDrivers } from "../exporters/index.js";
import { DrmFile, drmGemClose, drmGemDumbMapOffset, drmModeCreateDumb } from "../exporters/gem.js";
import { drmGemPrimeFdToHandle, drmGemPrimeHandleToFd } from "../exporters/prime.js";
import { virtioGpuCreateBlob } from "../exporters/virtio-vram.js";
import { NotModelled } from "../sched/path.js";
import { fdget } from "../task.js";
import { rules } from "../rules/rule.js";
import { foreignIoctl } from "./vfs-ioctl.js";
import type { Context, HandlerTable, Result } from "./handler.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "gem/not-a-drm-file": {
    sentence: "A file of another device does not know DRM ioctls: ENOTTY.",
    kernel: "vfs_ioctl, fs/ioctl.c",
  },
});

/** The open DRM device behind a descriptor of the caller: -EBADF, or -ENOTTY from any other file. */
export function drmFileOf({ k, task }: Context, fd: number): DrmFile | number {
  const file = fdget(k, task.files, fd);
  if (typeof file === "number") return file;
  return file.data instanceof DrmFile ? file.data : foreignIoctl(k, task, file, rule["gem/not-a-drm-file"]);
}

/** A handle is a number in the table of one open file. */
export function* handleOf(path: Path<number>): Path<Result> {
  const handle = yield* path;
  return handle < 0 ? handle : { handle };
}

export const drmHandlers: HandlerTable<
  | "drm_open"
  | "dumb_create"
  | "dumb_map"
  | "prime_export"
  | "prime_import"
  | "gem_close"
  | "qxl_alloc"
  | "virtgpu_create_blob"
> = {
  run: {
    *drm_open({ k, task }, { device }) {
      if (k.design["drm.objects"] === "own-pages" && drmDrivers[device](k).everyRelease !== true)
        throw new NotModelled(`${device} inserts pages of its own in this release, which is not modelled`);
      return task.files.install(drmDevice(k, device).open());
    },
    *dumb_create(ctx, { drm, size }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number" ? file : yield* handleOf(drmModeCreateDumb(ctx.k, file, size));
    },
    *qxl_alloc(ctx, { drm, size }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number" ? file : yield* handleOf(qxlAlloc(ctx.k, file, size));
    },
    *virtgpu_create_blob(ctx, { drm, size, memory, flags }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number"
        ? file
        : yield* handleOf(virtioGpuCreateBlob(ctx.k, file, size, memory, flags.includes("mappable")));
    },
    *dumb_map(ctx, { drm, handle }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number" ? file : drmGemDumbMapOffset(ctx.k, file, handle as number);
    },
    *prime_export(ctx, { drm, handle, mode }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number"
        ? file
        : yield* drmGemPrimeHandleToFd(ctx.k, ctx.task, file, handle as number, mode === "rw");
    },
    *prime_import(ctx, { drm, buf }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number" ? file : yield* handleOf(drmGemPrimeFdToHandle(ctx.k, ctx.task, file, buf));
    },
    *gem_close(ctx, { drm, handle }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number" ? file : yield* drmGemClose(ctx.k, file, handle as number);
    },
  },
};
