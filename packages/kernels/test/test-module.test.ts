import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildTestModule, hasModule } from "../src/index.js";
import { testModuleStamp } from "../src/test-module.js";
import { moduleFile, moduleSources, scratch, storeWithKernel } from "./stand-ins.js";

describe("the test module, built by a stand-in for make", () => {
  const path = process.env.PATH;
  let bin: string;
  let tree: string;

  /** A make that leaves a module for this kernel in the folder that M= names. */
  function make(version: string, status = 0): void {
    writeFileSync(join(bin, "module"), moduleFile("litmap", ["drm_shmem_helper"], `${version} SMP`));
    writeFileSync(
      join(bin, "make"),
      `#!/bin/sh\nfor a; do case $a in M=*) to=\${a#M=} ;; esac; done\n` +
        `[ -f $to/main.c ] && [ -f $to/Kbuild ] || exit 9\ncp ${join(bin, "module")} $to/litmap.ko\n` +
        `echo "dma.c: error: no such thing" >&2\nexit ${status}\n`,
    );
    chmodSync(join(bin, "make"), 0o755);
  }

  beforeEach(() => {
    bin = scratch();
    tree = scratch();
    writeFileSync(join(tree, "Makefile"), "");
    process.env.PATH = `${bin}:${path}`;
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  test("goes among the kernel's modules, and saved machines are known by it", async () => {
    const { kernel } = await storeWithKernel();
    make("6.12.0-fake");
    expect(testModuleStamp(kernel)).toBe("");
    expect(hasModule(join(kernel.folder, "modules"), "litmap")).toBe(false);
    const built = await buildTestModule(kernel, { sourceFolder: moduleSources, build: tree });
    expect(built).toMatchObject({ ok: true });
    expect(hasModule(join(kernel.folder, "modules"), "litmap")).toBe(true);
    expect(testModuleStamp(kernel)).not.toBe("");
  });

  test("one that was built for another kernel is not taken", async () => {
    const { kernel } = await storeWithKernel();
    make("6.1.9-other");
    const built = await buildTestModule(kernel, { sourceFolder: moduleSources, build: tree });
    expect(built).toMatchObject({
      ok: false,
      fault: { code: "request", message: "that folder builds modules for Linux 6.1.9-other, and fake is 6.12.0-fake" },
    });
    expect(existsSync(join(kernel.folder, "modules", "extra"))).toBe(false);
  });

  test("what the compiler said is in the fault", async () => {
    const { kernel } = await storeWithKernel();
    make("6.12.0-fake", 2);
    const built = await buildTestModule(kernel, { sourceFolder: moduleSources, build: tree });
    expect(built).toMatchObject({
      ok: false,
      fault: { code: "build", log: expect.stringContaining("no such thing") as string },
    });
  });

  test("without headers it says which package has them", async () => {
    const { kernel } = await storeWithKernel();
    const built = await buildTestModule(kernel, { sourceFolder: moduleSources });
    expect(built).toMatchObject({
      ok: false,
      fault: { code: "request", hint: expect.stringContaining("linux-headers-6.12.0-fake") as string },
    });
    mkdirSync(join(tree, "empty"));
    expect(await buildTestModule(kernel, { sourceFolder: moduleSources, build: join(tree, "empty") })).toMatchObject({
      ok: false,
      fault: { message: expect.stringContaining("no Makefile") as string },
    });
  });

  test("the module's sources are complete", () => {
    const kbuild = readFileSync(new URL("../../../module/Kbuild", import.meta.url), "utf8");
    for (const object of /litmap-y := (.*)/.exec(kbuild)![1].split(" "))
      expect(existsSync(new URL(`../../../module/${object.replace(".o", ".c")}`, import.meta.url)), object).toBe(true);
  });
});
