/** Handlers of the subjects memory, memfd and files (what concerns memfds), and the observers of memory. */
import { errnos } from "@litmap/litmus";
import type { cacheModes } from "@litmap/litmus";
import { ftruncate, vfsFallocate } from "../vfs/allocate.js";
import { sealBits, sealWords } from "../vfs/seals.js";
import { meminfoOf, showMap, showPagemap, showSmap, statusOf } from "../mm/account.js";
import { HUGE_SIZE } from "../mm/hugetlb.js";
import { madvise } from "../mm/madvise.js";
import { mincore } from "../mm/mincore.js";
import { mlock, mlockall, munlock, munlockall } from "../mm/mlock.js";
import { MAP, doMmap, mmapRules } from "../mm/mmap.js";
import { mprotect } from "../mm/mprotect.js";
import { mremap } from "../mm/mremap.js";
import { mseal } from "../mm/mseal.js";
import { msync } from "../mm/msync.js";
import { munmap } from "../mm/munmap.js";
import { PTE } from "../mm/page-table.js";
import { remapFilePages } from "../mm/remap-file-pages.js";
import { addSeals, getSeals, newMemfd } from "../mm/shmem.js";
import { userFill, userLoad, userStore, userTouch } from "../mm/user-access.js";
import { VM } from "../mm/vma.js";
import { kernelAccess } from "./drivers.js";
import { fdget } from "../task.js";
import { rules } from "../rules/rule.js";
import { hex, narrow, offsetInPage } from "../word.js";
import type { OperationArgs } from "@litmap/litmus";
import type { Kernel } from "../kernel.js";
import type { Mm } from "../mm/mm.js";
import type { File } from "../vfs/file.js";
import type { Path } from "../sched/path.js";
import type { Vma } from "../mm/vma.js";
import type { Context, HandlerTable, RecordResult, Result } from "./handler.js";

const rule = rules({
  "account/no-vma": {
    sentence: "An address without a VMA has no smaps entry.",
    kernel: "m_next, fs/proc/task_mmu.c",
  },
  "mmap/bad-descriptor": {
    sentence: "A closed descriptor gives EBADF before any other check.",
    kernel: "ksys_mmap_pgoff, mm/mmap.c",
  },
});

type MemoryName =
  | "mmap"
  | "munmap"
  | "mprotect"
  | "mremap"
  | "remap_file_pages"
  | "madvise"
  | "mlock"
  | "munlock"
  | "mlockall"
  | "munlockall"
  | "msync"
  | "mseal"
  | "load"
  | "store"
  | "touch"
  | "fill";
type FileName = "memfd_create" | "ftruncate" | "fallocate" | "add_seals" | "get_seals";
type ObserverName = "smaps" | "maps" | "pagemap" | "cache_mode" | "mincore" | "status" | "meminfo";

const protBits = {
  r: VM.READ,
  w: VM.WRITE,
  x: VM.EXEC,
  rw: VM.READ | VM.WRITE,
  rx: VM.READ | VM.EXEC,
  wx: VM.WRITE | VM.EXEC,
  rwx: VM.READ | VM.WRITE | VM.EXEC,
} as const;
const mapBits = {
  shared: MAP.SHARED,
  private: MAP.PRIVATE,
  shared_validate: MAP.SHARED_VALIDATE,
  populate: MAP.POPULATE,
  locked: MAP.LOCKED,
  noreserve: MAP.NORESERVE,
  sync: MAP.SYNC,
  noreplace: MAP.FIXED | MAP.NOREPLACE,
} as const;

function bitsOf<W extends string>(table: Readonly<Record<W, number>>, given: readonly W[]): number {
  return given.reduce((bits, word) => bits | table[word], 0);
}

