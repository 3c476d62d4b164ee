/**
 * What can go wrong outside our own code, as values. Inside this package a
 * {@link Fault} travels as an exception; every function that a user's request
 * reaches gives a {@link Result} instead.
 */

export type FaultCode =
  /** The request itself: an unknown kernel, a bad name, a missing file. */
  | "request"
  /** A program that is needed is not installed (apt, QEMU, xz, dpkg-deb). */
  | "missing-program"
  /** The machine's apt has no Debian mirror, or the mirror lacks what was asked for. */
  | "mirror"
  /** A kernel could not be compiled. */
  | "build"
  /** The cache folder's file system is full. */
  | "disk-full"
  /** Another process holds the store. */
  | "locked"
  /** The kernel did not come up, or the executor did not answer. */
  | "boot"
  /** Reading or writing failed for another reason. */
  | "io";

/** One line that says what happened, one that says what to do. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly hint: string;
  /** Lines of a console or of a program's output that belong to it; may be empty. */
  readonly log: string;

  constructor(code: FaultCode, message: string, hint = "", log = "") {
    super(message);
    this.name = "Fault";
    this.code = code;
    this.hint = hint;
    this.log = log;
  }
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

/** Runs `work` and gives its Fault as a value. Anything else it throws is a bug and stays an exception. */
export async function settle<T>(work: () => Promise<T> | T): Promise<Result<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, fault: error };
    throw error;
  }
}

/** The errno word of a system call's error (`ENOSPC`); undefined for all other errors. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** An error of the file system, or of a program that wrote to it, as a Fault about `folder`. */
export function diskFault(error: unknown, folder: string): Fault {
  if (error instanceof Fault) return error;
  const text = error instanceof Error ? error.message : String(error);
  const errno = errnoOf(error);
  if (errno === "ENOSPC" || errno === "EDQUOT" || /No space left on device|Disk quota exceeded/.test(text)) {
    return new Fault(
      "disk-full",
      `the cache folder ${folder} is full; nothing was added`,
      "free some space, remove a kernel with `litmap kernel rm`, or set LITMAP_CACHE to another folder",
    );
  }
  if (errno === "EACCES" || errno === "EROFS" || errno === "EPERM") {
    return new Fault(
      "io",
      `cannot write to the cache folder ${folder}: ${errno}`,
      "set LITMAP_CACHE to a folder of yours",
    );
  }
  return new Fault("io", `cannot use the cache folder ${folder}: ${text}`);
}
