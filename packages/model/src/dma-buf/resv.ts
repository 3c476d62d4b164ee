/** Fences, and the reservation object that keeps a buffer's (struct dma_resv, drivers/dma-buf/dma-resv.c). */
import { Lock } from "../sched/path.js";
import type { Path } from "../sched/path.js";

/** dma_resv_usage: who asks for one class gets it and all before it. */
export const USAGE = { kernel: 0, write: 1, read: 2, bookkeep: 3 } as const;
export type Usage = (typeof USAGE)[keyof typeof USAGE];

/** What a reader or a writer has to wait for (dma_resv_usage_rw). */
export function usageRw(write: boolean): Usage {
  return write ? USAGE.read : USAGE.write;
}

/** A point in a timeline that work of a device reaches when it is done. */
export class Fence {
  /** 0, or the negative errno with which its work ended. */
  error = 0;
  private readonly callbacks: (() => Path<void>)[] = [];
  constructor(
    readonly id: number,
    /** Fences of one context signal in order; a later one stands for the earlier. */
    readonly context: number,
    readonly seqno: number,
    /** Made for a point that the timeline has passed. */
    private done = false,
  ) {}

  get signaled(): boolean {
    return this.done;
  }

  /** Runs what waits for it, once (dma_fence_signal). */
  *signal(error = 0): Path<void> {
    if (this.done) return;
    this.done = true;
    this.error = error;
    for (const callback of this.callbacks.splice(0)) yield* callback();
  }

  /** Has something run when the fence signals (dma_fence_add_callback). It must not have signalled yet. */
  onSignal(callback: () => Path<void>): void {
    this.callbacks.push(callback);
  }
}

export class Resv {
  readonly lock: Lock;
  private fences: { readonly fence: Fence; readonly usage: Usage }[] = [];

  constructor(name: string) {
    this.lock = new Lock("resv", `resv of ${name}`);
  }

  /** Unsignalled fences that a caller who asks for `usage` has to heed. */
  pending(usage: Usage): Fence[] {
    return this.fences.filter((f) => f.usage <= usage && !f.fence.signaled).map((f) => f.fence);
  }

  /** Adds a fence; one of the same context that is earlier and no stronger gives way (dma_resv_add_fence). */
  add(fence: Fence, usage: Usage): void {
    this.fences = this.fences.filter(
      (f) =>
        !f.fence.signaled && !(f.fence.context === fence.context && f.usage >= usage && fence.seqno >= f.fence.seqno),
    );
    this.fences.push({ fence, usage });
  }

  /** Waits until everything pending for `usage` has signalled (dma_resv_wait_timeout without a limit). */
  *wait(usage: Usage): Path<void> {
    const ready = (): boolean => this.pending(usage).length === 0;
    if (!ready()) yield { kind: "wait", object: `fences of ${this.lock.name}`, ready };
  }
}
