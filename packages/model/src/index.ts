/** The memory side of the kernel as a library: what is exported here is the package's interface. */
import { pointBook } from "./design/points.js";
export { Kernel } from "./api/kernel.js";
export type { CallArguments } from "./api/kernel.js";
export { Process } from "./api/process.js";
export type { MmapOptions } from "./api/process.js";
export { Buffer } from "./api/buffer.js";
export type { BufferInfo } from "./api/buffer.js";
export { FileHandle } from "./api/file-handle.js";
export { Mapping } from "./api/mapping.js";
export type { Smaps } from "./api/mapping.js";
export { BusDevice, DeviceAttachment, DmaMapping, DriverMapping } from "./api/device.js";
export type { DeviceOptions } from "./dma/device.js";
export type { Direction } from "./dma-buf/attachment.js";
export { failed, Failure, must } from "./api/result.js";
export type { Result } from "./api/result.js";
export type { KernelOptions } from "./kernel.js";
export type { Choice, Design, Point, PointName } from "./design/points.js";
export {
  configuredDesign,
  designOf,
  knownAs,
  knownVersions,
  newestRelease,
  releases,
  versionOf,
} from "./design/release.js";
export type { Release } from "./design/release.js";
export { arches } from "./design/arch.js";
export type { ArchTraits } from "./design/arch.js";
export { kernelOf, ruleBook } from "./rules/rule.js";
export type { Rule } from "./rules/rule.js";
export {
  acquire,
  access,
  KernelBug,
  KernelHang,
  Lock,
  NotModelled,
  release,
  runAlone,
  tryAcquire,
} from "./sched/path.js";
export type { Path, Touch } from "./sched/path.js";
export type { Counters, TraceEvent } from "./trace/trace.js";
export { endingOf } from "./litmus/ending.js";
export { predict } from "./litmus/run.js";
export type { Prediction } from "./litmus/run.js";
export { Session } from "./litmus/session.js";
export type { StepReport } from "./litmus/session.js";
export { designPages } from "./docs.js";

/** All decision points, by name. */
export const points = pointBook();
