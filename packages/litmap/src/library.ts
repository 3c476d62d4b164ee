/**
 * `import … from "litmap"`: what it takes to ask the model about a test's text.
 * All of each room is in `litmap/litmus`, `litmap/model` and `litmap/explore`.
 */
export { judge, parse, renderDiagnostic } from "@litmap/litmus";
export type { ClaimResult, Diagnostic, Judgement, Machine, Outcome, Test, Values } from "@litmap/litmus";
export { Kernel, failed, must, newestRelease, predict, releases } from "@litmap/model";
export type { KernelOptions, Prediction, Release } from "@litmap/model";
export { explore } from "@litmap/explore";
export type { Exploration, ExploreOptions } from "@litmap/explore";
