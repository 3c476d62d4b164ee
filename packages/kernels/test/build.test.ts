import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildFragment } from "../src/build-fragment.js";
import { fragmentFor, recipeOf, unsetOptions } from "../src/build.js";
import { optionsOf, parseConfig } from "../src/configuration.js";
import { findProgram } from "../src/running.js";
import type { StoreBuildOptions } from "../src/index.js";
import { KernelStore } from "../src/index.js";
import { bzImage, moduleFile, moduleSources, scratch } from "./stand-ins.js";

describe("the fragment", () => {
  const groups = [
    { subject: "a", options: { CMA: "y", DRM: "m", HID: "n", NR_CPUS: "8" } },
    { subject: "b", since: "6.2", options: { VFIO_GROUP: "y" } },
    { subject: "c", options: { DRM: "y" } },
  ] as const;

  test("is written as a .config, a later group decides, newer options are left out of older releases", () => {
    expect(fragmentFor("6.1", groups)).toBe("CONFIG_CMA=y\nCONFIG_DRM=y\n# CONFIG_HID is not set\nCONFIG_NR_CPUS=8\n");
    expect(fragmentFor("6.12", groups)).toContain("CONFIG_VFIO_GROUP=y\n");
  });

  test("what olddefconfig made of it: dropped, weakened, changed, set against its will", () => {
    const config = "CONFIG_DRM=m\nCONFIG_HID=y\nCONFIG_NR_CPUS=64\n# CONFIG_VFIO_GROUP is not set\n";
    expect(unsetOptions("6.12", config, groups)).toEqual([
      { option: "CMA", wanted: "y", got: "n" },
      { option: "DRM", wanted: "y", got: "m" },
      { option: "HID", wanted: "n", got: "y" },
      { option: "NR_CPUS", wanted: "8", got: "64" },
      { option: "VFIO_GROUP", wanted: "y", got: "n" },
    ]);
    expect(unsetOptions("6.1", fragmentFor("6.1", groups), groups)).toEqual([]);
  });

  test("has what Debian leaves out, once each, and names no release that is not one", () => {
    const config = parseConfig(fragmentFor("6.12"));
    for (const option of [
      "CMA",
      "DMABUF_HEAPS_CMA",
      "DMABUF_DEBUG",
      "SW_SYNC",
      "GUP_TEST",
      "DMABUF_SYSFS_STATS",
      "UDMABUF",
    ])
      expect(config.get(option)).toBe("y");
    for (const option of ["DRM_VKMS", "DRM_VGEM", "VIDEO_VIVID", "KVM_AMD", "VFIO_PCI", "BLK_DEV_RAM", "PACKET"])
      expect(config.get(option)).toBe("m");
    expect(config.get("DEBUG_VM")).toBeUndefined();
    const names = buildFragment.flatMap(({ options }) => Object.keys(options));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    for (const { since = "6.1" } of buildFragment) expect(since).toMatch(/^\d+\.\d+$/);
  });

  test("a recipe changes with source and release", () => {
    const source = { name: "linux-source-6.12", version: "6.12.1-1", sha256: "abc", size: 1, installedSize: 1 };
    const recipes = [
      recipeOf(source, "6.12"),
      recipeOf(source, "6.1"),
      recipeOf({ ...source, version: "6.12.1-2" }, "6.12"),
      recipeOf({ ...source, sha256: "abd" }, "6.12"),
    ];
    expect(new Set(recipes).size).toBe(4);
    expect(recipeOf({ ...source, size: 2 }, "6.12")).toBe(recipes[0]);
  });
});

