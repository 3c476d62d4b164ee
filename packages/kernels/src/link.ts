/**
 * Questions and answers with an executor, over any stream. Every wait has a
 * limit; damage on the way is noticed, asked again once, and reported.
 */
import type { Duplex } from "node:stream";
import type { Frame, FrameType } from "@litmap/linux";
import { FrameDecoder, encodeFrame } from "@litmap/linux";

export type Answer =
  | { readonly kind: "answer"; readonly payload: Uint8Array }
  /** The executor got it and could not serve it. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Nothing within the limit. */
  | { readonly kind: "silent" }
  /** What came was damaged, twice. */
  | { readonly kind: "damaged"; readonly reason: string }
  /** The other end is gone. */
  | { readonly kind: "closed" };

export interface AskOptions {
  /** Milliseconds until `silent`. */
  readonly timeoutMs: number;
  /** Ask again after so many milliseconds without an answer: for a line that drops bytes without a reader. */
  readonly againMs?: number;
}

/** An incomplete frame that has not grown for so long, in milliseconds, is given up. */
const stallMs = 2000;
/** After damage, the true answer may still be on its way for so long, in milliseconds. */
const graceMs = 500;

interface Waiter {
  readonly answers: FrameType;
  readonly numbers: Set<number>;
  readonly settle: (answer: Answer | "damage", detail?: string) => void;
}

export class Link {
  private readonly stream: Duplex;
  private readonly decoder = new FrameDecoder();
  private sequence = 0;
  private waiter: Waiter | undefined;
  private isClosed = false;
  private stall: NodeJS.Timeout | undefined;
  private closeListeners: (() => void)[] = [];

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("data", (chunk: Buffer) => this.take(chunk));
    stream.on("error", () => this.close());
    stream.on("end", () => this.close());
    stream.on("close", () => this.close());
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Sends without expecting an answer. */
  send(type: FrameType, payload?: Uint8Array): number {
    this.sequence = (this.sequence + 1) >>> 0;
    if (!this.isClosed) this.stream.write(encodeFrame(type, this.sequence, payload));
    return this.sequence;
  }

  /** Greets the executor and gives what it says of itself (the payload of its `ready`). */
  hello(options: AskOptions): Promise<Answer> {
    return this.ask("hello", "ready", new Uint8Array(0), options);
  }

  /** Has a Program run. One question at a time. */
  run(program: Uint8Array, options: AskOptions): Promise<Answer> {
    return this.ask("run", "result", program, options);
  }

  /** Sends bytes there and back. */
  ping(payload: Uint8Array, options: AskOptions): Promise<Answer> {
    return this.ask("ping", "pong", payload, options);
  }

  private async ask(type: FrameType, answers: FrameType, payload: Uint8Array, options: AskOptions): Promise<Answer> {
    if (this.waiter) throw new Error("a question is already under way on this link");
    const end = performance.now() + options.timeoutMs;
    const numbers = new Set<number>();
    let damage: string | undefined;
    for (let damaged = 0; ; ) {
      if (this.isClosed) return { kind: "closed" };
      numbers.add(this.send(type, payload));
      const left = end - performance.now();
      const wait = options.againMs === undefined ? left : Math.min(left, options.againMs);
      const first = await this.wait(answers, numbers, wait);
      if (first.answer !== "damage") {
        if (first.answer.kind === "silent" && performance.now() < end - 1) continue;
        return first.answer;
      }
      damage = first.detail;
      const second = await this.wait(answers, numbers, Math.min(graceMs, end - performance.now()));
      if (second.answer !== "damage" && second.answer.kind !== "silent") return second.answer;
      damaged += 1;
      if (damaged === 2) return { kind: "damaged", reason: damage ?? "a damaged frame" };
    }
  }

  private wait(
    answers: FrameType,
    numbers: Set<number>,
    ms: number,
  ): Promise<{ answer: Answer | "damage"; detail?: string }> {
    return new Promise((resolve) => {
      // After a while in which this process did other things, the answer may have come and not been read yet.
      const late = (): void => void setImmediate(() => this.waiter === waiter && waiter.settle({ kind: "silent" }));
      const timer = setTimeout(late, Math.max(0, ms));
      const waiter: Waiter = {
        answers,
        numbers,
        settle: (answer, detail) => {
          clearTimeout(timer);
          this.waiter = undefined;
          resolve({ answer, detail });
        },
      };
      this.waiter = waiter;
      if (this.isClosed) waiter.settle({ kind: "closed" });
    });
  }

  private take(chunk: Buffer): void {
    clearTimeout(this.stall);
    this.serve(this.decoder.push(chunk));
    if (this.decoder.buffered > 0) {
      this.stall = setTimeout(() => this.serve(this.decoder.resync()), stallMs);
      this.stall.unref();
    }
  }

  private serve(events: ReturnType<FrameDecoder["push"]>): void {
    for (const event of events) {
      if (event.kind === "frame") {
        this.frame(event.frame);
      } else if (event.reason !== "no-frame") {
        const what = event.reason === "checksum" ? "a frame with a wrong checksum" : "a frame that was cut off";
        this.waiter?.settle("damage", `${what} (${event.bytes.length} bytes)`);
      }
    }
  }

  private frame(frame: Frame): void {
    const waiter = this.waiter;
    if (waiter && frame.type === waiter.answers && (waiter.numbers.has(frame.seq) || unasked(frame))) {
      waiter.settle({ kind: "answer", payload: frame.payload });
    } else if (waiter && frame.type === "error") {
      const reason = Buffer.from(frame.payload).toString("utf8");
      // A damaged frame's own number cannot be trusted.
      if (waiter.numbers.has(frame.seq) && reason !== "checksum") waiter.settle({ kind: "refused", reason });
      else waiter.settle("damage", `the executor could not read a frame: ${reason}`);
    }
  }

  /** Calls back once when the other end goes. */
  onClose(listener: () => void): void {
    if (this.isClosed) listener();
    else this.closeListeners.push(listener);
  }

  private close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.stall);
    this.waiter?.settle({ kind: "closed" });
    for (const listener of this.closeListeners) listener();
  }
}

/** An executor that is a guest's init announces itself with the number 0 before the first request. */
function unasked(frame: Frame): boolean {
  return frame.type === "ready" && frame.seq === 0;
}
