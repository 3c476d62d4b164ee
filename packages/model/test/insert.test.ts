/**
 * The primitives by which drivers fill page tables, their preconditions, and what each leaves behind (facts 3.1, 7.2,
 * matrix E).
 */
import { describe, expect, test } from "vitest";
import { File, Inode } from "../src/vfs/file.js";
import { Kernel } from "../src/kernel.js";
import { showPagemap, showSmap, statusOf } from "../src/mm/account.js";
import { dupMm } from "../src/mm/fork.js";
import {
  remapPfnRange,
  vmInsertPage,
  vmInsertPages,
  vmMapPages,
  vmfInsertMixed,
  vmfInsertPfn,
} from "../src/mm/insert.js";
import { MAP, doMmap } from "../src/mm/mmap.js";
import { mremap } from "../src/mm/mremap.js";
import { munmap } from "../src/mm/munmap.js";
import { PTE } from "../src/mm/page-table.js";
import { userLoad, userStore, userTouch } from "../src/mm/user-access.js";
import { FAULT, VM } from "../src/mm/vma.js";
import { unmapMappingRange } from "../src/mm/zap.js";
import { KernelBug, runAlone } from "../src/sched/path.js";
import type { KernelOptions } from "../src/kernel.js";
import type { Vma, VmOps } from "../src/mm/vma.js";
import type { Task } from "../src/task.js";

const PAGE = 4096;
const AT = 0x1_0000_0000;
const RW = VM.READ | VM.WRITE;

interface Bench {
  readonly k: Kernel;
  readonly task: Task;
  /** Four pages of driver memory, order 0. */
  readonly pfns: number[];
  readonly inode: Inode;
  map(fill: (vma: Vma) => number, sharing?: number, pages?: number): number;
  readonly vma: Vma;
}

function bench(options: KernelOptions = {}): Bench {
  const k = new Kernel(options);
  const task = k.process("A");
  const pfns = [0, 1, 2, 3].map(() => k.frames.alloc(0));
  const inode = new Inode(k.id(), "drm");
  return {
    k,
    task,
    pfns,
    inode,
    map(fill, sharing: number = MAP.SHARED, pages = 4) {
      const file = new File(
        inode,
        {
          path: () => "/dev/driver",
          *mmap(_file, vma) {
            return fill(vma);
          },
        },
        true,
        true,
      );
      return runAlone(
        doMmap(k, task, {
          file,
          address: BigInt(AT),
          length: BigInt(pages * PAGE),
          prot: RW,
          flags: sharing,
          offset: BigInt(0),
        }),
      );
    },
    get vma() {
      return task.mm.lookup(AT)!;
    },
  };
}

/** Entry bits of a page of the mapping. */
function bits(b: Bench, page = 0): number {
  return b.task.mm.table.leaf(AT + page * PAGE)?.bits[b.task.mm.table.slot(AT + page * PAGE)] ?? 0;
}

const faulting = (
  b: Bench,
  flags: number,
  fault: (vma: Vma, address: number, pgoff: number) => number,
): ((vma: Vma) => number) => {
  const ops: VmOps = {
    name: "driver",
    *fault(vmf) {
      return fault(vmf.vma, vmf.address, vmf.pgoff);
    },
  };
  return (vma) => {
    vma.flags |= flags;
    vma.ops = ops;
    return 0 * b.pfns.length;
  };
};

