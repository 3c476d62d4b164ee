/** QEMU's machine protocol: one JSON object a line, a command and its return. */
import type { Duplex } from "node:stream";
import { Fault } from "./fault.js";

export class Qmp {
  private readonly stream: Duplex;
  private text = "";
  private number = 0;
  private ready: Promise<unknown> | undefined;
  private waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private gone = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("data", (chunk: Buffer) => this.take(chunk.toString("utf8")));
    stream.on("error", () => this.close());
    stream.on("close", () => this.close());
  }

  /** Runs a command; a Fault when QEMU refuses it, is gone, or takes longer than `timeoutMs`. */
  async command(name: string, args: Record<string, unknown> = {}, timeoutMs = 10_000): Promise<unknown> {
    this.ready ??= this.send("qmp_capabilities", {}, timeoutMs);
    await this.ready;
    return this.send(name, args, timeoutMs);
  }

  private send(name: string, args: Record<string, unknown>, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.gone) return reject(new Fault("boot", `QEMU is gone (asked for ${name})`));
      const id = ++this.number;
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Fault("boot", `QEMU did not answer ${name} within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        settle();
      };
      this.waiting.set(id, {
        resolve: (value) => done(() => resolve(value)),
        reject: (error) => done(() => reject(error)),
      });
      this.stream.write(`${JSON.stringify({ execute: name, arguments: args, id })}\n`);
    });
  }

  private take(text: string): void {
    const lines = (this.text + text).split("\n");
    this.text = lines.pop() ?? "";
    for (const line of lines) {
      const message = parse(line);
      const waiting = typeof message?.id === "number" ? this.waiting.get(message.id) : undefined;
      if (!message || !waiting) continue;
      this.waiting.delete(message.id as number);
      if (message.error) waiting.reject(new Fault("boot", `QEMU: ${message.error.desc ?? "error"}`));
      else waiting.resolve(message.return);
    }
  }

  private close(): void {
    this.gone = true;
    for (const waiting of this.waiting.values()) waiting.reject(new Fault("boot", "QEMU is gone"));
    this.waiting.clear();
  }
}

interface Message {
  readonly id?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
}

function parse(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}
