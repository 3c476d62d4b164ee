/** A mapping in a process's address space. Offsets and lengths are bytes. */
import type { Process } from "./process.js";
import type { Result } from "./result.js";

/** An entry of /proc/PID/smaps; sizes in bytes. */
export interface Smaps {
  readonly Size: number;
  readonly Rss: number;
  readonly Pss: number;
  readonly Shared_Clean: number;
  readonly Shared_Dirty: number;
  readonly Private_Clean: number;
  readonly Private_Dirty: number;
  readonly Referenced: number;
  readonly Anonymous: number;
  readonly Locked: number;
  readonly VmFlags: readonly string[];
}

export class Mapping {
  constructor(
    readonly process: Process,
    readonly address: number,
    readonly length: number,
  ) {}

  /** Loads a little-endian integer. */
  load(offset = 0, width: 1 | 2 | 4 = 4): Result<number> {
    return this.process.call("load", { address: this.address + offset, width }) as Result<number>;
  }

  /** Stores a little-endian integer. */
  store(offset: number, value: number, width: 1 | 2 | 4 = 4): Result<number> {
    return this.process.call("store", { address: this.address + offset, value, width }) as Result<number>;
  }

  /** Touches every page once. */
  touch(access: "read" | "write"): Result<number> {
    return this.process.call("touch", { address: this.address, length: this.length, access }) as Result<number>;
  }

  smaps(): Result<Smaps> {
    return this.process.call("smaps", { address: this.address }) as unknown as Result<Smaps>;
  }

  unmap(): Result<number> {
    return this.process.call("munmap", { address: this.address, length: this.length }) as Result<number>;
  }
}
