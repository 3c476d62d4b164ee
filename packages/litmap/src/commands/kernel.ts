/** `litmap kernel add|build|module|ls|rm|boot`: the kernels that `run --on` can use. */
import { KernelStore, buildTestModule } from "@litmap/kernels";
import type { Kernel } from "@litmap/kernels";
import { badRequest, exitStatus } from "../exit-status.js";
import { Interrupt } from "../interrupt.js";
import { KernelMachine, chooseKernels, endingOf } from "../machines/kernel.js";
import { wholeNumber } from "../whole-number.js";
import { moduleSources } from "../places.js";
import { Progress } from "../progress.js";
import { columns, duration } from "../report/columns.js";
import { paintFor, print } from "../terminal.js";

export interface AddOptions {
  readonly image?: string;
  readonly modules?: string;
  readonly quiet?: boolean;
}

/** Debian's kernel of each release, or, with --image, the user's own under one name. */
export async function add(names: readonly string[], options: AddOptions): Promise<number> {
  if (options.image === undefined && options.modules !== undefined) throw badRequest("--modules goes with --image");
  if (options.image !== undefined && names.length !== 1) throw badRequest("--image adds one kernel, under one name");
  const store = new KernelStore();
  const progress = new Progress(options.quiet ? false : undefined);
  try {
    for (const name of names) {
      const began = performance.now();
      const onProgress = (line: string): void => progress.say(`${name}: ${line}`);
      const added =
        options.image === undefined
          ? await store.addDebian(name, { onProgress })
          : await store.addImage(name, options.image, options.modules, { onProgress });
      progress.clear();
      if (!added.ok) throw endingOf(added.fault);
      if (!options.quiet)
        print(
          `${name}  Linux ${added.value.linux}  ${added.value.version}  ${sourceOf(added.value)}  ` +
            `${duration(performance.now() - began)}`,
        );
    }
  } finally {
    progress.clear();
  }
  return exitStatus.asExpected;
}

export interface BuildOptions {
  readonly as?: string;
  readonly jobs?: string;
  readonly quiet?: boolean;
}

/** A kernel of a release, compiled here with what Debian leaves out. */
export async function build(release: string, options: BuildOptions): Promise<number> {
  const jobs = options.jobs === undefined ? undefined : wholeNumber("--jobs", options.jobs);
  const progress = new Progress(options.quiet ? false : undefined);
  const began = performance.now();
  try {
    const built = await new KernelStore().build(release, {
      moduleSources: moduleSources(),
      name: options.as,
      jobs,
      onProgress: (line) => progress.say(`${release}: ${line}`),
    });
    progress.clear();
    if (!built.ok) throw endingOf(built.fault);
    const { kernel, fresh } = built.value;
    if (options.quiet) return exitStatus.asExpected;
    print(
      `${kernel.name}  Linux ${kernel.linux}  ${kernel.version}  ${sourceOf(kernel)}  ` +
        `${fresh ? duration(performance.now() - began) : "nothing to do"}`,
    );
    const unset = kernel.source.kind === "built" ? kernel.source.unset : [];
    if (unset.length > 0) print(`  its configuration did not take ${unset.join(", ")}`);
  } finally {
    progress.clear();
  }
  return exitStatus.asExpected;
}

/** Builds the test module for kernels of the store. */
export async function addModule(
  names: readonly string[],
  options: { readonly build?: string; readonly quiet?: boolean },
): Promise<number> {
  if (options.build !== undefined && names.length !== 1) throw badRequest("--build goes with one kernel");
  const store = new KernelStore();
  const progress = new Progress(options.quiet ? false : undefined);
  try {
    for (const name of names) {
      const found = store.find(name);
      if (!found.ok) throw endingOf(found.fault);
      const began = performance.now();
      const built = await buildTestModule(found.value, {
        sourceFolder: moduleSources(),
        build: options.build,
        onProgress: (line) => progress.say(`${name}: ${line}`),
      });
      progress.clear();
      if (!built.ok) throw endingOf(built.fault);
      if (!options.quiet)
        print(`${name}  test module built for Linux ${found.value.version}  ${duration(performance.now() - began)}`);
    }
  } finally {
    progress.clear();
  }
  return exitStatus.asExpected;
}

export function list(options: { readonly json?: boolean; readonly color?: boolean }): number {
  const kernels = new KernelStore().list();
  if (options.json) {
    for (const kernel of kernels) print(JSON.stringify(kernel));
    return exitStatus.asExpected;
  }
  const paint = paintFor(process.stdout, options.color);
  if (kernels.length === 0) print("no kernels yet; `litmap kernel add 6.12` takes Debian's");
  for (const line of columns(
    kernels.map((kernel) => [
      paint.name(kernel.name),
      kernel.linux,
      kernel.version,
      kernel.arch,
      sourceOf(kernel),
      paint.dim(kernel.added.slice(0, 10)),
    ]),
  ))
    print(line);
  return exitStatus.asExpected;
}

export async function remove(names: readonly string[]): Promise<number> {
  const store = new KernelStore();
  const wanted = [...new Set(names)];
  for (const name of wanted) {
    const found = store.find(name);
    if (!found.ok) throw badRequest(found.fault.message, "`litmap kernel ls` lists them; nothing was removed");
  }
  for (const name of wanted) {
    const removed = await store.remove(name);
    if (!removed.ok) throw endingOf(removed.fault);
    print(`${name} removed`);
  }
  return exitStatus.asExpected;
}

/** Starts a kernel, says what it is and how long it took, and ends it. */
export async function boot(
  name: string,
  options: { readonly accel?: string; readonly json?: boolean },
): Promise<number> {
  const { accel = "auto" } = options;
  if (accel !== "auto" && accel !== "tcg" && accel !== "kvm")
    throw badRequest(`--accel takes tcg, kvm or auto, not '${accel}'`);
  const [choice] = chooseKernels([name]);
  const progress = new Progress();
  const interrupt = new Interrupt();
  const began = performance.now();
  try {
    const opening = KernelMachine.open(choice, {
      accelerator: accel,
      rounds: 1,
      budgetMs: 20_000,
      roundMs: 10_000,
      onProgress: (line) => progress.say(line),
    });
    const machine = await interrupt.unlessInterrupted(opening);
    progress.clear();
    if (!machine) return interrupt.status;
    const ms = performance.now() - began;
    if (options.json) print(JSON.stringify({ ...machine.machine, notes: machine.notes, ms: Math.round(ms) }));
    else {
      print(
        `${name}  Linux ${machine.machine.uname}  ` +
          `${[machine.machine.arch, machine.aside].filter((part) => part !== "").join(" ")}  first answer after ` +
          `${duration(ms)}`,
      );
      for (const note of machine.notes) print(`  ${note}`);
    }
    await machine.close();
    return exitStatus.asExpected;
  } finally {
    progress.clear();
    interrupt.done();
  }
}

function sourceOf(kernel: Kernel): string {
  if (kernel.source.kind === "image") return kernel.source.image;
  if (kernel.source.kind === "built")
    return `built from ${kernel.source.packages.map(({ name, version }) => `${name} ${version}`).join(", ")}`;
  const image =
    kernel.source.packages.find((each) => each.name.startsWith("linux-image")) ?? kernel.source.packages.at(-1);
  return image ? `Debian ${image.version}` : "Debian";
}
