import type { HandlerTable, Result } from "./handler.js";
import type { Path } from "../sched/path.js";

const absent = (): string => "the model has no such device yet";
// eslint-disable-next-line require-yield
function* none(): Path<Result> {
  throw new Error(absent());
}

export const virtualisationHandlers: HandlerTable<"kvm_create" | "kvm_memory" | "kvm_run" | "vfio_open" | "vfio_map_dma" | "vfio_unmap_dma"> = {
  run: {
    kvm_create: none,
    kvm_memory: none,
    kvm_run: none,
    vfio_open: none,
    vfio_map_dma: none,
    vfio_unmap_dma: none,
  },
  unsupported: {
    kvm_create: absent,
    kvm_memory: absent,
    kvm_run: absent,
    vfio_open: absent,
    vfio_map_dma: absent,
    vfio_unmap_dma: absent,
  },
};
