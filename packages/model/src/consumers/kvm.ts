/**
 * KVM: a guest's physical memory is a process's virtual memory. The guest's page tables hold
 * frame numbers without references; a notifier drops them before the process's change.
 */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { accessOk } from "../vfs/vfs.js";
import { FAULT_FLAG, FAULT_ERROR, handleMmFault } from "../mm/fault.js";
import { FOLL } from "../mm/foll.js";
import { PG } from "../mm/frames.js";
import { getUserPageFastOnly } from "../mm/gup-fast.js";
import { gupUnlocked } from "../mm/gup.js";
import { HUGE_SIZE } from "../mm/hugetlb.js";
import { presentEntry, PTE } from "../mm/page-table.js";
import { putPages } from "../mm/pin.js";
import { reached } from "../mm/vmalloc.js";
import { copyToUser } from "../mm/user-access.js";
import { VM } from "../mm/vma.js";
import { acquire, NotModelled, release, walkEntries } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import { exact, hex, narrow, offsetInPage, u64 } from "../word.js";
import type { Rule } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Holder } from "../mm/custody.js";
import type { Kernel } from "../kernel.js";
import type { Mm, Notifier } from "../mm/mm.js";
import type { Vma } from "../mm/vma.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

export const kvmRules = rules({
  "kvm/memory-range": {
    sentence: "A memslot must be page aligned, in user space and of at most 2^31 - 1 pages, else EINVAL.",
    kernel: [
      ["5.10", "__kvm_set_memory_region, virt/kvm/kvm_main.c"],
      ["6.14", "kvm_set_memory_region, virt/kvm/kvm_main.c"],
    ],
  },
  "kvm/memory-fixed": {
    sentence:
      "An existing memslot keeps its userspace address, size and read-only flag, else EINVAL; it can move in guest " +
      "physical memory.",
    kernel: [
      ["5.10", "__kvm_set_memory_region, virt/kvm/kvm_main.c"],
      ["6.14", "kvm_set_memory_region, virt/kvm/kvm_main.c"],
    ],
  },
  "kvm/guest-range": {
    sentence: "A memslot must be below the guest's physical address limit, here 2^40, else EINVAL.",
    kernel: "kvm_arch_prepare_memory_region, arch/x86/kvm/x86.c",
  },
  "kvm/memory-overlap": {
    sentence: "A memslot that overlaps another in guest physical memory gives EEXIST.",
    kernel: "kvm_check_memslot_overlap, virt/kvm/kvm_main.c",
  },
  "kvm/memory-gone": {
    sentence: "Size 0 deletes a memslot; if there is none: EINVAL.",
    kernel: [
      ["5.10", "__kvm_set_memory_region, virt/kvm/kvm_main.c"],
      ["6.14", "kvm_set_memory_region, virt/kvm/kvm_main.c"],
    ],
  },
  "kvm/zap-all": {
    sentence: "Deleting or moving a memslot, also a move that fails, drops the SPTEs of every memslot of the VM.",
    kernel: [
      ["5.10", "kvm_arch_flush_shadow_memslot, arch/x86/kvm/x86.c; kvm_mmu_zap_all_fast, arch/x86/kvm/mmu/mmu.c"],
      ["6.12", "kvm_arch_flush_shadow_memslot, kvm_mmu_zap_all_fast, arch/x86/kvm/mmu/mmu.c"],
    ],
  },
  "kvm/huge": {
    sentence:
      "Memory that the process maps by a huge PMD gets one 2 MiB SPTE, if the memslot has no dirty log, contains the " +
      "2 MiB and is aligned like the memory.",
    kernel: "kvm_mmu_hugepage_adjust, kvm_mmu_max_mapping_level, arch/x86/kvm/mmu/mmu.c",
  },
  "kvm/huge-split": {
    sentence: "A dirty log that begins splits a 2 MiB SPTE into 512 read-only ones: loads of other pages mark nothing.",
    kernel: [
      ["5.10", "drop_large_spte, arch/x86/kvm/mmu/mmu.c"],
      ["5.18", "tdp_mmu_split_huge_page, arch/x86/kvm/mmu/tdp_mmu.c"],
    ],
  },
  "kvm/huge-again": {
    sentence:
      "A dirty log that ends drops the small SPTEs of 2 MiB that can have a huge one; from 6.13 on a huge SPTE takes " +
      "their place.",
    kernel: [
      ["5.10", "kvm_mmu_zap_collapsible_sptes, arch/x86/kvm/mmu/mmu.c"],
      ["6.13", "kvm_mmu_recover_huge_pages, arch/x86/kvm/mmu/mmu.c"],
    ],
  },
  "kvm/dirtied": {
    sentence:
      "Up to 6.12 a page that had a writable SPTE becomes dirty when the SPTE is dropped, and from 6.4 on when the " +
      "dirty log write-protects it.",
    kernel: [
      ["5.10", "kvm_set_pfn_dirty, virt/kvm/kvm_main.c; mmu_spte_clear_track_bits, arch/x86/kvm/mmu/mmu.c"],
      ["6.1", "kvm_set_pfn_dirty, virt/kvm/kvm_main.c; __handle_changed_spte, arch/x86/kvm/mmu/tdp_mmu.c"],
      [
        "6.4",
        "kvm_set_pfn_dirty, virt/kvm/kvm_main.c; handle_changed_spte, clear_dirty_pt_masked, " +
          "arch/x86/kvm/mmu/tdp_mmu.c",
      ],
      ["6.13", "kvm_release_page_dirty, virt/kvm/kvm_main.c"],
    ],
  },
  "kvm/memory-unseen": {
    sentence: "The memory behind a memslot is not checked before the guest accesses it: any VMA or none is accepted.",
    kernel: [
      ["5.10", "__kvm_set_memory_region, virt/kvm/kvm_main.c"],
      ["6.14", "kvm_set_memory_region, virt/kvm/kvm_main.c"],
    ],
  },
  "kvm/other-memory": {
    sentence: "A VM belongs to the mm that created it; its ioctls from another mm give EIO.",
    kernel: "kvm_vm_ioctl, kvm_vcpu_ioctl, virt/kvm/kvm_main.c",
  },
  "kvm/no-slot": {
    sentence: "A guest access outside all memslots exits with KVM_EXIT_MMIO (6).",
    kernel: [
      ["5.10", "kvm_faultin_pfn, arch/x86/kvm/mmu/mmu.c"],
      ["6.13", "kvm_mmu_faultin_pfn, arch/x86/kvm/mmu/mmu.c"],
    ],
  },
  "kvm/fast": {
    sentence: "A guest page whose PTE is writable is taken by gup-fast, for a load too.",
    kernel: "hva_to_pfn_fast, virt/kvm/kvm_main.c",
  },
  "kvm/slow": {
    sentence: "Without gup-fast the page is faulted in by GUP, as for the process itself.",
    kernel: "hva_to_pfn_slow, virt/kvm/kvm_main.c",
  },
  "kvm/no-vma": {
    sentence: "A guest access to memory without a VMA makes KVM_RUN fail: EFAULT.",
    kernel: "hva_to_pfn, virt/kvm/kvm_main.c",
  },
  "kvm/not-reachable": {
    sentence:
      "A guest access to memory that GUP refuses makes KVM_RUN fail with EFAULT, except in a VM_IO or VM_PFNMAP VMA.",
    kernel: "hva_to_pfn, virt/kvm/kvm_main.c",
  },
  "kvm/remapped": {
    sentence: "In a VM_IO or VM_PFNMAP VMA the PFN is read from the PTE, after a fault if it is absent.",
    kernel: "hva_to_pfn_remapped, virt/kvm/kvm_main.c",
  },
  "kvm/fault-refused": {
    sentence: "A guest access whose fault in a VM_IO or VM_PFNMAP VMA fails makes KVM_RUN fail: EFAULT.",
    kernel: "hva_to_pfn_remapped, virt/kvm/kvm_main.c; fixup_user_fault, mm/gup.c",
  },
  "kvm/no-count": {
    sentence:
      "Up to 6.12 KVM takes a reference on a remapped PFN; a page with refcount 0, such as a tail page, makes " +
      "KVM_RUN fail: EFAULT.",
    kernel: "kvm_try_get_pfn, virt/kvm/kvm_main.c (up to 6.12)",
  },
  "kvm/read-only": {
    sentence:
      "A guest store to a read-only remapped PTE is emulated by copy_to_user; if that fails, KVM_EXIT_MMIO (6).",
    kernel: [
      [
        "5.10",
        "hva_to_pfn_remapped, virt/kvm/kvm_main.c; kvm_handle_bad_page, arch/x86/kvm/mmu/mmu.c; " +
          "emulator_read_write_onepage, arch/x86/kvm/x86.c",
      ],
      [
        "6.3",
        "hva_to_pfn_remapped, virt/kvm/kvm_main.c; kvm_handle_error_pfn, arch/x86/kvm/mmu/mmu.c; " +
          "emulator_read_write_onepage, arch/x86/kvm/x86.c",
      ],
    ],
  },
  "kvm/read-only-slot": {
    sentence: "A guest store to a read-only memslot exits with KVM_EXIT_MMIO (6) and writes nothing.",
    kernel: "gfn_to_hva_memslot_prot, memslot_is_readonly, virt/kvm/kvm_main.c",
  },
  "kvm/dirty-log": {
    sentence:
      "A memslot with a dirty log marks each page that gets a writable SPTE; KVM_GET_DIRTY_LOG write-protects them " +
      "again.",
    kernel: "kvm_get_dirty_log_protect, virt/kvm/kvm_main.c; make_spte, arch/x86/kvm/mmu/spte.c",
  },
  "kvm/no-log": {
    sentence: "KVM_GET_DIRTY_LOG of a memslot without a dirty log, or of none, gives ENOENT.",
    kernel: "kvm_get_dirty_log_protect, virt/kvm/kvm_main.c",
  },
  "kvm/use-after-free": {
    sentence: "A guest whose SPTE was not dropped in time reads and writes the page's next owner.",
    kernel: "kvm_mmu_notifier_invalidate_range_start, virt/kvm/kvm_main.c",
    unproven: "no release has this bug.",
  },
  "kvm/invalidated": {
    sentence: "The MMU notifier drops the SPTEs of a range before the PTEs change; an SPTE holds no reference.",
    kernel: "kvm_mmu_notifier_invalidate_range_start, virt/kvm/kvm_main.c",
  },
  "secondary-mmu/retry": {
    sentence:
      "A page faulted in for a guest or device while its range was invalidated is discarded and faulted in again.",
    kernel: "mmu_interval_read_retry, include/linux/mmu_notifier.h; mmu_invalidate_retry, include/linux/kvm_host.h",
  },
});

