/**
 * Debian's kernels through a private apt directory: own lists, own cache, own
 * status file. The machine's apt gives the mirror's address, its keys and how
 * to reach it (proxy, certificates), and is never written to.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "@litmap/linux";
import type { AptSource } from "./apt-sources.js";
import { findDebian, kernelSources, parseDeb822, parseOneLine } from "./apt-sources.js";
import type { ChildResult } from "./child.js";
import { runChild } from "./child.js";
import { compareDebianVersions } from "./debian-version.js";
import { Fault, errnoOf } from "./fault.js";
import type { DebianArchitecture, DebianKernel } from "./flavour.js";
import type { KernelPackage } from "./store.js";

export interface DebianOptions {
  /** Told, in one line each, what takes long. */
  readonly onProgress?: (line: string) => void;
  /** Where the machine's apt sources lie (default /etc/apt); tests give another. */
  readonly aptFolder?: string;
}

const needsApt = "kernels from packages need a Debian system with apt; elsewhere give --image and --modules";
/** Room for the vmlinux out of the bzImage, bytes. */
const unpackedKernel = 70e6;
/** Room for a kernel's source and what a trimmed build makes of it, bytes. */
const builtTree = 2.6e9;
/** Lists older than this are fetched again, in milliseconds. */
const listsAge = 24 * 3_600_000;

/** A private apt directory. It knows one architecture, whichever the machine's own is. */
interface AptFolder {
  readonly path: string;
  readonly architecture: DebianArchitecture;
}

const aptFolder = (cache: string, architecture: DebianArchitecture): AptFolder => ({
  path: join(cache, architecture === "amd64" ? "apt" : `apt-${architecture}`),
  architecture,
});

/** A record of `apt-cache show`, as far as it matters. Sizes in bytes. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly size: number;
  readonly installedSize: number;
}

/** Packages to look for: those of these names that `choose` picks. */
interface Wanted {
  readonly names: RegExp;
  readonly choose: (records: readonly PackageRecord[]) => PackageRecord[] | undefined;
  /** For the fault when there are none: `kernel 6.12 for amd64`. */
  readonly what: string;
  readonly hint: string;
}

/**
 * Puts vmlinuz, config and modules of the newest kernel of a release and flavour into `target`.
 * @param cache Where the private apt directories lie, one for each architecture; made when missing, their lists are
 * used for a day.
 * @returns The packages that they came from.
 */
export async function fetchDebianKernel(
  kernel: DebianKernel,
  cache: string,
  target: string,
  options: DebianOptions,
): Promise<KernelPackage[]> {
  const { release, flavour } = kernel;
  const apt = aptFolder(cache, kernel.architecture);
  const parts = "image|base|binary|binary-unsigned|modules";
  const version = `${release.replace(".", "\\.")}(?![0-9])`;
  const names = new RegExp(`^linux-(${parts})-${version}\\S*-${flavour}(-unsigned)?$`);
  const wanted = {
    names,
    choose: (records: readonly PackageRecord[]) => chooseKernel(records, kernel),
    what: `kernel ${release} for ${flavour}`,
    hint: "give --image and --modules",
  };
  const found = await findPackages(apt, wanted, options);
  checkSpace(target, found, unpackedKernel);
  const tree = await unpackPackages(apt, found, target, options);
  takeKernel(tree, target);
  rmSync(tree, { recursive: true });
  return found.map(packageOf);
}

/** The newest source package of a release, from the lists; nothing is downloaded but those. */
export async function findDebianSource(release: string, cache: string, options: DebianOptions): Promise<PackageRecord> {
  const name = `linux-source-${release}`;
  const newest = (records: readonly PackageRecord[]): PackageRecord[] | undefined => {
    const sorted = records
      .filter((record) => record.name === name)
      .sort((a, b) => compareDebianVersions(b.version, a.version));
    return sorted.length === 0 ? undefined : [sorted[0]];
  };
  const wanted = {
    names: new RegExp(`^${name.replace(".", "\\.")}$`),
    choose: newest,
    what: `package ${name}`,
    hint: "build the kernel by hand and give it to `litmap kernel add` with --image and --modules",
  };
  return (await findPackages(aptFolder(cache, "amd64"), wanted, options))[0];
}

/**
 * Downloads a source package and unpacks the kernel's tree.
 * @returns The tree's top folder, inside `target`.
 */
