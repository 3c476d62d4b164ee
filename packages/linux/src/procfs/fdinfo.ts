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

/** Undefined when the descriptor is not a dma-buf's. */
export function parseFdinfo(text: string): DmaBufFdinfo | undefined {
  const fields = fieldsOf(text);
  const exporter = fields.get("exp_name");
  if (exporter === undefined) return undefined;
  return {
    size: Number(fields.get("size")),
    count: Number(fields.get("count")),
    exporter,
    name: fields.get("name") ?? "",
  };
}
