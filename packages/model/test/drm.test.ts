/** GEM objects of DRM drivers: handles, fake offsets, PRIME, and mappings of shmem and TTM. */
import { describe, expect, test } from "vitest";
import { Kernel } from "../src/index.js";
import { drmDevice } from "../src/exporters/index.js";
import type { DrmFile } from "../src/exporters/gem.js";
import { drmGemClose, drmGemDumbMapOffset, drmModeCreateDumb } from "../src/exporters/gem.js";
import { drmGemPrimeFdToHandle, drmGemPrimeHandleToFd } from "../src/exporters/prime.js";
import { fput } from "../src/vfs/file.js";
import { runAlone } from "../src/sched/path.js";
import { ask, onReleases, values } from "./ask.js";
import type { DrmNodeName } from "@litmap/litmus";

const all = ["6.1", "6.12", "6.18", "7.2", "7.3"];
const object = (device: string, size = "64K"): string =>
  `d = drm_open(${device})\nh = dumb_create(d, ${size})\no = dumb_map(d, h)\n`;
const mapped = (device: string, size = "64K"): string =>
  `${object(device, size)}va = mmap(d, ${size}, rw, shared, o)\n`;

describe("dumb buffers", () => {
  const create = (size: string): unknown => values(`d = drm_open(vgem)\nx = dumb_create(d, ${size})`).x;

  test("at least a line and less than 4 GiB", () => {
    expect(create("0")).toBe("EINVAL");
    expect(create("4095")).toBe("EINVAL");
    expect(create("4096")).toBe("ok");
    expect(create("4G")).toBe("EINVAL");
  });

  test("a part of a line does not count", () => {
    expect(
      values(`${object("vgem", "6000")}v = mmap(d, 8K, rw, shared, o)\nw = mmap(d, 4K, rw, shared, o)`),
    ).toMatchObject({ v: "EINVAL", w: "ok" });
  });

  test("mmap finds an object at its exact offset, up to its size", () => {
    const lines =
      `${object("vgem")}a = mmap(d, 60K, rw, shared, o)\nb = mmap(d, 4K, rw, shared, o + 4K)\n` +
      "c = mmap(d, 68K, rw, shared, o)\ne = mmap(d, 4K, rw, shared)";
    expect(values(lines)).toMatchObject({ a: "ok", b: "EINVAL", c: "EINVAL", e: "EINVAL" });
  });

  test("an offset that wraps over 2^64 is one below the object's", () => {
    const { rules, values: found } = ask(`${object("vgem")}a = mmap(d, 4K, rw, shared, o + 0xfffffffffffff000)`);
    expect(found.a).toBe("EINVAL");
    expect(rules).toContain("gem/no-such-offset");
  });

  test("each of two objects has its own offset", () => {
    expect(
      values(
        `${object("vgem")}h2 = dumb_create(d, 64K)\no2 = dumb_map(d, h2)\nva = mmap(d, 4K, rw, shared, o)\n` +
          "vb = mmap(d, 4K, rw, shared, o2)\nstore(va, 1)\nx = load(vb)",
      ).x,
    ).toBe(0);
  });

  test("reading the device waits for an event, and none ever comes", () => {
    expect(ask("d = drm_open(vgem)\nva = mmap(anon, 4K, rw, private)\nr = read(d, va, 4)").status).toBe("hang");
    expect(
      values("d = drm_open(vgem)\nva = mmap(anon, 4K, rw, private)\nw = write(d, va, 4)\np = pwrite(d, va, 4, 0)"),
    ).toMatchObject({ w: "EINVAL", p: "EINVAL" });
  });

  test("what is no DRM file does not know the ioctls", () => {
    expect(values("m = memfd_create(4K)\na = dumb_create(m, 4K)\nb = dumb_create(99, 4K)")).toMatchObject({
      a: "ENOTTY",
      b: "EBADF",
    });
  });
});

