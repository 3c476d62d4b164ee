/**
 * The dma-buf core: descriptors, ioctls, fences, references. Numbers in brackets are those of kernel-facts, chapter 11.
 */
import { describe, expect, test } from "vitest";
import { Kernel, must } from "../src/index.js";
import { USAGE, Fence, Resv } from "../src/dma-buf/resv.js";
import { runAlone } from "../src/sched/path.js";
import { ask, values } from "./ask.js";

const heap = "b = dma_heap_alloc(system, 16K)\n";
const udmabuf = "m = memfd_create(16K, seal_shrink)\nb = udmabuf_create(m, 0, 16K)\n";
const exporters = [
  ["system heap", heap, "system"],
  ["udmabuf", udmabuf, "udmabuf"],
] as const;

describe.each(exporters)("what any dma-buf's descriptor does: %s", (_name, make, expName) => {
  const x = (line: string, release = "7.3"): unknown => values(`${make}x = ${line}`, release).x;

  test("lseek knows the end and the beginning [53]", () => {
    expect(x("lseek(b, 0, end)")).toBe(16384);
    expect(x("lseek(b, 0, set)")).toBe(0);
    expect(x("lseek(b, 1, end)")).toBe("EINVAL");
    expect(x("lseek(b, 1, set)")).toBe("EINVAL");
    expect(x("lseek(b, 0, cur)")).toBe("EINVAL");
    expect(x("lseek(b, -1, cur)")).toBe("EINVAL");
  });

  test("read and write EINVAL, pread ESPIPE, fsync EINVAL [54]", () => {
    const mapped = `va = mmap(anon, 4K, rw, private)\n`;
    const on = (line: string): unknown => values(`${make}${mapped}x = ${line}`).x;
    expect(on("read(b, va, 16)")).toBe("EINVAL");
    expect(on("write(b, va, 16)")).toBe("EINVAL");
    expect(on("pread(b, va, 16, 0)")).toBe("ESPIPE");
    expect(on("pwrite(b, va, 16, 0)")).toBe("ESPIPE");
    expect(on("fsync(b)")).toBe("EINVAL");
  });

  test("ftruncate EINVAL, fallocate ENODEV [54]", () => {
    expect(x("ftruncate(b, 4K)")).toBe("EINVAL");
    expect(x("fallocate(b, allocate, 0, 4K)")).toBe("ENODEV");
    expect(x("fallocate(b, punch_hole, 0, 4K)")).toBe("ENODEV");
  });

  test("opening it again through /proc gives ENXIO [55]", () => {
    expect(x("reopen(b, r)")).toBe("ENXIO");
    expect(x("reopen(b, rw)")).toBe("ENXIO");
  });

  test("fstat: size, blocks of 512 bytes, mode 0600 [56]", () => {
    expect(values(`${make}x = fstat(b)`)).toMatchObject({ "x.size": 16384, "x.blocks": 32, "x.mode": 0o600 });
  });

  test("SYNC wants a direction and no undefined bit [58]", () => {
    expect(x("dma_buf_sync(b, start)")).toBe("EINVAL");
    expect(x("dma_buf_sync(b, end)")).toBe("EINVAL");
    expect(x("dma_buf_sync(b, bit3)")).toBe("EINVAL");
    expect(x("dma_buf_sync(b, read|bit3)")).toBe("EINVAL");
    expect(x("dma_buf_sync(b, start|read)")).toBe("ok");
    expect(x("dma_buf_sync(b, start|read|write)")).toBe("ok");
  });

  test("begin and end need not pair once begun [58]", () => {
    const all = values(
      `${make}a = dma_buf_sync(b, read|write)\nc = dma_buf_sync(b, read|write)\n` +
        "d = dma_buf_sync(b, end|read|write)\ne = dma_buf_sync(b, end|write)",
    );
    expect([all.a, all.c, all.d, all.e]).toEqual(["ok", "ok", "ok", "ok"]);
  });

  test("SET_NAME takes 31 bytes and shows in readlink and fdinfo [60]", () => {
    const name31 = "a".repeat(31);
    expect(values(`${make}x = dma_buf_set_name(b, "${name31}")\nl = readlink(b)\nf = fdinfo(b)`)).toMatchObject({
      x: "ok",
      "l.path": `/dmabuf:${name31}`,
      "f.name": name31,
    });
    expect(x(`dma_buf_set_name(b, "${"a".repeat(32)}")`)).toBe("EINVAL");
    expect(values(`${make}x = dma_buf_set_name(b, "")\nl = readlink(b)`)).toMatchObject({
      x: "ok",
      "l.path": "/dmabuf:",
    });
  });

  test("a name's limit counts bytes, not characters", () => {
    expect(x(`dma_buf_set_name(b, "${"ä".repeat(15)}x")`)).toBe("ok");
    expect(x(`dma_buf_set_name(b, "${"ä".repeat(16)}")`)).toBe("EINVAL");
  });

  test("EXPORT_SYNC_FILE: flags, and an idle buffer's file is ready at once [61]", () => {
    expect(x("dma_buf_export_sync_file(b, none)")).toBe("EINVAL");
    expect(x("dma_buf_export_sync_file(b, end)")).toBe("EINVAL");
    expect(x("dma_buf_export_sync_file(b, read|end)")).toBe("EINVAL");
    expect(values(`${make}s = dma_buf_export_sync_file(b, read)\nx = poll(s, in)`)).toMatchObject({
      s: "ok",
      x: ["in"],
    });
    expect(values(`${make}s = dma_buf_export_sync_file(b, read|write)\nx = poll(s, in|out)`)).toMatchObject({
      s: "ok",
      x: ["in"],
    });
  });

  test("IMPORT_SYNC_FILE: flags, then the descriptor [62]", () => {
    const sync = `${make}s = dma_buf_export_sync_file(b, read)\n`;
    expect(values(`${sync}x = dma_buf_import_sync_file(b, s, write)`).x).toBe("ok");
    expect(values(`${sync}x = dma_buf_import_sync_file(b, s, none)`).x).toBe("EINVAL");
    expect(x("dma_buf_import_sync_file(b, b, read)")).toBe("EINVAL");
    expect(x("dma_buf_import_sync_file(b, 99, read)")).toBe("EINVAL");
  });

  test("sync-file ioctls are unknown before 6.0", () => {
    expect(x("dma_buf_export_sync_file(b, read)", "5.10")).toBe("ENOTTY");
    expect(x("dma_buf_import_sync_file(b, 99, none)", "5.10")).toBe("ENOTTY");
  });

  test("poll on an idle buffer [63]", () => {
    expect(x("poll(b, in|out)")).toEqual(["in", "out"]);
    expect(x("poll(b, out)")).toEqual(["out"]);
    expect(x("poll(b, pri)")).toEqual([]);
    expect(x("poll(99, in)")).toEqual(["nval"]);
  });

  test("ioctls by number: unknown ENOTTY, known with a null pointer EFAULT [64]", () => {
    expect(x("ioctl(b, 0x620a)")).toBe("ENOTTY");
    expect(x("ioctl(b, 0x40086200)")).toBe("EFAULT");
    expect(x("ioctl(b, 0x40086201)")).toBe("EFAULT");
    expect(x("ioctl(b, 0xc0086202)")).toBe("EFAULT");
    expect(x("ioctl(b, 0xc0086202)", "5.10")).toBe("ENOTTY");
    expect(x("ioctl(b, 0x5451)")).toBe("ok");
    expect(x("ioctl(b, 0x541b)")).toBe("ENOTTY");
    expect(x("ioctl(99, 0x620a)")).toBe("EBADF");
  });

  test("fdinfo and bufinfo count references of the file [57, 119]", () => {
    const of = values(
      `${make}d = dup(b)\nva = mmap(b, 16K, rw, shared)\nvb = mmap(b, 4K, rw, shared)\nf = fdinfo(b)\n` +
        "i = bufinfo(b)\nmunmap(va, 16K)\nclose(d)\ng = fdinfo(b)",
    );
    expect(of).toMatchObject({ "f.size": 16384, "f.count": 4, "f.exp_name": expName, "f.name": "" });
    expect(of).toMatchObject({ "i.size": 16384, "i.count": 4, "i.exp_name": expName, "i.attachments": 0 });
    expect(of["g.count"]).toBe(2);
  });

  test("a split mapping holds a reference for each part", () => {
    expect(values(`${make}va = mmap(b, 16K, rw, shared)\nmprotect(va, 4K, r)\nf = fdinfo(b)`)["f.count"]).toBe(3);
    expect(values(`${make}va = mmap(b, 16K, rw, shared)\nmunmap(va + 4K, 4K)\nf = fdinfo(b)`)["f.count"]).toBe(3);
  });

  test("a mapping outlives every descriptor [118]", () => {
    expect(values(`${make}va = mmap(b, 16K, rw, shared)\nstore(va, 0x11)\nclose(b)\nx = load(va)`).x).toBe(0x11);
  });

  test("mmap may not reach past the end [49], nor begin between pages [50]", () => {
    expect(x("mmap(b, 20K, rw, shared)")).toBe("EINVAL");
    expect(x("mmap(b, 4K, rw, shared, 16K)")).toBe("EINVAL");
    expect(x("mmap(b, 8K, rw, shared, 12K)")).toBe("EINVAL");
    expect(x("mmap(b, 4K, rw, shared, 12K)")).toBe("ok");
    expect(x("mmap(b, 13000, rw, shared)")).toBe("ok");
    expect(x("mmap(b, 4K, rw, shared, 1)")).toBe("EINVAL");
    expect(x("mmap(b, 4K, rw, shared_validate|sync)")).toBe("EOPNOTSUPP");
  });

  test("execution: allowed up to 6.18, EPERM and EACCES from 7.x [48]", () => {
    for (const [release, mapped, changed] of [
      ["6.12", "ok", "ok"],
      ["6.18", "ok", "ok"],
      ["7.2", "EPERM", "EACCES"],
      ["7.3", "EPERM", "EACCES"],
    ]) {
      expect(x("mmap(b, 4K, rwx, shared)", release), release).toBe(mapped);
      expect(values(`${make}va = mmap(b, 4K, rw, shared)\nx = mprotect(va, 4K, rwx)`, release).x, release).toBe(
        changed,
      );
    }
  });

  test("msync has nothing to write back to [45]", () => {
    expect(values(`${make}va = mmap(b, 4K, rw, shared)\nx = msync(va, 4K, sync)`).x).toBe("EINVAL");
  });

  test("another process takes the descriptor and shares the bytes", () => {
    const shared = values(
      `process B\n${make}va = mmap(b, 16K, rw, shared)\nstore(va, 7)\nB: r = receive(b)\n` +
        "B: vb = mmap(r, 16K, rw, shared)\nB: x = load(vb)\nf = fdinfo(b)",
    );
    expect(shared).toMatchObject({ r: "ok", x: 7, "f.count": 4 });
  });

  test("a fork inherits descriptors and mappings; exit gives both back", () => {
    const lines = `${make}va = mmap(b, 16K, rw, shared)\nfork C\nf = fdinfo(b)\nC: g = fdinfo(b)\nC: exit()\nh = fdinfo(b)`;
    // fork shares the open file and copies the VMA: the table's reference and the VMA's are counted again.
    expect(values(lines)).toMatchObject({ "f.count": 4, "g.count": 4, "h.count": 2 });
  });
});

