/** The index of rules answers for the tests, the evidence and the model that it was made of, and for no others. */
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { corpus, litmap, scratch } from "./command.js";

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
