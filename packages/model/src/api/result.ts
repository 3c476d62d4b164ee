/**
 * What a call of the library gives: its result, or a {@link Failure}. Nothing throws for what
 * the kernel refuses; exceptions are for a kernel that stops (`KernelBug`), one that never
 * comes back (`KernelHang`), and for wrong use of the library.
 */
import { errnoName, errnos } from "@litmap/litmus";
import type { Errno, Signal } from "@litmap/litmus";
import { newestRelease } from "../design/release.js";
import { kernelOf } from "../rules/rule.js";
import type { Rule } from "../rules/rule.js";

/** A call that the kernel refused, or an access that died of a signal. */
export class Failure {
  constructor(
    /** `EFAULT`, `SIGBUS`, ... */
    readonly name: Errno | Signal | string,
    /** The rule that decided it, when there is one. */
    readonly rule: Rule | undefined,
    /** `major.minor` of the kernel, whose function the text names. */
    private readonly release: string = newestRelease,
  ) {}

  /** The errno's number, as a system call returns it negated; 0 for a signal. */
  get errno(): number {
    return (errnos as Readonly<Record<string, number>>)[this.name] ?? 0;
  }

  toString(): string {
    const { name, rule, release } = this;
    return rule === undefined ? name : `${name}: ${rule.sentence} (${kernelOf(rule, release)})`;
  }
}

export type Result<T> = T | Failure;

/** Whether a call failed: `if (failed(r)) return r;`. */
export function failed(result: unknown): result is Failure {
  return result instanceof Failure;
}

/** The result of a call that cannot fail here; throws with the reason when it did. For examples and tests. */
export function must<T>(result: Result<T>): T {
  if (failed(result)) throw new Error(String(result));
  return result;
}

/** A failure from what a handler gave: negative errnos and signals. */
export function failureOf(result: unknown, rule: Rule | undefined, release: string): Failure | undefined {
  if (typeof result === "number") return result < 0 ? new Failure(errnoName(-result), rule, release) : undefined;
  if (typeof result === "object" && result !== null && "signal" in result)
    return new Failure(String(result.signal), rule, release);
  return undefined;
}
