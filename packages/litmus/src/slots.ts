/**
 * Where mappings without an `at` go. Every such mmap of a test has a slot of its own, so that
 * the addresses are known before anything runs and are the same on the model and on a kernel:
 * VMAs that touch, page tables that are shared and holes are then the same as well.
 */
import { callsOf } from "./steps.js";
import type { Argument, CallStep, Test } from "./test.js";
import type { Isa } from "./outcome.js";

/** Where the first slot begins, bytes: of the model and of kernels alike. */
export const slotBase: Readonly<Record<Isa, number>> = {
  x86_64: 0x1_0000_0000,
  arm64: 0x1_0000_0000,
  arm: 0x4000_0000,
};

/** Slots begin at multiples of this, and there is at least as much room after each. Bytes. */
export const slotAlign = 2 * 1024 * 1024;

/** Longer mappings than this (they cannot succeed) take no more room than the smallest one. Bytes. */
const longest = 2 ** 40;

/**
 * The hint of each mmap without `at`, in the order of the text, from `base` upwards, on a machine with pages of so many
 * bytes.
 */
export function mmapHints(test: Test, base: number, pageBytes: number): ReadonlyMap<CallStep, number> {
  const hints = new Map<CallStep, number>();
  let next = base;
  for (const call of callsOf(test.steps)) {
    if (call.op !== "mmap" || !isNone(call.args.at)) continue;
    hints.set(call, next);
    const length = literal(call.args.length, pageBytes);
    const room = Math.ceil((length > 0 && length <= longest ? length : 1) / slotAlign) * slotAlign;
    next += room + slotAlign;
  }
  return hints;
}

function isNone(argument: Argument | undefined): boolean {
  return argument === undefined || (argument.kind === "words" && argument.words.length === 0);
}

/** The number that an argument is known to be without running anything; 0 when it is not. */
function literal(argument: Argument | undefined, pageBytes: number): number {
  switch (argument?.kind) {
    case "int":
      return Number(argument.value);
    case "pages":
      return argument.count * pageBytes;
    case "sum":
      return literal(argument.left, pageBytes) + (argument.op === "+" ? 1 : -1) * literal(argument.right, pageBytes);
    default:
      return 0;
  }
}
