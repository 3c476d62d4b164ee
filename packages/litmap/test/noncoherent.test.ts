import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { litmap, scratch } from "./command.js";

const decoder = `test decoder
  "Does the CPU see the first frame?"

driver D on pci
m   = memfd_create(1p, seal_shrink)
buf = udmabuf_create(m, 0, 1p)
va  = mmap(buf, 1p, rw, shared)
store(va, 7)
D: at  = attach(buf)
D: sgt = map_attachment(at, from_device)
D: dma_write(sgt, 0, 8)
s   = dma_buf_sync(buf, start|read)
x   = load(va)

expect s == ok
expect x == 8
`;

function file(): string {
  const path = join(scratch(), "decoder.lit");
  writeFileSync(path, decoder);
  return path;
}

describe("litmap run --noncoherent", () => {
  test("a sync in the right place: nothing changes", async () => {
    const { stdout, status } = await litmap(["run", file(), "--noncoherent"]);
    expect(stdout).toBe("0 of 1 test changes where no device snoops the CPU's caches  model 7.3, x86_64\n");
    expect(status).toBe(0);
  });

  test("a missing sync: what x86 does not show, and the claim that it breaks", async () => {
    const { stdout, status } = await litmap(["run", file(), "--noncoherent", "--set", "udmabuf.first-begin=maps"]);
    expect(stdout).toMatch(/^1 of 1 test changes .*udmabuf\.first-begin = maps\n/);
    expect(stdout).toContain("\n  decoder  x  8 → 7\n");
    expect(stdout).toMatch(/\nclaims that hold no longer\n {2}decoder {2}x == 8 {2}line 16\n$/);
    expect(status).toBe(1);
  });

  test("JSON: a line for each test that changes", async () => {
    const { stdout } = await litmap(["run", file(), "--noncoherent", "--json", "--set", "udmabuf.first-begin=maps"]);
    expect(JSON.parse(stdout)).toMatchObject({
      test: "decoder",
      values: { x: { before: 8, after: 7 } },
      claims: [{ text: "x == 8", line: 16 }],
    });
  });

  test("not with kernels", async () => {
    const { stderr, status } = await litmap(["run", file(), "--noncoherent", "--on", "6.12"]);
    expect([status, stderr.split("\n")[0]]).toEqual([2, "litmap: --noncoherent and --on exclude each other"]);
  });
});
