/** The executor as an ordinary process: on this machine's own kernel, or through ssh on another's. */
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { runChild } from "./child.js";
import { ConsoleLog } from "./console.js";
import { Fault, errnoOf } from "./fault.js";
import { Link } from "./link.js";
import { killGroup, spawnBound } from "./running.js";
import type { Session, Target } from "./target.js";

/** This machine's own kernel. A test that breaks it breaks this machine. */
export class HostTarget implements Target {
  readonly kind = "host";
  readonly title = "this host";
  private readonly executor: string;

  /** @param executor Path of the executor's binary. */
  constructor(executor: string) {
    this.executor = executor;
  }

  open(): Promise<Session> {
    return openProcess(this.title, this.executor, [], 10_000);
  }
}

/** Another machine's kernel. Its account must let us in without asking anything. */
export class SshTarget implements Target {
  readonly kind = "ssh";
  readonly title: string;
  private readonly executor: string;
  private readonly name: string;
  private readonly program: string;

  /**
   * @param name As ssh takes it: a host of its configuration, or `user@host`.
   * @param executor Path of the executor's binary, built for that machine.
   */
  constructor(name: string, executor: string, program = "ssh") {
    this.title = `ssh:${name}`;
    this.name = name;
    this.executor = executor;
    this.program = program;
  }

  async open(): Promise<Session> {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._@:%-]*$/.test(this.name))
      throw new Fault("request", `${this.name} is not a name for ssh`);
    let binary: Buffer;
    try {
      binary = readFileSync(this.executor);
    } catch (error) {
      throw new Fault("request", `the executor ${this.executor} cannot be read (${errnoOf(error)})`, "build it first");
    }
    const options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", this.name];
    const copy = 'f=$(mktemp) && cat > "$f" && chmod 700 "$f" && echo "$f"';
    const copied = await runChild(this.program, [...options, copy], {
      input: binary,
      timeoutMs: 60_000,
      hint: "install openssh-client",
    });
    const path = copied.stdout.toString().trim();
    if (copied.status !== 0 || !/^\/[\w./-]+$/.test(path)) {
      const why = copied.stderr.trim().split("\n").at(-1) || `exit status ${copied.status}`;
      throw new Fault(
        "boot",
        `${this.title}: the executor could not be copied: ${why}`,
        `does \`ssh ${this.name} true\` work without a password?`,
        copied.stderr,
      );
    }
    return openProcess(this.title, this.program, [...options, `${path}; s=$?; rm -f ${path}; exit $s`], 20_000);
  }
}

async function openProcess(
  title: string,
  program: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<Session> {
  const begun = performance.now();
  const child = spawnBound(program, args, ["pipe", "pipe", "pipe"]);
  const console = new ConsoleLog();
  let ended: string | undefined;
  const gone = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve((ended ??= error.message)));
    child.on("close", (code, signal) => {
      console.end();
      resolve((ended ??= signal ? `killed by ${signal}` : `exit status ${code}`));
    });
  });
  (child.stderr as Readable).on("data", (chunk: Buffer) => console.push(chunk));
  const stream = Duplex.from({ readable: child.stdout as Readable, writable: child.stdin as Writable });
  const link = new Link(stream);
  const kill = async (): Promise<void> => {
    killGroup(child.pid);
    await Promise.race([gone, sleep(5000)]);
  };
  const answer = await link.hello({ timeoutMs });
  if (answer.kind !== "answer") {
    if (answer.kind === "closed") await Promise.race([gone, sleep(2000)]);
    const why =
      answer.kind === "closed"
        ? `the executor ended (${ended ?? "its link closed"})`
        : `the executor was not ready within ${timeoutMs / 1000} s`;
    await kill();
    throw new Fault("boot", `${title}: ${why}`, "is the executor built for that machine?", console.tail());
  }
  return {
    link,
    console,
    ready: answer.payload,
    origin: "process",
    ms: performance.now() - begun,
    notes: [],
    missingModules: [],
    pid: child.pid,
    gone,
    dump: async () => {},
    kill,
  };
}
