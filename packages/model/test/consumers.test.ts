/** What each consumer makes of memory at its edges: partial counts, accounting, faults, who holds what afterwards. */
import { describe, expect, test } from "vitest";
import { ask, values } from "./ask.js";

function pick(lines: string, names: string, release = "7.3", options = {}): unknown[] {
  const all = values(lines, release, options);
  return names.split(" ").map((name) => all[name]);
}

const hole = `
va = mmap(anon, 16K, rw, private)
touch(va, 16K, write)
munmap(va + 8K, 4K)`;

describe("process_vm", () => {
  test("gives the bytes before the first page that cannot be pinned", () => {
    expect(
      pick(
        `${hole}
         a = process_vm_readv(va, 16K)
         b = process_vm_readv(va + 100, 8K)
         c = process_vm_writev(va + 8K, 4K)
         d = process_vm_readv(va + 12K, 8K)
         e = process_vm_readv(va, 0)
         f = process_vm_writev(va + 12K + 1, 4095)
         g = process_vm_readv(va - 1, 2)`,
        "a b c d e f g",
      ),
    ).toEqual([8192, 8092, "EFAULT", 4096, 0, 4095, "EFAULT"]);
  });

  test("faults what is absent in, at the cost of who asks, and dirties what it writes", () => {
    const lines = `
      process B
      B: vb = mmap(anon, 16K, rw, private)
      n = faults { a = process_vm_writev(vb, 16K, B) }
      B: s = smaps(vb)
      B: m = faults { touch(vb, 16K, write) }`;
    expect(pick(lines, "a n s.Rss s.Private_Dirty m")).toEqual([16384, 4, 16384, 16384, 0]);
  });

  test("reading anonymous memory maps the zero page, which RSS does not count", () => {
    expect(
      pick(
        `va = mmap(anon, 32K, rw, private)\nn = faults { a = process_vm_readv(va, 32K) }\ns = smaps(va)`,
        "a n s.Rss",
      ),
    ).toEqual([32768, 8, 0]);
  });

  test("writes zeros", () => {
    expect(
      pick(
        `va = mmap(anon, 4K, rw, private)\nfill(va, 4K, 0xff)\na = process_vm_writev(va + 1, 2)\nx = load(va)`,
        "a x",
      ),
    ).toEqual([2, 0xff0000ff]);
  });
});

describe("/proc/PID/mem and ptrace", () => {
  test("go past protection: PROT_NONE is read, read-only private memory is written as a copy", () => {
    expect(
      pick(
        `va = mmap(anon, 8K, r, private)
         b = mem_write(va, 8K)
         s = smaps(va)
         vn = mmap(anon, 8K, none, private)
         c = mem_read(vn, 8K)
         d = mem_write(vn, 4K)
         m = memfd_create(8K)
         vs = mmap(m, 8K, r, shared)
         e = mem_read(vs, 8K)
         f = mem_write(vs, 8K)
         vp = mmap(m, 8K, r, private)
         g = mem_write(vp + 4090, 100)
         p = smaps(vp)`,
        "b s.Anonymous c d e f g p.Anonymous",
        "6.18",
      ),
    ).toEqual([8192, 8192, 8192, 4096, 8192, "EIO", 100, 8192]);
  });

  test("a design without force refuses what the protection forbids", () => {
    const lines = `va = mmap(anon, 8K, r, private)\na = mem_write(va, 8K)\nb = mem_read(va, 8K)`;
    expect(pick(lines, "a b", "6.12", { designs: { "proc-mem.force": "never" } })).toEqual(["EIO", 8192]);
    expect(pick(lines, "a b", "7.2")).toEqual(["EIO", 8192]);
  });

  test("give the bytes up to a hole, EIO at one", () => {
    expect(
      pick(
        `${hole}
         a = mem_read(va + 100, 16K)
         b = mem_read(va + 8K, 4K)
         c = mem_write(va + 4000, 8K)
         d = mem_read(va, 0)
         e = mem_read(0xffff888000000000, 4K)`,
        "a b c d e",
      ),
    ).toEqual([8092, "EIO", 4192, 0, "EINVAL"]);
  });

  test("PEEKDATA wants a whole machine word", () => {
    expect(
      pick(
        `va = mmap(anon, 8K, rw, private)
         store(va + 4, 0x12345678)
         fork C
         C: p = ptrace_peek(va + 4, A)
         q = ptrace_peek(va + 8188, C)
         r = ptrace_peek(va + 8184, C)
         s = ptrace_peek(va, A)
         t = ptrace_peek(va + 3, C)`,
        "p q r s t",
      ),
    ).toEqual([0x12345678, "EIO", 0, "EPERM", 0x34567800]);
  });
});

