import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bzImageVersion, releaseOf } from "../src/bzimage.js";
import type { Fault, Result } from "../src/index.js";
import { KernelStore, linuxVersion, optionsOf } from "../src/index.js";
import { readImage } from "../src/image.js";
import { withLock } from "../src/lock.js";
import { bzImage, fake, moduleFile, modulesFolder, scratch } from "./stand-ins.js";

function image(version = "6.12.1-mine", size?: number): string {
  const path = join(scratch(), "bzImage");
  writeFileSync(path, bzImage(version, size));
  return path;
}

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw result.fault;
  return result.value;
}

function faultOf(result: Result<unknown>): Fault {
  if (result.ok) throw new Error("it should have failed");
  return result.fault;
}

describe("a bzImage", () => {
  test("says its version", async () => {
    const banner =
      "6.1.0-57-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-26)";
    expect(bzImageVersion(bzImage(banner))).toContain(banner);
    expect(await readImage(Buffer.from(bzImage(banner)))).toMatchObject({
      version: "6.1.0-57-amd64",
      linux: "6.1.192",
    });
    const mine = await readImage(Buffer.from(bzImage("7.2.13-mine")));
    expect(mine).toMatchObject({ version: "7.2.13-mine", linux: "7.2.13" });
  });

  test("the version of Linux is that of Debian where its release counts builds; mainline's own is update 0", () => {
    expect(
      [
        "6.12.118+deb13-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-11-20)",
        "5.10.0-46-amd64 #1 SMP Debian 5.10.262-1 (2026-07-31)",
        "7.3-amd64 #1 SMP PREEMPT_DYNAMIC Debian 7.3~rc7-1~exp1 (2026-10-01)",
        "6.12.118-litmap #1 SMP Thu Jan  1 00:00:00 UTC 1970",
        "6.1.192-3",
        "7.4.0-rc1 #3",
        "next",
      ].map(linuxVersion),
    ).toEqual(["6.12.118", "5.10.262", "7.3.0", "6.12.118", "6.1.192", "7.4.0", undefined]);
  });

  test.each([Buffer.alloc(0), Buffer.alloc(4096), Buffer.from("\x7fELF")])("other bytes do not", (bytes) => {
    expect(bzImageVersion(bytes)).toBeUndefined();
  });
  test("a release is major.minor", () => {
    expect(["6.12.117+deb13-amd64", "7.3-amd64", "6.1.0-56", "next"].map(releaseOf)).toEqual([
      "6.12",
      "7.3",
      "6.1",
      undefined,
    ]);
  });
});