/** KVM_MEM_MAX_NR_PAGES. */
const MOST_PAGES = 2 ** 31 - 1;
/** What the processors of QEMU's machine address, bytes (kvm_mmu_max_gfn). */
const MOST_PHYSICAL = 2 ** 40;
/** Guest physical address of the code that the guest runs: a slot of its own, one page. */
const CODE_AT = 0xf000_0000;

/** KVM_EXIT_HLT, KVM_EXIT_MMIO. */
export const EXIT = { hlt: 5, mmio: 6 } as const;

/** Bytes of the guest's code, two accesses of 16 and 6 bytes: a store there would change what the guest runs. */
const CODE_BYTES = 22;
/** As much of the log as a test sees. */
const LOG_BITS = 32;

/** What hva_to_pfn gives besides a frame: KVM_PFN_ERR_FAULT, KVM_PFN_ERR_RO_FAULT. */
/** An entry, a negative errno, or a slot that may only be read. */
type GuestPage = Entry | number | "read-only";

/** What the process's memory has for a guest page. */
interface Entry {
  readonly pfn: number;
  readonly writable: boolean;
  /** GUP found it, so that the frame has a reference meanwhile. */
  readonly counted: boolean;
}

/** A leaf SPTE: of one page, or of 2 MiB. */
interface Spte {
  readonly pfn: number;
  /** PT_WRITABLE_MASK. */
  writable: boolean;
  /** The MMU-writable bit: the dirty log alone took the write permission. It was writable, so its dirty bit is set. */
  readonly mayWrite: boolean;
}

