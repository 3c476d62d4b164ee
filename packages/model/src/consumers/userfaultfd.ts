/**
 * UFFDIO_REGISTER (fs/userfaultfd.c, mm/userfaultfd.c). The descriptor is closed again at
 * once, which undoes it: what stays is what write protection leaves in the page table.
 */
import { errnos, isaOf } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { PG } from "../mm/frames.js";
import { HUGE_SIZE } from "../mm/hugetlb.js";
import { changeNotifies } from "../mm/mprotect.js";
import { PTE } from "../mm/page-table.js";
import { VM, VM_SPECIAL, vmaIsAnonymous } from "../mm/vma.js";
import { rules } from "../rules/rule.js";
import { narrow } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "../mm/vma.js";

const rule = rules({
  "userfaultfd/mode": {
    sentence: "Registration without a mode, or with an unsupported one, gives EINVAL.",
    kernel: [
      ["5.10", "userfaultfd_register, fs/userfaultfd.c"],
      ["7.2", "userfaultfd_register, mm/userfaultfd.c"],
    ],
  },
  "userfaultfd/range": {
    sentence: "The range must be page aligned, not empty and in user space, else EINVAL.",
    kernel: [
      ["5.10", "validate_range, fs/userfaultfd.c"],
      ["7.2", "validate_range, mm/userfaultfd.c"],
    ],
  },
  "userfaultfd/no-vma": {
    sentence: "Registration of a range without a VMA gives EINVAL.",
    kernel: [
      ["5.10", "userfaultfd_register, fs/userfaultfd.c"],
      ["7.2", "userfaultfd_register, mm/userfaultfd.c"],
    ],
  },
  "userfaultfd/vma-kind": {
    sentence: "Only anonymous, shmem and hugetlb VMAs without special VM flags can be registered, else EINVAL.",
    kernel: [
      ["5.10", "vma_can_userfault, include/linux/userfaultfd_k.h"],
      ["6.18", "vma_can_userfault, mm/userfaultfd.c"],
    ],
  },
  "userfaultfd/not-writable": {
    sentence: "Registration of a shared VMA without VM_MAYWRITE gives EPERM.",
    kernel: [
      ["5.10", "userfaultfd_register, fs/userfaultfd.c"],
      ["7.2", "userfaultfd_register, mm/userfaultfd.c"],
    ],
  },
  "userfaultfd/entries-reset": {
    sentence:
      "Closing a userfaultfd with write-protect mode resets the PTEs of the VMA: those of shared memory fault once " +
      "more before a write.",
    kernel: [["6.12", "userfaultfd_clear_vma, mm/userfaultfd.c"]],
  },
  "userfaultfd/huge-unaligned": {
    sentence: "The range in a hugetlb VMA must be aligned to huge pages, else EINVAL.",
    kernel: [
      ["5.10", "userfaultfd_register, fs/userfaultfd.c"],
      ["7.2", "userfaultfd_register, mm/userfaultfd.c"],
    ],
  },
});

export type UffdMode = "missing" | "wp" | "minor";

/** userfaultfd_register, fs/userfaultfd.c: 0, -EINVAL, -EPERM. Bytes. */
export function* userfaultfdRegister(
  k: Kernel,
  task: Task,
  address: bigint,
  bytes: bigint,
  modes: readonly UffdMode[],
): Path<number> {
  const [start, length] = [narrow(address), narrow(bytes)];
  if (modes.length === 0 || modes.some((mode) => !hasMode(k, mode)))
    return k.refuse(rule["userfaultfd/mode"], errnos.EINVAL, modes.join("|"));
  if (
    start % k.pageSize !== 0 ||
    length % k.pageSize !== 0 ||
    length === 0 ||
    start >= k.arch.taskSize ||
    length > k.arch.taskSize - start
  ) {
    return k.refuse(rule["userfaultfd/range"], errnos.EINVAL, `${length} bytes at 0x${start.toString(16)}`);
  }
  yield* acquire(k, task.mm.mmapLock, "write");
  const refused = checkRange(k, task, start, start + length, modes);
  if (refused === 0 && modes.includes("wp") && k.design["userfaultfd.release"] === "resets-entries")
    clearRange(k, task, start, start + length);
  yield* release(k, task.mm.mmapLock);
  return refused;
}

/** CONFIG_HAVE_ARCH_USERFAULTFD_WP and _MINOR. */
function hasMode(k: Kernel, mode: UffdMode): boolean {
  if (mode === "missing") return true;
  if (mode === "wp")
    return k.arch.uffdWp && (isaOf(k.arch.name) !== "arm64" || k.design["userfaultfd.wp-arm64"] === "yes");
  return k.arch.uffdMinor && k.design["userfaultfd.minor"] === "yes";
}

