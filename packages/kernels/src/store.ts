/**
 * The kernels that this user has, by name, each a folder:
 *
 *     kernels/NAME/kernel.json    what it is and where it came from
 *     kernels/NAME/vmlinuz
 *     kernels/NAME/vmlinux        the kernel proper, where the vmlinuz packs it and QEMU can start it directly
 *     kernels/NAME/config         where the source had one
 *     kernels/NAME/modules/       kernel/…/*.ko[.xz], modules.builtin, modules.dep
 *
 * A kernel is put together in a folder of its own and renamed into place, so
 * that one which is listed is whole.
 */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { cacheFolder, makeFolder } from "@litmap/linux";
import { compareReleases } from "@litmap/litmus";
import type { Isa } from "@litmap/litmus";
import { releaseOf } from "./bzimage.js";
import type { BuildOptions } from "./build.js";
import { buildKernel, recipeOf } from "./build.js";
import type { DebianOptions } from "./debian.js";
import { fetchDebianKernel, findDebianSource, packageOf } from "./debian.js";
import { debianKernel, flavours } from "./flavour.js";
import type { Result } from "./fault.js";
import { Fault, diskFault, errnoOf, settle } from "./fault.js";
import type { KernelImage } from "./image.js";
import { readImage } from "./image.js";
import { linuxVersion } from "./linux-version.js";
import { withLock } from "./lock.js";
import { DamagedModule, kernelOfModules } from "./modules.js";
import { removeAtEnd } from "./running.js";
import { headersFolder } from "./test-module.js";

/** One package that a kernel came in. */
export interface KernelPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

export type KernelSource =
  | { readonly kind: "debian"; readonly packages: readonly KernelPackage[] }
  | { readonly kind: "image"; readonly image: string; readonly modules?: string }
  /** `recipe` is a hash of the source and the options; `unset` are options that it did not take, as `NAME=wanted`. */
  | {
      readonly kind: "built";
      readonly packages: readonly KernelPackage[];
      readonly recipe: string;
      readonly unset: readonly string[];
    };

export interface Kernel {
  readonly name: string;
  /** Major.minor. */
  readonly release: string;
  /** What `uname -r` says. */
  readonly version: string;
  /** The version of Linux that it is, `6.12.118`. */
  readonly linux: string;
  readonly arch: Isa;
  readonly source: KernelSource;
  /** Of the vmlinuz, in hex. */
  readonly sha256: string;
  /** When it was added, ISO 8601. */
  readonly added: string;
  /** Absolute path of the kernel's folder. */
  readonly folder: string;
}

/** What {@link KernelStore.addDebian} and {@link KernelStore.addImage} may be told. */
export interface AddOptions extends DebianOptions {
  /** How long to wait for another process that is adding, in milliseconds (default ten minutes). */
  readonly lockTimeoutMs?: number;
}

export interface StoreBuildOptions extends BuildOptions {
  /** Under which name; default the release with `-built`. */
  readonly name?: string;
  readonly lockTimeoutMs?: number;
}

export interface Built {
  readonly kernel: Kernel;
  /** False: the store had it already. */
  readonly fresh: boolean;
}

/** A kernel's parts in a folder that is about to enter the store. */
interface Assembled {
  readonly source: KernelSource;
  readonly release?: string;
}

export class KernelStore {
  readonly folder: string;

  /** @param folder The cache folder; the user's own by default. It is made when something is added. */
  constructor(folder: string = cacheFolder()) {
    this.folder = resolve(folder);
  }

  /** All kernels, oldest release first. A folder that is not whole is passed over. */
  list(): Kernel[] {
    let names: string[];
    try {
      names = readdirSync(join(this.folder, "kernels"));
    } catch {
      return [];
    }
    return names
      .flatMap((name) => this.get(name) ?? [])
      .sort((a, b) => compareReleases(a.release, b.release) || a.name.localeCompare(b.name));
  }

  get(name: string): Kernel | undefined {
    if (!isName(name)) return undefined;
    const folder = join(this.folder, "kernels", name);
    try {
      const facts = JSON.parse(readFileSync(join(folder, "kernel.json"), "utf8")) as Omit<
        Kernel,
        "folder" | "linux"
      > & {
        // Kernels that were added by an older litmap do not say.
        readonly linux?: string;
      };
      return { ...facts, linux: facts.linux ?? versionBySource(facts), name, folder };
    } catch {
      return undefined;
    }
  }

