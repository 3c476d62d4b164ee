/** i915's own requests, as a process makes them. */
import { i915GemCreate, i915GemMadvise, i915GemMmapFile, i915GemMmapOffset } from "../exporters/i915.js";
import { CACHE } from "../mm/memtype.js";
import { doMmap, MAP } from "../mm/mmap.js";
import { VM } from "../mm/vma.js";
import { acquire, release } from "../sched/path.js";
import { drmFileOf, handleOf } from "./drm.js";
import type { HandlerTable } from "./handler.js";

type Name = "i915_gem_create" | "i915_gem_mmap_offset" | "i915_gem_mmap" | "i915_gem_madvise";

export const i915Handlers: HandlerTable<Name> = {
  run: {
    *i915_gem_create(ctx, { drm, size, region, access }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number"
        ? file
        : yield* handleOf(i915GemCreate(ctx.k, file, size, region, access === "r"));
    },
    *i915_gem_mmap_offset(ctx, { drm, handle, type }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number" ? file : i915GemMmapOffset(ctx.k, file, handle as number, type);
    },
    *i915_gem_mmap(ctx, { drm, handle, length, offset, caching }) {
      const { k, task } = ctx;
      const file = drmFileOf(ctx, drm);
      if (typeof file === "number") return file;
      const filp = i915GemMmapFile(k, file, handle as number, offset, length);
      if (typeof filp === "number") return filp;
      const address = yield* doMmap(k, task, {
        file: filp,
        address: 0n,
        length,
        prot: VM.READ | VM.WRITE,
        flags: MAP.SHARED,
        offset,
      });
      if (address < 0 || caching === "wb") return address;
      yield* acquire(k, task.mm.mmapLock, "write");
      task.mm.lookup(address)!.cacheMode = CACHE.wc;
      yield* release(k, task.mm.mmapLock);
      return address;
    },
    *i915_gem_madvise(ctx, { drm, handle, advice }) {
      const file = drmFileOf(ctx, drm);
      return typeof file === "number"
        ? file
        : yield* i915GemMadvise(ctx.k, file, handle as number, advice === "dontneed");
    },
  },
};