describe("vm_insert_page", () => {
  test("reference 1 to 2, map count 0 to 1, RSS, VM_MIXEDMAP; 3 and 2 after a fork; 1 and 0 after munmap [109]", () => {
    const b = bench({ release: "6.1" });
    const counts = (): number[] => [b.k.frames.ref(b.pfns[0]), b.k.frames.mapcount(b.pfns[0])];
    expect(counts()).toEqual([1, 0]);
    expect(b.map((vma) => vmInsertPages(b.k, vma, vma.start, b.pfns))).toBe(AT);
    expect(counts()).toEqual([2, 1]);
    expect(b.vma.has(VM.MIXEDMAP)).toBe(true);
    expect(bits(b) & PTE.special).toBe(0);
    expect(statusOf(b.task.mm).RssFile).toBe(16384);
    const child = runAlone(dupMm(b.k, b.task.mm, "C"));
    expect(counts()).toEqual([3, 2]);
    expect(showSmap(b.k, child.lookup(AT)!)).toMatchObject({ Rss: 16384, Pss: 8192 });
    runAlone(munmap(b.k, b.task, BigInt(AT), BigInt(16384)));
    expect(counts()).toEqual([2, 1]);
    expect(statusOf(b.task.mm).VmRSS).toBe(0);
  });

  test("outside the mapping EFAULT, without a reference EINVAL, over an entry EBUSY", () => {
    const b = bench();
    b.map((vma) => {
      expect(vmInsertPage(b.k, vma, vma.end, b.pfns[0])).toBe(-14);
      expect(vmInsertPages(b.k, vma, vma.start + PAGE, b.pfns)).toBe(-14);
      b.k.frames.addRef(b.pfns[1], -1);
      expect(vmInsertPage(b.k, vma, vma.start, b.pfns[1])).toBe(-22);
      expect(vmInsertPage(b.k, vma, vma.start, b.pfns[0])).toBe(0);
      expect(vmInsertPage(b.k, vma, vma.start, b.pfns[2])).toBe(-16);
      return 0;
    });
  });

  test("anonymous memory cannot be inserted", () => {
    const b = bench();
    const anon = runAlone(
      doMmap(b.k, b.task, {
        file: undefined,
        address: BigInt(AT * 2),
        length: BigInt(PAGE),
        prot: RW,
        flags: MAP.PRIVATE,
        offset: BigInt(0),
      }),
    );
    runAlone(userStore(b.k, b.task, anon, 4, 1));
    const pfn = b.task.mm.table.leaf(anon)!.pfn[b.task.mm.table.slot(anon)];
    b.map((vma) => {
      expect(vmInsertPage(b.k, vma, vma.start, pfn)).toBe(-22);
      return 0;
    });
  });

  test("from a fault handler that did not set VM_MIXEDMAP before: a BUG", () => {
    const b = bench();
    b.map(faulting(b, 0, (vma, address) => (vmInsertPage(b.k, vma, address, b.pfns[0]), FAULT.nopage)));
    expect(() => runAlone(userLoad(b.k, b.task, AT, 4))).toThrow(KernelBug);
  });

  test("from a fault handler that did: fine", () => {
    const b = bench();
    b.map(
      faulting(b, VM.MIXEDMAP, (vma, address, pgoff) => (vmInsertPage(b.k, vma, address, b.pfns[pgoff]), FAULT.nopage)),
    );
    expect(runAlone(userTouch(b.k, b.task, AT, 4 * PAGE, false))).toBe(0);
    expect(b.task.minorFaults).toBe(4);
  });

  test("into VM_PFNMAP: a BUG", () => {
    const b = bench();
    expect(() => b.map((vma) => ((vma.flags |= VM.PFNMAP), vmInsertPage(b.k, vma, vma.start, b.pfns[0])))).toThrow(
      KernelBug,
    );
  });

  test("vm_map_pages honours the page offset and refuses what does not fit: ENXIO", () => {
    const b = bench();
    expect(b.map((vma) => vmMapPages(b.k, vma, b.pfns.slice(0, 3)))).toBe(-6);
    expect(b.task.mm.vmas.length).toBe(0);
    expect(b.k.frames.ref(b.pfns[0])).toBe(1);
    expect(b.map((vma) => ((vma.pgoff = 1), vmMapPages(b.k, vma, b.pfns)), MAP.SHARED, 3)).toBe(AT);
    expect(b.task.mm.table.leaf(AT)!.pfn[0]).toBe(b.pfns[1]);
  });

  test("a mapping that is empty again has no way back: SIGBUS", () => {
    const b = bench();
    b.map((vma) => vmInsertPages(b.k, vma, vma.start, b.pfns));
    unmapMappingRange(b.k, b.inode.mapping, 0, 0, true);
    expect(runAlone(userLoad(b.k, b.task, AT, 4))).toEqual({ signal: "SIGBUS" });
    expect(b.task.minorFaults).toBe(0);
  });
});

