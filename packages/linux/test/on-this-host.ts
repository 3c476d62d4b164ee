/** Runs an executor as a plain process on this machine's kernel, for the tests of this package. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildExecutor } from "../src/executor.js";
import type { Frame, FrameType } from "../src/frame.js";
import { encodeFrame, FrameDecoder } from "../src/frame.js";
import type { ProgramBuilder, ProgramOptions, ProgramResult } from "../src/program.js";
import { decodeResult } from "../src/program.js";
import type { Ready } from "../src/ready.js";
import { parseReady } from "../src/ready.js";

export const executorSources = fileURLToPath(new URL("../../../executor", import.meta.url));
export const executorPath: string | Error = await buildExecutor(executorSources).catch((error: Error) => error);
/** Why tests with an executor are skipped, or nothing. */
export const skipReason =
  executorPath instanceof Error ? executorPath.message : process.platform !== "linux" ? "not Linux" : "";

export class HostExecutor {
  readonly child: ChildProcess;
  private readonly decoder = new FrameDecoder();
  private readonly frames: Frame[] = [];
  readonly skipped: Uint8Array[] = [];
  private wake: () => void = () => {};
  private seq = 0;
  ready!: Ready;

  constructor() {
    if (executorPath instanceof Error) throw executorPath;
    this.child = spawn(executorPath, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout!.on("data", (chunk: Buffer) => {
      for (const event of this.decoder.push(chunk)) {
        if (event.kind === "frame") this.frames.push(event.frame);
        else this.skipped.push(event.bytes);
      }
      this.wake();
    });
    this.child.on("exit", () => this.wake());
  }

  static async start(): Promise<HostExecutor> {
    const host = new HostExecutor();
    host.ready = parseReady((await host.ask("hello")).payload);
    return host;
  }

  write(bytes: Uint8Array): void {
    this.child.stdin!.write(bytes);
  }

  async next(ms = 30_000): Promise<Frame> {
    const deadline = Date.now() + ms;
    for (;;) {
      const frame = this.frames.shift();
      if (frame) return frame;
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error("the executor is gone");
      if (Date.now() > deadline) throw new Error("no answer");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async ask(type: FrameType, payload?: Uint8Array): Promise<Frame> {
    this.write(encodeFrame(type, ++this.seq, payload));
    for (;;) {
      const frame = await this.next();
      if (frame.seq === this.seq) return frame;
    }
  }

  async run(program: ProgramBuilder, options: ProgramOptions = {}): Promise<ProgramResult> {
    const frame = await this.ask("run", program.encode(options));
    if (frame.type !== "result") throw new Error(`${frame.type}: ${Buffer.from(frame.payload).toString()}`);
    return decodeResult(frame.payload);
  }

  stop(): void {
    this.child.stdin!.end();
    this.child.kill("SIGKILL");
  }
}