describe("mappings", () => {
  const faults = (device: string, access: string): unknown[] =>
    onReleases(`${mapped(device)}x = faults { touch(va, 64K, ${access}) }`, ...all);

  test("faults of reading", () => {
    expect(faults("vgem", "read")).toEqual([16, 16, 16, 16, 16]);
    expect(faults("qxl", "read")).toEqual([1, 1, 1, 1, 1]);
    expect(faults("bochs", "read")).toEqual([1, 1, 16, 16, 16]);
  });

  test("writing costs a second fault where the object wants to know of it", () => {
    expect(faults("vgem", "write")).toEqual([16, 16, 16, 32, 32]);
    expect(faults("qxl", "write")).toEqual([1, 1, 1, 1, 1]);
    expect(ask(`${mapped("vgem")}store(va, 1)`, "7.3").rules).toContain("drm-shmem/write-notify");
  });

  test("TTM's prefault begins at the fault and ends at 16 pages or the mapping's end", () => {
    const lines =
      `${mapped("qxl", "128K")}a = faults { touch(va + 40K, 64K, read) }\n` +
      "b = faults { touch(va + 104K, 24K, read) }\nc = faults { touch(va, 40K, read) }";
    expect(values(lines)).toMatchObject({ a: 1, b: 1, c: 1 });
  });

  test("private writable mappings are refused", () => {
    for (const device of ["vgem", "virtio_gpu", "bochs", "qxl"]) {
      expect(onReleases(`${object(device)}x = mmap(d, 64K, rw, private, o)`, ...all)).toEqual(all.map(() => "EINVAL"));
    }
  });

  test("after a split shmem objects show the wrong pages, TTM's do not", () => {
    const split = (device: string): unknown[] =>
      onReleases(
        `${mapped(device)}store(va + 4K, 2)\nstore(va + 8K, 3)\nvb = mmap(d, 64K, rw, shared, o)\nmunmap(vb, 4K)\n` +
          "x = load(vb + 8K)",
        ...all,
      );
    expect(split("vgem")).toEqual([2, 2, 2, 2, 2]);
    expect(split("qxl")).toEqual([3, 3, 3, 3, 3]);
    expect(split("bochs")).toEqual([3, 3, 2, 2, 2]);
  });

  test("only TTM has an access method", () => {
    expect(onReleases(`${mapped("bochs")}store(va, 7)\nx = mem_read(va, 8K)`, ...all)).toEqual([
      8192,
      8192,
      "EIO",
      "EIO",
      "EIO",
    ]);
    expect(
      values(
        `${mapped("qxl")}store(va + 4K, 7)\nw = mem_write(va + 4K, 4K)\nx = load(va + 4K)\n` +
          "y = process_vm_readv(va, 4K)",
      ),
    ).toMatchObject({ w: 4096, x: 0, y: "EFAULT" });
  });

  test("each part of a split mapping keeps the object until it goes", () => {
    const lines =
      `${mapped("vgem")}store(va + 60K, 7)\nm = munmap(va + 16K, 16K)\ng = gem_close(d, h)\nclose(d)\n` +
      "n = munmap(va, 16K)\nx = load(va + 60K)";
    expect(values(lines)).toMatchObject({ m: "ok", g: "ok", n: "ok", x: 7 });
  });
});

