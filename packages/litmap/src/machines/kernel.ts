/** A real kernel as a machine that answers tests: one of the store in QEMU, this host's, or another's by ssh. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { didYouMean, seriesOf } from "@litmap/litmus";
import type { Isa, Machine as MachineName, Outcome, Test } from "@litmap/litmus";
import type { Fault } from "@litmap/kernels";
import {
  HostTarget,
  KernelStore,
  Machine,
  SshTarget,
  VmTarget,
  hasModule,
  linuxVersion,
  optionsOf,
} from "@litmap/kernels";
import type { Accelerator, Kernel, Started, Target } from "@litmap/kernels";
import {
  ExecutorUnavailable,
  MalformedResult,
  buildExecutor,
  changesDevices,
  compile,
  leftUnkillable,
  moduleDevice,
  needsOf,
} from "@litmap/linux";
import type { Compilation, KernelDescription } from "@litmap/linux";
import { configuredDesign, knownAs, knownVersions, newestRelease, versionOf } from "@litmap/model";
import type { KernelOptions as ModelOptions } from "@litmap/model";
import { archOf } from "../choices.js";
import { Ending, badMachine, badRequest, exitStatus } from "../exit-status.js";
import type { RecordedKernel } from "../evidence.js";
import { executorSources } from "../places.js";
import type { Answer, TestMachine } from "./machine.js";
import { noMachine, outfitFor, ramdisk } from "./outfit.js";
import type { Outfit } from "./outfit.js";

export interface KernelOptions {
  readonly accelerator: Accelerator | "auto";
  /** Rounds of a test with a `parallel` block. */
  readonly rounds: number;
  /** No further round begins after so many milliseconds. */
  readonly budgetMs: number;
  /** Milliseconds until one run through a test counts as hung. */
  readonly roundMs: number;
  /** Machines of one kernel with different devices that may be up at once. Default 4. */
  readonly mostGuests?: number;
  readonly onProgress?: (line: string) => void;
}

/** A name that `--on` takes, found but not yet started. */
export type KernelChoice =
  | { readonly kind: "vm"; readonly name: string; readonly kernel: Kernel }
  | { readonly kind: "host"; readonly name: "host" }
  | { readonly kind: "ssh"; readonly name: string };

/** Finds every kernel before any is started. A wrong request when one is not there. */
export function chooseKernels(names: readonly string[]): KernelChoice[] {
  const store = new KernelStore();
  return names.map((name) => {
    if (name === "host") return { kind: "host", name };
    if (name.startsWith("ssh:")) return { kind: "ssh", name: name.slice(4) };
    const found = store.find(name);
    if (found.ok) return { kind: "vm", name, kernel: found.value };
    const near = didYouMean(name, [...store.list().map((kernel) => kernel.name), "host"]);
    throw new Ending(exitStatus.badRequest, `${found.fault.message}${near}`, found.fault.hint);
  });
}

/** A started guest and what it is. */
interface Running {
  readonly guest: Machine;
  readonly description: KernelDescription;
}

export class KernelMachine implements TestMachine {
  private constructor(
    readonly machine: MachineName & { readonly kind: "vm" | "host" | "ssh" },
    readonly aside: string,
    /** For the evidence file. */
    readonly recorded: RecordedKernel,
    /** Worth a line to the user: modules that are missing, what went wrong on the way up. */
    readonly notes: readonly string[],
    private readonly choice: KernelChoice,
    private readonly plain: Running,
    private readonly options: KernelOptions,
  ) {}

  /** The model that this kernel is compared with: of its version, and of what its configuration chose. */
  get modelOptions(): ModelOptions {
    const { configured } = this.recorded;
    return {
      release: this.machine.release,
      arch: archOf(this.machine.arch),
      ...(configured ? { configured } : {}),
    };
  }

  /** Machines with devices, by outfit, once a test has needed one. */
  private readonly withDevices = new Map<string, Running>();

  static async open(choice: KernelChoice, options: KernelOptions): Promise<KernelMachine> {
    const { guest, started } = await start(choice, outfitFor([], isaOfChoice(choice)), options);
    const { ready, accelerator, missingModules } = started;
    const uname = `${ready.release} ${ready.version}`;
    const release = linuxVersion(uname) ?? ready.release;
    const age = ageNote(release);
    const machine = {
      kind: choice.kind,
      release,
      arch: ready.arch,
      name: choice.name,
      uname,
      ...(accelerator === undefined ? {} : { accel: accelerator }),
    };
    const recorded = {
      kernel: ready.release,
      release,
      arch: ready.arch,
      uname,
      ...(choice.kind === "vm" ? originOf(choice.kernel, release) : {}),
    };
    const notes = [...age, ...ready.notes, ...missingModules.map((name) => `this kernel has no module ${name}`)];
    const plain = { guest, description: describe(choice, ready) };
    return new KernelMachine(machine, accelerator ?? "", recorded, notes, choice, plain, options);
  }

