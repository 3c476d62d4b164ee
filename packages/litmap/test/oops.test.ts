/** Where a kernel stopped, from its own words, against the rule by which the model did. */
import { describe, expect, test } from "vitest";
import { predict } from "@litmap/model";
import { readTest, selectFiles } from "../src/corpus.js";
import { readEvidence } from "../src/evidence.js";
import { matchOops, placeOf } from "../src/oops.js";

const trace = (...functions: string[]): string =>
  functions.map((name) => ` ${name}+0x12/0x340 [some_module]`).join("\n");

describe("the place that a kernel's messages name", () => {
  test.each([
    [
      "WARNING: CPU: 0 PID: 80 at mm/gup.c:2625 is_valid_gup_args+0x5f/0xf0",
      { file: "mm/gup.c", functions: ["is_valid_gup_args"] },
    ],
    [
      "WARNING: drivers/dma-buf/dma-buf.c:1059 at dma_buf_pin+0x40/0x60, CPU#1: init/80",
      { file: "drivers/dma-buf/dma-buf.c", functions: ["dma_buf_pin"] },
    ],
    [
      "WARNING: CPU: 0 PID: 80 at /build/linux/./include/linux/mm.h:9 f.isra.0+0x1/0x2",
      { file: "include/linux/mm.h", functions: ["f"] },
    ],
    ["WARNING: CPU: 1 PID: 7 at dma_buf_pin+0x40/0x60", { functions: ["dma_buf_pin"] }],
    ["kernel BUG at mm/memory.c:2224!", { file: "mm/memory.c", functions: [] }],
    ["BUG: unable to handle page fault for address: ffffffffffffffe6", { functions: [] }],
    ["the kernel tainted itself: warning (W)", { functions: [] }],
  ])("%s", (reason, place) => expect(placeOf(reason)).toEqual(place));

  test("the trace below it, on each architecture, without what came before", () => {
    const reason = "kernel BUG at mm/memory.c:2224!";
    const log = (pointer: string): string =>
      `[    1.0] before_it+0x1/0x2\n[    2.000] ${reason}\n[    2.000][   T80] ${pointer}\n[    2.0]  <TASK>\n` +
      trace("insert_pages", "? vm_insert_pages.cold")
        .split("\n")
        .map((line) => `[    2.0] ${line}`)
        .join("\n");
    const functions = ["insert_page_into_pte_locked", "insert_pages", "vm_insert_pages"];
    for (const pointer of [
      "RIP: 0010:insert_page_into_pte_locked+0x1/0x2",
      "pc : insert_page_into_pte_locked+0x1/0x2",
      "PC is at insert_page_into_pte_locked+0x1/0x2",
    ])
      expect(placeOf(reason, log(pointer))).toEqual({ file: "mm/memory.c", functions });
  });
});

describe("a rule against the place", () => {
  const told = "dma-buf/pin-static: virtio-gpu";
  const warning = (place: string) => ({ reason: `WARNING: CPU: 0 PID: 80 at ${place}`, log: "" });

  test("the function, the file of an inlined one, another place, or nothing to go by", () => {
    expect(matchOops(warning("drivers/dma-buf/dma-buf.c:1059 dma_buf_pin+0x1/0x2"), told, "6.12")).toBe("function");
    expect(matchOops(warning("drivers/dma-buf/dma-buf.c:9 dma_buf_other+0x1/0x2"), told, "6.12")).toBe("file");
    expect(matchOops(warning("mm/gup.c:2625 is_valid_gup_args+0x1/0x2"), told, "6.12")).toBe("other");
    expect(matchOops({ reason: "Oops: 0000 [#1]" }, told, "6.12")).toBe("fact");
    expect(matchOops(warning("mm/gup.c:2625 f+0x1/0x2"), "a page was freed twice", "6.12")).toBe("fact");
    const inHeader = warning("include/linux/mm.h:9 helper+0x1/0x2");
    expect(matchOops({ ...inHeader, log: `${inHeader.reason}\n${trace("dma_buf_pin", "ioctl")}` }, told, "6.12")).toBe(
      "function",
    );
  });

  test("no recorded oops is at another place than the model's", () => {
    const files = new Map(selectFiles([]).map((path) => [path.replace(/^.*\/|\.lit$/g, ""), path]));
    const matches = readEvidence().flatMap(({ kernel, tests }) =>
      [...tests.values()]
        .filter((witness) => witness.status === "oops" && files.has(witness.test))
        .flatMap((witness) => {
          const found = readTest(files.get(witness.test)!).test!;
          const { status, reason } = predict(found, {
            release: kernel.release,
            arch: kernel.arch,
            configured: kernel.configured,
          });
          return status === "oops" ? [[witness.test, matchOops(witness, reason, kernel.release)]] : [];
        }),
    );
    expect(matches.length).toBeGreaterThan(0);
    expect(matches.filter(([, match]) => match === "other")).toEqual([]);
  });
});
