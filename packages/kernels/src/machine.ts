/**
 * A machine that answers Programs one after the other and survives what they do
 * to it: one that hangs or crashes its kernel costs itself an answer, and the
 * next one finds the machine fresh.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Ready } from "@litmap/linux";
import { parseReady } from "@litmap/linux";
import type { Complaint } from "./console.js";
import type { Result } from "./fault.js";
import { Fault, settle } from "./fault.js";
import type { Session, Target } from "./target.js";

export type RunOutcome =
  /** What the executor gave. A `warning` of the kernel goes with it; the machine is fresh for the next one. */
  | { readonly kind: "result"; readonly payload: Uint8Array; readonly ms: number; readonly warning?: Said }
  /** The executor got the Program and could not serve it. */
  | { readonly kind: "refused"; readonly reason: string; readonly ms: number }
  /** No answer within the limit. */
  | (Said & { readonly kind: "hang"; readonly ms: number })
  /** The kernel said on its console that it is broken. A result may have come all the same. */
  | (Said & { readonly kind: "oops"; readonly ms: number; readonly payload?: Uint8Array })
  /** The machine ended, or the way to it broke, and the kernel said nothing. */
  | (Said & { readonly kind: "lost"; readonly ms: number })
  /** Somebody else ended the machine, or its answers came damaged, twice: that says nothing of its kernel. */
  | (Said & { readonly kind: "killed"; readonly ms: number })
  /** The machine could not be started (again). */
  | { readonly kind: "down"; readonly fault: Fault; readonly ms: number };

/** One line, and the console's lines that belong to it. */
export interface Said {
  readonly reason: string;
  readonly log: string;
}

export interface RunOptions {
  /** Milliseconds until the Program counts as hung. */
  readonly timeoutMs: number;
  /** From the answer, why the machine is not fit for another Program; undefined when it is. */
  readonly spent?: (answer: Uint8Array) => string | undefined;
  /** The Program leaves devices in another state: the next one gets a fresh machine. */
  readonly changesDevices?: boolean;
}

export interface Started {
  readonly origin: Session["origin"];
  /** Milliseconds from the request to the first answer. */
  readonly ms: number;
  /** What the executor says of the machine. */
  readonly ready: Ready;
  readonly missingModules: readonly string[];
  /** `tcg`, `kvm`, or undefined where nothing is emulated. */
  readonly accelerator: string | undefined;
  /** Process number of QEMU, the executor or ssh. */
  readonly pid: number | undefined;
}

export interface MachineOptions {
  /** Told, in one line each: a saved state that could not be used, a machine that is started again and why. */
  readonly onNote?: (line: string) => void;
}

export class Machine {
  readonly target: Target;
  private readonly onNote: (line: string) => void;
  private session: Session | undefined;
  private busy = false;
  private stopped = false;
  private restartCount = 0;

  constructor(target: Target, options: MachineOptions = {}) {
    this.target = target;
    this.onNote = options.onNote ?? (() => {});
  }

  /** How often it had to be started again because of what a Program did. */
  get restarts(): number {
    return this.restartCount;
  }

  /** Starts it unless it is running. A Fault when it does not come up within its limit. */
  start(): Promise<Result<Started>> {
    return settle(async () => {
      this.stopped = false;
      const session = await this.open();
      return {
        origin: session.origin,
        ms: session.ms,
        ready: this.readyOf(session),
        missingModules: session.missingModules,
        accelerator: this.target.accelerator,
        pid: session.pid,
      };
    });
  }

  /**
   * Has one Program run; starts the machine when it is not running. Never rejects for what a Program or a kernel does.
   */
  async run(program: Uint8Array, options: RunOptions): Promise<RunOutcome> {
    if (this.busy) throw new Error("a machine runs one Program at a time");
    this.busy = true;
    const begun = performance.now();
    try {
      const first = await this.attempt(program, options, begun);
      return first.kind === "killed" ? await this.attempt(program, options, begun) : first;
    } finally {
      this.busy = false;
    }
  }

