/** /proc/PID/maps, and the first line of each entry of smaps. */

import { integer } from "@litmap/litmus";
import type { Integer } from "@litmap/litmus";

export interface Mapping {
  /** First address, and the one behind the last. */
  readonly start: number;
  readonly end: number;
  /** e.g. `rw-s`. */
  readonly perms: string;
  /** Bytes into the file. */
  readonly offset: Integer;
  /** Of the file's device, `major:minor` in hex. */
  readonly device: string;
  readonly inode: number;
  /** The last column; empty for anonymous memory. */
  readonly path: string;
}

/** A path has its newlines as `\\012` (seq_path); any other byte is there as it is, a carriage return too. */
const form = /^([0-9a-f]+)-([0-9a-f]+) ([-r][-w][-x][-sp]) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/s;

/** One line; undefined when it is not of that form. */
export function parseMapsLine(line: string): Mapping | undefined {
  const found = form.exec(line);
  if (found === null) return undefined;
  const [, start, end, perms, offset, device, inode, path] = found;
  return {
    start: Number.parseInt(start, 16),
    end: Number.parseInt(end, 16),
    perms,
    offset: integer(BigInt(`0x${offset}`)),
    device,
    inode: Number(inode),
    path,
  };
}

/** The whole file. Lines of another form are passed over. */
export function parseMaps(text: string): Mapping[] {
  return text.split("\n").flatMap((line) => parseMapsLine(line) ?? []);
}
