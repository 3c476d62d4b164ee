/** The memory side of the kernel as a library: what is exported here is the package's interface. */
export { Kernel } from "./kernel.js";
export type { KernelOptions } from "./kernel.js";
export { points } from "./design/points.js";
export type { Choice, Design, Point, PointName } from "./design/points.js";
export { compareReleases, designOf, newestRelease, releases } from "./design/release.js";
export type { Release } from "./design/release.js";
export { arches } from "./design/arch.js";
export type { ArchTraits } from "./design/arch.js";
export { ruleBook } from "./rules/rule.js";
export type { Rule } from "./rules/rule.js";
export { acquire, access, KernelBug, KernelHang, Lock, release, runAlone, tryAcquire } from "./sched/path.js";
export type { Path, Touch } from "./sched/path.js";
export type { Counters, TraceEvent } from "./trace/trace.js";
export { predict } from "./litmus/run.js";
export type { Prediction } from "./litmus/run.js";
export { Session } from "./litmus/session.js";
export type { StepReport } from "./litmus/session.js";
export { designsMarkdown, rulesMarkdown } from "./docs.js";