describe("vmf_insert_pfn", () => {
  test("a special entry: no reference, no map count, nothing in smaps and pagemap [107]", () => {
    const b = bench();
    b.map(faulting(b, VM.PFNMAP, (vma, address, pgoff) => vmfInsertPfn(b.k, vma, address, b.pfns[pgoff])));
    expect(runAlone(userTouch(b.k, b.task, AT, 4 * PAGE, true))).toBe(0);
    expect(b.task.minorFaults).toBe(4);
    expect(bits(b) & PTE.special).toBe(PTE.special);
    expect([b.k.frames.ref(b.pfns[0]), b.k.frames.mapcount(b.pfns[0])]).toEqual([1, 0]);
    expect(showSmap(b.k, b.vma)).toMatchObject({ Size: 16384, Rss: 0, Pss: 0 });
    expect(showPagemap(b.k, b.task.mm, AT)).toMatchObject({ present: 0, mapcount: 0 });
    const child = runAlone(dupMm(b.k, b.task.mm, "C"));
    expect(child.table.leaf(AT)!.used).toBe(4);
  });

  test("over an entry: success, and the old one stays", () => {
    const b = bench();
    b.map((vma) => {
      vma.flags |= VM.PFNMAP;
      expect(vmfInsertPfn(b.k, vma, vma.start, b.pfns[0])).toBe(FAULT.nopage);
      expect(vmfInsertPfn(b.k, vma, vma.start, b.pfns[1])).toBe(FAULT.nopage);
      expect(vmfInsertPfn(b.k, vma, vma.end, b.pfns[1])).toBe(FAULT.sigbus);
      return 0;
    });
    expect(b.task.mm.table.leaf(AT)!.pfn[0]).toBe(b.pfns[0]);
  });

  test.each([
    ["without flags", 0, MAP.SHARED],
    ["with both flags", VM.PFNMAP | VM.MIXEDMAP, MAP.SHARED],
    ["into a private VM_PFNMAP mapping", VM.PFNMAP, MAP.PRIVATE],
    ["of memory into VM_MIXEDMAP", VM.MIXEDMAP, MAP.SHARED],
  ])("%s: a BUG", (_name, flags, sharing) => {
    const b = bench();
    expect(() => b.map((vma) => ((vma.flags |= flags), vmfInsertPfn(b.k, vma, vma.start, b.pfns[0])), sharing)).toThrow(
      KernelBug,
    );
  });

  test("with pfn_mkwrite a page first read and then written costs a second fault [124]", () => {
    const b = bench();
    let told = 0;
    const ops: VmOps = {
      name: "driver",
      *fault(vmf) {
        return vmfInsertPfn(b.k, vmf.vma, vmf.address, b.pfns[vmf.pgoff]);
      },
      *pfnMkwrite() {
        told++;
        return FAULT.none;
      },
    };
    b.map((vma) => ((vma.flags |= VM.PFNMAP), (vma.ops = ops), 0));
    runAlone(userTouch(b.k, b.task, AT, 4 * PAGE, false));
    expect(b.task.minorFaults).toBe(4);
    runAlone(userTouch(b.k, b.task, AT, 4 * PAGE, true));
    expect([b.task.minorFaults, told]).toEqual([8, 4]);
    runAlone(userTouch(b.k, b.task, AT, 4 * PAGE, true));
    expect(b.task.minorFaults).toBe(8);
  });
});

