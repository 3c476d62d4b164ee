/** Guests and devices that reach a process's memory: KVM with its notifier, VFIO without. */
import { describe, expect, test } from "vitest";
import { Kernel } from "../src/index.js";
import type { VirtualMachine } from "../src/consumers/kvm.js";
import { createVm, machineOf, setMemoryRegion, vcpuRun } from "../src/consumers/kvm.js";
import { ask, onReleases, values } from "./ask.js";

const heap = "buf = dma_heap_alloc(system, 64K)\nva = mmap(buf, 64K, rw, shared)";
const anon = "va = mmap(anon, 64K, rw, private)";
const slot = (length: number) => ({ id: 0, guest: 0n, address: 0x10000n, length: BigInt(length), flags: [] });
const guest = "vm = kvm_create()\nr = kvm_memory(vm, va, 64K)";
const device = "c = vfio_open()\nr = vfio_map_dma(c, va, 64K)";

describe("the reference rule of KVM", () => {
  test("refuses the tail of a high-order chunk up to 6.12 and not since 6.13", () => {
    expect(onReleases(`${heap}\n${guest}\nx = kvm_run(vm, read, 4K)`, "6.1", "6.12", "6.13", "7.3")).toEqual([
      "EFAULT",
      "EFAULT",
      5,
      5,
    ]);
  });

  test("asks the frame's own count: a chunk's head passes", () => {
    expect(onReleases(`${heap}\n${guest}\nx = kvm_run(vm, read, 0)`, "6.1", "6.12")).toEqual([5, 5]);
  });

  test("is a choice that a design can make otherwise", () => {
    const lines = `${heap}\n${guest}\nx = kvm_run(vm, read, 4K)`;
    expect(values(lines, "7.3", { designs: { "kvm.references": "frames" } }).x).toBe("EFAULT");
    expect(values(lines, "6.12", { designs: { "kvm.references": "pages" } }).x).toBe(5);
  });

  test("names its rule", () => {
    const refused = ask(`${heap}\n${guest}\nx = kvm_run(vm, read, 4K)`, "6.12")
      .steps.at(-1)!
      .events.map((event) => event.rule.id);
    expect(refused).toContain("kvm/no-count");
  });
});

describe("what the guest holds", () => {
  test("no reference, and nothing once the notifier has told", () => {
    const k = new Kernel({ release: "7.3" });
    const task = k.process("A");
    const { vm } = createVm(k, task);
    const machine = machineOf(k, task, vm) as VirtualMachine;
    expect(setMemoryRegion(k, machine, slot(3 * k.pageSize))).toBe(0);
    for (const gfn of [0, 1, 2]) machine.setSmall(gfn, { pfn: 100 + gfn, writable: true, mayWrite: true });
    task.mm.invalidate(0x10000 + k.pageSize, 0x10000 + 2 * k.pageSize);
    expect([0, 1, 2].filter((gfn) => machine.spteOf(gfn) !== undefined)).toEqual([0, 2]);
  });

  test("nothing of a slot that was removed", () => {
    const k = new Kernel({ release: "7.3" });
    const task = k.process("A");
    const machine = createVm(k, task).vm.data as VirtualMachine;
    setMemoryRegion(k, machine, slot(k.pageSize));
    machine.setSmall(0, { pfn: 100, writable: true, mayWrite: true });
    setMemoryRegion(k, machine, slot(0));
    expect(machine.spteOf(0)).toBeUndefined();
    expect(vcpuRun(k, task, machine, 0n, false).next()).toEqual({ done: true, value: 6 });
  });

  test("the new page after its process took another", () => {
    const { e, x, y } = values(
      `${anon}\n${guest}\ne = kvm_run(vm, write, 0)\nmadvise(va, 64K, dontneed)\nx = load(va)\n` +
        "f = kvm_run(vm, write, 0)\ny = load(va)",
    );
    expect([e, x, y]).toEqual([5, 0, 0x5a]);
  });

  test("no copy of a page that fork shares: its store breaks the sharing", () => {
    const out = values(
      `${anon}\n${guest}\ne = kvm_run(vm, write, 0)\nfork C\nf = kvm_run(vm, write, 1)\nx = load(va)\nC: y = load(va)`,
    );
    expect([out.f, out.x, out.y]).toEqual([5, 0x5a5a, 0x5a]);
  });
});

describe("a guest's store to a raw mapping that is read-only", () => {
  const read = "m = memfd_create(64K, seal_shrink)\nbuf = udmabuf_create(m, 0, 64K)\nva = mmap(buf, 64K, r, shared)";

  test("faults before there is an entry, and leaves for IO memory when there is", () => {
    const out = values(
      `${read}\n${guest}\na = kvm_run(vm, write, 0)\nb = kvm_run(vm, read, 0)\nd = kvm_run(vm, write, 0)`,
    );
    expect([out.a, out.b, out.d]).toEqual(["EFAULT", 5, 6]);
  });
});

describe("memory that a device has", () => {
  test("is pinned and accounted until it is unmapped, whatever its process does", () => {
    const out = values(
      `${anon}\n${device}\ns = status().VmLck\nmunmap(va, 64K)\nt = status().VmLck\nu = vfio_unmap_dma(c, 64K)\n` +
        "v = status().VmLck",
    );
    expect([out.s, out.t, out.u, out.v]).toEqual([65536, 65536, 65536, 0]);
  });

  test("leaves no pin behind when a later page cannot be had", () => {
    const out = values(
      `m = memfd_create(64K)\nva = mmap(m, 64K, rw, shared)\nmunmap(va + 32K, 4K)\n${device}\ns = status().VmLck\n` +
        "munmap(va, 64K)\nx = add_seals(m, seal_write)",
    );
    expect([out.r, out.s, out.x]).toEqual(["EFAULT", 0, "ok"]);
  });

  test("keeps a memfd from being sealed, and a second group from being opened", () => {
    const out = values(
      `m = memfd_create(64K)\nva = mmap(m, 64K, rw, shared)\n${device}\nmunmap(va, 64K)\n` +
        "x = add_seals(m, seal_write)\nd = vfio_open()\nclose(c)\ny = add_seals(m, seal_write)",
    );
    expect([out.x, out.d, out.y]).toEqual(["EBUSY", "EBUSY", "ok"]);
  });

  test("is never a raw mapping's ordinary memory, and is a BAR without a pin", () => {
    expect(onReleases(`${heap}\nc = vfio_open()\nx = vfio_map_dma(c, va, 64K)`, "6.1", "6.12", "7.3")).toEqual([
      "EFAULT",
      "EFAULT",
      "EFAULT",
    ]);
    const bar = values(`bar = pci_bar(edu)\nva = mmap(bar, 64K, rw, shared)\n${device}\ns = status().VmLck`);
    expect([bar.r, bar.s]).toEqual(["ok", 0]);
  });

  test("wraps around with another errno since 6.18", () => {
    expect(
      onReleases(
        `${anon}\nc = vfio_open()\nx = vfio_map_dma(c, va, 8K, iova: 0xfffffffffffff000)`,
        "6.12",
        "6.18",
        "7.3",
      ),
    ).toEqual(["EINVAL", "EOVERFLOW", "EOVERFLOW"]);
  });
});
