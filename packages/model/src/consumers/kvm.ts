/**
 * KVM: a guest's physical memory is a process's virtual memory. The guest's page tables hold
 * frame numbers without references; a notifier drops them before the process's change.
 */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../fs/file.js";
import { accessOk } from "../fs/vfs.js";
import { FAULT_FLAG, FAULT_ERROR, handleMmFault } from "../mm/fault.js";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { getUserPageFastOnly } from "../mm/gup-fast.js";
import { gupUnlocked } from "../mm/gup.js";
import { PTE } from "../mm/page-table.js";
import { putPages } from "../mm/pin.js";
import { copyToUser } from "../mm/user-access.js";
import { VM } from "../mm/vma.js";
import { kvmRules as rule } from "../rules/kvm.js";
import { acquire, release } from "../sched/path.js";
import type { FileOps } from "../fs/file.js";
import type { Kernel } from "../kernel.js";
import type { Mm, Notifier } from "../mm/mm.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

/** KVM_MEM_MAX_NR_PAGES. */
const MOST_PAGES = 2 ** 31 - 1;
/** Guest physical address of the code that the guest runs: a slot of its own, one page. */
const CODE_AT = 0xf000_0000;

/** KVM_EXIT_HLT, KVM_EXIT_MMIO. */
export const EXIT = { hlt: 5, mmio: 6 } as const;

/** What hva_to_pfn gives besides a frame: KVM_PFN_ERR_FAULT, KVM_PFN_ERR_RO_FAULT. */
type GuestPage = { readonly pfn: number; readonly writable: boolean } | "fault" | "read-only";

/** struct kvm with one processor: one memory slot at guest physical address 0. */
export class VirtualMachine implements Notifier {
  slot: { readonly address: number; readonly length: number } | undefined;
  /** The guest's page table, by guest frame number. */
  readonly entries = new Map<number, { readonly pfn: number; readonly writable: boolean }>();

  constructor(
    readonly k: Kernel,
    readonly mm: Mm,
  ) {}

  /** kvm_mmu_notifier_invalidate_range_start, virt/kvm/kvm_main.c. Bytes of the process. */
  invalidate(start: number, end: number): void {
    if (this.slot === undefined || this.entries.size === 0) return;
    const { address } = this.slot;
    for (const gfn of this.entries.keys()) {
      const hva = address + gfn * this.k.pageSize;
      if (hva + this.k.pageSize <= start || hva >= end) continue;
      this.entries.delete(gfn);
      this.k.note(rule.invalidated, `guest page ${gfn}`);
    }
  }
}

/** kvm_create_vm, virt/kvm/kvm_main.c, and its one processor: the two files. */
export function createVm(k: Kernel, task: Task): { readonly vm: File; readonly vcpu: File } {
  const machine = new VirtualMachine(k, task.mm);
  task.mm.notifiers.push(machine);
  const anonymous = (name: string): File => {
    const ops: FileOps = {
      // eslint-disable-next-line require-yield
      *release() {
        const at = machine.mm.notifiers.indexOf(machine);
        if (at >= 0) machine.mm.notifiers.splice(at, 1);
      },
      // noop_llseek
      *llseek(file) {
        return file.position;
      },
      path: () => `anon_inode:${name}`,
    };
    const inode = new Inode(k.id(), "kvm");
    inode.mode = 0o600;
    return new File(inode, ops, true, true, false, machine);
  };
  return { vm: anonymous("kvm-vm"), vcpu: anonymous("kvm-vcpu:0") };
}

/** The machine behind a descriptor, or a negative errno: kvm_vm_ioctl, kvm_vcpu_ioctl. */
export function machineOf(k: Kernel, task: Task, file: File): VirtualMachine | number {
  const machine = file.data as VirtualMachine;
  if (machine.mm !== task.mm) return k.refuse(rule["other-memory"], errnos.EIO);
  return machine;
}

/** __kvm_set_memory_region, virt/kvm/kvm_main.c, of slot 0 at guest address 0. Bytes; 0 or a negative errno. */
export function setMemoryRegion(k: Kernel, machine: VirtualMachine, address: number, length: number): number {
  const about = `0x${address.toString(16)}, ${length} bytes`;
  if (length % k.pageSize !== 0 || address % k.pageSize !== 0 || !accessOk(k, address, length)) return k.refuse(rule["memory-range"], errnos.EINVAL, about);
  if (length / k.pageSize > MOST_PAGES) return k.refuse(rule["memory-range"], errnos.EINVAL, about);
  const old = machine.slot;
  if (length === 0) {
    if (old === undefined) return k.refuse(rule["memory-gone"], errnos.EINVAL, about);
    machine.slot = undefined;
    machine.entries.clear();
    return 0;
  }
  if (old !== undefined) {
    return old.address === address && old.length === length ? 0 : k.refuse(rule["memory-fixed"], errnos.EINVAL, about);
  }
  if (length > CODE_AT) return k.refuse(rule["memory-overlap"], errnos.EEXIST, about);
  k.note(rule["memory-unseen"], about);
  machine.slot = { address, length };
  return 0;
}

/**
 * KVM_RUN until the guest has loaded or stored one byte and halted: the exit reason, or -EFAULT.
 * The page that process and processor share is mapped for the call, which costs the process a fault.
 */