export async function fetchDebianSource(
  source: PackageRecord,
  cache: string,
  target: string,
  options: DebianOptions,
): Promise<string> {
  checkSpace(target, [source], builtTree);
  const packed = await unpackPackages(aptFolder(cache, "amd64"), [source], target, options);
  const folder = join(packed, "usr", "src");
  const archive = exists(folder)
    ? readdirSync(folder).find((file) => /^linux-source-.*\.tar\.xz$/.test(file))
    : undefined;
  if (archive === undefined) throw new Fault("mirror", `the package ${source.name} holds no linux-source archive`);
  options.onProgress?.(`unpacking ${archive}`);
  const unpacked = await runChild("tar", ["-xJf", join(folder, archive), "-C", target], {
    timeoutMs: 900_000,
    hint: "install tar and xz-utils",
  });
  if (unpacked.status !== 0) throw failed(`unpacking ${archive}`, unpacked);
  rmSync(packed, { recursive: true });
  const tree = readdirSync(target).find((name) => name.startsWith("linux-source-"));
  if (tree === undefined) throw new Fault("mirror", `${archive} holds no folder linux-source-*`);
  return join(target, tree);
}

export function packageOf({ name, version, sha256 }: PackageRecord): KernelPackage {
  return { name, version, sha256 };
}

/** Looks in the lists, and once more in fresh ones. A Fault `mirror` when there is nothing. */
async function findPackages(apt: AptFolder, wanted: Wanted, options: DebianOptions): Promise<PackageRecord[]> {
  const missing = await refreshLists(apt, options, false);
  let found = wanted.choose(await candidates(apt, wanted.names));
  if (!found && missing === undefined) {
    await refreshLists(apt, options, true);
    found = wanted.choose(await candidates(apt, wanted.names));
  }
  if (found) return found;
  const note = missing?.length ? ` (without ${missing.join(", ")}, which it does not serve)` : "";
  throw new Fault("mirror", `this machine's Debian mirror has no ${wanted.what}${note}`, wanted.hint);
}

/** Downloads packages and unpacks them into one folder inside `target`, whose path it gives. */
async function unpackPackages(
  apt: AptFolder,
  packages: readonly PackageRecord[],
  target: string,
  options: DebianOptions,
): Promise<string> {
  const megabytes = Math.round(packages.reduce((sum, each) => sum + each.size, 0) / 1e6);
  options.onProgress?.(`downloading ${packages.map((each) => each.name).join(", ")} (${megabytes} MB)`);
  const debs = join(target, "debs");
  mkdirSync(debs);
  const names = packages.map((each) => `${each.name}=${each.version}`);
  let download = await aptCommand(apt.path, "apt-get", ["download", ...names], debs);
  if (download.status !== 0 && !isFull(download)) {
    // The mirror may have moved on since the lists were fetched.
    await refreshLists(apt, options, true);
    download = await aptCommand(apt.path, "apt-get", ["download", ...names], debs);
  }
  if (download.status !== 0) throw failed(`downloading ${names.join(", ")}`, download);
  const tree = join(target, "tree");
  for (const deb of readdirSync(debs).sort()) {
    options.onProgress?.(`unpacking ${deb}`);
    const unpacked = await runChild("dpkg-deb", ["-x", join(debs, deb), tree], { timeoutMs: 300_000, hint: needsApt });
    if (unpacked.status !== 0) throw failed(`unpacking ${deb}`, unpacked);
    rmSync(join(debs, deb));
  }
  rmSync(debs, { recursive: true });
  return tree;
}

/** Moves what a kernel consists of from an unpacked package tree to `target`. */
function takeKernel(tree: string, target: string): void {
  const roots = ["usr/lib/modules", "lib/modules"].map((path) => join(tree, path)).filter(exists);
  const versions = roots.flatMap((root) => readdirSync(root).map((version) => join(root, version)));
  if (versions.length !== 1)
    throw new Fault("mirror", `the packages hold ${versions.length} sets of modules where one was expected`);
  renameSync(versions[0], join(target, "modules"));
  const move = (name: string): void => {
    const inBoot = exists(join(tree, "boot"))
      ? readdirSync(join(tree, "boot")).find((file) => file.startsWith(`${name}-`))
      : undefined;
    const places = [join(target, "modules", name), ...(inBoot ? [join(tree, "boot", inBoot)] : [])];
    const place = places.find(exists);
    if (place) renameSync(place, join(target, name));
  };
  move("vmlinuz");
  move("config");
  if (!exists(join(target, "vmlinuz"))) throw new Fault("mirror", "the packages hold no vmlinuz");
}

