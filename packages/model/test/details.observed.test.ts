/**
 * Answers that no other test looked at: found by mutating the model. Every value was observed on the kernels of the
 * releases named; a value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("small answers", () => {
  test("a private huge page is copied with all that is in it", () => {
    observed(
      `
        m = memfd_create(2M, none, hugetlb)
        va = mmap(m, 2M, rw, private)
        store(va, 5)
        store(va + 1M, 6)
        fork C
        C: store(va, 7)
        C: a = load(va + 1M)
        b = load(va)
        store(va + 1M, 8)
        C: c = load(va + 1M)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 6,
        b: 5,
        c: 6,
      },
    );
  });

  test("a mapping with guards says so in its flags", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        madvise(va, 4K, guard_install)
        a = smaps(va).VmFlags
        madvise(va, 4K, guard_remove)
        b = smaps(va).VmFlags`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {},
      {
        a: {
          "5.10": ["ac", "me", "mr", "mw", "rd", "wr"],
          "6.1": ["ac", "me", "mr", "mw", "rd", "wr"],
          "6.12": ["ac", "me", "mr", "mw", "rd", "wr"],
          "6.18": ["ac", "me", "mr", "mw", "rd", "wr"],
          "7.2": ["ac", "gu", "me", "mr", "mw", "rd", "wr"],
          "7.3": ["ac", "gu", "me", "mr", "mw", "rd", "wr"],
        },
        b: {
          "5.10": ["ac", "me", "mr", "mw", "rd", "wr"],
          "6.1": ["ac", "me", "mr", "mw", "rd", "wr"],
          "6.12": ["ac", "me", "mr", "mw", "rd", "wr"],
          "6.18": ["ac", "me", "mr", "mw", "rd", "wr"],
          "7.2": ["ac", "gu", "me", "mr", "mw", "rd", "wr"],
          "7.3": ["ac", "gu", "me", "mr", "mw", "rd", "wr"],
        },
      },
    );
  });

  test("a pipe can be read when something is in it", () => {
    observed(
      `
        p = pipe()
        va = mmap(anon, 8K, rw, private)
        a = poll(p, in|out)
        write(p, va, 4K)
        b = poll(p, in|out)
        read(p, va, 4K)
        c = poll(p, in|out)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        p: "ok",
        a: [],
        b: ["in"],
        c: [],
      },
    );
  });

  test("writing through /proc/PID/mem makes pages dirty", () => {
    observed(
      `
        m = memfd_create(8K)
        va = mmap(m, 8K, rw, shared)
        x = load(va)
        a = mem_write(va, 4K)
        b = smaps(va).Shared_Dirty
        c = smaps(va).Private_Dirty
        d = smaps(va).Private_Clean`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        x: 0,
        a: 4096,
        b: 0,
        c: 4096,
        d: 0,
      },
    );
  });

  test("mincore of huge pages: mapped here, or only in the file", () => {
    observed(
      `
        m = memfd_create(4M, none, hugetlb)
        va = mmap(m, 4M, rw, shared)
        vb = mmap(m, 4M, rw, shared)
        store(va, 1)
        a = mincore(va, 4M)
        b = mincore(vb, 4M)
        c = mincore(vb + 1M, 8K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 512,
        b: 0,
        c: 0,
      },
    );
  });

  test("msync for nothing but a flag stops at a hole's end", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(m, 16K, rw, shared)
        a = msync(va + 16K, 4K, async)
        b = msync(va + 16K, 4K, none)
        c = msync(va, 20K, async)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOMEM",
        b: "ENOMEM",
        c: "ENOMEM",
      },
    );
  });

  test("a huge mapping registered with a userfaultfd", () => {
    observed(
      `
        m = memfd_create(2M, none, hugetlb)
        va = mmap(m, 2M, rw, shared)
        store(va, 1)
        a = userfaultfd_register(va, 2M, missing)
        b = userfaultfd_register(va, 4K, missing)
        c = userfaultfd_register(va, 2M, wp)
        n = faults { store(va, 2) }
        d = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: "EINVAL",
        d: 2,
      },
      {
        c: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        n: { "5.10": 0, "6.1": 0, "6.12": 1, "6.18": 1, "7.2": 1, "7.3": 1 },
      },
    );
  });

  test("descriptors that are not open", () => {
    observed(
      `
        va = mmap(anon, 4K, rw, private)
        a = dma_buf_sync(77, start|read)
        b = lseek(77, 0, cur)
        c = ftruncate(77, 0)
        d = read(77, va, 4K)
        e = udmabuf_create(77, 0, 4K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EBADF",
        b: "EBADF",
        c: "EBADF",
        d: "EBADF",
        e: "EBADFD",
      },
    );
  });

  test("a freed page's name is taken from the counters of mapped memory", () => {
    observed(
      `
        m = memfd_create(32K)
        va = mmap(m, 32K, rw, shared)
        touch(va, 32K, write)
        a = mincore(va, 32K)
        fork C
        C: munmap(va, 32K)
        b = smaps(va).Private_Dirty
        munmap(va, 32K)
        vb = mmap(m, 32K, r, shared)
        c = load(vb + 4K)
        d = smaps(vb).Private_Dirty`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 8,
        b: 32768,
        c: 1,
        d: 32768,
      },
    );
  });
});
