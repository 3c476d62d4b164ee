/** The library without litmus files, and the examples that show it. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Buffer, failed, Failure, FileHandle, Kernel, must } from "../src/index.js";

function app(release?: string): { kernel: Kernel; process: ReturnType<Kernel["process"]> } {
  const kernel = new Kernel({ release });
  return { kernel, process: kernel.process("app") };
}

describe("results", () => {
  test("a call gives its result or a failure that names the rule", () => {
    const { process } = app();
    const refused = process.mmap(new FileHandle(process, 99), 4096);
    expect(failed(refused)).toBe(true);
    if (!failed(refused)) return;
    expect(refused).toBeInstanceOf(Failure);
    expect([refused.name, refused.errno, refused.rule?.id]).toEqual(["EBADF", 9, "mmap/bad-descriptor"]);
    expect(String(refused)).toMatch(/^EBADF: .*\(.*, .*\.c\)$/);
  });

  test("a signal is a failure without a number", () => {
    const { process } = app();
    const died = process.call("load", { address: 0x1000 });
    expect(failed(died) && [died.name, died.errno]).toEqual(["SIGSEGV", 0]);
  });

  test("must() throws with the reason", () => {
    const { kernel, process } = app();
    expect(() => must(kernel.heap("system").alloc(process, 0))).toThrow(/^EINVAL: A length /);
    expect(must(5)).toBe(5);
  });

  test("what decided the last call, also when it passed", () => {
    const { kernel, process } = app("6.12");
    must(kernel.heap("system").alloc(process, 4096));
    expect(kernel.last.map((event) => event.rule.id)).toEqual(["system-heap/orders"]);
  });
});

describe("processes", () => {
  test("operations by name take the table's defaults", () => {
    const { process } = app();
    const memfd = must(process.call("memfd_create", { size: 8192 })) as number;
    expect(must(process.call("get_seals", { fd: memfd }))).toEqual([]);
    const address = must(
      process.call("mmap", { object: memfd, length: 8192, prot: ["rw"], sharing: ["shared"] }),
    ) as number;
    expect(must(process.call("store", { address, value: 0x01020304 }))).toBe(0);
    expect(must(process.call("load", { address, width: 2 }))).toBe(0x0304);
  });

  test("mappings lie apart, as in a test", () => {
    const { process } = app();
    const maps = [1, 4096, 3 << 20, 4096].map(
      (bytes) => must(process.mmap("anon", bytes, { sharing: "private" })).address,
    );
    const mib = 1024 * 1024;
    expect(maps.map((address) => (address - maps[0]) / mib)).toEqual([0, 4, 8, 14]);
  });

  test("a mapping's methods", () => {
    const { process } = app();
    const map = must(process.mmap("anon", 16384, { sharing: "private" }));
    must(map.touch("write"));
    must(map.store(4, 0xffee, 2));
    expect(must(map.load(4, 1))).toBe(0xee);
    expect(must(map.smaps())).toMatchObject({ Size: 16384, Rss: 16384, Anonymous: 16384 });
    must(map.unmap());
    expect(failed(map.load())).toBe(true);
    expect(failed(map.smaps())).toBe(true);
  });

  test("protections and sharing", () => {
    const { kernel, process } = app();
    const buffer = must(kernel.heap("system").alloc(process, 8192, "r"));
    expect(failed(process.mmap(buffer, 8192))).toBe(true);
    const view = must(process.mmap(buffer, 8192, { prot: "r" }));
    expect(failed(view.store(0, 1))).toBe(true);
    expect(failed(process.mmap(buffer, 8192, { prot: "none" }))).toBe(false);
    expect(failed(process.mmap(buffer, 4096, { prot: "r", sharing: "private", offset: 4096 }))).toBe(false);
  });

  test("populate faults everything in at once", () => {
    const { process } = app();
    const memfd = must(process.memfd(16384));
    expect(must(must(process.mmap(memfd, 16384, { populate: true })).smaps()).Rss).toBe(16384);
    expect(must(must(process.mmap(memfd, 16384)).smaps()).Rss).toBe(0);
  });

  test("a fork has the parent's memory and descriptors", () => {
    const { process } = app();
    const map = must(process.mmap("anon", 4096, { sharing: "private" }));
    must(map.store(0, 1));
    const child = must(process.fork("child"));
    expect(must(child.call("load", { address: map.address }))).toBe(1);
    must(child.call("store", { address: map.address, value: 2 }));
    expect(must(map.load())).toBe(1);
  });

  test("processes of one kernel share nothing that they do not pass on", () => {
    const { kernel, process } = app();
    const other = kernel.process("other");
    const buffer = must(kernel.heap("system").alloc(process, 4096));
    expect(failed(other.mmap(new FileHandle(other, buffer.fd), 4096))).toBe(true);
    const received = must(other.receive(buffer));
    expect(received).toBeInstanceOf(Buffer);
    expect(must(received.info()).count).toBe(2);
    must(buffer.close());
    expect(failed(other.receive(buffer))).toBe(true);
  });
});

describe("buffers", () => {
  test("info, name, CPU access", () => {
    const { process } = app();
    const memfd = must(process.memfd(8192, "seal_shrink"));
    const buffer = must(process.udmabuf(memfd, 4096, 4096));
    must(buffer.setName("frame"));
    expect(must(buffer.info())).toEqual({ size: 4096, count: 1, exp_name: "udmabuf", name: "frame" });
    expect(failed(buffer.end("write"))).toBe(true);
    expect(must(buffer.begin("read", "write"))).toBe(0);
    expect(must(buffer.end("read", "write"))).toBe(0);
    expect(failed(buffer.begin())).toBe(true);
  });

  test("a driver's kernel mapping", () => {
    const { kernel, process } = app();
    const buffer = must(kernel.heap("system").alloc(process, 8192));
    const view = must(process.mmap(buffer, 8192));
    const driver = must(kernel.device("gpu").vmap(buffer));
    must(view.store(4096, 0x11223344));
    expect(driver.load(4096)).toBe(0x11223344);
    expect(driver.load(4097, 2)).toBe(0x2233);
    driver.store(0, 0x55, 1);
    expect(must(view.load())).toBe(0x55);
    driver.unmap();
    expect(() => driver.load()).toThrow(/unable to handle page fault/);
  });

  test("a device that cannot have the buffer", () => {
    const { kernel, process } = app("6.1");
    const memfd = must(process.memfd(4096, "seal_shrink"));
    const udmabuf = must(process.udmabuf(memfd, 0, 4096));
    const refused = kernel.device("d").vmap(udmabuf);
    expect(failed(refused) && refused.name).toBe("EINVAL");
    const closed = kernel.device("d").attach(new Buffer(process, 77));
    expect(failed(closed) && closed.name).toBe("EBADF");
  });
});

describe("examples", () => {
  const folder = fileURLToPath(new URL("../../../examples/", import.meta.url));
  const run = (name: string): string[] =>
    execFileSync(process.execPath, [folder + name], { encoding: "utf8" })
      .trimEnd()
      .split("\n");

  test("a camera buffer that two processes share", () => {
    expect(run("camera-two-processes.mjs")).toEqual([
      "linux 6.1: the encoder reads 0xcafe, Pss 32768 + 32768, 4 references",
      "linux 6.12: the encoder reads 0xcafe, Pss 0 + 0, 4 references",
      "linux 7.3: the encoder reads 0xcafe, Pss 0 + 0, 4 references",
    ]);
  });

  test("a device that imports and writes a buffer", () => {
    expect(run("device-writes.mjs")).toEqual([
      "coherent: 0x55555555, after a sync 0x55555555",
      "  the device reads against its direction: EFAULT",
      "not coherent: 0x0, after a sync 0x55555555",
      "  the device reads against its direction: EFAULT",
    ]);
  });

  test("two designs compared", () => {
    const lines = run("two-designs.mjs");
    expect(lines[0]).toBe("remap-pfn-range: O_DIRECT writes EFAULT, Pss 0");
    expect(lines.at(-1)).toBe("insert-page: O_DIRECT writes 4096 bytes, Pss 65536");
  });

  test("none is longer than a screen", () => {
    for (const name of readdirSync(folder))
      expect(readFileSync(folder + name, "utf8").split("\n").length, name).toBeLessThanOrEqual(41);
  });
});