  /** Like {@link get}, with a Fault `request` that says which kernels there are. */
  find(name: string): Result<Kernel> {
    const kernel = this.get(name);
    if (kernel) return { ok: true, value: kernel };
    const names = this.list().map((each) => each.name);
    const have = names.length === 0 ? "there is none yet" : `there are ${names.join(", ")}`;
    return { ok: false, fault: new Fault("request", `no kernel is called ${name}; ${have}`, howToAdd(name)) };
  }

  /**
   * Takes Debian's newest kernel of a release (`6.12`), or of one of its flavours for other
   * architectures (`6.12-arm64-16k`), from the mirror that this machine's apt uses; /etc/apt is read and never written.
   * Replaces a kernel of that name.
   */
  addDebian(name: string, options: AddOptions = {}): Promise<Result<Kernel>> {
    return settle(async () => {
      const wanted = debianKernel(name);
      if (!wanted)
        throw notARelease(
          name,
          `, for other architectures with ${flavours
            .slice(1)
            .map((flavour) => `-${flavour}`)
            .join(", ")} behind it, or give --image and --modules`,
        );
      return this.add(name, options, async (folder) => {
        const packages = await fetchDebianKernel(wanted, this.folder, folder, options);
        return { source: { kind: "debian", packages }, release: wanted.release };
      });
    });
  }

  /**
   * Takes a kernel that the user built.
   * @param image An x86 bzImage, an arm64 Image, an arm zImage.
   * @param modules A folder with its modules: `lib/modules/VERSION`, or one that holds that, or any with .ko files.
   */
  addImage(name: string, image: string, modules?: string, options: AddOptions = {}): Promise<Result<Kernel>> {
    return settle(() =>
      this.add(name, options, async (folder) => {
        if (!isFile(image))
          throw new Fault("request", `${image} is not a file`, "--image wants a bzImage, Image or zImage");
        cpSync(image, join(folder, "vmlinuz"));
        const config = configBeside(image);
        if (config !== undefined) cpSync(config, join(folder, "config"));
        mkdirSync(join(folder, "modules"));
        if (modules !== undefined) {
          copyModules(modules, join(folder, "modules"));
          await checkModules(modules, folder);
        }
        const source = {
          kind: "image",
          image: resolve(image),
          ...(modules === undefined ? {} : { modules: resolve(modules) }),
        } as const;
        return { source };
      }),
    );
  }

  /**
   * Compiles a kernel of a release (`6.12`) from Debian's source package with what Debian leaves
   * out. Nothing happens when the store has one of the same source and the same options under the name.
   */
  build(release: string, options: StoreBuildOptions): Promise<Result<Built>> {
    return settle(async () => {
      if (!isRelease(release)) throw notARelease(release, "");
      const { name = `${release}-built` } = options;
      checkName(name);
      const onWait = (owner: number): void =>
        options.onProgress?.(`waiting for process ${owner}, which is building a kernel`);
      return withLock(
        join(this.folder, "build.lock"),
        { timeoutMs: options.lockTimeoutMs ?? 4 * 3_600_000, onWait },
        async () => {
          const source = await findDebianSource(release, this.folder, options);
          const recipe = recipeOf(source, release);
          const there = this.get(name);
          if (there?.source.kind === "built" && there.source.recipe === recipe) return { kernel: there, fresh: false };
          const scratch = join(this.folder, "building");
          const kept = removeAtEnd(scratch);
          try {
            rmSync(scratch, { recursive: true, force: true });
            makeFolder(scratch);
            const unset = await buildKernel(source, release, this.folder, scratch, options);
            const assembled: Assembled = {
              source: {
                kind: "built",
                packages: [packageOf(source)],
                recipe,
                unset: unset.map(({ option, wanted }) => `${option}=${wanted}`),
              },
              release,
            };
            // The store is only held for the moment in which the kernel enters it: others may add meanwhile.
            return {
              kernel: await this.add(name, options, (folder) => takeParts(scratch, folder, assembled)),
              fresh: true,
            };
          } catch (error) {
            throw diskFault(error, this.folder);
          } finally {
            rmSync(scratch, { recursive: true, force: true });
            kept();
          }
        },
      );
    });
  }

