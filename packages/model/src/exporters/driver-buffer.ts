/** Buffers that a driver allocates for its device and exports: what all exporters of that kind share. */
import { dmaBufExport } from "../dma-buf/buffer.js";
import { NotModelled } from "../sched/path.js";
import type { DmaBuf, DmaBufOps } from "../dma-buf/buffer.js";
import type { Device } from "../dma/device.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { OwnMemory } from "./vb2-memops.js";

/** The driver, as far as its exporter needs it. */
export interface BufferDriver {
  readonly k: Kernel;
  readonly device: Device;
  /** What the exporter keeps for this driver from call to call, by key. */
  readonly state: Map<string, unknown>;
}

/** Allocates `size` bytes, whole pages, for a driver's device: the buffer, or a negative errno. */
export type MakeBuffer = (driver: BufferDriver, size: number) => Path<DmaBuf | number>;

/** dma_buf_export, readable and writable. */
export function exported(k: Kernel, ops: DmaBufOps, size: number, expName: string): DmaBuf {
  return dmaBufExport(k, { ops, size, expName, readable: true, writable: true });
}

/** VIDIOC_EXPBUF, and the queue's buffers freed: the dma-buf has the last reference. */
export function* ofQueue(k: Kernel, expName: string, size: number, own: OwnMemory | number): Path<DmaBuf | number> {
  if (typeof own === "number") return own;
  const buf = exported(k, own.getDmabuf(), size, expName);
  yield* own.put();
  return buf;
}

/** Memory that the DMA API has from 5.11 on. */
export function newer(what: string, make: MakeBuffer): MakeBuffer {
  return function* (driver, size) {
    if (driver.k.design["dma.noncontiguous"] === "absent")
      throw new NotModelled(`${what}: the DMA API of this release has no such memory`);
    return yield* make(driver, size);
  };
}
