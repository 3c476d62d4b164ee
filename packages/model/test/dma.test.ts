/** Devices: sg tables, bytes, directions, caches that are not coherent. */
import { describe, expect, test } from "vitest";
import { failed, Kernel, must } from "../src/index.js";
import { sgFromPages, sgOfEachPage, SgTable } from "../src/dma/sg.js";
import type { DeviceOptions, Direction } from "../src/index.js";

interface Setup {
  readonly kernel: Kernel;
  readonly dma: ReturnType<typeof mapped>["dma"];
  readonly view: ReturnType<typeof mapped>["view"];
  readonly buffer: ReturnType<typeof mapped>["buffer"];
}

function mapped(options: DeviceOptions, direction: Direction, pages = 16) {
  const kernel = new Kernel();
  const app = kernel.process("app");
  const buffer = must(kernel.heap("system").alloc(app, pages * 4096));
  const view = must(app.mmap(buffer, pages * 4096));
  const attachment = must(kernel.device("isp", options).attach(buffer));
  return { kernel, app, buffer, view, attachment, dma: must(attachment.map(direction)) };
}

describe("sg tables", () => {
  test("neighbours merge, or every page is an entry", () => {
    expect(sgFromPages([5, 6, 7, 9, 8]).entries).toEqual([
      { pfn: 5, pages: 3 },
      { pfn: 9, pages: 1 },
      { pfn: 8, pages: 1 },
    ]);
    expect(sgOfEachPage([5, 6]).entries).toEqual([
      { pfn: 5, pages: 1 },
      { pfn: 6, pages: 1 },
    ]);
  });

  test("a page's frame, and past the end", () => {
    const table = new SgTable([
      { pfn: 100, pages: 2 },
      { pfn: 7, pages: 1 },
    ]);
    expect([0, 1, 2].map((page) => table.frame(page))).toEqual([100, 101, 7]);
    expect(() => table.frame(3)).toThrow(RangeError);
    expect(table.pages).toBe(3);
  });

  test("an IOMMU makes one segment of all chunks", () => {
    expect(mapped({ iommu: false }, "bidirectional", 17).dma.segments).toBe(2);
    expect(mapped({ iommu: true }, "bidirectional", 17).dma.segments).toBe(1);
  });
});

describe("transfers", () => {
  test("bytes go both ways, across pages and chunks", () => {
    const { dma, view } = mapped({}, "bidirectional", 17);
    must(view.store(65536 - 2, 0x0201, 2));
    must(view.store(65536, 0x0403, 2));
    expect([...must(dma.read(65534, 4))]).toEqual([1, 2, 3, 4]);
    must(dma.write(4094, [9, 8, 7, 6]));
    expect(must(view.load(4094, 2))).toBe(0x0809);
    expect(must(view.load(4096, 2))).toBe(0x0607);
  });

  test("past the end: EFAULT", () => {
    const { dma } = mapped({}, "bidirectional", 1);
    expect(failed(dma.read(4093, 4))).toBe(true);
    expect(failed(dma.write(4096, [1]))).toBe(true);
    expect(must(dma.read(4092, 4))).toHaveLength(4);
  });

  test("against the direction: an IOMMU faults, without one nobody checks", () => {
    const guarded = mapped({ iommu: true }, "to_device").dma;
    const refused = guarded.write(0, [1]);
    expect(failed(refused) && refused.name).toBe("EFAULT");
    expect(failed(guarded.read(0, 1))).toBe(false);
    expect(failed(mapped({ iommu: true }, "from_device").dma.read(0, 1))).toBe(true);
    expect(failed(mapped({ iommu: false }, "to_device").dma.write(0, [1]))).toBe(false);
  });

  test("after unmap the device has no address", () => {
    const { dma } = mapped({}, "bidirectional");
    dma.unmap();
    expect(failed(dma.read(0, 1))).toBe(true);
  });
});

describe("caches", () => {
  test("coherent: nothing to sync, nothing counted", () => {
    const { kernel, dma, view, buffer }: Setup = mapped({ coherent: true }, "bidirectional");
    must(dma.write(0, [0x5a]));
    expect(must(view.load(0, 1))).toBe(0x5a);
    must(buffer.begin("read"));
    expect(kernel.counters.cache_flushes).toBe(0);
  });

  test("not coherent: the CPU reads stale bytes until it begins access", () => {
    const { kernel, dma, view, buffer }: Setup = mapped({ coherent: false }, "from_device");
    must(dma.write(0, [0x5a]));
    expect(must(view.load(0, 1))).toBe(0);
    must(buffer.begin("read"));
    expect(must(view.load(0, 1))).toBe(0x5a);
    // 16 pages at the mapping, 16 at the sync.
    expect(kernel.counters.cache_flushes).toBe(32);
  });

  test("not coherent: the device reads stale bytes until the CPU ends access", () => {
    const { dma, view, buffer }: Setup = mapped({ coherent: false }, "to_device");
    must(view.store(0, 0x77, 1));
    expect([...must(dma.read(0, 1))]).toEqual([0]);
    must(buffer.end("write"));
    expect([...must(dma.read(0, 1))]).toEqual([0x77]);
  });

  test("beginning to write does not fetch what the device wrote", () => {
    const { dma, view, buffer }: Setup = mapped({ coherent: false }, "bidirectional");
    must(dma.write(0, [0x5a]));
    must(buffer.begin("write"));
    expect(must(view.load(0, 1))).toBe(0);
  });

  test("mapping hands over what the CPU wrote, unmapping what the device wrote", () => {
    const { dma, view, attachment } = mapped({ coherent: false }, "bidirectional");
    must(dma.write(0, [1]));
    dma.unmap();
    expect(must(view.load(0, 1))).toBe(1);
    must(view.store(0, 2, 1));
    expect([...must(must(attachment.map("bidirectional")).read(0, 1))]).toEqual([2]);
  });

  test("a line that the CPU did not store to is not written back over what the device wrote", () => {
    const { dma, view, buffer } = mapped({ coherent: false }, "bidirectional");
    must(dma.write(64, [5]));
    must(view.store(0, 7, 1));
    must(buffer.end("write"));
    expect([...must(dma.read(0, 1)), ...must(dma.read(64, 1))]).toEqual([7, 5]);
    expect(must(view.load(64, 1))).toBe(0);
  });

  test("a store of the same byte makes its line dirty", () => {
    const { dma, view, buffer } = mapped({ coherent: false }, "bidirectional");
    must(view.store(0, 7, 1));
    must(buffer.end("write"));
    must(dma.write(0, [5]));
    must(view.store(0, 7, 1));
    must(buffer.end("write"));
    expect([...must(dma.read(0, 1))]).toEqual([7]);
  });

  test("invalidation drops what the CPU stored and never cleaned", () => {
    const { view, buffer } = mapped({ coherent: false }, "bidirectional");
    must(view.store(0, 7, 1));
    must(buffer.begin("read"));
    expect(must(view.load(0, 1))).toBe(0);
  });

  test("the design decides for devices that do not say", () => {
    expect(new Kernel({ designs: { "dma.coherence": "non-coherent" } }).device("d").coherent).toBe(false);
    expect(new Kernel({ designs: { "dma.mapping": "iommu" } }).device("d").iommu).toBe(true);
    expect(new Kernel().device("d")).toMatchObject({ coherent: true, iommu: false });
  });
});
