/** Get, store and boot kernels, and talk to the executor in them. */
export { type Complaint, complaintOf } from "./console.js";
export { optionsOf } from "./configuration.js";
export { debianName } from "./flavour.js";
export { linuxVersion } from "./linux-version.js";
export { Fault, type FaultCode, type Result, settle } from "./fault.js";
export { Machine, type MachineOptions, type RunOptions, type RunOutcome, type Said, type Started } from "./machine.js";
export { type ModuleRequest, hasModule } from "./modules.js";
export { buildTestModule } from "./test-module.js";
export { HostTarget, SshTarget } from "./process-target.js";
export { type Accelerator, type Qemu, findQemu, qemuVersion } from "./qemu.js";
export {
  type AddOptions,
  type Kernel,
  type KernelPackage,
  type KernelSource,
  KernelStore,
  type StoreBuildOptions,
  type Built,
} from "./store.js";
export type { Session, Target } from "./target.js";
export { VmTarget, type VmOptions } from "./vm.js";
export { kernelSources } from "./sources.js";
