/**
 * The executor as a program file: compiled when it is first wanted, by the
 * machine's own compiler, and kept in the cache folder under the hash of its
 * source and of the compiler's version.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { access, chmod, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeFolder } from "./folder.js";
import type { Isa } from "@litmap/litmus";

/** There is no executor, and why, in one line that says what to do. */
export class ExecutorUnavailable extends Error {
  override readonly name = "ExecutorUnavailable";
}

/** Where things are kept: `$LITMAP_CACHE`, else `$XDG_CACHE_HOME/litmap`, else `~/.cache/litmap`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.LITMAP_CACHE) return env.LITMAP_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "litmap");
}

export interface ExecutorOptions {
  /** Default: the machine's own. */
  readonly isa?: Isa;
  /** Default: {@link cacheFolder}. */
  readonly cache?: string;
  /** A compiler to use instead of looking for one; `$CC` for the own architecture. */
  readonly compiler?: string;
}

const sources = ["executor.c", "arch.h"] as const;

const flags = [
  "-std=gnu11",
  "-O2",
  "-static",
  "-nostdlib",
  "-ffreestanding",
  "-fno-pie",
  "-no-pie",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fno-strict-aliasing",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-s",
];
const isaFlags: Record<Isa, readonly string[]> = {
  x86_64: ["-mgeneral-regs-only"],
  // Atomic operations in line: the functions behind them lie in a libgcc that we do not link.
  arm64: ["-mgeneral-regs-only", "-mno-outline-atomics"],
  arm: ["-marm"],
};
const crossCompilers: Record<Isa, { readonly compiler: string; readonly install: string; readonly headers: string }> = {
  x86_64: { compiler: "x86_64-linux-gnu-gcc", install: "gcc-x86-64-linux-gnu", headers: "libc6-dev-amd64-cross" },
  arm64: { compiler: "aarch64-linux-gnu-gcc", install: "gcc-aarch64-linux-gnu", headers: "libc6-dev-arm64-cross" },
  arm: { compiler: "arm-linux-gnueabihf-gcc", install: "gcc-arm-linux-gnueabihf", headers: "libc6-dev-armhf-cross" },
};

/** The instruction set of this machine. @throws ExecutorUnavailable on one that no executor is written for. */
export function ownIsa(): Isa {
  const isa = ({ x64: "x86_64", arm64: "arm64", arm: "arm" } as Partial<Record<string, Isa>>)[process.arch];
  if (isa === undefined)
    throw new ExecutorUnavailable(`the executor is not written for ${process.arch}; it knows x86_64, arm64 and arm`);
  return isa;
}

/**
 * Path of an executor for an architecture; compiles it when the cache has none.
 * Two that compile at once do not disturb each other.
 * @param sourceFolder Holds executor.c.
 * @throws ExecutorUnavailable without a compiler, or when compiling fails.
 */
export async function buildExecutor(sourceFolder: string, options: ExecutorOptions = {}): Promise<string> {
  const own = ownIsa();
  const isa = options.isa ?? own;
  const { compiler, version } = await findCompiler(isa, own, options.compiler);
  const hash = createHash("sha256").update(version).update("\0").update(flags.join(" ")).update(isa);
  for (const name of sources) hash.update(await readFile(join(sourceFolder, name)));
  const folder = join(options.cache ?? cacheFolder(), "executor");
  const path = join(folder, `executor-${isa}-${hash.digest("hex").slice(0, 16)}`);
  if (
    await access(path).then(
      () => true,
      () => false,
    )
  )
    return path;

  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    makeFolder(folder);
    const failure = await run(compiler, [
      ...flags,
      ...isaFlags[isa],
      "-o",
      temporary,
      join(sourceFolder, "executor.c"),
    ]);
    if (failure.code !== 0) {
      const first =
        failure.stderr.split("\n").find((line) => /error|cannot|No such/.test(line)) ?? failure.stderr.split("\n")[0];
      throw new ExecutorUnavailable(
        `${compiler} could not compile the executor: ${first.trim()} (on Debian: apt install ` +
          `${isa === own ? "gcc libc6-dev" : `${crossCompilers[isa].install} ${crossCompilers[isa].headers}`})`,
      );
    }
    await chmod(temporary, 0o755);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof ExecutorUnavailable) throw error;
    throw new ExecutorUnavailable(`the executor cannot be kept in ${folder}: ${(error as Error).message}`);
  }
  return path;
}

async function findCompiler(isa: Isa, own: Isa, wanted?: string): Promise<{ compiler: string; version: string }> {
  const candidates = wanted
    ? [wanted]
    : isa === own
      ? [...(process.env.CC ? [process.env.CC] : []), "cc", "gcc", "clang"]
      : [crossCompilers[isa].compiler];
  for (const compiler of candidates) {
    const answer = await run(compiler, ["--version"]);
    if (answer.code === 0) return { compiler, version: answer.stdout };
  }
  const install = isa === own ? "gcc" : crossCompilers[isa].install;
  throw new ExecutorUnavailable(
    `no C compiler for ${isa} (looked for ${candidates.join(", ")}); real kernels need one: install ${install}, on ` +
      `Debian: apt install ${install}${isa === own ? " libc6-dev" : ` ${crossCompilers[isa].headers}`}`,
  );
}

function run(command: string, args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 120_000, maxBuffer: 4 << 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 127;
      resolve({ code, stdout, stderr: stderr || error?.message || "" });
    });
  });
}
