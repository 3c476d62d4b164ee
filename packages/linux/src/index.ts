/** Operations as Linux system calls, and the executor that runs them. */
export * from "./frame.js";
