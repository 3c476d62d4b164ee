/** The slow and the fast walk: what they take, what they fault in, what they leave behind. */
import { describe, expect, test } from "vitest";
import { dupMm } from "../src/mm/fork.js";
import { FOLL, getUserPagesRemote, pinUserPages } from "../src/mm/gup.js";
import { getUserPagesFast, pinUserPagesFast } from "../src/mm/gup-fast.js";
import { GUP_PIN_COUNTING_BIAS, PG } from "../src/mm/frames.js";
import { memfdPinFolios } from "../src/mm/memfd-pin.js";
import { MAP } from "../src/mm/mmap.js";
import { mprotect } from "../src/mm/mprotect.js";
import { putPages, unpinUserPages } from "../src/mm/pin.js";
import { newMemfd } from "../src/mm/shmem.js";
import { doMunmap } from "../src/mm/munmap.js";
import { KernelHang } from "../src/sched/path.js";
import { VM } from "../src/mm/vma.js";
import { Task } from "../src/task.js";
import { PAGE, RW, Scene } from "./scene.js";
import type { File } from "../src/vfs/file.js";

const EFAULT = -14;
const ENOMEM = -12;
const EINVAL = -22;

function slow(s: Scene, address: number, pages: number, flags: number): { got: number; pfns: number[] } {
  const pfns: number[] = [];
  const got = s.run(getUserPagesRemote(s.k, s.task, s.task.mm, address, pages, flags, pfns));
  return { got, pfns };
}

function fast(s: Scene, address: number, pages: number, flags: number, pin = false): { got: number; pfns: number[] } {
  const pfns: number[] = [];
  const got = s.run((pin ? pinUserPagesFast : getUserPagesFast)(s.k, s.task, address, pages, flags, pfns));
  return { got, pfns };
}

describe("references and pins", () => {
  test("FOLL_GET adds one, FOLL_PIN 1024 to a small folio", () => {
    const s = new Scene();
    const a = s.anon(1);
    s.touch(a, 1, true);
    expect(s.ref(a)).toBe(1);
    const get = slow(s, a, 1, FOLL.get);
    expect(s.ref(a)).toBe(2);
    const pin = slow(s, a, 1, FOLL.pin);
    expect(s.ref(a)).toBe(2 + GUP_PIN_COUNTING_BIAS);
    expect(s.k.frames.maybePinned(s.frame(a))).toBe(true);
    unpinUserPages(s.k, pin.pfns);
    putPages(s.k, get.pfns);
    expect(s.ref(a)).toBe(1);
  });

  test("a pin of a large folio counts apart", () => {
    const s = new Scene();
    const memfd = s.run(newMemfd(s.k, { size: BigInt(2 * 1024 * 1024), hugetlb: true })) as File;
    const a = s.map(memfd, 512);
    const { got, pfns } = slow(s, a, 3, FOLL.pin | FOLL.write);
    expect(got).toBe(3);
    expect(pfns).toEqual([pfns[0], pfns[0] + 1, pfns[0] + 2]);
    const head = s.k.frames.head(pfns[0]);
    expect(s.k.frames.largePin(head)).toBe(3);
    const refs = s.k.frames.ref(head);
    unpinUserPages(s.k, pfns);
    expect(s.k.frames.largePin(head)).toBe(0);
    expect(s.k.frames.ref(head)).toBe(refs - 3);
  });

  test("a page outlives its mapping under a reference", () => {
    const s = new Scene();
    const a = s.anon(1);
    s.store(a, 0x1234);
    const { pfns } = slow(s, a, 1, FOLL.get);
    s.run(doMunmap(s.k, s.task.mm, a, PAGE));
    expect(s.k.frames.ref(pfns[0])).toBe(1);
    expect(s.k.frames.bytes(pfns[0])![0]).toBe(0x34);
    const used = s.k.frames.used;
    putPages(s.k, pfns);
    expect(s.k.frames.used).toBe(used - 1);
  });

  test("the zero page is handed out, and a pin of it is not counted", () => {
    const s = new Scene();
    const a = s.anon(1, VM.READ);
    const before = s.k.frames.ref(s.k.zeroPfn);
    const { pfns } = slow(s, a, 1, FOLL.pin);
    expect(pfns).toEqual([s.k.zeroPfn]);
    expect(s.k.frames.ref(s.k.zeroPfn)).toBe(before);
    unpinUserPages(s.k, pfns);
    expect(s.k.frames.ref(s.k.zeroPfn)).toBe(before);
    expect(slow(s, a, 1, FOLL.get).got).toBe(1);
    expect(s.k.frames.ref(s.k.zeroPfn)).toBe(before + 1);
  });

  test("special entries are left as they are", () => {
    const s = new Scene();
    const { address, frames } = s.driver("mixed", 2);
    expect(slow(s, address, 2, FOLL.get).got).toBe(-17);
    expect(frames.map((pfn) => s.k.frames.ref(pfn))).toEqual([1, 1]);
    expect(frames.map((pfn) => s.k.frames.mapcount(pfn))).toEqual([0, 0]);
  });

  test("a page whose folio nobody holds gives ENOMEM", () => {
    const s = new Scene();
    const { address, frames } = s.driver("insert-page", 2);
    s.k.frames.addRef(frames[0], -2);
    expect(slow(s, address, 2, FOLL.get).got).toBe(ENOMEM);
    expect(slow(s, address + PAGE, 1, FOLL.get).got).toBe(1);
  });
});

