/** Packet rings, io_uring rings and PCI BARs: what the language cannot say, and exact values of what it can. */
import { describe, expect, test } from "vitest";
import { Kernel } from "../src/index.js";
import { openBar } from "../src/devices/pci-bar.js";
import { newIoUring } from "../src/devices/io-uring-ring.js";
import { newPacketSocket, packetSetRing } from "../src/devices/packet-ring.js";
import { fput } from "../src/vfs/file.js";
import { runAlone } from "../src/sched/path.js";
import { ask, onReleases, values } from "./ask.js";

const all = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"];
const each = (lines: string): unknown[] => onReleases(lines, ...all);

describe("packet ring", () => {
  const ring = "r = packet_ring(16K)\nva = mmap(r, 16K, rw, shared)\n";

  test("pages are inserted at mmap, with references and RSS of files", () => {
    const got = values(`${ring}s = smaps(va)\ng = pagemap(va)\nx = mincore(va, 16K)\nst = status()`);
    expect(got["s.Rss"]).toBe(16384);
    expect(got["s.Private_Clean"]).toBe(16384);
    expect(got["s.VmFlags"]).toEqual(["mm", "mr", "ms", "mw", "rd", "sh", "wr"]);
    expect([got["g.present"], got["g.file"], got["g.exclusive"], got["g.mapcount"]]).toEqual([1, 1, 1, 1]);
    expect(got.x).toBe(4);
    expect(got["st.RssFile"]).toBe(16384);
  });

  test("the whole ring from its beginning, or EINVAL; each refusal by its own rule", () => {
    const rule = (lines: string): unknown =>
      ask(`r = packet_ring(16K)\n${lines}`).rules?.filter((id) => id.startsWith("packet/"));
    expect(rule("x = mmap(r, 8K, rw, shared)")).toEqual(["packet/whole-ring"]);
    expect(rule("x = mmap(r, 16K, rw, shared, offset: 4K)")).toEqual(["packet/offset"]);
    expect(rule("x = mmap(r, 16K, rw, shared)")).toEqual(["packet/mapped"]);
    expect(ask("r = packet_ring(0)\nx = mmap(r, 4K, rw, shared)").rules).toContain("packet/no-ring");
  });

  test("a size that is no whole number of pages is rounded down", () => {
    expect(values("r = packet_ring(10000)\nx = mmap(r, 8K, rw, shared)").x).toBe("ok");
    expect(values("r = packet_ring(10000)\nx = mmap(r, 12K, rw, shared)").x).toBe("EINVAL");
  });

  test("too many blocks: ENOMEM, and the socket stays", () => {
    const got = values("r = packet_ring(4G)\nm = memfd_create(4K)\nva = mmap(m, 4K, rw, shared)");
    expect(got.r).toBe("ENOMEM");
    expect(got.va).toBe("ok");
  });

  test("growing in place: a mapping whose driver counts it was not merged up to 6.1", () => {
    expect(each(`${ring}x = mremap(va, 16K, 32K)`)).toEqual(["ok", "ok", "ENOMEM", "ENOMEM", "ENOMEM", "ENOMEM"]);
  });

  test("a duplicate is empty, and nothing fills it", () => {
    expect(each(`${ring}vb = mremap(va, 0, 16K, maymove)\nfork C\nC: x = load(vb)`)).toEqual(all.map(() => "SIGBUS"));
  });

  test("execution goes with the file system of sockets", () => {
    expect(each(`${ring}x = mprotect(va, 16K, rwx)`)).toEqual(["ok", "ok", "ok", "ok", "EACCES", "EACCES"]);
    expect(values(`${ring}x = mprotect(va, 16K, rwx)`, "7.2", { designs: { "dma-buf.mount": "exec" } }).x).toBe("ok");
  });

  test("readiness is a word that user space can write", () => {
    expect(values(`${ring}x = poll(r, in|out)`).x).toEqual(["out"]);
    expect(values(`${ring}store(va + 8K, 1)\nx = poll(r, in|out)`).x).toEqual(["out"]);
    expect(values(`${ring}store(va + 12K, 1)\nx = poll(r, in|out)`).x).toEqual(["in", "out"]);
    expect(values("r = packet_ring(0)\nx = poll(r, in|out)").x).toEqual(["out"]);
  });

  test("move_pages from 6.1 to 6.5 does not see what is inaccessible", () => {
    expect(each(`${ring}mprotect(va, 4K, none)\nx = move_pages(va, query)`)).toEqual([0, "ENOENT", 0, 0, 0, 0]);
    expect(
      onReleases(
        "m = memfd_create(4K)\nva = mmap(m, 4K, rw, shared)\ntouch(va, 4K, write)\nmprotect(va, 4K, none)\n" +
          "x = move_pages(va, query)",
        "6.1",
        "6.6",
      ),
    ).toEqual(["ENOENT", 0]);
  });

  test("reading waits for a packet that never comes", () => {
    expect(ask(`${ring}m = mmap(anon, 4K, rw, private)\nx = read(r, m, 4)`).status).toBe("hang");
  });

  test("every page is given back with the socket", () => {
    const k = new Kernel();
    const before = k.frames.used;
    const socket = newPacketSocket(k);
    expect(packetSetRing(k, socket, 8)).toBe(0);
    expect(k.frames.used).toBe(before + 8);
    runAlone(fput(socket));
    expect(k.frames.used).toBe(before);
  });
});

