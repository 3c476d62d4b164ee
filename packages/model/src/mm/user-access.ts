/**
 * Bytes moved through a process's page table: by its own instructions (a fault that cannot be
 * resolved is a signal) and by the kernel on its behalf (copy_from_user, copy_to_user: what could
 * not be copied is reported).
 */
import { acquire, KernelHang, NotModelled, release, walkEntries } from "../sched/path.js";
import { FAULT_ERROR, FAULT_FLAG, handleMmFault } from "./fault.js";
import { HUGE_SIZE } from "./hugetlb.js";
import { PTE } from "./page-table.js";
import { touchPage } from "./rmap.js";
import { FAULT, VM } from "./vma.js";
import { rules } from "../rules/rule.js";
import type { Signal } from "@litmap/litmus";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";
import type { Vma } from "./vma.js";

const rule = rules({
  "fault/no-vma": {
    sentence: "Access to an address without a VMA gives SIGSEGV.",
    kernel: "do_user_addr_fault, arch/x86/mm/fault.c",
  },
  "fault/vma-protection": {
    sentence:
      "Access against the VMA's protection gives SIGSEGV; an exec-only VMA is unreadable where the CPU can enforce it.",
    kernel: "access_error, arch/x86/mm/fault.c",
  },
  "fault/oom-leaked": {
    sentence: "VM_FAULT_OOM without an OOM kill restarts the instruction, which faults again.",
    kernel: "pagefault_out_of_memory, mm/oom_kill.c",
    unproven: "only fault injection shows it.",
  },
});

/** The signal that an access died of. */
export interface Faulted {
  readonly signal: Signal;
}

/**
 * What the CPU finds in the page table for an access: the frame, or -1 when it must fault. Sets young and dirty as the
 * hardware does.
 */
function translate(k: Kernel, task: Task, address: number, write: boolean): number {
  const table = task.mm.table;
  if (table.huge.size > 0) {
    const start = Math.floor(address / HUGE_SIZE) * HUGE_SIZE;
    const entry = table.huge.get(start);
    if (entry !== undefined) {
      if ((entry.bits & PTE.user) === 0 || (write && (entry.bits & PTE.write) === 0)) return -1;
      entry.bits |= write ? PTE.young | PTE.dirty : PTE.young;
      return entry.pfn + Math.floor((address - start) / k.pageSize);
    }
  }
  const leaf = table.leaf(address);
  if (leaf === undefined) return -1;
  const slot = table.slot(address);
  const bits = leaf.bits[slot];
  const needed = write ? PTE.present | PTE.user | PTE.write : PTE.present | PTE.user;
  if ((bits & needed) !== needed) return -1;
  const marks = write ? PTE.young | PTE.dirty : PTE.young;
  if (k.arch.softwareYoungDirty) return (bits & marks) === marks ? leaf.pfn[slot] : -1;
  leaf.bits[slot] = bits | marks;
  return leaf.pfn[slot];
}

/** access_error, arch/x86/mm/fault.c: whether the mapping's protection forbids the access. */
function accessError(k: Kernel, vma: Vma, write: boolean): boolean {
  const allowed = vma.flags & (VM.READ | VM.WRITE | VM.EXEC);
  if (write) return (allowed & VM.WRITE) === 0;
  return allowed === 0 || (allowed === VM.EXEC && k.arch.executeOnly);
}

/** do_user_addr_fault, arch/x86/mm/fault.c: undefined when the instruction can be tried again. */
function* pageFault(k: Kernel, task: Task, address: number, write: boolean): Path<Faulted | undefined> {
  const mm = task.mm;
  if (k.concurrent) yield* acquire(k, mm.mmapLock, "read");
  else mm.mmapLock.readers++;
  const vma = mm.lookup(address);
  let ret: number = FAULT.sigsegv;
  if (vma === undefined) k.refuse(rule["fault/no-vma"], 0, `0x${address.toString(16)}`);
  else if (accessError(k, vma, write)) k.refuse(rule["fault/vma-protection"], 0, `0x${address.toString(16)}`);
  else {
    ret = yield* handleMmFault(k, mm, vma, address, write ? FAULT_FLAG.write : FAULT_FLAG.read, task);
  }
  if (k.concurrent) yield* release(k, mm.mmapLock);
  else mm.mmapLock.readers--;
  if ((ret & FAULT_ERROR) === 0) return undefined;
  if ((ret & FAULT.oom) !== 0) {
    k.note(rule["fault/oom-leaked"], `0x${address.toString(16)}`);
    if (!k.faultInjection.oomLeaked) throw new KernelHang("the fault gives VM_FAULT_OOM again and again");
    k.faultInjection.oomLeaked = false;
    return undefined;
  }
  return { signal: (ret & (FAULT.sigbus | FAULT.hwpoison)) !== 0 ? "SIGBUS" : "SIGSEGV" };
}

/** The frame behind an address, faulted in as often as it takes. */
function* reach(k: Kernel, task: Task, address: number, write: boolean): Path<number | Faulted> {
  for (;;) {
    if (k.concurrent) yield* walkEntries(k, task.mm);
    const pfn = translate(k, task, address, write);
    if (pfn >= 0) {
      if (!k.concurrent) return pfn;
      yield* touchPage(k, task.mm, pfn, write);
      if (translate(k, task, address, write) === pfn) return pfn;
      continue;
    }
    const died = yield* pageFault(k, task, address, write);
    if (died !== undefined) return died;
  }
}

