/**
 * What came out: the second of the two data types that everything meets in.
 * A machine makes an {@link Outcome}; judging it against a test's claims or
 * against another machine's outcome makes a {@link Verdict}.
 */

/**
 * A bound value: an integer (decimal digits where it is beyond ±(2^53 - 1)); `ok`, an errno or a signal name, or a
 * word; the flag words of a set, sorted; or the line of the step whose failure kept this one from running.
 */
export type Value = number | string | readonly string[] | { readonly not_reached: number };

export type Values = Readonly<Record<string, Value>>;

/** What programs are compiled for. */
export type Isa = "x86_64" | "arm64" | "arm";

/**
 * What tests and the model tell apart: an instruction set with its pages and page tables. `arm64-16k`
 * has pages of 16 KiB, `arm-lpae` page-table entries of 64 bits.
 */
export type Arch = Isa | "arm64-16k" | "arm-lpae";

export const isaOf = (arch: Arch): Isa => (arch === "arm64-16k" ? "arm64" : arch === "arm-lpae" ? "arm" : arch);

/** Bytes of a page: what `1p` stands for. */
export const pageBytesOf = (arch: Arch): number => (arch === "arm64-16k" ? 16384 : 4096);

export type Machine =
  | {
      readonly kind: "model";
      /** As it was asked for: `6.12`, or an update of it, `6.12.118`. */
      readonly release: string;
      readonly arch: Arch;
      /** Choices that differ from the release's own, by decision point. */
      readonly designs: Readonly<Record<string, string>>;
      /** What the configuration of the real kernel beside it chose otherwise. */
      readonly configured?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "vm" | "host" | "ssh";
      /** Its version, `6.12.118`; the model beside it is that of this version. */
      readonly release: string;
      readonly arch: Arch;
      /** The kernel's name in the store, `host`, or the ssh target. */
      readonly name: string;
      /** `uname -rv`. */
      readonly uname: string;
      /** `tcg`, `kvm`; absent when no emulator is used. */
      readonly accel?: string;
    };

export interface Outcome {
  /** `incomplete`: a search or a budget ended before everything had run. `broken`: a fault of litmap's own. */
  readonly status: "ok" | "unsupported" | "hang" | "oops" | "incomplete" | "broken";
  /** Why it is unsupported, what it hung in, the first line of the oops. */
  readonly reason?: string;
  /** The console's lines that belong to a hang or an oops. */
  readonly log?: string;
  /** By bound name, observer key and field, in the order in which they were bound. */
  readonly values: Values;
  /** A concurrent test: every distinct set of values, and how often each was seen (model: schedules). */
  readonly histogram?: readonly { readonly values: Values; readonly count: number }[];
  /** By outcome of the histogram: the easiest schedule that leads to it. Model only. */
  readonly schedules?: readonly string[];
  /** Invariants that some schedule broke, with the shortest schedule that does. Model only. */
  readonly violations?: readonly Violation[];
  /** Rules that decided, in the order in which they did, without repeats. Model only. */
  readonly rules?: readonly string[];
  readonly counters?: Readonly<Record<string, number>>;
  readonly ms: number;
}

export interface Violation {
  readonly invariant: string;
  /** Replays with `litmap explain TEST --schedule STRING`; empty for a test that has one order. */
  readonly schedule: string;
  readonly story: readonly string[];
}

export type Status =
  | "ok"
  | "surprise"
  | "disagree"
  | "unsupported"
  | "hang"
  | "oops"
  | "incomplete"
  | "broken"
  | "invalid";

export interface ClaimResult {
  readonly text: string;
  readonly holds: boolean;
  readonly line: number;
  /** Of a concurrent test: the outcome of the histogram that breaks the claim. */
  readonly brokenBy?: number;
}