describe("faulting in", () => {
  test("each absent page costs one minor fault of who asks", () => {
    const s = new Scene();
    const a = s.map(s.memfd(8), 8);
    const other = s.k.process("B");
    const pfns: number[] = [];
    s.run(getUserPagesRemote(s.k, other, s.task.mm, a, 8, FOLL.get | FOLL.write, pfns));
    expect(other.minorFaults).toBe(8);
    expect(s.task.minorFaults).toBe(0);
    expect(s.task.mm.rssShmem).toBe(8);
  });

  test("the fast walk takes what is there without a fault", () => {
    const s = new Scene();
    const a = s.map(s.memfd(8), 8);
    s.touch(a, 4, true);
    expect(s.task.minorFaults).toBe(4);
    expect(fast(s, a, 8, FOLL.write).got).toBe(8);
    expect(s.task.minorFaults).toBe(8);
    expect(fast(s, a, 8, FOLL.write).got).toBe(8);
    expect(s.task.minorFaults).toBe(8);
  });

  test("a page read before is faulted again for a write", () => {
    const s = new Scene();
    const a = s.anon(1);
    s.touch(a, 1, false);
    expect(s.frame(a)).toBe(s.k.zeroPfn);
    expect(fast(s, a, 1, FOLL.write).got).toBe(1);
    expect(s.frame(a)).not.toBe(s.k.zeroPfn);
    expect(s.task.minorFaults).toBe(2);
  });

  test("a walk that must not fault stops at a hole", () => {
    const s = new Scene();
    const a = s.anon(2);
    s.touch(a, 1, true);
    expect(slow(s, a, 2, FOLL.get | FOLL.nofault).got).toBe(1);
    expect(slow(s, a + PAGE, 1, FOLL.get | FOLL.nofault).got).toBe(EFAULT);
  });

  test("past the end of the file the fault is SIGBUS and the walk EFAULT", () => {
    const s = new Scene();
    const a = s.map(s.memfd(1), 2);
    expect(slow(s, a, 2, FOLL.get).got).toBe(1);
    expect(slow(s, a + PAGE, 1, FOLL.get).got).toBe(EFAULT);
    expect(s.rules()).toContain("gup/fault-failed");
  });

  test("pages before a hole in the address space are given, then EFAULT", () => {
    const s = new Scene();
    const a = s.anon(4);
    s.run(doMunmap(s.k, s.task.mm, a + 2 * PAGE, PAGE));
    expect(slow(s, a, 4, FOLL.get | FOLL.write).got).toBe(2);
    expect(slow(s, a + 2 * PAGE, 2, FOLL.get).got).toBe(EFAULT);
    expect(s.rules()).toContain("gup/no-vma");
  });
});

