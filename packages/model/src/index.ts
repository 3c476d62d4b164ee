export { Kernel } from "./kernel.js";
export type { KernelOptions } from "./kernel.js";
export { points } from "./design/points.js";
export type { Design, PointName } from "./design/points.js";
export { compareReleases, designOf, newestRelease, releases } from "./design/release.js";
export { arches } from "./design/arch.js";
export { ruleBook } from "./rules/rule.js";
export type { Rule } from "./rules/rule.js";
