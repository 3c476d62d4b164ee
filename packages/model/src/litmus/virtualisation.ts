/** Virtual machines and VFIO. */
import { errnos } from "@litmap/litmus";
import { createVm, machineOf, setMemoryRegion, VirtualMachine, vcpuRun } from "../consumers/kvm.js";
import { fdRules } from "../rules/processes.js";
import type { Context, HandlerTable } from "./handler.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Result } from "./handler.js";

const absent = (): string => "the model has no such device yet";
// eslint-disable-next-line require-yield
function* none(): Path<Result> {
  throw new Error(absent());
}

/** The machine that a descriptor stands for, or a negative errno. */
function machine(ctx: Context, fd: number): VirtualMachine | number {
  const file = ctx.task.files.get(fd);
  if (file === undefined) return ctx.k.refuse(fdRules["not-open"], errnos.EBADF, `descriptor ${fd}`);
  if (!(file.data instanceof VirtualMachine)) return ctx.k.refuse(fdRules["unknown-ioctl"], errnos.ENOTTY, file.inode.kind);
  return machineOf(ctx.k, ctx.task, file);
}

const noKvm = (k: Kernel): string | undefined => (k.arch.name === "x86_64" ? undefined : "guests are modelled on x86_64 alone");

export const virtualisationHandlers: HandlerTable<"kvm_create" | "kvm_memory" | "kvm_run" | "vfio_open" | "vfio_map_dma" | "vfio_unmap_dma"> = {
  run: {
    *kvm_create({ k, task }) {
      const { vm, vcpu } = createVm(k, task);
      // /dev/kvm is open meanwhile.
      const fd = task.files.install(vm, 1);
      task.files.writeEnds.set(fd, task.files.install(vcpu, 1));
      return fd;
    },
    *kvm_memory(ctx, { kvm, address, length }) {
      const vm = machine(ctx, kvm);
      return typeof vm === "number" ? vm : setMemoryRegion(ctx.k, vm, address, length);
    },
    *kvm_run(ctx, { kvm, access, offset }) {
      const vm = machine(ctx, kvm);
      return typeof vm === "number" ? vm : yield* vcpuRun(ctx.k, ctx.task, vm, offset, access === "write");
    },
    vfio_open: none,
    vfio_map_dma: none,
    vfio_unmap_dma: none,
  },
  unsupported: {
    kvm_create: noKvm,
    vfio_open: absent,
    vfio_map_dma: absent,
    vfio_unmap_dma: absent,
  },
};
