/** The .config that a kernel was built with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "./fault.js";
import type { Kernel } from "./store.js";

/** The options of a .config that are set, by name without `CONFIG_`. */
export function parseConfig(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^CONFIG_(\w+)=(.*)$/gm)].map(([, option, value]) => [option, value]));
}

/**
 * The options that a kernel of the store was built with, built in or as modules; undefined where its .config is not
 * known.
 */
export function optionsOf(kernel: Kernel): ReadonlySet<string> | undefined {
  try {
    const options = parseConfig(readFileSync(join(kernel.folder, "config"), "utf8"));
    return options.size === 0
      ? undefined
      : new Set([...options].filter(([, value]) => value === "y" || value === "m").map(([name]) => name));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
