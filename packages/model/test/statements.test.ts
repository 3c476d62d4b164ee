/**
 * The testable statements of kernel-facts, chapter 11, that concern memory, dma-bufs, the
 * system heap and udmabuf: number by number, on the releases that each speaks of.
 */
import { describe, expect, test } from "vitest";
import { values } from "./ask.js";

interface Statement {
  readonly says: string;
  readonly lines: string;
  /** What is bound to names, by release; a name that is not given does not matter. */
  readonly on: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const modern = ["6.12", "6.18", "7.2", "7.3"];
const all = ["6.1", ...modern];

/** The same on several releases. */
function same(releases: readonly string[], expected: Readonly<Record<string, unknown>>): Statement["on"] {
  return Object.fromEntries(releases.map((release) => [release, expected]));
}

const heap = "b = dma_heap_alloc(system, 64K)\nva = mmap(b, 64K, rw, shared)\ntouch(va, 64K, write)\n";
const ubuf = "m = memfd_create(64K, seal_shrink)\nb = udmabuf_create(m, 0, 64K)\nva = mmap(b, 64K, rw, shared)\n";

const statements: Readonly<Record<string, Statement>> = {
  5: {
    says: "process_vm_readv on a system-heap mapping is EFAULT",
    lines: `${heap}x = process_vm_readv(va, 4K)`,
    on: same(modern, { x: "EFAULT" }),
  },
  6: {
    says: "process_vm_writev too",
    lines: `${heap}x = process_vm_writev(va, 4K)`,
    on: same(modern, { x: "EFAULT" }),
  },
  7: {
    says: "/proc/self/mem gives EIO both ways",
    lines: `${heap}x = mem_read(va, 4K)\ny = mem_write(va, 4K)`,
    on: same(modern, { x: "EIO", y: "EIO" }),
  },
  8: {
    says: "PEEKDATA in a child that inherited it is EIO",
    lines: `${heap}fork C\nx = ptrace_peek(va, C)`,
    on: same(modern, { x: "EIO" }),
  },
  9: {
    says: "O_DIRECT from it and into it is EFAULT",
    lines: `${heap}disk = open_disk(direct)\nx = pwrite(disk, va, 4K, 0)\ny = pread(disk, va, 4K, 0)`,
    on: same(modern, { x: "EFAULT", y: "EFAULT" }),
  },
  10: {
    says: "buffered read and write work",
    lines: `${heap}f = open_file()\nx = pwrite(f, va, 4K, 0)\ny = pread(f, va + 4K, 4K, 0)`,
    on: same(modern, { x: 4096, y: 4096 }),
  },
  11: { says: "vmsplice is EFAULT", lines: `${heap}x = vmsplice(va, 4K)`, on: same(modern, { x: "EFAULT" }) },
  12: {
    says: "io_uring buffers: EFAULT",
    lines: `${heap}x = io_uring_register_buffers(va, 4K)`,
    on: same(modern, { x: "EFAULT" }),
  },
  13: {
    says: "a shared futex cannot be keyed, a private one can",
    lines: `${heap}x = futex_wait(va, shared)\ny = futex_wait(va, private)`,
    on: same(modern, { x: "EFAULT", y: "ETIMEDOUT" }),
  },
  14: {
    says: "mlock returns 0 and locks nothing",
    lines: `${heap}x = mlock(va, 64K)\ns = smaps(va)\nt = status()`,
    on: same(all, { x: "ok", "s.Locked": 0, "t.VmLck": 0 }),
  },
  15: {
    says: "MADV_DONTNEED is EINVAL",
    lines: `${heap}x = madvise(va, 64K, dontneed)`,
    on: same(modern, { x: "EINVAL" }),
  },
  16: {
    says: "COLD, PAGEOUT and FREE are EINVAL",
    lines: `${heap}x = madvise(va, 4K, cold)\ny = madvise(va, 4K, pageout)\nz = madvise(va, 4K, free)`,
    on: same(modern, { x: "EINVAL", y: "EINVAL", z: "EINVAL" }),
  },
  17: {
    says: "POPULATE_READ and _WRITE are EINVAL",
    lines: `${heap}x = madvise(va, 4K, populate_read)\ny = madvise(va, 4K, populate_write)`,
    on: same(modern, { x: "EINVAL", y: "EINVAL" }),
  },
  18: {
    says: "DODUMP is EINVAL, DONTDUMP 0",
    lines: `${heap}x = madvise(va, 64K, dodump)\ny = madvise(va, 64K, dontdump)`,
    on: same(all, { x: "EINVAL", y: "ok" }),
  },
  19: {
    says: "DONTFORK cannot be undone",
    lines: `${heap}x = madvise(va, 64K, dontfork)\ny = madvise(va, 64K, dofork)`,
    on: same(modern, { x: "ok", y: "EINVAL" }),
  },
  20: { says: "MADV_REMOVE is ENODEV", lines: `${heap}x = madvise(va, 4K, remove)`, on: same(modern, { x: "ENODEV" }) },
  21: {
    says: "WIPEONFORK EINVAL, KEEPONFORK 0",
    lines: `${heap}x = madvise(va, 64K, wipeonfork)\ny = madvise(va, 64K, keeponfork)`,
    on: same(modern, { x: "EINVAL", y: "ok" }),
  },
  22: {
    says: "HUGEPAGE and MERGEABLE 0, COLLAPSE EINVAL",
    lines: `${heap}x = madvise(va, 64K, hugepage)\ny = madvise(va, 64K, mergeable)\nz = madvise(va, 64K, collapse)`,
    on: same(modern, { x: "ok", y: "ok", z: "EINVAL" }),
  },
  23: {
    says: "GUARD_INSTALL is EINVAL",
    lines: `${heap}x = madvise(va, 4K, guard_install)`,
    on: same(all, { x: "EINVAL" }),
  },
  24: {
    says: "growing is EFAULT, in place and by moving",
    lines: `${heap}x = mremap(va, 64K, 128K, maymove)\ny = mremap(va, 64K, 128K, none)`,
    on: same(modern, { x: "EFAULT", y: "EFAULT" }),
  },
  25: {
    says: "duplicating by an old length of 0 is EFAULT",
    lines: `${heap}x = mremap(va, 0, 64K, maymove)`,
    on: same(modern, { x: "EFAULT" }),
  },
  26: {
    says: "DONTUNMAP is EINVAL",
    lines: `${heap}x = mremap(va, 64K, 64K, maymove|dontunmap)`,
    on: same(modern, { x: "EINVAL" }),
  },
  27: {
    says: "a move keeps the bytes without a fault handler",
    lines:
      `${heap}store(va + 4K, 0x55)\nspot = mmap(anon, 64K, rw, private)\n` +
      "w = mremap(va, 64K, 64K, maymove|fixed, spot)\nn = faults { x = load(w + 4K) }\ny = load(va)",
    on: same(modern, { w: "ok", x: 0x55, n: 0, y: "SIGSEGV" }),
  },
  28: {
    says: "shrinking and a hole work; the neighbours stay usable",
    lines:
      `${heap}store(va + 8K, 7)\np = munmap(va + 4K, 4K)\nx = load(va + 8K)\n` +
      "q = mremap(va + 8K, 56K, 8K, maymove)\ny = load(va + 12K)\nz = load(va + 16K)",
    on: same(all, { p: "ok", x: 7, q: "ok", y: 3, z: "SIGSEGV" }),
  },
  29: {
    says: "a split is for good: a move across it is EFAULT",
    lines: `${heap}mprotect(va, 4K, r)\nmprotect(va, 4K, rw)\nx = mremap(va, 64K, 32K, maymove)\ns = maps(va)`,
    on: same(modern, { "s.length": 4096 }),
  },
  30: {
    says: "two private pages of four: EINVAL on 6.12",
    lines: "b = dma_heap_alloc(system, 4p)\nx = mmap(b, 2p, rw, private)",
    on: same(["6.12", "6.18"], { x: "EINVAL" }),
  },
  31: {
    says: "one private page works, for reading too",
    lines: "b = dma_heap_alloc(system, 4p)\nx = mmap(b, 1p, rw, private)\ny = mmap(b, 1p, r, private)",
    on: same(modern, { x: "ok", y: "ok" }),
  },
  32: {
    says: "a private mapping of a whole 64 KiB or 1 MiB buffer: EINVAL before 7.x, allowed since",
    lines:
      "b = dma_heap_alloc(system, 16p)\nx = mmap(b, 16p, rw, private)\nc = dma_heap_alloc(system, 256p)\n" +
      "y = mmap(c, 256p, rw, private)",
    on: { ...same(["6.12", "6.18"], { x: "EINVAL", y: "EINVAL" }), ...same(["7.2", "7.3"], { x: "ok", y: "ok" }) },
  },
  33: {
    says: "17, 257 and 512 private pages: EINVAL everywhere",
    lines:
      "a = dma_heap_alloc(system, 17p)\nx = mmap(a, 17p, rw, private)\nb = dma_heap_alloc(system, 257p)\n" +
      "y = mmap(b, 257p, rw, private)\nc = dma_heap_alloc(system, 512p)\nz = mmap(c, 512p, rw, private)",
    on: same(modern, { x: "EINVAL", y: "EINVAL", z: "EINVAL" }),
  },
  35: {
    says: "a private copy is in smaps (6.1: not), never in pagemap",
    lines:
      "b = dma_heap_alloc(system, 1p)\nva = mmap(b, 1p, rw, private)\nstore(va, 1)\ns = smaps(va)\np = pagemap(va)",
    on: {
      "6.1": { "s.Rss": 0, "s.Anonymous": 0, "p.present": 0 },
      ...same(modern, { "s.Rss": 4096, "s.Anonymous": 4096, "p.present": 0 }),
    },
  },
  36: {
    says: "and process_vm_readv of it is still EFAULT",
    lines: "b = dma_heap_alloc(system, 1p)\nva = mmap(b, 1p, rw, private)\nstore(va, 1)\nx = process_vm_readv(va, 16)",
    on: same(modern, { x: "EFAULT" }),
  },
  37: {
    says: "a fork sees the bytes, and its writes are shared",
    lines: `${heap}store(va, 5)\nfork C\nC: x = load(va)\nC: store(va, 6)\ny = load(va)`,
    on: same(modern, { x: 5, y: 6 }),
  },
  38: {
    says: "DONTFORK leaves nothing in the child",
    lines: `${heap}madvise(va, 64K, dontfork)\nfork C\nC: x = load(va)`,
    on: same(all, { x: "SIGSEGV" }),
  },
  39: {
    says: "mincore of a touched page: 0 up to 7.2, 1 on 7.3",
    lines: `${heap}x = mincore(va, 64K)`,
    on: { ...same(["6.12", "6.18", "7.2"], { x: 0 }), "7.3": { x: 16 } },
  },
  40: {
    says: "pagemap shows nothing",
    lines: `${heap}p = pagemap(va)`,
    on: same(all, { "p.present": 0, "p.file": 0, "p.exclusive": 0, "p.mapcount": 0 }),
  },
  41: {
    says: "move_pages asks in vain: EFAULT on 6.1, ENOENT since",
    lines: `${heap}x = move_pages(va)`,
    on: { "6.1": { x: "EFAULT" }, ...same(modern, { x: "ENOENT" }) },
  },
  42: { says: "and moves nothing: EFAULT", lines: `${heap}x = move_pages(va, node0)`, on: same(all, { x: "EFAULT" }) },
  43: {
    says: "mbind returns 0, with STRICT and MOVE too",
    lines: `${heap}x = mbind(va, 64K, bind)\ny = mbind(va, 64K, bind, strict|move)`,
    on: same(all, { x: "ok", y: "ok" }),
  },
  44: {
    says: "get_mempolicy of the page: EFAULT",
    lines: `${heap}x = get_mempolicy(va)`,
    on: same(all, { x: "EFAULT" }),
  },
  45: {
    says: "msync: EINVAL",
    lines: `${heap}x = msync(va, 64K, sync)\ny = msync(va, 64K, sync|invalidate)`,
    on: same(modern, { x: "EINVAL", y: "EINVAL" }),
  },
  46: {
    says: "userfaultfd registers none of it",
    lines:
      `${heap}x = userfaultfd_register(va, 64K, missing)\ny = userfaultfd_register(va, 64K, wp)\n` +
      "z = userfaultfd_register(va, 64K, minor)",
    on: same(all, { x: "EINVAL", y: "EINVAL", z: "EINVAL" }),
  },
  47: {
    says: "mprotect to reading and back needs no fault",
    lines:
      `${heap}mprotect(va, 4K, r)\nx = store(va, 1)\nmprotect(va, 4K, rw)\nn = faults { store(va, 2) }\n` +
      "y = load(va)",
    on: same(all, { x: "SIGSEGV", n: 0, y: 2 }),
  },
  48: {
    says: "execution: ok up to 6.18, refused on 7.x",
    lines: `${heap}x = mprotect(va, 4K, rwx)\ny = mmap(b, 4K, rx, shared)`,
    on: { ...same(["6.12", "6.18"], { x: "ok", y: "ok" }), ...same(["7.2", "7.3"], { x: "EACCES", y: "EPERM" }) },
  },
  49: {
    says: "past the end: EINVAL",
    lines:
      "b = dma_heap_alloc(system, 16p)\nx = mmap(b, 17p, rw, shared)\ny = mmap(b, 1p, rw, shared, 16p)\n" +
      "z = mmap(b, 1p, rw, shared, 15p)",
    on: same(modern, { x: "EINVAL", y: "EINVAL", z: "ok" }),
  },
  50: {
    says: "between pages EINVAL, MAP_SYNC EOPNOTSUPP",
    lines:
      "b = dma_heap_alloc(system, 16p)\nx = mmap(b, 1p, rw, shared, 100)\ny = mmap(b, 1p, rw, shared_validate|sync)",
    on: same(modern, { x: "EINVAL", y: "EOPNOTSUPP" }),
  },
  68: {
    says: "udmabuf wants SHRINK and neither WRITE nor FUTURE_WRITE",
    lines:
      "a = memfd_create(4K)\nx = udmabuf_create(a, 0, 4K)\nc = memfd_create(4K, seal_shrink|seal_write)\n" +
      "y = udmabuf_create(c, 0, 4K)\nd = memfd_create(4K, seal_shrink|seal_future_write)\n" +
      "z = udmabuf_create(d, 0, 4K)",
    on: same(modern, { x: "EINVAL", y: "EINVAL", z: "EINVAL" }),
  },
  79: {
    says: "a udmabuf's flags have no io; private is EINVAL",
    lines: `${ubuf}s = smaps(va)\nx = mmap(b, 4K, rw, private)`,
    on: {
      ...same(["6.12", "6.18"], {
        "s.VmFlags": ["dd", "de", "me", "mr", "ms", "mw", "pf", "rd", "sh", "wr"],
        x: "EINVAL",
      }),
      ...same(["7.2", "7.3"], { "s.VmFlags": ["dd", "de", "mr", "ms", "mw", "pf", "rd", "sh", "wr"], x: "EINVAL" }),
    },
  },
  80: {
    says: "6.1's udmabuf counts Rss and can be read by process_vm_readv",
    lines: `${ubuf}touch(va, 64K, write)\ns = smaps(va)\nx = process_vm_readv(va, 64K)`,
    on: { "6.1": { "s.Rss": 65536, x: 65536 } },
  },
  81: {
    says: "DONTFORK on a udmabuf can be undone before 7.x",
    lines: `${ubuf}x = madvise(va, 64K, dontfork)\ny = madvise(va, 64K, dofork)`,
    on: { ...same(["6.1", "6.12", "6.18"], { x: "ok", y: "ok" }), ...same(["7.2", "7.3"], { x: "ok", y: "EINVAL" }) },
  },
  82: {
    says: "1024 pages of a udmabuf: 1024 faults on 6.12, 1 since",
    lines:
      "m = memfd_create(4M, seal_shrink)\nb = udmabuf_create(m, 0, 4M)\nva = mmap(b, 4M, rw, shared)\n" +
      "n = faults { touch(va, 4M, read) }",
    on: { "6.12": { n: 1024 }, ...same(["6.18", "7.2", "7.3"], { n: 1 }) },
  },
  116: {
    says: "MAP_POPULATE and MAP_LOCKED succeed and lock nothing",
    lines:
      "b = dma_heap_alloc(system, 4p)\nx = mmap(b, 4p, rw, shared|populate)\ny = mmap(b, 4p, rw, shared|locked)\n" +
      "s = smaps(y)",
    on: same(modern, { x: "ok", y: "ok", "s.Locked": 0, "s.Rss": 0 }),
  },
  117: {
    says: "remap_file_pages works on a system-heap mapping",
    lines: `${heap}x = remap_file_pages(va, 4K, 3)\ny = load(va)`,
    on: same(all, { x: "ok", y: 3 }),
  },
  118: {
    says: "a mapping outlives every descriptor",
    lines: `${heap}close(b)\nx = load(va + 60K)`,
    on: same(modern, { x: 15 }),
  },
  121: {
    says: "MAP_POPULATE does nothing for a udmabuf",
    lines:
      "m = memfd_create(1024p, seal_shrink)\nb = udmabuf_create(m, 0, 1024p)\n" +
      "va = mmap(b, 1024p, rw, shared|populate)\nn = faults { touch(va, 1024p, read) }",
    on: { "6.12": { n: 1024 }, ...same(["6.18", "7.2", "7.3"], { n: 1 }) },
  },
  122: {
    says: "a child takes no fault on what its parent had mapped",
    lines: `${ubuf}touch(va, 64K, read)\nfork C\nC: n = faults { touch(va, 64K, read) }`,
    on: same(modern, { n: 0 }),
  },
  123: {
    says: "4 MiB of system heap: 8 KiB of page tables at mmap, no faults",
    lines:
      "w = mmap(anon, 4K, rw, private)\ntouch(w, 4K, write)\na = status().VmPTE\nb = dma_heap_alloc(system, 4M)\n" +
      "va = mmap(b, 4M, rw, shared)\nc = status().VmPTE\nn = faults { touch(va, 4M, write) }\nd = status().VmPTE",
    on: same(modern, { n: 0 }),
  },
  126: {
    says: "mlockall(future) does not lock buffers",
    lines:
      "x = mlockall(future)\nb = dma_heap_alloc(system, 4p)\nva = mmap(b, 4p, rw, shared)\n" +
      "m = memfd_create(4p, seal_shrink)\nu = udmabuf_create(m, 0, 4p)\nvu = mmap(u, 4p, rw, shared)\n" +
      "s = smaps(va)\nt = smaps(vu)",
    on: same(modern, { x: "ok", va: "ok", vu: "ok", "s.Locked": 0, "t.Locked": 0 }),
  },
  127: {
    says: "a pipe takes its bytes, and gives them back",
    lines: `${heap}p = pipe()\nx = write(p, va + 4K, 16)\ny = read(p, va, 16)\nz = load(va)`,
    on: same(modern, { x: 16, y: 16, z: 1 }),
  },
  129: {
    says: "a private copy in a PFNMAP mapping: /proc/self/mem is EIO",
    lines:
      "b = dma_heap_alloc(system, 1p)\nva = mmap(b, 1p, rw, private)\nstore(va, 1)\nx = mem_read(va, 16)\n" +
      "y = process_vm_readv(va, 16)",
    on: same(all, { x: "EIO", y: "EFAULT" }),
  },
};

describe.each(Object.entries(statements))("%s", (_number, { says, lines, on }) => {
  test.each(Object.entries(on))(`${says}: %s`, (release, expected) => {
    expect(values(lines, release)).toMatchObject(expected);
  });
});

test("the page tables of 4 MiB: two pages more, at mmap already", () => {
  for (const release of modern) {
    const v = values(statements[123].lines, release);
    expect([(v.c as number) - (v.a as number), (v.d as number) - (v.c as number)], release).toEqual([8192, 0]);
  }
});

test("a private mapping's offset column is the frame's address [34]", () => {
  for (const release of modern) {
    const v = values(
      "b = dma_heap_alloc(system, 2p)\nsv = mmap(b, 2p, rw, shared)\nva = mmap(b, 1p, rw, private, 1p)\n" +
        "m = maps(va)\nn = maps(sv)",
      release,
    );
    expect(v["m.offset"], release).toBeGreaterThan(0);
    expect(v["n.offset"], release).toBe(0);
  }
});
