/** Kernels, folders and programs that stand in for real ones. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { Kernel, VmOptions } from "../src/index.js";
import { KernelStore } from "../src/index.js";

export const fake = (name: string): string => fileURLToPath(new URL(`./fake/${name}`, import.meta.url));

export const executorSources = fileURLToPath(new URL("../../../executor", import.meta.url));
export const moduleSources = fileURLToPath(new URL("../../../module", import.meta.url));

const made: string[] = [];

/** A folder that goes after the file's tests. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "litmap-test-"));
  made.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Bytes that have the header of a bzImage of that version, and `size` bytes in all. */
export function bzImage(version: string, size = 4096): Buffer {
  const image = Buffer.alloc(size);
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt16LE(0x300, 0x20e);
  image.write(`${version} (somebody) #1 SMP\0`, 0x500, "latin1");
  return image;
}

/** A file like a module: an ELF magic, and the information that modinfo reads. */
export function moduleFile(name: string, depends: readonly string[] = [], vermagic = ""): Buffer {
  return Buffer.from(
    `\x7fELF....\0license=GPL\0depends=${depends.join(",")}\0name=${name}\0vermagic=${vermagic}\0`,
    "latin1",
  );
}

/** A folder of modules by path, and its modules.builtin. */
export function modulesFolder(files: Readonly<Record<string, Uint8Array>>, builtin: readonly string[] = []): string {
  const folder = scratch();
  for (const [path, data] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), data);
  }
  writeFileSync(join(folder, "modules.builtin"), builtin.map((name) => `kernel/${name}.ko\n`).join(""));
  return folder;
}

/** A store with one kernel, `fake`, that has virtio built in. */
export async function storeWithKernel(): Promise<{ store: KernelStore; kernel: Kernel }> {
  const folder = scratch();
  const image = join(folder, "bzImage");
  writeFileSync(image, bzImage("6.12.0-fake"));
  const store = new KernelStore(join(folder, "cache"));
  const modules = modulesFolder({}, ["drivers/virtio/virtio_pci", "drivers/char/virtio_console"]);
  const added = await store.addImage("fake", image, modules);
  if (!added.ok) throw added.fault;
  return { store, kernel: added.value };
}

/** Options for a machine under the stand-in for QEMU. */
export async function fakeVm(options: Partial<VmOptions> = {}): Promise<VmOptions> {
  const { store, kernel } = await storeWithKernel();
  const executor = join(scratch(), "executor");
  writeFileSync(executor, "any bytes");
  return {
    kernel,
    executor,
    cache: store.folder,
    qemu: fake("qemu.mjs"),
    accelerator: "tcg",
    memory: 16,
    keepState: false,
    ...options,
  };
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until `condition` holds; false after `ms` milliseconds. */
export async function eventually(condition: () => boolean, ms = 5000): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (condition()) return true;
  }
  return condition();
}

/** Bytes that have the header of an arm64 Image, and the banner of that version. */
export function arm64Image(version: string): Buffer {
  const image = Buffer.alloc(4096);
  image.write("ARM\x64", 56, "latin1");
  image.write(`Linux version ${version} (somebody)`, 1024, "latin1");
  return image;
}

/** Bytes that have the header of an arm zImage, with something packed in it. */
export function zImage(packed: Buffer): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(0x016f2818, 36);
  return Buffer.concat([header, packed]);
}
