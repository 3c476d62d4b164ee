/** The type of what a call gives, as the checker knows it. */
import { operation } from "../operations/index.js";
import type { OperationName } from "../operations/index.js";
import type { Argument } from "../test.js";
import type { Scene, Type } from "./scene.js";
import { flagWords } from "./words.js";

/** `dup`, `reopen` and `receive` give a descriptor of the kind that they were given. */
export function resultTypeOf(
  op: OperationName,
  args: Readonly<Record<string, Argument>> | undefined,
  scene: Scene,
): Type {
  const { result, params } = operation(op);
  switch (result.kind) {
    case "descriptor": {
      if (result.of !== "same") return { kind: "descriptor", of: result.of, madeBy: op };
      const param = Object.keys(params).find((p) => params[p].type.kind === "descriptor");
      const arg = param === undefined ? undefined : args?.[param];
      const bound = arg?.kind === "ref" ? scene.bindings.get(arg.name) : undefined;
      return bound?.type.kind === "descriptor" ? { kind: "descriptor", of: bound.type.of } : { kind: "descriptor" };
    }
    case "record":
      return { kind: "record", op, fields: result.fields };
    case "flags":
      return { kind: "flags", words: flagWords(op) };
    default:
      return result;
  }
}
