#!/usr/bin/env node
// Stands in for qemu-system-x86_64. Words `fake=…` in -append say how the boot goes,
// Programs say how a run goes (executor-side.mjs).
import { execSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { serve } from "./executor-side.mjs";

const args = process.argv.slice(2);
const valueOf = (name) => args[args.indexOf(name) + 1] ?? "";
if (args.includes("--version")) {
  console.log("QEMU emulator version 99.0 (fake)");
  process.exit(0);
}
if (args.includes("isa-debug-exit,iobase=0xf4,iosize=1")) {
  if (process.env.FAKE_PROBE === "hang") setInterval(() => {}, 1000);
  else process.exit(process.env.FAKE_PROBE === "works" ? 0x63 : 1);
} else {
  const how = /fake=(\S+)/.exec(valueOf("-append"))?.[1] ?? "";
  const backend = valueOf("-object");
  const ram = /mem-path=([^,]+)/.exec(backend)?.[1];
  const resuming = args.includes("-incoming");
  if (ram && !resuming) {
    writeFileSync(ram, "");
    truncateSync(ram, Number(/size=(\d+)M/.exec(backend)[1]) * 2 ** 20);
  }
  process.stdout.on("error", () => {});
  const say = (text) => process.stdout.write(text);
  const link = new Socket({ fd: 3 });
  link.on("error", () => process.exit(1));
  const start = () => serve(link, (bytes) => link.write(bytes), { console: say });
  const qmp = new Socket({ fd: 4 });
  qmp.write('{"QMP": {}}\n');
  let text = "";
  qmp.on("data", (chunk) => {
    text += chunk;
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) command(JSON.parse(text.slice(0, end)));
  });
  const command = ({ execute, arguments: given, id }) => {
    let answer = {};
    if (execute === "migrate") {
      if (how === "no-save")
        return void qmp.write(`${JSON.stringify({ error: { desc: "this machine cannot be saved" }, id })}\n`);
      execSync(given.uri.replace(/^exec:/, ""), { input: "fake devices" });
    }
    if (execute === "query-migrate") answer = { status: "completed" };
    qmp.write(`${JSON.stringify({ return: answer, id })}\n`);
    if (execute === "migrate-incoming") {
      if (readFileSync(5, "utf8") !== "fake devices") {
        console.error("qemu: load of migration failed: Invalid argument");
        process.exit(1);
      }
      if (how !== "deaf-after-resume") start();
    }
  };
  if (resuming) {
    // The guest runs when its state has been read.
  } else if (how === "no-boot" || (how === "no-boot-under-kvm" && valueOf("-accel") === "kvm")) {
    say("[    0.100000] Linux version 6.12.0-fake\n[    0.200000] waiting for something that never comes\n");
  } else if (how === "panic") {
    say("[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n");
    setTimeout(() => process.exit(0), 20);
  } else if (how === "bad-option") {
    console.error("qemu-system-x86_64: -device nonsense: 'nonsense' is not a valid device model name");
    process.exit(1);
  } else {
    say("[    0.100000] Linux version 6.12.0-fake\n");
    if (how === "noisy") link.write(Buffer.from("garbage before LM the first\xff frame", "latin1"));
    start();
  }
}
