/**
 * videobuf2: what claims of tests cannot say. Waits, what is left when all is closed, designs of the past, importers of
 * camera buffers.
 */
import { describe, expect, test } from "vitest";
import { runAlone } from "../src/index.js";
import { Session } from "../src/litmus/session.js";
import { ask, onReleases, testOf, values } from "./ask.js";

const all = ["6.1", "6.12", "6.18", "7.2", "7.3"] as const;
const cameras = ["vivid", "vivid_contig"] as const;
const open = (device: string, memory = "mmap"): string => `cam = v4l2_open(${device})\nn = reqbufs(cam, ${memory})\n`;

/** Frames in use before a test and after it. */
function framesAround(lines: string, release = "7.3"): { before: number; after: number } {
  const session = new Session(testOf(lines), { release });
  const before = session.k.frames.used;
  runAlone(session.run());
  return { before, after: session.k.frames.used };
}

describe("waiting for a frame", () => {
  test("with nothing queued never ends", () => {
    const { status, reason } = ask(`${open("vivid")}s = streamon(cam)\nd = dqbuf(cam)`);
    expect(status).toBe("hang");
    expect(reason).toContain("frames of /dev/video0");
  });

  test("ends at once when the stream is off", () => {
    expect(values(`${open("vivid")}q = qbuf(cam, 0)\nx = dqbuf(cam)`).x).toBe("EINVAL");
  });

  test("each buffer comes back once, in the order of QBUF", () => {
    const outcome = values(
      `${open("vivid")}a = qbuf(cam, 1)\ns = streamon(cam)\nb = qbuf(cam, 0)\nx = dqbuf(cam)\nc = qbuf(cam, 1)\n` +
        "y = dqbuf(cam)\nz = dqbuf(cam)",
    );
    expect([outcome.x, outcome.y, outcome.z]).toEqual([1, 0, 1]);
  });

  test("whether a frame has come is left open", () => {
    expect(ask(`${open("vivid")}q = qbuf(cam, 0)\ns = streamon(cam)\nx = poll(cam, in)`).status).toBe("unsupported");
    expect(values(`${open("vivid")}x = poll(cam, in)`).x).toEqual(["err"]);
    expect(values(`${open("vivid")}s = streamon(cam)\nx = poll(cam, in)`).x).toEqual(["err"]);
    expect(values(`${open("vivid")}x = poll(cam, out)`).x).toEqual([]);
  });
});

describe("memory", () => {
  for (const device of cameras) {
    test(`of ${device} goes with the last of queue, mapping and dma-buf`, () => {
      const made = `${open(device)}buf = expbuf(cam, 0)\nva = mmap(buf, 60K, rw, shared)\nt = touch(va, 60K, write)\n`;
      const gone = framesAround(`${made}u = munmap(va, 60K)\nc = close(buf)\nd = close(cam)`);
      expect(gone.after).toBe(gone.before);
      const mapped = framesAround(`${made}c = close(buf)\nd = close(cam)`);
      expect(mapped.after - mapped.before).toBe(device === "vivid" ? 15 : 16);
      const exported = framesAround(`${made}u = munmap(va, 60K)\nd = close(cam)`);
      expect(exported.after - exported.before).toBe(device === "vivid" ? 15 : 16);
    });

    test(`of ${device}: fork and munmap of a middle hold references too`, () => {
      const made =
        `${open(device)}va = mmap(cam, 60K, rw, shared)\nfork B\nu = munmap(va, 60K)\nd = close(cam)\n` +
        "B: v = munmap(va + 8K, 8K)\nB: e = close(cam)\n";
      const held = framesAround(made);
      expect(held.after).toBeGreaterThan(held.before);
      const gone = framesAround(`${made}B: w = munmap(va, 60K)`);
      expect(gone.after).toBe(gone.before);
    });
  }

  test("a pinned page of user memory is let go by REQBUFS and by close", () => {
    const made = `${open("vivid", "userptr")}va = mmap(anon, 64K, rw, private)\nq = qbuf(cam, 0, va)\nu = munmap(va, 64K)\n`;
    const pinned = framesAround(made);
    expect(pinned.after - pinned.before).toBe(15);
    for (const end of ["z = reqbufs(cam, userptr, 0)", "c = close(cam)", "z = reqbufs(cam, mmap, 2)\nc = close(cam)"]) {
      const gone = framesAround(made + end);
      expect(gone.after).toBe(gone.before);
    }
  });

  test("streaming off keeps user memory pinned", () => {
    const held = framesAround(
      `${open("vivid", "userptr")}va = mmap(anon, 64K, rw, private)\nq = qbuf(cam, 0, va)\nu = munmap(va, 64K)\n` +
        "f = streamoff(cam)",
    );
    expect(held.after - held.before).toBe(15);
  });

  test("a refused attachment loses the buffer from 6.11 on", () => {
    const lines =
      `buf = dma_heap_alloc(system, 32K)\n${open("vivid", "dmabuf")}q = qbuf(cam, 0, buf: buf, length: 60K)\n` +
      "c = close(buf)\nd = close(cam)";
    expect(framesAround(lines, "6.12")).toMatchObject({ after: framesAround(lines, "6.12").before + 8 });
    const put = framesAround(lines, "6.1");
    expect(put.after).toBe(put.before);
  });
});

