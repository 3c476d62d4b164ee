/** ELF core files: what they have of a range of addresses (fs/binfmt_elf.c). */

/** Bytes of a range: in segments, in the file, and in pages that are not all zeros there. */
export interface RangeInCore {
  readonly mapped: number;
  readonly dumped: number;
  readonly filled: number;
}

interface Segment {
  readonly offset: bigint;
  readonly address: bigint;
  readonly filed: bigint;
  readonly memory: bigint;
}

const loadSegment = 1;

/** The loadable segments, in the file's order. Of 64 and of 32 bits. */
export function segmentsOf(core: Uint8Array): Segment[] {
  const view = Buffer.from(core.buffer, core.byteOffset, core.byteLength);
  const wide = view[4] === 2;
  const word = (at: number): bigint => (wide ? view.readBigUInt64LE(at) : BigInt(view.readUInt32LE(at)));
  const headers = Number(word(wide ? 0x20 : 0x1c));
  const size = wide ? 56 : 32;
  const count = view.readUInt16LE(wide ? 0x38 : 0x2c);
  const found: Segment[] = [];
  for (let at = headers; at < headers + count * size; at += size) {
    if (view.readUInt32LE(at) !== loadSegment) continue;
    found.push(
      wide
        ? { offset: word(at + 8), address: word(at + 16), filed: word(at + 32), memory: word(at + 40) }
        : { offset: word(at + 4), address: word(at + 8), filed: word(at + 16), memory: word(at + 20) },
    );
  }
  return found;
}

/**
 * What a core file, of which the first `read` bytes are here, has of a range; undefined when that lies past them.
 * Bytes.
 */
export function rangeInCore(
  core: Uint8Array,
  address: bigint,
  length: bigint,
  pageSize: number,
  read: number,
): RangeInCore | undefined {
  let mapped = 0;
  let dumped = 0;
  let filled = 0;
  const end = address + length;
  const overlap = (from: bigint, to: bigint): number => {
    const bytes = (to < end ? to : end) - (from > address ? from : address);
    return bytes > 0n ? Number(bytes) : 0;
  };
  for (const segment of segmentsOf(core)) {
    const { offset, address: start, filed, memory } = segment;
    mapped += overlap(start, start + memory);
    const inFile = overlap(start, start + filed);
    dumped += inFile;
    for (let at = 0n; inFile > 0 && at < filed; at += BigInt(pageSize)) {
      const wanted = overlap(start + at, start + at + BigInt(pageSize));
      if (wanted === 0) continue;
      const from = Number(offset + at);
      // The file ends where its last page that is there ends: what lies behind is zeros, if all of it was read.
      if (from + pageSize > core.length && core.length >= read) return undefined;
      if (core.subarray(from, from + pageSize).some((byte) => byte !== 0)) filled += wanted;
    }
  }
  return { mapped, dumped, filled };
}
