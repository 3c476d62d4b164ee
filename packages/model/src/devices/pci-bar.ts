/**
 * A PCI device's memory BAR by its file in sysfs (drivers/pci/pci-sysfs.c, drivers/pci/mmap.c,
 * fs/kernfs/file.c): IO memory without struct pages. No driver has enabled the device, so that
 * nobody answers at its addresses: reads give zeros, and writes are lost. Once VFIO has enabled it,
 * its registers answer.
 */
import { errnos } from "@litmap/litmus";
import { eduBar } from "./edu.js";
import { unmapMappingRange } from "../mm/zap.js";
import { File, Inode } from "../vfs/file.js";
import { llseekWithin } from "../vfs/vfs.js";
import { remapPfnRange } from "../mm/insert.js";
import { CACHE } from "../mm/memtype.js";
import { PTE } from "../mm/page-table.js";
import { FAULT, vmaName } from "../mm/vma.js";
import { NotModelled } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import { slot } from "../slot.js";
import { LLONG_MAX } from "../word.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

/** The resource file of the BAR in sysfs, once it was opened. */
const resource = slot((): { inode?: Inode } => ({}));

const rule = rules({
  "pci-bar/fits": {
    sentence: "A mapping outside the BAR gives EINVAL.",
    kernel: [
      ["5.10", "pci_mmap_fits, drivers/pci/pci-sysfs.c"],
      ["6.12", "pci_mmap_fits, drivers/pci/mmap.c"],
    ],
  },
  "pci-bar/mapped": {
    sentence:
      "mmap of a BAR is one remap_pfn_range over the whole VMA, so private mappings pass; vm_pgoff becomes the " +
      "physical PFN.",
    kernel: "pci_mmap_resource_range, drivers/pci/mmap.c",
  },
  "pci-bar/revoked": {
    sentence:
      "A driver that claims the regions zaps the sysfs BAR mappings, COW copies included: later access gives " +
      "SIGBUS. DMA mappings stay.",
    kernel: "revoke_iomem, kernel/resource.c",
  },
  "pci-bar/no-data": {
    sentence: "The sysfs file of a memory BAR can be mapped but not read or written: EIO.",
    kernel: "sysfs_kf_bin_read, fs/sysfs/file.c",
  },
  "pci-bar/write-beyond": {
    sentence: "write that starts past the end of a sysfs file of known size gives EFBIG.",
    kernel: "sysfs_kf_bin_write, fs/sysfs/file.c",
  },
  "pci-bar/poll-unread": {
    sentence: "A sysfs file polls with POLLERR until it has been read, even by a failed read.",
    kernel: "kernfs_generic_poll, fs/kernfs/file.c",
  },
  "pci-bar/truncate-too-big": {
    sentence: "ftruncate of a sysfs file keeps its size; a size past s_maxbytes gives EFBIG.",
    kernel: "inode_newsize_ok, fs/attr.c",
  },
  "pci-bar/access": {
    sentence:
      "/proc/PID/mem and ptrace fall back to generic_access_phys, which ioremaps the PFN and may run past the page " +
      "and the VMA.",
    kernel: "generic_access_phys, mm/memory.c",
  },
  "pci-bar/access-not-mapped": {
    sentence: "generic_access_phys needs a present PTE, writable for a write, else EINVAL.",
    kernel: "generic_access_phys, mm/memory.c",
  },
  "pci-bar/access-no-io": {
    sentence:
      "generic_access_phys refuses a RAM page in the mapping, such as a COW copy, with EINVAL; the reader gets EIO.",
    kernel: "generic_access_phys, mm/memory.c",
  },
  "pci-bar/access-ram": {
    sentence: "ioremap of a COW copy, which is RAM, warns and gives ENOMEM.",
    kernel: "__ioremap_caller, arch/x86/mm/ioremap.c",
  },
});

/** A BAR, bytes. */
interface Bar {
  readonly address: number;
  readonly size: number;
  /** The file that is mapped. */
  readonly path: string;
}

const edu: Bar = { ...eduBar, path: "/sys/devices/pci0000:00/0000:00:1e.0/resource0" };

/** MAX_NON_LFS. */
const TWO_GIB = 2n ** 31n - 1n;

/** Opens the resource file of edu's BAR. */
export function openBar(k: Kernel): File {
  return new File((resource(k).inode ??= newBarInode(k)), resourceOps(k, edu), true, true);
}

/**
 * A driver claims the device's regions: whoever has them mapped through sysfs loses the mapping
 * (revoke_iomem, kernel/resource.c).
 */
export function revokeBars(k: Kernel): void {
  const { inode } = resource(k);
  if (inode === undefined || k.design["pci-sysfs.claimed"] === "stays") return;
  k.note(rule["pci-bar/revoked"]);
  unmapMappingRange(k, inode.mapping, 0, (edu.address + edu.size) / k.pageSize, true);
}

function newBarInode(k: Kernel): Inode {
  const inode = new Inode(k.id(), "sysfs");
  inode.size = edu.size;
  inode.mode = 0o600;
  inode.noexec = true;
  if (k.design["kernfs.max-bytes"] === "2-GiB") inode.maxBytes = TWO_GIB;
  return inode;
}