describe("vmsplice", () => {
  test("fills sixteen buffers, one a page, and faults in what it looked at", () => {
    const lines = `
      va = mmap(anon, 128K, rw, private)
      n = faults { a = vmsplice(va, 128K) }
      b = vmsplice(va + 100, 64K)
      c = vmsplice(va, 4K, gift)
      d = vmsplice(va + 124K, 8K)
      e = vmsplice(va + 128K, 4K)
      f = vmsplice(va, 0)`;
    expect(pick(lines, "a n b c d e f")).toEqual([65536, 32, 65436, 4096, 4096, "EFAULT", 0]);
  });

  test("the pipe's references keep a memfd from being sealed until its holders are gone", () => {
    const lines = `
      m = memfd_create(16K)
      process B
      B: n = receive(m)
      B: vb = mmap(n, 16K, rw, shared)
      B: a = vmsplice(vb, 16K)
      B: munmap(vb, 16K)
      s1 = add_seals(m, seal_write)
      B: exit()
      s2 = add_seals(m, seal_write)`;
    expect(pick(lines, "a s1 s2")).toEqual([16384, "EBUSY", "ok"]);
  });
});

describe("io_uring", () => {
  test("registering pins for long: VmPin up to 6.18, nothing from 7.0 for who may lock without limit", () => {
    const lines = `
      va = mmap(anon, 64K, rw, private)
      n = faults { a = io_uring_register_buffers(va, 64K) }
      s = status()`;
    expect(pick(lines, "a n s.VmPin", "6.12")).toEqual(["ok", 16, 65536]);
    expect(pick(lines, "a n s.VmPin", "6.18")).toEqual(["ok", 16, 65536]);
    expect(pick(lines, "a n s.VmPin", "7.2")).toEqual(["ok", 16, 0]);
  });

  test("what cannot be registered", () => {
    const lines = `
      va = mmap(anon, 16K, rw, private)
      m = memfd_create(16K)
      ro = mmap(m, 16K, r, shared)
      a = io_uring_register_buffers(ro, 4K)
      b = io_uring_register_buffers(va, 0)
      c = io_uring_register_buffers(va, 2G)
      d = io_uring_register_buffers(va + 12K, 8K)
      e = io_uring_register_buffers(va, 2048G)
      f = io_uring_register_buffers(va + 100, 8K)`;
    expect(pick(lines, "a b c d e f", "6.12")).toEqual(["EFAULT", "EFAULT", "EFAULT", "EFAULT", "EFAULT", "ok"]);
    expect(pick(lines, "e f", "7.2")).toEqual(["EINVAL", "ok"]);
  });

  test("a pinned page is copied for the child at fork", () => {
    const lines = `
      va = mmap(anon, 8K, rw, private)
      touch(va, 8K, write)
      a = io_uring_register_buffers(va, 4K)
      fork C
      n = faults { touch(va, 8K, write) }
      C: s = smaps(va)`;
    expect(pick(lines, "n s.Anonymous")).toEqual([1, 8192]);
  });

  test("a pinned huge page of a private mapping is copied for the child, and neither faults", () => {
    const lines = `
      m = memfd_create(4M, none, hugetlb)
      va = mmap(m, 2M, rw, private)
      store(va, 5)
      a = io_uring_register_buffers(va, 8K)
      fork C
      C: n = faults { store(va, 7) }
      k = faults { store(va, 8) }
      C: x = load(va)
      y = load(va)`;
    expect(pick(lines, "a n k x y")).toEqual(["ok", 0, 0, 7, 8]);
  });

  test("a file that may block is read by a worker, whose faults do not count here", () => {
    const lines = `
      f = open_file(64K)
      va = mmap(anon, 64K, rw, private)
      n = faults { a = io_uring_read(f, va, 64K, 0) }
      s = smaps(va)
      disk = open_disk(direct)
      vb = mmap(anon, 64K, rw, private)
      k = faults { b = io_uring_read(disk, vb, 64K, 0) }`;
    expect(pick(lines, "a n s.Rss b k")).toEqual([65536, 0, 65536, 65536, 16]);
  });

  test("the completion says what the file said", () => {
    expect(
      pick(
        `disk = open_disk(direct)
         va = mmap(anon, 8K, rw, private)
         a = io_uring_read(disk, va, 100, 0)
         b = io_uring_write(disk, va, 4K, 16M)
         c = io_uring_read(disk, va, 4K, 16M)
         d = io_uring_read(99, va, 4K, 0)
         p = pipe()
         f = io_uring_write(p, va, 100, 0)
         g = io_uring_read(p, va, 8K, 0)
         h = dma_heap_alloc(system, 4K)
         i = io_uring_read(h, va, 4K, 0)
         m = memfd_create(4K)
         j = io_uring_read(m, va, 8K, 0)`,
        "a b c d f g i j",
      ),
    ).toEqual(["EINVAL", "ENOSPC", 0, "EBADF", 100, 100, "EINVAL", 4096]);
  });

  test("a request on an empty pipe waits, though the pipe does not block", () => {
    const prediction = ask(
      `p = pipe()\nva = mmap(anon, 4K, rw, private)\na = read(p, va, 1)\nb = io_uring_read(p, va, 1, 0)`,
    );
    expect(prediction.status).toBe("hang");
    expect(prediction.reason).toMatch(/^waits for pipe/);
    expect(prediction.values).toEqual({ p: "ok", va: "ok", a: "EAGAIN" });
  });

  test("direct I/O on a ring leaves nothing to the page cache", () => {
    expect(
      pick(
        `disk = open_disk(direct)\n${hole}\na = io_uring_write(disk, va, 16K, 0)\nb = pwrite(disk, va, 16K, 0)`,
        "a b",
      ),
    ).toEqual([8192, 8192]);
  });
});

