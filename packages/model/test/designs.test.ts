/** Decision points: what releases are made of, and the pages printed from them. */
import { compareReleases, seriesOf, updateOf } from "@litmap/litmus";
import { describe, expect, test } from "vitest";
import {
  configuredDesign,
  designOf,
  designPages,
  Kernel,
  knownAs,
  versionOf,
  points,
  releases,
  kernelOf,
  ruleBook,
} from "../src/index.js";
import type { Point, PointName } from "../src/index.js";

const all = Object.entries(points) as [PointName, Point][];

describe("decision points", () => {
  test.each(all)("%s: every choice of mainline is one of its choices, in ascending order", (_name, point) => {
    for (const [, choice] of point.mainline) expect(Object.keys(point.choices)).toContain(choice);
    const since = point.mainline.map(([release]) => release);
    expect([...since].sort(compareReleases)).toEqual(since);
  });

  test.each(all)("%s: a question, and a line on each choice", (_name, point) => {
    expect(point.question).toMatch(/\?$/);
    for (const { doc } of Object.values(point.choices)) expect(doc.length).toBeGreaterThan(1);
    expect(Object.keys(point.choices).length).toBeGreaterThan(1);
  });

  test("neighbouring entries of a history differ", () => {
    for (const [name, point] of all)
      for (let i = 1; i < point.mainline.length; i++)
        expect(point.mainline[i][1], name).not.toBe(point.mainline[i - 1][1]);
  });

  test("releases compare by number", () => {
    expect(["7.2", "6.12", "6.2", "5.10", "6.1"].sort(compareReleases)).toEqual(["5.10", "6.1", "6.2", "6.12", "7.2"]);
  });

  test("what the releases here chose where buffers are made and mapped", () => {
    const row = (name: PointName): string[] => releases.map((release) => designOf(release)[name]);
    expect(releases).toEqual(["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"]);
    expect(row("udmabuf.mmap")).toEqual([
      "normal-page",
      "normal-page",
      "pfn-per-fault",
      "pfn-all-on-first-fault",
      "pfn-all-on-first-fault",
      "pfn-all-on-first-fault",
    ]);
    expect(row("udmabuf.backing")).toEqual([
      "page-references",
      "page-references",
      "pinned-folios",
      "pinned-folios",
      "pinned-folios",
      "pinned-folios",
    ]);
    expect(row("udmabuf.seal-check")).toEqual(["racy", "racy", "inode-lock", "inode-lock", "inode-lock", "inode-lock"]);
    expect(row("udmabuf.size-limit")).toEqual(["64-MiB", "64-MiB", "64-MiB", "64-MiB", "64-MiB", "int-max"]);
    expect(row("udmabuf.vmap")).toEqual(["none", "none", "folio-heads", "pages", "pages", "pages"]);
    expect(row("system-heap.mmap")).toEqual([
      "fault-page",
      "remap-pfn-range",
      "remap-pfn-range",
      "remap-pfn-range",
      "remap-pfn-range-per-chunk",
      "remap-pfn-range-per-chunk",
    ]);
    expect(row("dma-buf.mount")).toEqual(["exec", "exec", "exec", "exec", "noexec", "noexec"]);
    expect(row("dma-buf.sync-file-ioctls")).toEqual(["absent", "present", "present", "present", "present", "present"]);
    expect(row("dma-buf.sgt-cache")).toEqual(["cached", "cached", "cached", "none", "none", "none"]);
    expect(row("dma-buf.debug")).toEqual(["off", "off", "off", "off", "off", "wrap"]);
    expect(row("dma-buf.mmap-guard")).toEqual(releases.map(() => "none"));
  });

  test.each(all)("%s: what a configuration chooses is one of its choices, in ascending order", (_name, point) => {
    for (const [condition, choices] of point.configured ?? []) {
      expect(condition).toMatch(/^!?[A-Z0-9_]+$/);
      for (const [, choice] of choices) expect(Object.keys(point.choices)).toContain(choice);
      expect(choices.map(([release]) => release).sort(compareReleases)).toEqual(choices.map(([release]) => release));
    }
  });

  test("a kernel's configuration differs from its release only where its options decide otherwise", () => {
    const debian = new Set(["SECRETMEM", "NUMA_BALANCING", "PROC_MEM_ALWAYS_FORCE", "LRU_GEN_ENABLED", "PT_RECLAIM"]);
    expect(configuredDesign("6.12", debian)).toEqual({});
    expect(configuredDesign("6.12", new Set([...debian, "DMABUF_DEBUG"]))).toEqual({ "dma-buf.debug": "mangle" });
    expect(configuredDesign("7.2", new Set([...debian, "DMABUF_DEBUG"]))).toEqual({
      "dma-buf.debug": "wrap",
      "proc-mem.force": "always",
    });
    expect(
      configuredDesign("7.3", new Set(["SECRETMEM", "PROC_MEM_NO_FORCE", "LRU_GEN_ENABLED", "PT_RECLAIM"])),
    ).toEqual({ "dma-buf.debug": "off", "proc-mem.force": "never" });
    expect(configuredDesign("6.12", new Set(["LRU_GEN_ENABLED"]))).toEqual({
      "gup-fast.null-mapping": "leave-longterm-writes",
    });
    expect(configuredDesign("6.1", new Set(["NUMA_BALANCING"]))).toEqual({});
    expect(configuredDesign("6.1", new Set())).toEqual({ "move-pages.walk": "follow-page" });
    expect(configuredDesign("6.18", new Set(["SECRETMEM"]))).toEqual({
      "lru.lazyfree": "cleared",
      "madvise.table-reclaim": "no",
    });
  });

  test("histories: sources for each change, updates of one series each, of known or later versions", () => {
    for (const [name, point] of all) {
      for (const history of [point.mainline, ...(point.configured ?? []).map(([, choices]) => choices)]) {
        for (const [at, [since, , source, stable = {}]] of history.entries()) {
          expect(since, name).toMatch(/^\d+\.\d+(\.\d+)?$/);
          if (at > 0 && history === point.mainline) expect(source, `${name} from ${since}`).toMatch(/^\S.{8,}[^.]$/);
          for (const [series, version] of Object.entries(stable)) {
            expect([name, seriesOf(version), knownAs(version)]).toEqual([name, series, "known"]);
            expect(updateOf(version), name).toBeGreaterThan(0);
          }
        }
      }
    }
  });

  test("an update has what it took, those before it have not, later series wait for mainline", () => {
    const of = (name: PointName) => (version: string) => designOf(version)[name];
    const access = of("generic-access-phys.checks");
    expect(["6.12.0", "6.12.117", "6.13", "6.18", "7.3.3"].map(access)).toEqual(Array(5).fill("none"));
    expect(["6.12.118", "6.12", "6.12.130", "7.3.4", "7.3", "7.4"].map(access)).toEqual(Array(6).fill("io-memory"));
    const activate = of("lru.activate");
    expect(["6.12.0", "6.12.113", "6.12.114", "6.12", "6.13", "6.14"].map(activate)).toEqual([
      "kept",
      "kept",
      "reset",
      "reset",
      "reset",
      "kept",
    ]);
    const differing = (Object.keys(points) as PointName[]).filter(
      (name) => designOf("6.12.117")[name] !== designOf("6.12.118")[name],
    );
    expect(differing).toEqual(["generic-access-phys.checks"]);
  });

  test("a series is its newest known update; outside of what is known is older or newer", () => {
    expect(["6.12", "6.12.7", "5.13", "7.4"].map(versionOf)).toEqual(["6.12.118", "6.12.7", "5.13.0", "7.4.0"]);
    expect(designOf("6.12")).toEqual(designOf("6.12.118"));
    for (const release of releases) expect(knownAs(release)).toBe("known");
    expect(["5.10.0", "5.10.262", "5.13", "6.5.13", "6.12.118", "7.3.4"].map(knownAs)).toEqual(Array(6).fill("known"));
    expect(["6.12.119", "6.5.14", "5.13.1", "7.4", "8.0.1"].map(knownAs)).toEqual(Array(5).fill("newer"));
    expect(["5.9", "5.9.16", "4.19.300", "2.6"].map(knownAs)).toEqual(Array(4).fill("older"));
  });

  test("a configuration is part of a kernel, and a choice given by hand goes before it", () => {
    expect(new Kernel({ release: "6.12", configured: { "dma-buf.debug": "mangle" } }).design["dma-buf.debug"]).toBe(
      "mangle",
    );
    expect(
      new Kernel({ release: "6.12", configured: { "dma-buf.debug": "mangle" }, designs: { "dma-buf.debug": "wrap" } })
        .design["dma-buf.debug"],
    ).toBe("wrap");
  });

  test("an architecture without special entries decides its own point; a choice given by hand wins", () => {
    expect(new Kernel({ arch: "arm" }).design["arch.pte-special"]).toBe("no");
    expect(new Kernel({ arch: "arm64" }).design["arch.pte-special"]).toBe("yes");
    expect(new Kernel({ arch: "arm", designs: { "arch.pte-special": "yes" } }).design["arch.pte-special"]).toBe("yes");
    expect(new Kernel({ designs: { "udmabuf.mmap": "pfn-at-mmap" } }).design["udmabuf.mmap"]).toBe("pfn-at-mmap");
  });
});

