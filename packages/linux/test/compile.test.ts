import type { OperationName, Outcome } from "@litmap/litmus";
import { operations, parse } from "@litmap/litmus";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KernelDescription } from "../src/compile.js";
import { compile } from "../src/compile.js";
import { changesDevices } from "../src/needs.js";
import { compilerOf } from "../src/operations/index.js";
import { HostExecutor, skipReason } from "./on-this-host.js";

function parsed(text: string) {
  const { test: found, diagnostics } = parse(`test t\n  "?"\n${text}\n`, { file: "t.lit" });
  if (!found || diagnostics.length > 0) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return found;
}

const somewhere: KernelDescription = { release: "6.12", arch: "x86_64", pageSize: 4096, kind: "vm" };

describe("compiling", () => {
  test("every operation of a process has a compiler or a reason", () => {
    const ofProcesses = (Object.keys(operations) as OperationName[]).filter((name) =>
      (operations[name].by as readonly string[]).includes("process"),
    );
    for (const name of ofProcesses) {
      const entry: object | Function = compilerOf(name);
      expect(typeof entry === "function" || "unsupported" in entry, name).toBe(true);
    }
  });

  test("a BAR is opened only where the runner has put the device", () => {
    expect(compile(parsed("r = pci_bar(edu)"), { ...somewhere, kind: "host" })).toMatchObject({
      kind: "unsupported",
      reason: "only virtual machines have QEMU's edu device",
    });
    expect(compile(parsed("r = pci_bar(edu)"), { ...somewhere, kind: "vm" }).kind).not.toBe("unsupported");
  });

  test("devices that a test leaves changed are known by what it does", () => {
    expect(changesDevices(parsed("c = vfio_open()\nvfio_dma(c, 0, 0)"))).toBe(true);
    expect(changesDevices(parsed("d = drm_open(qxl)"))).toBe(true);
    expect(changesDevices(parsed("c = vfio_open()\nd = drm_open(vgem)\nb = pci_bar(edu)"))).toBe(false);
  });

  test("what drivers do is unsupported, with the reason", () => {
    const compiled = compile(parsed("driver D on shmem\nD: bo = gem_create(64K)"), somewhere);
    expect(compiled).toMatchObject({
      kind: "unsupported",
      reason: "gem_create() needs litmap's test module, which this kernel does not have (litmap kernel module)",
    });
  });

  test("what the executor has no room for is unsupported by the limit's name, before anything is sent", () => {
    const mapped = "va = mmap(anon, 4K, rw, private)\n";
    const dumps = (count: number): string =>
      mapped + Array.from({ length: count }, (_, i) => `d${i} = core_dump(va, 4K)`).join("\n");
    const looks = (count: number): string =>
      mapped + Array.from({ length: count }, (_, i) => `s${i} = smaps(va)`).join("\n");
    const bufinfos = `m = memfd_create(4K, seal_shrink)\nbuf = udmabuf_create(m, 0, 4K)\n`;
    const reasonOf = (text: string): string | undefined => {
      const compiled = compile(parsed(text), somewhere);
      return compiled.kind === "unsupported" ? compiled.reason : undefined;
    };
    expect(reasonOf(dumps(11))).toBeUndefined();
    expect(reasonOf(dumps(12))).toMatch(
      /^limit: at most 12 processes, threads and drivers, .*core_dump\(\).*, not 13$/,
    );
    expect(reasonOf(looks(2000))).toBeUndefined();
    expect(reasonOf(looks(2100))).toMatch(/^limit: at most 4194304 bytes that the observers .*, not \d+$/);
    expect(reasonOf(bufinfos + Array.from({ length: 70 }, (_, i) => `b${i} = bufinfo(buf)`).join("\n"))).toMatch(
      /^limit: /,
    );
    expect(reasonOf("r = mincore(0, 2G)")).toMatch(
      /^limit: at most 262144 pages that one mincore\(\) looks at, not 524288$/,
    );
  });

  test("no run of a test is no answer", () => {
    const compiled = compile(parsed("m = memfd_create(4K)"), somewhere);
    const empty = Buffer.alloc(40);
    empty.writeUInt32LE(1, 0);
    expect(() => compiled.kind === "program" && compiled.decode(empty)).toThrow(/no run of the test came back/);
  });

  test("a disk is never guessed", () => {
    expect(compile(parsed("d = open_disk(direct)"), somewhere)).toMatchObject({
      kind: "unsupported",
      reason: /no disk/,
    });
    expect(compile(parsed("d = open_disk(direct)"), { ...somewhere, disk: "/dev/vda" }).kind).toBe("program");
  });

  test("a disk is cleared for whoever reads it, and only then", () => {
    const clears = (text: string): boolean => {
      const compiled = compile(parsed(text), { ...somewhere, disk: "/dev/vda" });
      // BLKZEROOUT, as an argument of a call.
      return (
        compiled.kind === "program" &&
        Buffer.from(compiled.program).includes(Buffer.from([0x7f, 0x12, 0, 0, 0, 0, 0, 0]))
      );
    };
    const open = "d = open_disk(buffered)\nva = mmap(anon, 4K, rw, private)\n";
    expect(clears(`${open}n = pread(d, va, 4K, 0)`)).toBe(true);
    expect(clears(`${open}n = pwrite(d, va, 4K, 0)`)).toBe(false);
    expect(clears("m = memfd_create(4K)\nva = mmap(anon, 4K, rw, private)\nn = pread(m, va, 4K, 0)")).toBe(false);
  });

  test("every DRM operation compiles, also with results of others as arguments", () => {
    const compiled = compile(
      parsed(
        "d = drm_open(qxl)\nh = dumb_create(d, 64K)\no = dumb_map(d, h)\nb = prime_export(d, h, r)\n" +
          "i = prime_import(d, b)\nva = mmap(b, 4K, r, shared)\ng = gem_close(d, h)",
      ),
      somewhere,
    );
    expect(compiled.kind).toBe("program");
  });

  test("the same test gives the same bytes", () => {
    const bytes = () => {
      const compiled = compile(
        parsed("va = mmap(anon, 64K, rw, private)\ntouch(va, 64K, write)\nexpect smaps(va).Rss == 64K"),
        somewhere,
      );
      return compiled.kind === "program" ? Buffer.from(compiled.program).toString("hex") : "";
    };
    expect(bytes()).not.toBe("");
    expect(bytes()).toBe(bytes());
  });

  test("it compiles for arm64 and arm too", () => {
    const one = parsed(
      "m = memfd_create(64K)\nva = mmap(m, 64K, rw, shared)\nn = pread(m, va, 4K, 4096)\nl = lseek(m, 0, end)\n" +
        "p = pagemap(va)",
    );
    for (const arch of ["arm64", "arm"] as const) expect(compile(one, { ...somewhere, arch }).kind).toBe("program");
  });
});

