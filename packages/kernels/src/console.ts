/**
 * What a guest's kernel prints: kept for reports, and read for the lines by
 * which a kernel says that something is wrong.
 */

/** How grave: after a `crash` the guest is not to be used again, a `warning` taints it. */
export interface Complaint {
  readonly grade: "crash" | "warning";
  /** The line that says so, without its time stamp. */
  readonly line: string;
}

const signs: readonly { readonly grade: Complaint["grade"]; readonly pattern: RegExp }[] = [
  { grade: "crash", pattern: /\bKernel panic - not syncing\b/ },
  { grade: "crash", pattern: /\bBUG: / },
  { grade: "crash", pattern: /\bkernel BUG at\b/ },
  { grade: "crash", pattern: /\bOops: / },
  { grade: "crash", pattern: /\bOops\b.*\[#\d+\]/ },
  { grade: "crash", pattern: /\bgeneral protection fault\b(?!.*\bip:)/ },
  { grade: "crash", pattern: /\bUnable to handle kernel\b/ },
  { grade: "crash", pattern: /\brcu.*(detected stalls?|self-detected stall|stall on CPU)/i },
  { grade: "crash", pattern: /\bwatchdog: BUG: soft lockup\b/ },
  { grade: "crash", pattern: /\bINFO: task .* blocked for more than\b/ },
  { grade: "crash", pattern: /\bINFO: possible recursive locking\b|\bpossible circular locking dependency\b/ },
  { grade: "warning", pattern: /\bWARNING: / },
  { grade: "warning", pattern: /\bUBSAN: / },
];

/** What a line of a console complains of; undefined for ordinary lines. */
export function complaintOf(line: string): Complaint | undefined {
  const text = line.replace(/^(<\d+>)?\s*\[\s*\d+\.\d+\](\[\s*[TC]\d+\])?\s*/, "").trimEnd();
  const sign = signs.find(({ pattern }) => pattern.test(text));
  return sign ? { grade: sign.grade, line: text } : undefined;
}

/** Lines kept of a console; what came before is dropped. */
const keptLines = 4000;

export class ConsoleLog {
  private lines: string[] = [];
  private dropped = 0;
  private partial = "";
  private readonly complaints: { readonly at: number; readonly complaint: Complaint }[] = [];
  private listeners: (() => void)[] = [];

  /** Takes bytes of the console as they come. */
  push(chunk: Uint8Array): void {
    // A console is read as Latin-1, so that garbage cannot fail to decode. Overlong lines are cut.
    const text = this.partial + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const lines = text.split(/\r*\n/);
    this.partial = (lines.pop() ?? "").slice(-16_384);
    for (const line of lines) this.add(line.slice(0, 4096));
    for (const listener of [...this.listeners]) listener();
  }

  /** The console's end: text without a newline is a line too. */
  end(): void {
    if (this.partial !== "") this.add(this.partial);
    this.partial = "";
    for (const listener of [...this.listeners]) listener();
  }

  /** A place in the log, to ask later for what came after it. */
  mark(): number {
    return this.dropped + this.lines.length;
  }

  /** Lines after a mark, at most `limit` of them (the last). */
  since(mark: number, limit = keptLines): string {
    const lines = this.lines.slice(Math.max(0, mark - this.dropped));
    if (this.partial !== "") lines.push(this.partial);
    return lines.slice(-limit).map(printable).join("\n");
  }

  /** The last lines, for a message about something that did not happen. */
  tail(limit = 12): string {
    return this.since(0, limit);
  }

  /** The gravest complaint after a mark, the first of its grade. */
  complaint(mark: number): Complaint | undefined {
    const found = this.complaints.filter(({ at }) => at >= mark).map(({ complaint }) => complaint);
    return found.find(({ grade }) => grade === "crash") ?? found[0];
  }

  /** Calls back after each arrival until the returned function is called. */
  onArrival(listener: () => void): () => void {
    this.listeners.push(listener);
    return () => {
      this.listeners = this.listeners.filter((each) => each !== listener);
    };
  }

  private add(line: string): void {
    const complaint = complaintOf(line);
    if (complaint) this.complaints.push({ at: this.mark(), complaint });
    this.lines.push(line);
    if (this.lines.length > 2 * keptLines) {
      this.dropped += this.lines.length - keptLines;
      this.lines = this.lines.slice(-keptLines);
    }
  }
}

function printable(line: string): string {
  return line.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, "");
}
