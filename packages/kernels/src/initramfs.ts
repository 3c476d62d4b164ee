/**
 * What a guest starts from: the executor as /init, the modules that it loads,
 * and /modules, which tells it their order: path and parameters of each, both with a zero at the end.
 */
import type { CpioEntry } from "./cpio.js";
import { writeCpio } from "./cpio.js";
import type { ModuleFile } from "./modules.js";

export function buildInitramfs(executor: Uint8Array, modules: readonly ModuleFile[]): Buffer {
  const path = (module: ModuleFile): string => `lib/modules/${module.name}.ko`;
  const list = modules.map((module) => `/${path(module)}\0${module.params}\0`).join("");
  const folder = (name: string): CpioEntry => ({ kind: "folder", path: name, mode: 0o755 });
  return writeCpio([
    ...["dev", "proc", "sys", "tmp", "lib", "lib/modules"].map(folder),
    // The kernel opens it for init's standard output before devtmpfs is there.
    { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    ...modules.map((module): CpioEntry => ({ kind: "file", path: path(module), mode: 0o644, data: module.data })),
    { kind: "file", path: "modules", mode: 0o644, data: Buffer.from(list) },
    { kind: "file", path: "init", mode: 0o755, data: executor },
  ]);
}
