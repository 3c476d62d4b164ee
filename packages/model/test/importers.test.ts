/**
 * Attachments against an exporter that can move its buffers: no mainline heap does, so a
 * small one stands here and writes down what the core asks of it.
 */
import { describe, expect, test } from "vitest";
import { errnos } from "@litmap/litmus";
import { Kernel, runAlone } from "../src/index.js";
import type { Attachment } from "../src/dma-buf/attachment.js";
import {
  dmaBufDetach,
  dmaBufDynamicAttach,
  dmaBufMapAttachment,
  dmaBufPin,
  dmaBufUnmapAttachment,
  dmaBufUnpin,
} from "../src/dma-buf/attachment.js";
import { dmaBufExport, dmaBufGet, dmaBufOf, dmaBufPut } from "../src/dma-buf/buffer.js";
import { dmaBufBeginCpuAccess, dmaBufEndCpuAccess, dmaBufVmap, dmaBufVunmap } from "../src/dma-buf/cpu-access.js";
import { Fence, USAGE } from "../src/dma-buf/resv.js";
import { SgTable } from "../src/dma/sg.js";
import type { DmaBuf, DmaBufOps } from "../src/dma-buf/buffer.js";
import type { Direction } from "../src/dma-buf/attachment.js";
import type { Path, Touch } from "../src/index.js";

interface Recorded {
  readonly kernel: Kernel;
  readonly buf: DmaBuf;
  readonly log: string[];
}

/** A buffer of one page whose exporter logs every call; `failing` maps a call to the errno it gives. */
function recorded(
  release: string,
  kind: "dynamic" | "static",
  failing: Readonly<Record<string, number>> = {},
): Recorded {
  const kernel = new Kernel({ release });
  const log: string[] = [];
  const pfn = kernel.frames.alloc(0);
  const say = (what: string): number => {
    log.push(what);
    return -(failing[what] ?? 0);
  };
  const pinning: Partial<DmaBufOps> = {
    *pin() {
      return say("pin");
    },
    *unpin() {
      say("unpin");
    },
  };
  const ops: DmaBufOps = {
    ...(kind === "dynamic" ? pinning : {}),
    *attach() {
      return say("attach");
    },
    *detach() {
      say("detach");
    },
    *mapDmaBuf(_at: Attachment, direction: Direction): Path<SgTable | number> {
      const error = say(`map ${direction}`);
      return error !== 0 ? error : new SgTable([{ pfn, pages: 1 }]);
    },
    *unmapDmaBuf(_at: Attachment, _sgt: SgTable, direction: Direction) {
      say(`unmap ${direction}`);
    },
    *release() {
      say("release");
    },
    *beginCpuAccess(direction: Direction) {
      return say(`begin ${direction}`);
    },
  };
  return {
    kernel,
    log,
    buf: dmaBufExport(kernel, { ops, size: 4096, expName: "recorded", readable: true, writable: true }),
  };
}

function attach({ kernel, buf }: Recorded, dynamic: boolean): Attachment {
  const at = runAlone(dmaBufDynamicAttach(buf, kernel.device("importer"), dynamic));
  if (typeof at === "number") throw new Error(`attach gave ${at}`);
  return at;
}

/** Attaches, maps twice, unmaps, detaches; what the exporter saw. */
function cycle(release: string, exporter: "dynamic" | "static", importer: "dynamic" | "static"): string[] {
  const r = recorded(release, exporter);
  const at = attach(r, importer === "dynamic");
  r.log.push("-- attached");
  const first = runAlone(dmaBufMapAttachment(at, "to_device")) as SgTable;
  const second = runAlone(dmaBufMapAttachment(at, "to_device")) as SgTable;
  r.log.push("-- mapped");
  runAlone(dmaBufUnmapAttachment({ at, sgt: first, direction: "to_device" }));
  runAlone(dmaBufUnmapAttachment({ at, sgt: second, direction: "to_device" }));
  r.log.push("-- unmapped");
  runAlone(dmaBufDetach(at));
  return r.log;
}