function resourceOps(k: Kernel, bar: Bar): FileOps {
  return {
    ...binaryFileOps(k, bar),
    mmap: (_file, vma) => pciMmapResource(k, bar, vma),
    *llseek(file, offset, whence) {
      return pciLlseek(k, file, offset, whence);
    },
  };
}

/** A binary file of sysfs that can only be mapped (fs/sysfs/file.c, fs/kernfs/file.c). Bytes. */
export function binaryFileOps(k: Kernel, { size, path }: { readonly size: number; readonly path: string }): FileOps {
  /** Open files that have been read: they know the file's last event. */
  const read = new WeakSet<File>();
  return {
    *read(_task, file, _address, length, offset) {
      read.add(file);
      if (length === 0 || (offset ?? file.position) >= size) return 0;
      return k.refuse(rule["pci-bar/no-data"], errnos.EIO, "read");
    },
    *write(_task, file, _address, length, offset) {
      if ((offset ?? file.position) >= size) return k.refuse(rule["pci-bar/write-beyond"], errnos.EFBIG, `${offset}`);
      return length === 0 ? 0 : k.refuse(rule["pci-bar/no-data"], errnos.EIO, "write");
    },
    *llseek(file, offset, whence) {
      return llseekWithin(k, file, offset, whence, file.inode.maxBytes, BigInt(size));
    },
    *truncate(file, length) {
      return length > file.inode.maxBytes
        ? k.refuse(rule["pci-bar/truncate-too-big"], errnos.EFBIG, `${length} bytes`)
        : 0;
    },
    *fsync() {
      return 0;
    },
    *poll(file) {
      if (read.has(file)) return ["in", "out"];
      k.note(rule["pci-bar/poll-unread"]);
      return ["in", "out", "err", "pri"];
    },
    path: () => path,
  };
}

/** pci_llseek, drivers/pci/pci-sysfs.c (generic_file_llseek up to 6.6). Bytes. */
function pciLlseek(k: Kernel, file: File, offset: bigint, whence: "set" | "cur" | "end"): number | bigint {
  const { exactSize: size, maxBytes } = file.inode;
  switch (k.design["pci-sysfs.llseek"]) {
    case "file":
      return llseekWithin(k, file, offset, whence, maxBytes, size);
    case "device-memory":
      return llseekWithin(k, file, offset, whence, LLONG_MAX, 0n);
    default:
      return llseekWithin(k, file, offset, whence, size, size);
  }
}

/** pci_mmap_resource, pci_mmap_resource_range: 0 or -EINVAL. */
function* pciMmapResource(k: Kernel, bar: Bar, vma: Vma): Path<number> {
  const bytes = vma.end - vma.start;
  if (vma.pgoff * k.pageSize + bytes > bar.size)
    return k.refuse(rule["pci-bar/fits"], errnos.EINVAL, `page ${vma.pgoff}`);
  vma.pgoff += bar.address / k.pageSize;
  vma.cacheMode = CACHE.ucMinus;
  k.note(rule["pci-bar/mapped"]);
  const error = remapPfnRange(k, vma, vma.start, vma.pgoff, bytes);
  vma.ops = kernfsOps(k);
  return error;
}

/** kernfs_vm_ops around pci_phys_vm_ops, which has only access. */
function kernfsOps(k: Kernel): VmOps {
  return {
    name: "kernfs_vm_ops",
    *fault() {
      return FAULT.sigbus;
    },
    *pageMkwrite() {
      return FAULT.none;
    },
    access: (vma, address, buffer, write) => genericAccessPhys(k, vma, address, buffer, write),
  };
}

/** generic_access_phys, mm/memory.c: bytes, -EINVAL, -ENOMEM. */
function* genericAccessPhys(k: Kernel, vma: Vma, address: number, buffer: Uint8Array, write: boolean): Path<number> {
  const leaf = vma.mm.table.leaf(address);
  const slot = vma.mm.table.slot(address);
  const needed = write ? PTE.present | PTE.write : PTE.present;
  if (leaf === undefined || (leaf.bits[slot] & needed) !== needed)
    return k.refuse(rule["pci-bar/access-not-mapped"], errnos.EINVAL, `0x${address.toString(16)}`);
  const checks = k.design["generic-access-phys.checks"] === "io-memory";
  if (k.frames.valid(leaf.pfn[slot])) {
    if (checks) return k.refuse(rule["pci-bar/access-no-io"], errnos.EINVAL, vmaName(vma));
    return k.warnAndRefuse(rule["pci-bar/access-ram"], errnos.ENOMEM, vmaName(vma));
  }
  const length = checks ? Math.min(buffer.length, k.pageSize - (address % k.pageSize)) : buffer.length;
  k.note(rule["pci-bar/access"], `${length} bytes`);
  if (write && k.frames.registersAt(leaf.pfn[slot]) !== undefined)
    throw new NotModelled("a write through /proc/PID/mem or ptrace into registers that answer");
  if (!write) buffer.fill(0, 0, length);
  return length;
}