describe("fences", () => {
  const pending = `${heap}s = sw_sync_fence()\n`;

  test("a writer's fence stops readers and writers, a reader's only writers", () => {
    expect(values(`${pending}dma_buf_import_sync_file(b, s, write)\nx = poll(b, in|out)`).x).toEqual([]);
    expect(values(`${pending}dma_buf_import_sync_file(b, s, read)\nx = poll(b, in|out)`).x).toEqual(["in"]);
  });

  test("an exported file signals with what it stands for", () => {
    const lines =
      `${pending}dma_buf_import_sync_file(b, s, read)\nr = dma_buf_export_sync_file(b, read)\n` +
      "w = dma_buf_export_sync_file(b, write)\n";
    expect(values(`${lines}a = poll(r, in)\nc = poll(w, in)\nsw_sync_inc()\nd = poll(w, in)`)).toMatchObject({
      a: ["in"],
      c: [],
      d: ["in"],
    });
  });

  test("SYNC hangs on a fence that nobody signals, for the direction that must wait", () => {
    const busy = `${pending}dma_buf_import_sync_file(b, s, read)\n`;
    expect(values(`${busy}x = dma_buf_sync(b, read)`).x).toBe("ok");
    const hung = ask(`${busy}x = dma_buf_sync(b, write)`);
    expect(hung.status).toBe("hang");
    expect(hung.reason).toMatch(/waits for fences of resv of buffer/);
    expect(values(`${busy}sw_sync_inc()\nx = dma_buf_sync(b, write)`).x).toBe("ok");
  });

  test("ending access waits for nobody", () => {
    expect(values(`${pending}dma_buf_import_sync_file(b, s, write)\nx = dma_buf_sync(b, end|write)`).x).toBe("ok");
  });

  test("the second poller of a direction finds the callback armed; it holds the file until the fence signals", () => {
    const lines =
      `${pending}dma_buf_import_sync_file(b, s, write)\na = poll(b, in)\nf = fdinfo(b)\nc = poll(b, in)\n` +
      "g = fdinfo(b)\nsw_sync_inc()\nh = fdinfo(b)\nd = poll(b, in)";
    expect(values(lines)).toMatchObject({ a: [], "f.count": 2, c: [], "g.count": 2, "h.count": 1, d: ["in"] });
  });

  test("a timeline reaches a value by steps", () => {
    expect(
      values(`s = sw_sync_fence(3)\nsw_sync_inc(2)\na = poll(s, in)\nsw_sync_inc(1)\nc = poll(s, in)`),
    ).toMatchObject({ a: [], c: ["in"] });
    expect(values(`s = sw_sync_fence(0)\na = poll(s, in)`).a).toEqual(["in"]);
  });

  test("who asks for a class gets it and the stronger ones", () => {
    const resv = new Resv("a test");
    const fences = [1, 2, 3, 4].map((id) => new Fence(id, id, 1));
    [USAGE.kernel, USAGE.write, USAGE.read, USAGE.bookkeep].forEach((usage, i) => resv.add(fences[i], usage));
    expect([USAGE.kernel, USAGE.write, USAGE.read, USAGE.bookkeep].map((usage) => resv.pending(usage).length)).toEqual([
      1, 2, 3, 4,
    ]);
    runAlone(fences[0].signal());
    expect(resv.pending(USAGE.write)).toEqual([fences[1]]);
  });

  test("a later fence of the same context stands for the earlier one, unless it is weaker", () => {
    const resv = new Resv("a test");
    const [first, second] = [new Fence(1, 9, 1), new Fence(2, 9, 2)];
    resv.add(first, USAGE.write);
    resv.add(second, USAGE.write);
    expect(resv.pending(USAGE.bookkeep)).toEqual([second]);
    resv.add(new Fence(3, 9, 3), USAGE.read);
    expect(resv.pending(USAGE.bookkeep)).toHaveLength(2);
  });
});

