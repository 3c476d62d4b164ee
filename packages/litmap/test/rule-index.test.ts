/** The index of rules answers for the tests, the evidence and the model that it was made of, and for no others. */
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ruleBook } from "@litmap/model";
import { whyUnproven } from "../src/rule-use.js";
import type { RuleUse } from "../src/rule-use.js";
import { corpus, litmap, root, scratch } from "./command.js";

const rule = "gup/vma-pfnmap";

function ours() {
  const folder = scratch();
  cpSync(corpus, join(folder, "corpus"), { recursive: true });
  const env = {
    LITMAP_CORPUS: join(folder, "corpus"),
    LITMAP_EVIDENCE: join(folder, "evidence"),
    LITMAP_CACHE: join(folder, "cache"),
  };
  const tests = async () => (await litmap(["rules", rule], { env })).stdout.split("  tests\n")[1]?.trim();
  const kept = () =>
    readdirSync(join(folder, "cache", "rule-index")).map((name) => join(folder, "cache", "rule-index", name));
  return { folder, tests, kept };
}

describe("litmap rules ID", () => {
  test("makes an index of a corpus of the user's own once, and reads it from then on", async () => {
    const { tests, kept } = ours();
    expect(await tests()).toBe("direct-io-system-heap");
    const [index, ...others] = kept();
    expect(others).toEqual([]);
    writeFileSync(index, readFileSync(index, "utf8").replaceAll("direct-io-system-heap", "read-from-the-index"));
    expect(await tests()).toBe("read-from-the-index");
  });

  test("does not use it when a test was added or changed", async () => {
    const { folder, tests, kept } = ours();
    await tests();
    const path = join(folder, "corpus", "gup", "direct-io-system-heap.lit");
    const text = readFileSync(path, "utf8");
    writeFileSync(join(folder, "corpus", "gup", "another.lit"), text.replace(/^test \S+/m, "test another"));
    expect(await tests()).toBe("another direct-io-system-heap");
    writeFileSync(path, text.replace("dma_heap_alloc(system, 64K)", "memfd_create(64K)"));
    expect(await tests()).toBe("another");
    expect(kept()).toHaveLength(3);
  });

  test("does not use one of other evidence, or one whose first line is another's", async () => {
    const { folder, tests, kept } = ours();
    await tests();
    const [index] = kept();
    writeFileSync(index, readFileSync(index, "utf8").replace(/"of":"./, '"of":"-'));
    expect(await tests()).toBe("direct-io-system-heap");
    expect(readFileSync(index, "utf8")).not.toContain('"of":"-');
    mkdirSync(join(folder, "evidence"));
    writeFileSync(join(folder, "evidence", "6.12.ndjson"), "{}\n");
    await tests();
    expect(kept()).toHaveLength(2);
  });
});

describe("what is unproven", () => {
  const lines = readFileSync(join(root, "docs", "rule-index.ndjson"), "utf8")
    .trim()
    .split("\n")
    .slice(1);
  const uses = new Map<string, RuleUse>(lines.map((line) => JSON.parse(line)).map((use) => [use.rule, use]));

  test("no rule says that no kernel can show it where one has", () => {
    const shown = ruleBook().filter(({ id, unproven }) => unproven !== undefined && uses.get(id)?.kernels.length);
    expect(shown.map(({ id }) => id)).toEqual([]);
  });

  test("follows from the recorded kernels; a rule's own reason comes first", () => {
    const use = { tests: ["t"], releases: ["6.12"], kernels: [] };
    expect(whyUnproven({}, { ...use, kernels: ["6.12"] })).toBeUndefined();
    expect(whyUnproven({}, use)).toBe("no recorded kernel has run its tests.");
    expect(whyUnproven({}, { ...use, tests: [] })).toBe("no test reaches it.");
    expect(whyUnproven({ unproven: "QEMU has no Mali GPU." }, use)).toBe("QEMU has no Mali GPU.");
  });
});