/** Whether the mapping of an address uses the CPU's caches. */
function isCached({ mm }: Task, address: number): boolean {
  const leaf = mm.table.leaf(address);
  return leaf === undefined || leaf.cacheMode(mm.table.slot(address)) === 0;
}

/** What the CPU reads through a mapping: its caches, or memory where the mapping goes past them. */
function seenThrough(k: Kernel, task: Task, address: number, pfn: number): Uint8Array | undefined {
  return isCached(task, address) || !k.frames.valid(pfn) ? k.frames.bytes(pfn) : k.caches!.past(pfn);
}

/**
 * A load of 1, 2 or 4 bytes by the process's own instruction, little-endian; an access across a page border touches
 * both.
 */
export function* userLoad(k: Kernel, task: Task, address: number, width: number): Path<number | Faulted> {
  let value = 0;
  for (let done = 0; done < width; ) {
    const at = address + done;
    const pfn = yield* reach(k, task, at, false);
    if (typeof pfn !== "number") return pfn;
    const offset = at % k.pageSize;
    const n = Math.min(width - done, k.pageSize - offset);
    const bytes = k.caches === undefined ? k.frames.bytes(pfn) : seenThrough(k, task, at, pfn);
    const io = bytes === undefined ? k.frames.registersAt(pfn) : undefined;
    if (io !== undefined) value += io.device.load(io.page * k.pageSize + offset, n) * 2 ** (8 * done);
    for (let i = 0; i < n; i++) value += (bytes?.[offset + i] ?? 0) * 2 ** (8 * (done + i));
    done += n;
  }
  return value;
}

/** A store of 1, 2 or 4 bytes by the process's own instruction, little-endian. 0 or the signal. */
export function* userStore(
  k: Kernel,
  task: Task,
  address: number,
  width: number,
  value: number,
): Path<number | Faulted> {
  const pages: { pfn: number; at: number; n: number; done: number }[] = [];
  for (let done = 0; done < width; ) {
    const at = address + done;
    const pfn = yield* reach(k, task, at, true);
    if (typeof pfn !== "number") return pfn;
    const n = Math.min(width - done, k.pageSize - (at % k.pageSize));
    pages.push({ pfn, at: at % k.pageSize, n, done });
    done += n;
  }
  for (const page of pages) {
    const bytes = k.frames.writable(page.pfn);
    for (let i = 0; i < page.n; i++) bytes[page.at + i] = Math.floor(value / 2 ** (8 * (page.done + i))) & 0xff;
    k.caches?.stored(page.pfn, page.at, page.n, isCached(task, address + page.done));
    const io = k.frames.registersAt(page.pfn);
    io?.device.store(io.page * k.pageSize + page.at, bytes.subarray(page.at, page.at + page.n));
  }
  return 0;
}

/**
 * One access in each page of a range, ascending; a store writes the page's number within the
 * range. 0, or the signal that the first failing one died of.
 */
export function* userTouch(
  k: Kernel,
  task: Task,
  address: number,
  length: number,
  write: boolean,
): Path<number | Faulted> {
  const size = k.pageSize;
  let index = 0;
  for (let at = address; at < address + length; at += size, index++) {
    k.spend(1);
    const done = write ? yield* userStore(k, task, at, 4, index) : yield* userLoad(k, task, at, 4);
    if (typeof done !== "number") return done;
  }
  return 0;
}

/** A byte stored over a whole range, ascending. 0 or the signal; bytes before the failing page are stored. */
export function* userFill(
  k: Kernel,
  task: Task,
  address: number,
  length: number,
  byte: number,
): Path<number | Faulted> {
  for (let done = 0; done < length; ) {
    k.spend(1);
    const at = address + done;
    const pfn = yield* reach(k, task, at, true);
    if (typeof pfn !== "number") return pfn;
    const offset = at % k.pageSize;
    const n = Math.min(length - done, k.pageSize - offset);
    k.frames.writable(pfn).fill(byte, offset, offset + n);
    k.caches?.stored(pfn, offset, n, isCached(task, at));
    done += n;
  }
  return 0;
}

/** copy_from_user: bytes that the kernel reads of a process's memory, up to the first inaccessible page. */
export function* copyFromUser(
  k: Kernel,
  task: Task,
  address: number,
  length: number,
): Path<{ copied: number; bytes: Uint8Array }> {
  const out = new Uint8Array(length);
  let copied = 0;
  while (copied < length) {
    const at = address + copied;
    const pfn = yield* reach(k, task, at, false);
    if (typeof pfn !== "number") break;
    const offset = at % k.pageSize;
    const n = Math.min(length - copied, k.pageSize - offset);
    const bytes = k.caches === undefined ? k.frames.bytes(pfn) : seenThrough(k, task, at, pfn);
    if (bytes !== undefined) out.set(bytes.subarray(offset, offset + n), copied);
    copied += n;
  }
  return { copied, bytes: out };
}

/** copy_to_user: bytes that the kernel could write into a process's memory. */
export function* copyToUser(k: Kernel, task: Task, address: number, bytes: Uint8Array): Path<number> {
  let copied = 0;
  while (copied < bytes.length) {
    const at = address + copied;
    const pfn = yield* reach(k, task, at, true);
    if (typeof pfn !== "number") break;
    const offset = at % k.pageSize;
    const n = Math.min(bytes.length - copied, k.pageSize - offset);
    if (k.frames.registersAt(pfn) !== undefined)
      throw new NotModelled("a copy by the kernel into a device's registers");
    k.frames.writable(pfn).set(bytes.subarray(copied, copied + n), offset);
    k.caches?.stored(pfn, offset, n, isCached(task, at));
    copied += n;
  }
  return copied;
}
