/**
 * A kernel path that never comes back. Not a bug of the model: a kernel that retries for
 * ever does hang, and the outcome's status is `hang` with this reason.
 */
import type { Rule } from "../rules/rule.js";

export class Hang extends Error {
  constructor(
    /** What it retries, e.g. `pin_user_pages(FOLL_LONGTERM) of frame 33024`. */
    readonly reason: string,
    readonly rule: Rule,
  ) {
    super(reason);
    this.name = "Hang";
  }
}
