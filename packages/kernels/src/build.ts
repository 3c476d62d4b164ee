/**
 * A trimmed kernel out of Debian's source package: tinyconfig plus our own fragment, compiled
 * on this machine with what Debian leaves out.
 */
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { OptionGroup, OptionValue } from "./build-fragment.js";
import { buildFragment } from "./build-fragment.js";
import type { ChildResult } from "./child.js";
import { runChild } from "./child.js";
import { parseConfig } from "./configuration.js";
import type { DebianOptions, PackageRecord } from "./debian.js";
import { fetchDebianSource } from "./debian.js";
import { Fault } from "./fault.js";
import { findProgram } from "./running.js";
import { headersFolder, keepTestModule, makeTestModule } from "./test-module.js";

export interface BuildOptions extends DebianOptions {
  /** Holds the test module's sources. */
  readonly moduleSources: string;
  /** Compilers that run at the same time; default one a processor. */
  readonly jobs?: number;
}

/** An option that the kernel's configuration did not take as it was asked for. */
export interface Unset {
  readonly option: string;
  readonly wanted: OptionValue;
  /** What it is instead; `n` also where the release does not know it. */
  readonly got: string;
}

/** Time limits in milliseconds. A trimmed kernel takes ten minutes on two processors; a busy machine takes long. */
const limit = { configure: 600_000, compile: 3 * 3_600_000, install: 600_000 } as const;

/** What a build calls, and the Debian package of each. */
const programs: Readonly<Record<string, string>> = {
  make: "make",
  gcc: "gcc",
  ld: "binutils",
  flex: "flex",
  bison: "bison",
  bc: "bc",
  perl: "perl-base",
  tar: "tar",
  xz: "xz-utils",
  gzip: "gzip",
};

/** The fragment of a release, as lines of a .config. */
export function fragmentFor(release: string, groups: readonly OptionGroup[] = buildFragment): string {
  return wantedOptions(release, groups)
    .map(([option, value]) => (value === "n" ? `# CONFIG_${option} is not set\n` : `CONFIG_${option}=${value}\n`))
    .join("");
}

/** Options of a release with the last value that a group gives each. */
function wantedOptions(release: string, groups: readonly OptionGroup[]): [string, OptionValue][] {
  const known = groups.filter(({ since }) => since === undefined || minorOf(since) <= minorOf(release));
  return [...new Map(known.flatMap(({ options }) => Object.entries(options)))];
}

function minorOf(release: string): number {
  const [major, minor] = release.split(".").map(Number);
  return major * 1000 + minor;
}

/** Which options of a release's fragment a finished .config does not have as they were asked for. */
export function unsetOptions(release: string, config: string, groups: readonly OptionGroup[] = buildFragment): Unset[] {
  const is = parseConfig(config);
  return wantedOptions(release, groups).flatMap(([option, wanted]) => {
    const got = is.get(option) ?? "n";
    return got === wanted ? [] : [{ option, wanted, got }];
  });
}

/** Changes when another kernel would come out: of the source, or of the options. */
export function recipeOf(source: PackageRecord, release: string): string {
  return createHash("sha256")
    .update(`${source.version} ${source.sha256}\n${fragmentFor(release)}`)
    .digest("hex");
}

/**
 * Compiles the kernel of `source` and leaves vmlinuz, config and modules in `target`.
 * @returns The options that did not end up as the fragment has them.
 */
export async function buildKernel(
  source: PackageRecord,
  release: string,
  cache: string,
  target: string,
  options: BuildOptions,
): Promise<Unset[]> {
  await checkTools();
  const work = join(target, "source");
  mkdirSync(work);
  const tree = await fetchDebianSource(source, cache, work, options);
  options.onProgress?.("configuring");
  await make(tree, ["tinyconfig"], limit.configure);
  appendFileSync(join(tree, ".config"), fragmentFor(release));
  await make(tree, ["olddefconfig"], limit.configure);
  const unset = unsetOptions(release, readFileSync(join(tree, ".config"), "utf8"));
  await compile(tree, options);
  options.onProgress?.("installing modules");
  const installed = join(work, "installed");
  // What modules depend on is read out of themselves: no depmod is needed.
  await make(
    tree,
    ["modules_install", `INSTALL_MOD_PATH=${installed}`, "INSTALL_MOD_STRIP=1", "DEPMOD=true"],
    limit.install,
  );
  options.onProgress?.("building the test module");
  const testModule = await makeTestModule(options.moduleSources, tree);
  keepHeaders(tree, join(target, headersFolder));
  takeBuilt(tree, installed, target);
  keepTestModule(join(target, "modules"), testModule);
  rmSync(work, { recursive: true });
  return unset;
}

