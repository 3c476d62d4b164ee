/** GEM objects in shmem: counts, purging, and kernel mappings against the shrinker in every design. */
import { describe, expect, test } from "vitest";
import { Kernel } from "../src/index.js";
import type { GemShmemObject } from "../src/exporters/drm-shmem.js";
import {
  drmGemShmemCreate,
  drmGemShmemGetPagesSgt,
  drmGemShmemMadvise,
  drmGemShmemVmap,
  drmGemShmemVunmap,
  shrinkDrmShmem,
} from "../src/exporters/drm-shmem.js";
import { runAlone } from "../src/sched/path.js";
import { ask, values } from "./ask.js";
import type { Design } from "../src/index.js";

const object = "driver D on shmem\nD: bo = gem_create(64K)\nD: gem_get_sg_table(bo)\n";
const vmapDesigns = ["use-count", "pin-count", "hold-reservation", "uncounted"] as const;
const withVmap = (choice: Design["drm-shmem.vmap"]): { designs: Partial<Design> } => ({
  designs: { "drm-shmem.vmap": choice },
});

function gem(design: Design["drm-shmem.vmap"]): { k: Kernel; bo: GemShmemObject } {
  const k = new Kernel({ designs: { "drm-shmem.vmap": design } });
  return { k, bo: drmGemShmemCreate(k, k.device("gpu"), 16384) as GemShmemObject };
}

test("sizes are rounded up to pages; none is ENOSPC", () => {
  expect(values("driver D on shmem\nD: x = gem_create(0)").x).toBe("ENOSPC");
  expect(values("driver D on shmem\nD: x = gem_create(1)").x).toBe("ok");
});

test("what is marked as not needed is purged, for good", () => {
  const lines =
    `${object}D: a = gem_madvise(bo, dontneed)\nkernel: n = shrink(drm-shmem)\nD: b = gem_madvise(bo, willneed)\n` +
    "kernel: m = shrink(drm-shmem)";
  expect(values(lines)).toMatchObject({ a: 1, n: 16, b: 0, m: 0 });
});

test("an object that is needed, or was never mapped for its device, stays", () => {
  expect(values(`${object}kernel: n = shrink(drm-shmem)`).n).toBe(0);
  expect(
    values(`${object}D: gem_madvise(bo, dontneed)\nD: gem_madvise(bo, willneed)\nkernel: n = shrink(drm-shmem)`).n,
  ).toBe(0);
  expect(
    values("driver D on shmem\nD: bo = gem_create(64K)\nD: gem_madvise(bo, dontneed)\nkernel: n = shrink(drm-shmem)").n,
  ).toBe(0);
});

test("the driver's kernel mapping shows the object's bytes", () => {
  expect(
    values(
      `${object}D: v = vmap(bo)\nD: store(v + 8K, 0xabcd)\nD: vunmap(bo)\nD: w = vmap(bo)\nD: x = load(w + 8K)\n` +
        "D: y = load(w + 8K, 1)",
    ),
  ).toMatchObject({ x: 0xabcd, y: 0xcd });
});

describe("a kernel mapping and the shrinker, one after the other", () => {
  const racing =
    `${object}D: gem_madvise(bo, dontneed)\nD: v = vmap(bo)\nkernel: n = shrink(drm-shmem)\nD: x = load(v)\n` +
    "D: vunmap(bo)\nkernel: m = shrink(drm-shmem)";

  test.each(["use-count", "pin-count", "hold-reservation"] as const)(
    "%s keeps the pages while it is mapped",
    (choice) => {
      expect(values(racing, "7.3", withVmap(choice))).toMatchObject({ n: 0, x: 0, m: 16 });
    },
  );

  test("uncounted: the pages are gone under the mapping", () => {
    const prediction = ask(racing, "7.3", withVmap("uncounted"));
    expect(prediction.status).toBe("ok");
    const [{ invariant, story }] = prediction.violations!;
    expect(invariant).toBe("use-after-free");
    expect(story[0]).toMatch(/^D, line \d+: vmap\(\) begins to reach pages: the vmap of GEM object \d+/);
    expect(story[1]).toMatch(/shrink\(\) \(the shrinker purged GEM object \d+\) frees page 0 of it/);
    expect(story[2]).toMatch(/^D, line \d+: load\(\) uses that page/);
    expect(prediction.values.n).toBe(16);
    expect(prediction.rules).toContain("vmap/use-after-free");
  });

  test("why each of them was passed over", () => {
    const why = (choice: Design["drm-shmem.vmap"]): readonly string[] | undefined =>
      ask(racing, "7.3", withVmap(choice))
        .steps.find((s) => s.op === "shrink")
        ?.events.map((e) => e.rule.id);
    expect(why("use-count")).toEqual(["drm-shmem/not-purgeable"]);
    expect(why("pin-count")).toEqual(["drm-shmem/not-purgeable"]);
    expect(why("hold-reservation")).toEqual(["drm-shmem/shrinker-trylock"]);
  });
});

