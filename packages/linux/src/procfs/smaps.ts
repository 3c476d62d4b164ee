/** /proc/PID/smaps: what each mapping costs. */
import { fieldsOf, quantity } from "./fields.js";
import type { Mapping } from "./maps.js";
import { parseMapsLine } from "./maps.js";

export interface SmapsEntry {
  /** Absent when only the fields were kept. */
  readonly mapping?: Mapping;
  /** Every line with a number, in bytes; `THPeligible` and `ProtectionKey` as they are. */
  readonly fields: Readonly<Record<string, number>>;
  /** Two-letter words, in the kernel's order. */
  readonly vmFlags: readonly string[];
}

/** The lines of one entry, with or without its first. */
export function parseSmapsEntry(text: string): SmapsEntry {
  const lines = text.split("\n");
  const mapping = parseMapsLine(lines[0]);
  const fields: Record<string, number> = {};
  let vmFlags: string[] = [];
  for (const [name, value] of fieldsOf(lines.slice(mapping ? 1 : 0).join("\n"))) {
    if (name === "VmFlags") vmFlags = value.split(/\s+/).filter((word) => word !== "");
    const number = quantity(value);
    if (number !== undefined) fields[name] = number;
  }
  return { mapping, fields, vmFlags };
}

/** The whole file. */
export function parseSmaps(text: string): SmapsEntry[] {
  const blocks: string[][] = [];
  for (const line of text.split("\n")) {
    if (parseMapsLine(line)) blocks.push([line]);
    else blocks.at(-1)?.push(line);
  }
  return blocks.map((block) => parseSmapsEntry(block.join("\n")));
}
