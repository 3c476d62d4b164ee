/** /proc/PID/pagemap: one 64-bit entry a page. Frame numbers are 0 without CAP_SYS_ADMIN. */

export interface PagemapEntry {
  readonly present: boolean;
  readonly swap: boolean;
  /** A file page or shared anonymous memory. */
  readonly file: boolean;
  /** Mapped exactly once. */
  readonly exclusive: boolean;
  readonly softDirty: boolean;
  /** Frame number; 0 when not present or not told. */
  readonly pfn: number;
}

/** Bits of an entry that hold the frame number. */
export const pfnMask = (1n << 55n) - 1n;

export function parsePagemapEntry(entry: bigint): PagemapEntry {
  const bits = BigInt.asUintN(64, entry);
  const bit = (n: bigint): boolean => ((bits >> n) & 1n) === 1n;
  const present = bit(63n);
  return {
    present,
    swap: bit(62n),
    file: bit(61n),
    exclusive: bit(56n),
    softDirty: bit(55n),
    pfn: present ? Number(bits & pfnMask) : 0,
  };
}
