// A kernel's verdict against the bare boot of the same kernel: an init that powers off at once, in the same QEMU, from
// the image that litmap itself starts (the unpacked vmlinux, where the store has it) with the same settings.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KernelStore } from "../packages/kernels/dist/store.js";
import { writeCpio } from "../packages/kernels/dist/cpio.js";
import { measured, median, skipped } from "./measured.mjs";

const bin = fileURLToPath(new URL("../packages/litmap/bin/litmap.js", import.meta.url));
const kernel = new KernelStore().list().find((each) => each.name === "6.12") ?? new KernelStore().list()[0];
const has = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

if (!kernel) skipped("a kernel's verdict", "no kernel; `litmap kernel add 6.12`");
else if (!has("qemu-system-x86_64") || !has("gcc")) skipped("a kernel's verdict", "no QEMU or no gcc");
else {
  const work = mkdtempSync(join(tmpdir(), "litmap-bench-"));
  try {
    measure(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function measure(work) {
  const source = join(work, "init.c");
  writeFileSync(source, "#include <sys/reboot.h>\nint main(void){return reboot(RB_POWER_OFF);}\n");
  execFileSync("gcc", ["-static", "-O1", "-o", join(work, "init"), source]);
  const initramfs = join(work, "initramfs");
  writeFileSync(
    initramfs,
    writeCpio([
      { kind: "folder", path: "dev", mode: 0o755 },
      { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
      { kind: "file", path: "init", mode: 0o755, data: readFileSync(join(work, "init")) },
    ]),
  );
  const image = ["vmlinux", "vmlinuz"].find((name) => existsSync(join(kernel.folder, name)));
  const args = [
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-display",
    "none",
    "-accel",
    "tcg,thread=multi",
    "-cpu",
    "max,-la57",
    "-m",
    "1024M",
    "-smp",
    "2",
    "-serial",
    "stdio",
    "-kernel",
    join(kernel.folder, image),
    "-initrd",
    initramfs,
    "-append",
    "console=ttyS0 loglevel=5 panic=-1 oops=panic nokaslr norandmaps transparent_hugepage=never mitigations=off " +
      "cryptomgr.notests no_timer_check",
  ];
  const timed = (program, all) => {
    const began = performance.now();
    const { status } = spawnSync(program, all, { stdio: "ignore", timeout: 1_800_000 });
    return { ms: performance.now() - began, status };
  };
  const boot = median([1, 2, 3].map(() => timed("qemu-system-x86_64", args).ms));
  const litmap = (...all) => timed(process.execPath, [bin, "run", ...all, "--on", kernel.name, "--accel", "tcg"]).ms;
  litmap("direct-io-system-heap");
  const one = median([1, 2, 3].map(() => litmap("direct-io-system-heap")));
  measured(
    `one test on ${kernel.name}, resumed from its saved state, of a bare boot of its ${image} (${Math.round(boot)} ms)`,
    one / boot,
    "x",
    "<=",
    0.5,
  );
  for (const rounds of ["10", "100"]) {
    measured(
      `the whole corpus on ${kernel.name}, ${rounds} rounds of each concurrent test, of that boot`,
      litmap("--times", rounds) / boot,
      "x",
      "<=",
      1.5,
    );
  }
}