describe("protection", () => {
  test("read and write are asked of the VMA by the slow walk", () => {
    const s = new Scene();
    const readOnly = s.anon(1, VM.READ);
    const none = s.anon(1, 0);
    const writeOnly = s.anon(1, VM.WRITE);
    expect(slow(s, readOnly, 1, FOLL.get | FOLL.write).got).toBe(EFAULT);
    expect(slow(s, none, 1, FOLL.get).got).toBe(EFAULT);
    expect(slow(s, writeOnly, 1, FOLL.get).got).toBe(EFAULT);
    expect(slow(s, writeOnly, 1, FOLL.get | FOLL.write).got).toBe(1);
  });

  test("a write-only mapping can be read by the fast walk once it is touched, for the entry permits it", () => {
    const s = new Scene();
    const a = s.anon(2, VM.WRITE);
    expect(fast(s, a, 1, 0).got).toBe(EFAULT);
    s.store(a, 1);
    expect(fast(s, a, 1, 0).got).toBe(1);
    expect(fast(s, a + PAGE, 1, 0).got).toBe(EFAULT);
  });

  test("force reads PROT_NONE, and writes a copy into a read-only private mapping", () => {
    const s = new Scene();
    const file = s.memfd(1);
    const shared = s.map(file, 1);
    s.store(shared, 7);
    const own = s.map(file, 1, VM.READ, MAP.PRIVATE);
    expect(slow(s, s.anon(1, 0), 1, FOLL.get | FOLL.force).got).toBe(1);
    const { got, pfns } = slow(s, own, 1, FOLL.get | FOLL.force | FOLL.write);
    expect(got).toBe(1);
    expect(pfns[0]).not.toBe(s.frame(shared));
    expect(s.k.frames.flags(pfns[0]) & PG.anon).toBe(PG.anon);
    expect(s.load(own)).toBe(7);
    expect(s.store(own, 8)).toEqual({ signal: "SIGSEGV" });
  });

  test("force does not write into a read-only shared mapping", () => {
    const s = new Scene();
    const a = s.map(s.memfd(1), 1, VM.READ, MAP.SHARED);
    expect(slow(s, a, 1, FOLL.get | FOLL.force | FOLL.write).got).toBe(EFAULT);
    expect(s.rules()).toContain("gup/force-shared");
  });
});

describe("force and hugetlb", () => {
  test("a read-only private hugetlb mapping can be written by force from 6.15 on", () => {
    for (const [release, expected] of [
      ["6.12", EFAULT],
      ["6.18", 1],
    ] as const) {
      const s = new Scene({ release });
      const memfd = s.run(newMemfd(s.k, { size: BigInt(2 * 1024 * 1024), hugetlb: true })) as File;
      const a = s.map(memfd, 512, VM.READ, MAP.PRIVATE);
      expect(slow(s, a, 1, FOLL.get | FOLL.force | FOLL.write).got).toBe(expected);
      expect(s.store(a, 8)).toEqual({ signal: "SIGSEGV" });
      expect(slow(s, a, 1, FOLL.get).got).toBe(1);
    }
  });
  test("a long-term read-only pin of a private hugetlb page ends", () => {
    const s = new Scene({ release: "7.2" });
    const memfd = s.run(newMemfd(s.k, { size: BigInt(2 * 1024 * 1024), hugetlb: true })) as File;
    const a = s.map(memfd, 512, RW, MAP.PRIVATE);
    const { got, pfns } = slow(s, a, 2, FOLL.pin | FOLL.longterm);
    expect(got).toBe(2);
    expect(s.k.frames.flags(s.k.frames.head(pfns[0])) & PG.anon).toBe(PG.anon);
  });
});

