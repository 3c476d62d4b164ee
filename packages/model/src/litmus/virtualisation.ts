/** Virtual machines and VFIO. */
import { createVm, getDirtyLog, machineOf, setMemoryRegion, VirtualMachine, vcpuRun } from "../consumers/kvm.js";
import { Container, dmaDoMap, dmaDoUnmap, openContainer, openGroup } from "../consumers/vfio.js";
import { deviceCopies } from "../consumers/vfio-device.js";
import { NotModelled } from "../sched/path.js";
import { fdget } from "../task.js";
import { foreignIoctl } from "./vfs-ioctl.js";
import { narrow } from "../word.js";
import type { Context, HandlerTable } from "./handler.js";
import type { Kernel } from "../kernel.js";

/** The machine that a descriptor stands for, or a negative errno. */
function machine(ctx: Context, fd: number): VirtualMachine | number {
  const file = fdget(ctx.k, ctx.task.files, fd);
  if (typeof file === "number") return file;
  if (!(file.data instanceof VirtualMachine)) return foreignIoctl(ctx.k, ctx.task, file);
  return machineOf(ctx.k, ctx.task, file);
}

/** The container that a descriptor stands for, or a negative errno. */
function container(ctx: Context, fd: number): Container | number {
  const file = fdget(ctx.k, ctx.task.files, fd);
  if (typeof file === "number") return file;
  return file.data instanceof Container ? file.data : foreignIoctl(ctx.k, ctx.task, file);
}

/** What a test's patience allows one transfer of the device. */
const MOST_BYTES = 16 * 2048;

/** As many slots as tests may use. */
const SLOTS = 100;

function knownSlot(op: string, slot: number): number {
  if (slot < 0 || slot >= SLOTS) throw new NotModelled(`${op}() takes slots 0 to ${SLOTS - 1}`);
  return slot;
}

const noIommu = (k: Kernel): string | undefined =>
  k.arch.name === "x86_64" ? undefined : "an IOMMU for user space is modelled on x86_64 alone";
const noKvm = (k: Kernel): string | undefined =>
  k.arch.name === "x86_64" ? undefined : "guests are modelled on x86_64 alone";

export const virtualisationHandlers: HandlerTable<
  | "kvm_create"
  | "kvm_memory"
  | "kvm_dirty_log"
  | "kvm_run"
  | "vfio_open"
  | "vfio_map_dma"
  | "vfio_unmap_dma"
  | "vfio_dma"
> = {
  run: {
    *kvm_create({ k, task }) {
      const { vm, vcpu } = createVm(k, task);
      // /dev/kvm is open meanwhile.
      const fd = task.files.install(vm, 1);
      task.files.writeEnds.set(fd, task.files.install(vcpu, 1));
      return fd;
    },
    *kvm_memory(ctx, { kvm, slot, ...region }) {
      const vm = machine(ctx, kvm);
      return typeof vm === "number" ? vm : setMemoryRegion(ctx.k, vm, { ...region, id: knownSlot("kvm_memory", slot) });
    },
    *kvm_dirty_log(ctx, { kvm, slot }) {
      const vm = machine(ctx, kvm);
      return typeof vm === "number" ? vm : getDirtyLog(ctx.k, vm, knownSlot("kvm_dirty_log", slot));
    },
    *kvm_run(ctx, { kvm, access, offset }) {
      const vm = machine(ctx, kvm);
      return typeof vm === "number" ? vm : yield* vcpuRun(ctx.k, ctx.task, vm, offset, access === "write");
    },
    *vfio_open({ k, task }) {
      const file = openContainer(k);
      const fd = task.files.install(file);
      const group = openGroup(k, file.data as Container);
      if (typeof group === "number") return group;
      task.files.writeEnds.set(fd, task.files.install(group));
      return fd;
    },
    *vfio_map_dma(ctx, { vfio, address, length, iova, access }) {
      const c = container(ctx, vfio);
      return typeof c === "number" ? c : yield* dmaDoMap(ctx.k, ctx.task, c, { address, length, iova, access });
    },
    *vfio_unmap_dma(ctx, { vfio, length, iova }) {
      const c = container(ctx, vfio);
      return typeof c === "number" ? c : yield* dmaDoUnmap(ctx.k, c, iova, length);
    },
    *vfio_dma(ctx, { vfio, from, to, length }) {
      const c = container(ctx, vfio);
      if (typeof c === "number") return c;
      if (length > MOST_BYTES)
        throw new NotModelled(`vfio_dma() moves at most ${MOST_BYTES} bytes: each 2 KiB take the device 0.2 s`);
      // The page of its registers.
      ctx.task.minorFaults++;
      ctx.k.counters.faults++;
      deviceCopies(ctx.k, c, narrow(from), narrow(to), Number(length));
      return 0;
    },
  },
  unsupported: {
    kvm_create: noKvm,
    vfio_open: noIommu,
  },
};
