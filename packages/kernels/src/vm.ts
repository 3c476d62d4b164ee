/** A kernel of the store in QEMU: resumed from its saved state where there is one, else booted. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative, resolve } from "node:path";
import { cacheFolder, ownIsa } from "@litmap/linux";
import { boards } from "./board.js";
import { Fault, diskFault, errnoOf, settle } from "./fault.js";
import type { GuestMemory, GuestShape } from "./guest.js";
import { Guest, qemuArguments } from "./guest.js";
import { buildInitramfs } from "./initramfs.js";
import { testModuleStamp } from "./test-module.js";
import type { ModulePlan, ModuleRequest } from "./modules.js";
import { DamagedModule, hasModule, planModules } from "./modules.js";
import type { Accelerator, Qemu } from "./qemu.js";
import { chooseAccelerator, findQemu, rememberAccelerator } from "./qemu.js";
import { removeAtEnd, removeFolder, temporaryFolder } from "./running.js";
import type { SavedState } from "./saved-state.js";
import { StateFolder, pathsIn, stateKey } from "./saved-state.js";
import type { Kernel } from "./store.js";
import type { Session, Target } from "./target.js";

export interface VmOptions {
  readonly kernel: Kernel;
  /** Path of the executor's static binary, which becomes the guest's init. */
  readonly executor: string;
  /** Loaded in this order, with what they depend on; those built in are passed over. */
  readonly modules?: readonly ModuleRequest[];
  /** Further arguments to QEMU, such as `["-device", "bochs-display"]`. */
  readonly devices?: readonly string[];
  /** Processor features beyond the usual, as QEMU's -cpu takes them: `+svm`. */
  readonly cpuFeatures?: readonly string[];
  /** Appended to the kernel's command line. */
  readonly cmdline?: readonly string[];
  /** MiB; default 1024. */
  readonly memory?: number;
  /** Default 2. */
  readonly cpus?: number;
  /** See {@link GuestShape.countInstructions}: tcg, one processor, and no saved state. */
  readonly countInstructions?: boolean;
  /** `auto` (default) is kvm only where a guest really runs under it. */
  readonly accelerator?: Accelerator | "auto";
  /** Whose presence makes `auto` try kvm; default /dev/kvm. */
  readonly kvmDevice?: string;
  /** QEMU's name or path; default `qemu-system-x86_64`, or what the kernel's instruction set wants. */
  readonly qemu?: string;
  /** The cache folder for saved states; default the user's own. */
  readonly cache?: string;
  /** False: boot every time and keep nothing. Default true. */
  readonly keepState?: boolean;
  /** Milliseconds a cold boot may take; default 120 s. */
  readonly bootTimeoutMs?: number;
  /** Told, in one line, what takes long. */
  readonly onProgress?: (line: string) => void;
}

/** A resumed guest answers within a tenth of a second; so many milliseconds are for a very busy host. */
const resumeTimeoutMs = 10_000;
/** A serial line loses what comes before the guest listens: greet again, in milliseconds. */
const serialGreetingMs = 2000;

export class VmTarget implements Target {
  readonly kind = "vm";
  readonly title: string;
  private readonly options: VmOptions;
  private readonly cache: string;
  private chosenAccelerator: Accelerator | undefined;

  constructor(options: VmOptions) {
    this.options = options;
    this.cache = resolve(options.cache ?? cacheFolder());
    this.title = `kernel ${options.kernel.name}`;
  }

  /** `tcg` or `kvm`, once a session has been opened. */
  get accelerator(): Accelerator | undefined {
    return this.chosenAccelerator;
  }

