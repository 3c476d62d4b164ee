/** Words that mean something by themselves: errnos, signals, invariants, flag words, keywords. */
import { driverDevices, wordsOf } from "../catalogue.js";
import { errnos, signals } from "../errno.js";
import { seals } from "../operations/memory.js";
import type { OperationName } from "../operations/index.js";

const split = (text: string): string[] => text.trim().split(/\s+/);

/** Errno names of Linux, as claims write them. */
export const errnoNames: ReadonlySet<string> = new Set(Object.keys(errnos));

/** Signals that an access can die of. */
export const signalNames: ReadonlySet<string> = new Set(Object.keys(signals));

/** Whether a value says that its step failed: an errno or a signal, also one without a name (`errno 999`). */
export function isFailure(word: string): boolean {
  return errnoNames.has(word) || signalNames.has(word) || /^(errno|signal) \d+$/.test(word);
}

/** What the explorer watches on every schedule, for `never` and `sometimes`. */
export const invariants = {
  "use-after-free": "freed memory was accessed",
  "double-free": "an object was freed or put twice",
  "deadlock": "actors wait for each other for ever",
  "leak": "memory or references are left at the end without an owner",
  "lock-order": "two locks were taken in both orders",
  "kernel-bug": "a BUG_ON, a WARN, or a counter below zero",
} as const;

export type Invariant = keyof typeof invariants;

/** Devices that a driver can act for. */
export const devices = wordsOf(driverDevices);

/** Flag words of /proc/PID/smaps' VmFlags line; `sd` is left out of outcomes. */
const vmFlags: readonly string[] = split(
  "rd wr ex sh mr mw me ms gd pf lo io sr rr dc de ac nr ht sf nl ar wf sy dd mm hg nh mg bt mt um uw ui ss sl dp " +
    "gu dw lf",
);

/** What `cache_mode` can say; the test module has the same order. */
export const cacheModes = ["unmapped", "cached", "write_through", "write_combining", "uncached", "device"] as const;

/** The words that a result of type flags, or such a field of a record, can hold; undefined when not listed. */
export function flagWords(op: OperationName, field?: string): readonly string[] | undefined {
  if (op === "smaps" && field === "VmFlags") return vmFlags;
  if (op === "poll") return ["in", "out", "pri", "err", "hup", "nval"];
  if (op === "get_seals") return Object.keys(seals);
  if (op === "cache_mode") return cacheModes;
  if (op === "gem_place") return ["vram", "system", "swapped", "nowhere"];
  return undefined;
}

/** Words that begin a statement. */
export const statementWords = [
  "process",
  "fork",
  "thread",
  "driver",
  "parallel",
  "expect",
  "always",
  "never",
  "sometimes",
  "on",
  "with",
] as const;

/** What no result and no actor may be called. */
export const reserved: ReadonlySet<string> = new Set([
  ...statementWords,
  "test",
  "kernel",
  "faults",
  "of",
  "and",
  "or",
  "not",
  "in",
  "ok",
  "none",
  "not_reached",
  "anon",
  "linux",
  "arch",
]);

/** Architectures that outcomes know. */
export const arches: readonly string[] = ["x86_64", "arm64", "arm64-16k", "arm", "arm-lpae"];