describe("PRIME", () => {
  test("who has it", () => {
    expect(onReleases(`${object("bochs")}x = prime_export(d, h)`, ...all)).toEqual(["ENOSYS", "ok", "ok", "ok", "ok"]);
    expect(onReleases(`${object("qxl")}b = prime_export(d, h)\nx = mmap(b, 4K, rw, shared)`, ...all)).toEqual([
      "ENOSYS",
      "ok",
      "ok",
      "ok",
      "ok",
    ]);
  });

  test("the first export decides the access mode", () => {
    const lines = `${object("vgem")}a = prime_export(d, h, r)\nb = prime_export(d, h, rw)\nx = mmap(b, 4K, rw, shared)`;
    expect(values(lines).x).toBe("EACCES");
    expect(ask(lines).rules).toContain("gem/first-export");
  });

  test("references of a buffer: descriptor, object and table of handles", () => {
    const lines = `${object("vgem")}b = prime_export(d, h)\nn = fdinfo(b)\ng = gem_close(d, h)\nm = fdinfo(b)`;
    const found = values(lines);
    expect(Number(found["n.count"]) - Number(found["m.count"])).toBe(2);
  });

  test("a device gives its own object; another file needs a handle to map it", () => {
    const lines =
      `${object("vgem")}b = prime_export(d, h)\ne = drm_open(vgem)\na = mmap(e, 4K, rw, shared, o)\n` +
      "i = prime_import(e, b)\nva = mmap(e, 4K, rw, shared, o)\nvb = mmap(b, 4K, rw, shared)\nstore(va, 5)\n" +
      "x = load(vb)";
    expect(values(lines)).toMatchObject({ a: "EACCES", va: "ok", x: 5 });
  });

  test("importing from others", () => {
    const from = (device: string): unknown[] =>
      onReleases(`d = drm_open(${device})\nb = dma_heap_alloc(system, 64K)\nx = prime_import(d, b)`, ...all);
    expect(from("vgem")).toEqual(["ok", "ok", "ok", "ok", "ok"]);
    expect(from("virtio_gpu")).toEqual(all.map(() => "ENODEV"));
    expect(from("bochs")).toEqual(["ENOSYS", "EINVAL", "ok", "ok", "ok"]);
    expect(
      onReleases(`${object("qxl")}b = prime_export(d, h)\ne = drm_open(vgem)\nx = prime_import(e, b)`, ...all),
    ).toEqual(["ENOSYS", "ENOSYS", "ok", "ok", "ok"]);
  });

  test("an imported object has no offset; its attachment goes with its handle", () => {
    const lines =
      "d = drm_open(vgem)\nb = dma_heap_alloc(system, 64K)\nh = prime_import(d, b)\no = dumb_map(d, h)\n" +
      "n = bufinfo(b)\ng = gem_close(d, h)\nm = bufinfo(b)";
    expect(values(lines)).toMatchObject({ o: "EINVAL", "n.attachments": 1, "m.attachments": 0 });
  });

  test("a driver maps an exported buffer for its device, and in the kernel", () => {
    const lines =
      `${mapped("vgem")}b = prime_export(d, h)\nstore(va + 4K, 0x77)\ndriver D on gpu\nD: at = attach(b)\n` +
      "D: s = map_attachment(at)\nD: x = dma_read(s, 4K)\nD: v = vmap(b)\nD: y = load(v + 4K)\nD: u = vunmap(b)";
    const ordered = lines.replace("driver D on gpu\n", "");
    expect(values(`driver D on gpu\n${ordered}`)).toMatchObject({ x: 0x77, y: 0x77, u: "ok" });
  });
});

describe("nothing is left behind", () => {
  test.each(["vgem", "virtio_gpu", "bochs", "qxl"] as const)("%s", (name: DrmNodeName) => {
    const k = new Kernel({ release: "6.12" });
    const task = k.process("p");
    const file = drmDevice(k, name).open();
    const drm = file.data as DrmFile;
    const handle = runAlone(drmModeCreateDumb(k, drm, 65536n));
    expect(handle).toBe(1);
    expect(drmGemDumbMapOffset(k, drm, handle)).toBe(2 ** 32);
    const fd = runAlone(drmGemPrimeHandleToFd(k, task, drm, handle, true));
    expect(runAlone(drmGemPrimeFdToHandle(k, task, drm, fd))).toBe(handle);
    expect(k.dmaBufs.size).toBe(1);
    expect(runAlone(drmGemClose(k, drm, handle))).toBe(0);
    expect(runAlone(drmGemClose(k, drm, handle))).toBe(-22);
    runAlone(fput(task.files.remove(fd)!));
    expect(k.dmaBufs.size).toBe(0);
    expect(drm.dev.offsets.size).toBe(0);
    expect(k.shmemPages).toBe(0);
    runAlone(fput(file));
  });

  test("closing the device closes its handles", () => {
    const k = new Kernel({ release: "7.3" });
    const file = drmDevice(k, "virtio_gpu").open();
    const drm = file.data as DrmFile;
    runAlone(drmModeCreateDumb(k, drm, 65536n));
    runAlone(drmModeCreateDumb(k, drm, 65536n));
    expect([...drm.handles.keys()]).toEqual([1, 2]);
    expect([...drm.dev.offsets.keys()]).toEqual([2 ** 20, 2 ** 20 + 16]);
    expect(k.shmemPages).toBe(32);
    runAlone(fput(file));
    expect(drm.dev.offsets.size).toBe(0);
    expect(k.shmemPages).toBe(0);
  });
});