describe("the rule book", () => {
  test("ids are unique, lower case, in subjects", () => {
    const ids = ruleBook().map((rule) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+$/);
  });

  test("a rule is one sentence, and names function and file", () => {
    for (const { id, sentence, kernel } of ruleBook()) {
      expect(sentence, id).toMatch(/^\S.{10,}[^.]\.$/);
      const citations = typeof kernel === "string" ? [kernel] : kernel.map(([, citation]) => citation);
      for (const place of citations.flatMap((citation) => citation.split("; ")))
        expect(place, id).toMatch(/^\w[\w, ]*, [\w/-]+\.[chS]( \((proposed|out of tree|up to \d+\.\d+)\))?$/);
    }
  });

  test("a rule's kernel function is that of the release", () => {
    const kernel = [
      ["5.10", "internal_get_user_pages_fast, mm/gup.c"],
      ["6.13", "gup_fast_fallback, mm/gup.c"],
    ] as const;
    expect(["5.4", "6.12.118", "6.13", "6.13.1", "7.3"].map((of) => kernelOf({ kernel }, of).split(",")[0])).toEqual([
      "internal_get_user_pages_fast",
      "internal_get_user_pages_fast",
      "gup_fast_fallback",
      "gup_fast_fallback",
      "gup_fast_fallback",
    ]);
    const updated = [
      ["5.10", "old, mm/gup.c"],
      ["6.12.118", "new, mm/gup.c"],
      ["6.13", "old, mm/gup.c"],
    ] as const;
    expect(["6.12.117", "6.12.118", "6.12", "6.18"].map((of) => kernelOf({ kernel: updated }, of)[0])).toEqual([
      "o",
      "n",
      "n",
      "o",
    ]);
  });

  test("the book is in the order of the ids, each rule with an index of its own", () => {
    const ids = ruleBook().map((rule) => rule.id);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ruleBook().map((rule) => rule.index)).size).toBe(ids.length);
  });
});

describe("printed pages", () => {
  test("every point with its choices, its history and each release's choice", () => {
    const text = designPages()
      .map(([, page]) => page)
      .join("\n");
    for (const [name, point] of all) {
      expect(text).toContain(`## \`${name}\`\n\n${point.question}`);
      for (const choice of Object.keys(point.choices)) expect(text).toContain(`* \`${choice}\`: `);
    }
    expect(text).toContain(
      "Mainline: `normal-page` from 4.20, `pfn-per-fault` from 6.11, `pfn-all-on-first-fault` from 6.13.",
    );
    expect(text).toContain("*Proposed: udmabuf: cancel mmap page fault, direct map it (Huan Yang, August 2024)*");
  });

  test("printing is a pure function", () => {
    expect(designPages()).toEqual(designPages());
  });
});