describe.skipIf(skipReason)("tests on this host's kernel", () => {
  let host: HostExecutor;
  beforeAll(async () => {
    host = await HostExecutor.start();
  });
  afterAll(() => host.stop());

  async function outcome(text: string, rounds?: number): Promise<Outcome> {
    const { release, arch, pageSize } = host.ready;
    const compiled = compile(parsed(text), { release, arch, pageSize, kind: "host" }, { rounds, roundMs: 3000 });
    if (compiled.kind === "unsupported") return compiled.outcome;
    const frame = await host.ask("run", compiled.program);
    if (frame.type !== "result") throw new Error(Buffer.from(frame.payload).toString());
    return compiled.decode(frame.payload);
  }
  const values = async (text: string) => {
    const { status, reason, values: found } = await outcome(text);
    if (status !== "ok") return { status, reason, found };
    return found;
  };

  test("memory: values, errnos, signals, fault counts", async () => {
    expect(
      await values(
        `
va = mmap(anon, 16p, rw, private)
n = faults { touch(va, 16p, write) }
x = load(va + 8K)
bad = mmap(anon, 0, rw, private)
p = mprotect(va, 1p, r)
s = store(va, 1)
t = load(va + 64K)
expect smaps(va + 4K).Rss == 60K
expect rw in smaps(va).VmFlags or true == true`.replace(/\nexpect rw.*/, ""),
      ),
    ).toEqual({
      va: "ok",
      n: 16,
      x: 2,
      bad: "EINVAL",
      p: "ok",
      s: "SIGSEGV",
      t: "SIGSEGV",
      "smaps(va + 4K).Rss": 60 * 1024,
    });
  });

  test("what needs a failed step is not reached, and says the line of the failure", async () => {
    expect(
      await values(`
m = memfd_create(4K, seal_shrink, no_sealing)
va = mmap(m, 4K, rw, shared)
x = load(va)
y = get_seals(m)`),
    ).toEqual({ m: "EPERM", va: { not_reached: 4 }, x: { not_reached: 4 }, y: { not_reached: 4 } });
  });

  test("fork, second process, thread, exit", async () => {
    expect(
      await values(`
process B
m = memfd_create(16K)
va = mmap(m, 16K, rw, shared)
store(va, 0x11)
fork C
C: cx = load(va)
C: store(va, 0x12)
ax = load(va)
B: fd = receive(m)
B: vb = mmap(fd, 16K, rw, shared)
B: bx = load(vb)
thread T of A
T: store(va, 0x13)
ay = load(va)
C: exit()
p1 = smaps(va).Pss
B: munmap(vb, 16K)
p2 = smaps(va).Pss`),
    ).toEqual({ m: "ok", va: "ok", cx: 0x11, ax: 0x12, fd: "ok", vb: "ok", bx: 0x12, ay: 0x13, p1: 2048, p2: 4096 });
  });

  test("seals, files, descriptors", async () => {
    expect(
      await values(`
m = memfd_create(64K, seal_shrink|seal_grow)
s = get_seals(m)
t = ftruncate(m, 4K)
d = dup(m)
e = lseek(d, 0, end)
f = fstat(m)
r = reopen(m, r)
va = mmap(r, 64K, rw, shared)
c = close(d)
q = pipe()
b = mmap(anon, 4K, rw, private)
store(b, 0x41)
w = write(q, b, 100)
g = read(q, b + 2K, 4K)
v = load(b + 2K)
z = read(q, b, 1)
k = ioctl(m, 0x1234)`),
    ).toEqual({
      m: "ok",
      s: ["seal_grow", "seal_shrink"],
      t: "EPERM",
      d: "ok",
      e: 65536,
      "f.size": 65536,
      "f.blocks": 0,
      "f.mode": 0o777,
      r: "ok",
      va: "EACCES",
      c: "ok",
      q: "ok",
      b: "ok",
      w: 100,
      g: 100,
      v: 0x41,
      z: "EAGAIN",
      k: "ENOTTY",
    });
  });

  test("reaching into a mapping", async () => {
    expect(
      await values(`
process B
va = mmap(anon, 64K, rw, private)
store(va, 0x77)
a = process_vm_readv(va, 64K)
b = process_vm_writev(va, 8K)
x = load(va)
store(va, 0x78)
c = mem_read(va, 64K)
d = mem_write(va, 4K)
y = load(va)
e = vmsplice(va, 4K)
f = futex_wait(va)
g = futex_wait(va, private)
h = futex_wake(va)
i = mem_read(va + 1M, 4K)
j = process_vm_readv(va + 60K, 8K)
store(va, 0x79)
B: k = ptrace_peek(va, A)
B: l = process_vm_readv(va, 4K, A)
n = get_mempolicy(va)
o = move_pages(va)
p = move_pages(va + 1M)
q = mbind(va, 64K, bind)
r = futex_wait(va + 1M)`),
    ).toMatchObject({
      va: "ok",
      a: 65536,
      b: 8192,
      x: 0,
      c: 65536,
      d: 4096,
      y: 0,
      e: 4096,
      f: "ETIMEDOUT",
      g: "ETIMEDOUT",
      h: 0,
      i: "EIO",
      j: 4096,
      k: 0x79,
      l: 4096,
      r: "SIGSEGV",
    });
  });

  test("rings, where there are any", async () => {
    const found = await outcome(`
f = open_file(64K)
va = mmap(anon, 64K, rw, private)
store(va, 0x5a)
a = io_uring_write(f, va, 4K, 8K)
b = io_uring_read(f, va + 16K, 4K, 8K)
x = load(va + 16K)
c = io_uring_register_buffers(va, 64K)
d = io_uring_read(f, va + 1M, 4K, 8K)
expect status().VmPTE == 0`);
    if (found.status === "unsupported") return console.log(`skipped: rings: ${found.reason}`);
    expect(found.values).toEqual({
      f: "ok",
      va: "ok",
      a: 4096,
      b: 4096,
      x: 0x5a,
      c: "ok",
      d: "EFAULT",
      "status().VmPTE": 8192,
    });
  });

  test("observers: changes, pagemap, mincore, maps, readlink", async () => {
    expect(
      await values(`
va = mmap(anon, 64K, rw, private)
touch(va, 32K, write)
st = status()
fork C
C: touch(va, 16K, write)
C: cs = status()
pm = pagemap(va + 16K)
no = pagemap(va + 40K)
mc = mincore(va, 64K)
mp = maps(va + 4K)
nm = maps(va + 1M)
m = memfd_create(64K)
vm = mmap(m, 64K, rw, shared)
touch(vm, 64K, write)
sh = status().RssShmem
me = meminfo().HugePages_Free
rl = readlink(m)`),
    ).toMatchObject({
      "st.VmSize": 65536,
      "st.VmRSS": 32768,
      "st.RssAnon": 32768,
      "st.RssFile": 0,
      "st.RssShmem": 0,
      "st.VmLck": 0,
      "cs.VmRSS": 0,
      "cs.VmSize": 0,
      "pm.present": 1,
      "pm.file": 0,
      "pm.exclusive": 0,
      "no.present": 0,
      "no.mapcount": 0,
      mc: 8,
      "mp.length": 65536,
      "mp.perms": "rw-p",
      "mp.path": "",
      nm: "EFAULT",
      sh: 65536,
      me: 0,
      "rl.path": "/memfd:litmap (deleted)",
    });
  });

  test("a missing device makes a test unsupported, not ENOENT", async () => {
    const found = await outcome("buf = dma_heap_alloc(system, 64K)");
    if (host.ready.devices.has("dma_heap/system")) expect(found).toMatchObject({ status: "ok", values: { buf: "ok" } });
    else expect(found).toMatchObject({ status: "unsupported", reason: "this kernel has no /dev/dma_heap/system" });
  });

  test("a test that does not return says where it was", async () => {
    const { release, arch, pageSize } = host.ready;
    const slow = parsed("va = mmap(anon, 2G, rw, private|noreserve)\nx = load(va)\ntouch(va, 2G, read)\ny = load(va)");
    const compiled = compile(slow, { release, arch, pageSize, kind: "host" }, { roundMs: 1 });
    if (compiled.kind !== "program") throw new Error(compiled.reason);
    const found = compiled.decode((await host.ask("run", compiled.program)).payload);
    expect(found).toMatchObject({
      status: "hang",
      reason: "did not return in time: line 5, touch() by A",
      values: { va: "ok", x: 0 },
    });
    expect(found.values).not.toHaveProperty("y");
  });

  test("a parallel block gives a histogram of all rounds", async () => {
    const found = await outcome(
      `
va = mmap(anon, 4K, rw, private)
store(va, 1)
thread T of A
parallel {
  A { x = load(va) }
  T { r = munmap(va, 4K) }
}`,
      500,
    );
    expect(found.status).toBe("ok");
    expect(found.histogram!.reduce((sum, one) => sum + one.count, 0)).toBe(500);
    expect(found.histogram!.map((one) => one.values.x).sort()).toEqual([1, "SIGSEGV"]);
  });
});
