/** Memory of a PCI device that processes allocate by mapping (drivers/pci/p2pdma.c). */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { PG } from "../mm/frames.js";
import { vmInsertPage } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { FAULT, VM, vmaName } from "../mm/vma.js";
import { binaryFileOps } from "./pci-bar.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

/** The memory of the NVMe controller. */
const p2pPool = slot((k) => new P2pPool(k));

const rule = rules({
  "p2pdma/shared": {
    sentence: "P2PDMA memory supports shared mappings only: MAP_PRIVATE gives EINVAL.",
    kernel: [["6.2", "p2pmem_alloc_mmap, drivers/pci/p2pdma.c"]],
  },
  "p2pdma/offset": {
    sentence: "Each mmap is a separate allocation: a non-zero offset gives EINVAL.",
    kernel: [["6.2", "p2pmem_alloc_mmap, drivers/pci/p2pdma.c"]],
  },
  "p2pdma/no-fault-handler": {
    sentence:
      "A fault on a mapping of P2PDMA memory gives SIGBUS: mmap inserts every page, and there is no fault handler.",
    kernel: "kernfs_vma_fault, fs/kernfs/file.c",
  },
  "p2pdma/no-access": {
    sentence: "A kernfs file without vm_ops->access refuses /proc/PID/mem and ptrace: EINVAL.",
    kernel: "kernfs_vma_access, fs/kernfs/file.c",
  },
  "p2pdma/exhausted": {
    sentence: "mmap without a free range that is long enough gives ENOMEM.",
    kernel: [["6.2", "p2pmem_alloc_mmap, drivers/pci/p2pdma.c"]],
  },
  "p2pdma/inserted": {
    sentence:
      "mmap inserts the pages by vm_insert_page: VM_MIXEDMAP, refcount, RSS; only the mapping holds them, and a " +
      "zapped PTE is not refaulted.",
    kernel: [["6.2", "p2pmem_alloc_mmap, drivers/pci/p2pdma.c"]],
  },
  "p2pdma/freed": {
    sentence: "A P2PDMA page returns to its pool with its last reference, page by page.",
    kernel: [
      ["6.2", "p2pdma_page_free, drivers/pci/p2pdma.c"],
      ["6.18", "p2pdma_folio_free, drivers/pci/p2pdma.c"],
    ],
  },
});

/** Bytes of memory that the controller has, and what the file says. */
const MEMORY = 8 * 2 ** 20;
const FILE_SIZE = 2 ** 40;
const PATH = "/sys/devices/pci0000:00/0000:00:1d.0/p2pmem/allocate";

/** The pool of a device (struct pci_p2pdma): pages with struct pages, of which nobody holds a reference. */
export class P2pPool {
  private readonly taken: Uint8Array;
  private readonly base: number;

  constructor(private readonly k: Kernel) {
    this.taken = new Uint8Array(MEMORY / k.pageSize);
    this.base = k.frames.allocRange(this.taken.length, PG.p2pdma);
    for (let i = 0; i < this.taken.length; i++) k.frames.addRef(this.base + i, -1);
  }

  /** gen_pool_alloc: the first range that is free, each page with a reference; -1 when there is none. */
  alloc(pages: number): number {
    let run = 0;
    for (let i = 0; i < this.taken.length; i++) {
      run = this.taken[i] === 0 ? run + 1 : 0;
      if (run < pages) continue;
      const from = i + 1 - pages;
      this.taken.fill(1, from, from + pages);
      for (let j = 0; j < pages; j++) this.k.frames.addRef(this.base + from + j, 1);
      return this.base + from;
    }
    return -1;
  }

  /** p2pdma_folio_free: what was stored stays. */
  pageFree(pfn: number): void {
    this.k.note(rule["p2pdma/freed"], `frame ${pfn}`);
    this.taken[pfn - this.base] = 0;
  }
}

/** Opens p2pmem/allocate. */
export function openP2pmem(k: Kernel): File {
  const pool = p2pPool(k);
  k.pagemap = pool;
  const inode = new Inode(k.id(), "sysfs");
  inode.size = FILE_SIZE;
  inode.mode = 0o660;
  inode.noexec = true;
  if (k.design["kernfs.max-bytes"] === "2-GiB") inode.maxBytes = 2n ** 31n - 1n;
  return new File(
    inode,
    { ...binaryFileOps(k, { size: FILE_SIZE, path: PATH }), mmap: (_file, vma) => p2pmemAllocMmap(k, pool, vma) },
    true,
    true,
  );
}

/** p2pmem_alloc_mmap: 0, -EINVAL or -ENOMEM. */
function* p2pmemAllocMmap(k: Kernel, pool: P2pPool, vma: Vma): Path<number> {
  if (!vma.has(VM.MAYSHARE)) return k.refuse(rule["p2pdma/shared"], errnos.EINVAL);
  if (vma.pgoff !== 0) return k.refuse(rule["p2pdma/offset"], errnos.EINVAL, `page ${vma.pgoff}`);
  const pages = (vma.end - vma.start) / k.pageSize;
  const first = pool.alloc(pages);
  if (first < 0) return k.refuse(rule["p2pdma/exhausted"], errnos.ENOMEM, `${pages} pages`);
  for (let i = 0; i < pages; i++) {
    vmInsertPage(k, vma, vma.start + i * k.pageSize, first + i);
    folioPut(k, first + i);
  }
  vma.ops = kernfsVmOps(k);
  k.note(rule["p2pdma/inserted"]);
  return 0;
}

/** kernfs_vm_ops, fs/kernfs/file.c, around a mapping that has no methods of its own. */
const kernfsVmOps = (k: Kernel): VmOps => ({
  name: "kernfs_vm_ops",
  *fault({ vma }) {
    k.refuse(rule["p2pdma/no-fault-handler"], 0, vmaName(vma));
    return FAULT.sigbus;
  },
  *pageMkwrite() {
    return FAULT.none;
  },
  *access(vma) {
    return k.refuse(rule["p2pdma/no-access"], errnos.EINVAL, vmaName(vma));
  },
});
