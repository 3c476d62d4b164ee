/** One line on stderr that says what is going on, only on a terminal and only for what takes over a second. */
import type { SearchLimits } from "./machines/model.js";

const patience = 1000;

export class Progress {
  private timer: NodeJS.Timeout | undefined;
  private text = "";
  private drawn = false;
  private readonly began = Date.now();

  constructor(private readonly wanted: boolean = process.stderr.isTTY === true) {}

  /** Replaces what the line says. */
  say(text: string): void {
    this.text = text;
    if (!this.wanted) return;
    // Where nothing else comes to run the timer never does.
    if (this.drawn || Date.now() - this.began >= patience) this.draw();
    else if (!this.timer) {
      this.timer = setTimeout(() => this.draw(), Math.max(0, this.began + patience - Date.now()));
      this.timer.unref();
    }
  }

  /** Limits of a search that this line tells the executions of. */
  following(limits: SearchLimits, of = ""): SearchLimits {
    return { ...limits, onProgress: (executions) => this.say(`${of}${executions} executions`) };
  }

  /** Takes the line away: before anything else is printed, and at the end. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.drawn) return;
    process.stderr.write("\r\x1b[K");
    this.drawn = false;
  }

  private draw(): void {
    const room = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\r\x1b[K${this.text.slice(0, room)}`);
    this.drawn = true;
  }
}