describe("private mappings of a heap buffer", () => {
  test("direct I/O reaches the private copy by the fast walk, what asks the mapping does not", () => {
    const lines = `
      buf = dma_heap_alloc(system, 4K)
      va = mmap(buf, 4K, rw, private)
      disk = open_disk(direct)
      a = pwrite(disk, va, 4K, 0)
      store(va, 1)
      b = pwrite(disk, va, 4K, 0)
      c = process_vm_readv(va, 4K)
      d = io_uring_register_buffers(va, 4K)`;
    expect(pick(lines, "a b c d", "6.12")).toEqual(["EFAULT", 4096, "EFAULT", "ok"]);
  });

  test("a process cannot fork while it has one that it wrote to, up to 6.15", () => {
    const lines = `
      buf = dma_heap_alloc(system, 4K)
      va = mmap(buf, 4K, rw, private)
      store(va, 1)
      fork C
      C: x = load(va)`;
    expect(values(lines, "6.12").x).toEqual({ not_reached: 7 });
    expect(values(lines, "6.18").x).toBe(1);
    expect(values(lines.replace("store(va, 1)", "load(va)"), "6.12").x).toBe(0);
  });
});

describe("futexes", () => {
  test("by page: the zero page, read-only anonymous memory and holes have no key", () => {
    expect(
      pick(
        `va = mmap(anon, 8K, rw, private)
         a = futex_wait(va)
         b = futex_wait(va, private)
         c = futex_wait(va + 2)
         d = futex_wake(va + 4K)
         ro = mmap(anon, 4K, r, private)
         e = futex_wait(ro)
         no = mmap(anon, 4K, none, private)
         f = futex_wait(no)
         g = futex_wake(no)
         h = futex_wake(no, private)
         i = futex_wake(va + 1M)
         m = memfd_create(8K)
         vs = mmap(m, 8K, r, shared)
         j = futex_wait(vs)
         vp = mmap(m, 8K, r, private)
         k = futex_wait(vp)`,
        "a b c d e f g h i j k",
      ),
    ).toEqual([
      "ETIMEDOUT",
      "ETIMEDOUT",
      "EINVAL",
      0,
      "EFAULT",
      "SIGSEGV",
      "EFAULT",
      0,
      "EFAULT",
      "ETIMEDOUT",
      "ETIMEDOUT",
    ]);
  });

  test("a shared wait breaks copy-on-write of a private file mapping", () => {
    expect(
      pick(
        `m = memfd_create(8K)\nva = mmap(m, 8K, rw, private)\nn = faults { a = futex_wait(va) }\ns = smaps(va)`,
        "a n s.Anonymous",
      ),
    ).toEqual(["ETIMEDOUT", 2, 4096]);
  });
});