describe("unsharing", () => {
  function shared(release: string): { s: Scene; a: number } {
    const s = new Scene({ release });
    const a = s.anon(1);
    s.store(a, 5);
    s.run(dupMm(s.k, s.task.mm, "C"));
    return { s, a };
  }

  test("a read-only pin of a page shared by fork first copies it, from 5.19 on", () => {
    const { s, a } = shared("6.1");
    const before = s.frame(a);
    const { got, pfns } = fast(s, a, 1, 0, true);
    expect(got).toBe(1);
    expect(pfns[0]).not.toBe(before);
    expect(s.frame(a)).toBe(pfns[0]);
    expect(s.rules()).toContain("gup/unshare");
  });
  test("a read-only reference does not", () => {
    const { s, a } = shared("6.1");
    expect(fast(s, a, 1, 0).pfns).toEqual([s.frame(a)]);
  });
  test("before 5.19 nothing is copied", () => {
    const { s, a } = shared("5.10");
    const before = s.frame(a);
    expect(fast(s, a, 1, 0, true).pfns).toEqual([before]);
  });
  test("a long-term read-only pin also copies file pages of private mappings, from 6.2 on", () => {
    for (const [release, copies] of [
      ["6.1", false],
      ["6.12", true],
    ] as const) {
      const s = new Scene({ release });
      const file = s.memfd(1);
      const a = s.map(file, 1, RW, MAP.PRIVATE);
      s.touch(a, 1, false);
      const before = s.frame(a);
      const { pfns } = fast(s, a, 1, FOLL.longterm, true);
      expect(pfns[0] !== before).toBe(copies);
    }
  });
});

describe("long-term pins", () => {
  test("FOLL_LONGTERM without a pin is refused", () => {
    const s = new Scene();
    expect(slow(s, s.anon(1), 1, FOLL.get | FOLL.longterm).got).toBe(EINVAL);
  });

  test("a CMA page on no list is asked for again for ever", () => {
    const s = new Scene({ release: "6.1" });
    const { address } = s.driver("cma", 1);
    expect(() => slow(s, address, 1, FOLL.pin | FOLL.longterm)).toThrow(KernelHang);
    expect(() => fast(s, address, 1, FOLL.write | FOLL.longterm, true)).toThrow(/retries for ever/);
    expect(slow(s, address, 1, FOLL.pin).got).toBe(1);
  });

  test("a CMA page of a process is moved first, and keeps its bytes", () => {
    const s = new Scene();
    const a = s.anon(1);
    s.store(a, 0xabcd);
    const from = s.frame(a);
    s.k.frames.setFlags(from, PG.cma | PG.lru);
    const { got, pfns } = slow(s, a, 1, FOLL.pin | FOLL.longterm | FOLL.write);
    expect(got).toBe(1);
    expect(pfns[0]).not.toBe(from);
    expect(s.frame(a)).toBe(pfns[0]);
    expect(s.load(a)).toBe(0xabcd);
    expect(s.ref(a)).toBe(1 + GUP_PIN_COUNTING_BIAS);
    expect(s.k.frames.flags(from) & PG.allocated).toBe(0);
  });

  test("one that somebody else holds cannot be moved: ENOMEM", () => {
    const s = new Scene();
    const a = s.anon(1);
    s.store(a, 1);
    slow(s, a, 1, FOLL.get);
    s.k.frames.setFlags(s.frame(a), PG.cma | PG.lru);
    expect(slow(s, a, 1, FOLL.pin | FOLL.longterm).got).toBe(ENOMEM);
    expect(s.ref(a)).toBe(2);
  });
});

