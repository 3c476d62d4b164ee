/** Which integers a narrow parameter takes. */
import { compareIntegers, sumIntegers } from "../integers.js";
import { boundsText } from "./signature.js";
import type { Integer } from "../integers.js";
import type { ParamType } from "../operations/index.js";
import type { Argument } from "../test.js";

/** Why an argument is not inside of the bounds of its parameter; undefined where it is, or where only a run tells. */
export function outOfBounds(
  type: ParamType,
  argument: Argument | undefined,
  args: Readonly<Record<string, Argument>>,
): string | undefined {
  if (type.kind !== "bounded") return undefined;
  const value = known(argument);
  if (value === undefined)
    return "among" in type && argument !== undefined ? `is ${boundsText(type)}, written as a number` : undefined;
  if ("among" in type)
    return type.among.some((one) => one === value) ? undefined : `is ${boundsText(type)}, not ${value}`;
  if ("range" in type) {
    const [least, most] = type.range;
    return inside(value, least, most) ? undefined : `is ${boundsText(type)}, not ${value}`;
  }
  const bytes = known(args[type.bytesIn]);
  if (typeof bytes !== "number" || bytes < 1 || bytes > 4) return undefined;
  const [least, most] = [-(2 ** (8 * bytes - 1)), 2 ** (8 * bytes) - 1];
  return inside(value, least, most)
    ? undefined
    : `has to fit into ${bytes === 1 ? "one byte" : `${bytes} bytes`}, ${least} to ${most}, not ${value}`;
}

function inside(value: Integer, least: number, most: number): boolean {
  return compareIntegers(">=", value, least) && compareIntegers("<=", value, most);
}

/** An integer that no step has to give, and that is the same on every machine. */
function known(argument: Argument | undefined): Integer | undefined {
  switch (argument?.kind) {
    case "int":
      return argument.value;
    case "sum": {
      const left = known(argument.left);
      const right = known(argument.right);
      return left === undefined || right === undefined ? undefined : sumIntegers(argument.op, left, right);
    }
    default:
      return undefined;
  }
}