describe("userfaultfd", () => {
  test("modes, ranges and kinds of memory", () => {
    const lines = `
      va = mmap(anon, 16K, rw, private)
      a = userfaultfd_register(va, 16K, missing|wp)
      b = userfaultfd_register(va, 16K, minor)
      c = userfaultfd_register(va, 100, missing)
      d = userfaultfd_register(va, 0, missing)
      e = userfaultfd_register(va + 1M, 4K, missing)
      f = userfaultfd_register(va - 4K, 8K, missing)
      g = userfaultfd_register(va, 16K, none)
      m = memfd_create(16K)
      vs = mmap(m, 16K, rw, shared)
      h = userfaultfd_register(vs, 16K, minor)
      i = userfaultfd_register(vs, 16K, wp)
      r = reopen(m, r)
      vr = mmap(r, 16K, r, shared)
      j = userfaultfd_register(vr, 16K, missing)
      vp = mmap(r, 16K, r, private)
      k = userfaultfd_register(vp, 16K, missing)`;
    const names = "a b c d e f g h i j k";
    expect(pick(lines, names, "6.12")).toEqual([
      "ok",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "ok",
      "EINVAL",
      "ok",
      "ok",
      "EPERM",
      "ok",
    ]);
    expect(pick(lines, names, "5.10")).toEqual([
      "ok",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "ok",
      "EINVAL",
      "EINVAL",
      "EINVAL",
      "EPERM",
      "ok",
    ]);
  });

  test("closing one that could write-protect makes shared entries read-only, from 6.9 on", () => {
    const lines = `
      m = memfd_create(64K)
      vm = mmap(m, 64K, rw, shared)
      touch(vm, 64K, write)
      a = userfaultfd_register(vm + 16K, 16K, wp|missing)
      n = faults { touch(vm, 64K, write) }
      va = mmap(anon, 64K, rw, private)
      touch(va, 64K, write)
      b = userfaultfd_register(va, 64K, wp)
      k = faults { touch(va, 64K, write) }
      c = userfaultfd_register(vm, 64K, missing)
      l = faults { touch(vm, 64K, write) }
      s = smaps(vm)`;
    expect(pick(lines, "a n b k c l s.Size", "6.12")).toEqual(["ok", 4, "ok", 0, "ok", 0, 65536]);
    expect(pick(lines, "n k l", "6.1")).toEqual([0, 0, 0]);
  });

  test("arm has neither write protection nor minor faults; arm64 has both from 6.10 on", () => {
    const lines =
      "va = mmap(anon, 16K, rw, private)\na = userfaultfd_register(va, 16K, wp)\n" +
      "b = userfaultfd_register(va, 16K, missing)";
    expect(pick(lines, "a b", "6.12", { arch: "arm" })).toEqual(["EINVAL", "ok"]);
    expect(pick(lines, "a b", "6.1", { arch: "arm64" })).toEqual(["EINVAL", "ok"]);
    expect(pick(lines, "a b", "6.12", { arch: "arm64" })).toEqual(["ok", "ok"]);
  });

  test("hugetlb mappings by whole huge pages", () => {
    expect(
      pick(
        `m = memfd_create(4M, none, hugetlb)
         hv = mmap(m, 4M, rw, shared)
         a = userfaultfd_register(hv, 2M, missing)
         b = userfaultfd_register(hv + 4K, 2M, missing)
         c = userfaultfd_register(hv, 4K, missing)
         d = userfaultfd_register(hv, 4M, minor|wp)`,
        "a b c d",
      ),
    ).toEqual(["ok", "EINVAL", "EINVAL", "ok"]);
  });
});