/** A PATH of stand-ins for apt and make, and of nothing else but what scripts need. */
describe("with stand-ins for apt and make", () => {
  const path = process.env.PATH;
  let bin: string;
  let etc: string;
  let calls: string;

  function program(name: string, body: string): void {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${calls}\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }

  const made = (): string[] =>
    readFileSync(calls, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("make"));

  function build(store: KernelStore, options: Partial<StoreBuildOptions> = {}) {
    return store.build("6.12", { aptFolder: etc, moduleSources, ...options });
  }

  beforeEach(() => {
    bin = scratch();
    etc = scratch();
    calls = join(bin, "calls");
    writeFileSync(calls, "");
    writeFileSync(join(etc, "sources.list"), "deb http://mirror.example/debian bookworm main\n");
    writeFileSync(join(bin, "image"), bzImage("6.12.5-litmap"));
    writeFileSync(join(bin, "module"), moduleFile("vgem", [], "6.12.5-litmap SMP"));
    for (const name of ["sh", "dirname", "mkdir", "cp", "touch", "cat", "grep", "printf", "sleep"])
      symlinkSync(findProgram(name, { PATH: path })!, join(bin, name));
    for (const name of ["ld", "flex", "bison", "bc", "perl", "xz", "gzip", "gcc", "apt-config"]) program(name, "");
    program(
      "apt-get",
      'case "$1" in update) : > "$(dirname "$APT_CONFIG")/state/lists/mirror_Packages" ;; download) : > source.deb ;; esac',
    );
    program(
      "apt-cache",
      `case "$1" in
pkgnames) printf 'linux-source-6.12\\nlinux-source\\nlinux-source-6.1\\n' ;;
show) printf 'Package: linux-source-6.12\\nVersion: 6.12.5-1\\nSize: 5\\nInstalled-Size: 1\\nSHA256: abc\\n\\nPackage: linux-source-6.12\\nVersion: 6.12.10-1\\nSize: 5\\nInstalled-Size: 1\\nSHA256: abd\\n' ;;
esac`,
    );
    program("dpkg-deb", 'mkdir -p "$3/usr/src"; touch "$3/usr/src/linux-source-6.12.tar.xz"');
    program("tar", 'mkdir -p "$4/linux-source-6.12/arch/x86/boot"');
    program(
      "make",
      `case "$*" in
tinyconfig) echo CONFIG_TINY=y > .config ;;
olddefconfig) grep -v GUP_TEST .config > new; cp new .config ;;
*bzImage*) echo "  CC      mm/gup.o"; cp ${bin}/image arch/x86/boot/bzImage; mkdir -p scripts include; touch Makefile Module.symvers ;;
*M=*) cp ${bin}/module "\${3#M=}/litmap.ko" ;;
modules_install*) d="\${2#INSTALL_MOD_PATH=}/lib/modules/6.12.5-litmap"; mkdir -p "$d/kernel"; cp ${bin}/module "$d/kernel/vgem.ko"; touch "$d/modules.builtin" ;;
esac`,
    );
    process.env.PATH = bin;
  });

  afterEach(() => {
    process.env.PATH = path;
  });

  test("a kernel is made of the newest source, named after its release, and says which options it did not take", async () => {
    const store = new KernelStore(scratch());
    const said: string[] = [];
    const built = await build(store, { jobs: 3, onProgress: (line) => said.push(line) });
    if (!built.ok) throw built.fault;
    const { kernel, fresh } = built.value;
    expect(fresh).toBe(true);
    expect(kernel).toMatchObject({ name: "6.12-built", release: "6.12", version: "6.12.5-litmap" });
    expect(kernel.source).toMatchObject({
      kind: "built",
      packages: [{ name: "linux-source-6.12", version: "6.12.10-1", sha256: "abd" }],
      unset: ["GUP_TEST=y"],
    });
    expect(readdirSync(kernel.folder).sort()).toEqual(["build", "config", "kernel.json", "modules", "vmlinuz"]);
    expect(readdirSync(join(kernel.folder, "modules"), { recursive: true }).sort()).toEqual([
      "extra",
      "extra/litmap.ko",
      "kernel",
      "kernel/vgem.ko",
      "modules.builtin",
    ]);
    expect(readdirSync(join(kernel.folder, "build")).sort()).toEqual([
      ".config",
      "Makefile",
      "Module.symvers",
      "include",
      "scripts",
    ]);
    const config = readFileSync(join(kernel.folder, "config"), "utf8");
    expect(config).toContain("CONFIG_TINY=y\n");
    expect(config).toContain("CONFIG_DMABUF_HEAPS_CMA=y\n");
    expect(optionsOf(kernel)?.has("DMABUF_DEBUG")).toBe(true);
    expect(optionsOf(kernel)?.has("DRM_VKMS")).toBe(true);
    expect(optionsOf(kernel)?.has("GUP_TEST")).toBe(false);
    expect(optionsOf(kernel)?.has("NR_CPUS")).toBe(false);
    expect(made()[2]).toBe("make -j3 bzImage modules");
    expect(said.some((line) => line.startsWith("compiling: 1 objects in "))).toBe(true);
    // Nothing but the kernel and apt's lists is left in the cache.
    expect(readdirSync(store.folder).sort()).toEqual(["apt", "kernels"]);
  });

  test("a second time nothing is made; another source or another name is made", async () => {
    const store = new KernelStore(scratch());
    await build(store);
    const calledOnce = made().length;
    const again = await build(store);
    expect(again.ok && again.value.fresh).toBe(false);
    expect(made()).toHaveLength(calledOnce);
    const other = await build(store, { name: "mine" });
    expect(other.ok && other.value.kernel.name).toBe("mine");
    program(
      "apt-cache",
      `case "$1" in pkgnames) echo linux-source-6.12 ;; show) printf 'Package: linux-source-6.12\\nVersion: ` +
        "6.12.11-1\\nSize: 5\\nInstalled-Size: 1\\nSHA256: x\\n' ;; esac",
    );
    const newer = await build(store);
    expect(newer.ok && newer.value.fresh).toBe(true);
  });

  test("all that is missing is named in one message, by Debian's package", async () => {
    program("gcc", "exit 1");
    const bare = scratch();
    for (const name of readdirSync(bin))
      if (!["flex", "bison", "bc"].includes(name)) symlinkSync(join(bin, name), join(bare, name));
    process.env.PATH = bare;
    const store = new KernelStore(scratch());
    const built = await build(store);
    if (built.ok) throw new Error("it should have failed");
    expect([built.fault.code, built.fault.message]).toEqual([
      "missing-program",
      "building a kernel needs flex, bison, bc, libelf-dev, libc6-dev",
    ]);
    expect(built.fault.hint).toBe("apt-get install flex bison bc libelf-dev libc6-dev");
    expect(made()).toEqual([]);
    expect(store.list()).toEqual([]);
  });

  test("a build that fails says the compiler's words, and leaves an older kernel where it was", async () => {
    const store = new KernelStore(scratch());
    await build(store);
    program(
      "apt-cache",
      `case "$1" in pkgnames) echo linux-source-6.12 ;; show) printf 'Package: linux-source-6.12\\nVersion: ` +
        "6.12.11-1\\nSize: 5\\nInstalled-Size: 1\\nSHA256: x\\n' ;; esac",
    );
    program(
      "make",
      'case "$*" in tinyconfig) : > .config ;; *bzImage*) echo "mm/gup.c:1:2: error: no such thing" >&2; echo "make: *** [mm] Error 2" >&2; exit 2 ;; esac',
    );
    const built = await build(store);
    if (built.ok) throw new Error("it should have failed");
    expect([built.fault.code, built.fault.message]).toEqual([
      "build",
      expect.stringMatching(/^make -j\d+ bzImage modules failed: mm\/gup.c:1:2: error: no such thing$/),
    ]);
    expect(store.get("6.12-built")?.source).toMatchObject({ packages: [{ version: "6.12.10-1" }] });
    expect(existsSync(join(store.folder, "building"))).toBe(false);
  });

  test("a source of another release than its name says does not enter the store", async () => {
    writeFileSync(join(bin, "image"), bzImage("6.13.0-litmap"));
    const store = new KernelStore(scratch());
    const built = await build(store);
    expect(built.ok ? "" : built.fault.code).toBe("mirror");
    expect(store.list()).toEqual([]);
  });

  test("wrong requests ask nothing of the mirror; a release without a source package says so", async () => {
    const store = new KernelStore(scratch());
    for (const request of [store.build("newest", { aptFolder: etc, moduleSources }), build(store, { name: "host" })]) {
      const built = await request;
      expect(built.ok ? "" : built.fault.code).toBe("request");
    }
    expect(readFileSync(calls, "utf8")).toBe("");
    const none = await store.build("6.13", { aptFolder: etc, moduleSources });
    expect(none.ok ? "" : none.fault.message).toBe("this machine's Debian mirror has no package linux-source-6.13");
  });

  test("a kernel that is not there is built, not added", () => {
    mkdirSync(join(scratch(), "kernels"));
    const found = new KernelStore(scratch()).find("6.12-built");
    expect(found.ok ? "" : found.fault.hint).toBe("`litmap kernel build 6.12` builds it");
  });
});
