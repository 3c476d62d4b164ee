import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Fault } from "../src/index.js";
import { hasModule, modinfoDepends, moduleName, parseModulesDep, planModules } from "../src/modules.js";
import { moduleFile, modulesFolder } from "./stand-ins.js";

const names = (plan: Awaited<ReturnType<typeof planModules>>): string[] => plan.load.map((each) => each.name);

test("a module is known by its name with underscores, however its file is packed", () => {
  expect(["kernel/gpu/virtio-gpu.ko.xz", "virtio_gpu", "virtio-gpu.ko", "a/virtio-gpu.ko.zst"].map(moduleName)).toEqual(
    Array(4).fill("virtio_gpu"),
  );
});

test("modules.dep: what must come first comes first", () => {
  const parsed = parseModulesDep("kernel/a.ko.xz: kernel/b-b.ko.xz kernel/c.ko.xz\nkernel/c.ko.xz:\n");
  expect(parsed.get("a")).toEqual(["c", "b_b"]);
  expect(parsed.get("c")).toEqual([]);
});

test("depends out of a module's own information", () => {
  expect(modinfoDepends(moduleFile("x", ["drm", "drm-kms-helper"]))).toEqual(["drm", "drm_kms_helper"]);
  expect(modinfoDepends(moduleFile("x"))).toEqual([]);
  expect(modinfoDepends(Buffer.from("no information"))).toEqual([]);
});

describe("a plan", () => {
  test("has dependencies before dependents, each once", async () => {
    const folder = modulesFolder({
      "kernel/gpu/virtio-gpu.ko": moduleFile("virtio_gpu", ["drm_kms_helper", "drm", "virtio_dma_buf"]),
      "kernel/gpu/drm_kms_helper.ko": moduleFile("drm_kms_helper", ["drm"]),
      "kernel/gpu/drm.ko": moduleFile("drm"),
      "kernel/virtio/virtio_dma_buf.ko": moduleFile("virtio_dma_buf"),
      "kernel/vgem.ko": moduleFile("vgem", ["drm"]),
    });
    const plan = await planModules(folder, [{ name: "virtio-gpu" }, { name: "vgem" }]);
    expect(names(plan)).toEqual(["drm", "drm_kms_helper", "virtio_dma_buf", "virtio_gpu", "vgem"]);
  });

  test("takes modules.dep where there is one", async () => {
    const folder = modulesFolder({ "kernel/a.ko": moduleFile("a", ["wrong"]), "kernel/b.ko": moduleFile("b") });
    writeFileSync(join(folder, "modules.dep"), "kernel/a.ko: kernel/b.ko\nkernel/b.ko:\n");
    expect(names(await planModules(folder, [{ name: "a" }]))).toEqual(["b", "a"]);
  });

  test("passes over what is built in, and says what is missing", async () => {
    const folder = modulesFolder(
      { "kernel/a.ko": moduleFile("a", ["gone"]), "kernel/b.ko": moduleFile("b", ["virtio"]) },
      ["virtio", "brd"],
    );
    const plan = await planModules(folder, [
      { name: "a" },
      { name: "b" },
      { name: "brd", params: "rd_nr=1" },
      { name: "vivid" },
    ]);
    expect(names(plan)).toEqual(["b"]);
    expect(plan.builtin).toEqual(["brd"]);
    expect(plan.missing).toEqual(["a", "vivid"]);
  });

  test("ends on a circle", async () => {
    const folder = modulesFolder({ "kernel/a.ko": moduleFile("a", ["b"]), "kernel/b.ko": moduleFile("b", ["a"]) });
    expect((await planModules(folder, [{ name: "a" }])).missing).toEqual(["a"]);
  });

  test("keeps parameters, also of a module that another pulled in", async () => {
    const folder = modulesFolder({ "kernel/a.ko": moduleFile("a", ["b"]), "kernel/b.ko": moduleFile("b") });
    const plan = await planModules(folder, [{ name: "a" }, { name: "b", params: "x=1" }]);
    expect(plan.load.map(({ name, params }) => [name, params])).toEqual([
      ["b", "x=1"],
      ["a", ""],
    ]);
  });

  test("unpacks gz and xz", async ({ skip }) => {
    const packed = spawnSync("xz", ["-c"], { input: moduleFile("b") });
    if (packed.error) skip("xz is not installed");
    const folder = modulesFolder({
      "kernel/a.ko.gz": gzipSync(moduleFile("a", ["b"])),
      "kernel/b.ko.xz": packed.stdout,
    });
    const plan = await planModules(folder, [{ name: "a" }]);
    expect(plan.load.map((each) => Buffer.from(each.data).toString("latin1"))).toEqual(
      [moduleFile("b"), moduleFile("a", ["b"])].map((each) => each.toString("latin1")),
    );
  });

  test("a damaged file is a fault, not an exception of another kind", async ({ skip }) => {
    if (spawnSync("xz", ["--version"]).error) skip("xz is not installed");
    const folder = modulesFolder({ "kernel/a.ko.xz": Buffer.from("not xz") });
    await expect(planModules(folder, [{ name: "a" }])).rejects.toThrow(Fault);
  });

  test("a kernel without modules has none", async () => {
    expect(await planModules("/nonexistent", [{ name: "a" }])).toEqual({ load: [], builtin: [], missing: ["a"] });
    expect(hasModule("/nonexistent", "a")).toBe(false);
  });
});
