/** Ctrl-C: the first ends the run after what it is doing, with a summary; the second ends at once. */
import { exitStatus } from "./exit-status.js";

export class Interrupt {
  private readonly controller = new AbortController();
  private readonly onSignal = (): void => {
    if (this.controller.signal.aborted) process.exit(exitStatus.interrupted);
    this.controller.abort();
  };

  constructor() {
    process.on("SIGINT", this.onSignal);
    process.on("SIGTERM", this.onSignal);
  }

  get happened(): boolean {
    return this.controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What `work` gives, or undefined as soon as the user interrupts. */
  async unlessInterrupted<T>(work: Promise<T>): Promise<T | undefined> {
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
      work.catch(() => {});
    }
  }

  done(): void {
    process.removeListener("SIGINT", this.onSignal);
    process.removeListener("SIGTERM", this.onSignal);
  }
}