describe("descriptors that are something else", () => {
  const memfd = "m = memfd_create(16K)\n";

  test("dma-buf ioctls on them: ENOTTY; on nothing: EBADF", () => {
    expect(values(`${memfd}x = dma_buf_sync(m, read)`).x).toBe("ENOTTY");
    expect(values(`${memfd}x = dma_buf_set_name(m, "a")`).x).toBe("ENOTTY");
    expect(values("x = dma_buf_sync(99, read)").x).toBe("EBADF");
  });

  test("an importer wants a dma-buf: EINVAL, EBADF", () => {
    const driver = "driver D on dma\n";
    expect(values(`${driver}${memfd}D: x = attach(m)`).x).toBe("EINVAL");
    expect(values(`${driver}D: x = attach(99)`).x).toBe("EBADF");
    expect(values(`${driver}${memfd}D: x = vmap(m)`).x).toBe("EINVAL");
  });

  test("fdinfo shows no dma-buf lines, bufinfo does not list them", () => {
    expect(Object.keys(values(`${memfd}x = fdinfo(m)`))).toEqual(["m"]);
    expect(values(`${memfd}x = bufinfo(m)`).x).toBe("ENOENT");
    expect(values("x = fdinfo(99)").x).toBe("ENOENT");
    expect(values("x = readlink(99)").x).toBe("ENOENT");
  });

  test("close and dup", () => {
    expect(values("x = close(99)").x).toBe("EBADF");
    expect(values("x = dup(99)").x).toBe("EBADF");
    expect(values(`${memfd}d = dup(m)\nclose(m)\nx = ftruncate(d, 8K)`).x).toBe("ok");
  });
});

