/** An open file of a process. */
import type { Process } from "./process.js";
import type { Result } from "./result.js";

export class FileHandle {
  constructor(
    readonly process: Process,
    /** The descriptor's number. */
    readonly fd: number,
  ) {}

  /** Closes the descriptor; mappings keep the file. */
  close(): Result<number> {
    return this.process.call("close", { fd: this.fd }) as Result<number>;
  }
}