describe("who maps and pins when", () => {
  const eachTime = (kind: string[]): string[] => ["attach", "-- attached", ...kind, ...kind, "-- mapped"];

  test("a static importer of a dynamic exporter: at attach up to 6.12, in every map since 6.15", () => {
    expect(cycle("6.12", "dynamic", "static")).toEqual([
      "attach",
      "pin",
      "map bidirectional",
      "-- attached",
      "-- mapped",
      "-- unmapped",
      "unmap bidirectional",
      "unpin",
      "detach",
    ]);
    expect(cycle("7.2", "dynamic", "static")).toEqual([
      ...eachTime(["pin", "map to_device"]),
      "unmap to_device",
      "unpin",
      "unmap to_device",
      "unpin",
      "-- unmapped",
      "detach",
    ]);
  });

  test("a dynamic importer of a dynamic exporter: pinned by the core without MOVE_NOTIFY, never since 6.15", () => {
    expect(cycle("6.1", "dynamic", "dynamic")).toEqual([
      ...eachTime(["pin", "map to_device"]),
      "unmap to_device",
      "unpin",
      "unmap to_device",
      "unpin",
      "-- unmapped",
      "detach",
    ]);
    expect(cycle("7.3", "dynamic", "dynamic")).toEqual([
      ...eachTime(["map to_device"]),
      "unmap to_device",
      "unmap to_device",
      "-- unmapped",
      "detach",
    ]);
  });

  test("a dynamic importer of a static exporter: mapped at attach up to 6.12, without a pin", () => {
    expect(cycle("6.1", "static", "dynamic")).toEqual([
      "attach",
      "map bidirectional",
      "-- attached",
      "-- mapped",
      "-- unmapped",
      "unmap bidirectional",
      "detach",
    ]);
    expect(cycle("7.2", "static", "dynamic")).toEqual([
      ...eachTime(["map to_device"]),
      "unmap to_device",
      "unmap to_device",
      "-- unmapped",
      "detach",
    ]);
  });

  test("static and static: every map goes to the exporter, on every release", () => {
    for (const release of ["5.10", "6.1", "6.12", "7.3"]) {
      expect(cycle(release, "static", "static"), release).toEqual([
        ...eachTime(["map to_device"]),
        "unmap to_device",
        "unmap to_device",
        "-- unmapped",
        "detach",
      ]);
    }
  });
});

describe("what an exporter refuses", () => {
  test("its attach: nothing is left behind", () => {
    const r = recorded("7.3", "static", { attach: errnos.ENODEV });
    expect(runAlone(dmaBufDynamicAttach(r.buf, r.kernel.device("d"), false))).toBe(-errnos.ENODEV);
    expect(r.buf.attachments).toEqual([]);
  });

  test("its pin: at attach the attachment is taken back, in map the errno comes through", () => {
    const old = recorded("6.12", "dynamic", { pin: errnos.EBUSY });
    expect(runAlone(dmaBufDynamicAttach(old.buf, old.kernel.device("d"), false))).toBe(-errnos.EBUSY);
    expect(old.log).toEqual(["attach", "pin", "detach"]);
    expect(old.buf.attachments).toEqual([]);
    expect(old.buf.resv.lock.writer).toBe(false);
    const fresh = recorded("7.3", "dynamic", { pin: errnos.EBUSY });
    expect(runAlone(dmaBufMapAttachment(attach(fresh, false), "to_device"))).toBe(-errnos.EBUSY);
    expect(fresh.log).toEqual(["attach", "pin"]);
  });

  test("its map: the pin is given back", () => {
    const old = recorded("6.12", "dynamic", { "map bidirectional": errnos.ENOMEM });
    expect(runAlone(dmaBufDynamicAttach(old.buf, old.kernel.device("d"), false))).toBe(-errnos.ENOMEM);
    expect(old.log).toEqual(["attach", "pin", "map bidirectional", "unpin", "detach"]);
    const fresh = recorded("7.3", "dynamic", { "map from_device": errnos.ENOMEM });
    expect(runAlone(dmaBufMapAttachment(attach(fresh, false), "from_device"))).toBe(-errnos.ENOMEM);
    expect(fresh.log).toEqual(["attach", "pin", "map from_device", "unpin"]);
    expect(fresh.buf.resv.lock.writer).toBe(false);
  });

  test("its begin of CPU access: no fence is waited for", () => {
    const r = recorded("7.3", "static", { "begin to_device": errnos.EIO });
    r.buf.resv.add(new Fence(1, 1, 1), USAGE.write);
    expect(runAlone(dmaBufBeginCpuAccess(r.buf, "to_device"))).toBe(-errnos.EIO);
    expect(() => runAlone(dmaBufBeginCpuAccess(r.buf, "from_device"))).toThrow(/waits for fences/);
  });

  test("operations that it does not have", () => {
    const r = recorded("7.3", "static");
    expect(runAlone(dmaBufEndCpuAccess(r.buf, "to_device"))).toBe(0);
    expect(runAlone(dmaBufVmap(r.buf))).toBe(-errnos.EINVAL);
    expect(() => runAlone(dmaBufVunmap(r.buf))).toThrow(/vunmap-unmapped/);
  });
});