test("releases: a use count before 6.14, a pin count since", () => {
  expect(["6.1", "6.12", "6.18", "7.3"].map((release) => new Kernel({ release }).design["drm-shmem.vmap"])).toEqual([
    "use-count",
    "use-count",
    "pin-count",
    "pin-count",
  ]);
});

describe("counts", () => {
  test.each(vmapDesigns)("%s: pages come with the first user and go with the last", (choice) => {
    const { k, bo } = gem(choice);
    expect(bo.pages).toBeUndefined();
    expect(runAlone(drmGemShmemGetPagesSgt(k, bo))).toBe(0);
    expect(runAlone(drmGemShmemGetPagesSgt(k, bo))).toBe(0);
    expect([bo.pagesUseCount, bo.pages!.length]).toEqual([1, 4]);
    expect(k.frames.ref(bo.pages![0])).toBe(2);
    runAlone(drmGemShmemVmap(k, bo));
    expect(bo.pagesUseCount).toBe(choice === "use-count" || choice === "pin-count" ? 2 : 1);
    expect(bo.pagesPinCount).toBe(choice === "pin-count" ? 1 : 0);
    expect(bo.resv.lock.writer).toBe(choice === "hold-reservation");
    runAlone(drmGemShmemVunmap(k, bo));
    expect([bo.pagesUseCount, bo.pagesPinCount, bo.vmapUseCount, bo.resv.lock.writer]).toEqual([1, 0, 0, false]);
  });

  test("a second kernel mapping is the first, counted", () => {
    const { k, bo } = gem("use-count");
    const first = runAlone(drmGemShmemVmap(k, bo));
    expect(runAlone(drmGemShmemVmap(k, bo))).toBe(first);
    expect([bo.vmapUseCount, bo.pagesUseCount]).toEqual([2, 1]);
    runAlone(drmGemShmemVunmap(k, bo));
    expect(bo.vaddr).toBe(first);
    runAlone(drmGemShmemVunmap(k, bo));
    expect([bo.vaddr, bo.pages]).toEqual([undefined, undefined]);
  });

  test("taking back what is not mapped is a warning, in every design", () => {
    for (const choice of vmapDesigns) {
      const prediction = ask(`${object}D: x = vunmap(bo)\nD: v = vmap(bo)\nD: y = load(v)`, "7.3", withVmap(choice));
      expect(prediction.values, choice).toMatchObject({ x: "ok", v: "ok", y: 0 });
      expect(prediction.rules, choice).toContain("drm-shmem/vunmap-unmapped");
    }
  });

  test("who holds the reservation and maps again waits for itself", () => {
    const twice = `${object}D: v = vmap(bo)\nD: w = vmap(bo)\nD: vunmap(bo)\nD: x = load(w)`;
    expect(values(twice, "7.3", withVmap("pin-count"))).toMatchObject({ w: "ok", x: 0 });
    const hung = ask(twice, "7.3", withVmap("hold-reservation"));
    expect([hung.status, hung.reason]).toEqual([
      "hang",
      expect.stringMatching(/waits for resv of GEM object \d+, which nobody will drop/),
    ]);
  });

  test("purging frees every page and unmaps the device", () => {
    const { k, bo } = gem("pin-count");
    const before = k.frames.used;
    runAlone(drmGemShmemGetPagesSgt(k, bo));
    expect(k.frames.used - before).toBe(4);
    runAlone(drmGemShmemMadvise(k, bo, true));
    expect(runAlone(shrinkDrmShmem(k))).toBe(4);
    expect([k.frames.used - before, bo.sgt, bo.pages, bo.madv]).toEqual([0, undefined, undefined, -1]);
  });
});

test("an attachment that was detached cannot be mapped", () => {
  const lines =
    "driver D on dma\ndriver S on shmem\nS: bo = gem_create(4K)\nS: buf = gem_export(bo)\nD: att = attach(buf)\n" +
    "D: r = detach(att)\nD: sgt = map_attachment(att)";
  expect(values(lines).sgt).toBe("EBADF");
});