  async run(test: Test): Promise<Answer> {
    return { outcome: await this.outcome(test), decided: new Map() };
  }

  async close(): Promise<void> {
    await Promise.all([this.plain.guest.stop(), ...[...this.withDevices.values()].map(({ guest }) => guest.stop())]);
  }

  /** Looked for once: going through the modules for every test would keep the answers of others waiting. */
  private get testModule(): boolean {
    return (this.foundModule ??=
      this.choice.kind === "vm" && hasModule(join(this.choice.kernel.folder, "modules"), moduleDevice));
  }
  private foundModule: boolean | undefined;

  /** Those that are up, the one that was used last at the end. One test runs at a time: the others are idle. */
  private up: Running[] = [];

  /** Makes room for one more machine, or for this one. */
  private async makeRoom(running?: Running): Promise<void> {
    this.up = this.up.filter((each) => each !== running);
    while (this.up.length >= (this.options.mostGuests ?? 4)) await this.up.shift()!.guest.stop();
  }

  private async running(test: Test): Promise<Running> {
    if (this.up.length === 0) this.up.push(this.plain);
    const known = this.fitting(test);
    if (typeof known !== "object" || !("outfit" in known)) {
      await this.makeRoom(known);
      const started = await known.guest.start();
      if (!started.ok) throw endingOf(started.fault);
      this.up.push(known);
      return known;
    }
    await this.makeRoom();
    const { guest, started } = await start(this.choice, known.outfit, this.options);
    const running = { guest, description: describe(this.choice, started.ready) };
    this.withDevices.set(known.outfit.name, running);
    this.up.push(running);
    return running;
  }

  /** Devices are attached to virtual machines; a host has those that it has. An outfit where none is there yet. */
  private fitting(test: Test): Running | { readonly outfit: Outfit } {
    if (this.choice.kind !== "vm") return this.plain;
    const { kernel } = this.choice;
    // Where there is no test module no machine need boot to say so.
    const needs = needsOf(test).filter((need) => need !== "module" || this.testModule);
    if (needs.length === 0) return this.plain;
    const outfit = outfitFor(needs, kernel.arch);
    return this.withDevices.get(outfit.name) ?? { outfit };
  }

  private async outcome(test: Test): Promise<Outcome> {
    const lacking = this.choice.kind === "vm" ? noMachine(needsOf(test)) : undefined;
    if (lacking !== undefined) return { status: "unsupported", reason: lacking, values: {}, ms: 0 };
    const { guest, description } = await this.running(test);
    const compiled = compile(test, description, this.options);
    if (compiled.kind === "unsupported") return compiled.outcome;
    const ask = () =>
      guest.run(compiled.program, {
        timeoutMs: compiled.limitMs,
        spent: unkillable,
        changesDevices: changesDevices(test),
      });
    let ran = await ask();
    if (ran.kind === "oops" && this.aside === "tcg" && isHalfPatched(ran.reason)) {
      this.options.onProgress?.(
        `${test.name}: the emulator ran code that the kernel was patching (${ran.reason}); asking again`,
      );
      ran = await ask();
    }
    const { ms } = ran;
    switch (ran.kind) {
      case "result": {
        const outcome = { ...decoded(compiled, ran.payload), ms };
        return ran.warning ? { ...outcome, reason: ran.warning.reason, log: ran.warning.log } : outcome;
      }
      case "hang":
      case "oops":
        return { status: ran.kind, reason: ran.reason, log: ran.log, values: {}, ms };
      case "lost":
        return { status: "oops", reason: ran.reason, log: ran.log, values: {}, ms };
      case "killed":
        return {
          status: "broken",
          reason: `no verdict on the kernel, twice: ${ran.reason}`,
          log: ran.log,
          values: {},
          ms,
        };
      case "refused":
        return { status: "broken", reason: `the executor refused the test: ${ran.reason}`, values: {}, ms };
      case "down":
        throw endingOf(ran.fault);
    }
  }
}

/** What came back, or that it is no result: a fault of litmap's, which says nothing of the kernel. */
function decoded(compiled: Extract<Compilation, { kind: "program" }>, payload: Uint8Array): Outcome {
  try {
    return compiled.decode(payload);
  } catch (error) {
    if (!(error instanceof MalformedResult)) throw error;
    return { status: "broken", reason: `the executor's answer cannot be used: ${error.message}`, values: {}, ms: 0 };
  }
}