  /** Takes a kernel and its saved states away. A Fault `request` when there is none. */
  remove(name: string): Promise<Result<Kernel>> {
    return settle(async () => {
      const found = this.find(name);
      if (!found.ok) throw new Fault("request", found.fault.message);
      return withLock(this.lock, {}, async () => {
        const aside = this.scratch(`removed-${name}`);
        makeFolder(this.scratch("."));
        renameSync(found.value.folder, aside);
        rmSync(this.scratch("."), { recursive: true, force: true });
        rmSync(join(this.folder, "states", name), { recursive: true, force: true });
        return found.value;
      });
    });
  }

  private get lock(): string {
    return join(this.folder, "store.lock");
  }

  private scratch(name: string): string {
    return join(this.folder, "adding", name);
  }

  private async add(
    name: string,
    options: AddOptions,
    assemble: (folder: string) => Promise<Assembled>,
  ): Promise<Kernel> {
    checkName(name);
    const onWait = (owner: number): void =>
      options.onProgress?.(`waiting for process ${owner}, which is adding a kernel`);
    return withLock(this.lock, { timeoutMs: options.lockTimeoutMs, onWait }, async () => {
      const scratch = this.scratch(name);
      const kept = removeAtEnd(this.scratch("."));
      try {
        // Under the lock, a file here was left by a process that died.
        rmSync(this.scratch("."), { recursive: true, force: true });
        makeFolder(scratch);
        const assembled = await assemble(scratch);
        const bytes = readFileSync(join(scratch, "vmlinuz"));
        const image = await readImage(bytes);
        writeFileSync(join(scratch, "kernel.json"), await describe(name, bytes, image, scratch, assembled));
        if (image?.unpacked) writeFileSync(join(scratch, "vmlinux"), image.unpacked);
        const target = join(this.folder, "kernels", name);
        makeFolder(join(this.folder, "kernels"));
        if (existsSync(target)) renameSync(target, this.scratch(`replaced-${name}`));
        rmSync(join(this.folder, "states", name), { recursive: true, force: true });
        renameSync(scratch, target);
        const kernel = this.get(name);
        if (!kernel) throw new Error(`kernel ${name} vanished from ${target}`);
        return kernel;
      } catch (error) {
        throw diskFault(error, this.folder);
      } finally {
        rmSync(this.scratch("."), { recursive: true, force: true });
        kept();
      }
    });
  }
}

function isRelease(text: string): boolean {
  return /^\d+\.\d+$/.test(text);
}

function notARelease(text: string, or: string): Fault {
  return new Fault("request", `${text} is not a release`, `write major.minor, such as 6.12${or}`);
}

function checkName(name: string): void {
  if (isName(name)) return;
  throw new Fault(
    "request",
    `${JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)} cannot be a kernel's name`,
    "up to 64 letters, digits and . _ + -, beginning with a letter or digit; not `host`",
  );
}

/** Moves a built kernel to where it enters the store. */
async function takeParts(from: string, to: string, assembled: Assembled): Promise<Assembled> {
  for (const part of ["vmlinuz", "config", headersFolder]) renameSync(join(from, part), join(to, part));
  mkdirSync(join(to, "modules"));
  copyModules(join(from, "modules"), join(to, "modules"));
  return assembled;
}

function howToAdd(name: string): string {
  const built = /^(\d+\.\d+)-built$/.exec(name)?.[1];
  if (built !== undefined) return `\`litmap kernel build ${built}\` builds it`;
  return debianKernel(name)
    ? `\`litmap kernel add ${name}\` takes Debian's`
    : `\`litmap kernel add ${name} --image bzImage --modules FOLDER\` adds your own`;
}

/** @param folder Has the kernel's modules, which know its version where the image does not tell. */
async function describe(
  name: string,
  bytes: Buffer,
  image: KernelImage | undefined,
  folder: string,
  assembled: Assembled,
): Promise<string> {
  const version = image && (image.version ?? (await kernelOfModules(join(folder, "modules"))));
  const release = version === undefined ? undefined : releaseOf(version);
  if (image && version === undefined)
    throw new Fault(
      "request",
      `the image of ${name} does not say which kernel it is`,
      "give its modules too: --modules FOLDER",
    );
  if (!image || version === undefined || release === undefined) {
    throw new Fault(
      "request",
      `the image of ${name} is not an x86 bzImage, arm64 Image or arm zImage`,
      "build it with `make bzImage`, `make Image` or `make zImage`; it lies in arch/ARCH/boot",
    );
  }
  if (assembled.release !== undefined && assembled.release !== release) {
    throw new Fault("mirror", `the package for ${assembled.release} holds Linux ${version}`);
  }
  const facts: Omit<Kernel, "folder"> = {
    name,
    release,
    version,
    linux: assembled.source.kind === "debian" ? versionBySource({ ...assembled, version }) : linuxOf(image, version),
    arch: image.isa,
    source: assembled.source,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    added: new Date().toISOString(),
  };
  return `${JSON.stringify(facts, null, 2)}\n`;
}