/**
 * The packages of the newest kernel of a release: one `linux-image` that carries everything, or
 * `linux-base`, `linux-binary` and `linux-modules`. Signed ones are preferred to unsigned ones,
 * however new, since those are what people run; real-time, cloud and debug flavours are left out.
 */
export function chooseKernel(
  records: readonly PackageRecord[],
  { release, flavour }: Pick<DebianKernel, "release" | "flavour">,
): PackageRecord[] | undefined {
  const wanted = new RegExp(
    `^linux-(image|binary|binary-unsigned)-(${release.replace(".", "\\.")}(?![0-9])\\S*?-${flavour})(-unsigned)?$`,
  );
  const best = (name: string, version?: string): PackageRecord | undefined =>
    records
      .filter((record) => record.name === name && (version === undefined || record.version === version))
      .sort((a, b) => compareDebianVersions(b.version, a.version))[0];
  const sets: { readonly signed: boolean; readonly version: string; readonly packages: PackageRecord[] }[] = [];
  for (const record of records) {
    const found = wanted.exec(record.name);
    if (!found || /-(rt|cloud)-/.test(record.name)) continue;
    const [, kind, abi, unsigned] = found;
    if (kind === "image") {
      // A metapackage is a few kilobytes.
      if (record.size > 4_000_000)
        sets.push({ signed: unsigned === undefined, version: record.version, packages: [record] });
      continue;
    }
    const modules = best(`linux-modules-${abi}`, record.version);
    if (!modules) continue;
    // Before linux-base existed the others carried its files.
    const base = best(`linux-base-${abi}`, record.version);
    sets.push({
      signed: kind === "binary",
      version: record.version,
      packages: [...(base ? [base] : []), record, modules],
    });
  }
  sets.sort((a, b) => Number(b.signed) - Number(a.signed) || compareDebianVersions(b.version, a.version));
  return sets[0]?.packages;
}

/** Records out of the text that `apt-cache show` prints. */
export function parsePackageRecords(text: string): PackageRecord[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}: *(.*)$`, "m").exec(stanza)?.[1] ?? "";
    if (field("Package") === "") return [];
    return [
      {
        name: field("Package"),
        version: field("Version"),
        sha256: field("SHA256"),
        size: Number(field("Size")),
        installedSize: Number(field("Installed-Size")) * 1024,
      },
    ];
  });
}

async function candidates(apt: AptFolder, wanted: RegExp): Promise<PackageRecord[]> {
  const listed = await aptCommand(apt.path, "apt-cache", ["pkgnames", "linux-"], apt.path);
  const names = listed.stdout
    .toString()
    .split("\n")
    .filter((name) => wanted.test(name));
  if (names.length === 0) return [];
  const shown = await aptCommand(apt.path, "apt-cache", ["show", ...names], apt.path);
  return parsePackageRecords(shown.stdout.toString());
}

/**
 * Fetches the lists unless they are a day young.
 * @returns The suites that the mirror does not serve, or undefined when the lists at hand were used.
 */
async function refreshLists(apt: AptFolder, options: DebianOptions, always: boolean): Promise<string[] | undefined> {
  const stamp = join(apt.path, "fetched");
  if (!always && ageOf(stamp) < listsAge) return undefined;
  await writeAptFolder(apt, options.aptFolder ?? "/etc/apt");
  options.onProgress?.("fetching the mirror's package lists");
  const update = await aptCommand(apt.path, "apt-get", ["update"], apt.path);
  if (isFull(update)) throw failed("fetching the package lists", update);
  const missing = [
    ...update.stderr.matchAll(/^[EW]: (?:The repository '\S+ (\S+) Release'|Failed to fetch \S+?\/dists\/([^/]+)\/)/gm),
  ].map((match) => match[1] ?? match[2]);
  const lists = readdirSync(join(apt.path, "state", "lists")).filter((file) => file.includes("Packages"));
  if (lists.length === 0) throw failed("fetching the package lists", update);
  writeFileSync(stamp, "");
  const unique = [...new Set(missing)];
  if (unique.length > 0) options.onProgress?.(`this machine's mirror does not serve ${unique.join(", ")}`);
  return unique;
}

