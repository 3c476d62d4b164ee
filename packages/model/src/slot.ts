/**
 * State that one file of the model keeps on each kernel: a driver's devices, lists and pools. The kernel knows none of
 * it.
 */
import type { Kernel } from "./kernel.js";

/** `const devices = slot(() => new Set<Device>())`, then `devices(k)`: made for a kernel when it is first asked for. */
export function slot<T>(make: (k: Kernel) => T): (k: Kernel) => T {
  const key = {};
  return (k) => {
    if (!k.slots.has(key)) k.slots.set(key, make(k));
    return k.slots.get(key) as T;
  };
}