/** struct kvm_memory_slot: a range of the process's memory in the guest. Bytes. */
interface Slot {
  readonly id: number;
  readonly guest: number;
  readonly address: number;
  readonly length: number;
  readonly readOnly: boolean;
  /** Pages of the slot that were written, from 0; undefined without KVM_MEM_LOG_DIRTY_PAGES. */
  readonly dirty: Set<number> | undefined;
}

/** struct kvm with one processor. */
export class VirtualMachine implements Notifier {
  readonly slots = new Map<number, Slot>();
  /** The guest's page table: SPTEs of one page by guest frame number, huge ones by that of their first page. */
  private readonly small = new Map<number, Spte>();
  private readonly huge = new Map<number, Spte>();
  /** Invalidations of what slots cover (mmu_invalidate_seq). */
  sequence = 0;
  /** The processor runs (vcpu->mutex). */
  running = false;
  readonly holder: Holder;
  /** Pages of one huge SPTE. */
  readonly hugePages: number;
  private entering: { readonly gfn: number; readonly pfn: number } | undefined;

  constructor(
    readonly k: Kernel,
    readonly mm: Mm,
  ) {
    this.hugePages = HUGE_SIZE / k.pageSize;
    const keeper = "the notifier, which drops the guest's entries before their pages are freed";
    this.holder = k.custody.hold("a guest's page table", keeper, (pfn) => this.gfnOf(pfn));
  }

