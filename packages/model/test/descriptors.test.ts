/**
 * What any descriptor can do that is no transfer: fstat, reopen, dup, close, ioctl, poll, and what threads and exits do
 * to them.
 */
import { describe, expect, test } from "vitest";
import { Kernel, must } from "../src/index.js";
import { ask, values } from "./ask.js";

/** Statements that open one file of each kind as `f`. */
const kinds = {
  memfd: "f = memfd_create(16K)\n",
  hugetlb: "f = memfd_create(4M, none, hugetlb)\n",
  file: "f = open_file(16K)\n",
  disk: "f = open_disk(direct)\n",
  pipe: "f = pipe()\n",
  "dma-buf": "f = dma_heap_alloc(system, 16K)\n",
  "sync-file": "f = sw_sync_fence()\n",
} as const;
type Kind = keyof typeof kinds;

const on = (kind: Kind, line: string, release?: string): unknown => values(`${kinds[kind]}x = ${line}`, release).x;
const each = (line: string, names: readonly Kind[]): unknown[] => names.map((kind) => on(kind, line));

describe("fstat", () => {
  const stat = (kind: Kind, before = ""): unknown[] => {
    const v = values(`${kinds[kind]}${before}s = fstat(f)`);
    return [v["s.size"], v["s.blocks"], v["s.mode"]];
  };

  test("size, blocks and mode by kind", () => {
    expect(stat("memfd")).toEqual([16384, 0, 0o777]);
    expect(stat("hugetlb")).toEqual([4 << 20, 0, 0o777]);
    expect(stat("dma-buf")).toEqual([16384, 32, 0o600]);
    expect(stat("disk")).toEqual([0, 0, 0o600]);
    expect(stat("pipe")).toEqual([0, 0, 0o600]);
    expect(stat("sync-file")).toEqual([0, 0, 0o600]);
  });

  test("blocks count what is allocated", () => {
    expect(stat("memfd", "va = mmap(f, 16K, rw, shared)\ntouch(va, 8K, write)\n")).toEqual([16384, 16, 0o777]);
    expect(stat("memfd", "fallocate(f, allocate, 0, 16K)\nfallocate(f, punch_hole, 0, 4K)\n")).toEqual([
      16384, 24, 0o777,
    ]);
    expect(stat("hugetlb", "va = mmap(f, 4M, rw, shared)\ntouch(va, 4K, write)\n")).toEqual([4 << 20, 4096, 0o777]);
  });

  test("of nothing: EBADF", () => {
    expect(values("x = fstat(99)").x).toBe("EBADF");
  });
});

describe("reopen", () => {
  test("files with a way in open, anonymous inodes do not", () => {
    expect(each("reopen(f, rw)", ["memfd", "hugetlb", "file", "disk", "dma-buf", "sync-file"])).toEqual([
      "ok",
      "ok",
      "ok",
      "ok",
      "ENXIO",
      "ENXIO",
    ]);
    expect(values("x = reopen(99, r)").x).toBe("ENOENT");
  });

  test("the new description has its own mode and position", () => {
    expect(
      values(
        "m = memfd_create(8K)\nr = reopen(m, r)\nx = mmap(r, 4K, rw, shared)\ny = mmap(r, 4K, r, shared)\n" +
          "z = ftruncate(r, 4K)",
      ),
    ).toMatchObject({ x: "EACCES", y: "ok", z: "EINVAL" });
    expect(
      values("m = memfd_create(8K)\nw = reopen(m, w)\nx = mmap(w, 4K, w, shared)\nz = ftruncate(w, 4K)"),
    ).toMatchObject({ x: "EACCES", z: "ok" });
    expect(
      values("m = memfd_create(8K)\nr = reopen(m, rw)\nlseek(m, 4K, set)\nx = lseek(r, 0, cur)\ny = lseek(m, 0, cur)"),
    ).toMatchObject({ x: 0, y: 4096 });
  });

  test("both see the same bytes and seals", () => {
    expect(
      values(
        "m = memfd_create(8K)\nr = reopen(m, rw)\nva = mmap(m, 8K, rw, shared)\nvb = mmap(r, 8K, rw, shared)\n" +
          "store(va, 5)\nx = load(vb)\nadd_seals(r, seal_grow)\ny = get_seals(m)",
      ),
    ).toMatchObject({ x: 5, y: ["seal_grow"] });
  });
});

describe("dup and close", () => {
  test("a duplicate shares the position; the description lives until the last is closed", () => {
    expect(
      values(
        "m = memfd_create(8K)\nd = dup(m)\nlseek(m, 4K, set)\nx = lseek(d, 0, cur)\nclose(m)\ny = lseek(d, 0, end)",
      ),
    ).toMatchObject({ x: 4096, y: 8192 });
  });

  test("numbers are given out from the lowest free one; the heap's device takes one while it allocates", () => {
    const kernel = new Kernel();
    const app = kernel.process("app");
    const fds = [1, 2, 3].map(() => must(kernel.heap("system").alloc(app, 4096)));
    expect(fds.map((buffer) => buffer.fd)).toEqual([4, 5, 6]);
    must(fds[1].close());
    expect(must(kernel.heap("system").alloc(app, 4096)).fd).toBe(5);
  });

  test("closing frees what nobody else holds", () => {
    for (const [kind, pages] of [
      ["memfd", 4],
      ["file", 4],
      ["dma-buf", 4],
    ] as const) {
      const touched =
        kind === "dma-buf" ? "" : "va = mmap(f, 16K, rw, shared)\ntouch(va, 16K, write)\nmunmap(va, 16K)\n";
      const prediction = ask(`${kinds[kind]}${touched}close(f)\nx = close(99)`);
      expect(prediction.values.x, kind).toBe("EBADF");
      expect(pages).toBe(4);
    }
  });
});

