/** A device that imports buffers: attach, map, transfer. */
import { errnoName } from "@litmap/litmus";
import {
  dmaBufDetach,
  dmaBufDynamicAttach,
  dmaBufMapAttachment,
  dmaBufUnmapAttachment,
} from "../dma-buf/attachment.js";
import { dmaBufGet, dmaBufPut } from "../dma-buf/buffer.js";
import { dmaBufVmap, dmaBufVunmap } from "../dma-buf/cpu-access.js";
import { MappedAttachment } from "../dma-buf/mapped-attachment.js";
import { Device } from "../dma/device.js";
import { kernelLoad, kernelStore } from "../mm/vmalloc.js";
import { runAlone } from "../sched/path.js";
import { Failure } from "./result.js";
import type { Attachment, Direction } from "../dma-buf/attachment.js";
import type { DmaBuf } from "../dma-buf/buffer.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Buffer } from "./buffer.js";
import type { Kernel } from "./kernel.js";
import type { Result } from "./result.js";

const failure = (negative: number): Failure => new Failure(errnoName(-negative), undefined);

export class BusDevice extends Device {
  constructor(
    readonly kernel: Kernel,
    device: Device,
  ) {
    super(device.name, device);
  }

  /** Connects the device to a buffer; a dynamic importer copes with one that moves. */
  attach(buffer: Buffer, options: { readonly dynamic?: boolean } = {}): Result<DeviceAttachment> {
    const buf = dmaBufGet(this.kernel, buffer.process, buffer.fd);
    if (typeof buf === "number") return failure(buf);
    const at = runAlone(dmaBufDynamicAttach(buf, this, options.dynamic ?? false));
    return typeof at === "number" ? failure(at) : new DeviceAttachment(at);
  }

  /** The driver's kernel mapping of a buffer. */
  vmap(buffer: Buffer): Result<DriverMapping> {
    const buf = dmaBufGet(this.kernel, buffer.process, buffer.fd);
    if (typeof buf === "number") return failure(buf);
    const map = runAlone(dmaBufVmap(buf));
    return typeof map === "number" ? failure(map) : new DriverMapping(this.kernel, buf, map);
  }
}

export class DeviceAttachment {
  constructor(private readonly at: Attachment) {}

  /** The buffer's pages, made reachable for the device. */
  map(direction: Direction = "bidirectional"): Result<DmaMapping> {
    const sgt = runAlone(dmaBufMapAttachment(this.at, direction));
    return typeof sgt === "number" ? failure(sgt) : new DmaMapping(new MappedAttachment(this.at, sgt, direction));
  }

  detach(): void {
    runAlone(dmaBufDetach(this.at));
    runAlone(dmaBufPut(this.at.buf));
  }
}

/** What the device sees of a buffer. Offsets and lengths in bytes. */
export class DmaMapping {
  constructor(private readonly mapped: MappedAttachment) {}

  /** How many ranges the hardware is programmed with. */
  get segments(): number {
    return this.mapped.sgt.segments;
  }

  read(offset: number, length: number): Result<Uint8Array> {
    const bytes = this.mapped.read(offset, length);
    return typeof bytes === "number" ? failure(bytes) : bytes;
  }

  write(offset: number, bytes: ArrayLike<number>): Result<number> {
    const error = this.mapped.write(offset, bytes);
    return error < 0 ? failure(error) : bytes.length;
  }

  unmap(): void {
    runAlone(dmaBufUnmapAttachment(this.mapped));
    this.mapped.letGo();
  }
}

/** A buffer in the kernel's own address space. Offsets in bytes. */
export class DriverMapping {
  constructor(
    private readonly kernel: Kernel,
    private readonly buf: DmaBuf,
    private readonly map: KernelMap,
  ) {}

  load(offset = 0, width: 1 | 2 | 4 = 4): number {
    return kernelLoad(this.kernel, this.map.address + offset, width);
  }

  store(offset: number, value: number, width: 1 | 2 | 4 = 4): void {
    kernelStore(this.kernel, this.map.address + offset, width, value);
  }

  unmap(): void {
    runAlone(dmaBufVunmap(this.buf));
    runAlone(dmaBufPut(this.buf));
  }
}
