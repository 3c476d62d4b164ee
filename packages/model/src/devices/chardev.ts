/**
 * A character device whose mmap uses one primitive over one kind of memory: what a test's own
 * driver is. It decides nothing but which primitive is called when; all else is mm/memory.c.
 */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { PG } from "../mm/frames.js";
import { remapIoMapping, remapPfnRange, vmInsertPage, vmMapPages, vmfInsertMixed, vmfInsertPfn } from "../mm/insert.js";
import { ioMappingFini, ioMappingInitWc } from "../mm/memtype.js";
import { folioGet, folioPut } from "../mm/rmap.js";
import { FAULT, VM, isCowMapping, vmaName } from "../mm/vma.js";
import { rules } from "../rules/rule.js";
import { narrow } from "../word.js";
import type { FileOps } from "../vfs/file.js";
import type { Holder } from "../mm/custody.js";
import type { Kernel } from "../kernel.js";
import type { IoMapping } from "../mm/memtype.js";
import type { Vma, VmFault, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { OperationArgs } from "@litmap/litmus";

const rule = rules({
  "chardev/no-memory": {
    sentence: "A device with zero pages gives EINVAL, one above the largest allocation (4 MiB) ENOMEM.",
    kernel: [
      ["5.10", "__alloc_pages, mm/page_alloc.c"],
      ["6.10", "__alloc_pages_noprof, mm/page_alloc.c"],
    ],
  },
  "chardev/needs-pages": {
    sentence:
      "vm_insert_page, vm_map_pages and a fault handler that returns a page need a struct page, which I/O memory " +
      "lacks: EINVAL.",
    kernel: "insert_page, mm/memory.c",
  },
  "chardev/needs-iomem": {
    sentence:
      "An io_mapping is made by ioremap, which refuses RAM: a driver can map only I/O memory that way, else EINVAL.",
    kernel: "__ioremap_caller, arch/x86/mm/ioremap.c",
  },
  "chardev/beyond": {
    sentence: "A mapping past the end of the device's memory gives EINVAL.",
    kernel: "vm_iomap_memory, mm/memory.c",
  },
  "chardev/private-pfnmap": {
    sentence:
      "A driver that inserts PFNs in its fault handler refuses private mappings, where vmf_insert_pfn would be a " +
      "BUG: EINVAL.",
    kernel: "vmf_insert_pfn_prot, mm/memory.c",
  },
  "chardev/tail-freed": {
    sentence: "Unmapping a tail page of a block frees it, because its only refcount is the PTE's.",
    kernel: "finish_fault, mm/memory.c",
    unproven: "it would free memory that the driver still has: the test module refuses.",
  },
  "chardev/handler-beyond": {
    sentence: "A fault past the end of the device's memory gives SIGBUS.",
    kernel: "special_mapping_fault, mm/mmap.c",
  },
});

type Options = OperationArgs<"chardev", number, unknown>;
type Primitive = Options["primitive"];
type Memory = Options["memory"];

/** The largest allocation: 2^10 pages. */
const MAX_ORDER = 10;
/** Where the IO memory of such devices begins, bytes. */
const IO_BASE = 2 ** 40 + 2 ** 38;

const byPage: ReadonlySet<Primitive> = new Set(["vm_insert_page", "vm_map_pages", "fault_insert_page", "fault_page"]);
const atFault: ReadonlySet<Primitive> = new Set([
  "vmf_insert_pfn",
  "vmf_insert_mixed",
  "fault_insert_page",
  "fault_page",
  "remap_io_mapping",
]);
const flagBits = {
  io: VM.IO,
  pfnmap: VM.PFNMAP,
  mixedmap: VM.MIXEDMAP,
  dontexpand: VM.DONTEXPAND,
  dontdump: VM.DONTDUMP,
  dontcopy: VM.DONTCOPY,
} as const;

/** Frame numbers in the device's order, and how to give them back. */
interface Backing {
  readonly pfns: readonly number[];
  /** Of remap_io_mapping. */
  readonly io?: IoMapping;
  /** Of a block, whose tail pages have no reference count. */
  readonly holder?: Holder;
  free(): void;
}

/** The device's open file, or a negative errno. */
export function newChardev(k: Kernel, options: Options): File | number {
  const pages = Math.ceil(narrow(options.size) / k.pageSize);
  if (pages === 0) return k.refuse(rule["chardev/no-memory"], errnos.EINVAL, "0 bytes");
  if (pages > 1 << MAX_ORDER) return k.refuse(rule["chardev/no-memory"], errnos.ENOMEM, `${pages} pages`);
  if (options.memory === "iomem" && byPage.has(options.primitive))
    return k.refuse(rule["chardev/needs-pages"], errnos.EINVAL, options.primitive);
  if (options.memory !== "iomem" && options.primitive === "remap_io_mapping")
    return k.refuse(rule["chardev/needs-iomem"], errnos.EINVAL, options.memory);
  const backing = options.primitive === "remap_io_mapping" ? reserve(k, pages) : allocate(k, options.memory, pages);
  if (typeof backing === "number") return backing;
  const inode = new Inode(k.id(), "chardev");
  inode.mode = 0o600;
  return new File(inode, charOps(k, options, backing), true, true);
}

/** IO memory with an io_mapping over all of it, or -EBUSY. */
function reserve(k: Kernel, pages: number): Backing | number {
  const first = IO_BASE / k.pageSize;
  const io = ioMappingInitWc(k, first, pages);
  return typeof io === "number" ? io : { pfns: consecutive(first, pages), io, free: () => ioMappingFini(k, io) };
}

function allocate(k: Kernel, memory: Memory, pages: number): Backing {
  if (memory === "iomem") return { pfns: consecutive(IO_BASE / k.pageSize, pages), free: () => undefined };
  if (memory === "ram") {
    const pfns = Array.from({ length: pages }, () => k.frames.alloc(0, PG.allocated));
    return { pfns, free: () => pfns.forEach((pfn) => folioPut(k, pfn)) };
  }
  const order = Math.ceil(Math.log2(pages));
  const first = k.frames.alloc(order, memory === "cma" ? PG.cma : PG.allocated, memory === "compound" && order > 0);
  // cma_alloc hands out pages that each have a count of their own.
  if (memory === "cma") for (let i = 1; i < 1 << order; i++) k.frames.addRef(first + i, 1);
  const each = memory === "cma" ? consecutive(first, 1 << order) : [first];
  if (memory === "block") return blockOf(k, first, order, pages);
  return { pfns: consecutive(first, pages), free: () => each.forEach((pfn) => folioPut(k, pfn)) };
}

/** A block that was allocated in one piece, without a reference count on any page but the first. */
function blockOf(k: Kernel, first: number, order: number, pages: number): Backing {
  const pfns = consecutive(first, pages);
  const holder = k.custody.hold("the driver's block of pages", "a reference on each page", (pfn) => pfns.indexOf(pfn));
  k.custody.mark(first, pages);
  const free = (): void => {
    k.custody.letGo(holder);
    k.frames.release(first, order);
  };
  return { pfns, holder, free };
}

function consecutive(first: number, pages: number): number[] {
  return Array.from({ length: pages }, (_, i) => first + i);
}

function charOps(k: Kernel, options: Options, backing: Backing): FileOps {
  const { pfns } = backing;
  const ops: VmOps = { name: "chardev_vm_ops", fault: (vmf) => charFault(k, options.primitive, backing, vmf) };
  return {
    *mmap(_file, vma) {
      const pages = (vma.end - vma.start) / k.pageSize;
      if (vma.pgoff + pages > pfns.length)
        return k.refuse(rule["chardev/beyond"], errnos.EINVAL, `page ${vma.pgoff} + ${pages} of ${pfns.length}`);
      const flags = vmaFlags(options);
      const bare =
        (options.primitive === "vmf_insert_pfn" || options.primitive === "remap_io_mapping") &&
        (flags & VM.PFNMAP) !== 0;
      if (bare && isCowMapping(vma.flags)) return k.refuse(rule["chardev/private-pfnmap"], errnos.EINVAL, vmaName(vma));
      vma.flags |= flags;
      if (!atFault.has(options.primitive)) return fillNow(k, options, pfns, vma);
      vma.ops = ops;
      return 0;
    },
    /** Reopened files share the memory. */
    *release({ inode }) {
      if (--inode.files === 0) backing.free();
    },
    path: () => "/dev/litmap",
  };
}

/** VM_ bits that mmap sets: those asked for, and those without which the primitive is a BUG. */
function vmaFlags({ primitive, flags }: Options): number {
  const asked = flags.reduce((bits, word) => bits | flagBits[word], 0);
  if (primitive === "vmf_insert_mixed") return asked | VM.MIXEDMAP;
  if (primitive === "remap_io_mapping") return asked | VM.PFNMAP | VM.IO | VM.DONTEXPAND | VM.DONTDUMP;
  return primitive === "vmf_insert_pfn" && (asked & VM.MIXEDMAP) === 0 ? asked | VM.PFNMAP : asked;
}

/** Primitives that mmap itself calls: 0 or a negative errno. */
function fillNow(k: Kernel, { primitive, memory }: Options, pfns: readonly number[], vma: Vma): number {
  if (primitive === "vm_map_pages") return vmMapPages(k, vma, pfns);
  const pages = (vma.end - vma.start) / k.pageSize;
  const first = vma.pgoff;
  if (primitive === "remap_pfn_range" && memory !== "ram")
    return remapPfnRange(k, vma, vma.start, pfns[first], pages * k.pageSize);
  for (let i = 0; i < pages; i++) {
    const address = vma.start + i * k.pageSize;
    const error =
      primitive === "vm_insert_page"
        ? vmInsertPage(k, vma, address, pfns[first + i])
        : remapPfnRange(k, vma, address, pfns[first + i], k.pageSize);
    if (error !== 0) return error;
  }
  return 0;
}

/** The fault handler: FAULT bits. */
function* charFault(k: Kernel, primitive: Primitive, { pfns, io, holder }: Backing, vmf: VmFault): Path<number> {
  if (vmf.pgoff >= pfns.length) {
    k.refuse(rule["chardev/handler-beyond"], 0, `page ${vmf.pgoff}`);
    return FAULT.sigbus;
  }
  const pfn = pfns[vmf.pgoff];
  if (io !== undefined) {
    const { vma } = vmf;
    return remapIoMapping(k, io, vma, vma.start, pfns[vma.pgoff], vma.end - vma.start) === 0
      ? FAULT.nopage
      : FAULT.sigbus;
  }
  if (primitive === "vmf_insert_pfn") return vmfInsertPfn(k, vmf.vma, vmf.address, pfn);
  if (primitive === "vmf_insert_mixed") return vmfInsertMixed(k, vmf.vma, vmf.address, pfn);
  if (primitive === "fault_insert_page") {
    const error = vmInsertPage(k, vmf.vma, vmf.address, pfn);
    return error === 0 || error === -errnos.EBUSY ? FAULT.nopage : FAULT.sigbus;
  }
  if (holder !== undefined) k.custody.uses(holder, pfn, rule["chardev/tail-freed"]);
  folioGet(k, pfn);
  vmf.pfn = pfn;
  return FAULT.none;
}