/** What building a module needs of the tree, so that the test module can be built anew without the kernel. */
function keepHeaders(tree: string, target: string): void {
  mkdirSync(target);
  const parts = [
    "Makefile",
    ".config",
    "Module.symvers",
    "scripts",
    "include",
    "arch/x86/include",
    "tools/objtool/objtool",
  ];
  const makefiles = existsSync(join(tree, "arch/x86"))
    ? readdirSync(join(tree, "arch/x86")).filter((name) => name.startsWith("Makefile"))
    : [];
  for (const part of [...parts, ...makefiles.map((name) => join("arch/x86", name))]) {
    if (existsSync(join(tree, part)))
      cpSync(join(tree, part), join(target, part), { recursive: true, verbatimSymlinks: true });
  }
}

async function compile(tree: string, options: BuildOptions): Promise<void> {
  const began = Date.now();
  let objects = 0;
  const onLine = (line: string): void => {
    if (!/^ +(CC|AS|LD|AR|HOSTCC)\b/.test(line)) return;
    objects += 1;
    const seconds = Math.round((Date.now() - began) / 1000);
    options.onProgress?.(`compiling: ${objects} objects in ${Math.floor(seconds / 60)} min ${seconds % 60} s`);
  };
  const jobs = options.jobs ?? availableParallelism();
  await make(tree, [`-j${jobs}`, "bzImage", "modules"], limit.compile, onLine);
}

function takeBuilt(tree: string, installed: string, target: string): void {
  const image = join(tree, "arch/x86/boot/bzImage");
  const [modules] = ["lib/modules", "usr/lib/modules"]
    .map((path) => join(installed, path))
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).map((version) => join(folder, version)));
  if (modules === undefined || !existsSync(image))
    throw new Fault("build", "make ended well and left no bzImage or no modules");
  renameSync(image, join(target, "vmlinuz"));
  renameSync(join(tree, ".config"), join(target, "config"));
  renameSync(modules, join(target, "modules"));
}

/** Runs one make in the kernel's tree. A Fault `build` with the compiler's last words when it fails. */
async function make(
  tree: string,
  args: readonly string[],
  timeoutMs: number,
  onLine?: (line: string) => void,
): Promise<void> {
  const made = await runChild("make", args, { cwd: tree, env: makeEnvironment(), timeoutMs, onLine });
  if (made.status !== 0) throw buildFault(`make ${args.join(" ")}`, made);
}

/** Nothing of this shell that would build for another machine, elsewhere, or another kernel each time. */
function makeEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    LC_ALL: "C",
    KBUILD_BUILD_USER: "litmap",
    KBUILD_BUILD_HOST: "litmap",
  };
  env.KBUILD_BUILD_VERSION = "1";
  env.KBUILD_BUILD_TIMESTAMP = "Thu Jan  1 00:00:00 UTC 1970";
  for (const name of [
    "ARCH",
    "SRCARCH",
    "CROSS_COMPILE",
    "KBUILD_OUTPUT",
    "O",
    "LLVM",
    "CC",
    "MAKEFLAGS",
    "KCONFIG_CONFIG",
    "INSTALL_MOD_PATH",
  ])
    delete env[name];
  return env;
}

function buildFault(what: string, made: ChildResult): Fault {
  if (/No space left on device/.test(made.stderr))
    return new Fault(
      "disk-full",
      "the disk filled up while the kernel was built; nothing was added",
      "free some space, or set LITMAP_CACHE to another folder",
    );
  const lines = made.stderr.split("\n").filter((line) => line.trim() !== "");
  const said =
    lines.find((line) => /\berror\b|\*\*\*|fatal/i.test(line)) ?? lines.at(-1) ?? `exit status ${made.status}`;
  return new Fault("build", `${what} failed: ${said.trim()}`, "", lines.slice(-30).join("\n"));
}

/** A Fault that names every Debian package that is missing, at once. */
async function checkTools(): Promise<void> {
  const missing = Object.entries(programs)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, name]) => name);
  if (!missing.includes("gcc") && !(await hasHeader("gelf.h"))) missing.push("libelf-dev");
  if (!missing.includes("gcc") && !(await hasHeader("stdio.h"))) missing.push("libc6-dev");
  if (missing.length === 0) return;
  throw new Fault(
    "missing-program",
    `building a kernel needs ${missing.join(", ")}`,
    `apt-get install ${missing.join(" ")}`,
  );
}

async function hasHeader(name: string): Promise<boolean> {
  const tried = await runChild("gcc", ["-E", "-x", "c", "-"], {
    input: Buffer.from(`#include <${name}>\n`),
    timeoutMs: 30_000,
  });
  return tried.status === 0;
}
