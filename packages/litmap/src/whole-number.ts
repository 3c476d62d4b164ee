/** The one way in which an option is read as a number. */
import { badRequest } from "./exit-status.js";

/** A whole number above 0 given as an option, in decimal digits. */
export function wholeNumber(name: string, text: string, most = 1_000_000_000): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1) throw badRequest(`${name} wants a whole number above 0, not '${text}'`);
  if (value > most) throw badRequest(`${name} wants at most ${most}, not ${text}`);
  return value;
}