  /** The slot at a guest physical address. */
  slotAt(address: number): Slot | undefined {
    for (const slot of this.slots.values())
      if (address >= slot.guest && address < slot.guest + slot.length) return slot;
    return undefined;
  }

  /** The SPTE that translates a page. */
  spteOf(gfn: number): Spte | undefined {
    return this.small.get(gfn) ?? this.huge.get(gfn - (gfn % this.hugePages));
  }

  /** The frame behind a page. */
  frameOf(gfn: number): number {
    const spte = this.small.get(gfn);
    return spte !== undefined ? spte.pfn : this.huge.get(gfn - (gfn % this.hugePages))!.pfn + (gfn % this.hugePages);
  }

  isHuge(gfn: number): boolean {
    return !this.small.has(gfn);
  }

  /** A small SPTE is set; a huge one in its place is split, or dropped where the release does not split. */
  setSmall(gfn: number, spte: Spte): void {
    const first = gfn - (gfn % this.hugePages);
    if (this.huge.has(first)) {
      if (this.k.design["kvm.huge-log"] === "split") this.split(first);
      else this.drop(this.huge, first);
    }
    this.small.set(gfn, spte);
  }

  /** A huge SPTE takes the place of small ones. */
  setHuge(first: number, spte: Spte): void {
    for (let gfn = first; gfn < first + this.hugePages; gfn++) this.drop(this.small, gfn);
    this.huge.set(first, spte);
  }

  /** kvm_mmu_notifier_invalidate_range_start, virt/kvm/kvm_main.c. Bytes of the process. */
  invalidate(start: number, end: number): void {
    const { pageSize } = this.k;
    for (const slot of this.slots.values()) {
      if (slot.address + slot.length <= start || slot.address >= end) continue;
      this.sequence++;
      const from = Math.max(start, slot.address) - slot.address + slot.guest;
      const to = Math.min(end, slot.address + slot.length) - slot.address + slot.guest;
      for (const gfn of this.zap(Math.floor(from / pageSize), Math.ceil(to / pageSize)))
        this.k.note(kvmRules["kvm/invalidated"], `guest page ${gfn}`);
    }
  }

  /** kvm_mmu_notifier_release, virt/kvm/kvm_main.c: every entry goes (kvm_flush_shadow_all). */
  release(): void {
    this.zapAll();
  }

  /** The processor is about to enter a frame. */
  finds(gfn: number, pfn: number): void {
    this.entering = { gfn, pfn };
    this.k.custody.finds(this.holder, pfn);
  }

  /** kvm_mmu_zap_all_fast, kvm_mmu_zap_all. */
  zapAll(): void {
    this.zap(0, Infinity);
  }

  /** kvm_mmu_slot_remove_write_access: the guest's next store to each page of a slot faults. */
  writeProtect({ guest, length }: Slot): void {
    const first = guest / this.k.pageSize;
    const end = first + length / this.k.pageSize;
    if (this.k.design["kvm.huge-log"] === "split")
      for (const gfn of this.huge.keys()) if (gfn >= first && gfn < end) this.split(gfn);
    for (const table of [this.small, this.huge])
      for (const [gfn, spte] of table) if (gfn >= first && gfn < end) spte.writable = false;
  }

  /** kvm_tdp_mmu_clear_dirty_pt_masked: the log has reported a page. */
  protectReported(gfn: number): void {
    const spte = this.small.get(gfn);
    if (spte === undefined || !spte.writable) return;
    spte.writable = false;
    if (this.k.design["kvm.log-dirties"] === "yes") this.dirties(spte);
  }

  /** The dirty log of a slot ends: kvm_mmu_zap_collapsible_sptes, kvm_mmu_recover_huge_pages. */
  logEnds(slot: Slot): void {
    for (const gfn of [...this.small.keys()]) {
      const spte = this.small.get(gfn);
      const first = gfn - (gfn % this.hugePages);
      if (spte === undefined || hugeMapping(this, slot, gfn) === undefined) continue;
      this.k.note(kvmRules["kvm/huge-again"], `guest page ${first}`);
      this.zap(first, first + this.hugePages);
      if (this.k.design["kvm.log-end"] === "recover") this.huge.set(first, { ...spte, pfn: spte.pfn - (gfn - first) });
    }
  }