function* map(ctx: Context, args: OperationArgs<"mmap", number, unknown>): Path<Result> {
  const anonymous = args.object === "anon";
  const file = anonymous ? undefined : ctx.task.files.get(args.object as number);
  if (offsetInPage(ctx.k, args.offset) !== 0)
    return ctx.k.refuse(mmapRules["mmap/offset-unaligned"], errnos.EINVAL, `${args.offset}`);
  if (!anonymous && file === undefined)
    return ctx.k.refuse(rule["mmap/bad-descriptor"], errnos.EBADF, `descriptor ${String(args.object)}`);
  return yield* doMmap(ctx.k, ctx.task, {
    file,
    address: args.at ?? BigInt(ctx.hint),
    length: args.length,
    prot: bitsOf(protBits, args.prot),
    flags: bitsOf(mapBits, args.sharing) | (args.at === undefined ? 0 : MAP.FIXED),
    offset: args.offset,
  });
}

/** A value that fits the width, as the instruction stores it. */
function truncated(value: number, width: number): number {
  const modulus = 2 ** (8 * width);
  return ((value % modulus) + modulus) % modulus;
}

export const memoryHandlers: HandlerTable<MemoryName> = {
  run: {
    mmap: map,
    munmap: ({ k, task }, { address, length }) => munmap(k, task, address, length),
    mprotect: ({ k, task }, { address, length, prot }) => mprotect(k, task, address, length, bitsOf(protBits, prot)),
    mremap: ({ k, task }, args) =>
      mremap(
        k,
        task,
        args.address,
        args.old_length,
        args.new_length,
        {
          maymove: args.flags.includes("maymove"),
          fixed: args.flags.includes("fixed"),
          dontunmap: args.flags.includes("dontunmap"),
        },
        args.to ?? 0n,
      ),
    remap_file_pages: ({ k, task }, { address, length, pgoff }) => remapFilePages(k, task, address, length, pgoff),
    madvise: ({ k, task }, { address, length, advice }) => madvise(k, task, address, length, advice),
    mlock: ({ k, task }, { address, length, flags }) => mlock(k, task, address, length, flags.includes("onfault")),
    munlock: ({ k, task }, { address, length }) => munlock(k, task, address, length),
    mlockall: ({ k, task }, { flags }) =>
      mlockall(k, task, {
        current: flags.includes("current"),
        future: flags.includes("future"),
        onfault: flags.includes("onfault"),
      }),
    munlockall: ({ k, task }) => munlockall(k, task),
    msync: ({ k, task }, { address, length, flags }) =>
      msync(k, task, address, length, {
        sync: flags.includes("sync"),
        async: flags.includes("async"),
        invalidate: flags.includes("invalidate"),
      }),
    mseal: ({ k, task }, { address, length }) => mseal(k, task, address, length),
    load: (ctx, args) =>
      ctx.kernelMode ? kernelAccess.run.load(ctx, args) : userLoad(ctx.k, ctx.task, narrow(args.address), args.width),
    store: (ctx, args) =>
      ctx.kernelMode
        ? kernelAccess.run.store(ctx, args)
        : userStore(ctx.k, ctx.task, narrow(args.address), args.width, truncated(args.value, args.width)),
    touch: ({ k, task }, { address, length, access }) =>
      userTouch(k, task, narrow(address), narrow(length), access === "write"),
    fill: ({ k, task }, { address, length, byte }) => userFill(k, task, narrow(address), narrow(length), byte),
  },
  unsupported: {
    mseal: (k) => {
      if (k.arch.wordBits === 32) return "mseal is for 64-bit kernels";
      return k.design["mseal.check"] === "none" ? `${k.release} has no mseal` : undefined;
    },
  },
};

/** Runs a call on the file behind a descriptor. */
function* onFile(ctx: Context, fd: number, call: (file: File) => Path<Result>): Path<Result> {
  const file = fdget(ctx.k, ctx.task.files, fd);
  return typeof file === "number" ? file : yield* call(file);
}