  async open(): Promise<Session> {
    const begun = performance.now();
    const { arch } = this.options.kernel;
    const qemu = findQemu(this.options.qemu, arch);
    const wanted = this.accelerationWanted;
    this.chosenAccelerator ??= await chooseAccelerator(qemu, wanted, this.cache, this.options.kvmDevice);
    if (wanted !== "auto" || this.chosenAccelerator === "tcg") return this.openWith(qemu, begun, []);
    try {
      return await this.openWith(qemu, begun, []);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "boot") throw error;
      rememberAccelerator(qemu, "tcg", this.cache, this.options.kvmDevice);
      this.chosenAccelerator = "tcg";
      return this.openWith(qemu, begun, [
        `${this.title} does not come up under kvm on this host (${error.message}); software emulation from now on`,
      ]);
    }
  }

  /** A processor of another kind can only be emulated. */
  private get accelerationWanted(): Accelerator | "auto" {
    const wanted = this.options.countInstructions ? "tcg" : (this.options.accelerator ?? "auto");
    const { arch, name } = this.options.kernel;
    if (arch === ownIsa()) return wanted;
    if (wanted === "kvm")
      throw new Fault("request", `kernel ${name} is for ${arch}, which kvm on this host cannot run`, "use --accel tcg");
    return "tcg";
  }

  private async openWith(qemu: Qemu, begun: number, notes: string[]): Promise<Session> {
    const key = this.key(qemu);
    const states = new StateFolder(this.cache, this.options.kernel.name);
    const keep = this.options.countInstructions ? false : (this.options.keepState ?? true);
    if (keep) {
      const found = states.find(key);
      const resumed = typeof found === "object" ? await this.resume(qemu, found, begun) : found;
      if (typeof resumed === "object") return resumed;
      if (resumed !== undefined) {
        notes.push(`the saved state of ${this.title} cannot be used (${resumed}); booting instead`);
        states.drop(key);
      }
    }
    this.options.onProgress?.(`booting ${this.title}`);
    return this.boot(qemu, keep ? states : undefined, key, notes, begun);
  }

  private async resume(qemu: Qemu, state: SavedState, begun: number): Promise<Session | string> {
    const memory: GuestMemory = { kind: "resumed", file: state.ram, devices: state.devices };
    let guest: Guest | undefined;
    try {
      guest = this.guest(qemu, state.transport, state.initramfs, memory);
      await guest.resume();
      const ready = await guest.greet(resumeTimeoutMs, state.transport === "serial" ? serialGreetingMs : undefined);
      return session(guest, { ready, origin: "resumed", begun, notes: [], missing: state.missingModules });
    } catch (error) {
      if (!(error instanceof Fault) && errnoOf(error) === undefined) throw error;
      await guest?.kill();
      return (error as Error).message;
    }
  }

  /** Boots; with `states`, saves the machine and goes on with a resumed one, so that every run starts alike. */
  private async boot(
    qemu: Qemu,
    states: StateFolder | undefined,
    key: string,
    notes: string[],
    begun: number,
  ): Promise<Session> {
    const { kernel } = this.options;
    const modules = join(kernel.folder, "modules");
    const virtio = hasModule(modules, "virtio_pci") && hasModule(modules, "virtio_console");
    if (!virtio && !boards[kernel.arch].serialLink) {
      throw new Fault(
        "boot",
        `${this.title} lacks virtio_pci or virtio_console, which a guest of ${kernel.arch} is talked to through`,
        "give --modules that has them, or build them in",
      );
    }
    const transport = virtio ? "virtio" : "serial";
    const carriers = virtio ? [{ name: "virtio_pci" }, { name: "virtio_console" }] : [];
    const plan = await this.plan(modules, [...carriers, ...(this.options.modules ?? [])]);
    const begin = states?.begin(this.options.memory ?? defaultMemory);
    if (typeof begin === "string") notes.push(`the state of ${this.title} is not kept: ${begin}`);
    if (states && typeof begin === "object") {
      const made = await this.record(qemu, states, begin.folder, key, transport, plan);
      if (made === undefined) {
        const state = states.find(key);
        const resumed = typeof state === "object" ? await this.resume(qemu, state, begun) : "it vanished";
        if (typeof resumed === "object") return { ...resumed, origin: "cold", notes };
        notes.push(`the saved state of ${this.title} cannot be used (${resumed}); booting again`);
        states.drop(key);
      } else {
        notes.push(`the state of ${this.title} is not kept: ${made}`);
      }
    }
    const folder = temporaryFolder();
    try {
      const initramfs = pathsIn(folder).initramfs;
      writeFileSync(initramfs, buildInitramfs(readFileSync(this.options.executor), plan.load));
      const guest = this.guest(qemu, transport, initramfs, { kind: "anonymous" });
      const ready = await this.greetCold(guest, transport);
      return session(guest, { ready, origin: "cold", begun, notes, missing: plan.missing });
    } catch (error) {
      throw errnoOf(error) === undefined ? error : diskFault(error, folder);
    } finally {
      removeFolder(folder);
    }
  }

  /** Of the user's own modules one that is damaged is named as it was given. */
  private async plan(folder: string, requests: readonly ModuleRequest[]): Promise<ModulePlan> {
    try {
      return await planModules(folder, requests);
    } catch (error) {
      const { source, name } = this.options.kernel;
      if (!(error instanceof DamagedModule) || source.kind !== "image" || source.modules === undefined) throw error;
      const message = `${relative(folder, error.path)} in ${source.modules} is damaged`;
      throw new Fault("request", message, `mend it, and add ${name} again`, error.log);
    }
  }

  /**
   * Boots a machine only to save it. Undefined when that worked, else why it did not. A kernel that does not boot is a
   * Fault.
   */
  private async record(
    qemu: Qemu,
    states: StateFolder,
    folder: string,
    key: string,
    transport: GuestShape["transport"],
    plan: ModulePlan,
  ): Promise<string | undefined> {
    const paths = pathsIn(folder);
    const kept = removeAtEnd(folder);
    try {
      writeFileSync(paths.initramfs, buildInitramfs(readFileSync(this.options.executor), plan.load));
      const guest = this.guest(qemu, transport, paths.initramfs, { kind: "recorded", file: paths.ram });
      try {
        await this.greetCold(guest, transport);
        // When this has come back, no greeting is left on its way.
        const drained = await guest.link.ping(Buffer.from("drained?"), { timeoutMs: 10_000 });
        if (drained.kind !== "answer") return "the executor stopped answering";
        const saved = await settle(() => guest.save(paths.devices));
        if (!saved.ok) return saved.fault.message;
      } finally {
        await guest.kill();
      }
      states.commit(folder, key, {
        transport,
        missingModules: plan.missing,
        ramSize: (this.options.memory ?? defaultMemory) * 2 ** 20,
      });
      return undefined;
    } catch (error) {
      // A disk that fills up under its memory file ends QEMU by SIGBUS.
      if (error instanceof Fault && /SIGBUS/.test(error.message)) return "the disk of the cache folder is full";
      if (errnoOf(error) !== undefined) return (error as Error).message;
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
      kept();
    }
  }

  private async greetCold(guest: Guest, transport: GuestShape["transport"]): Promise<Uint8Array> {
    try {
      return await guest.greet(this.bootTimeoutMs, transport === "serial" ? serialGreetingMs : undefined);
    } catch (error) {
      await guest.kill();
      throw error instanceof Fault
        ? new Fault(error.code, `${this.title}: ${error.message}`, error.hint, error.log)
        : error;
    }
  }

  /** Where kvm was only a guess, a guest that is slow to come up is one that never will. */
  private get bootTimeoutMs(): number {
    const guess = this.chosenAccelerator === "kvm" && this.accelerationWanted === "auto";
    return Math.min(this.options.bootTimeoutMs ?? 120_000, guess ? 20_000 : Infinity);
  }

  private guest(qemu: Qemu, transport: GuestShape["transport"], initramfs: string, memory: GuestMemory): Guest {
    return new Guest(qemu, this.shape(transport), { kernel: this.image, initramfs }, memory);
  }

  private shape(transport: GuestShape["transport"]): GuestShape {
    return {
      isa: this.options.kernel.arch,
      accelerator: this.chosenAccelerator ?? "tcg",
      transport,
      memory: this.options.memory ?? defaultMemory,
      cpus: this.options.countInstructions ? 1 : (this.options.cpus ?? 2),
      countInstructions: this.options.countInstructions,
      cpuFeatures: this.options.cpuFeatures ?? [],
      cmdline: this.options.cmdline ?? [],
      devices: this.options.devices ?? [],
    };
  }

  /** What QEMU starts: the unpacked kernel where the store has it. */
  private get image(): string {
    const { folder } = this.options.kernel;
    const unpacked = join(folder, "vmlinux");
    return existsSync(unpacked) ? unpacked : join(folder, "vmlinuz");
  }

  private key(qemu: Qemu): string {
    const { kernel, modules, executor } = this.options;
    const files = { kernel: this.image, initramfs: "" };
    let binary: Buffer;
    try {
      binary = readFileSync(executor);
    } catch (error) {
      throw new Fault("request", `the executor ${executor} cannot be read (${errnoOf(error)})`, "build it first");
    }
    return stateKey({
      form: 1,
      kernel: [kernel.sha256, kernel.added],
      modules: modules ?? [],
      testModule: testModuleStamp(kernel),
      executor: createHash("sha256").update(binary).digest("hex"),
      qemu: qemu.stamp,
      arguments: qemuArguments(this.shape("virtio"), files, { kind: "anonymous" }),
      // A state made under kvm holds this host's processor.
      host: this.chosenAccelerator === "kvm" ? cpus()[0]?.model : "",
    });
  }
}

const defaultMemory = 1024;

interface SessionFacts {
  readonly ready: Uint8Array;
  readonly origin: Session["origin"];
  readonly begun: number;
  readonly notes: readonly string[];
  readonly missing: readonly string[];
}

function session(guest: Guest, facts: SessionFacts): Session {
  return {
    link: guest.link,
    console: guest.console,
    ready: facts.ready,
    origin: facts.origin,
    ms: performance.now() - facts.begun,
    notes: facts.notes,
    missingModules: facts.missing,
    pid: guest.pid,
    gone: guest.gone,
    dump: () => guest.dump(),
    kill: () => guest.kill(),
  };
}