  private split(first: number): void {
    const { pfn, ...bits } = this.huge.get(first)!;
    this.k.note(kvmRules["kvm/huge-split"], `guest page ${first}`);
    this.huge.delete(first);
    for (let i = 0; i < this.hugePages; i++) this.small.set(first + i, { pfn: pfn + i, ...bits });
  }

  /** Drops what translates a page of a range, bounds in pages; names the first page of each. */
  private zap(from: number, end: number): number[] {
    const zapped: number[] = [];
    for (const [table, pages] of [
      [this.small, 1],
      [this.huge, this.hugePages],
    ] as const)
      for (const gfn of table.keys()) if (gfn + pages > from && gfn < end && this.drop(table, gfn)) zapped.push(gfn);
    return zapped;
  }

  /** handle_changed_spte of an SPTE that goes. */
  private drop(table: Map<number, Spte>, gfn: number): boolean {
    const spte = table.get(gfn);
    if (spte === undefined) return false;
    table.delete(gfn);
    if (this.k.design["kvm.references"] !== "frames" || !refcounted(this.k, spte.pfn)) return true;
    if (spte.mayWrite) this.dirties(spte);
    if (spte.pfn !== this.k.zeroPfn) this.k.frames.setFlags(this.k.frames.head(spte.pfn), PG.referenced);
    return true;
  }

  /** kvm_set_pfn_dirty, virt/kvm/kvm_main.c. */
  private dirties({ pfn }: Spte): void {
    if (!refcounted(this.k, pfn) || this.k.design["kvm.references"] !== "frames") return;
    this.k.note(kvmRules["kvm/dirtied"], `frame ${pfn}`);
    this.k.frames.setFlags(this.k.frames.head(pfn), PG.dirty);
  }

  private gfnOf(pfn: number): number {
    for (const [gfn, spte] of this.small) if (spte.pfn === pfn) return gfn;
    for (const [gfn, spte] of this.huge) if (pfn >= spte.pfn && pfn < spte.pfn + this.hugePages) return gfn;
    return this.entering?.pfn === pfn ? this.entering.gfn : -1;
  }
}