async function writeAptFolder({ path: apt, architecture }: AptFolder, etc: string): Promise<void> {
  const mirror = findDebian(readSources(etc));
  if (!mirror) {
    throw new Fault(
      "mirror",
      `this machine's apt (${etc}) has no Debian mirror in its sources`,
      "add one, or give --image and --modules",
    );
  }
  for (const folder of ["sources", "state/lists/partial", "cache/archives/partial", "log", "empty"]) {
    makeFolder(join(apt, folder));
  }
  writeFileSync(join(apt, "state", "status"), "");
  writeFileSync(join(apt, "sources", "kernels.sources"), kernelSources(mirror, architecture));
  const dump = await runChild("apt-config", ["dump"], { timeoutMs: 30_000, hint: needsApt });
  writeFileSync(join(apt, "apt.conf"), aptConf(apt, dump.stdout.toString(), architecture));
}

/** The private configuration: everything in `apt`, plus what the machine's says about how to fetch. */
export function aptConf(apt: string, machine: string, architecture: DebianArchitecture): string {
  const quoted = (path: string): string => `"${join(apt, path)}"`;
  // The index targets are apt's own defaults; of the rest, what concerns reaching the mirror.
  const acquire = machine.split("\n").filter((line) => /^Acquire::(?!IndexTargets|Languages|Changelogs)/.test(line));
  return [
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::sourceparts ${quoted("sources")};`,
    `Dir::Etc::preferences "/dev/null";`,
    `Dir::Etc::preferencesparts ${quoted("empty")};`,
    // Hooks of the machine's own apt must not run for ours.
    `Dir::Etc::main "/dev/null";`,
    `Dir::Etc::parts ${quoted("empty")};`,
    `Dir::State ${quoted("state")};`,
    `Dir::State::status ${quoted("state/status")};`,
    `Dir::Cache ${quoted("cache")};`,
    `Dir::Log ${quoted("log")};`,
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    `APT::Sandbox::User "root";`,
    ...acquire,
    `Acquire::Languages "none";`,
    // Half a gigabyte of lists and their index become 60 MB; a look-up takes two seconds instead.
    `Acquire::GzipIndexes "true";`,
    `Dir::Cache::pkgcache "";`,
    `Dir::Cache::srcpkgcache "";`,
    "",
  ].join("\n");
}

function readSources(etc: string): AptSource[] {
  const parts = join(etc, "sources.list.d");
  const files = [
    join(etc, "sources.list"),
    ...(exists(parts)
      ? readdirSync(parts)
          .sort()
          .map((file) => join(parts, file))
      : []),
  ];
  return files.flatMap((file) => {
    if (!exists(file)) return [];
    if (file.endsWith(".sources")) return parseDeb822(readFileSync(file, "utf8"));
    return file.endsWith(".list") ? parseOneLine(readFileSync(file, "utf8")) : [];
  });
}

/** The one place that sets APT_CONFIG, in the environment of a child that only reads or downloads. */
function aptCommand(
  apt: string,
  program: "apt-get" | "apt-cache",
  args: readonly string[],
  cwd: string,
): Promise<ChildResult> {
  const env = { ...process.env, APT_CONFIG: join(apt, "apt.conf"), LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  return runChild(program, args, { cwd, env, timeoutMs: 900_000, hint: needsApt });
}

/** @param beyond Bytes that are needed beside the packages and what they unpack to. */
function checkSpace(folder: string, packages: readonly PackageRecord[], beyond: number): void {
  const needed = packages.reduce((sum, each) => sum + each.size + each.installedSize, beyond);
  const disk = statfsSync(folder);
  const free = disk.bavail * disk.bsize;
  if (free >= needed) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new Fault(
    "disk-full",
    `not enough room in the cache folder: ${packages.at(-1)?.name} needs ${megabytes(needed)}, ${megabytes(free)} ` +
      "are free",
    "free some space, remove a kernel with `litmap kernel rm`, or set LITMAP_CACHE to another folder",
  );
}

function isFull(result: ChildResult): boolean {
  return /No space left on device|don't have enough free space/.test(result.stderr);
}

function failed(what: string, result: ChildResult): Fault | Error {
  // diskFault recognises the message and names the folder.
  if (isFull(result)) return new Error("No space left on device");
  const lines = result.stderr
    .trim()
    .split("\n")
    .filter((line) => line !== "");
  return new Fault(
    "mirror",
    `${what} failed: ${lines.at(-1) ?? `exit status ${result.status}`}`,
    "does `apt-get update` work on this machine?",
    lines.slice(-20).join("\n"),
  );
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

function ageOf(path: string): number {
  return exists(path) ? Date.now() - statSync(path).mtimeMs : Number.POSITIVE_INFINITY;
}