function linuxOf(image: KernelImage, version: string): string {
  return image.linux ?? linuxVersion(version) ?? version;
}

/** Debian's packages are versioned as the Linux that they hold; other images say it in `uname -r`. */
function versionBySource({ source, version }: { readonly source: KernelSource; readonly version: string }): string {
  const packaged = source.kind === "debian" ? source.packages[0]?.version : undefined;
  return linuxVersion(packaged ?? version) ?? version;
}

/** The .config of the tree in which an image still lies, as `make` leaves it (arch/x86/boot/bzImage). */
function configBeside(image: string): string | undefined {
  const top = /^(.*)\/arch\/x86(_64)?\/boot\/bzImage$/.exec(resolve(image))?.[1];
  return top !== undefined && isFile(join(top, ".config")) ? join(top, ".config") : undefined;
}

function copyModules(from: string, to: string): void {
  let root = from;
  for (const inside of ["lib/modules", "usr/lib/modules"]) {
    const versions = isFolder(join(from, inside)) ? readdirSync(join(from, inside)) : [];
    if (versions.length === 1) root = join(from, inside, versions[0]);
    if (versions.length > 1) {
      throw new Fault(
        "request",
        `${join(from, inside)} has modules of several kernels: ${versions.join(", ")}`,
        "give one of them",
      );
    }
  }
  if (!isFolder(root))
    throw new Fault("request", `${from} is not a folder`, "--modules wants the folder with the kernel's modules");
  cpSync(root, to, {
    recursive: true,
    // `build` and `source` are links to the kernel's tree.
    filter: (path) =>
      path === root ||
      (isFolder(path) && !lstatSync(path).isSymbolicLink()) ||
      ((/\.ko(\.(xz|gz|zst))?$/.test(path) || basename(path).startsWith("modules.")) && isInside(path, root)),
    // What a link within the folder names is taken, not the link.
    dereference: true,
  });
}

/** A Fault when what was copied from `from` can be of no use to the image beside it. */
async function checkModules(from: string, folder: string): Promise<void> {
  const modules = join(folder, "modules");
  if (readdirSync(modules).length === 0) {
    throw new Fault(
      "request",
      `${from} has no kernel modules`,
      "--modules wants the folder that `make modules_install` made: INSTALL_MOD_PATH, or lib/modules/VERSION in it",
    );
  }
  const version = (await readImage(readFileSync(join(folder, "vmlinuz"))))?.version;
  const theirs = await versionOf(modules, from);
  if (version !== undefined && theirs !== undefined && theirs !== version) {
    throw new Fault(
      "request",
      `the modules in ${from} are for Linux ${theirs}, the image is Linux ${version}`,
      "give modules of the same build",
    );
  }
}

/** A file of the folder itself: what a link to elsewhere names is none of the kernel's modules. */
function isInside(path: string, folder: string): boolean {
  if (!isFile(path)) return false;
  return realpathSync(path).startsWith(`${realpathSync(folder)}${sep}`);
}

/** The kernel that modules say they are for. One that is damaged is named as the user gave it. */
async function versionOf(modules: string, from: string): Promise<string | undefined> {
  try {
    return await kernelOfModules(modules);
  } catch (error) {
    if (!(error instanceof DamagedModule)) throw error;
    const file = relative(modules, error.path);
    throw new Fault("request", `${file} in ${from} is damaged`, "`make modules_install` makes it again", error.log);
  }
}

function isName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(name) && name !== "host";
}

function isFile(path: string): boolean {
  return kindOf(path) === "file";
}

function isFolder(path: string): boolean {
  return kindOf(path) === "folder";
}

function kindOf(path: string): "file" | "folder" | "other" {
  try {
    const stat = statSync(path);
    return stat.isFile() ? "file" : stat.isDirectory() ? "folder" : "other";
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return "other";
    throw error;
  }
}
