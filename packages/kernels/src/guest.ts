/**
 * A QEMU process with an executor in it: the command line, the channels, and
 * the wait for the first answer.
 *
 * QEMU gets its channels as inherited descriptors, so that there is no socket
 * file to collide over or to clean up:
 *
 *     1  the guest's console (its first serial port)
 *     2  QEMU's own messages
 *     3  the link to the executor
 *     4  QMP
 *     5  the saved device state, when it resumes
 */
import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Isa } from "@litmap/litmus";
import type { Duplex, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { boards } from "./board.js";
import { ConsoleLog } from "./console.js";
import { Fault } from "./fault.js";
import { Link } from "./link.js";
import type { Accelerator, Qemu } from "./qemu.js";
import { Qmp } from "./qmp.js";
import { killGroup, spawnBound } from "./running.js";

/** Everything that decides how a guest behaves; a saved state is only good for an equal one. */
export interface GuestShape {
  readonly isa: Isa;
  readonly accelerator: Accelerator;
  /** `virtio`: a port named `litmap` of a virtio-serial device; `serial`: the second 16550. */
  readonly transport: "virtio" | "serial";
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  /** Appended to -cpu. */
  readonly cpuFeatures: readonly string[];
  /** Appended to the kernel's command line. */
  readonly cmdline: readonly string[];
  /** Further arguments to QEMU, such as `-device`, `bochs-display`. */
  readonly devices: readonly string[];
  /**
   * QEMU counts instructions, one to a tick of every clock: rdtsc in the guest returns them, regardless of
   * else the host does. For tcg with one processor.
   */
  readonly countInstructions?: boolean;
}

/** Where the guest's memory lies. */
export type GuestMemory =
  | { readonly kind: "anonymous" }
  /** In a file that holds what the guest writes: for a state that is about to be saved. */
  | { readonly kind: "recorded"; readonly file: string }
  /** From such a file, which stays as it is. */
  | { readonly kind: "resumed"; readonly file: string; readonly devices: string };

export interface GuestFiles {
  /** An image as QEMU takes it, or a vmlinux with a PVH entry. */
  readonly kernel: string;
  readonly initramfs: string;
}

/**
 * Fixed for outcomes that repeat: no randomised addresses, no huge pages behind anonymous
 * memory. An oops ends the guest, and with -no-reboot QEMU, at once.
 */
const kernelCommandLine = [
  "loglevel=5",
  "panic=-1",
  "oops=panic",
  "nokaslr",
  "norandmaps",
  "transparent_hugepage=never",
  "cryptomgr.notests",
  "sysrq_always_enabled",
];

export function qemuArguments(shape: GuestShape, files: GuestFiles, memory: GuestMemory): string[] {
  const board = boards[shape.isa];
  const size = `size=${shape.memory}M`;
  const backend =
    memory.kind === "anonymous"
      ? `memory-backend-ram,id=ram,${size}`
      : `memory-backend-file,id=ram,${size},mem-path=${escaped(memory.file)},` +
        `share=${memory.kind === "recorded" ? "on" : "off"}`;
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...[
      "-accel",
      shape.countInstructions ? "tcg,thread=single" : shape.accelerator === "tcg" ? "tcg,thread=multi" : "kvm",
    ],
    ...(shape.countInstructions ? ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm"] : []),
    ...["-cpu", [shape.accelerator === "tcg" ? board.cpu : "host", ...shape.cpuFeatures].join(",")],
    ...[
      "-machine",
      `${board.machine},memory-backend=ram`,
      "-object",
      backend,
      "-m",
      `${shape.memory}M`,
      "-smp",
      String(shape.cpus),
    ],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", "socket,id=qmp,fd=4", "-mon", "chardev=qmp,mode=control"],
    ...["-chardev", "socket,id=link,fd=3"],
    ...(shape.transport === "virtio"
      ? ["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=link,name=litmap"]
      : ["-serial", "chardev:link"]),
    ...shape.devices,
    ...["-kernel", files.kernel, "-initrd", files.initramfs],
    ...["-append", [`console=${board.console}`, ...kernelCommandLine, ...board.cmdline, ...shape.cmdline].join(" ")],
    ...(memory.kind === "resumed" ? ["-incoming", "defer"] : []),
  ];
}

/** QEMU takes a doubled comma for a comma. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

export class Guest {
  readonly console = new ConsoleLog();
  readonly link: Link;
  readonly qmp: Qmp;
  /** How it ended, once it has. */
  readonly gone: Promise<string>;
  private ended: string | undefined;
  private readonly child: ChildProcess;
  private errors = "";

  constructor(qemu: Qemu, shape: GuestShape, files: GuestFiles, memory: GuestMemory) {
    const stdio: StdioOptions = ["ignore", "pipe", "pipe", "pipe", "pipe"];
    const state = memory.kind === "resumed" ? openSync(memory.devices, "r") : undefined;
    if (state !== undefined) stdio.push(state);
    this.child = spawnBound(qemu.path, qemuArguments(shape, files, memory), stdio);
    if (state !== undefined) closeSync(state);
    const [, stdout, stderr, link, qmp] = this.child.stdio;
    (stdout as Readable).on("data", (chunk: Buffer) => this.console.push(chunk));
    (stderr as Readable).on("data", (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString("utf8")).slice(-4096);
    });
    this.link = new Link(link as Duplex);
    this.qmp = new Qmp(qmp as Duplex);
    this.gone = new Promise((resolve) => {
      this.child.on("error", (error) => resolve(this.end(error.message)));
      // `close`, not `exit`: by then the console's last bytes have been read.
      this.child.on("close", (code, signal) =>
        resolve(this.end(signal ? `killed by ${signal}` : `exit status ${code}`)),
      );
    });
  }

  /** QEMU's process number. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /**
   * Waits until the executor says that it is ready and gives its words.
   * A Fault `boot` that says what was waited for, with the last lines of the console.
   */
  async greet(timeoutMs: number, againMs?: number): Promise<Uint8Array> {
    const answer = await this.link.hello({ timeoutMs, againMs });
    if (answer.kind === "answer") return answer.payload;
    if (answer.kind === "silent") {
      const log = this.console.tail();
      throw new Fault(
        "boot",
        `the executor was not ready within ${timeoutMs / 1000} s`,
        "the last lines of the console say where it stopped",
        log,
      );
    }
    if (answer.kind === "closed") await Promise.race([this.gone, sleep(2000)]);
    const complaint = this.console.complaint(0)?.line;
    const end = this.ended ? `QEMU ended (${this.ended})` : "the link to the executor closed";
    const why = complaint ?? (this.errors.trim().split("\n").at(-1) || undefined);
    const what = answer.kind === "closed" ? end : `the executor's greeting came damaged`;
    throw new Fault("boot", `${what} before the executor was ready${why ? `: ${why}` : ""}`, "", this.console.tail(40));
  }

  /** Reads the device state from descriptor 5 and lets the guest run on. */
  async resume(): Promise<void> {
    await this.qmp.command("migrate-set-capabilities", ignoreShared);
    await this.qmp.command("migrate-incoming", { uri: "fd:5" });
  }

  /**
   * Stops the guest and writes its device state to `file`; its memory already lies in its own file.
   * Afterwards it may only be killed.
   */
  async save(file: string): Promise<void> {
    await this.qmp.command("migrate-set-capabilities", ignoreShared);
    await this.qmp.command("migrate", { uri: `exec:cat > '${file.replaceAll("'", "'\\''")}'` });
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(10)) {
      const state = (await this.qmp.command("query-migrate")) as { status?: string; "error-desc"?: string };
      if (state.status === "completed") return;
      if (state.status === "failed" || state.status === "cancelled") {
        throw new Fault("io", `QEMU could not write the state: ${state["error-desc"] ?? state.status}`);
      }
    }
    throw new Fault("io", "QEMU did not finish writing the state within 30 s");
  }

  /** Has the kernel print what its processors and its blocked tasks are doing (the magic SysRq key). */
  async dump(): Promise<void> {
    if (this.ended !== undefined) return;
    try {
      // 9: print everything; l: what runs; w: what is blocked.
      for (const key of ["9", "l", "w"]) {
        const keys = ["alt", "sysrq", key].map((data) => ({ type: "qcode", data }));
        await this.qmp.command("send-key", { keys, "hold-time": 20 }, 500);
        await sleep(150);
      }
      await sleep(300);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }

  async kill(): Promise<void> {
    killGroup(this.child.pid);
    await Promise.race([this.gone, sleep(5000)]);
  }

  private end(how: string): string {
    this.ended ??= this.errors.trim() === "" ? how : `${how}: ${this.errors.trim().split("\n").at(-1)}`;
    this.console.end();
    return this.ended;
  }
}

const ignoreShared = { capabilities: [{ capability: "x-ignore-shared", state: true }] };
