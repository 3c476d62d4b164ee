/**
 * What consumers make of each kind of memory. Every value was observed on the kernels of the releases named; a value
 * without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("consumers", () => {
  test("direct I/O of mixed memory stops where pages end", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        munmap(va + 16K, 16K)
        disk = open_disk(direct)
        a = pwrite(disk, va, 32K, 0)
        b = pwrite(disk, va + 16K, 4K, 0)
        c = pread(disk, va + 12K, 8K, 0)
        d = pread(disk, va, 16K, 0)
        e = pwrite(disk, va, 0, 0)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        disk: "ok",
        a: 16384,
        b: "EFAULT",
        c: 4096,
        d: 16384,
        e: 0,
      },
    );
  });

  test("direct I/O: what must be aligned", () => {
    observed(
      `
        va = mmap(anon, 32K, rw, private)
        touch(va, 32K, write)
        disk = open_disk(direct)
        a = pwrite(disk, va, 4K, 100)
        b = pwrite(disk, va, 100, 0)
        c = pread(disk, va, 4K, 512)
        d = pread(disk, va + 512, 4K, 0)
        e = pread(disk, va, 512, 0)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        disk: "ok",
        a: "EINVAL",
        b: "EINVAL",
        c: 4096,
        d: 4096,
        e: 512,
      },
    );
  });

  test("direct reads into read-only, private file and fresh memory", () => {
    observed(
      `
        m = memfd_create(16K)
        vr = mmap(anon, 16K, r, private)
        vp = mmap(m, 16K, rw, private)
        va = mmap(anon, 16K, rw, private)
        disk = open_disk(direct)
        a = pread(disk, vr, 4K, 0)
        n = faults { b = pread(disk, vp, 16K, 0) }
        c = smaps(vp).Anonymous
        o = faults { d = pread(disk, va, 16K, 0) }
        e = smaps(va).Anonymous`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vr: "ok",
        vp: "ok",
        disk: "ok",
        a: "EFAULT",
        b: 16384,
        n: 4,
        c: 16384,
        d: 16384,
        o: 4,
        e: 16384,
      },
    );
  });

  test("direct writes from memory that nobody touched", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        disk = open_disk(direct)
        n = faults { a = pwrite(disk, va, 16K, 0) }
        b = smaps(va).Rss
        m = memfd_create(16K)
        vm = mmap(m, 16K, rw, shared)
        c = pwrite(disk, vm, 16K, 0)
        d = fstat(m).blocks`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        disk: "ok",
        a: 16384,
        n: 4,
        b: 0,
        c: 16384,
        d: 32,
      },
    );
  });

  test("buffered disk I/O copies", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        touch(va, 16K, write)
        disk = open_disk(buffered)
        a = pwrite(disk, va, 16K, 0)
        vb = mmap(anon, 16K, rw, private)
        b = pread(disk, vb, 16K, 0)
        c = load(vb + 8K)
        d = pread(disk, va + 8K, 4K, 4K)
        e = load(va + 8K)
        f = pwrite(disk, va + 12K, 8K, 0)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        disk: "ok",
        a: 16384,
        b: 16384,
        c: 2,
        d: 4096,
        e: 1,
        f: 4096,
      },
    );
  });

  test("a pipe carries what was in memory at the time of the write", () => {
    observed(
      `
        va = mmap(anon, 8K, rw, private)
        vb = mmap(anon, 8K, rw, private)
        p = pipe()
        store(va, 7)
        a = write(p, va, 8K)
        store(va, 8)
        b = read(p, vb, 4K)
        c = load(vb)
        d = read(p, vb, 8K)
        e = write(p, va + 8K, 1)
        f = write(p, va + 4K, 8K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        p: "ok",
        a: 8192,
        b: 4096,
        c: 7,
        d: 4096,
        e: "EFAULT",
        f: 4096,
      },
    );
  });

  test("vmsplice shows later stores, a copy on write hides them", () => {
    observed(
      `
        va = mmap(anon, 8K, rw, private)
        store(va, 7)
        a = vmsplice(va, 4K)
        store(va, 8)
        b = load(va)
        c = vmsplice(va + 8K, 4K)
        d = vmsplice(va + 4K, 8K)
        e = vmsplice(va, 4K, gift)
        f = vmsplice(va + 1, 4K, gift)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 4096,
        b: 8,
        c: "EFAULT",
        d: 4096,
        e: 4096,
        f: 4096,
      },
    );
  });

  test("vmsplice of drivers' memory", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        a = vmsplice(va, 4K)
        m = memfd_create(16K, seal_shrink)
        u = udmabuf_create(m, 0, 16K)
        vu = mmap(u, 16K, rw, shared)
        b = vmsplice(vu, 4K)
        vm = mmap(m, 16K, rw, shared)
        c = vmsplice(vm, 16K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EFAULT",
        u: "ok",
        vu: "ok",
        b: "EFAULT",
        c: 16384,
      },
    );
  });

  test("io_uring: which memory can be registered", () => {
    observed(
      `
        m = memfd_create(16K, seal_shrink)
        va = mmap(anon, 16K, rw, private)
        vm = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        vr = mmap(anon, 16K, r, private)
        u = udmabuf_create(m, 0, 16K)
        vu = mmap(u, 16K, rw, shared)
        a = io_uring_register_buffers(va, 16K)
        b = io_uring_register_buffers(vm, 16K)
        c = io_uring_register_buffers(vp, 16K)
        d = io_uring_register_buffers(vr, 16K)
        e = io_uring_register_buffers(vu, 16K)
        f = io_uring_register_buffers(va + 12K, 8K)
        g = io_uring_register_buffers(va, 0)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        vr: "ok",
        u: "ok",
        vu: "ok",
        a: "ok",
        b: "ok",
        c: "ok",
        d: "EFAULT",
        e: "EFAULT",
        f: "EFAULT",
        g: "EFAULT",
      },
    );
  });

  test("io_uring reads and writes like pread and pwrite", () => {
    observed(
      `
        va = mmap(anon, 16K, rw, private)
        m = memfd_create(16K)
        touch(va, 16K, write)
        a = io_uring_write(m, va + 4K, 8K, 0)
        b = io_uring_read(m, va, 4K, 4K)
        c = load(va)
        d = io_uring_read(m, va, 16K, 12K)
        e = io_uring_read(m, va, 16K, 16K)
        f = io_uring_write(m, va + 12K, 8K, 0)
        g = io_uring_read(m, va + 16K, 4K, 0)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 8192,
        b: 4096,
        c: 2,
        d: 4096,
        e: 0,
        f: 4096,
        g: "EFAULT",
      },
    );
  });

  test("futexes need a page that has an owner", () => {
    observed(
      `
        m = memfd_create(4K, seal_shrink)
        vm = mmap(m, 4K, rw, shared)
        va = mmap(anon, 4K, rw, private)
        u = udmabuf_create(m, 0, 4K)
        vu = mmap(u, 4K, rw, shared)
        a = futex_wait(vm)
        b = futex_wait(va)
        c = futex_wait(vu)
        d = futex_wait(vu, private)
        e = futex_wake(vm)
        f = futex_wake(va + 2)
        g = futex_wake(va + 4K)
        h = futex_wait(va + 4K, private)
        i = futex_wake(vu)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        u: "ok",
        vu: "ok",
        a: "ETIMEDOUT",
        b: "ETIMEDOUT",
        c: "EFAULT",
        d: "ETIMEDOUT",
        e: 0,
        f: "EINVAL",
        g: "EFAULT",
        h: "SIGSEGV",
        i: "EFAULT",
      },
    );
  });

  test("futexes of read-only memory", () => {
    observed(
      `
        m = memfd_create(4K)
        r = reopen(m, r)
        vr = mmap(r, 4K, r, shared)
        va = mmap(anon, 4K, r, private)
        vp = mmap(m, 4K, r, private)
        vn = mmap(anon, 4K, none, private)
        a = futex_wait(vr)
        b = futex_wait(va)
        c = futex_wait(vp)
        d = futex_wait(vn)
        e = futex_wake(vr)
        f = futex_wake(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vr: "ok",
        vp: "ok",
        vn: "ok",
        a: "ETIMEDOUT",
        b: "EFAULT",
        c: "ETIMEDOUT",
        d: "SIGSEGV",
        e: 0,
        f: "EFAULT",
      },
    );
  });

  test("userfaultfd: which memory, which mode", () => {
    observed(
      `
        m = memfd_create(16K)
        vm = mmap(m, 16K, rw, shared)
        vp = mmap(m, 16K, rw, private)
        va = mmap(anon, 16K, rw, private)
        vr = mmap(anon, 16K, r, private)
        r = reopen(m, r)
        vs = mmap(r, 16K, r, shared)
        a = userfaultfd_register(va, 16K, missing)
        b = userfaultfd_register(va, 16K, wp)
        c = userfaultfd_register(va, 16K, minor)
        d = userfaultfd_register(vm, 16K, missing)
        e = userfaultfd_register(vm, 16K, wp)
        f = userfaultfd_register(vm, 16K, minor)
        g = userfaultfd_register(vr, 16K, missing)
        h = userfaultfd_register(vs, 16K, missing)
        i = userfaultfd_register(vp, 16K, missing)
        j = userfaultfd_register(va + 1, 4K, missing)
        k = userfaultfd_register(va, 64K, missing)
        l = userfaultfd_register(va + 64K, 4K, missing)
        o = userfaultfd_register(va, 0, missing)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vp: "ok",
        vr: "ok",
        vs: "ok",
        a: "ok",
        b: "ok",
        c: "EINVAL",
        g: "ok",
        h: "EPERM",
        i: "ok",
        j: "EINVAL",
        k: "ok",
        l: "EINVAL",
        o: "EINVAL",
      },
      {
        e: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
        f: { "5.10": "EINVAL", "6.1": "ok", "6.12": "ok", "6.18": "ok", "7.2": "ok", "7.3": "ok" },
      },
    );
  });

  test("move_pages tells where pages are", () => {
    observed(
      `
        m = memfd_create(16K)
        va = mmap(anon, 16K, rw, private)
        vm = mmap(m, 16K, rw, shared)
        store(va, 1)
        x = load(va + 4K)
        touch(vm, 4K, write)
        a = move_pages(va)
        b = move_pages(va + 4K)
        c = move_pages(va + 8K)
        d = move_pages(vm)
        e = move_pages(vm + 4K)
        f = move_pages(va + 16K)
        g = move_pages(va, node0)
        h = move_pages(vm, node0)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        x: 0,
        a: 0,
        b: "EFAULT",
        d: 0,
        e: "ENOENT",
        f: "EFAULT",
        g: 0,
        h: 0,
      },
      {
        c: { "5.10": "EFAULT", "6.1": "EFAULT", "6.12": "ENOENT", "6.18": "ENOENT", "7.2": "ENOENT", "7.3": "ENOENT" },
      },
    );
  });

  test("move_pages of what drivers map", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        a = move_pages(va)
        b = move_pages(va, node0)
        m = memfd_create(16K, seal_shrink)
        u = udmabuf_create(m, 0, 16K)
        vu = mmap(u, 16K, rw, shared)
        c = move_pages(vu)
        touch(vu, 16K, read)
        d = move_pages(vu)
        vm = mmap(m, 16K, rw, shared)
        touch(vm, 16K, write)
        e = move_pages(vm)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ENOENT",
        b: "EFAULT",
        u: "ok",
        vu: "ok",
        c: "ENOENT",
        d: "ENOENT",
        e: 0,
      },
    );
  });

  test("policies split and merge mappings", () => {
    observed(
      `
        va = mmap(anon, 48K, rw, private)
        a = mbind(va + 16K, 16K, bind)
        b = smaps(va).Size
        c = mbind(va, 48K, bind)
        d = smaps(va).Size
        e = mbind(va, 48K, default)
        f = mbind(va + 1, 4K, bind)
        g = mbind(va, 64K, bind)
        h = mbind(va, 0, bind)
        i = get_mempolicy(va)
        j = get_mempolicy(va + 64K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 16384,
        c: "ok",
        d: 49152,
        e: "ok",
        f: "EINVAL",
        g: "EFAULT",
        h: "ok",
        i: 0,
        j: "EFAULT",
      },
    );
  });

  test("process_vm between two processes", () => {
    observed(
      `
        process B
        B: vb = mmap(anon, 16K, rw, private)
        B: touch(vb, 8K, write)
        a = process_vm_readv(vb, 16K, B)
        b = process_vm_writev(vb, 16K, B)
        B: c = smaps(vb).Rss
        B: mprotect(vb, 4K, r)
        d = process_vm_writev(vb, 16K, B)
        e = process_vm_writev(vb + 4K, 16K, B)
        f = process_vm_readv(vb, 4K, B)
        B: mprotect(vb, 16K, none)
        g = process_vm_readv(vb, 4K, B)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 16384,
        b: 16384,
        c: 16384,
        d: "EFAULT",
        e: 12288,
        f: 4096,
        g: "EFAULT",
      },
    );
  });

  test("/proc/PID/mem goes past protection where it is allowed", () => {
    observed(
      `
        m = memfd_create(8K)
        vs = mmap(m, 8K, r, shared)
        vp = mmap(m, 8K, r, private)
        vn = mmap(anon, 8K, none, private)
        a = mem_read(vs, 8K)
        b = mem_write(vs, 8K)
        c = mem_write(vp, 8K)
        d = mem_read(vn, 8K)
        e = mem_write(vn, 8K)
        f = smaps(vp).Anonymous
        g = mem_read(vn + 4K, 8K)
        h = mem_read(vn + 8K, 4K)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        vs: "ok",
        vp: "ok",
        vn: "ok",
        a: 8192,
        b: "EIO",
        h: "EIO",
      },
      {
        c: { "5.10": 8192, "6.1": 8192, "6.12": 8192, "6.18": 8192, "7.2": "EIO", "7.3": "EIO" },
        d: { "5.10": 8192, "6.1": 8192, "6.12": 8192, "6.18": 8192, "7.2": "EIO", "7.3": "EIO" },
        e: { "5.10": 8192, "6.1": 8192, "6.12": 8192, "6.18": 8192, "7.2": "EIO", "7.3": "EIO" },
        f: { "5.10": 8192, "6.1": 8192, "6.12": 8192, "6.18": 8192, "7.2": 0, "7.3": 0 },
        g: { "5.10": 4096, "6.1": 4096, "6.12": 4096, "6.18": 4096, "7.2": "EIO", "7.3": "EIO" },
      },
    );
  });

  test("a child read by its parent", () => {
    observed(
      `
        va = mmap(anon, 8K, rw, private)
        store(va, 5)
        fork C
        C: store(va, 6)
        a = process_vm_readv(va, 8K, C)
        b = mem_read(va, 8K, C)
        c = ptrace_peek(va, C)
        d = ptrace_peek(va + 4K, C)
        e = ptrace_peek(va + 8K, C)
        f = load(va)`,
      ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"],
      {
        a: 8192,
        b: 8192,
        c: 6,
        d: 0,
        e: "EIO",
        f: 5,
      },
    );
  });
});
