#!/usr/bin/env node
// The real QEMU, with somebody between it and litmap. What stands in the folder $TROUBLE:
//
//     pid        written here: QEMU's process number
//     monitor    made here: the socket of a second monitor (QMP)
//     damage     taken away here: `flip toGuest`, `cut toHost`, … spoil the next long message that way
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

const folder = process.env.TROUBLE;
/** Beside a Program and its result, greetings are short. */
const long = 300;

function spoilt(direction, chunk) {
  if (chunk.length < long) return chunk;
  const file = join(folder, "damage");
  const [how, where] = existsSync(file) ? readFileSync(file, "utf8").split(" ") : [];
  if (where !== direction) return chunk;
  rmSync(file);
  if (how === "cut") return chunk.subarray(0, chunk.length >> 1);
  if (how === "flip") chunk[chunk.length >> 1] ^= 0xff;
  return chunk;
}

const monitor = ["-qmp", `unix:${join(folder, "monitor")},server=on,wait=off`];
const stdio = [
  "ignore",
  "inherit",
  "inherit",
  "pipe",
  "inherit",
  ...(process.argv.includes("-incoming") ? ["inherit"] : []),
];
const qemu = spawn(process.env.REAL_QEMU, [...process.argv.slice(2), ...monitor], { stdio });
writeFileSync(join(folder, "pid"), String(qemu.pid));
const guest = qemu.stdio[3];
const host = new Socket({ fd: 3 });
host.on("data", (chunk) => guest.write(spoilt("toGuest", chunk)));
guest.on("data", (chunk) => host.write(spoilt("toHost", chunk)));
for (const end of [host, guest]) end.on("error", () => {});
qemu.on("exit", (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code);
});
