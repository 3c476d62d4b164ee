/** MMU notifiers: a driver is called before PTEs of an mm change (mm/mmu_notifier.c). */
import type { Mm, Notifier } from "./mm.js";

/** Counts its invalidation calls. */
export class CountingNotifier implements Notifier {
  calls = 0;
  constructor(readonly mm: Mm) {}

  invalidate(): void {
    this.calls++;
  }

  /** The driver has no release method: it counts invalidations alone. */
  release(): void {}
}

/** mmu_notifier_register, mm/mmu_notifier.c. */
export function mmuNotifierRegister(mm: Mm): CountingNotifier {
  const notifier = new CountingNotifier(mm);
  mm.notifiers.push(notifier);
  return notifier;
}