describe("user memory", () => {
  const readOnly = `${open("vivid", "userptr")}va = mmap(anon, 64K, r, private)\nx = qbuf(cam, 0, va)`;
  const heap =
    "buf = dma_heap_alloc(system, 64K)\nva = mmap(buf, 64K, rw, shared)\n" +
    `${open("vivid", "userptr")}x = qbuf(cam, 0, va)`;

  test("FOLL_FORCE up to 6.1 takes what may only be read [V4L2 USERPTR]", () => {
    expect(onReleases(readOnly, ...all)).toEqual(["ok", "EFAULT", "EFAULT", "EFAULT", "EFAULT"]);
  });

  test("bare frame numbers were taken once, and nothing keeps them", () => {
    expect(onReleases(heap, ...all)).toEqual(all.map(() => "EFAULT"));
    expect(values(heap, "6.1", { designs: { "frame-vector.pages": "followed" } }).x).toBe("ok");
  });

  test("a frame into memory that was freed under the camera is a use after free", () => {
    const lines = `${heap}\ns = streamon(cam)\nu = munmap(va, 64K)\nc = close(buf)\nd = dqbuf(cam)`;
    const { status, violations } = ask(lines, "6.1", { designs: { "frame-vector.pages": "followed" } });
    expect(status).toBe("ok");
    expect(violations?.map(({ invariant }) => invariant)).toEqual(["use-after-free"]);
  });

  test("dma-contig of vivid takes none", () => {
    expect(onReleases("cam = v4l2_open(vivid_contig)\nx = reqbufs(cam, userptr)", ...all)).toEqual(
      all.map(() => "EINVAL"),
    );
  });
});

describe("imports", () => {
  const scattered = `m = memfd_create(1M, seal_shrink)
a = udmabuf_create_list([[m, 0, 4K]], repeat: 16)
${open("vivid_contig", "dmabuf")}x = qbuf(cam, 0, buf: a)`;

  test("dma-contig wants one range of DMA addresses; an IOMMU makes one", () => {
    expect(values(scattered).x).toBe("EFAULT");
    expect(values(scattered, "7.3", { designs: { "dma.mapping": "iommu" } }).x).toBe("ok");
  });

  test("pages that were allocated apart are neighbours by chance, those of one folio are or are not", () => {
    const queue = "q = v4l2_open(vivid_contig)\nn = reqbufs(q, dmabuf)\nx = qbuf(q, 0, buf: b)";
    const udmabuf = (items: string): string =>
      `m = memfd_create(2M, seal_shrink, hugetlb)\nb = udmabuf_create_list([${items}])\n${queue}`;
    expect(ask(`b = dma_heap_alloc(system, 60K)\n${queue}`).reason).toMatch(/by chance$/);
    expect(ask(`m = memfd_create(64K, seal_shrink)\nb = udmabuf_create(m, 0, 64K)\n${queue}`).reason).toMatch(
      /by chance$/,
    );
    expect(values(`b = dma_heap_alloc(system, 64K)\n${queue}`).x).toBe("ok");
    expect(values(udmabuf("[m, 0, 64K]")).x).toBe("ok");
    expect(values(udmabuf("[m, 32K, 32K], [m, 0, 32K]")).x).toBe("EFAULT");
  });

  test("a failed import leaves no attachment", () => {
    expect(values(`${scattered}\ny = bufinfo(a).attachments`).y).toBe(0);
  });

  test("vmalloc wants the exporter's vmap, which udmabuf has from 6.2 on", () => {
    const lines = scattered.replace("vivid_contig", "vivid");
    expect(onReleases(lines, "6.1", "6.12", "7.3")).toEqual(["EFAULT", "ok", "ok"]);
  });

  test("what vb2-vmalloc exports is a table of single pages, what dma-contig exports is one range", () => {
    const importing = (device: string): string =>
      `${open(device)}buf = expbuf(cam, 0)\ncon = v4l2_open(vivid_contig)\nk = reqbufs(con, dmabuf)\n` +
      "x = bufinfo(buf).attachments";
    for (const device of cameras) expect(values(importing(device)).x).toBe(0);
  });
});

describe("offsets", () => {
  test("bytes up to 6.7, cookies since", () => {
    const at = (offset: string): unknown[] =>
      onReleases(`${open("vivid")}x = mmap(cam, 4K, rw, shared, ${offset})`, "6.1", "7.3");
    expect(at("0")).toEqual(["ok", "ok"]);
    expect(at("60K")).toEqual(["ok", "EINVAL"]);
    expect(at("32K")).toEqual(["EINVAL", "ok"]);
    expect(at("1G")).toEqual(["EINVAL", "ok"]);
    expect(at("64K")).toEqual(["EINVAL", "EINVAL"]);
  });

  test("an export of vb2-vmalloc ignores them, one of dma-contig does not", () => {
    const shown = (device: string): unknown =>
      values(
        `${open(device)}buf = expbuf(cam, 0)\nva = mmap(buf, 60K, rw, shared)\nt = touch(va, 60K, write)\n` +
          "vb = mmap(buf, 4K, r, shared, 12K)\nx = load(vb)",
      ).x;
    expect(shown("vivid")).toBe(0);
    expect(shown("vivid_contig")).toBe(3);
  });
});

test("requests of V4L2 read their argument before they are looked at", () => {
  expect(values("cam = v4l2_open(vivid)\nx = ioctl(cam, 0x40086200)").x).toBe("EFAULT");
  expect(values("cam = v4l2_open(vivid)\nx = ioctl(cam, 0x80046200)").x).toBe("ENOTTY");
  expect(values("cam = v4l2_open(vivid)\nx = ioctl(cam, 0x80685600)").x).toBe("EFAULT");
});