describe("importers", () => {
  const driver = `driver D on dma\n${heap}`;

  test("attachments show in bufinfo and hold the buffer", () => {
    expect(
      values(`${driver}D: a = attach(b)\nD: c = attach(b)\ni = bufinfo(b)\nD: detach(a)\nj = bufinfo(b)`),
    ).toMatchObject({ "i.attachments": 2, "i.count": 3, "j.attachments": 1, "j.count": 2 });
  });

  test("renaming while attached: EBUSY in 5.10 only", () => {
    const lines = `${driver}D: a = attach(b)\nx = dma_buf_set_name(b, "n")`;
    expect(values(lines, "5.10").x).toBe("EBUSY");
    for (const release of ["6.1", "6.12", "7.3"]) expect(values(lines, release).x, release).toBe("ok");
  });

  test("the device sees what the CPU wrote, and the CPU what the device did", () => {
    const lines =
      `${driver}va = mmap(b, 16K, rw, shared)\nstore(va + 4K, 0x1234)\nD: a = attach(b)\nD: t = map_attachment(a)\n` +
      "D: r = dma_read(t, 4K)\nD: dma_write(t, 8K, 0x5678)\nx = load(va + 8K)\nD: e = dma_read(t, 16K)\n" +
      "D: w = dma_write(t, 16382, 1)";
    expect(values(lines)).toMatchObject({ r: 0x1234, x: 0x5678, e: "EFAULT", w: "EFAULT" });
  });

  test("udmabuf keeps its table per attachment up to 6.12: another direction gives EBUSY", () => {
    const lines =
      `driver D on dma\n${udmabuf}D: a = attach(b)\nD: t = map_attachment(a, to_device)\nD: unmap_attachment(t)\n` +
      "D: x = map_attachment(a, from_device)\nD: y = map_attachment(a, to_device)";
    expect(values(lines, "6.12")).toMatchObject({ x: "EBUSY", y: "ok" });
    expect(values(lines, "6.1")).toMatchObject({ x: "EBUSY", y: "ok" });
    expect(values(lines, "6.18")).toMatchObject({ x: "ok", y: "ok" });
    expect(values(lines, "7.3")).toMatchObject({ x: "ok", y: "ok" });
    expect(values(lines.replaceAll("to_device)\nD: unmap", "bidirectional)\nD: unmap"), "6.12")).toMatchObject({
      x: "ok",
      y: "ok",
    });
  });

  test("a dynamic importer of a static exporter is mapped when it attaches, up to 6.12", () => {
    const lines = `${driver}D: a = attach(b, dynamic)\nD: t = map_attachment(a, to_device)`;
    const steps = (release: string): string[] =>
      ask(lines, release).steps.map((s) =>
        s.events
          .map((e) => e.rule.id)
          .filter((id) => id.startsWith("dma-buf/"))
          .join(),
      );
    expect(steps("6.12").slice(1)).toEqual(["dma-buf/attach-maps", "dma-buf/map-cached"]);
    expect(steps("7.2").slice(1)).toEqual(["", ""]);
  });

  test("page pointers are hidden on 7.3 as Debian builds it", () => {
    const rules = (release: string, designs = {}): readonly string[] | undefined =>
      ask(`${driver}D: a = attach(b)\nD: t = map_attachment(a)`, release, { designs }).rules;
    expect(rules("7.3")).toContain("dma-buf/map-hides-pages");
    expect(rules("7.2")).not.toContain("dma-buf/map-hides-pages");
    expect(rules("6.12", { "dma-buf.debug": "mangle" })).toContain("dma-buf/map-mangles-pages");
  });

  test("kernel mappings are counted, and one vunmap too many is a BUG", () => {
    const lines =
      `${driver}va = mmap(b, 16K, rw, shared)\nstore(va, 5)\nD: v = vmap(b)\nD: w = vmap(b)\nD: x = load(w)\n` +
      "D: vunmap(b)\nD: y = load(v)\nD: store(v + 4, 9)\nz = load(va + 4)\nD: vunmap(b)\n";
    expect(values(lines)).toMatchObject({ x: 5, y: 5, z: 9 });
    expect(values(`${lines}D: q = load(v)`).q).toBe("EFAULT");
    expect(ask(`${driver}D: vunmap(b)`).status).toBe("oops");
  });

  test("begin and end of CPU access by a driver", () => {
    expect(
      values(
        `driver D on dma\n${udmabuf}D: x = end_cpu_access(b)\nD: y = begin_cpu_access(b)\nD: z = end_cpu_access(b)`,
      ),
    ).toMatchObject({ x: "EINVAL", y: "ok", z: "ok" });
    expect(values(`${driver}D: x = end_cpu_access(b, to_device)`).x).toBe("ok");
  });

  test("pin and unpin are nothing to an exporter that never moves", () => {
    expect(values(`${driver}D: a = attach(b, dynamic)\nD: x = pin(a)\nD: y = unpin(a)`)).toMatchObject({
      x: "ok",
      y: "ok",
    });
  });
});

