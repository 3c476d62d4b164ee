/**
 * Ctrl-C and SIGTERM while a command waits for machines: the first ends it at once, with a summary of what there is;
 * the second without. Nothing that takes long runs in this thread meanwhile: the model has its own.
 */
import { exitStatus } from "./exit-status.js";

export class Interrupt {
  private readonly controller = new AbortController();
  private signalled: NodeJS.Signals = "SIGINT";
  private readonly onSignal = (signal: NodeJS.Signals): void => {
    if (this.controller.signal.aborted) process.exit(this.status);
    this.signalled = signal;
    this.controller.abort();
  };

  constructor() {
    process.on("SIGINT", this.onSignal);
    process.on("SIGTERM", this.onSignal);
  }

  /** The exit status of a command that was ended. */
  get status(): number {
    return this.signalled === "SIGTERM" ? exitStatus.terminated : exitStatus.interrupted;
  }

  get happened(): boolean {
    return this.controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What `work` gives, or undefined as soon as the user interrupts. */
  async unlessInterrupted<T>(work: T | Promise<T>): Promise<T | undefined> {
    if (this.happened) return undefined;
    let stop: () => void = () => {};
    const interrupted = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined);
      this.signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([work, interrupted]);
    } finally {
      this.signal.removeEventListener("abort", stop);
      // Its failure after an interrupt does not matter.
      Promise.resolve(work).catch(() => {});
    }
  }

  done(): void {
    process.removeListener("SIGINT", this.onSignal);
    process.removeListener("SIGTERM", this.onSignal);
  }
}
