/**
 * Which module files a guest needs, and in what order: the modules asked for
 * and what they depend on, less what is built into the kernel.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { gunzipSync } from "node:zlib";
import { runChild } from "./child.js";
import { Fault, errnoOf } from "./fault.js";

/** A module to load, with its parameters as one writes them after `modprobe NAME`. */
export interface ModuleRequest {
  readonly name: string;
  readonly params?: string;
}

export interface ModuleFile {
  /** With underscores, as the kernel names it. */
  readonly name: string;
  readonly params: string;
  /** The uncompressed ELF file. */
  readonly data: Uint8Array;
}

export interface ModulePlan {
  /** In the order in which they must be loaded. */
  readonly load: readonly ModuleFile[];
  /** Asked for, and part of the kernel itself. */
  readonly builtin: readonly string[];
  /** Requested, but missing from this kernel. */
  readonly missing: readonly string[];
}

/**
 * Reads what is needed out of a folder of modules (`kernel/…/*.ko[.xz]`, `modules.builtin`, `modules.dep`).
 * A module with a missing dependency counts as missing. A Fault when a file cannot be unpacked.
 */
export async function planModules(folder: string, requests: readonly ModuleRequest[]): Promise<ModulePlan> {
  const files = findModules(folder);
  const builtin = new Set(readLines(join(folder, "modules.builtin")).map(moduleName));
  const listed = parseModulesDep(readLines(join(folder, "modules.dep")).join("\n"));
  const params = new Map(requests.map((request) => [moduleName(request.name), request.params ?? ""]));
  const load = new Map<string, ModuleFile>();
  const unusable = new Set<string>();

  const visit = async (name: string): Promise<boolean> => {
    if (load.has(name) || builtin.has(name)) return true;
    const path = files.get(name);
    if (path === undefined || unusable.has(name)) return false;
    // Until it is known to be whole, so that a circle ends.
    unusable.add(name);
    const data = await unpack(path);
    for (const dependency of listed.get(name) ?? modinfoDepends(data)) {
      if (!(await visit(dependency))) return false;
    }
    unusable.delete(name);
    load.set(name, { name, params: params.get(name) ?? "", data });
    return true;
  };

  const inKernel: string[] = [];
  const missing: string[] = [];
  for (const name of params.keys()) {
    if (builtin.has(name)) inKernel.push(name);
    else if (!(await visit(name))) missing.push(name);
  }
  return { load: [...load.values()], builtin: inKernel, missing };
}

/** `virtio_gpu` of `kernel/drivers/gpu/drm/virtio/virtio-gpu.ko.xz`, or of `virtio-gpu`. */
export function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf("/") + 1)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

/** Direct dependencies by module name. A line of modules.dep lists all of them, those to be loaded first at the end. */
export function parseModulesDep(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const after = line
      .slice(colon + 1)
      .split(/\s+/)
      .filter((word) => word !== "");
    found.set(moduleName(line.slice(0, colon)), after.map(moduleName).reverse());
  }
  return found;
}

/** The `depends` of a module's own information; empty when it has none. */
export function modinfoDepends(module: Uint8Array): string[] {
  return modinfo(module, "depends")
    .split(",")
    .filter((name) => name !== "")
    .map(moduleName);
}

/** `uname -r` of the kernel that a folder of modules is for, as one of them says; undefined when none does. */
export async function kernelOfModules(folder: string): Promise<string | undefined> {
  const [path] = findModules(folder).values();
  const version = path === undefined ? "" : vermagicOf(await unpack(path));
  return version === "" ? undefined : version;
}

/** `uname -r` of the kernel that a module is for; empty when it does not say. */
export function vermagicOf(module: Uint8Array): string {
  return modinfo(module, "vermagic").split(" ")[0];
}

/** One item of a module's own information; empty when it has none. */
function modinfo(module: Uint8Array, item: string): string {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const key = `\0${item}=`;
  const at = bytes.indexOf(key, 0, "latin1");
  return at < 0 ? "" : bytes.toString("latin1", at + key.length, bytes.indexOf(0, at + key.length));
}

/** Whether this kernel has the module as a file or built in. */
export function hasModule(folder: string, name: string): boolean {
  const wanted = moduleName(name);
  return (
    readLines(join(folder, "modules.builtin")).some((line) => moduleName(line) === wanted) ||
    findModules(folder).has(wanted)
  );
}

/** A packed module that cannot be unpacked. */
export class DamagedModule extends Fault {
  constructor(
    readonly path: string,
    log: string,
  ) {
    super("io", `${relative(process.cwd(), path)} is damaged`, "add the kernel again", log);
  }
}

function findModules(folder: string): Map<string, string> {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true }) as string[];
  } catch {
    return new Map();
  }
  return new Map(
    names.filter((name) => /\.ko(\.\w+)?$/.test(name)).map((name) => [moduleName(name), join(folder, name)]),
  );
}

async function unpack(path: string): Promise<Uint8Array> {
  const packed = readFileSync(path);
  if (path.endsWith(".ko")) return packed;
  if (path.endsWith(".gz")) {
    try {
      return gunzipSync(packed);
    } catch (error) {
      throw new DamagedModule(path, (error as Error).message);
    }
  }
  const program = path.endsWith(".zst") ? "zstd" : "xz";
  const result = await runChild(program, ["-dc"], {
    input: packed,
    timeoutMs: 60_000,
    hint: `the kernel's modules are packed with ${program}; install ${program === "xz" ? "xz-utils" : "zstd"}`,
  });
  if (result.status !== 0) throw new DamagedModule(path, result.stderr);
  return result.stdout;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
