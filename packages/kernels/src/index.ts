/** Get, store and boot kernels, and talk to the executor in them. */
export { cacheFolder } from "./cache-folder.js";
export { Fault, type FaultCode, type Result } from "./fault.js";
export { type AddOptions, type Kernel, type KernelPackage, type KernelSource, KernelStore } from "./store.js";
