/** Core files: what of an address space the kernel writes (fs/coredump.c, fs/binfmt_elf.c). */
import { FOLL } from "../mm/foll.js";
import { getUserPages } from "../mm/gup.js";
import { putPages } from "../mm/pin.js";
import { userLoad } from "../mm/user-access.js";
import { VM } from "../mm/vma.js";
import { acquire, release } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import type { Rule } from "../rules/rule.js";
import type { FileKind } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "../mm/vma.js";

const rule = rules({
  "coredump/dontdump": {
    sentence: "A VM_DONTDUMP VMA is a segment without data, regardless of coredump_filter.",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/io": {
    sentence: "A VM_IO VMA is a segment without data.",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/hugetlb": {
    sentence: "Hugetlb VMAs are dumped by coredump_filter bit 5 (private) and bit 6 (shared).",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/shared": {
    sentence:
      "A shared mapping is dumped by coredump_filter bit 1 if its file is unlinked (memfd), else by bit 3, which " +
      "is off by default.",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/written": {
    sentence: "A private mapping that may have anonymous pages is dumped whole.",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/file-private": {
    sentence: "A private file mapping with no anonymous pages is not dumped unless coredump_filter bit 2 is set.",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/elf-header": {
    sentence:
      "An unwritten private mapping of the start of a file is dumped by its first page if the file is executable " +
      "or has an ELF header.",
    kernel: "vma_dump_size, fs/coredump.c",
  },
  "coredump/hole": {
    sentence:
      "A page that get_dump_page does not get (absent anonymous memory, zero page, special PTE) is a hole in the " +
      "core file.",
    kernel: "dump_user_range, fs/coredump.c; get_dump_page, mm/gup.c",
  },
});

/** Bits of /proc/PID/coredump_filter. */
const FILTER = {
  anonPrivate: 1,
  anonShared: 2,
  mappedPrivate: 4,
  mappedShared: 8,
  elfHeaders: 16,
  hugetlbPrivate: 32,
  hugetlbShared: 64,
} as const;

/** The four bytes with which an ELF file begins, as a little-endian word. */
const ELF_MAGIC = 0x464c457f;

/** Files to which no name leads: their inodes have a link count of 0. */
const nameless: ReadonlySet<FileKind> = new Set(["memfd", "hugetlb", "file"]);

/** What a core file has of a range. Bytes. */
export interface Dumped {
  readonly mapped: number;
  readonly dumped: number;
  readonly filled: number;
}

/** elf_core_dump of a whole process, and what it has of one range. */
export function* elfCoreDump(k: Kernel, task: Task, filter: number, address: number, length: number): Path<Dumped> {
  let mapped = 0;
  let dumped = 0;
  let filled = 0;
  const overlap = (from: number, to: number): number =>
    Math.max(0, Math.min(to, address + length) - Math.max(from, address));
  const segments: { readonly vma: Vma; readonly bytes: number }[] = [];
  const first = k.design["coredump.address-zero"] === "skipped" ? 1 : 0;
  for (const vma of task.mm.vmas)
    if (vma.start >= first) segments.push({ vma, bytes: yield* vmaDumpSize(k, task, vma, filter) });
  for (const { vma, bytes } of segments) {
    mapped += overlap(vma.start, vma.end);
    dumped += overlap(vma.start, vma.start + bytes);
    for (let at = vma.start; at < vma.start + bytes; at += k.pageSize) {
      const page = yield* getDumpPage(k, task, at);
      if (page) filled += overlap(at, at + k.pageSize);
    }
  }
  return { mapped, dumped, filled };
}

/** vma_dump_size with the ELF check of dump_vma_snapshot: how many bytes of a mapping the file has room for. */
function* vmaDumpSize(k: Kernel, task: Task, vma: Vma, filter: number): Path<number> {
  const whole = vma.end - vma.start;
  const by = (bit: number): number => ((filter & bit) !== 0 ? whole : 0);
  if (vma.has(VM.DONTDUMP)) return none(k, rule["coredump/dontdump"], vma);
  if (vma.has(VM.HUGETLB)) {
    k.note(rule["coredump/hugetlb"]);
    return by(vma.has(VM.SHARED) ? FILTER.hugetlbShared : FILTER.hugetlbPrivate);
  }
  if (vma.has(VM.IO)) return none(k, rule["coredump/io"], vma);
  if (vma.has(VM.SHARED)) {
    k.note(rule["coredump/shared"]);
    return by(vma.file === undefined || nameless.has(vma.file.inode.kind) ? FILTER.anonShared : FILTER.mappedShared);
  }
  if (vma.anonVma !== undefined && (filter & FILTER.anonPrivate) !== 0) {
    k.note(rule["coredump/written"]);
    return whole;
  }
  if (vma.file === undefined) return 0;
  if ((filter & FILTER.mappedPrivate) !== 0) return whole;
  k.note(rule["coredump/file-private"]);
  if ((filter & FILTER.elfHeaders) === 0 || vma.pgoff !== 0 || !vma.has(VM.READ)) return 0;
  const elf = (vma.file.inode.mode & 0o111) !== 0 || (yield* userLoad(k, task, vma.start, 4)) === ELF_MAGIC;
  if (elf) k.note(rule["coredump/elf-header"]);
  return elf ? k.pageSize : 0;
}

function none(k: Kernel, why: Rule, vma: Vma): number {
  k.note(why, `0x${vma.start.toString(16)}`);
  return 0;
}

/** get_dump_page, mm/gup.c: whether there is a page, and it is not all zeros. */
function* getDumpPage(k: Kernel, task: Task, address: number): Path<boolean> {
  const pages: number[] = [];
  yield* acquire(k, task.mm.mmapLock, "read");
  const got = yield* getUserPages(k, task, task.mm, address, 1, FOLL.force | FOLL.dump | FOLL.get, pages);
  yield* release(k, task.mm.mmapLock);
  if (got <= 0) {
    k.note(rule["coredump/hole"], `0x${address.toString(16)}`);
    return false;
  }
  const filled = k.frames.bytes(pages[0])?.some((byte) => byte !== 0) ?? false;
  putPages(k, pages);
  return filled;
}
