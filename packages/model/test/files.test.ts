/** Disk, pipes and tmpfs files: what read and write check, how far they get, where the bytes go. */
import { describe, expect, test } from "vitest";
import { ask, values } from "./ask.js";

const hole = `
va = mmap(anon, 16K, rw, private)
touch(va, 16K, write)
munmap(va + 8K, 4K)`;

/** Only the named results, in order. */
function pick(lines: string, names: string, release = "7.3"): unknown[] {
  const all = values(lines, release);
  return names.split(" ").map((name) => all[name]);
}

describe("what a transfer checks before the file is asked", () => {
  test("descriptor, mode, method, position, memory", () => {
    expect(
      pick(
        `va = mmap(anon, 4K, rw, private)
         a = read(99, va, 4K)
         h = dma_heap_alloc(system, 4K)
         b = read(h, va, 4K)
         c = write(h, va, 4K)
         d = pread(h, va, 4K, 0)
         f = open_file(4K)
         e = pread(f, va, 4K, 0xffffffffffffffff)
         g = read(f, 0xffffffffff000000, 4K)
         i = pread(99, va, 4K, 0xffffffffffffffff)
         m = memfd_create(4K)
         r = reopen(m, r)
         j = write(r, va, 4K)
         w = reopen(m, w)
         k = read(w, va, 4K)`,
        "a b c d e g i j k",
      ),
    ).toEqual(["EBADF", "EINVAL", "EINVAL", "ESPIPE", "EINVAL", "EFAULT", "EINVAL", "EBADF", "EBADF"]);
  });

  test("seeking and syncing", () => {
    expect(
      pick(
        `f = open_file(8K)
         a = lseek(f, 0, end)
         b = lseek(f, -100, cur)
         c = lseek(f, -1, set)
         d = lseek(f, 17M, set)
         disk = open_disk(direct)
         e = lseek(disk, 0, end)
         g = lseek(disk, 17M, set)
         p = pipe()
         h = lseek(p, 0, set)
         i = fsync(p)
         j = fsync(disk)
         k = fsync(f)
         b1 = dma_heap_alloc(system, 4K)
         l = fsync(b1)
         m = lseek(99, 0, set)`,
        "a b c d e g h i j k l m",
      ),
    ).toEqual([
      8192,
      8092,
      "EINVAL",
      17 * 2 ** 20,
      16 * 2 ** 20,
      "EINVAL",
      "ESPIPE",
      "EINVAL",
      "ok",
      "ok",
      "EINVAL",
      "EBADF",
    ]);
  });
});

describe("tmpfs files", () => {
  test("bytes come back, also through a mapping, and positions move", () => {
    expect(
      pick(
        `f = open_file(0)
         va = mmap(anon, 8K, rw, private)
         fill(va, 8K, 0x22)
         a = write(f, va + 10, 5000)
         b = lseek(f, 0, cur)
         c = pread(f, va, 8K, 0)
         v = mmap(f, 8K, rw, shared)
         d = load(v + 4996)
         e = load(v + 5000)
         store(v, 0x01020304)
         g = pread(f, va, 4, 0)
         h = load(va)`,
        "a b c d e g h",
      ),
    ).toEqual([5000, 5000, 5000, 0x22222222, 0, 4, 0x01020304]);
  });

  test("a transfer ends at memory that cannot be reached, to the byte", () => {
    expect(
      pick(
        `${hole}
         f = open_file(16K)
         a = pwrite(f, va + 6000, 8K, 0)
         b = pread(f, va + 6000, 8K, 0)
         c = pwrite(f, va + 8K, 4K, 0)
         d = pread(f, va + 8K, 4K, 0)
         e = pread(f, va, 4K, 16K)
         g = pread(f, va + 8K, 4K, 16K)
         h = pread(f, va, 16K, 12K)`,
        "a b c d e g h",
      ),
    ).toEqual([2192, 2192, "EFAULT", "EFAULT", 0, 0, 4096]);
  });

  test("reading a hole leaves it one; writing takes a page", () => {
    const lines = `
      f = open_file(64K)
      va = mmap(anon, 64K, rw, private)
      a = pread(f, va, 64K, 0)
      i = meminfo()
      b = pwrite(f, va, 4K, 8K)
      j = meminfo()`;
    expect(pick(lines, "a i.Shmem b j.Shmem")).toEqual([65536, 0, 4096, 4096]);
  });

  test("a write whose source faults allocates its page first from 6.15 on", () => {
    const lines = `${hole}
      f = open_file(0)
      a = pwrite(f, va + 8K, 4K, 20K)
      s = meminfo()
      b = lseek(f, 0, end)`;
    expect(pick(lines, "a s.Shmem b", "6.12")).toEqual(["EFAULT", 0, 0]);
    expect(pick(lines, "a s.Shmem b", "7.2")).toEqual(["EFAULT", 4096, 20480]);
  });

  test("the seal against growing refuses a write across the end as a whole on 6.12 and 7.x, and page by page on 6.18", () => {
    const lines = `
      m = memfd_create(8K, seal_grow)
      va = mmap(anon, 16K, rw, private)
      a = pwrite(m, va, 8K, 0)
      n = faults { b = pwrite(m, va + 8K, 8K, 4K) }
      c = pwrite(m, va, 4K, 8K)
      d = pwrite(m, va, 4K, 6K)`;
    expect(pick(lines, "a b n c d", "6.1")).toEqual([8192, 4096, 2, "EPERM", 2048]);
    expect(pick(lines, "a b n c d", "6.12")).toEqual([8192, "EPERM", 2, "EPERM", "EPERM"]);
    expect(pick(lines, "a b n c d", "6.18")).toEqual([8192, 4096, 1, "EPERM", 2048]);
    expect(pick(lines, "a b n c d", "7.2")).toEqual([8192, "EPERM", 0, "EPERM", "EPERM"]);
  });

  test("seals against writing", () => {
    expect(
      pick(
        `va = mmap(anon, 16K, rw, private)
         w = memfd_create(8K, seal_write)
         e = pwrite(w, va, 4K, 0)
         u = memfd_create(8K, seal_future_write)
         f = pwrite(u, va, 4K, 0)
         g = pread(u, va, 8K, 0)`,
        "e f g",
      ),
    ).toEqual(["EPERM", "EPERM", 8192]);
  });

  test("hugetlb memfds can be read and not written by descriptor", () => {
    expect(
      pick(
        `m = memfd_create(2M, none, hugetlb)
         hv = mmap(m, 2M, rw, shared)
         store(hv + 1M, 0x77)
         va = mmap(anon, 4K, rw, private)
         a = pread(m, va, 4K, 1M)
         b = load(va)
         c = pwrite(m, va, 4K, 0)
         d = pread(m, va, 4K, 2M)`,
        "a b c d",
      ),
    ).toEqual([4096, 0x77, "EINVAL", 0]);
  });
});