describe("fences of importers", () => {
  test("a static importer waits for kernel fences when it maps, a dynamic one does not", () => {
    const r = recorded("7.3", "static");
    const [patient, quick] = [attach(r, false), attach(r, true)];
    r.buf.resv.add(new Fence(1, 1, 1), USAGE.kernel);
    expect(() => runAlone(dmaBufMapAttachment(patient, "to_device"))).toThrow(/waits for fences/);
    r.buf.resv.lock.drop();
    expect(runAlone(dmaBufMapAttachment(quick, "to_device"))).toBeInstanceOf(SgTable);
  });

  test("writers' fences hold nobody up in map", () => {
    const r = recorded("7.3", "static");
    r.buf.resv.add(new Fence(1, 1, 1), USAGE.write);
    expect(runAlone(dmaBufMapAttachment(attach(r, false), "to_device"))).toBeInstanceOf(SgTable);
  });
});

describe("locks", () => {
  /** Classes of the locks that a path takes, in order. */
  function locks(kernel: Kernel, path: Path<unknown>): string[] {
    kernel.concurrent = true;
    const taken: string[] = [];
    for (let step = path.next(); !step.done; step = path.next()) {
      const touch: Touch = step.value;
      if (touch.kind === "acquire") taken.push(touch.lock.lockClass);
    }
    kernel.concurrent = false;
    return taken;
  }

  test("a static importer maps under the reservation lock from 6.2 on, a dynamic one always", () => {
    const of = (release: string, dynamic: boolean): string[] => {
      const r = recorded(release, dynamic ? "dynamic" : "static");
      return locks(r.kernel, dmaBufMapAttachment(attach(r, dynamic), "to_device"));
    };
    expect(of("6.1", false)).toEqual([]);
    expect(of("6.1", true)).toEqual(["resv"]);
    expect(of("6.12", false)).toEqual(["resv"]);
    expect(of("7.3", true)).toEqual(["resv"]);
  });

  test("kernel mappings: a mutex of the buffer up to 6.1, the reservation since", () => {
    const of = (release: string): string[] => {
      const r = recorded(release, "static");
      return locks(r.kernel, dmaBufVmap(r.buf));
    };
    expect(of("6.1")).toEqual(["dmabuf"]);
    expect(of("6.12")).toEqual(["resv"]);
  });

  test("pin and unpin take the reservation; attach and detach too, for their list", () => {
    const r = recorded("7.3", "dynamic");
    const at = attach(r, true);
    expect(locks(r.kernel, dmaBufPin(at))).toEqual(["resv"]);
    expect(locks(r.kernel, dmaBufUnpin(at))).toEqual(["resv"]);
    expect(locks(r.kernel, dmaBufDynamicAttach(r.buf, r.kernel.device("d"), true))).toEqual(["resv"]);
    expect(locks(r.kernel, dmaBufDetach(at))).toEqual(["resv"]);
    expect(r.log.filter((line) => line.includes("pin"))).toEqual(["pin", "unpin"]);
  });

  test("begin and end of CPU access run without it", () => {
    const r = recorded("7.3", "static");
    expect(locks(r.kernel, dmaBufBeginCpuAccess(r.buf, "to_device"))).toEqual([]);
  });
});

describe("references", () => {
  test("dma_buf_get takes one, dma_buf_put gives it back, the last one releases", () => {
    const r = recorded("7.3", "static");
    const task = r.kernel.process("app");
    const fd = task.files.install(r.buf.file);
    expect(dmaBufGet(r.kernel, task, fd)).toBe(r.buf);
    expect(r.buf.file.refs).toBe(2);
    runAlone(dmaBufPut(r.buf));
    expect(r.log).toEqual([]);
    task.files.remove(fd);
    runAlone(dmaBufPut(r.buf));
    expect(r.log).toEqual(["release"]);
    expect(r.kernel.dmaBufs.has(r.buf)).toBe(false);
  });

  test("a file that is no buffer", () => {
    const kernel = new Kernel();
    expect(dmaBufOf(undefined)).toBeUndefined();
    expect(dmaBufGet(kernel, kernel.process("a"), 3)).toBe(-errnos.EBADF);
  });
});
