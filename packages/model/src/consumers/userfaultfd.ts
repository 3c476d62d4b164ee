/** UFFDIO_REGISTER (fs/userfaultfd.c, mm/userfaultfd.c). The descriptor is closed again at once, which undoes it: only the checks matter. */
import { errnos } from "@litmap/litmus";
import { acquire, release } from "../sched/path.js";
import { HUGE_SIZE } from "../mm/hugetlb.js";
import { VM, VM_SPECIAL, vmaIsAnonymous } from "../mm/vma.js";
import { uffdRules } from "../rules/consumers.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "../mm/vma.js";

export type UffdMode = "missing" | "wp" | "minor";

/** userfaultfd_register, fs/userfaultfd.c: 0, -EINVAL, -EPERM. Bytes. */
export function* userfaultfdRegister(k: Kernel, task: Task, start: number, length: number, modes: readonly UffdMode[]): Path<number> {
  if (modes.length === 0 || modes.some((mode) => !hasMode(k, mode))) return k.refuse(uffdRules.mode, errnos.EINVAL, modes.join("|"));
  if (start % k.pageSize !== 0 || length % k.pageSize !== 0 || length === 0 || start >= k.arch.taskSize || length > k.arch.taskSize - start) {
    return k.refuse(uffdRules.range, errnos.EINVAL, `${length} bytes at 0x${start.toString(16)}`);
  }
  yield* acquire(k, task.mm.mmapLock, "write");
  const refused = checkRange(k, task, start, start + length, modes);
  yield* release(k, task.mm.mmapLock);
  return refused;
}

/** CONFIG_HAVE_ARCH_USERFAULTFD_WP and _MINOR. */
function hasMode(k: Kernel, mode: UffdMode): boolean {
  if (mode === "missing") return true;
  if (mode === "wp") return k.arch.uffdWp && (k.arch.name !== "arm64" || k.design["userfaultfd.wp-arm64"] === "yes");
  return k.arch.uffdMinor && k.design["userfaultfd.minor"] === "yes";
}

function checkRange(k: Kernel, task: Task, start: number, end: number, modes: readonly UffdMode[]): number {
  const { vmas } = task.mm;
  const first = task.mm.findIndex(start);
  if (first >= vmas.length || vmas[first].start >= end) return k.refuse(uffdRules["no-vma"], errnos.EINVAL, `0x${start.toString(16)}`);
  if (vmas[first].has(VM.HUGETLB) && start % HUGE_SIZE !== 0) return k.refuse(uffdRules["huge-unaligned"], errnos.EINVAL, `0x${start.toString(16)}`);
  for (let at = first; at < vmas.length && vmas[at].start < end; at++) {
    const refused = checkVma(k, vmas[at], end, modes);
    if (refused !== 0) return refused;
  }
  return 0;
}

function checkVma(k: Kernel, vma: Vma, end: number, modes: readonly UffdMode[]): number {
  if (!vmaCanUserfault(k, vma, modes)) return k.refuse(uffdRules["vma-kind"], errnos.EINVAL, `mapping at 0x${vma.start.toString(16)}`);
  if (!vma.has(VM.MAYWRITE)) return k.refuse(uffdRules["not-writable"], errnos.EPERM, `mapping at 0x${vma.start.toString(16)}`);
  if (vma.has(VM.HUGETLB) && end <= vma.end && end % HUGE_SIZE !== 0) return k.refuse(uffdRules["huge-unaligned"], errnos.EINVAL, `0x${end.toString(16)}`);
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