export function* vcpuRun(k: Kernel, task: Task, machine: VirtualMachine, offset: number, write: boolean): Path<number> {
  task.minorFaults++;
  k.counters.faults++;
  const { slot, entries } = machine;
  if (slot === undefined || offset >= slot.length) {
    k.note(rule["no-slot"], `guest address 0x${offset.toString(16)}`);
    return EXIT.mmio;
  }
  const gfn = Math.floor(offset / k.pageSize);
  const hva = slot.address + offset - (offset % k.pageSize);
  let page: GuestPage | undefined = entries.get(gfn);
  if (page === undefined || (write && !page.writable)) {
    page = yield* hvaToPfn(k, task, hva, write);
    if (page === "fault") return -errnos.EFAULT;
    if (page === "read-only") return yield* emulateWrite(k, task, slot.address + offset);
    entries.set(gfn, page);
    if (page.writable && k.design["kvm.references"] === "pages" && counted(k, page.pfn)) k.frames.setFlags(k.frames.head(page.pfn), PG.dirty);
  }
  if (write) k.frames.writable(page.pfn)[offset % k.pageSize] = STORED;
  return EXIT.hlt;
}

/** The byte that the guest's code stores. */
const STORED = 0x5a;

/** emulator_write_emulated, arch/x86/kvm/x86.c. */
function* emulateWrite(k: Kernel, task: Task, address: number): Path<number> {
  const copied = yield* copyToUser(k, task, address, Uint8Array.of(STORED));
  return copied === 1 ? EXIT.hlt : EXIT.mmio;
}

/** hva_to_pfn, virt/kvm/kvm_main.c. */
function* hvaToPfn(k: Kernel, task: Task, hva: number, write: boolean): Path<GuestPage> {
  const { mm } = task;
  const about = `0x${hva.toString(16)}`;
  const fast = getUserPageFastOnly(k, mm, hva, FOLL.write);
  if (fast >= 0) {
    putPages(k, [fast]);
    k.note(rule.fast, about);
    return { pfn: fast, writable: true };
  }
  const pages: number[] = [];
  const got = yield* gupUnlocked(k, task, mm, hva, 1, FOLL.get | FOLL.touch | (write ? FOLL.write : 0), pages);
  if (got === 1) {
    putPages(k, pages);
    k.note(rule.slow, about);
    const upgraded = write ? pages[0] : getUserPageFastOnly(k, mm, hva, FOLL.write);
    if (!write && upgraded >= 0) putPages(k, [upgraded]);
    return upgraded >= 0 ? { pfn: upgraded, writable: true } : { pfn: pages[0], writable: false };
  }
  yield* acquire(k, mm.mmapLock, "read");
  const page = yield* withoutReferences(k, task, hva, write);
  yield* release(k, mm.mmapLock);
  return page;
}

function* withoutReferences(k: Kernel, task: Task, hva: number, write: boolean): Path<GuestPage> {
  const about = `0x${hva.toString(16)}`;
  const refused = (which: keyof typeof rule): "fault" => {
    k.refuse(rule[which], errnos.EFAULT, about);
    return "fault";
  };
  const vma = task.mm.lookup(hva);
  if (vma === undefined) return refused("no-vma");
  if (!vma.has(VM.IO | VM.PFNMAP)) return refused("not-reachable");
  return yield* hvaToPfnRemapped(k, task, vma, hva, write, refused);
}

/** hva_to_pfn_remapped, virt/kvm/kvm_main.c. */
function* hvaToPfnRemapped(k: Kernel, task: Task, vma: Vma, hva: number, write: boolean, refused: (which: keyof typeof rule) => "fault"): Path<GuestPage> {
  let entry = present(vma, hva);
  if (entry === undefined) {
    // fixup_user_fault, mm/gup.c
    if (!vma.has(write ? VM.WRITE : VM.READ)) return refused("fault-refused");
    const fault = yield* handleMmFault(k, vma.mm, vma, hva, write ? FAULT_FLAG.write : FAULT_FLAG.read, task);
    if ((fault & FAULT_ERROR) !== 0) return refused("fault-refused");
    entry = present(vma, hva);
    if (entry === undefined) return refused("fault-refused");
  }
  if (write && !entry.writable) {
    k.note(rule["read-only"], `0x${hva.toString(16)}`);
    return "read-only";
  }
  if (k.design["kvm.references"] === "frames" && counted(k, entry.pfn) && k.frames.ref(entry.pfn) === 0) return refused("no-count");
  k.note(rule.remapped, `0x${hva.toString(16)} frame ${entry.pfn}`);
  return entry;
}

/** kvm_pfn_to_refcounted_page, virt/kvm/kvm_main.c. */
function counted(k: Kernel, pfn: number): boolean {
  return (k.frames.flags(pfn) & PG.allocated) !== 0 && (pfn === k.zeroPfn || (k.frames.flags(pfn) & PG.reserved) === 0);
}

/** follow_pte (follow_pfnmap_start), mm/memory.c. */
function present(vma: Vma, address: number): { readonly pfn: number; readonly writable: boolean } | undefined {
  const { table } = vma.mm;
  const leaf = table.leaf(address);
  const slot = table.slot(address);
  if (leaf === undefined || (leaf.bits[slot] & PTE.present) === 0) return undefined;
  return { pfn: leaf.pfn[slot], writable: (leaf.bits[slot] & PTE.write) !== 0 };
}
