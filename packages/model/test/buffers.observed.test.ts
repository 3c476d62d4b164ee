/**
 * Buffers: lists, parts, syncs, fences, who keeps them alive. Every value was observed on the kernels of the releases
 * named; a value without a release is the same on all of them.
 */
import { describe, test } from "vitest";
import { observed } from "./observed.js";

describe("buffers", () => {
  test("a hole punched under a udmabuf parts the two", () => {
    observed(
      `
        m = memfd_create(16K, seal_shrink)
        vm = mmap(m, 16K, rw, shared)
        touch(vm, 16K, write)
        buf = udmabuf_create(m, 0, 16K)
        a = fallocate(m, punch_hole, 4K, 4K)
        va = mmap(buf, 16K, rw, shared)
        b = load(va + 4K)
        c = load(vm + 4K)
        store(vm + 4K, 9)
        d = load(va + 4K)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: 1,
        c: 0,
        d: 1,
      },
    );
  });

  test("mapped in parts, past the end, private", () => {
    observed(
      `
        m = memfd_create(32K, seal_shrink)
        buf = udmabuf_create(m, 8K, 16K)
        vm = mmap(m, 32K, rw, shared)
        touch(vm, 32K, write)
        va = mmap(buf, 8K, rw, shared, 8K)
        a = load(va)
        b = mmap(buf, 16K, rw, shared, 4K)
        c = mmap(buf, 4K, rw, private)
        d = mmap(buf, 4K, rw, shared, 16K)
        e = mmap(buf, 6000, rw, shared)
        f = mmap(buf, 4K, r, shared)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: 4,
        b: "EINVAL",
        c: "EINVAL",
        d: "EINVAL",
        e: "ok",
        f: "ok",
      },
    );
  });

  test("sync: which flags", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 16K)
        a = dma_buf_sync(buf, start|read)
        b = dma_buf_sync(buf, end|read)
        c = dma_buf_sync(buf, start)
        d = dma_buf_sync(buf, bit3)
        e = dma_buf_sync(buf, start|read|bit3)
        f = dma_buf_sync(buf, read|write)
        g = dma_buf_sync(buf, end|write)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "ok",
        b: "ok",
        c: "EINVAL",
        d: "EINVAL",
        e: "EINVAL",
        f: "ok",
        g: "ok",
      },
    );
  });

  test("fences from user space make poll wait", () => {
    observed(
      `
        buf = dma_heap_alloc(system, 4K)
        a = poll(buf, in|out)
        f = dma_buf_export_sync_file(buf, read)
        g = dma_buf_export_sync_file(buf, read|write)
        h = dma_buf_export_sync_file(buf, none)
        i = dma_buf_import_sync_file(buf, f, write)
        j = dma_buf_import_sync_file(buf, f, none)
        k = dma_buf_import_sync_file(buf, buf, write)
        l = poll(buf, out)
        o = poll(f, in)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: ["in", "out"],
        f: "ok",
        g: "ok",
        h: "EINVAL",
        i: "ok",
        j: "EINVAL",
        k: "EINVAL",
        l: ["out"],
        o: ["in"],
      },
    );
  });

  test("received descriptors keep a buffer alive", () => {
    observed(
      `
        process B
        buf = dma_heap_alloc(system, 16K)
        va = mmap(buf, 16K, rw, shared)
        store(va, 5)
        B: fb = receive(buf)
        B: vb = mmap(fb, 16K, rw, shared)
        close(buf)
        munmap(va, 16K)
        B: close(fb)
        B: a = load(vb)
        B: b = smaps(vb).Rss`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        fb: "ok",
        a: 5,
        b: 0,
      },
    );
  });

  test("read-only buffers", () => {
    observed(
      `
        r = dma_heap_alloc(system, 16K, r)
        a = mmap(r, 16K, rw, shared)
        vr = mmap(r, 16K, r, shared)
        b = load(vr)
        c = store(vr, 1)
        d = mprotect(vr, 16K, rw)
        e = dma_buf_sync(r, start|write)
        w = reopen(r, rw)
        f = mmap(w, 16K, rw, shared)`,
      ["6.12", "6.18", "7.2", "7.3"],
      {
        a: "EACCES",
        vr: "ok",
        b: 0,
        c: "SIGSEGV",
        d: "EACCES",
        e: "ok",
        w: "ENXIO",
        f: { "not_reached": 11 },
      },
    );
  });
});
