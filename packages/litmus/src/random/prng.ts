/** Pseudo-random numbers that are the same everywhere for the same seed (mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring programs.
    this.state = Math.imul((seed | 0) ^ 0x9e3779b9, 0x85ebca6b) | 0;
  }

  /** 0 up to, not including, 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** 0 up to, not including, `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** By weight; those with weight 0 never. */
  weighted<T>(from: readonly (readonly [T, number])[]): T {
    let total = 0;
    for (const [, weight] of from) total += weight;
    let at = this.next() * total;
    for (const [value, weight] of from) {
      at -= weight;
      if (at < 0) return value;
    }
    return from[from.length - 1][0];
  }
}