function checkRange(k: Kernel, task: Task, start: number, end: number, modes: readonly UffdMode[]): number {
  const { vmas } = task.mm;
  const first = task.mm.findIndex(start);
  if (first >= vmas.length || vmas[first].start >= end)
    return k.refuse(rule["userfaultfd/no-vma"], errnos.EINVAL, `0x${start.toString(16)}`);
  if (vmas[first].has(VM.HUGETLB) && start % HUGE_SIZE !== 0)
    return k.refuse(rule["userfaultfd/huge-unaligned"], errnos.EINVAL, `0x${start.toString(16)}`);
  for (let at = first; at < vmas.length && vmas[at].start < end; at++) {
    const refused = checkVma(k, vmas[at], end, modes);
    if (refused !== 0) return refused;
  }
  return 0;
}

function checkVma(k: Kernel, vma: Vma, end: number, modes: readonly UffdMode[]): number {
  if (!vmaCanUserfault(k, vma, modes))
    return k.refuse(rule["userfaultfd/vma-kind"], errnos.EINVAL, `mapping at 0x${vma.start.toString(16)}`);
  if (!vma.has(VM.MAYWRITE))
    return k.refuse(rule["userfaultfd/not-writable"], errnos.EPERM, `mapping at 0x${vma.start.toString(16)}`);
  if (vma.has(VM.HUGETLB) && end <= vma.end && end % HUGE_SIZE !== 0)
    return k.refuse(rule["userfaultfd/huge-unaligned"], errnos.EINVAL, `0x${end.toString(16)}`);
  return 0;
}

/** vma_can_userfault, include/linux/userfaultfd_k.h (mm/userfaultfd.c). */
function vmaCanUserfault(k: Kernel, vma: Vma, modes: readonly UffdMode[]): boolean {
  const huge = vma.has(VM.HUGETLB);
  if (!huge && vma.has(VM_SPECIAL)) return false;
  const anonymous = vmaIsAnonymous(vma);
  const shmem = vma.file?.inode.kind === "memfd" || vma.file?.inode.kind === "file";
  if (modes.includes("minor") && !huge && !shmem) return false;
  if (modes.includes("wp") && k.design["userfaultfd.wp"] === "anon" && !anonymous) return false;
  return anonymous || huge || shmem;
}

/** userfaultfd_clear_vma for each mapping that was registered for write protection, mm/userfaultfd.c. */
function clearRange(k: Kernel, task: Task, start: number, end: number): void {
  const { vmas } = task.mm;
  for (let at = task.mm.findIndex(start); at < vmas.length && vmas[at].start < end; at++) {
    const vma = vmas[at];
    if (vma.has(VM.HUGETLB)) clearHuge(k, vma, Math.max(start, vma.start), Math.min(end, vma.end));
    else uffdWpRange(k, vma, Math.max(start, vma.start), Math.min(end, vma.end));
  }
}

/**
 * uffd_wp_range, mm/userfaultfd.c, when the protection ends: entries get the mapping's
 * protection, which for a shared mapping is still the one that wants to hear of writes;
 * exclusive anonymous pages of a private one become writable.
 */
function uffdWpRange(k: Kernel, vma: Vma, start: number, end: number): void {
  const { table } = vma.mm;
  changeNotifies(k, vma, start, end);
  k.note(rule["userfaultfd/entries-reset"], `mapping at 0x${vma.start.toString(16)}`);
  for (let address = start; address < end; address += k.pageSize) {
    const leaf = table.leaf(address);
    if (leaf === undefined) {
      address = table.afterHole(address, end) - k.pageSize;
      continue;
    }
    const slot = table.slot(address);
    const bits = leaf.bits[slot];
    if ((bits & PTE.present) === 0) continue;
    const next = vma.has(VM.SHARED) ? bits & ~PTE.write : upgraded(k, vma, leaf.pfn[slot], bits);
    if (next !== bits) k.counters.ptes++;
    leaf.bits[slot] = next;
  }
}

/** can_change_private_pte_writable, mm/mprotect.c. */
function upgraded(k: Kernel, vma: Vma, pfn: number, bits: number): number {
  const own = PG.anon | PG.exclusive;
  const writable =
    vma.has(VM.WRITE) && (bits & (PTE.user | PTE.special)) === PTE.user && (k.frames.flags(pfn) & own) === own;
  return writable ? bits | PTE.write : bits;
}

/** The same for the entries of huge pages (hugetlb_change_protection, mm/hugetlb.c). */
function clearHuge(k: Kernel, vma: Vma, start: number, end: number): void {
  vma.mm.invalidate(start, end);
  for (const [address, entry] of vma.mm.table.huge) {
    if (address < start || address >= end) continue;
    entry.bits &= ~PTE.write;
    k.counters.ptes++;
  }
}
