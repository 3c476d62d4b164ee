/** How the command ends, and the two ways of ending early that are not results. */

export const exitStatus = {
  asExpected: 0,
  /** A claim does not hold, or model and kernel disagree. */
  surprises: 1,
  /** The request was wrong: a bad file, an unknown name, a bad option. */
  badRequest: 2,
  /** The machine was: no QEMU, a kernel that did not boot, a full disk. */
  badMachine: 3,
  /** Ended by Ctrl-C, as a shell reports it. */
  interrupted: 130,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const;

/** Ends the command with its message on stderr: one line that says what happened, one that says what to do. */
export class Ending extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint = "",
  ) {
    super(message);
  }
}

export function badRequest(message: string, hint = ""): Ending {
  return new Ending(exitStatus.badRequest, message, hint);
}

export function badMachine(message: string, hint = ""): Ending {
  return new Ending(exitStatus.badMachine, message, hint);
}