describe("the store", () => {
  test("is empty where there is no folder", () => {
    const store = new KernelStore(join(scratch(), "none"));
    expect(store.list()).toEqual([]);
    expect(faultOf(store.find("6.12")).message).toBe("no kernel is called 6.12; there is none yet");
  });

  test("keeps an image with its modules, and no links into a kernel tree", async () => {
    const modules = modulesFolder({
      "lib/modules/6.12.1-mine/kernel/drivers/a.ko": moduleFile("a"),
      "lib/modules/6.12.1-mine/notes.txt": Buffer.from("no"),
    });
    symlinkSync("/usr/src", join(modules, "lib/modules/6.12.1-mine/build"));
    const store = new KernelStore(scratch());
    const kernel = valueOf(await store.addImage("mine", image(), modules));
    expect(kernel).toMatchObject({
      name: "mine",
      release: "6.12",
      version: "6.12.1-mine",
      linux: "6.12.1",
      arch: "x86_64",
      source: { kind: "image", modules },
    });
    expect(kernel.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(readdirSync(join(kernel.folder, "modules"), { recursive: true })).toEqual([
      "kernel",
      "kernel/drivers",
      "kernel/drivers/a.ko",
    ]);
    expect(new KernelStore(store.folder).get("mine")).toEqual(kernel);
  });

  test("an image that still lies in its tree brings the tree's .config", async () => {
    const tree = scratch();
    mkdirSync(join(tree, "arch/x86/boot"), { recursive: true });
    writeFileSync(join(tree, "arch/x86/boot/bzImage"), bzImage("6.12.1-mine"));
    writeFileSync(
      join(tree, ".config"),
      "CONFIG_CMA=y\n# CONFIG_SECRETMEM is not set\nCONFIG_DRM=m\nCONFIG_NR_CPUS=8\n",
    );
    const store = new KernelStore(scratch());
    expect(optionsOf(valueOf(await store.addImage("mine", join(tree, "arch/x86/boot/bzImage"))))).toEqual(
      new Set(["CMA", "DRM"]),
    );
    expect(optionsOf(valueOf(await store.addImage("other", image())))).toBeUndefined();
  });

  test("lists by release, not by letters", async () => {
    const store = new KernelStore(scratch());
    for (const version of ["6.12.1", "6.1.2", "5.10.0", "7.2.0"])
      valueOf(await store.addImage(version, image(version)));
    expect(store.list().map((kernel) => kernel.release)).toEqual(["5.10", "6.1", "6.12", "7.2"]);
    expect(faultOf(store.find("6.13")).message).toContain("there are 5.10.0, 6.1.2, 6.12.1, 7.2.0");
  });

  test("replaces a kernel of the same name, and removes with its states", async () => {
    const store = new KernelStore(scratch());
    valueOf(await store.addImage("mine", image("6.12.1")));
    mkdirSync(join(store.folder, "states/mine/x"), { recursive: true });
    expect(valueOf(await store.addImage("mine", image("6.12.2"))).version).toBe("6.12.2");
    expect(existsSync(join(store.folder, "states/mine"))).toBe(false);
    mkdirSync(join(store.folder, "states/mine/x"), { recursive: true });
    valueOf(await store.remove("mine"));
    expect(store.list()).toEqual([]);
    expect(existsSync(join(store.folder, "states/mine"))).toBe(false);
    expect(faultOf(await store.remove("mine")).code).toBe("request");
  });

  test.each(["../x", "", "a b", "host", "-x", "a/b", "ssh:x", "k".repeat(300)])("refuses the name %j", async (name) => {
    const store = new KernelStore(scratch());
    expect(faultOf(await store.addImage(name, image())).code).toBe("request");
    expect(store.get(name)).toBeUndefined();
  });

  test("a file that is no kernel leaves nothing behind", async () => {
    const store = new KernelStore(scratch());
    const path = join(scratch(), "text");
    writeFileSync(path, "not a kernel");
    expect(faultOf(await store.addImage("mine", path)).message).toBe(
      "the image of mine is not an x86 bzImage, arm64 Image or arm zImage",
    );
    expect(faultOf(await store.addImage("mine", "/nonexistent")).code).toBe("request");
    expect(faultOf(await store.addImage("mine", image(), "/nonexistent")).code).toBe("request");
    expect(store.list()).toEqual([]);
    expect(readdirSync(store.folder).filter((name) => name !== "kernels")).toEqual([]);
  });

  test("modules that can be of no use to the image are refused, and leave nothing behind", async () => {
    const store = new KernelStore(scratch());
    expect(faultOf(await store.addImage("mine", image(), scratch())).message).toMatch(/ has no kernel modules$/);
    const others = modulesFolder({ "lib/modules/6.1.0-9/kernel/a.ko": moduleFile("a", [], "6.1.0-9 SMP preempt") });
    expect(faultOf(await store.addImage("mine", image(), others)).message).toBe(
      `the modules in ${others} are for Linux 6.1.0-9, the image is Linux 6.12.1-mine`,
    );
    expect(store.list()).toEqual([]);
    const own = modulesFolder({ "kernel/a.ko": moduleFile("a", [], "6.12.1-mine SMP") });
    valueOf(await store.addImage("mine", image(), own));
  });

  test("an image that is cut off is refused", async () => {
    const path = join(scratch(), "bzImage");
    const whole = bzImage("6.12.1-mine", 8192);
    whole.writeUInt8(3, 0x1f1);
    whole.writeUInt32LE((8192 - 4 * 512) / 16, 0x1f4);
    const store = new KernelStore(scratch());
    writeFileSync(path, whole.subarray(0, 8191));
    expect(faultOf(await store.addImage("mine", path))).toMatchObject({
      code: "request",
      message: "the image is cut off: it has 8191 of the 8192 bytes that its header promises",
    });
    writeFileSync(path, whole);
    valueOf(await store.addImage("mine", path));
  });

  test("modules: a damaged one is named as the user gave it, and no link leads out of their folder", async () => {
    const store = new KernelStore(scratch());
    const bad = modulesFolder({ "kernel/a.ko.gz": Buffer.from("no gzip") });
    expect(faultOf(await store.addImage("mine", image(), bad)).message).toBe(`kernel/a.ko.gz in ${bad} is damaged`);
    const linked = modulesFolder({ "kernel/a.ko": moduleFile("a", [], "6.12.1-mine SMP") });
    symlinkSync("/etc/passwd", join(linked, "kernel/evil.ko"));
    symlinkSync("a.ko", join(linked, "kernel/b.ko"));
    const { folder } = valueOf(await store.addImage("mine", image(), linked));
    expect(readdirSync(join(folder, "modules/kernel")).sort()).toEqual(["a.ko", "b.ko"]);
    expect(lstatSync(join(folder, "modules/kernel/b.ko")).isFile()).toBe(true);
  });

  test("a cache folder that cannot be made is said at once", async () => {
    expect(faultOf(await new KernelStore("/proc/x/y").addImage("mine", image())).message).toContain("ENOENT");
  });

  test("what is said of a kernel that is not there fits its name", () => {
    const store = new KernelStore(scratch());
    expect(faultOf(store.find("6.12")).hint).toBe("`litmap kernel add 6.12` takes Debian's");
    expect(faultOf(store.find("mine")).hint).toBe(
      "`litmap kernel add mine --image bzImage --modules FOLDER` adds your own",
    );
  });

  test("a file where the cache folder should be is said at once", async () => {
    const file = join(scratch(), "file");
    writeFileSync(file, "");
    expect(faultOf(await new KernelStore(file).addImage("mine", image())).message).toMatch(
      /^cannot use the cache folder \S+: EEXIST/,
    );
  });

  test("a half-made folder is not a kernel", async () => {
    const store = new KernelStore(scratch());
    mkdirSync(join(store.folder, "kernels/broken"), { recursive: true });
    writeFileSync(join(store.folder, "kernels/broken/kernel.json"), '{"name":');
    expect(store.list()).toEqual([]);
  });

  test("a bad release is the request's fault", async () => {
    expect(faultOf(await new KernelStore(scratch()).addDebian("latest")).code).toBe("request");
  });
});

describe("two at once", () => {
  test("eight processes that add kernels lose none", async () => {
    const folder = scratch();
    const source = image();
    const said = await Promise.all(
      Array.from(
        { length: 8 },
        (_, index) =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, [
              fake("add-image.mjs"),
              folder,
              index % 2 ? "same" : `k${index}`,
              source,
            ]);
            let text = "";
            child.stdout.on("data", (chunk) => (text += chunk));
            child.stderr.on("data", (chunk) => (text += chunk));
            child.on("close", () => resolve(text.trim()));
          }),
      ),
    );
    expect(said).toEqual(Array(8).fill("added"));
    expect(new KernelStore(folder).list().map((kernel) => kernel.name)).toEqual(["k0", "k2", "k4", "k6", "same"]);
    expect(readdirSync(folder)).toEqual(["kernels"]);
  }, 30_000);

  test("a lock is waited for, and the wait ends", async () => {
    const lock = join(scratch(), "lock");
    const order: string[] = [];
    let waited = 0;
    await withLock(lock, {}, async () => {
      await expect(
        withLock(lock, { timeoutMs: 120, onWait: () => (waited += 1) }, async () => order.push("never")),
      ).rejects.toMatchObject({ code: "locked" });
      order.push("first");
    });
    await withLock(lock, {}, async () => order.push("second"));
    expect(order).toEqual(["first", "second"]);
    expect(waited).toBe(1);
  });

  test("a lock of a dead process, or of another with its number, is taken over", async () => {
    const lock = join(scratch(), "lock");
    const dead = spawnSync("true").pid;
    for (const text of [`${dead} 1\n`, `${process.pid} 1\n`]) {
      writeFileSync(lock, text);
      expect(await withLock(lock, { timeoutMs: 2000 }, async () => readFileSync(lock, "utf8"))).toMatch(
        new RegExp(`^${process.pid} `),
      );
    }
  });

  test("an empty lock is somebody's for a moment only", async () => {
    const lock = join(scratch(), "lock");
    writeFileSync(lock, "");
    await expect(withLock(lock, { timeoutMs: 100 }, async () => {})).rejects.toMatchObject({ code: "locked" });
    const before = new Date(Date.now() - 60_000);
    utimesSync(lock, before, before);
    expect(await withLock(lock, { timeoutMs: 2000 }, async () => "done")).toBe("done");
  });

  test("a lock goes when the work fails", async () => {
    const lock = join(scratch(), "lock");
    await expect(
      withLock(lock, {}, async () => {
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(existsSync(lock)).toBe(false);
  });
});

test("a full disk: one clear fault, nothing half made, and what was there stays", async ({ skip }) => {
  const folder = scratch();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]);
  if (mounted.status !== 0) skip("cannot mount a small tmpfs here");
  try {
    const store = new KernelStore(join(folder, "cache"));
    valueOf(await store.addImage("small", image("6.12.1", 64 << 10)));
    const fault = faultOf(await store.addImage("small", image("6.12.2", 4 << 20)));
    expect(fault).toMatchObject({
      code: "disk-full",
      message: `the cache folder ${store.folder} is full; nothing was added`,
    });
    expect(fault.hint).toContain("LITMAP_CACHE");
    expect(store.list().map((kernel) => kernel.version)).toEqual(["6.12.1"]);
    expect(readdirSync(store.folder)).toEqual(["kernels"]);
    valueOf(await store.addImage("small", image("6.12.3", 64 << 10)));
  } finally {
    spawnSync("umount", [folder]);
  }
});

test("a folder that cannot be written says so", async () => {
  const file = join(scratch(), "file");
  writeFileSync(file, "");
  const fault = faultOf(await new KernelStore(join(file, "cache")).addImage("mine", image()));
  expect(fault.code).toBe("io");
  expect(fault.message).toContain(join(file, "cache"));
});