describe("the disk", () => {
  test("what direct I/O wrote is what it reads, into the pages themselves", () => {
    expect(
      pick(
        `disk = open_disk(direct)
         m = memfd_create(8K)
         va = mmap(m, 8K, rw, shared)
         fill(va, 8K, 0x5a)
         a = pwrite(disk, va, 8K, 4K)
         fill(va, 8K, 0)
         b = pread(disk, va + 4K, 4K, 8K)
         c = load(va)
         d = load(va + 4K)
         other = open_disk(buffered)
         e = pread(other, va, 512, 4K)
         f = load(va)`,
        "a b c d e f",
      ),
    ).toEqual([8192, 4096, 0, 0x5a5a5a5a, 512, 0x5a5a5a5a]);
  });

  test("alignment of offset, length and memory", () => {
    expect(
      pick(
        `disk = open_disk(direct)
         va = mmap(anon, 16K, rw, private)
         a = pwrite(disk, va + 512, 512, 512)
         b = pwrite(disk, va + 4, 512, 0)
         c = pwrite(disk, va, 100, 0)
         d = pwrite(disk, va, 512, 100)
         e = pread(disk, va + 256, 512, 0)
         f = pread(disk, va, 0, 100)`,
        "a b c d e f",
        "6.12",
      ),
    ).toEqual([512, "EINVAL", "EINVAL", "EINVAL", "EINVAL", 0]);
  });

  test("6.18 does not look at the memory's alignment", () => {
    const lines = `
      disk = open_disk(direct)
      va = mmap(anon, 16K, rw, private)
      a = pwrite(disk, va + 4, 512, 0)
      b = pread(disk, va + 256, 512, 0)
      c = pwrite(disk, va + 4, 4K, 0)
      d = pread(disk, va + 3840, 512, 0)
      e = pwrite(disk, va, 100, 0)
      munmap(va + 4K, 4K)
      f = pwrite(disk, va + 3072 + 4, 2K, 0)
      g = pwrite(disk, va + 3840, 512, 0)`;
    expect(pick(lines, "a b c d e f g", "6.18")).toEqual([512, 512, 4096, 512, "EINVAL", 1020, "EFAULT"]);
    expect(pick(lines, "a b c d e f g", "7.2")).toEqual([
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
    ]);
  });

  test("the end: cut, nothing, ENOSPC; before alignment", () => {
    const lines = (mode: string) => `
      disk = open_disk(${mode})
      va = mmap(anon, 16K, rw, private)
      a = pread(disk, va, 8K, 16773120)
      b = pwrite(disk, va, 8K, 16773120)
      c = pread(disk, va, 4K, 16M)
      d = pwrite(disk, va, 4K, 16M)
      e = pwrite(disk, va, 100, 17M)
      f = pwrite(disk, va, 0, 17M)`;
    for (const mode of ["direct", "buffered"]) {
      expect(pick(lines(mode), "a b c d e f")).toEqual([4096, 4096, 0, "ENOSPC", "ENOSPC", 0]);
    }
  });

  test("direct I/O gives what it could reference, and leaves the rest to the page cache", () => {
    const lines = `
      disk = open_disk(direct)
      ${hole}
      a = pwrite(disk, va, 16K, 0)
      m = memfd_create(4K, seal_shrink)
      buf = udmabuf_create(m, 0, 4K)
      vb = mmap(buf, 4K, rw, shared, 0, va + 8K)
      b = pwrite(disk, va, 16K, 0)
      c = pread(disk, va, 16K, 0)
      d = pwrite(disk, vb, 8K, 0)
      e = pread(disk, vb, 8K, 0)`;
    expect(pick(lines, "a b c d e", "6.12")).toEqual([8192, 16384, 16384, "EFAULT", "EFAULT"]);
    expect(ask(lines, "6.12").rules).toContain("disk/buffered-rest");
    expect(pick(lines.replaceAll("udmabuf_create(m, 0, 4K)", "udmabuf_create(m, 0, 4K)"), "b d", "6.1")).toEqual([
      16384, 8192,
    ]);
  });

  test("more than 256 pages: a page that cannot be referenced fails it all", () => {
    const lines = `
      disk = open_disk(direct)
      va = mmap(anon, 2M, rw, private)
      munmap(va + 1536K, 4K)
      a = pwrite(disk, va, 2M, 0)
      b = pwrite(disk, va, 1M, 0)
      c = pwrite(disk, va + 1M, 1M, 0)
      d = io_uring_write(disk, va, 2M, 0)
      e = io_uring_write(disk, va + 1M, 1M, 0)`;
    expect(pick(lines, "a b c d e", "6.12")).toEqual(["EFAULT", 1048576, 524288, "EIO", 524288]);
  });

  test("reading into memory wants to write it", () => {
    const lines = `
      disk = open_disk(direct)
      ro = mmap(anon, 8K, r, private)
      a = pread(disk, ro, 8K, 0)
      b = pwrite(disk, ro, 8K, 0)
      va = mmap(anon, 8K, rw, private)
      n = faults { c = pread(disk, va, 8K, 0) }
      s = smaps(va)`;
    expect(pick(lines, "a b c n s.Private_Dirty s.Rss")).toEqual(["EFAULT", 8192, 8192, 2, 8192, 8192]);
  });

  test("buffered I/O copies, whatever the memory is", () => {
    expect(
      pick(
        `disk = open_disk(buffered)
         buf = dma_heap_alloc(system, 8K)
         va = mmap(buf, 8K, rw, shared)
         store(va + 4K, 0x99)
         a = pwrite(disk, va + 4K, 4, 77)
         b = pread(disk, va, 100, 77)
         c = load(va)
         d = write(disk, va, 4K)
         e = read(disk, va, 4K)`,
        "a b c d e",
      ),
    ).toEqual([4, 100, 0x99, 4096, 4096]);
  });
});

