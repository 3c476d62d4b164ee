/**
 * What videobuf2's allocators have in common that hand memory to devices: the dma-buf of a plane,
 * a dma-buf taken from others through an attachment, and user memory that is mapped for a device.
 */
import { errnos } from "@litmap/litmus";
import { vb2DestroyFramevec } from "./frame-vector.js";
import {
  dmaBufDetach,
  dmaBufDynamicAttach,
  dmaBufMapAttachment,
  dmaBufUnmapAttachment,
} from "../dma-buf/attachment.js";
import { dmaBufVmap, dmaBufVunmap } from "../dma-buf/cpu-access.js";
import { dmaMapSgtable, dmaUnmapSgtable } from "../dma/sg.js";
import { PG } from "../mm/frames.js";
import type { FrameVector } from "./frame-vector.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { Kernel } from "../kernel.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Vma } from "../mm/vma.js";
import type { Rule } from "../rules/rule.js";
import type { Path } from "../sched/path.js";
import type { Handler, ImportedMemory, OwnMemory, PlaneMemory } from "./vb2-memops.js";

/**
 * vb2_*_dmabuf_ops: each attachment has a table of its own, and keeps it mapped until somebody wants another direction.
 */
export class PlaneDmaBuf implements DmaBufOps {
  constructor(
    protected readonly k: Kernel,
    private readonly plane: OwnMemory,
    private readonly handler: Handler,
    private readonly table: () => SgTable,
    /** Mapping cares for the CPU's caches: the memory is not coherent by itself. */
    private readonly sync: boolean,
  ) {}

  *attach(at: Attachment): Path<number> {
    at.priv = this.table();
    return 0;
  }

  *detach(at: Attachment): Path<void> {
    this.unmap(at, at.priv as SgTable);
  }

  private unmap(at: Attachment, sgt: SgTable): void {
    if (sgt.mapped !== undefined) dmaUnmapSgtable(this.k, at.device, sgt, sgt.mapped.direction, this.sync);
  }

  *mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable> {
    const sgt = at.priv as SgTable;
    if (sgt.mapped?.direction === direction) return sgt;
    this.unmap(at, sgt);
    dmaMapSgtable(this.k, at.device, sgt, direction, this.sync);
    return sgt;
  }

  *unmapDmaBuf(): Path<void> {}

  *mmap(vma: Vma): Path<number> {
    return this.plane.mmap(vma);
  }

  *vmap(): Path<KernelMap> {
    return (yield* this.plane.vaddr())!;
  }

  *release(): Path<void> {
    this.handler.put();
  }
}

/** What an allocator says of a dma-buf that it cannot use. */
interface ImportRefusals {
  readonly short: Rule;
  readonly noTable: Rule;
}

/**
 * vb2_*_attach_dmabuf and map_dmabuf, of at least `length` bytes. `check` looks at the table once
 * it is mapped: 0, or the negative errno by which it is refused.
 */
export function* attachPlane(
  k: Kernel,
  device: Device,
  buf: DmaBuf,
  length: number,
  refusals: ImportRefusals,
  check: (sgt: SgTable) => number,
): Path<ImportedMemory | number> {
  if (buf.size < length) return k.refuse(refusals.short, errnos.EFAULT, `${buf.size} of ${length}`);
  const at = yield* dmaBufDynamicAttach(buf, device, false);
  if (typeof at === "number") return at;
  let sgt: SgTable | undefined;
  let map: KernelMap | undefined;
  return {
    /** The exporter's vmap, when a frame is first written. */
    *vaddr() {
      if (map === undefined) {
        const mapped = yield* dmaBufVmap(buf);
        if (typeof mapped !== "number") map = mapped;
      }
      return map;
    },
    *map() {
      const mapped = yield* dmaBufMapAttachment(at, "from_device");
      if (typeof mapped === "number") return k.refuse(refusals.noTable, errnos.EINVAL, buf.expName);
      const refused = check(mapped);
      if (refused !== 0) yield* dmaBufUnmapAttachment({ at, sgt: mapped, direction: "from_device" });
      else sgt = mapped;
      return refused;
    },
    *put() {
      if (map !== undefined) yield* dmaBufVunmap(buf);
      if (sgt !== undefined) yield* dmaBufUnmapAttachment({ at, sgt, direction: "from_device" });
      yield* dmaBufDetach(at);
    },
  };
}

/** User memory that a device writes to; `offset` bytes into its first page. */
export function userPlane(k: Kernel, device: Device, vec: FrameVector, sgt: SgTable, offset: number): PlaneMemory {
  dmaMapSgtable(k, device, sgt, "from_device", false);
  let map: KernelMap | undefined;
  return {
    offset,
    *vaddr() {
      return (map ??= k.vmalloc.map(vec.pfns, "user memory that a camera writes to"));
    },
    /** vb2_*_put_userptr. */
    *put() {
      dmaUnmapSgtable(k, device, sgt, "from_device", false);
      if (map !== undefined) k.vmalloc.unmap(map);
      if (vec.pinned) for (const pfn of vec.pfns) k.frames.setFlags(k.frames.head(pfn), PG.dirty);
      vb2DestroyFramevec(k, vec);
    },
  };
}
