/** Operations as Linux system calls, and the executor that runs them. */
export * from "./compile.js";
export * from "./executor.js";
export { makeFolder } from "./folder.js";
export * from "./frame.js";
export { moduleDevice } from "./module.js";
export * from "./needs.js";
export * from "./procfs/index.js";
export * from "./program.js";
export * from "./ready.js";
export * from "./syscalls.js";