describe("memory policies", () => {
  test("mbind splits mappings where the policy begins and ends, and equal ones merge again", () => {
    const lines = `
      va = mmap(anon, 64K, rw, private)
      a = mbind(va, 16K, bind)
      s1 = smaps(va)
      s2 = smaps(va + 16K)
      b = mbind(va + 16K, 16K, bind, strict)
      s3 = smaps(va)
      c = mbind(va, 100, preferred)
      s4 = smaps(va)
      d = mbind(va, 64K, default)
      s5 = smaps(va)`;
    expect(pick(lines, "a s1.Size s2.Size b s3.Size c s4.Size d s5.Size")).toEqual([
      "ok",
      16384,
      49152,
      "ok",
      32768,
      "ok",
      4096,
      "ok",
      65536,
    ]);
  });

  test("holes are EFAULT, except that the default policy minds only a range that is all hole", () => {
    expect(
      pick(
        `va = mmap(anon, 64K, rw, private)
         a = mbind(va + 100, 4K, bind)
         b = mbind(va, 0, bind)
         c = mbind(va + 1M, 4K, bind)
         d = mbind(va + 1M, 4K, default)
         e = mbind(va + 48K, 64K, bind)
         f = mbind(va + 48K, 64K, default)
         g = mbind(va - 4K, 8K, bind)
         h = mbind(va - 4K, 8K, default)`,
        "a b c d e f g h",
      ),
    ).toEqual(["EINVAL", "ok", "EFAULT", "EFAULT", "EFAULT", "ok", "EFAULT", "ok"]);
  });

  test("get_mempolicy faults the page in to see where it is", () => {
    expect(
      pick(
        `m = memfd_create(4K)
         va = mmap(m, 8K, rw, shared)
         n = faults { a = get_mempolicy(va) }
         s = smaps(va)
         b = get_mempolicy(va + 4K)
         c = get_mempolicy(va + 1M)`,
        "a n s.Rss b c",
      ),
    ).toEqual([0, 1, 4096, "EFAULT", "EFAULT"]);
  });

  test("an arm kernel has none of these calls", () => {
    for (const call of ["mbind(va, 4K, bind)", "get_mempolicy(va)", "move_pages(va)"]) {
      expect(ask(`va = mmap(anon, 4K, rw, private)\na = ${call}`, "6.12", { arch: "arm" })).toMatchObject({
        status: "unsupported",
        reason: "kernels for arm have no NUMA: neither memory policies nor move_pages()",
      });
    }
  });
});

