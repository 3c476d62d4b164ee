/** The CPU's side of a buffer: begin and end of access, kernel mappings (drivers/dma-buf/dma-buf.c). */
import { errnos } from "@litmap/litmus";
import { bug } from "../mm/insert.js";
import { acquire, release } from "../sched/path.js";
import { usageRw } from "./resv.js";
import { rules } from "../rules/rule.js";
import type { Direction } from "./attachment.js";
import type { DmaBuf } from "./buffer.js";
import type { KernelMap } from "../mm/vmalloc.js";
import type { Lock, Path } from "../sched/path.js";

const rule = rules({
  "dma-buf/sync-waits": {
    sentence: "begin_cpu_access waits without timeout for the resv fences: a reader for writers, a writer for all.",
    kernel: "__dma_buf_begin_cpu_access, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/vmap-unsupported": {
    sentence: "dma_buf_vmap without an exporter's vmap gives EINVAL.",
    kernel: "dma_buf_vmap, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/vmap-counted": {
    sentence: "vmapping_counter: the exporter's vmap runs for the first user, its vunmap after the last.",
    kernel: "dma_buf_vmap, drivers/dma-buf/dma-buf.c",
  },
  "dma-buf/vunmap-unmapped": {
    sentence: "dma_buf_vunmap without a vmap is a BUG.",
    kernel: "dma_buf_vunmap, drivers/dma-buf/dma-buf.c",
  },
});

/** dma_buf_begin_cpu_access: the exporter's part, then the wait for fences. 0 or a negative errno. */
export function* dmaBufBeginCpuAccess(buf: DmaBuf, direction: Direction): Path<number> {
  const error = buf.ops.beginCpuAccess === undefined ? 0 : yield* buf.ops.beginCpuAccess(direction);
  if (error !== 0) return error;
  const usage = usageRw(direction !== "from_device");
  if (buf.resv.pending(usage).length > 0) buf.k.note(rule["dma-buf/sync-waits"], direction);
  yield* buf.resv.wait(usage);
  return 0;
}

/** dma_buf_end_cpu_access: the exporter's part alone. 0 or a negative errno. */
export function* dmaBufEndCpuAccess(buf: DmaBuf, direction: Direction): Path<number> {
  return buf.ops.endCpuAccess === undefined ? 0 : yield* buf.ops.endCpuAccess(direction);
}

/** The lock that kernel mappings of a buffer are made under. */
function vmapLock(buf: DmaBuf): Lock {
  return buf.k.design["dma-buf.vmap-lock"] === "reservation" ? buf.resv.lock : buf.vmapLock;
}

/** dma_buf_vmap_unlocked: the buffer's kernel mapping, counted, or a negative errno. */
export function* dmaBufVmap(buf: DmaBuf): Path<KernelMap | number> {
  const { k } = buf;
  yield* acquire(k, vmapLock(buf), "write");
  const map = yield* vmapLocked(buf);
  yield* release(k, vmapLock(buf));
  return map;
}

function* vmapLocked(buf: DmaBuf): Path<KernelMap | number> {
  const { k } = buf;
  if (buf.ops.vmap === undefined) return k.refuse(rule["dma-buf/vmap-unsupported"], errnos.EINVAL, buf.expName);
  if (buf.vmapPtr === undefined) {
    const map = yield* buf.ops.vmap();
    if (typeof map === "number") return map;
    buf.vmapPtr = map;
  } else {
    k.note(rule["dma-buf/vmap-counted"]);
  }
  buf.vmappingCounter++;
  return buf.vmapPtr;
}

/** dma_buf_vunmap_unlocked: one user of the kernel mapping less. */
export function* dmaBufVunmap(buf: DmaBuf): Path<void> {
  const { k } = buf;
  yield* acquire(k, vmapLock(buf), "write");
  const map = buf.vmapPtr;
  if (map === undefined) bug(k, rule["dma-buf/vunmap-unmapped"], `buffer ${buf.id}`);
  if (--buf.vmappingCounter === 0) {
    if (buf.ops.vunmap !== undefined) yield* buf.ops.vunmap(map);
    buf.vmapPtr = undefined;
  }
  yield* release(k, vmapLock(buf));
}
