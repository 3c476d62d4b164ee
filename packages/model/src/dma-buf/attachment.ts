/** A device's connection to a buffer: attach, map, pin (drivers/dma-buf/dma-buf.c). */
import { errnos } from "@litmap/litmus";
import { access, acquire, KernelBug, NotModelled, release } from "../sched/path.js";
import { USAGE } from "./resv.js";
import { rules } from "../rules/rule.js";
import type { DmaBuf } from "./buffer.js";
import type { Device } from "../dma/device.js";
import type { SgTable } from "../dma/sg.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "dma-buf/attach-maps": {
    sentence:
      "Between a dynamic and a static side dma_buf_dynamic_attach pins and maps the attachment at once, " +
      "DMA_BIDIRECTIONAL.",
    kernel: "dma_buf_dynamic_attach, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/map-pins": {
    sentence: "dma_buf_map_attachment by a static importer pins a dynamic exporter's buffer while it is mapped.",
    kernel: "dma_buf_map_attachment, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/map-cached": {
    sentence: "The first mapping of an attachment is cached and returned for later ones.",
    kernel: "dma_buf_map_attachment, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/map-cached-direction": {
    sentence: "A cached mapping serves only its own DMA direction, unless it is bidirectional: EBUSY.",
    kernel: "dma_buf_map_attachment, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/map-twice": {
    sentence:
      "Up to 6.1 static importers map without a lock: two first mappings of one attachment are both made, and " +
      "the core " +
      "keeps the later one.",
    kernel: "dma_buf_map_attachment, drivers/dma-buf/dma-buf.c",
    unproven: "a kernel does not count lost mappings.",
  },
  "dma-buf/map-waits": {
    sentence: "dma_buf_map_attachment by a static importer waits for the kernel fences.",
    kernel: "dma_buf_map_attachment, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/map-hides-pages": {
    sentence:
      "With CONFIG_DMABUF_DEBUG an importer gets DMA addresses only: the page links of the sg table are hidden.",
    kernel: [["7.0", "dma_buf_wrap_sg_table, drivers/dma-buf/dma-buf.c"]],
  },
  "dma-buf/map-mangles-pages": {
    sentence:
      "With CONFIG_DMABUF_DEBUG the page links of the exporter's own sg table are mangled until it is unmapped.",
    kernel: "mangle_sg_table, drivers/dma-buf/dma-buf.c (up to 6.19)",
  },
  "dma-buf/pin-static": {
    sentence: "Only a dynamic importer may call dma_buf_pin and dma_buf_unpin; a static one triggers a warning.",
    kernel: "dma_buf_pin, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/move-notify": {
    sentence:
      "move_notify tells dynamic importers, before the exporter moves the buffer, that their sg tables become invalid.",
    kernel: [
      ["5.10", "dma_buf_move_notify, drivers/dma-buf/dma-buf.c"],
      ["7.1", "dma_buf_invalidate_mappings, drivers/dma-buf/dma-buf.c"],
    ],
    unproven: "from source: the test module does not import dynamically.",
  },
  "dma-buf/used-detached": {
    sentence: "dma_buf_unmap_attachment after dma_buf_detach uses the freed attachment.",
    kernel: "dma_buf_unmap_attachment, drivers/dma-buf/dma-buf.c",
    unproven: "a driver bug, which the test module does not repeat.",
  },
});

/** dma_data_direction. */
export type Direction = "to_device" | "from_device" | "bidirectional";

export class Attachment {
  /** The table that the core keeps for it, and for which direction. */
  sgt: SgTable | undefined;
  direction: Direction = "bidirectional";
  /** What made it. */
  mappedBy = "";
  /** The exporter's. */
  priv: unknown;
  /** How often the importer was told that the buffer moves. */
  moved = 0;
  /** dma_buf_detach has freed it. */
  detached = false;
  constructor(
    readonly buf: DmaBuf,
    readonly device: Device,
    /** It has importer_ops: it copes with a buffer that moves. */
    readonly dynamic: boolean,
  ) {}
}

/** What an importer has of a mapped attachment. */
export interface Mapping {
  readonly at: Attachment;
  readonly sgt: SgTable;
  readonly direction: Direction;
}

/** An exporter that can move its buffers (dma_buf_is_dynamic). */
function exporterIsDynamic(buf: DmaBuf): boolean {
  return buf.ops.pin !== undefined;
}

/** dma_buf_dynamic_attach. Without importer_ops it is dma_buf_attach. */
export function* dmaBufDynamicAttach(buf: DmaBuf, device: Device, dynamic: boolean): Path<Attachment | number> {
  const { k } = buf;
  const at = new Attachment(buf, device, dynamic);
  const error = buf.ops.attach === undefined ? 0 : yield* buf.ops.attach(at);
  if (error !== 0) return error;
  yield* acquire(k, buf.resv.lock, "write");
  buf.attachments.push(at);
  yield* release(k, buf.resv.lock);
  if (k.design["dma-buf.sgt-cache"] === "cached" && at.dynamic !== exporterIsDynamic(buf)) {
    const failed = yield* mapAtAttach(at);
    if (failed !== 0) return failed;
  }
  return at;
}

/** Importer and exporter differ in kind: the core pins and maps once and for all. */
function* mapAtAttach(at: Attachment): Path<number> {
  const { buf } = at;
  const { k } = buf;
  yield* acquire(k, buf.resv.lock, "write");
  k.note(rule["dma-buf/attach-maps"]);
  let error = exporterIsDynamic(buf) ? yield* buf.ops.pin!(at) : 0;
  if (error === 0) {
    const sgt = yield* mapDmaBuf(at, "bidirectional");
    if (typeof sgt === "number") {
      error = sgt;
      if (exporterIsDynamic(buf)) yield* buf.ops.unpin!(at);
    } else {
      at.sgt = sgt;
      at.direction = "bidirectional";
    }
  }
  yield* release(k, buf.resv.lock);
  if (error !== 0) yield* dmaBufDetach(at);
  return error;
}

/** dma_buf_detach. A table that the core kept is unmapped first. */
export function* dmaBufDetach(at: Attachment): Path<void> {
  const { buf } = at;
  const { k } = buf;
  yield* acquire(k, buf.resv.lock, "write");
  if (at.sgt !== undefined) {
    yield* unmapDmaBuf(at, at.sgt, at.direction);
    if (exporterIsDynamic(buf)) yield* buf.ops.unpin!(at);
    at.sgt = undefined;
  }
  at.detached = true;
  const place = buf.attachments.indexOf(at);
  if (place >= 0) buf.attachments.splice(place, 1);
  yield* release(k, buf.resv.lock);
  if (buf.ops.detach !== undefined) yield* buf.ops.detach(at);
}

/** The core pins a buffer that can move for an importer that cannot follow (dma_buf_pin_on_map). */
function pinsOnMap(at: Attachment): boolean {
  return exporterIsDynamic(at.buf) && (!at.dynamic || at.buf.k.design["dma-buf.sgt-cache"] === "cached");
}

/** dma_buf_map_attachment_unlocked: takes the reservation lock around the mapping. */
export function* dmaBufMapAttachment(at: Attachment, direction: Direction): Path<SgTable | number> {
  const { k, resv } = at.buf;
  const locked = k.design["dma-buf.map-lock"] === "always" || at.dynamic;
  if (locked) yield* acquire(k, resv.lock, "write");
  const sgt = yield* mapLocked(at, direction);
  if (locked) yield* release(k, resv.lock);
  return sgt;
}

/** dma_buf_map_attachment. */
function* mapLocked(at: Attachment, direction: Direction): Path<SgTable | number> {
  const { buf } = at;
  const { k } = buf;
  const field = `attach->sgt of ${at.device.name}'s attachment to buffer ${buf.id}`;
  yield* access(k, field, false);
  if (at.sgt !== undefined) {
    if (at.direction !== direction && at.direction !== "bidirectional") {
      return k.refuse(rule["dma-buf/map-cached-direction"], errnos.EBUSY, `${at.direction}, not ${direction}`);
    }
    k.note(rule["dma-buf/map-cached"]);
    return at.sgt;
  }
  const pins = pinsOnMap(at);
  if (pins) {
    k.note(rule["dma-buf/map-pins"]);
    const error = yield* buf.ops.pin!(at);
    if (error !== 0) return error;
  }
  const sgt = yield* mapDmaBuf(at, direction);
  if (typeof sgt === "number") {
    if (pins) yield* buf.ops.unpin!(at);
    return sgt;
  }
  if (buf.ops.cacheSgtMapping === true && k.design["dma-buf.sgt-cache"] === "cached") {
    yield* access(k, field, true);
    if (at.sgt !== undefined) {
      k.note(rule["dma-buf/map-twice"], field);
      k.custody.loses("the DMA mapping of an attachment", at.mappedBy, "dma_buf_detach, by attach->sgt");
    }
    at.sgt = sgt;
    at.mappedBy = k.custody.doing;
    at.direction = direction;
  }
  return sgt;
}

/** The exporter's table; a static importer waits for kernel fences, and page pointers may be hidden. */
function* mapDmaBuf(at: Attachment, direction: Direction): Path<SgTable | number> {
  const { buf } = at;
  const sgt = yield* buf.ops.mapDmaBuf(at, direction);
  if (typeof sgt === "number") return sgt;
  if (!at.dynamic) {
    if (buf.resv.pending(USAGE.kernel).length > 0) buf.k.note(rule["dma-buf/map-waits"]);
    yield* buf.resv.wait(USAGE.kernel);
  }
  if (buf.k.design["dma-buf.debug"] === "mangle") {
    buf.k.note(rule["dma-buf/map-mangles-pages"]);
    if (sgt.garbled && (at.device.iommu || !at.device.coherent))
      throw new NotModelled("what an IOMMU or a cache does with addresses that are no memory");
    sgt.mangled = !sgt.mangled;
  }
  if (buf.k.design["dma-buf.debug"] === "wrap") buf.k.note(rule["dma-buf/map-hides-pages"]);
  return sgt;
}

/** __unmap_dma_buf: the exporter gets its table back as it gave it. */
function* unmapDmaBuf(at: Attachment, sgt: SgTable, direction: Direction): Path<void> {
  if (at.buf.k.design["dma-buf.debug"] === "mangle") sgt.mangled = !sgt.mangled;
  yield* at.buf.ops.unmapDmaBuf(at, sgt, direction);
}

/** dma_buf_unmap_attachment_unlocked. */
export function* dmaBufUnmapAttachment({ at, sgt, direction }: Mapping): Path<void> {
  const { k, resv, ops } = at.buf;
  if (at.detached) {
    k.trace.refuse(rule["dma-buf/used-detached"], 0, `buffer ${at.buf.id}`);
    throw new KernelBug(`an attachment of buffer ${at.buf.id} was used after dma_buf_detach`, "use-after-free");
  }
  const locked = k.design["dma-buf.map-lock"] === "always" || at.dynamic;
  if (locked) yield* acquire(k, resv.lock, "write");
  if (at.sgt !== sgt) {
    yield* unmapDmaBuf(at, sgt, direction);
    if (pinsOnMap(at)) yield* ops.unpin!(at);
  }
  if (locked) yield* release(k, resv.lock);
}

/** dma_buf_move_notify, with the reservation lock held: dynamic importers learn that their sg tables are invalid. */
export function dmaBufMoveNotify(buf: DmaBuf): void {
  for (const at of buf.attachments) {
    if (!at.dynamic) continue;
    at.moved++;
    buf.k.note(rule["dma-buf/move-notify"], at.device.name);
  }
}

/** dma_buf_pin, under the reservation lock: 0, or what the exporter says. */
export function* dmaBufPin(at: Attachment): Path<number> {
  const { k, resv, ops } = at.buf;
  if (!at.dynamic) k.warn(rule["dma-buf/pin-static"], at.device.name);
  yield* acquire(k, resv.lock, "write");
  const error = ops.pin === undefined ? 0 : yield* ops.pin(at);
  yield* release(k, resv.lock);
  return error;
}

/** dma_buf_unpin, under the reservation lock. */
export function* dmaBufUnpin(at: Attachment): Path<void> {
  const { k, resv, ops } = at.buf;
  if (!at.dynamic) k.warn(rule["dma-buf/pin-static"], at.device.name);
  yield* acquire(k, resv.lock, "write");
  if (ops.unpin !== undefined) yield* ops.unpin(at);
  yield* release(k, resv.lock);
}
