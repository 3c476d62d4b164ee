export * from "./test.js";
export * from "./outcome.js";
export { operation, operations } from "./operations/index.js";
export type {
  OperationName,
  OperationArgs,
  OperationShape,
  Param,
  ParamType,
  ResultType,
  Field,
  Words,
  Subject,
  ActorClass,
  DescriptorKind,
  HandleKind,
} from "./operations/index.js";
export * from "./catalogue.js";
export * from "./errno.js";
export * from "./integers.js";
export * from "./outcome-keys.js";
export { mmapHints, slotAlign, slotBase } from "./slots.js";
export { callsOf } from "./steps.js";
export * from "./language/index.js";
export * from "./judge.js";
export { randomTest, seldomUseful } from "./random/generate.js";
export type { RandomOptions } from "./random/generate.js";
export { probesOf } from "./random/probes.js";
export type { Probe } from "./random/probes.js";
export { shrink, shrinkAsync, shrinking } from "./random/shrink.js";
export { Random } from "./random/prng.js";
export { kernelLimits, overLimit } from "./kernel-limits.js";
export type { KernelLimit } from "./kernel-limits.js";
export { reference } from "./reference.js";