  private async attempt(program: Uint8Array, options: RunOptions, begun: number): Promise<RunOutcome> {
    const opened = await settle(() => this.open());
    if (!opened.ok) return { kind: "down", fault: opened.fault, ms: performance.now() - begun };
    return this.runIn(opened.value, program, options);
  }

  /** Ends it; nothing is left running. A Program under way gives `lost`. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.end();
  }

  private readyOf(session: Session): Ready {
    try {
      return parseReady(session.ready);
    } catch (error) {
      throw new Fault("boot", `${this.target.title}: ${(error as Error).message}`, "is the executor of this version?");
    }
  }

  private async runIn(session: Session, program: Uint8Array, options: RunOptions): Promise<RunOutcome> {
    const mark = session.console.mark();
    const begun = performance.now();
    const answer = await session.link.run(program, { timeoutMs: options.timeoutMs });
    const ms = performance.now() - begun;
    // A kernel prints before the executor answers: what it printed is in the pipe by now.
    await new Promise((resolve) => setImmediate(resolve));
    if (answer.kind === "silent") await session.dump();
    if (answer.kind === "closed") await Promise.race([session.gone, sleep(3000)]);
    const complaint = session.console.complaint(mark);
    const log = session.console.since(mark, 400);
    const oops = (found: Complaint): RunOutcome => ({ kind: "oops", reason: found.line, log, ms });
    switch (answer.kind) {
      case "answer": {
        const unfit = complaint?.line ?? options.spent?.(answer.payload);
        if (unfit !== undefined) await this.restart(unfit);
        else if (options.changesDevices === true) await this.end();
        if (!complaint) return { kind: "result", payload: answer.payload, ms };
        if (complaint.grade === "crash")
          return { kind: "oops", reason: complaint.line, log, ms, payload: answer.payload };
        return { kind: "result", payload: answer.payload, ms, warning: { reason: complaint.line, log } };
      }
      case "refused":
        return { kind: "refused", reason: answer.reason, ms };
      case "silent": {
        const reason = `no answer within ${options.timeoutMs / 1000} s`;
        await this.restart(reason);
        // A stall that the kernel itself noticed is still a hang.
        if (complaint?.grade === "crash" && !/stall|lockup|blocked for more than/.test(complaint.line))
          return oops(complaint);
        return { kind: "hang", reason: complaint ? `${reason}: ${complaint.line}` : reason, log, ms };
      }
      case "damaged":
        await this.restart(answer.reason);
        return { kind: "killed", reason: `the answer came damaged twice: ${answer.reason}`, log, ms };
      case "closed": {
        const how = await Promise.race([session.gone, sleep(0, "its link closed")]);
        await this.restart(complaint?.line ?? how);
        if (complaint?.grade === "crash") return oops(complaint);
        const reason = `${this.target.title} ended while the test ran (${how})`;
        // A guest that ends itself does so with an exit status.
        return { kind: how.startsWith("killed by") && !this.stopped ? "killed" : "lost", reason, log, ms };
      }
    }
  }

  /** Ends the session; the next Program opens another. */
  private async restart(reason: string): Promise<void> {
    if (!this.stopped) {
      this.restartCount += 1;
      this.onNote(`${this.target.title} is started again: ${reason}`);
    }
    await this.end();
  }

  private async end(): Promise<void> {
    const session = this.session;
    this.session = undefined;
    await session?.kill();
  }

  private async open(): Promise<Session> {
    if (this.session?.link.closed)
      await this.restart(
        `it ended between two tests (${await Promise.race([this.session.gone, sleep(1000, "its link closed")])})`,
      );
    if (this.session) return this.session;
    if (this.stopped) throw new Fault("boot", `${this.target.title} has been stopped`);
    const session = await this.target.open();
    for (const note of session.notes) this.onNote(note);
    if (this.stopped) {
      await session.kill();
      throw new Fault("boot", `${this.target.title} has been stopped`);
    }
    this.session = session;
    return session;
  }
}
