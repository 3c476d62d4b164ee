/**
 * Machines that have booted once, kept as they stood when their executor first
 * waited for a question:
 *
 *     states/KERNEL/KEY/meta.json    what belongs to it, with checksums
 *     states/KERNEL/KEY/ram          the guest's memory, sparse
 *     states/KERNEL/KEY/devices      QEMU's device state
 *     states/KERNEL/KEY/initramfs
 *
 * KEY is a hash of everything that the state depends on. A resumed guest maps
 * `ram` privately, so a state costs no copying and serves any number at once.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeFolder } from "@litmap/linux";
import { errnoOf } from "./fault.js";

export interface StateMeta {
  readonly transport: "virtio" | "serial";
  readonly missingModules: readonly string[];
  /** Bytes. */
  readonly ramSize: number;
  readonly devicesSha256: string;
}

export interface SavedState extends StateMeta {
  readonly ram: string;
  readonly devices: string;
  readonly initramfs: string;
}

/** States kept of one kernel: sets of devices, command lines, executors. */
const keptPerKernel = 8;

/** A short hash of anything that JSON can write. */
export function stateKey(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}

export class StateFolder {
  private readonly folder: string;

  /** @param cache The cache folder. */
  constructor(cache: string, kernel: string) {
    this.folder = join(cache, "states", kernel);
  }

  /** A whole state; undefined when there is none, a sentence when there is one that cannot be used. */
  find(key: string): SavedState | string | undefined {
    const folder = join(this.folder, key);
    const paths = pathsIn(folder);
    let meta: StateMeta;
    try {
      meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as StateMeta;
    } catch {
      return existsSync(folder) ? "its description cannot be read" : undefined;
    }
    try {
      if (statSync(paths.ram).size !== meta.ramSize) return "its memory file has the wrong size";
      if (sha256Of(paths.devices) !== meta.devicesSha256) return "its device file is damaged";
      if (!existsSync(paths.initramfs)) return "its initramfs is missing";
      utimesSync(join(folder, "meta.json"), new Date(), new Date());
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return `its files cannot be read (${errnoOf(error)})`;
    }
    return { ...meta, ...paths };
  }

  /** A folder in which a state is put together, or a sentence why there cannot be one. */
  begin(memoryMiB: number): { readonly folder: string } | string {
    try {
      makeFolder(this.folder);
      this.sweep();
      const disk = statfsSync(this.folder);
      const free = Math.floor((disk.bavail * disk.bsize) / 2 ** 20);
      // The file is sparse, but a guest whose memory file cannot grow dies.
      if (free < memoryMiB + 64) return `${free} MiB are free where it would lie, ${memoryMiB + 64} MiB are needed`;
      const folder = join(
        this.folder,
        `${recording}${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
      );
      mkdirSync(folder);
      return { folder };
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return `${this.folder} cannot be written (${errnoOf(error)})`;
    }
  }

  /** Makes the state in `folder` the one for `key`. Another process may have been first; its state is as good. */
  commit(folder: string, key: string, meta: Omit<StateMeta, "devicesSha256">): void {
    const whole: StateMeta = { ...meta, devicesSha256: sha256Of(pathsIn(folder).devices) };
    writeFileSync(join(folder, "meta.json"), `${JSON.stringify(whole)}\n`);
    try {
      renameSync(folder, join(this.folder, key));
    } catch (error) {
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
      rmSync(folder, { recursive: true, force: true });
    }
    this.evict();
  }

  /** Removes a state; one that cannot be removed stays and is found wanting again. */
  drop(key: string): void {
    try {
      rmSync(join(this.folder, key), { recursive: true, force: true });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  private evict(): void {
    const states = readdirSync(this.folder)
      .filter((name) => !name.startsWith(recording))
      .map((name) => ({
        name,
        used: statSync(join(this.folder, name, "meta.json"), { throwIfNoEntry: false })?.mtimeMs ?? 0,
      }))
      .sort((a, b) => b.used - a.used);
    for (const { name } of states.slice(keptPerKernel)) this.drop(name);
  }

  /** Removes what processes that died have left half made. */
  private sweep(): void {
    for (const name of readdirSync(this.folder)) {
      const pid = name.startsWith(recording) ? Number(name.slice(recording.length).split("-")[0]) : 0;
      if (pid > 0 && pid !== process.pid && !existsSync(`/proc/${pid}`)) this.drop(name);
    }
  }
}

const recording = ".recording-";

/** The files of a state in its folder. */
export function pathsIn(folder: string): {
  readonly ram: string;
  readonly devices: string;
  readonly initramfs: string;
} {
  return { ram: join(folder, "ram"), devices: join(folder, "devices"), initramfs: join(folder, "initramfs") };
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
