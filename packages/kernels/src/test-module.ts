/**
 * The test module (`module/`) for a kernel of the store: built in the tree or
 * against the headers that the kernel was built from, and put among its modules.
 */
import { cpSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { makeFolder } from "@litmap/linux";
import { runChild } from "./child.js";
import type { Result } from "./fault.js";
import { Fault, diskFault, settle } from "./fault.js";
import { vermagicOf } from "./modules.js";
import { findProgram, removeFolder, temporaryFolder } from "./running.js";
import type { Kernel } from "./store.js";

/** In a kernel's folder: what it was built with, where it was built here. */
export const headersFolder = "build";

/** Below a kernel's folder of modules. */
const place = ["extra", "litmap.ko"] as const;

/** A minute on a slow machine; more is a compiler that hangs. */
const buildTimeoutMs = 300_000;

export interface ModuleOptions {
  /** Holds the module's sources and Kbuild. */
  readonly sourceFolder: string;
  /** The kernel's build folder. Default: the one that is kept with it, or Debian's headers of its version. */
  readonly build?: string;
  readonly onProgress?: (line: string) => void;
}

/** Builds the module and adds it to the kernel; gives its path. Replaces an older one. */
export function buildTestModule(
  kernel: Kernel,
  { sourceFolder, build, onProgress }: ModuleOptions,
): Promise<Result<string>> {
  return settle(async () => {
    const folder = buildFolder(kernel, build);
    for (const program of ["make", "gcc"]) {
      if (!findProgram(program))
        throw new Fault(
          "missing-program",
          `${program} is not installed`,
          "install it (Debian: apt-get install make gcc)",
        );
    }
    onProgress?.("building the test module");
    const data = await makeTestModule(sourceFolder, folder);
    const version = vermagicOf(data);
    if (version !== kernel.version)
      throw new Fault(
        "request",
        `that folder builds modules for Linux ${version}, and ${kernel.name} is ${kernel.version}`,
      );
    return keepTestModule(join(kernel.folder, "modules"), data);
  });
}

/**
 * The module as it comes out of a kernel's build folder or its headers. A Fault `build` with the compiler's words when
 * it does not.
 */
export async function makeTestModule(sourceFolder: string, folder: string): Promise<Uint8Array> {
  const scratch = temporaryFolder();
  try {
    cpSync(sourceFolder, scratch, { recursive: true });
    const made = await runChild("make", ["-C", folder, `M=${scratch}`, "modules"], { timeoutMs: buildTimeoutMs });
    const file = join(scratch, "litmap.ko");
    if (made.status === 0 && existsSync(file)) return readFileSync(file);
    throw new Fault(
      "build",
      `the test module cannot be built in ${folder}`,
      "it must be the folder that this kernel was built in, or its headers",
      made.stderr,
    );
  } finally {
    removeFolder(scratch);
  }
}

/** Puts it among a kernel's modules; gives its path. */
export function keepTestModule(modules: string, data: Uint8Array): string {
  const path = join(modules, ...place);
  const aside = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path));
    writeFileSync(aside, data);
    renameSync(aside, path);
  } catch (error) {
    throw diskFault(error, modules);
  }
  return path;
}

/** The folder in which modules of a kernel are built. */
function buildFolder(kernel: Kernel, given: string | undefined): string {
  if (given !== undefined) {
    if (!existsSync(join(given, "Makefile")))
      throw new Fault("request", `${given} is no build folder of a kernel: it has no Makefile`);
    return resolve(given);
  }
  const known = [
    join(kernel.folder, headersFolder),
    `/usr/src/linux-headers-${kernel.version}`,
    `/lib/modules/${kernel.version}/build`,
  ].find((folder) => existsSync(join(folder, "Makefile")));
  if (known !== undefined) return known;
  throw new Fault(
    "request",
    `there are no headers of Linux ${kernel.version} to build the test module against`,
    `apt-get install linux-headers-${kernel.version} where the machine's Debian has it, or --build DIR with the ` +
      "folder that the kernel was built in",
  );
}

/** Changes when the kernel's test module does; empty where there is none. */
export function testModuleStamp(kernel: Kernel): string {
  const file = statSync(join(kernel.folder, "modules", ...place), { throwIfNoEntry: false });
  return file ? `${file.size} ${Math.round(file.mtimeMs)}` : "";
}