describe("the fast path", () => {
  test("a range that ends past user space is EFAULT at once", () => {
    const s = new Scene();
    expect(fast(s, s.k.arch.taskSize - PAGE, 2, 0).got).toBe(EFAULT);
    expect(s.rules()).toContain("gup/past-task-size");
  });

  test("what the fast walk took is given also when the slow one fails", () => {
    const s = new Scene();
    const a = s.anon(2);
    s.touch(a, 2, true);
    s.run(doMunmap(s.k, s.task.mm, a + PAGE, PAGE));
    expect(fast(s, a, 2, 0).got).toBe(1);
  });

  test("pin_user_pages never walks fast", () => {
    const s = new Scene();
    const { address } = s.driver("insert-page-io", 1);
    const pfns: number[] = [];
    expect(s.run(pinUserPages(s.k, s.task, address, 1, FOLL.write, pfns))).toBe(EFAULT);
    expect(pfns).toEqual([]);
  });

  test("threads and other tasks have their own address space to walk", () => {
    const s = new Scene();
    const a = s.anon(1);
    s.touch(a, 1, true);
    const thread = new Task("T", s.task.mm, s.task.files);
    expect(s.run(getUserPagesFast(s.k, thread, a, 1, 0, []))).toBe(1);
    expect(s.run(getUserPagesFast(s.k, s.k.process("B"), a, 1, 0, []))).toBe(EFAULT);
  });
});

describe("memfd_pin_folios", () => {
  test("pins each page of the range once, and allocates holes", () => {
    const s = new Scene();
    const file = s.memfd(8);
    const pinned = s.run(memfdPinFolios(s.k, file.inode, PAGE, 4 * PAGE - 1, 8));
    expect(typeof pinned).toBe("object");
    if (typeof pinned === "number") return;
    expect(pinned.folios.length).toBe(3);
    expect(pinned.offset).toBe(0);
    expect(file.inode.mapping.pages.size).toBe(3);
    for (const pfn of pinned.folios) expect(s.k.frames.ref(pfn)).toBe(1 + GUP_PIN_COUNTING_BIAS);
  });
  test("refuses empty, reversed and past-the-end ranges with EINVAL", () => {
    const s = new Scene();
    const { inode } = s.memfd(2);
    expect(s.run(memfdPinFolios(s.k, inode, PAGE, PAGE - 1, 8))).toBe(EINVAL);
    expect(s.run(memfdPinFolios(s.k, inode, 0, 2 * PAGE, 8))).toBe(EINVAL);
    expect(s.run(memfdPinFolios(s.k, inode, 0, PAGE - 1, 0))).toBe(EINVAL);
    expect(inode.mapping.pages.size).toBe(0);
  });
  test("a hugetlb folio is pinned once however many of its pages are meant", () => {
    const s = new Scene();
    const file = s.run(newMemfd(s.k, { size: BigInt(4 * 1024 * 1024), hugetlb: true })) as File;
    const pinned = s.run(memfdPinFolios(s.k, file.inode, 8192, 2 * 1024 * 1024 + PAGE - 1, 16));
    if (typeof pinned === "number") throw new Error(`${pinned}`);
    expect(pinned.folios.length).toBe(2);
    expect(pinned.offset).toBe(8192);
    expect(pinned.folios.map((head) => s.k.frames.largePin(head))).toEqual([1, 1]);
  });
});

describe("memory that may only be executed", () => {
  test("neither a load nor either walk reads it, also where it is present", () => {
    const s = new Scene({ release: "6.12" });
    const a = s.map(s.memfd(1), 1);
    s.touch(a, 1, true);
    expect(s.run(mprotect(s.k, s.task, BigInt(a), BigInt(PAGE), VM.EXEC))).toBe(0);
    expect(s.load(a)).toEqual({ signal: "SIGSEGV" });
    expect(fast(s, a, 1, 0).got).toBe(EFAULT);
    expect(slow(s, a, 1, FOLL.get).got).toBe(EFAULT);
    expect(slow(s, a, 1, FOLL.get | FOLL.force).got).toBe(1);
    expect(s.run(mprotect(s.k, s.task, BigInt(a), BigInt(PAGE), VM.READ))).toBe(0);
    expect(fast(s, a, 1, 0).got).toBe(1);
  });
});