/** kvm_create_vm, virt/kvm/kvm_main.c, and its one processor: the two files. Either keeps the machine. */
export function createVm(k: Kernel, task: Task): { readonly vm: File; readonly vcpu: File } {
  const machine = new VirtualMachine(k, task.mm);
  let users = 2;
  task.mm.notifiers.push(machine);
  const anonymous = (name: string): File => {
    const ops: FileOps = {
      *release() {
        // kvm_put_kvm
        if (--users > 0) return;
        machine.zapAll();
        k.custody.letGo(machine.holder);
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
  if (machine.mm !== task.mm) return k.refuse(kvmRules["kvm/other-memory"], errnos.EIO);
  return machine;
}

/** struct kvm_userspace_memory_region. Bytes. */
interface Region {
  readonly id: number;
  readonly guest: bigint;
  readonly address: bigint;
  readonly length: bigint;
  readonly flags: readonly ("read_only" | "log_dirty")[];
}

/** __kvm_set_memory_region, virt/kvm/kvm_main.c: 0 or a negative errno. */
export function setMemoryRegion(k: Kernel, machine: VirtualMachine, { id, flags, ...region }: Region): number {
  const about = `slot ${id}: ${hex(region.address)}, ${region.length} bytes at guest address ${hex(region.guest)}`;
  const uneven = [region.length, region.guest, region.address].some((word) => offsetInPage(k, word) !== 0);
  const wraps = u64(region.guest + region.length) < region.guest;
  if (uneven || !accessOk(k, region.address, region.length) || wraps)
    return k.refuse(kvmRules["kvm/memory-range"], errnos.EINVAL, about);
  const [guest, address, length] = [narrow(region.guest), exact(region.address), exact(region.length)];
  if (length / k.pageSize > MOST_PAGES) return k.refuse(kvmRules["kvm/memory-range"], errnos.EINVAL, about);
  const old = machine.slots.get(id);
  if (length === 0)
    return old === undefined
      ? k.refuse(kvmRules["kvm/memory-gone"], errnos.EINVAL, about)
      : deleteSlot(k, machine, old);
  const readOnly = flags.includes("read_only");
  if (old !== undefined && (old.address !== address || old.length !== length || old.readOnly !== readOnly)) {
    return k.refuse(kvmRules["kvm/memory-fixed"], errnos.EINVAL, about);
  }
  if (old?.guest !== guest && overlaps(machine, id, guest, length))
    return k.refuse(kvmRules["kvm/memory-overlap"], errnos.EEXIST, about);
  const moved = old !== undefined && old.guest !== guest;
  // kvm_invalidate_memslot comes before what may still refuse the move.
  if (moved) zapAll(k, machine);
  if (k.design["kvm.guest-range"] === "checked" && guest + length > MOST_PHYSICAL)
    return k.refuse(kvmRules["kvm/guest-range"], errnos.EINVAL, about);
  k.note(kvmRules["kvm/memory-unseen"], about);
  const logs = flags.includes("log_dirty");
  const dirty = logs ? (old?.dirty ?? new Set<number>()) : undefined;
  const slot = { id, guest, address, length, readOnly, dirty };
  machine.slots.set(id, slot);
  if (old === undefined || moved || readOnly || logs === (old.dirty !== undefined)) return 0;
  // kvm_mmu_slot_apply_flags
  if (logs) machine.writeProtect(slot);
  else machine.logEnds(slot);
  return 0;
}

function deleteSlot(k: Kernel, machine: VirtualMachine, slot: Slot): number {
  machine.slots.delete(slot.id);
  zapAll(k, machine);
  return 0;
}

/** kvm_arch_flush_shadow_memslot. */
function zapAll(k: Kernel, machine: VirtualMachine): void {
  k.note(kvmRules["kvm/zap-all"]);
  machine.zapAll();
}

/** kvm_check_memslot_overlap, among them the slot of the guest's code. */
function overlaps(machine: VirtualMachine, id: number, guest: number, length: number): boolean {
  const end = guest + length;
  if (guest < CODE_AT + machine.k.pageSize && end > CODE_AT) return true;
  return [...machine.slots.values()].some(
    (slot) => slot.id !== id && guest < slot.guest + slot.length && end > slot.guest,
  );
}

/** kvm_get_dirty_log_protect: a bit for each of the first 32 pages, or -ENOENT. */
export function getDirtyLog(k: Kernel, machine: VirtualMachine, id: number): number {
  const slot = machine.slots.get(id);
  if (slot?.dirty === undefined) return k.refuse(kvmRules["kvm/no-log"], errnos.ENOENT, `slot ${id}`);
  k.note(kvmRules["kvm/dirty-log"], `slot ${id}: ${slot.dirty.size} pages`);
  let bits = 0;
  for (const page of slot.dirty) {
    if (page < LOG_BITS) bits += 2 ** page;
    machine.protectReported(slot.guest / k.pageSize + page);
  }
  slot.dirty.clear();
  return bits;
}

/**
 * KVM_RUN until the guest has loaded or stored one byte and halted: the exit reason, or -EFAULT.
 * The page that process and processor share is mapped for the call, which costs the process a fault.
 */
export function* vcpuRun(k: Kernel, task: Task, machine: VirtualMachine, at: bigint, write: boolean): Path<number> {
  if (machine.running) throw new NotModelled("kvm_run() of a processor that runs: it has one set of registers");
  machine.running = true;
  task.minorFaults++;
  k.counters.faults++;
  const reason = yield* guestAccess(k, task, machine, narrow(at), write);
  machine.running = false;
  return reason;
}

/** The guest repeats its access until an SPTE allows it: another task may take the SPTE away before each time. */
function* guestAccess(k: Kernel, task: Task, machine: VirtualMachine, offset: number, write: boolean): Path<number> {
  const gfn = Math.floor(offset / k.pageSize);
  if (gfn === CODE_AT / k.pageSize) return codeAccess(k, offset, write);
  for (;;) {
    const spte = machine.spteOf(gfn);
    if (spte !== undefined && (spte.writable || !write)) break;
    const slot = machine.slotAt(offset);
    if (slot === undefined) {
      k.note(kvmRules["kvm/no-slot"], `guest address 0x${offset.toString(16)}`);
      return EXIT.mmio;
    }
    if (write && slot.readOnly) {
      k.note(kvmRules["kvm/read-only-slot"], `slot ${slot.id}`);
      return EXIT.mmio;
    }
    const fault = yield* guestFault(k, task, machine, slot, gfn, write);
    if (fault === "read-only") return yield* emulateWrite(k, task, slot, offset);
    if (fault < 0) return fault;
    yield* walkEntries(k, machine.mm);
  }
  const pfn = machine.frameOf(gfn);
  k.custody.uses(machine.holder, pfn, kvmRules["kvm/use-after-free"]);
  if (write) reached(k, pfn)[offset % k.pageSize] = STORED;
  return EXIT.hlt;
}

/** The page of the guest's code is memory like any other. */
function codeAccess(k: Kernel, offset: number, write: boolean): number {
  if (write && offset % k.pageSize < CODE_BYTES)
    throw new NotModelled(`a store into the guest's code, the first ${CODE_BYTES} bytes at 0x${CODE_AT.toString(16)}`);
  return EXIT.hlt;
}

/** kvm_tdp_page_fault, arch/x86/kvm/mmu/mmu.c: enters an SPTE for a page. 0, -EFAULT, or the memory is read-only. */
function* guestFault(
  k: Kernel,
  task: Task,
  machine: VirtualMachine,
  slot: Slot,
  gfn: number,
  write: boolean,
): Path<number | "read-only"> {
  const old = machine.spteOf(gfn);
  // fast_page_fault: the dirty log alone has taken the permission.
  if (old?.mayWrite === true && !machine.isHuge(gfn)) {
    machine.setSmall(gfn, { ...old, writable: true });
    markDirty(k, slot, gfn);
    return 0;
  }
  const hva = slot.address + gfn * k.pageSize - slot.guest;
  for (;;) {
    const { sequence } = machine;
    const page = yield* hvaToPfn(k, task, { hva, write, mayWrite: !slot.readOnly }, (pfn) => machine.finds(gfn, pfn));
    if (typeof page !== "object") return page;
    yield* walkEntries(k, machine.mm);
    if (sequence === machine.sequence || k.design["mmu-notifier.retry"] !== "checked") {
      enter(k, machine, slot, gfn, page);
      return 0;
    }
    k.note(kvmRules["secondary-mmu/retry"], `guest page ${gfn}`);
  }
}

/** The page goes into the guest's table, and those around it that one huge SPTE can have. */
function enter(k: Kernel, machine: VirtualMachine, slot: Slot, gfn: number, page: Entry): void {
  const { pfn, writable } = page;
  const bits = { writable, mayWrite: writable };
  const first = slot.dirty === undefined ? hugeMapping(machine, slot, gfn) : undefined;
  if (first === undefined) machine.setSmall(gfn, { pfn, ...bits });
  else {
    k.note(kvmRules["kvm/huge"], `guest page ${first}`);
    machine.setHuge(first, { pfn: pfn - (gfn - first), ...bits });
  }
  if (writable) markDirty(k, slot, gfn);
  // kvm_release_faultin_page
  if (k.design["kvm.references"] === "pages" && page.counted && pfn !== k.zeroPfn)
    k.frames.setFlags(k.frames.head(pfn), PG.referenced | (writable ? PG.dirty : 0));
}

/** mark_page_dirty_in_slot, virt/kvm/kvm_main.c. */
function markDirty(k: Kernel, slot: Slot, gfn: number): void {
  slot.dirty?.add(gfn - slot.guest / k.pageSize);
}

/** kvm_mmu_max_mapping_level: the first page of the 2 MiB that one SPTE can map, if they can have one. */
function hugeMapping(machine: VirtualMachine, slot: Slot, gfn: number): number | undefined {
  const { k, hugePages } = machine;
  const first = gfn - (gfn % hugePages);
  const start = first * k.pageSize;
  const hva = start - slot.guest + slot.address;
  const inside = start >= slot.guest && start + HUGE_SIZE <= slot.guest + slot.length;
  return inside && hva % HUGE_SIZE === 0 && machine.mm.table.huge.has(hva) ? first : undefined;
}

/** The byte that the guest's code stores. */
const STORED = 0x5a;

/** emulator_write_emulated, arch/x86/kvm/x86.c. */
function* emulateWrite(k: Kernel, task: Task, slot: Slot, offset: number): Path<number> {
  const copied = yield* copyToUser(k, task, slot.address + offset - slot.guest, Uint8Array.of(STORED));
  if (copied !== 1) return EXIT.mmio;
  markDirty(k, slot, Math.floor(offset / k.pageSize));
  return EXIT.hlt;
}

/** struct kvm_follow_pfn: what is asked for, and whether a load may get an entry that can be written. */
interface Follow {
  readonly hva: number;
  readonly write: boolean;
  readonly mayWrite: boolean;
}

/** hva_to_pfn, virt/kvm/kvm_main.c. `seen` gets the PFN before it can be freed. */
function* hvaToPfn(
  k: Kernel,
  task: Task,
  { hva, write, mayWrite }: Follow,
  seen: (pfn: number) => void,
): Path<GuestPage> {
  const { mm } = task;
  const about = `0x${hva.toString(16)}`;
  const found = (pfn: number, writable: boolean): Entry => {
    seen(pfn);
    putPages(k, [pfn]);
    return { pfn, writable, counted: true };
  };
  const fast = mayWrite ? getUserPageFastOnly(k, mm, hva, FOLL.write) : -1;
  if (fast >= 0) {
    k.note(kvmRules["kvm/fast"], about);
    return found(fast, true);
  }
  const pages: number[] = [];
  const got = yield* gupUnlocked(k, task, mm, hva, 1, FOLL.get | FOLL.touch | (write ? FOLL.write : 0), pages);
  if (got === 1) {
    k.note(kvmRules["kvm/slow"], about);
    const upgraded = write || !mayWrite ? -1 : getUserPageFastOnly(k, mm, hva, FOLL.write);
    if (upgraded < 0) return found(pages[0], write);
    putPages(k, pages);
    return found(upgraded, true);
  }
  yield* acquire(k, mm.mmapLock, "read");
  const page = yield* withoutReferences(k, task, hva, write);
  if (typeof page === "object") seen(page.pfn);
  yield* release(k, mm.mmapLock);
  return typeof page !== "object" || mayWrite ? page : { ...page, writable: false };
}

function* withoutReferences(k: Kernel, task: Task, hva: number, write: boolean): Path<GuestPage> {
  const about = `0x${hva.toString(16)}`;
  const refused = (why: Rule): number => k.refuse(why, errnos.EFAULT, about);
  const vma = task.mm.lookup(hva);
  if (vma === undefined) return refused(kvmRules["kvm/no-vma"]);
  if (!vma.has(VM.IO | VM.PFNMAP)) return refused(kvmRules["kvm/not-reachable"]);
  return yield* hvaToPfnRemapped(k, task, vma, hva, write, refused);
}

/** hva_to_pfn_remapped, virt/kvm/kvm_main.c. */
function* hvaToPfnRemapped(
  k: Kernel,
  task: Task,
  vma: Vma,
  hva: number,
  write: boolean,
  refused: (why: Rule) => number,
): Path<GuestPage> {
  let entry = present(vma, hva);
  if (entry === undefined) {
    // fixup_user_fault, mm/gup.c
    if (!vma.has(write ? VM.WRITE : VM.READ)) return refused(kvmRules["kvm/fault-refused"]);
    const fault = yield* handleMmFault(k, vma.mm, vma, hva, write ? FAULT_FLAG.write : FAULT_FLAG.read, task);
    if ((fault & FAULT_ERROR) !== 0) return refused(kvmRules["kvm/fault-refused"]);
    entry = present(vma, hva);
    if (entry === undefined) return refused(kvmRules["kvm/fault-refused"]);
  }
  if (write && !entry.writable) {
    k.note(kvmRules["kvm/read-only"], `0x${hva.toString(16)}`);
    return "read-only";
  }
  if (k.design["kvm.references"] === "frames" && refcounted(k, entry.pfn) && k.frames.ref(entry.pfn) === 0)
    return refused(kvmRules["kvm/no-count"]);
  k.note(kvmRules["kvm/remapped"], `0x${hva.toString(16)} frame ${entry.pfn}`);
  return entry;
}

/** kvm_pfn_to_refcounted_page, virt/kvm/kvm_main.c. */
function refcounted(k: Kernel, pfn: number): boolean {
  return (k.frames.flags(pfn) & PG.allocated) !== 0 && (pfn === k.zeroPfn || (k.frames.flags(pfn) & PG.reserved) === 0);
}

/** follow_pte (follow_pfnmap_start), mm/memory.c. */
function present(vma: Vma, address: number): Entry | undefined {
  const entry = presentEntry(vma.mm.table, address);
  return entry && { pfn: entry.pfn, writable: (entry.bits & PTE.write) !== 0, counted: false };
}