describe("ioctl with a null pointer", () => {
  test("a number that litmap does not know of a driver is unsupported, never ENOTTY", () => {
    const asked = (file: string, request: string): unknown => {
      const { status, values: got } = ask(`f = ${file}\nx = ioctl(f, ${request})`);
      return status === "ok" ? got.x : status;
    };
    expect(asked("kvm_create()", "0xae60")).toBe("unsupported");
    expect(asked("drm_open(bochs)", "0xc03864bc")).toBe("unsupported");
    expect(asked("open_disk()", "0x127a")).toBe("unsupported");
    expect(asked("pcm_open(es1370)", "0x4112")).toBe("unsupported");
    expect(asked("packet_ring(64K)", "0x8933")).toBe("unsupported");
    expect(asked("memfd_create(4K)", "0x40049409")).toBe("unsupported");
    expect(asked("memfd_create(4K)", "0xae60")).toBe("ENOTTY");
  });

  test("what the VFS knows", () => {
    const all: readonly Kind[] = ["memfd", "file", "dma-buf", "sync-file", "disk"];
    expect(each("ioctl(f, 0x5450)", all)).toEqual(["ok", "ok", "ok", "ok", "ok"]);
    expect(each("ioctl(f, 0x5421)", all)).toEqual(["EFAULT", "EFAULT", "EFAULT", "EFAULT", "EFAULT"]);
    expect(each("ioctl(f, 2)", all)).toEqual(["EFAULT", "EFAULT", "EFAULT", "EFAULT", "EFAULT"]);
    expect(each("ioctl(f, 0xc020660b)", ["memfd", "dma-buf"])).toEqual(["EOPNOTSUPP", "EOPNOTSUPP"]);
    expect(each("ioctl(f, 0xc0045877)", ["memfd", "dma-buf"])).toEqual(["EOPNOTSUPP", "EOPNOTSUPP"]);
    expect(each("ioctl(f, 0xc0045878)", ["memfd", "dma-buf"])).toEqual(["EINVAL", "EINVAL"]);
  });

  test("what it knows of regular files only", () => {
    for (const request of ["0x541b", "0x5460", "1"])
      expect(each(`ioctl(f, ${request})`, ["memfd", "file", "dma-buf"]), request).toEqual([
        "EFAULT",
        "EFAULT",
        "ENOTTY",
      ]);
  });

  test("what only a dma-buf knows", () => {
    for (const request of ["0x40086200", "0x40046201", "0x40086201", "0xc0086202", "0x40086203"])
      expect(each(`ioctl(f, ${request})`, ["dma-buf", "memfd", "sync-file"]), request).toEqual([
        "EFAULT",
        "ENOTTY",
        "ENOTTY",
      ]);
    expect(on("dma-buf", "ioctl(f, 0xc0086203)")).toBe("ENOTTY");
  });

  test("only the low 32 bits of a request count", () => {
    expect(on("dma-buf", "ioctl(f, 0x140086200)")).toBe("EFAULT");
    expect(on("dma-buf", "ioctl(f, -1)")).toBe("ENOTTY");
  });
});

describe("poll", () => {
  test("files without a method are ready, whatever is asked that they can be", () => {
    expect(each("poll(f, in|out|pri)", ["memfd", "file", "disk"])).toEqual([
      ["in", "out"],
      ["in", "out"],
      ["in", "out"],
    ]);
    expect(on("memfd", "poll(f, out)")).toEqual(["out"]);
    expect(on("memfd", "poll(f, none)")).toEqual([]);
  });

  test("a sync file is ready for reading once it has signalled", () => {
    expect(on("sync-file", "poll(f, in|out)")).toEqual([]);
    expect(values(`${kinds["sync-file"]}sw_sync_inc()\nx = poll(f, in|out)\ny = poll(f, out)`)).toMatchObject({
      x: ["in"],
      y: [],
    });
  });
});

describe("descriptors and processes", () => {
  test("receive gives the lowest free number of the receiver", () => {
    const v = values(
      "process B\nb = dma_heap_alloc(system, 4K)\nB: r = receive(b)\nB: x = lseek(r, 0, end)\nB: close(r)\n" +
        "B: y = lseek(3, 0, end)",
    );
    expect(v).toMatchObject({ x: 4096, y: "EBADF" });
  });

  test("a descriptor that was closed cannot be received", () => {
    const v = values("process B\nb = dma_heap_alloc(system, 4K)\nd = dup(b)\nB: r = receive(d)\nB: f = fdinfo(r)");
    expect(v["f.count"]).toBe(3);
  });

  test("threads see one table, forks a copy", () => {
    expect(
      values(
        "b = dma_heap_alloc(system, 4K)\nthread T of A\nT: d = dup(b)\nT: x = fdinfo(d).count\nfork C\n" +
          "C: close(b)\nx2 = lseek(b, 0, end)",
      ),
    ).toMatchObject({ x: 2, x2: 4096 });
  });

  test("a thread's exit takes nothing with it", () => {
    expect(
      values(
        "b = dma_heap_alloc(system, 4K)\nva = mmap(b, 4K, rw, shared)\nthread T of A\nT: store(va, 3)\nT: exit()\n" +
          "x = load(va)\ny = lseek(b, 0, end)",
      ),
    ).toMatchObject({ x: 3, y: 4096 });
  });
});
