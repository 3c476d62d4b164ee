import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FrameEvent, FrameType } from "../src/frame.js";
import { encodeFrame, FrameDecoder, framePayloadLimit } from "../src/frame.js";

const types: FrameType[] = ["hello", "ready", "run", "result", "ping", "pong", "error"];
const frame = fc.record({
  type: fc.constantFrom(...types),
  seq: fc.integer({ min: 0, max: 0xffffffff }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

function inPieces(bytes: Uint8Array, sizes: number[]): FrameEvent[] {
  const decoder = new FrameDecoder();
  const events: FrameEvent[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const n = sizes.length ? Math.max(1, sizes[i % sizes.length]) : bytes.length;
    events.push(...decoder.push(bytes.subarray(at, at + n)));
    at += n;
  }
  for (let last = -1; decoder.buffered && decoder.buffered !== last; ) {
    last = decoder.buffered;
    events.push(...decoder.resync());
  }
  return events;
}

const framesOf = (events: FrameEvent[]) =>
  events.flatMap((e) =>
    e.kind === "frame" ? [{ type: e.frame.type, seq: e.frame.seq, payload: e.frame.payload }] : [],
  );
const skippedOf = (events: FrameEvent[]) => events.flatMap((e) => (e.kind === "skipped" ? [...e.bytes] : []));

describe("frames", () => {
  test("a known frame has known bytes", () => {
    expect(encodeFrame("ping", 7).toString("hex")).toBe("4c4d05000700000000000000abaa8cbf");
    expect(encodeFrame("run", 0x01020304, Uint8Array.of(9)).subarray(0, 12).toString("hex")).toBe(
      "4c4d03000403020101000000",
    );
  });

  test("any frames in any pieces come back as they were", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }),
        (frames, sizes) => {
          const bytes = Buffer.concat(frames.map((f) => encodeFrame(f.type, f.seq, f.payload)));
          const events = inPieces(bytes, sizes);
          expect(framesOf(events)).toEqual(frames);
          expect(skippedOf(events)).toEqual([]);
        },
      ),
    );
  });

  test("garbage between frames is reported, byte for byte, and costs no frame", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 60 }), frame), { maxLength: 5 }), (parts) => {
        const bytes = Buffer.concat(parts.flatMap(([noise, f]) => [noise, encodeFrame(f.type, f.seq, f.payload)]));
        const events = inPieces(bytes, [13]);
        expect(framesOf(events)).toEqual(parts.map(([, f]) => f));
        expect(skippedOf(events)).toEqual(parts.flatMap(([noise]) => [...noise]));
      }),
    );
  });

  test("one flipped bit loses that frame only, and is never taken for a frame", () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(), (frames, which, bit) => {
        const encoded = frames.map((f) => encodeFrame(f.type, f.seq, f.payload));
        const hit = which % encoded.length;
        const at = bit % (encoded[hit].length * 8);
        encoded[hit][at >> 3] ^= 1 << (at & 7);
        const found = framesOf(inPieces(Buffer.concat(encoded), [29]));
        expect(found).toEqual(frames.filter((_, i) => i !== hit));
      }),
      { numRuns: 300 },
    );
  });

  test("a truncated frame in front of whole ones", () => {
    const whole = encodeFrame("result", 2, Buffer.from("abc"));
    const cut = encodeFrame("result", 1, Buffer.alloc(100)).subarray(0, 40);
    const decoder = new FrameDecoder();
    expect(decoder.push(Buffer.concat([cut, whole]))).toEqual([]);
    const events = decoder.resync();
    expect(events.map((e) => e.kind)).toEqual(["skipped", "frame"]);
    expect(events[0]).toMatchObject({ reason: "incomplete" });
    expect(decoder.buffered).toBe(0);
  });

  test("a length beyond the limit is garbage at once, not a wait", () => {
    const bad = encodeFrame("run", 1);
    bad.writeUInt32LE(framePayloadLimit + 1, 8);
    const events = new FrameDecoder().push(Buffer.concat([bad, encodeFrame("ping", 2)]));
    expect(framesOf(events).map((f) => f.seq)).toEqual([2]);
  });

  test("too long a payload is refused where it is made", () => {
    expect(() => encodeFrame("run", 1, new Uint8Array(framePayloadLimit + 1))).toThrow(RangeError);
  });

  test("a damaged length that asks for more than comes is given up on when told", () => {
    const first = encodeFrame("pong", 1, Buffer.from("x"));
    first.writeUInt32LE(1 << 20, 8);
    const decoder = new FrameDecoder();
    expect(decoder.push(Buffer.concat([first, encodeFrame("pong", 9)]))).toEqual([]);
    expect(framesOf(decoder.resync())).toEqual([{ type: "pong", seq: 9, payload: new Uint8Array(0) }]);
  });
});