describe("io_uring", () => {
  const at = (offset: string, length = "4K", more = ""): string =>
    `r = io_uring_ring()\nx = mmap(r, ${length}, rw, shared, offset: ${offset}, at: 0)\n${more}`;

  test("the kernel says where", () => {
    expect(each("r = io_uring_ring()\nx = mmap(r, 4K, rw, shared)")).toEqual([
      "ok",
      ...all.slice(1).map(() => "EINVAL"),
    ]);
    expect(each("r = io_uring_ring()\nx = mmap(r, 4K, rw, shared, at: 0x200000000)")).toEqual([
      "ok",
      ...all.slice(1).map(() => "EINVAL"),
    ]);
  });

  test("offsets", () => {
    for (const offset of ["0", "0x8000000", "0x10000000"]) expect(each(at(offset))).toEqual(all.map(() => "ok"));
    expect(each(at("0x20000000"))).toEqual(["EINVAL", "ENOMEM", "ENOMEM", "ENOMEM", "EINVAL", "EINVAL"]);
    expect(each(at("0x10001000"))).toEqual(["EINVAL", "ENOMEM", "ok", "ok", "ok", "ok"]);
    expect(each(at("0x110000000"))).toEqual(["EINVAL", "ENOMEM", "ok", "ok", "ok", "ok"]);
  });

  test("what is mapped: frame numbers once, pages now", () => {
    const flags = (release: string): unknown => values(at("0x10000000", "4K", "s = smaps(0)"), release)["s.VmFlags"];
    expect(flags("5.10")).toEqual(["ar", "dd", "de", "io", "me", "mr", "ms", "mw", "pf", "rd", "sh", "wr"]);
    expect(flags("6.1")).toEqual(["de", "me", "mm", "mr", "ms", "mw", "rd", "sh", "wr"]);
    expect(flags("6.18")).toEqual(["de", "mm", "mr", "ms", "mw", "rd", "sh", "wr"]);
  });

  test("a mapping longer than the ring: refused once, half empty now", () => {
    expect(each(at("0", "8K"))).toEqual(["EINVAL", ...all.slice(1).map(() => "ok")]);
    expect(values(at("0", "8K", "s = smaps(0)"))["s.Rss"]).toBe(4096);
    expect(values(at("0", "8K", "fork C\nC: y = load(4096)")).y).toBe("SIGBUS");
  });

  test("pages go back when the descriptor and the mapping are gone", () => {
    const k = new Kernel();
    const before = k.frames.used;
    runAlone(fput(newIoUring(k)));
    expect(k.frames.used).toBe(before);
  });
});