export const memfdHandlers: HandlerTable<FileName> = {
  run: {
    *memfd_create({ k, task }, { size, seals, flags }) {
      const file = yield* newMemfd(k, {
        size,
        seals: sealBits(seals),
        noSealing: flags.includes("no_sealing"),
        hugetlb: flags.includes("hugetlb"),
      });
      return typeof file === "number" ? file : task.files.install(file);
    },
    ftruncate: (ctx, { fd, length }) => onFile(ctx, fd, (file) => ftruncate(ctx.k, file, length)),
    fallocate: (ctx, { fd, mode, offset, length }) =>
      onFile(ctx, fd, (file) => vfsFallocate(ctx.k, file, mode, offset, length)),
    add_seals: (ctx, { fd, seals }) => onFile(ctx, fd, (file) => addSeals(ctx.k, file, sealBits(seals))),
    get_seals: (ctx, { fd }) =>
      onFile(ctx, fd, function* (file) {
        const seals = getSeals(ctx.k, file);
        return seals < 0 ? seals : sealWords(seals);
      }),
  },
  unsupported: {
    memfd_create: (k, { flags }) =>
      !k.arch.hugetlb && flags.kind === "words" && flags.words.includes("hugetlb")
        ? `kernels for ${k.arch.name} have no hugetlbfs`
        : undefined,
  },
};

/** The cache mode of the entry that maps an address, in the words of `cache_mode`. */
function cacheModeAt(k: Kernel, mm: Mm, address: number): (typeof cacheModes)[number] {
  const { table } = mm;
  if (table.huge.has(Math.floor(address / HUGE_SIZE) * HUGE_SIZE)) return "cached";
  const leaf = table.leaf(address);
  const slot = table.slot(address);
  if (leaf === undefined || (leaf.bits[slot] & PTE.present) === 0) return "unmapped";
  const mode = modeWords[leaf.cacheMode(slot)];
  return mode === "uncached" && k.frames.isIo(leaf.pfn[slot]) ? "device" : mode;
}

/** By CACHE. */
const modeWords = ["cached", "write_combining", "uncached", "write_through", "uncached"] as const;

/** The mapping that an observer asks for, or -EFAULT. */
function vmaOf(ctx: Context, address: bigint): Vma | number {
  return ctx.task.mm.lookup(narrow(address)) ?? ctx.k.refuse(rule["account/no-vma"], errnos.EFAULT, hex(address));
}

/** What was gained since an observer's baseline. */
function gains(now: Readonly<Record<string, number>>, before: Readonly<Record<string, number>>): RecordResult {
  return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - before[name]]));
}

export const observerHandlers: HandlerTable<ObserverName> = {
  run: {
    *smaps(ctx, { address }) {
      const vma = vmaOf(ctx, address);
      return typeof vma === "number" ? vma : showSmap(ctx.k, vma);
    },
    *maps(ctx, { address }) {
      const vma = vmaOf(ctx, address);
      return typeof vma === "number" ? vma : { ...showMap(ctx.k, vma) };
    },
    *pagemap(ctx, { address }) {
      return { ...showPagemap(ctx.k, ctx.task.mm, narrow(address)) };
    },
    *cache_mode({ k, task }, { address }) {
      return [cacheModeAt(k, task.mm, narrow(address))];
    },
    mincore: ({ k, task }, { address, length }) => mincore(k, task, address, length),
    *status({ task }) {
      const now = statusOf(task.mm);
      const before = task.baseline ?? task.mm.baseline;
      return before === undefined ? now : gains(now, before);
    },
    *meminfo({ k }) {
      const { HugePages_Free, ...lines } = meminfoOf(k);
      const base = { Shmem: 0, Mapped: 0, Unevictable: 0, Mlocked: 0 };
      // Without hugetlbfs the line is not there.
      return k.arch.hugetlb ? gains({ ...lines, HugePages_Free }, { ...base, HugePages_Free: 32 }) : gains(lines, base);
    },
  },
};