describe("drivers and the kernel itself", () => {
  test("references by the slow and the fast path, given back by address", () => {
    const lines = `
      driver D on dma
      va = mmap(anon, 16K, rw, private)
      touch(va, 16K, write)
      D: a = get_user_pages(va, 16K, write)
      D: b = pin_user_pages(va + 100, 8K, write|fast|longterm)
      D: c = put_user_pages(va)
      D: d = put_user_pages(va + 100)
      D: e = put_user_pages(va)
      D: f = get_user_pages(va + 1M, 4K)
      D: g = get_user_pages(va, 0)`;
    expect(pick(lines, "a b c d e f g")).toEqual([4, 3, 4, 3, 0, "EFAULT", 0]);
  });

  test("frame numbers come from raw mappings only", () => {
    const lines = `
      driver D on dma
      buf = dma_heap_alloc(system, 8K)
      va = mmap(buf, 8K, rw, shared)
      m = memfd_create(8K, seal_shrink)
      ub = udmabuf_create(m, 0, 8K)
      vu = mmap(ub, 8K, rw, shared)
      vm = mmap(m, 8K, rw, shared)
      touch(vm, 8K, write)
      D: a = follow_pfn(va)
      D: b = follow_pfn(vm)
      D: c = follow_pfn(vu)
      touch(vu, 4K, read)
      D: d = follow_pfn(vu)
      D: e = follow_pfn(va + 1M)`;
    expect(pick(lines, "a b c d e", "6.12")).toEqual([1, "EINVAL", "EINVAL", 1, "EINVAL"]);
  });

  test("notifiers are told of unmapping, copy-on-write and migration", () => {
    const lines = `
      driver D on dma
      va = mmap(anon, 16K, rw, private)
      touch(va, 16K, write)
      D: h = notifier_register(va)
      D: a = notifier_count(h)
      munmap(va + 12K, 4K)
      D: b = notifier_count(h)
      kernel: x = migrate(va)
      D: c = notifier_count(h)`;
    expect(pick(lines, "a b x c")).toEqual([0, 1, "ok", 2]);
  });

  test("migration moves what nobody else holds, and the bytes come along", () => {
    const lines = `
      driver D on dma
      va = mmap(anon, 8K, rw, private)
      store(va, 0x1234)
      kernel: a = migrate(va)
      x = load(va)
      D: g = get_user_pages(va, 4K)
      kernel: b = migrate(va)
      D: put_user_pages(va)
      kernel: c = migrate(va)
      kernel: d = migrate(va + 4K)
      kernel: e = migrate(va + 1M)
      buf = dma_heap_alloc(system, 4K)
      vh = mmap(buf, 4K, rw, shared)
      kernel: f = migrate(vh)`;
    expect(pick(lines, "a x b c d e f")).toEqual(["ok", 0x1234, "EAGAIN", "ok", "ENOENT", "EFAULT", "EFAULT"]);
  });

  test("compaction moves pages of processes, and pinned ones stay", () => {
    const lines = `
      driver D on dma
      m = memfd_create(16K)
      va = mmap(m, 16K, rw, shared)
      touch(va, 16K, write)
      kernel: a = compact()
      D: pin_user_pages(va, 8K, longterm)
      kernel: b = compact()
      x = load(va + 12K)`;
    expect(pick(lines, "a b x")).toEqual([4, 2, 3]);
  });

  test("the OOM reaper takes private memory and leaves the rest", () => {
    const lines = `
      va = mmap(anon, 16K, rw, private)
      touch(va, 16K, write)
      m = memfd_create(16K)
      vm = mmap(m, 16K, rw, shared)
      touch(vm, 16K, write)
      buf = dma_heap_alloc(system, 16K)
      vh = mmap(buf, 16K, rw, shared)
      kernel: a = oom_reap(va)
      s = smaps(va)
      t = smaps(vm)
      store(vh, 1)
      mlock(va, 16K)
      kernel: b = oom_reap(va)`;
    expect(pick(lines, "a s.Rss t.Rss b")).toEqual([4, 0, 16384, 4]);
    expect(pick(lines, "b", "5.10")).toEqual([0]);
  });

  test("without swap shmem is not reclaimed", () => {
    const lines =
      "m = memfd_create(16K)\nva = mmap(m, 16K, rw, shared)\ntouch(va, 16K, write)\nkernel: a = shrink(shmem)\n" +
      "s = smaps(va)";
    expect(pick(lines, "a s.Rss")).toEqual([0, 16384]);
    expect(ask(lines).rules).toContain("reclaim/no-swap");
  });
});
