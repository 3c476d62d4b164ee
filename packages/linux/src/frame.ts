/**
 * Frames: how messages travel between this side and an executor, over a
 * virtio port, a serial line or a pipe. Little endian:
 *
 *     0  u16  magic 'LM'          8   u32  payload length
 *     2  u8   type                12  u32  CRC-32 of bytes 0..11 and the payload
 *     3  u8   flags (0)           16       payload
 *     4  u32  sequence number
 *
 * A serial line can carry a kernel's own messages too, so the decoder finds its
 * way back after anything that is not a frame, and says what it skipped.
 */
import { crc32 } from "node:zlib";

/** First two bytes of every frame, 'L' 'M', as a little-endian u16. */
export const frameMagic = 0x4d4c;
/** Bytes before the payload. */
export const frameHeaderBytes = 16;
/** The longest payload, in bytes, that either side accepts. A longer length is taken for garbage. */
export const framePayloadLimit = 16 << 20;

const typeNumbers = {
  /** host → executor: greets; answered by `ready`. */
  hello: 1,
  /** executor → host: it is up; payload: {@link Ready}. */
  ready: 2,
  /** host → executor: a Program. */
  run: 3,
  /** executor → host: what the Program with the same sequence number gave. */
  result: 4,
  ping: 5,
  pong: 6,
  /** executor → host: the frame with the same sequence number could not be served; payload: UTF-8 reason. */
  error: 7,
} as const;

export type FrameType = keyof typeof typeNumbers;

const typeNames = new Map<number, FrameType>(
  (Object.entries(typeNumbers) as [FrameType, number][]).map(([name, number]) => [number, name]),
);

export interface Frame {
  readonly type: FrameType;
  /** Reserved; 0. */
  readonly flags: number;
  /** An answer carries the number of its question. 0..2^32-1. */
  readonly seq: number;
  readonly payload: Uint8Array;
}

/** What a decoder gives: frames, and stretches of bytes that belong to none. */
export type FrameEvent =
  | { readonly kind: "frame"; readonly frame: Frame }
  | {
      readonly kind: "skipped";
      /** The bytes themselves: often a kernel's message or a truncated frame. */
      readonly bytes: Uint8Array;
      readonly reason: SkipReason;
    };

/**
 * `no-frame`: bytes before a frame; `checksum`: something like a frame, damaged; `incomplete`: given up on or cut off.
 */
export type SkipReason = "no-frame" | "checksum" | "incomplete";

/**
 * One frame as bytes.
 * @throws RangeError when the payload is longer than {@link framePayloadLimit}.
 */
export function encodeFrame(type: FrameType, seq: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  if (payload.length > framePayloadLimit) {
    throw new RangeError(`a frame carries at most ${framePayloadLimit} bytes, not ${payload.length}`);
  }
  const out = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  out.writeUInt16LE(frameMagic, 0);
  out.writeUInt8(typeNumbers[type], 2);
  out.writeUInt8(0, 3);
  out.writeUInt32LE(seq >>> 0, 4);
  out.writeUInt32LE(payload.length, 8);
  out.set(payload, frameHeaderBytes);
  out.writeUInt32LE(crc32(payload, crc32(out.subarray(0, 12))), 12);
  return out;
}

/**
 * Takes bytes as they come and gives frames. Keeps at most one frame's worth of
 * bytes; never throws on any input.
 */
export class FrameDecoder {
  private pending: Buffer = Buffer.alloc(0);
  /** Chunks that arrived while a long frame is still incomplete; joined once. */
  private chunks: Buffer[] = [];
  private arrived = 0;
  private needed = frameHeaderBytes;

  /** Bytes held that are not yet a whole frame. */
  get buffered(): number {
    return this.pending.length + this.arrived;
  }

  /** Frames and skipped stretches that these bytes complete, in order. */
  push(chunk: Uint8Array): FrameEvent[] {
    this.chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.arrived += chunk.byteLength;
    if (this.buffered < this.needed) return [];
    return this.scan(false);
  }

  /**
   * Gives up waiting for the rest of an incomplete frame: what looked like its
   * header is reported as skipped, and whole frames behind it are found. For a
   * caller whose wait has run out, since a damaged length may ask for
   * megabytes that never come.
   */
  resync(): FrameEvent[] {
    return this.buffered === 0 ? [] : this.scan(true);
  }

  private scan(abandon: boolean): FrameEvent[] {
    const bytes = Buffer.concat([this.pending, ...this.chunks]);
    this.chunks = [];
    this.arrived = 0;
    const events: FrameEvent[] = [];
    let start = 0;
    let at = 0;
    let reason: SkipReason = "no-frame";
    const skipTo = (end: number): void => {
      // Copies: the caller may reuse the chunk that the bytes came in.
      if (end > start) events.push({ kind: "skipped", bytes: Uint8Array.from(bytes.subarray(start, end)), reason });
      start = end;
      reason = "no-frame";
    };
    this.needed = frameHeaderBytes;
    for (;;) {
      const found = findHeader(bytes, at);
      const end = found + frameHeaderBytes + (found + 12 <= bytes.length ? bytes.readUInt32LE(found + 8) : 0);
      if (end > bytes.length) {
        if (abandon && found < bytes.length) {
          reason = "incomplete";
          at = found + 1;
          continue;
        }
        skipTo(found);
        this.needed = end - found;
        break;
      }
      const payload = bytes.subarray(found + frameHeaderBytes, end);
      if (crc32(payload, crc32(bytes.subarray(found, found + 12))) !== bytes.readUInt32LE(found + 12)) {
        reason = "checksum";
        at = found + 1;
        continue;
      }
      skipTo(found);
      events.push({
        kind: "frame",
        frame: {
          type: typeNames.get(bytes[found + 2])!,
          flags: bytes[found + 3],
          seq: bytes.readUInt32LE(found + 4),
          payload: Uint8Array.from(payload),
        },
      });
      start = at = end;
    }
    this.pending = Buffer.from(bytes.subarray(start));
    return events;
  }
}

/** First place at or after `at` where a frame may start; parts that have not arrived get the benefit of the doubt. */
function findHeader(bytes: Buffer, at: number): number {
  for (let i = at; i < bytes.length; i++) {
    i = bytes.indexOf(0x4c, i);
    if (i < 0) return bytes.length;
    const left = bytes.length - i;
    if (left > 1 && bytes[i + 1] !== 0x4d) continue;
    if (left > 2 && !typeNames.has(bytes[i + 2])) continue;
    if (left > 3 && bytes[i + 3] !== 0) continue;
    if (left >= 12 && bytes.readUInt32LE(i + 8) > framePayloadLimit) continue;
    return i;
  }
  return bytes.length;
}
