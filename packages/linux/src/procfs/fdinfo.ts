/** /proc/PID/fdinfo/FD of a dma-buf. */
import { fieldsOf } from "./fields.js";

export interface DmaBufFdinfo {
  /** Bytes. */
  readonly size: number;
  /** References of the file, less one. */
  readonly count: number;
  readonly exporter: string;
  /** Empty when no name was set. */
  readonly name: string;
}

/** Comes after everything else that the kernel prints for a dma-buf. */
const nameLine = "\nname:\t";

/**
 * The whole text; undefined when the descriptor is not a dma-buf's. The name is printed as it is, newlines
 * and spaces included, and it is last.
 */
export function parseFdinfo(text: string): DmaBufFdinfo | undefined {
  const at = text.indexOf("\nexp_name:");
  if (at < 0) return undefined;
  const name = text.indexOf(nameLine, at + 1);
  const fields = fieldsOf(name < 0 ? text : text.slice(0, name));
  return {
    size: Number(fields.get("size")),
    count: Number(fields.get("count")),
    exporter: fields.get("exp_name")!,
    name: name < 0 ? "" : text.slice(name + nameLine.length).replace(/\n$/, ""),
  };
}
