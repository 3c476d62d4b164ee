/** What the {@link Machine} needs of a place where an executor can run. */
import type { ConsoleLog } from "./console.js";
import type { Link } from "./link.js";

/** An executor that has said that it is ready. */
export interface Session {
  readonly link: Link;
  /** The kernel's console where there is one, else what the executor wrote to its standard error. */
  readonly console: ConsoleLog;
  /** Payload of the executor's `ready` frame. */
  readonly ready: Uint8Array;
  /** How it came up. */
  readonly origin: "cold" | "resumed" | "process";
  /** Milliseconds from the request to the first answer. */
  readonly ms: number;
  /** Things worth a line to the user: a saved state that could not be used, modules that are missing. */
  readonly notes: readonly string[];
  /** Modules that were asked for and that this kernel lacks. */
  readonly missingModules: readonly string[];
  /** Of the process that carries it: QEMU, the executor, ssh. */
  readonly pid: number | undefined;
  /** Resolves when it is gone, with how: `killed by SIGKILL`, `exit status 0`. */
  readonly gone: Promise<string>;
  /** Makes the kernel print its task states on the console, waiting a second or two. */
  dump(): Promise<void>;
  /** Ends it at once and waits until it is gone (at most a few seconds). */
  kill(): Promise<void>;
}

export interface Target {
  /** For messages: `kernel 6.12`, `this host`, `ssh:box`. */
  readonly title: string;
  readonly kind: "vm" | "host" | "ssh";
  /** `tcg` or `kvm` once a session has been opened; undefined where nothing is emulated. */
  readonly accelerator?: string;
  /** Starts an executor and waits, with a limit, until it is ready. A Fault `boot` otherwise. */
  open(): Promise<Session>;
}