describe("vmf_insert_mixed", () => {
  const mixed = (b: Bench, flags: number = VM.MIXEDMAP): ((vma: Vma) => number) =>
    faulting(b, flags, (vma, address, pgoff) => vmfInsertMixed(b.k, vma, address, b.pfns[pgoff]));

  test("special where entries can be: memory is a bare frame [108]", () => {
    const b = bench({ release: "6.1" });
    b.map(mixed(b));
    runAlone(userTouch(b.k, b.task, AT, 4 * PAGE, true));
    expect([b.k.frames.ref(b.pfns[0]), b.k.frames.mapcount(b.pfns[0])]).toEqual([1, 0]);
    expect(showSmap(b.k, b.vma)).toMatchObject({ Rss: 0 });
    expect(showPagemap(b.k, b.task.mm, AT)).toEqual({ present: 1, swap: 0, file: 0, exclusive: 0, mapcount: 0 });
  });

  test("a page where they cannot", () => {
    const b = bench({ release: "6.1", arch: "arm" });
    const at = b.map(mixed(b));
    runAlone(userLoad(b.k, b.task, at, 4));
    expect([b.k.frames.ref(b.pfns[0]), b.k.frames.mapcount(b.pfns[0])]).toEqual([2, 1]);
    expect(showSmap(b.k, b.task.mm.lookup(at)!)).toMatchObject({ Rss: 4096 });
  });

  test("outside VM_MIXEDMAP: a BUG in 6.1, SIGBUS later", () => {
    const old = bench({ release: "6.1" });
    old.map(mixed(old, VM.PFNMAP));
    expect(() => runAlone(userLoad(old.k, old.task, AT, 4))).toThrow(KernelBug);
    const now = bench({ release: "6.12" });
    now.map(mixed(now, VM.PFNMAP));
    expect(runAlone(userLoad(now.k, now.task, AT, 4))).toEqual({ signal: "SIGBUS" });
  });
});

describe("remap_pfn_range", () => {
  test("fills at once, sets the flags, takes nothing", () => {
    const b = bench();
    expect(b.map((vma) => remapPfnRange(b.k, vma, vma.start, 100000, 4 * PAGE))).toBe(AT);
    expect(b.vma.flags & (VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP)).toBe(
      VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP,
    );
    expect([b.k.counters.ptes, b.task.mm.table.leaf(AT)!.pfn[3]]).toEqual([4, 100003]);
  });

  test("private: one call for the whole mapping, or EINVAL and nothing left", () => {
    const whole = bench();
    expect(whole.map((vma) => remapPfnRange(whole.k, vma, vma.start, 100000, 4 * PAGE), MAP.PRIVATE)).toBe(AT);
    expect(whole.vma.pgoff).toBe(100000);
    const parts = bench();
    expect(parts.map((vma) => remapPfnRange(parts.k, vma, vma.start, 100000, PAGE), MAP.PRIVATE)).toBe(-22);
    expect([parts.task.mm.vmas.length, statusOf(parts.task.mm).VmPTE]).toEqual([0, 0]);
  });

  test("a second call over the whole mapping fails from 6.16 on, where x86 counts", () => {
    const twice = (release: string, arch: "x86_64" | "arm64"): number => {
      const b = bench({ release, arch });
      let second = 0;
      b.map((vma) => {
        remapPfnRange(b.k, vma, vma.start, 100000, 4 * PAGE);
        unmapMappingRange(b.k, b.inode.mapping, 0, 0, true);
        b.task.mm.table.leaf(AT)!.bits.fill(0);
        b.task.mm.table.leaf(AT)!.used = 0;
        second = remapPfnRange(b.k, vma, vma.start, 100000, 4 * PAGE);
        return 0;
      });
      return second;
    };
    expect([twice("6.12", "x86_64"), twice("7.2", "x86_64"), twice("7.2", "arm64")]).toEqual([0, -22, 0]);
  });

  test("over an entry: a BUG; unaligned: EINVAL", () => {
    const b = bench();
    expect(() =>
      b.map((vma) => {
        expect(remapPfnRange(b.k, vma, vma.start + 1, 100000, PAGE)).toBe(-22);
        remapPfnRange(b.k, vma, vma.start, 100000, PAGE);
        return remapPfnRange(b.k, vma, vma.start, 100000, PAGE);
      }),
    ).toThrow(KernelBug);
  });

  test("a private copy survives the original's revocation only when copies are spared", () => {
    const b = bench();
    b.map((vma) => remapPfnRange(b.k, vma, vma.start, b.pfns[0], PAGE), MAP.PRIVATE, 1);
    runAlone(userStore(b.k, b.task, AT, 4, 7));
    const base = b.vma.pgoff;
    unmapMappingRange(b.k, b.inode.mapping, base, 1, false);
    expect(runAlone(userLoad(b.k, b.task, AT, 4))).toBe(7);
    unmapMappingRange(b.k, b.inode.mapping, base, 1, true);
    expect(runAlone(userLoad(b.k, b.task, AT, 4))).toEqual({ signal: "SIGBUS" });
  });

  test("a moved mapping keeps its entries and, up to 6.15, its reservation", () => {
    const b = bench({ release: "6.12" });
    b.map((vma) => remapPfnRange(b.k, vma, vma.start, 100000, 4 * PAGE));
    const to = AT + 0x1000_0000;
    expect(
      runAlone(
        mremap(
          b.k,
          b.task,
          BigInt(AT),
          BigInt(4 * PAGE),
          BigInt(4 * PAGE),
          { maymove: true, fixed: true, dontunmap: false },
          BigInt(to),
        ),
      ),
    ).toBe(to);
    const moved = b.task.mm.lookup(to)!;
    expect([moved.has(VM.ARCH_1), b.task.mm.table.leaf(to)!.used, b.task.mm.lookup(AT)]).toEqual([true, 4, undefined]);
  });

  test("a whole table moves as it is", () => {
    const b = bench();
    b.map((vma) => remapPfnRange(b.k, vma, vma.start, 100000, 1024 * PAGE), MAP.SHARED, 1024);
    const leaf = b.task.mm.table.leaf(AT);
    const to = AT + 0x1000_0000;
    runAlone(
      mremap(
        b.k,
        b.task,
        BigInt(AT),
        BigInt(1024 * PAGE),
        BigInt(1024 * PAGE),
        { maymove: true, fixed: true, dontunmap: false },
        BigInt(to),
      ),
    );
    expect(b.task.mm.table.leaf(to)).toBe(leaf);
    expect(statusOf(b.task.mm).VmPTE).toBe(3 * PAGE);
  });
});

