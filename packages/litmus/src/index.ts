export * from "./test.js";
export * from "./outcome.js";
export { operation, operations } from "./operations/index.js";
export type { OperationName, OperationArgs, OperationShape, Param, ParamType, ResultType, Field, Words, Subject, ActorClass, DescriptorKind, HandleKind } from "./operations/index.js";
export * from "./errno.js";
export * from "./outcome-keys.js";
export { mmapHints, slotAlign } from "./slots.js";
export * from "./language/index.js";
export * from "./judge.js";