describe("PCI BAR", () => {
  const bar = "r = pci_bar(edu)\nva = mmap(r, 16K, rw, shared)\n";

  test("frames of IO memory are no memory: nothing handed out is one, nothing kept in one", () => {
    const k = new Kernel();
    const pfn = 0xfc000;
    expect(k.frames.valid(pfn)).toBe(false);
    expect(k.frames.valid(0xbffff)).toBe(true);
    expect(k.frames.valid(0x100000)).toBe(true);
    k.frames.writable(pfn)[0] = 1;
    expect(k.frames.bytes(pfn)).toBeUndefined();
    const big = new Kernel().frames;
    for (let i = 0; i < 4096; i++) {
      const head = big.alloc(9);
      expect(head + 512 <= 0xc0000 || head >= 0x100000).toBe(true);
    }
  });

  test("shared and private mappings show the physical address", () => {
    expect(values(`${bar}m = maps(va)`)["m.offset"]).toBe(0xfc000000);
    expect(values("r = pci_bar(edu)\nva = mmap(r, 8K, rw, private, offset: 8K)\nm = maps(va)")["m.offset"]).toBe(
      0xfc002000,
    );
  });

  test("loads give zeros, stores are lost, a private copy is memory", () => {
    expect(values(`${bar}store(va + 4, 7)\nx = load(va + 4)`).x).toBe(0);
    expect(
      values("r = pci_bar(edu)\nva = mmap(r, 8K, rw, private)\nstore(va + 4, 7)\nx = load(va + 4)\ny = load(va)"),
    ).toMatchObject({ x: 7, y: 0 });
  });

  test("PAT's flag went with 6.16", () => {
    const arch1 = each(`${bar}s = smaps(va)\nx = load(va)`);
    expect(arch1).toEqual(all.map(() => 0));
    for (const release of all) {
      const flags = values(`${bar}s = smaps(va)`, release)["s.VmFlags"] as string[];
      expect(flags.includes("ar"), release).toBe(["5.10", "6.1", "6.12"].includes(release));
      expect(flags.includes("me"), release).toBe(false);
    }
  });

  test("generic_access_phys: in one piece and past the mapping, from 7.3 on page by page; not without a writable entry", () => {
    expect(values(`${bar}x = mem_read(va + 15K, 4K)`, "7.2").x).toBe(4096);
    expect(values(`${bar}x = mem_read(va + 15K, 4K)`, "7.3").x).toBe(1024);
    for (const release of ["7.2", "7.3"]) expect(values(`${bar}x = mem_read(va, 64K)`, release).x).toBe(16384);
    expect(values(`${bar}mprotect(va, 16K, r)\nx = mem_write(va, 4)`).x).toBe("EIO");
    expect(ask(`${bar}x = mem_read(va, 4)`).rules).toContain("pci-bar/access");
  });

  test("a private copy is RAM, which ioremap warns of", () => {
    const got = ask(
      "r = pci_bar(edu)\nva = mmap(r, 8K, rw, private)\nstore(va, 7)\nx = mem_read(va, 4)\ny = mem_read(va + 4K, 4)",
      "6.12.117",
    );
    expect(got.status).toBe("oops");
    expect(got.reason).toContain("pci-bar/access-ram");
    expect(
      values(
        "r = pci_bar(edu)\nva = mmap(r, 8K, rw, private)\nstore(va, 7)\nx = mem_read(va, 4)\ny = mem_read(va + 4K, 4)",
        "7.3",
      ),
    ).toMatchObject({ x: "EIO", y: 4 });
    expect(got.values).toMatchObject({ x: "EIO", y: 4 });
  });

  test("the file: no data, a fixed size, an error until it was read", () => {
    const file = "r = pci_bar(edu)\nm = mmap(anon, 4K, rw, private)\n";
    expect(values(`${file}x = pread(r, m, 4, 0)`).x).toBe("EIO");
    expect(values(`${file}x = pread(r, m, 0, 0)`).x).toBe(0);
    expect(values(`${file}x = pread(r, m, 4, 1M)`).x).toBe(0);
    expect(values(`${file}x = pwrite(r, m, 4, 0)`).x).toBe("EIO");
    expect(values(`${file}x = pwrite(r, m, 4, 1M)`).x).toBe("EFBIG");
    expect(values(`${file}x = ftruncate(r, 4K)\ns = fstat(r)`)).toMatchObject({
      x: "ok",
      "s.size": 0x100000,
      "s.mode": 0o600,
    });
    expect(values(`${file}a = poll(r, in|pri)\nx = read(r, m, 4)\nb = poll(r, in|pri)`)).toMatchObject({
      a: ["err", "in", "pri"],
      b: ["in"],
    });
  });

  test("two open files of it poll apart", () => {
    expect(
      values("r = pci_bar(edu)\nm = mmap(anon, 4K, rw, private)\nread(r, m, 4)\no = reopen(r, r)\nx = poll(o, pri)").x,
    ).toEqual(["err", "pri"]);
  });

  test("lseek in its three generations", () => {
    expect(each("r = pci_bar(edu)\nx = lseek(r, 0, end)")).toEqual([
      0x100000, 0, 0x100000, 0x100000, 0x100000, 0x100000,
    ]);
    expect(each("r = pci_bar(edu)\nx = lseek(r, 3G, set)")).toEqual([
      "EINVAL",
      3 * 2 ** 30,
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
    ]);
  });

  test("MADV_REMOVE punches at the physical address", () => {
    expect(each(`${bar}x = madvise(va, 4K, remove)`)).toEqual([
      "EFBIG",
      "EFBIG",
      "EFBIG",
      "EFBIG",
      "EOPNOTSUPP",
      "EOPNOTSUPP",
    ]);
  });

  test("a file past its file system's limit is not truncated", () => {
    const k = new Kernel({ release: "6.12" });
    const file = openBar(k);
    expect(runAlone(file.ops.truncate!(file, 2 ** 31))).toBe(-27);
    expect(runAlone(file.ops.truncate!(file, 2 ** 31 - 1))).toBe(0);
  });

  test("other architectures have no such machine", () => {
    expect(ask("r = pci_bar(edu)", "6.12", { arch: "arm64" }).status).toBe("unsupported");
  });
});
