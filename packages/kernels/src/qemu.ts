/** Which QEMU there is, and whether an accelerator really works with it. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "@litmap/linux";
import type { Isa } from "@litmap/litmus";
import { boards } from "./board.js";
import { runChild } from "./child.js";
import { Fault } from "./fault.js";
import { findProgram, removeFolder, temporaryFolder } from "./running.js";

export interface Qemu {
  /** Absolute path of qemu-system-x86_64, or of its like for another instruction set. */
  readonly path: string;
  /** Changes when the program is replaced: path, size and time of its file. */
  readonly stamp: string;
}

export type Accelerator = "tcg" | "kvm";

const kvmDevice = "/dev/kvm";

const hintFor = (isa: Isa): string =>
  `install it (Debian: apt-get install ${boards[isa].package}), or run without --on`;

/** Finds QEMU without running it. A Fault `missing-program` where there is none. */
export function findQemu(path?: string, isa: Isa = "x86_64"): Qemu {
  const program = path ?? boards[isa].program;
  const found = findProgram(program);
  if (!found) throw new Fault("missing-program", `${program} is not installed`, hintFor(isa));
  const file = statSync(found);
  return { path: found, stamp: `${found} ${file.size} ${Math.round(file.mtimeMs)}` };
}

/** What QEMU says of itself, `7.2.22 (Debian …)`. A Fault `missing-program` when it does not run. */
export async function qemuVersion(qemu: Qemu): Promise<string> {
  const said = await runChild(qemu.path, ["--version"], { timeoutMs: 20_000 });
  const version = /version (\S+(?: \([^)]*\))?)/.exec(said.stdout.toString())?.[1];
  if (said.status !== 0 || !version)
    throw new Fault("missing-program", `${qemu.path} does not say its version`, hintFor("x86_64"), said.stderr);
  return version;
}

/**
 * `tcg` and `kvm` are taken as they are; `auto` is kvm only where a guest of one line has
 * run under it. The probe takes at most ten seconds; its answer is kept in `cache` until the
 * machine boots or QEMU changes.
 */
export async function chooseAccelerator(
  qemu: Qemu,
  wanted: Accelerator | "auto",
  cache: string,
  device = kvmDevice,
): Promise<Accelerator> {
  if (wanted !== "auto") return wanted;
  if (!statSync(device, { throwIfNoEntry: false })) return "tcg";
  try {
    const kept = JSON.parse(readFileSync(answerFile(cache), "utf8")) as { key: string; accelerator: Accelerator };
    if (kept.key === answerKey(qemu, device)) return kept.accelerator;
  } catch {
    // Not asked before, or unreadable: ask.
  }
  const accelerator = (await runsGuest(qemu, "kvm")) ? "kvm" : "tcg";
  rememberAccelerator(qemu, accelerator, cache, device);
  return accelerator;
}

/** What `auto` is from now on: the probe's answer, or that a kernel did not come up although the probe ran. */
export function rememberAccelerator(qemu: Qemu, accelerator: Accelerator, cache: string, device = kvmDevice): void {
  try {
    makeFolder(cache);
    writeFileSync(answerFile(cache), `${JSON.stringify({ key: answerKey(qemu, device), accelerator })}\n`);
  } catch {
    // Kept for speed only.
  }
}

const answerFile = (cache: string): string => join(cache, "accelerator.json");

/** Changes when QEMU, the boot of this host, the device or the user does. */
function answerKey(qemu: Qemu, device: string): string {
  const node = statSync(device, { throwIfNoEntry: false });
  return `${qemu.stamp} ${bootIdentity()} ${node?.ino} ${node?.mode} ${process.getuid?.()}`;
}

/** Whether a guest that leaves QEMU with an agreed exit status does so under this accelerator. */
export async function runsGuest(qemu: Qemu, accelerator: Accelerator, timeoutMs = 10_000): Promise<boolean> {
  const folder = temporaryFolder();
  try {
    // A boot sector: mov dx, 0xf4; mov al, 0x31; out dx, al; hlt. QEMU leaves with 0x31 * 2 + 1.
    const sector = Buffer.alloc(512);
    sector.set([0xba, 0xf4, 0x00, 0xb0, 0x31, 0xee, 0xf4]);
    sector.writeUInt16LE(0xaa55, 510);
    const image = join(folder, "probe.img");
    writeFileSync(image, sector);
    const args = [
      ...["-accel", accelerator, "-machine", "pc", "-m", "32M", "-nodefaults", "-no-reboot", "-display", "none"],
      ...["-drive", `file=${image},format=raw,if=ide,snapshot=on`, "-device", "isa-debug-exit,iobase=0xf4,iosize=1"],
    ];
    return (await runChild(qemu.path, args, { timeoutMs })).status === 0x63;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  } finally {
    removeFolder(folder);
  }
}

function bootIdentity(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
