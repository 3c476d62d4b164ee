/** What a test may use: the machine's memory, and pages that it reaches. However large its numbers, it comes to an end. */
import { describe, expect, test } from "vitest";
import { ask, values } from "./ask.js";

/** Small machines are used up sooner. */
const machine = { memory: 2 ** 24 };
const killed = "out of memory: the OOM killer ends a process";

describe("memory", () => {
  test.each([
    ["shmem by stores", "m = memfd_create(1T)\nva = mmap(m, 1T, rw, shared)\nx = touch(va, 1T, write)"],
    ["shmem by loads", "m = memfd_create(1T)\nva = mmap(m, 1T, rw, shared)\nx = touch(va, 1T, read)"],
    ["shmem by fill", "m = memfd_create(16G)\nva = mmap(m, 16G, rw, shared)\nx = fill(va, 16G, 1)"],
    ["shmem by fallocate", "m = memfd_create(16G)\nx = fallocate(m, allocate, 0, 16G)"],
    ["shmem by populate", "m = memfd_create(1T)\nva = mmap(m, 1T, rw, shared|populate)"],
    ["shmem by mlock", "m = memfd_create(1T)\nva = mmap(m, 1T, rw, shared)\nx = mlock(va, 1T)"],
    ["anonymous memory", "va = mmap(anon, 1T, rw, private|noreserve)\nx = touch(va, 1T, write)"],
    [
      "copies of a file's pages",
      "m = memfd_create(1T)\nva = mmap(m, 1T, rw, private|noreserve)\nx = touch(va, 1T, write)",
    ],
    ["page tables", "va = mmap(anon, 1T, rw, private|noreserve)\nx = madvise(va, 1T, guard_install)"],
    ["the system heap", "x = dma_heap_alloc(system, 64G)"],
    ["a udmabuf", "m = memfd_create(1G, seal_shrink)\nx = udmabuf_create(m, 0, 1G)"],
    ["a shmem object", "driver D on gpu\nD: b = gem_create(1G)\nD: t = gem_get_sg_table(b)"],
  ])("%s: the OOM killer ends a process", (_what, lines) => {
    expect(ask(lines, "7.3", machine)).toMatchObject({
      status: "oops",
      reason: expect.stringContaining("out of memory"),
    });
  });

  test("what was bound before stays; nothing is known of the step that used memory up", () => {
    const prediction = ask(
      "a = dma_heap_alloc(system, 4M)\nm = memfd_create(1G)\nx = fallocate(m, allocate, 0, 1G)\ny = load(0)",
      "7.3",
      machine,
    );
    expect(prediction).toMatchObject({ status: "oops", reason: killed, values: { a: "ok", m: "ok" } });
    expect(Object.keys(prediction.values)).toEqual(["a", "m"]);
  });

  test("a machine has 1 GiB, of which the kernel keeps an eighth", () => {
    expect(ask("a = dma_heap_alloc(system, 850M)").status).toBe("ok");
    expect(ask("a = dma_heap_alloc(system, 900M)").status).toBe("oops");
    expect(ask("a = dma_heap_alloc(system, 600M)\nb = dma_heap_alloc(system, 600M)").status).toBe("oops");
    expect(ask("a = dma_heap_alloc(system, 600M)\nclose(a)\nb = dma_heap_alloc(system, 600M)").status).toBe("ok");
  });

  test("page tables that are freed can be had again", () => {
    const turn = "va = mmap(anon, 512M, rw, private|noreserve)\ntouch(va, 512M, read)\nmunmap(va, 512M)\n";
    const lines = Array.from({ length: 5 }, (_, i) => turn.replaceAll(/\bva\b/g, `v${i}`)).join("");
    expect(ask(lines, "7.3", { memory: 2 ** 21 }).status).toBe("ok");
  });

  test("i915 gives up without the OOM killer: the fault is taken again for ever", () => {
    const lines =
      "d = drm_open(i915)\nh = i915_gem_create(d, 1G)\no = i915_gem_mmap_offset(d, h, wb)\n" +
      "va = mmap(d, 1G, rw, shared, o)\nx = load(va)";
    expect(ask(lines, "7.3", machine)).toMatchObject({
      status: "hang",
      reason: expect.stringContaining("VM_FAULT_OOM"),
    });
  });
});

describe("arrays of a caller's length", () => {
  test.each(["1G", "0xffffffff"])("a list that is repeated %s times is too long", (times) => {
    const lines = `m = memfd_create(4K, seal_shrink)\nx = udmabuf_create_list([[m, 0, 1p]], repeat: ${times})`;
    expect(values(lines).x).toBe("EINVAL");
  });

  const sized = (size: string): string => `driver D on gpu\nD: b = gem_create(${size})\nD: t = gem_get_sg_table(b)`;

  test("kvmalloc refuses more than there is memory, and warns past INT_MAX", () => {
    expect(values(sized("768G")).t).toBe("ENOMEM");
    // An array of more than INT_MAX bytes is for an object that has no room among fake offsets.
    expect(values(sized("1T")).b).toBe("ENOSPC");
    const list = "m = memfd_create(4K, seal_shrink)\nx = udmabuf_create(m, 0, 2T)";
    expect(ask(list)).toMatchObject({
      status: "oops",
      reason: expect.stringContaining("page-alloc/array-too-large"),
    });
  });
});

describe("pages", () => {
  const limited = { pages: 1000 };

  test.each([
    ["loads of zeros", "va = mmap(anon, 1T, rw, private|noreserve)\nx = touch(va, 1T, read)"],
    ["loads of one page again", "va = mmap(anon, 4M, rw, private)\nx = touch(va, 4M, read)"],
    ["mincore", "va = mmap(anon, 1T, rw, private|noreserve)\nx = mincore(va, 1T)"],
    ["populate", "va = mmap(anon, 1T, r, private|noreserve|populate)"],
    ["pins", "va = mmap(anon, 1T, r, private|noreserve)\ndriver D on dma\nD: x = pin_user_pages(va, 64M)"],
  ])("%s: a test that goes through more than it may hangs", (_what, lines) => {
    expect(ask(lines, "7.3", limited)).toMatchObject({ status: "hang", reason: expect.stringContaining("more pages") });
  });

  test("walks pass over what is not mapped", () => {
    const calls = [
      "mprotect(va, 64T, r)",
      "madvise(va, 64T, dontneed)",
      "madvise(va, 64T, cold)",
      "madvise(va, 64T, pageout)",
      "madvise(va, 64T, guard_remove)",
      "mlock(va, 64T, onfault)",
      "munlock(va, 64T)",
      "msync(va, 64T, sync)",
      "mremap(va, 64T, 32T)",
      "smaps(va).Rss",
      "munmap(va, 64T)",
    ].map((call, i) => `x${i} = ${call}`);
    const lines = `va = mmap(anon, 64T, rw, private|noreserve)\nfork C\n${calls.join("\n")}`;
    expect(ask(lines, "7.3", limited)).toMatchObject({ status: "ok", values: { x9: 0, x10: "ok" } });
  });
});
