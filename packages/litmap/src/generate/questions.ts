/** The questions that are put to every kind of memory, with the steps that answer them. */

/** The advice of madvise, each tried once. */
const advice = [
  "normal",
  "random",
  "sequential",
  "willneed",
  "free",
  "cold",
  "pageout",
  "populate_read",
  "populate_write",
  "hugepage",
  "nohugepage",
  "mergeable",
  "unmergeable",
  "collapse",
  "dontdump",
  "dodump",
  "dontfork",
  "dofork",
  "wipeonfork",
  "keeponfork",
  "guard_install",
  "remove",
];

export const account = [
  "fresh = smaps(va)",
  "before = pagemap(va)",
  "touch(va, 4p, write)",
  "full = smaps(va)",
  "after = pagemap(va)",
  "n = mincore(va, 1p)",
];

export const advised = ["touch(va, 4p, write)", ...advice.map((word) => `${word} = madvise(va, 1p, ${word})`)];

/** Up to the access after MADV_DONTNEED, `ld`. */
export const zapped = [
  "touch(va, 4p, write)",
  "lk = madvise(va, 1p, dontneed_locked)",
  "dn = madvise(va, 1p, dontneed)",
  "madvise(va, 1p, random)",
  "gone = smaps(va)",
  "ld = touch(va, 1p, read)",
  "st = touch(va, 1p, write)",
  "ml = mlock(va, 1p)",
  "mu = munlock(va, 1p)",
  "mo = mlock(va, 1p, onfault)",
];

/** Protections afterwards. A store to what is gone says nothing of the protection, so there it is a load. */
export function protections(gone: boolean, [r, w, x]: readonly [string, string, string]): string[] {
  return [
    `${r} = mprotect(va, 1p, r)`,
    gone ? "rs = load(va)" : "rs = store(va, 1)",
    `${w} = mprotect(va, 1p, rw)`,
    "ws = store(va, 2)",
    `${x} = mprotect(va, 1p, rwx)`,
  ];
}

/** `touched` is what the child touches, `reads` what is read of it. */
export function forked(touched: string, reads: string, pokes: boolean): string[] {
  return [
    "touch(va, 4p, write)",
    "fork C",
    "C: before = smaps(va)",
    "C: entry = pagemap(va)",
    `C: touch(va, ${touched}, write)`,
    "C: after = smaps(va)",
    "peek = ptrace_peek(va, C)",
    ...(pokes ? ["poke = ptrace_poke(va, 5, C)"] : []),
    `vm = process_vm_readv(va, ${reads}, C)`,
    "df = madvise(va, 4p, dontfork)",
    "un = madvise(va, 4p, dofork)",
  ];
}

export function layout(page: number): string[] {
  return [
    "touch(va, 4p, write)",
    "ms = msync(va, 4p, sync)",
    "mi = msync(va, 4p, sync|invalidate)",
    "um = userfaultfd_register(va, 4p, missing)",
    "uw = userfaultfd_register(va, 4p, wp)",
    "un = userfaultfd_register(va, 4p, minor)",
    `rf = remap_file_pages(va, 1p, ${page})`,
    "x = load(va)",
  ];
}

/** Calls that reach memory through its address; `length` is the length of their buffers. */
export function reached(length: string, bound: string): string[] {
  return [
    "touch(va, 4p, write)",
    "disk = open_disk(direct)",
    "file = open_file()",
    `readv = process_vm_readv(va, ${length})`,
    `writev = process_vm_writev(va, ${length})`,
    `mr = mem_read(va, ${length})`,
    `mw = mem_write(va, ${length})`,
    `dw = pwrite(disk, va, ${length}, 0)`,
    `dr = pread(disk, va, ${length}, 0)`,
    `bw = pwrite(file, va, ${length}, 0)`,
    `br = pread(file, va, ${length}, 0)`,
    `vs = vmsplice(va, ${length})`,
    `vg = vmsplice(va, ${length}, gift)`,
    `reg = io_uring_register_buffers(va, ${length})`,
    "fs = futex_wait(va, shared)",
    "fw = futex_wake(va, shared)",
    "fp = futex_wait(va, private)",
    ...(bound === "n" ? [`zc = send_zerocopy(va, ${length})`] : []),
    "ask = move_pages(va)",
    "move = move_pages(va, node0)",
    `${bound}1 = mbind(va, 4p, bind)`,
    `${bound}2 = mbind(va, 4p, bind, strict|move)`,
    `${bound}3 = mbind(va, 4p, default)`,
    "node = get_mempolicy(va)",
  ];
}

/** What mremap is asked to do, on a mapping each. */
export const moves = [
  { on: "a", call: "grow = mremap(a, 4p, 8p)" },
  { on: "b", call: "here = mremap(b, 4p, 8p, none)" },
  { on: "c", call: "dup = mremap(c, 0, 4p)" },
  { on: "d", call: "du = mremap(d, 4p, 4p, maymove|dontunmap)" },
  { on: "g", call: "spot = mmap(anon, 4p, rw, private)\nmove = mremap(g, 4p, 4p, maymove|fixed, spot)" },
];

export function afterMoves(seen: string): string[] {
  return [
    "there = pagemap(move)",
    `${seen} = load(move + 1p)`,
    "mid = munmap(move + 1p, 1p)",
    "left = smaps(move)",
    "sh = mremap(move + 2p, 2p, 1p)",
  ];
}

/** The new addresses that mremap gave. */
export const duplicates = ["again = load(dup)", "new = load(du)", "old = load(d)", "was = pagemap(d)"];

export const questions = {
  account: (what: string) => `How do /proc and mincore account ${what}?`,
  advised: (what: string) => `Which advice does madvise accept for ${what}?`,
  zapped: (what: string) => `Can ${what} be accessed again after MADV_DONTNEED, and by which calls?`,
  forked: (what: string) => `What does a child inherit of ${what}, and which calls reach it there?`,
  layout: (what: string) => `Do msync, userfaultfd and remap_file_pages work on ${what}?`,
  moved: (what: string) => `Can mremap grow, duplicate, move and shrink ${what}?`,
  populate: (what: string) => `What do MAP_POPULATE and MAP_LOCKED do to ${what}?`,
  private: (what: string) => `What does a private mapping of ${what} give on reads and writes?`,
  reached: (what: string) => `Which system calls can access ${what}?`,
};