describe("pipes", () => {
  test("sixteen buffers of a page; a part of a page joins the last", () => {
    expect(
      pick(
        `p = pipe()
         va = mmap(anon, 128K, rw, private)
         a = read(p, va, 4K)
         b = write(p, va, 100)
         c = write(p, va, 4K)
         d = read(p, va, 50)
         e = write(p, va, 128K)
         f = write(p, va, 1)
         g = read(p, va, 128K)
         h = read(p, va, 1)
         i = write(p, va, 0)`,
        "a b c d e f g h i",
      ),
    ).toEqual(["EAGAIN", 100, 4096, 50, 57344, "EAGAIN", 61490, "EAGAIN", 0]);
  });

  test("a copy that faults drops its buffer; what came before it stays", () => {
    for (const release of ["6.12", "6.18"]) {
      expect(
        pick(
          `${hole}
           p = pipe()
           a = write(p, va, 16K)
           b = write(p, va + 8K, 4K)
           c = write(p, va + 6K, 4K)
           d = write(p, va + 12K, 100)
           e = write(p, va + 8100, 200)
           f = read(p, va, 5000)
           g = read(p, va + 8K, 100)
           h = read(p, va + 8000, 1000)
           i = read(p, va, 8K)
           j = read(p, va, 8K)`,
          "a b c d e f g h i j",
          release,
        ),
      ).toEqual([8192, "EFAULT", "EFAULT", 100, "EFAULT", 5000, "EFAULT", "EFAULT", 3292, "EAGAIN"]);
    }
  });

  test("up to 6.14 a faulting write uses up a buffer", () => {
    const lines = `
      p = pipe()
      va = mmap(anon, 64K, rw, private)
      no = mmap(anon, 4K, none, private)
      a = write(p, va, 56K)
      b = write(p, no, 4K)
      c = write(p, va, 8K)`;
    expect(pick(lines, "a b c", "6.12")).toEqual([57344, "EFAULT", 4096]);
    expect(pick(lines, "a b c", "7.2")).toEqual([57344, "EFAULT", 8192]);
  });

  test("a pipe carries bytes, and pages that were spliced keep theirs until they are read", () => {
    expect(
      pick(
        `p = pipe()
         va = mmap(anon, 8K, rw, private)
         store(va, 0x11)
         a = write(p, va, 8)
         store(va, 0x22)
         b = read(p, va + 4K, 8)
         c = load(va + 4K)`,
        "a b c",
      ),
    ).toEqual([8, 8, 0x11]);
  });
});