describe("the mmap guard, as proposed", () => {
  const lines = "m = memfd_create(16K, seal_shrink)\nb = udmabuf_create(m, 0, 16K)\nx = mmap(b, 16K, rw, shared)";
  const guarded = (
    guard: "none" | "warn-pfnmap" | "require-pfnmap" | "require-pfnmap-or-mixedmap",
    release: string,
  ): unknown => values(lines, release, { designs: { "dma-buf.mmap-guard": guard } }).x;

  test("refuses the ordinary pages of 6.1's udmabuf, lets the rest pass", () => {
    expect(guarded("none", "6.1")).toBe("ok");
    expect(guarded("warn-pfnmap", "6.1")).toBe("ok");
    expect(guarded("require-pfnmap", "6.1")).toBe("EINVAL");
    expect(guarded("require-pfnmap-or-mixedmap", "6.1")).toBe("EINVAL");
    expect(guarded("require-pfnmap", "6.12")).toBe("ok");
  });

  test("tells a heap of inserted pages by VM_MIXEDMAP", () => {
    const of = (guard: "require-pfnmap" | "require-pfnmap-or-mixedmap"): unknown =>
      values(`${heap}x = mmap(b, 16K, rw, shared)`, "6.12", {
        designs: { "system-heap.mmap": "insert-page", "dma-buf.mmap-guard": guard },
      }).x;
    expect(of("require-pfnmap")).toBe("EINVAL");
    expect(of("require-pfnmap-or-mixedmap")).toBe("ok");
  });
});

test("the last reference frees the buffer's pages", () => {
  const kernel = new Kernel({ release: "6.12" });
  const app = kernel.process("app");
  const before = kernel.frames.used;
  const buffer = must(kernel.heap("system").alloc(app, 1 << 20));
  expect(kernel.frames.used - before).toBe(256);
  expect(kernel.dmaBufs.size).toBe(1);
  must(buffer.close());
  expect(kernel.frames.used).toBe(before);
  expect(kernel.dmaBufs.size).toBe(0);
});

test("waiting is a switch point: another path may signal", () => {
  const resv = new Resv("a test");
  const fence = new Fence(1, 1, 1);
  resv.add(fence, USAGE.write);
  const path = resv.wait(USAGE.write);
  const step = path.next();
  expect(step.done).toBe(false);
  expect(step.value).toMatchObject({ kind: "wait" });
  runAlone(fence.signal());
  expect(path.next().done).toBe(true);
  expect(() => runAlone(new Resv("idle").wait(USAGE.bookkeep))).not.toThrow();
});