/**
 * QEMU's software emulation with several processors can run the breakpoint that the kernel
 * writes while it patches its own code (static keys), on a processor that should have been
 * stopped: an `int3` in the kernel that no test can cause.
 */
function isHalfPatched(reason: string): boolean {
  return /\bint3: 0000\b/.test(reason);
}

/** Only a fresh machine is rid of a process that cannot be killed. */
function unkillable(answer: Uint8Array): string | undefined {
  return leftUnkillable(answer) ? "a process of the test could not be killed" : undefined;
}

/** The instruction set of a kernel of the store; those of hosts must be this machine's. */
const isaOfChoice = (choice: KernelChoice): Isa | undefined => (choice.kind === "vm" ? choice.kernel.arch : undefined);

async function start(
  choice: KernelChoice,
  outfit: Outfit,
  options: KernelOptions,
): Promise<{ guest: Machine; started: Started }> {
  for (let again = 2; ; again--) {
    const guest = new Machine(await targetOf(choice, outfit, options), { onNote: options.onProgress });
    const started = await guest.start();
    if (started.ok) return { guest, started: started.value };
    await guest.stop();
    if (again === 0 || !isHalfPatched(`${started.fault.message}\n${started.fault.log}`)) throw endingOf(started.fault);
    options.onProgress?.("the emulator ran code that the kernel was patching while it came up; starting it again");
  }
}

export function describe(choice: KernelChoice, ready: Started["ready"]): KernelDescription {
  const disk = choice.kind === "vm" && ready.devices.has(ramdisk) ? `/dev/${ramdisk}` : undefined;
  return {
    release: linuxVersion(`${ready.release} ${ready.version}`) ?? ready.release,
    arch: ready.arch,
    pageSize: ready.pageSize,
    kind: choice.kind,
    disk,
    devices: ready.devices,
  };
}

async function targetOf(choice: KernelChoice, outfit: Outfit, options: KernelOptions): Promise<Target> {
  let executor: string;
  try {
    executor = await buildExecutor(executorSources(), { isa: isaOfChoice(choice) });
  } catch (error) {
    if (error instanceof ExecutorUnavailable) throw badMachine(error.message);
    throw error;
  }
  switch (choice.kind) {
    case "vm":
      return new VmTarget({
        kernel: choice.kernel,
        executor,
        ...outfit,
        accelerator: options.accelerator,
        onProgress: options.onProgress,
      });
    case "host":
      return new HostTarget(executor);
    case "ssh":
      return new SshTarget(choice.name, executor);
  }
}

/** What there is to say of a kernel that is newer than the model knows; one that is too old cannot be compared. */
export function ageNote(release: string): string[] {
  const known = knownAs(release);
  if (known === "older") throw badRequest(`the model knows no Linux ${release}`, knownVersions());
  if (known === "known") return [];
  const series = seriesOf(release);
  return [
    `Linux ${release} is newer than what the model knows, ` +
      (knownAs(series) === "known"
        ? `${versionOf(series)}: what later updates of ${series} changed is not in it`
        : `${versionOf(newestRelease)}: what later releases changed is not in it`),
  ];
}

/** Where a kernel of the store came from, which configuration it was built with, and what that chose. */
function originOf(
  kernel: Kernel,
  release: string,
): Pick<RecordedKernel, "package" | "image" | "config" | "configured"> {
  const options = optionsOf(kernel);
  const configured = options ? configuredDesign(release, options) : {};
  const packages = kernel.source.kind === "image" ? [] : kernel.source.packages;
  const image = packages.find(({ name }) => name.startsWith("linux-image")) ?? packages.at(-1);
  return {
    package: image && `${image.name} ${image.version}`,
    image: image ? undefined : kernel.sha256,
    config: configHash(kernel),
    ...(Object.keys(configured).length > 0 ? { configured } : {}),
  };
}

function configHash(kernel: Kernel): string | undefined {
  try {
    return createHash("sha256")
      .update(readFileSync(join(kernel.folder, "config")))
      .digest("hex");
  } catch {
    return undefined;
  }
}

/** A fault of the kernel side as the end of the command. */
export function endingOf(fault: Fault): Ending {
  const last = fault.log
    .trimEnd()
    .split("\n")
    .slice(-12)
    .map((line) => `  | ${line}`)
    .join("\n");
  const message = fault.log.trim() === "" ? fault.message : `${fault.message}\n${last}`;
  return new Ending(fault.code === "request" ? exitStatus.badRequest : exitStatus.badMachine, message, fault.hint);
}