describe("growing a mapping that a driver filled (matrix E, AF_PACKET)", () => {
  const grow = (release: string, flags: number, close: boolean): number => {
    const b = bench({ release });
    const ops: VmOps = close ? { name: "driver", close() {} } : { name: "driver" };
    b.map((vma) => ((vma.flags |= flags), (vma.ops = ops), 0));
    return runAlone(
      mremap(
        b.k,
        b.task,
        BigInt(AT),
        BigInt(4 * PAGE),
        BigInt(8 * PAGE),
        { maymove: false, fixed: false, dontunmap: false },
        BigInt(0),
      ),
    );
  };

  test("VM_MIXEDMAP in place: ENOMEM, but with close it succeeds in 6.1, and before 5.19 always [103]", () => {
    expect([
      grow("6.1", VM.MIXEDMAP, false),
      grow("6.12", VM.MIXEDMAP, false),
      grow("7.3", VM.MIXEDMAP, false),
    ]).toEqual([-12, -12, -12]);
    expect([grow("6.1", VM.MIXEDMAP, true), grow("6.12", VM.MIXEDMAP, true)]).toEqual([AT, -12]);
    expect(grow("5.10", VM.MIXEDMAP, false)).toBe(AT);
  });

  test("plain mappings grow, VM_PFNMAP ones never", () => {
    expect([grow("6.12", 0, false), grow("6.12", VM.PFNMAP, false), grow("7.3", VM.DONTEXPAND, false)]).toEqual([
      AT,
      -14,
      -14,
    ]);
  });
});

describe("memory is given back", () => {
  test("every page of an address space that ends", () => {
    const k = new Kernel();
    const before = k.frames.used;
    const task = k.process("A");
    const at = runAlone(
      doMmap(k, task, {
        file: undefined,
        address: BigInt(AT),
        length: BigInt(64 * PAGE),
        prot: RW,
        flags: MAP.PRIVATE,
        offset: BigInt(0),
      }),
    );
    runAlone(userTouch(k, task, at, 64 * PAGE, true));
    expect(k.frames.used).toBe(before + 64);
    const child = runAlone(dupMm(k, task.mm, "C"));
    expect(k.frames.used).toBe(before + 64);
    runAlone(munmap(k, task, BigInt(at), BigInt(64 * PAGE)));
    expect(k.frames.used).toBe(before + 64);
    const heir = k.process("D");
    Object.assign(heir, { mm: child });
    runAlone(munmap(k, heir, BigInt(at), BigInt(64 * PAGE)));
    expect([k.frames.used, k.committed]).toEqual([before, 0]);
  });
});
